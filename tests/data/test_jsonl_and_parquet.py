"""Formats that know types come out as the same texts that CSV holds."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.data.tables import open_table
from mlops_cli.errors import DataError, MlopsError


def written(folder, content, name="reviews.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path, **settings):
    return list(open_table(path, **settings).rows())


def refusal(path, **settings):
    """The one line that refuses the file, without its folder."""
    with pytest.raises(MlopsError) as caught:
        rows_of(path, **settings)
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value.message.replace(f"{path.parent}/", "")


def test_jsonl_values_have_one_text_form(tmp_path):
    lines = ['{"text": "a", "label": 1}', '{"label": 1.0}', "", '{"text": "c", "label": true}']
    lines += ['{"text": "", "label": NaN, "extra": ["x", {"y": 1.5}]}']
    assert rows_of(written(tmp_path, "\n".join(lines), "r.ndjson")) == [
        (1, {"text": "a", "label": "1", "extra": None}),
        (2, {"text": None, "label": "1", "extra": None}),
        (4, {"text": "c", "label": "true", "extra": None}),
        (5, {"text": None, "label": None, "extra": '["x", {"y": 1.5}]'}),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": 2,}\n', "r.jsonl, line 2, column 9: not valid JSON"),
        ('{"a": 1}\n[1, 2]\n', "r.jsonl, line 2: an array where a JSON object is expected"),
        ('{"a": 1}\n7\n', "r.jsonl, line 2: a number where a JSON object is expected"),
        ('{"a": 1}\n{"a": "\\ud800"}\n', "r.jsonl, line 2: half of a surrogate pair"),
        ('{"a": ' + "[" * 100_000, "r.jsonl, line 1: JSON beyond reason"),
        ('{"a": ' + "9" * 5_000 + "}", "r.jsonl, line 1: JSON beyond reason"),
        ("\n", "r.jsonl is empty"),
    ],
)
def test_damaged_jsonl_is_refused_in_one_line(tmp_path, content, message):
    assert refusal(written(tmp_path, content, "r.jsonl")).startswith(message)


def test_a_json_array_is_told_apart(tmp_path):
    path = written(tmp_path, '[\n  {"text": "a"}\n]\n', "r.json")
    with pytest.raises(DataError) as caught:
        open_table(path)
    assert "one object a line" in caught.value.hint


def test_objects_in_a_file_called_csv_are_told_apart(tmp_path):
    path = written(tmp_path, '{"text": "so it began", "label": 1}\n')
    with pytest.raises(DataError, match="has a JSON object on each line") as caught:
        open_table(path)
    assert caught.value.hint == "data.format=jsonl"
    assert len(rows_of(path, format="jsonl")) == 1


def test_a_parquet_column_without_a_name_is_refused(tmp_path):
    path = tmp_path / "reviews.parquet"
    pq.write_table(pa.table({"text": ["a"], "": ["b"]}), path)
    with pytest.raises(DataError, match="column 2 has no name"):
        open_table(path)


def test_a_surrogate_pair_is_a_character(tmp_path):
    path = written(tmp_path, '{"text": "\\ud83d\\ude00"}\n', "r.jsonl")
    assert rows_of(path) == [(1, {"text": "😀"})]


def test_parquet_is_read_by_row(tmp_path):
    path = tmp_path / "r.parquet"
    pq.write_table(
        pa.table(
            {
                "text": pa.array(["a", None, ""]),
                "label": pa.array([1.0, float("nan"), 2.5]),
                "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
                "raw": pa.array([b"\xc3\xa9", b"", None]),
            }
        ),
        path,
    )
    table = open_table(path)
    assert (table.unit, table.encoding, table.dialect) == ("row", None, None)
    assert list(table.rows()) == [
        (1, {"text": "a", "label": "1", "kind": "x", "raw": "é"}),
        (2, {"text": None, "label": None, "kind": "y", "raw": None}),
        (3, {"text": None, "label": "2.5", "kind": "x", "raw": None}),
    ]


def test_a_broken_parquet_file_is_refused(tmp_path):
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"text": ["a"] * 1000}), whole)
    path = written(tmp_path, whole.read_bytes()[:-20], "cut.parquet")
    assert refusal(path).startswith("cut.parquet is no readable Parquet file")


@pytest.mark.parametrize("name", ["r.data", "r.json"])
def test_an_unknown_ending_is_judged_by_content(tmp_path, name):
    path = written(tmp_path, json.dumps({"text": "a"}) + "\n", name)
    assert open_table(path).format == "jsonl"
