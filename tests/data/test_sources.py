"""Any source is looked up by name, completed and checked; the user's own as well as ours."""

import itertools
import sys

import pytest

from mlops_cli import data
from mlops_cli.errors import ConfigError, DataError, MissingDependencyError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import DataConfig


@pytest.fixture(autouse=True)
def _own_path(monkeypatch):
    """Folders that a test makes importable are forgotten after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])


OWN = """
from mlops_cli.data.examples import Examples, Splits

def load(config, reporter):
    rows = config.params["rows"]
    texts = [f"{config.text} {i}" for i in range(rows)]
    return Splits(Examples({"text": texts}, ["even" if i % 2 else "odd" for i in range(rows)]))
"""


def load(name, **settings):
    return data.load(DataConfig(name=name, **settings), 0, SilentReporter())


def test_a_source_of_ones_own_is_one_file(project):
    project({"mine_a/__init__.py": "", "mine_a/reviews.py": OWN})
    splits = load("mine_a.reviews", text="sentence", params={"rows": 50})
    assert {name: len(split) for name, split in splits.named().items()} == {
        "train": 40,
        "validation": 5,
        "test": 5,
    }
    assert splits.train.inputs["text"][0].startswith("sentence ")


def test_a_choice_may_name_its_module(project):
    project({"mine_b/source.py": OWN})
    assert len(load("reviews", module="mine_b.source", params={"rows": 50}).train) == 40


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("fiel", "no data source 'fiel'", "did you mean file?"),
        ("", "no data source is named", "data=quickstart, data=file or data=hub"),
        ("tables", "mlops_cli.data.tables is no data source", "did you mean table?"),
        ("kinds", "mlops_cli.data.kinds is no data source", "data sources: conll, file, hub"),
        ("nowhere.mine", "no data source 'nowhere.mine'", "modules of your own are looked for in"),
        ("../up", "no data source '../up'", "modules of your own are looked for in"),
    ],
)
def test_an_unknown_source_is_told_with_the_nearest(project, name, message, hint):
    with pytest.raises(ConfigError) as caught:
        load(name)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("import package_not_there", MissingDependencyError, "pip install package_not_there"),
        ("import lacking_2.not_there", ConfigError, "modules of your own are looked for in"),
        ("from lacking_3 import not_there", ConfigError, "modules of your own are looked for in"),
    ],
)
def test_what_a_source_itself_lacks_is_told(project, request, line, kind, hint):
    number = 1 + request.node.callspec.indices["line"]
    project({f"lacking_{number}/__init__.py": "", f"lacking_{number}/source.py": f"{line}\n"})
    with pytest.raises(kind, match=r"'lacking_..source' can't be imported: .*not_there") as caught:
        load(f"lacking_{number}.source")
    assert caught.value.hint.startswith(hint)


NUMBERS = itertools.count()
MADE = """
from mlops_cli.data.examples import Examples, Splits

def load(config, reporter):
    return {made}
"""
BALANCED = 'Examples({"text": list("abcdefgh")}, list("xyxyxyxy"))'


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("[]", "data source 'mine_{n}.source' returned list, not Splits"),
        ("Splits(Examples({}, []))", "the train split has no rows"),
        ('Splits(Examples({"text": []}, []))', "the train split has no rows"),
        (
            'Splits(Examples({"text": ["a", "b"]}, ["x"]))',
            "the train split has columns of different length: text 2, targets 1",
        ),
        (
            'Splits(Examples({"text": ["a", None]}, ["x", "y"]))',
            "train split, row 2: text is NoneType, not text",
        ),
        (
            'Splits(Examples({"text": ["a", "b"]}, ["x", 1]))',
            "train split, row 2: targets is int, not text",
        ),
        (
            'Splits(Examples({"text": ["a", "b"]}, ["x", "x"]))',
            "every one of the 2 training rows has the label 'x'",
        ),
        (
            f'Splits({BALANCED}, Examples({{"text": ["i", "j"]}}, ["x", "z"]))',
            "validation split, row 2: label 'z' does not occur in the training rows",
        ),
    ],
)
def test_what_a_source_hands_over_is_checked(project, made, message):
    number = next(NUMBERS)
    project({f"mine_{number}/source.py": MADE.format(made=made)})
    with pytest.raises(DataError) as caught:
        load(f"mine_{number}.source")
    assert caught.value.message == message.replace("{n}", str(number))


def test_a_limit_that_leaves_one_class_is_told(project):
    project({"mine_d/source.py": MADE.format(made=f"Splits({BALANCED})")})
    with pytest.raises(DataError, match=r"data\.limit=1 leaves training rows of one label only"):
        load("mine_d.source", limit=1)
