"""What is written can be read again, and is there whole or not at all."""

import pytest

from mlops_cli.data.tables import open_table, open_writer
from mlops_cli.errors import ConfigError, DataError

TRICKY = [
    'says "hi", twice',
    "two\nlines",
    "a\rreturn",
    "windows\r\nend",
    "tab\there",
    '"',
    "좋다 😀",
    " spaces ",
    "a,b;c|d",
    "plain",
]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_values_come_back_as_they_were(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    with open_writer(path, ending, ["id", "text", "score"]) as writer:
        for position, text in enumerate(TRICKY):
            writer.write({"id": position, "text": text, "score": 0.5, "unasked": "x"})
        writer.write({"id": 99, "text": None})
    table = open_table(path)
    assert table.columns == ["id", "text", "score"]
    rows = [row for _, row in table.rows()]
    assert [row["text"] for row in rows] == [*TRICKY, None]
    assert rows[0]["score"] == "0.5"
    assert rows[-1] == {"id": "99", "text": None, "score": None}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_file_without_rows_still_names_its_columns(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    with open_writer(path, "auto", ["text"]):
        pass
    if ending == "jsonl":
        assert path.read_text() == ""
    else:
        assert open_table(path).columns == ["text"]


def test_a_lone_empty_column_keeps_its_rows(tmp_path):
    with open_writer(tmp_path / "out.csv", "csv", ["text"]) as writer:
        for text in ("a", None, "b"):
            writer.write({"text": text})
    rows = [row["text"] for _, row in open_table(tmp_path / "out.csv").rows()]
    assert rows == ["a", None, "b"]


def test_parquet_beyond_one_batch_and_with_late_values(tmp_path):
    path = tmp_path / "out.parquet"
    with open_writer(path, "parquet", ["number", "late"]) as writer:
        for number in range(10_000):
            writer.write({"number": number, "late": "here" if number > 9000 else None})
    rows = [row for _, row in open_table(path).rows()]
    assert [row["number"] for row in rows] == [str(number) for number in range(10_000)]
    assert rows[-1]["late"] == "here"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_failure_leaves_the_old_file(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    path.write_text("old")
    with pytest.raises(KeyError), open_writer(path, ending, ["text"]) as writer:
        writer.write({"text": "new"})
        raise KeyError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with open_writer(tmp_path / "link.csv", "csv", ["text"]) as writer:
        writer.write({"text": "new"})
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "text\nnew\n"


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="it is a folder"), open_writer(tmp_path, "csv", ["a"]):
        pass
    with (
        pytest.raises(DataError, match="can't write"),
        open_writer(tmp_path / "file" / "out.csv", "csv", ["a"]),
    ):
        pass
    with (
        pytest.raises(DataError, match="no regular file"),
        open_writer(tmp_path.__class__("/dev/null"), "csv", ["a"]),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="no table format is called 'xls'"),
        open_writer(tmp_path / "o", "xls", ["a"]),
    ):
        pass
