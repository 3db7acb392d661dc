"""Expressions of workflows are worth what GitHub says they are, and unknown where only it knows."""

import hashlib
import math

import pytest

from mlops_cli.ci.evaluation import Open, Scope, Unknown, holds, text_of, truth
from mlops_cli.ci.expressions import parse, pieces
from mlops_cli.errors import ConfigError

CONTEXTS = {
    "github": Open("github", {"event_name": "push", "ref": "refs/heads/main", "event": Open(
        "github.event", {"number": 7})}),
    "env": {"MODEL": "bert", "EMPTY": ""},
    "matrix": {"python": "3.11", "os": ["linux", "mac"]},
    "inputs": {"deploy": False, "count": 3},
    "steps": {"one": {"outputs": {"sum": "5"}, "outcome": "success"}},
    "needs": {"a": {"result": "success"}, "b": {"result": "failure"}},
}  # fmt: skip


def worth(text, status="success"):
    return Scope(CONTEXTS, status).value(parse(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 0" if False else "1", 1),
        ("-2.5e1", -25),
        ("0xff", 255),
        ("'it''s'", "it's"),
        ("null", None),
        ("env.MODEL", "bert"),
        ("env['MODEL']", "bert"),
        ("ENV.model", "bert"),
        ("env.MISSING", None),
        ("env.MISSING.deeper", None),
        ("matrix.os[1]", "mac"),
        ("matrix.os[2]", None),
        ("github.ref == 'REFS/HEADS/MAIN'", True),
        ("'1' == 1", True),
        ("'' == 0", True),
        ("null == false", True),
        ("'x' == 0", False),
        ("'x' != null", True),
        ("'abc' < 'ABD'", True),
        ("2 > '1'", True),
        ("!env.EMPTY", True),
        ("env.EMPTY || 'other'", "other"),
        ("env.MODEL && 'yes' || 'no'", "yes"),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("inputs.deploy == false", True),
        ("contains('Hello', 'ELL')", True),
        ("contains(matrix.os, 'Linux')", True),
        ("contains(needs.*.result, 'failure')", True),
        ("startsWith(github.ref, 'refs/heads/')", True),
        ("endsWith(github.ref, '/main')", True),
        ("format('{0}-{1} {{0}}', env.MODEL, inputs.count)", "bert-3 {0}"),
        ("join(matrix.os)", "linux,mac"),
        ("join(matrix.os, ' and ')", "linux and mac"),
        ("fromJSON('[1, {\"a\": true}]')[1].a", True),
        ("toJSON(fromJSON('{\"a\": 1}'))", '{\n  "a": 1\n}'),
        ("success()", True),
        ("failure()", False),
        ("always()", True),
    ],
)  # fmt: skip
def test_what_it_is_worth(text, value):
    found = worth(text)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


def test_comparing_with_what_is_no_number_is_false():
    assert worth("'x' < 1") is False
    assert worth("'x' >= 1") is False
    assert not truth(math.nan)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("github.event.pull_request.draft", "github.event.pull_request.draft"),
        ("github.event.label == 'x'", "github.event.label"),
        ("!github.event.label", "github.event.label"),
        ("true && github.event.label", "github.event.label"),
        ("contains(github.event.label, 'x')", "github.event.label"),
    ],
)
def test_what_only_github_knows(text, name):
    assert worth(text) == Unknown(name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event.label && false", False),
        ("false && github.event.label", False),
        ("github.event.label || true", True),
        ("github.event.number == 7", True),
    ],
)
def test_what_is_settled_all_the_same(text, value):
    assert worth(text) is value


@pytest.mark.parametrize(
    ("condition", "status", "wanted"),
    [
        (None, "success", True),
        (None, "failure", False),
        ("github.ref == 'refs/heads/main'", "success", True),
        ("github.ref == 'refs/heads/main'", "failure", False),
        ("${{ failure() }}", "failure", True),
        ("always() && env.MODEL", "failure", True),
        ("success() || failure()", "failure", True),
        ("${{ github.ref }} == 'never'", "success", True),  # a text: GitHub's famous trap
        (False, "success", False),
        ("github.event.label", "failure", False),
    ],
)
def test_conditions(condition, status, wanted):
    assert holds(Scope(CONTEXTS, status), condition) is wanted


def test_texts_are_filled_in_and_what_is_missed_is_told():
    scope = Scope(CONTEXTS)
    assert scope.text("${{ env.MODEL }}-${{inputs.count}}'}}") == "bert-3'}}"
    assert scope.text("a ${{ '}}' }} b") == "a }} b"
    assert scope.text("pr ${{ github.event.title }}") == "pr "
    assert scope.missed == ["github.event.title"]
    assert [text_of(one) for one in (None, True, 1.0, 0.5, [], {})] == [
        "", "true", "1", "0.5", "Array", "Object",
    ]  # fmt: skip


def test_hash_of_files_is_the_runners(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "deep" / "b.txt").write_text("b")
    digests = [hashlib.sha256(one).digest() for one in (b"a", b"b")]
    scope = Scope({}, folder=tmp_path)
    assert (
        scope.value(parse("hashFiles('**/*.txt')")) == hashlib.sha256(b"".join(digests)).hexdigest()
    )
    assert scope.value(parse("hashFiles('*.none')")) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('github.ref == "main"', "single quotes"),
        ("github.ref ==", "ends too early"),
        ("github.ref main", "not expected"),
        ("contains('a'", "is missing"),
        ("githb.ref", "no 'githb'"),
        ("contain('a', 'b')", "no function 'contain'"),
        ("contains('a')", "does not take"),
        ("fromJSON('{')", "no JSON"),
        ("a . 1", "no name"),
    ],
)
def test_mistakes_are_told(text, says):
    with pytest.raises(ConfigError) as caught:
        worth(text)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_an_open_end_is_told():
    with pytest.raises(ConfigError, match="no }} ends it"):
        list(pieces("a ${{ env.MODEL"))
