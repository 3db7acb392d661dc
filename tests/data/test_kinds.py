"""The task that a table's columns fit."""

import pytest

from mlops_cli import config
from mlops_cli.data.guessing import sampled
from mlops_cli.data.kinds import kind_of

TEXTS = [f"this is a sentence of number {n}" for n in range(60)]
TABLES = {
    "text_classification": {"a": TEXTS, "label": [n % 3 for n in range(60)]},
    "text_regression": {"a": TEXTS, "score": [n / 7 for n in range(60)]},
    "text": {"a": TEXTS, "user_id": [n % 3 for n in range(60)]},
    "text_pair_classification": {
        "premise": TEXTS,
        "hypothesis": TEXTS[::-1],
        "label": [n % 3 for n in range(60)],
    },
    "text_similarity": {
        "sentence1": TEXTS,
        "sentence2": TEXTS[::-1],
        "score": [n / 7 for n in range(60)],
    },
    "multi_label_classification": {"a": TEXTS, "label": ["x|y", "y", "x"] * 20},
    "tabular": {"a": list(range(60)), "b": [n % 2 for n in range(60)]},
    "tabular_classification": {"a": list(range(60)), "target": [n % 2 for n in range(60)]},
    "tabular_regression": {"a": list(range(60)), "target": [n * 3 for n in range(60)]},
    "token_classification": {
        "words": ['["a", "b"]', f'["{1}"]'] * 30,
        "tags": ['["O", "O"]', '["O"]'] * 30,
    },
    "image_classification": {"file": [f"a/{n}.JPG" for n in range(60)], "label": ["x", "y"] * 30},
}


def columns_of(table):
    rows = zip(*table.values(), strict=True)
    return sampled(
        list(table), ({n: str(v) for n, v in zip(table, row, strict=True)} for row in rows)
    )


@pytest.mark.parametrize("task", TABLES)
def test_the_task_is_told_by_the_columns(task):
    found = kind_of(columns_of(TABLES[task]))
    assert found.task == task
    # What is to be predicted is not known, or the images are not in the table.
    assert found.trainable == (task not in ("text", "tabular", "image_classification"))
    assert bool(found.note) == (not found.trainable)


@pytest.mark.parametrize("task", TABLES)
def test_the_command_is_one_that_the_config_takes(task, project):
    found = kind_of(columns_of(TABLES[task]))
    module = "table" if found.tabular else "file"
    project({"configs/data/mine.yaml": f"module: {module}\npath: mine.csv\n"})
    loaded = config.load(["data=mine", *found.settings], root=project.path)
    assert loaded.task.name == (task if found.trainable else "text_classification")
    assert found.command.endswith(" ".join(found.settings))


def test_what_is_named_is_taken():
    table = {"a": TEXTS, "stars": [n % 20 for n in range(60)], "score": [n / 3 for n in range(60)]}
    assert kind_of(columns_of(table), label="stars").task == "text_classification"
    assert kind_of(columns_of(table), target="stars").task == "text_regression"
    assert kind_of(columns_of(table), label="score").task == "text_regression"
    pairs = kind_of(columns_of(table), text="a", text_pair="score", label="stars")
    assert (pairs.task, pairs.text_pair) == ("text_pair_classification", "score")
    named = kind_of(columns_of(table), text="stars", label="score")
    assert (named.text, named.label, named.guessed) == ("stars", "score", ())


def test_codes_are_classes_and_a_column_that_is_nearly_empty_is_no_label():
    codes = {"a": TEXTS, "kind": [f"{n % 20:02}" for n in range(60)]}
    assert kind_of(columns_of(codes)).task == "text_classification"
    rows = [{"a": text, "kind": "x" if n < 9 else None} for n, text in enumerate(TEXTS)]
    assert kind_of(sampled(["a", "kind"], rows)).task == "text"


def test_texts_without_spaces_are_texts():
    rows = [f"景點特色詳細文字簡述之{n}號雲嘉南濱海國家風景區以公路為東界" for n in range(60)]
    table = {"a": rows, "b": ["x", "y"] * 30}
    assert kind_of(columns_of(table)).text == "a"
