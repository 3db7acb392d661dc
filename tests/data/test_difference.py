"""Differences of two versions: every row is counted once, by content or by key."""

import csv

import pytest

from mlops_cli.data import difference
from mlops_cli.data.parts import Part
from mlops_cli.data.tables import open_table
from mlops_cli.errors import DataError, UsageError
from mlops_cli.reporting import SilentReporter

HEADER = ["id", "text", "label"]


def write(path, rows, header=HEADER):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def compared(old, new, key=(), label="label"):
    parts = [Part(path.name, str(path), open_table(path)) for path in (old, new)]
    return difference.run(*parts, list(key), label, SilentReporter())


def versions(tmp_path, old, new, header=HEADER, new_header=None):
    return (
        write(tmp_path / "old.csv", old, header),
        write(tmp_path / "new.csv", new, new_header or header),
    )


def counts(result):
    rows = result.rows
    return rows.unchanged, rows.added, rows.removed, rows.changed, rows.relabelled


def test_rows_are_matched_by_content_and_label(tmp_path):
    old = [(1, "a", "pos"), (2, "b", "neg"), (3, "c", "pos"), (4, "d", "pos")]
    new = [(1, "a", "pos"), (2, "b", "pos"), (3, "c", "neg"), (5, "e", "neg"), (4, "D", "pos")]
    result = compared(*versions(tmp_path, old, new))
    assert counts(result) == (1, 2, 1, None, 2)
    moves = {(one.before, one.after): one.rows for one in result.transitions}
    assert moves == {("neg", "pos"): 1, ("pos", "neg"): 1}
    assert {row["text"] for row in result.examples.added} == {"e", "D"}
    assert result.examples.removed == [{"id": "4", "text": "d", "label": "pos"}]
    relabelled = {row["id"]: row["label (before)"] for row in result.examples.relabelled}
    assert relabelled == {"2": "neg", "3": "pos"}
    assert [part.rows for part in result.statistics] == [4, 5]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # unchanged, added, removed, relabelled
        ("aaa", "a", (1, 0, 2, 0)),
        ("a", "aaa", (1, 2, 0, 0)),
        ("aab", "abb", (2, 0, 0, 1)),
        ("aaab", "bbbb", (1, 0, 0, 3)),
        ("ab", "ba", (2, 0, 0, 0)),
        ("aab", "c", (0, 0, 2, 1)),
        ("", "ab", (0, 2, 0, 0)),
    ],
)
def test_equal_rows_are_counted_one_by_one(tmp_path, old, new, expected):
    result = compared(
        *versions(
            tmp_path, [("7", "same", label) for label in old], [("7", "same", x) for x in new]
        )
    )
    unchanged, added, removed, _, relabelled = counts(result)
    assert (unchanged, added, removed, relabelled) == expected
    assert sum(one.rows for one in result.transitions) == relabelled
    assert unchanged + removed + relabelled == result.rows.before
    assert unchanged + added + relabelled == result.rows.after


def test_rows_are_matched_by_key(tmp_path):
    old = [(n, f"t{n}", "pos") for n in range(100)]
    new = [(n, f"t{n}", "pos") for n in range(10, 105)]
    new[0] = (10, "t10", "neg")
    new[1] = (11, "other", "neg")
    new[2] = (12, "another", "pos")
    result = compared(*versions(tmp_path, old, new), key=["id"])
    assert counts(result) == (87, 5, 10, 3, 2)
    assert [(one.name, one.rows) for one in result.changed_columns] == [("text", 2), ("label", 2)]
    text = next(one for one in result.changed_columns if one.name == "text")
    assert sorted(text.examples) == [("t11", "other"), ("t12", "another")]
    assert [(one.before, one.after, one.rows) for one in result.transitions] == [("pos", "neg", 2)]
    assert {row["id"] for row in result.examples.added} <= {"100", "101", "102", "103", "104"}


def test_a_missing_value_is_a_value(tmp_path):
    old = [(1, "", "pos"), (2, "b", ""), (3, "c", "neg")]
    new = [(1, "a", "pos"), (2, "b", "neg"), (3, "", "neg")]
    result = compared(*versions(tmp_path, old, new), key=["id"])
    assert counts(result) == (0, 0, 0, 3, 1)
    assert [(one.before, one.after) for one in result.transitions] == [(None, "neg")]


def test_a_key_must_be_unique(tmp_path):
    paths = versions(tmp_path, [(1, "a", "x"), (2, "b", "x")], [(1, "a", "x"), (1, "b", "x")])
    with pytest.raises(DataError, match="2 rows of the new version have id='1'"):
        compared(*paths, key=["id"])
    with pytest.raises(UsageError, match="no column 'ID'"):
        compared(*paths, key=["ID"])
    assert counts(compared(*paths, key=["id", "text"])) == (1, 1, 1, 0, 0)


def test_columns_added_removed_renamed_and_retyped(tmp_path):
    old = [(n, f"text {n}", "pos", n % 3, "gone", n) for n in range(60)]
    new = [(n, f"text {n}", "pos", n % 3, n / 7, f"{n} m") for n in range(60)]
    result = compared(
        *versions(
            tmp_path,
            old,
            new,
            ["id", "text", "label", "stars", "old", "size"],
            ["id", "review", "label", "stars", "fresh", "size"],
        )
    )
    changes = {(one.change, one.before, one.after) for one in result.columns}
    assert changes == {
        ("renamed", "text", "review"),
        ("removed", "old", ""),
        ("added", "", "fresh"),
        ("retyped", "size", "size"),
    }
    # Rows are compared in what both have: all but the size is the same.
    keyed = compared(tmp_path / "old.csv", tmp_path / "new.csv", key=["id"])
    assert [(one.name, one.rows) for one in keyed.changed_columns] == [("size", 60)]


def test_values_are_compared_not_their_spelling(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    old = write(tmp_path / "old.csv", [("1.0", "a"), ("2.50", "b")], ["x", "label"])
    pq.write_table(pa.table({"x": [1.0, 2.5], "label": ["a", "b"]}), tmp_path / "new.parquet")
    assert not compared(old, tmp_path / "new.parquet").differ
    whole = write(tmp_path / "whole.csv", [("1", "a"), ("2.5", "b")], ["x", "label"])
    assert not compared(old, whole).differ


def test_columns_may_be_called_like_parts_of_the_query(tmp_path):
    header = ["key", "label", "hash", "before", "c0", "more"]
    old = [(n, "x", n * 2, "b", "c", "m") for n in range(30)]
    new = [(n, "y" if n < 4 else "x", n * 2, "b", "c", "m") for n in range(31)]
    paths = versions(tmp_path, old, new, header)
    assert counts(compared(*paths)) == (26, 1, 0, None, 4)
    assert counts(compared(*paths, key=["key"])) == (26, 1, 0, 4, 4)
    assert counts(compared(*paths, key=["hash", "more"], label=None)) == (26, 1, 0, 4, 0)


def test_tables_without_a_common_column(tmp_path):
    old = write(tmp_path / "old.csv", [("a", "b")], ["x", "y"])
    new = write(tmp_path / "new.csv", [("c", "d")], ["v", "w"])
    with pytest.raises(DataError, match="no column in common"):
        compared(old, new)


def test_a_real_table_against_itself_relabelled(shared_data, tmp_path):
    path = shared_data / "cola" / "train.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    place = header.index("label")
    for row in rows[::100]:
        row[place] = "1" if row[place] == "0" else "0"
    new = write(tmp_path / "new.csv", rows, header)
    result = compared(path, new)
    assert counts(result)[1:] == (0, 0, None, len(rows[::100]))
