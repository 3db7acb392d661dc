"""Splits taken off the training rows: stratified, the same every time, without leakage."""

from collections import Counter

import pytest

from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.splits import allocate, complete, limited, repeated
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import DataConfig


class Listener(SilentReporter):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def examples(counts):
    """So many rows of each label, grouped by label as files often are."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return Examples({"text": [f"text {i}" for i in range(len(labels))]}, labels)


def split(train, seed=0, listener=None, **settings):
    return complete(Splits(train), DataConfig(**settings), seed, listener or SilentReporter())


def test_classes_keep_their_shares_and_no_row_is_lost():
    train = examples({"a": 700, "b": 200, "c": 100})
    splits = split(train, validation_fraction=0.1, test_fraction=0.2)
    assert Counter(splits.validation.targets) == {"a": 70, "b": 20, "c": 10}
    assert Counter(splits.test.targets) == {"a": 140, "b": 40, "c": 20}
    texts = [text for part in splits.named().values() for text in part.inputs["text"]]
    assert sorted(texts) == sorted(train.inputs["text"])


def test_rows_keep_their_order_and_their_labels():
    train = examples({"a": 50, "b": 50})
    label_of = dict(zip(train.inputs["text"], train.targets, strict=True))
    for part in split(train).named().values():
        numbers = [int(text.split()[1]) for text in part.inputs["text"]]
        assert numbers == sorted(numbers)
        assert part.targets == [label_of[text] for text in part.inputs["text"]]


def test_the_seed_decides_and_nothing_else_does():
    train = examples({"a": 60, "b": 40})
    assert split(train, seed=1) == split(train, seed=1)
    assert split(train, seed=1) != split(train, seed=2)
    # The same rows on every machine and Python: a change here moves everyone's test rows.
    assert split(train, seed=1).validation.inputs["text"] == EXPECTED


def test_rows_with_the_same_text_stay_together():
    texts = [f"text {i % 30}" for i in range(120)]
    train = Examples({"text": texts}, ["a" if i % 2 else "b" for i in range(120)])
    splits = split(train, validation_fraction=0.2, test_fraction=0.2)
    assert sum(map(len, splits.named().values())) == 120
    for later in (splits.validation, splits.test):
        assert len(later) == 24
        assert repeated(later, splits.train) == []
    assert repeated(splits.test, splits.validation) == []


def test_what_the_source_gave_is_left_alone():
    given = Splits(examples({"a": 40, "b": 40}), validation=examples({"a": 3}))
    splits = complete(given, DataConfig(), 0, SilentReporter())
    assert splits.validation is given.validation
    assert (len(splits.train), len(splits.test)) == (72, 8)
    whole = complete(given, DataConfig(test_fraction=0), 0, SilentReporter())
    assert whole is given


def test_a_label_with_a_single_text_stays_in_train():
    listener = Listener()
    splits = split(examples({"a": 30, "b": 30, "rare": 1}), listener=listener)
    assert splits.train.targets.count("rare") == 1
    assert listener.warnings == ["1 label with a single text stays in train alone: 'rare'"]


def test_every_label_is_left_in_train():
    splits = split(examples({"a": 5, "b": 5}), validation_fraction=0.45, test_fraction=0.45)
    assert set(splits.train.targets) == {"a", "b"}
    assert sum(map(len, splits.named().values())) == 10


def test_every_tag_is_left_in_train():
    rows = [f"Ann said word{n}" for n in range(40)]
    for rare in range(40):
        tags = ["B-ORG O O" if n == rare else "B-PER O O" for n in range(40)]
        parts = split(Examples({"text": rows}, tags), inputs="words", targets="tags").named()
        assert "B-ORG O O" in parts["train"].targets
        assert sorted(row for part in parts.values() for row in part.inputs["text"]) == sorted(rows)


def test_impossible_splits_are_refused():
    with pytest.raises(DataError, match="2 different texts are too few"):
        split(examples({"a": 1, "b": 1}))
    with pytest.raises(ConfigError, match=r"add up to 1\.2"):
        split(examples({"a": 50, "b": 50}), validation_fraction=0.6, test_fraction=0.6)


@pytest.mark.parametrize(
    ("counts", "total", "shares"),
    [
        ({"a": 5, "b": 5}, 2, {"a": 1, "b": 1}),
        ({"a": 9, "b": 1}, 5, {"a": 5, "b": 0}),
        ({"a": 2, "b": 2, "c": 2}, 4, {"a": 2, "b": 1, "c": 1}),
        ({"a": 3, "b": 7}, 10, {"a": 3, "b": 7}),
    ],
)
def test_shares_are_in_proportion_and_add_up(counts, total, shares):
    assert allocate(counts, total) == shares


def test_a_limit_keeps_every_class_in_its_share():
    rows = examples({"a": 800, "b": 190, "c": 10})
    splits = limited(Splits(rows, rows, rows), DataConfig(limit=20), seed=0)
    assert Counter(splits.train.targets) == {"a": 15, "b": 4, "c": 1}
    assert len(splits.validation) == len(splits.test) == 20
    assert limited(Splits(rows, rows), DataConfig(limit=20), seed=0).train == splits.train
    assert limited(Splits(rows), DataConfig(), seed=0).train is rows
    assert limited(Splits(rows), DataConfig(limit=5000), seed=0).train is rows


def test_a_limit_below_the_number_of_classes_drops_them_everywhere():
    rows = examples({"a": 50, "b": 40, "c": 30})
    splits = limited(Splits(rows, rows), DataConfig(limit=2), seed=0)
    assert set(splits.train.targets) == {"a", "b"}
    assert set(splits.validation.targets) == {"a", "b"}
    with pytest.raises(DataError, match="leaves no validation row"):
        limited(Splits(rows, examples({"c": 5})), DataConfig(limit=2), seed=0)


EXPECTED = [f"text {i}" for i in (16, 35, 46, 49, 56, 58, 62, 66, 88, 92)]
