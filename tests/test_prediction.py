"""Texts to answers, and which bundle gives them."""

import io
from types import SimpleNamespace

import pytest
from own.bundles import DATA, FILES, LABELS, WORDS, export_run, keyword_bundle
from own.keywords import keyword_run

from mlops_cli import bundle_lookup, prediction
from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.prediction import Settings
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor


@pytest.fixture
def predictor(project):
    project(FILES)
    return Predictor(keyword_bundle(project.path))


def answers(predictor, given, **settings):
    return list(prediction.texts(predictor, given, Settings(**settings)))


def test_each_text_gets_its_answer_in_order(predictor):
    found = answers(predictor, ["good", "a bad film", "good"])
    assert [(one.inputs["text"], one.answer.label) for one in found] == [
        ("good", "pos"),
        ("a bad film", "neg"),
        ("good", "pos"),
    ]


def test_empty_texts_keep_their_place_and_get_no_label(predictor):
    found = answers(predictor, ["good", "", " \t", "bad"])
    assert [one.answer.label for one in found] == ["pos", None, None, "neg"]
    assert found[1].answer.score is None
    assert found[1].answer.scores == {}
    assert [one.there for one in found] == [True, False, False, True]


def test_order_is_kept_over_several_windows(predictor):
    number = prediction.WINDOW + 10
    given = ["good" if place % 3 else "bad " * (place % 7 + 1) for place in range(number)]
    found = answers(predictor, iter(given))
    assert [one.answer.label for one in found] == [
        "pos" if place % 3 else "neg" for place in range(number)
    ]


def test_texts_are_taken_as_they_are_needed(predictor):
    def endless():
        while True:
            yield "good"

    assert next(prediction.texts(predictor, endless(), Settings())).answer.label == "pos"


@pytest.mark.parametrize("given", [[], [""], ["", "  "]])
def test_no_text_at_all_is_an_error(predictor, given):
    with pytest.raises(DataError, match="no text to predict"):
        answers(predictor, given)


@pytest.mark.parametrize(
    "settings",
    [{"top_k": 0}, {"batch_size": 0}, {"threshold": 2}, {"threshold": -0.1}],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(UsageError, match="--"):
        Settings(**settings)


def test_threshold_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="--threshold"):
        Settings(threshold=float("nan"))


def test_a_model_of_pairs_takes_two_texts_at_a_time(predictor):
    class Pair:
        encoder = SimpleNamespace(columns=("premise", "hypothesis"))
        task = SimpleNamespace(encoder=encoder)

    with pytest.raises(UsageError, match=r"2 texts at a time \(premise, hypothesis\)"):
        list(prediction.texts(Pair(), ["a"], Settings()))


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo", ["one", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        ("größer\n한국어\n".encode(), ["größer", "한국어"]),
        (b"one\n\ntwo\n", ["one", "", "two"]),
        (b"", []),
    ],
)
def test_lines_of_a_stream(raw, lines):
    assert list(prediction.read_lines(io.BytesIO(raw), "standard input")) == lines


def test_a_line_that_is_not_utf8_is_named():
    with pytest.raises(DataError, match="standard input, line 2: byte 0xfc is not UTF-8"):
        list(prediction.read_lines(io.BytesIO("a\ngrün\n".encode("cp1252")), "standard input"))


def test_the_newest_bundle_of_the_project_is_meant(project):
    project(FILES)
    older, newer, unfinished = (keyword_run(project.path, WORDS, LABELS, DATA) for _ in range(3))
    runs = sorted([older, newer, unfinished], key=lambda run: run.id)
    for run in runs[:2]:
        export_run(project.path, run)
    assert bundle_lookup.find(project.path, None, None) == runs[1].bundle
    assert bundle_lookup.find(project.path, None, runs[0].id) == runs[0].bundle
    given = project.path / "elsewhere"
    assert bundle_lookup.find(project.path, given, None) == given


def test_where_no_run_has_a_bundle_the_pipelines_is_meant(project):
    project({"pipeline/bundle/bundle.json": "{}"})
    assert bundle_lookup.find(project.path, None, None) == project / "pipeline/bundle"


def test_without_a_bundle_the_way_to_one_is_told(project):
    project(FILES)
    with pytest.raises(NotFoundError, match="no bundle") as raised:
        bundle_lookup.find(project.path, None, None)
    assert "mlops export --onnx" in raised.value.hint
    run = keyword_run(project.path, WORDS, LABELS, DATA)
    with pytest.raises(NotFoundError, match=f"run {run.id} has no bundle") as raised:
        bundle_lookup.find(project.path, None, "latest")
    assert raised.value.hint == f"mlops export --onnx {run.id}"


def test_a_bundle_that_was_changed_does_not_answer(predictor):
    folder = predictor.bundle.path
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(DataError, match=r"tokenizer\.json was changed"):
        prediction.open_bundle(folder)
    assert bundles.load(folder, verify=False)
