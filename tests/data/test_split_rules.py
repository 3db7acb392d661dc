"""Splits by hash, by group and by time: what each promises of every row."""

from collections import Counter

import pytest

from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.splits import complete, repeated
from mlops_cli.errors import DataError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import DataConfig


class Listener(SilentReporter):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def rows(count, by=None, labels="ab", texts=None):
    """Rows of two classes, a third of them the second one."""
    targets = [labels[i % 3 == 2] for i in range(count)]
    texts = texts or [f"text {i}" for i in range(count)]
    return Examples({"text": texts}, targets, by=[by(i) for i in range(count)] if by else [])


def split(train, method, seed=0, listener=None, **settings):
    if train.by:
        settings["split_by"] = "column"
    config = DataConfig(name="file", split=method, **settings)
    return complete(Splits(train), config, seed, listener or SilentReporter())


def sides(splits):
    return {text: name for name, part in splits.named().items() for text in part.inputs["text"]}


def test_a_hash_split_moves_no_row_when_rows_come_and_go():
    before, after = sides(split(rows(1000), "hash")), sides(split(rows(1500), "hash"))
    assert before.items() <= after.items()
    fewer = split(rows(1000).take(range(0, 1000, 2)), "hash")
    assert sides(fewer).items() <= before.items()
    assert {name: 60 < len(part) < 140 for name, part in split(rows(1000), "hash").named().items()} == {
        "train": False, "validation": True, "test": True,
    }  # fmt: skip


def test_a_hash_split_depends_on_the_seed_and_each_share_on_itself():
    train = rows(1000)
    assert sides(split(train, "hash", seed=1)) != sides(split(train, "hash", seed=2))
    wider = split(train, "hash", validation_fraction=0.3)
    assert wider.test == split(train, "hash").test
    assert set(split(train, "hash").validation.inputs["text"]) < set(
        wider.validation.inputs["text"]
    )


def test_a_hash_split_is_the_same_on_every_machine():
    assert split(rows(60), "hash").test.inputs["text"] == EXPECTED


def test_a_hash_of_groups_keeps_them_whole_and_where_they_were():
    def group_sides(count):
        splits = split(rows(count, by=lambda i: f"customer {i % 97}"), "hash")
        return {(by, name) for name, part in splits.named().items() for by in part.by}

    assert len(group_sides(970)) == 97
    assert group_sides(970) == group_sides(2000)


def test_groups_never_cross_and_keep_class_shares():
    train = rows(3000, by=lambda i: f"customer {i * 7919 % 131}")
    splits = split(train, "group", validation_fraction=0.1, test_fraction=0.2)
    groups = {name: set(part.by) for name, part in splits.named().items()}
    assert sum(map(len, groups.values())) == 131
    assert sum(map(len, splits.named().values())) == 3000
    for part, share in ((splits.validation, 0.1), (splits.test, 0.2)):
        assert len(part) == pytest.approx(3000 * share, rel=0.1)
        assert Counter(part.targets)["b"] / len(part) == pytest.approx(1 / 3, abs=0.02)
    assert split(train, "group", seed=1) != split(train, "group", seed=2)
    assert split(train, "group", seed=1) == split(train, "group", seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_few_large_groups_leave_no_part_empty(seed):
    splits = split(rows(900, by=lambda i: f"group {i // 250}"), "group", seed=seed)
    groups = [set(part.by) for part in splits.named().values()]
    assert [len(part) for part in groups] == [2, 1, 1]
    assert len(set.union(*groups)) == 4


def test_groups_with_a_text_in_common_stay_together():
    texts = [f"text {i % 150}" for i in range(300)]
    train = rows(300, by=lambda i: f"group {i // 10}", texts=texts)
    splits = split(train, "group")
    assert sum(map(len, splits.named().values())) == 300
    assert not repeated(splits.validation, splits.train)
    assert not repeated(splits.test, splits.train)
    assert not repeated(splits.test, splits.validation)


@pytest.mark.parametrize(
    "moment",
    [
        lambda i: f"2026-{i // 28 % 12 + 1:02d}-{i % 28 + 1:02d}",
        lambda i: f"2026-01-01T{i // 60 % 24:02d}:{i % 60:02d}:00+02:00",
        lambda i: str(1_700_000_000 + i),
    ],
)
def test_training_comes_before_validation_and_validation_before_the_test(moment):
    train = rows(300, by=moment)
    shuffled = train.take(sorted(range(300), key=lambda i: i * 7919 % 300))
    splits = split(shuffled, "time", test_fraction=0.2)
    assert max(splits.train.by) < min(splits.validation.by)
    assert max(splits.validation.by) < min(splits.test.by)
    assert [len(part) for part in splits.named().values()] == [210, 30, 60]


def test_rows_of_one_time_stay_together():
    splits = split(rows(100, by=lambda i: f"2026-01-{i // 30 + 1:02d}"), "time")
    assert [sorted(set(part.by)) for part in splits.named().values()] == [
        ["2026-01-01", "2026-01-02"], ["2026-01-03"], ["2026-01-04"],
    ]  # fmt: skip


def test_a_later_row_with_a_text_of_training_is_left_out():
    listener = Listener()
    texts = [f"text {i % 95}" for i in range(100)]
    splits = split(rows(100, by=str, texts=texts), "time", listener=listener)
    assert [len(part) for part in splits.named().values()] == [80, 10, 5]
    assert not repeated(splits.test, splits.train)
    assert listener.warnings == ["5 later rows are left out: an earlier split has their text"]


def test_what_is_no_time_is_told_with_its_row():
    with pytest.raises(DataError, match="row 8: 'soon' in column 'column' is no time"):
        split(rows(20, by=lambda i: "soon" if i == 7 else f"2026-01-{i + 1:02d}"), "time")
    with pytest.raises(DataError, match="2 different times, too few for 3 parts"):
        split(rows(20, by=lambda i: str(i % 2)), "time")


def test_a_class_that_training_lacks_is_left_out_aloud():
    listener = Listener()
    train = rows(100, by=str)
    train.targets[95:97] = ["new", "new"]
    splits = split(train, "time", listener=listener)
    assert len(splits.test) == 8
    assert listener.warnings == ["2 test rows are left out: no training row has the label 'new'"]


def test_too_few_groups_and_sources_without_the_column_are_refused():
    with pytest.raises(DataError, match="leaves no rows for"):
        split(rows(30, by=lambda i: str(i % 2)), "group")
    with pytest.raises(DataError, match="gives no column 'day'"):
        split(rows(30), "time", split_by="day")


EXPECTED = [f"text {i}" for i in (14, 23, 25, 28, 34, 37, 44, 57)]
