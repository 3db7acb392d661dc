"""Edits of data files: what is not meant stays as it is, byte for byte."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.data.edits import rewrite
from mlops_cli.data.tables import open_table
from mlops_cli.errors import DataError


def edited(tmp_path, name, content, changes, label="label", **options):
    """The bytes of a file after the changes."""
    path, target = tmp_path / name, tmp_path / f"new-{name}"
    path.write_bytes(content)
    table = open_table(path, **options)
    list(table.rows())
    rewrite(table, target, label, changes)
    return target.read_bytes()


@pytest.mark.parametrize(
    ("name", "before", "changes", "after"),
    [
        ("plain.csv", "text,label\na,x\nb,y\nc,x", {3: "x"}, "text,label\na,x\nb,x\nc,x"),
        ("crlf.csv", "text,label\r\na,x\r\nb,y\r\n", {2: None}, "text,label\r\nb,y\r\n"),
        (
            "quotes.csv",
            'text,label,more\n"a ""quoted"" one\nof, two lines","x", keep\n\nb,y,"z"\n',
            {2: "y", 5: "x"},
            'text,label,more\n"a ""quoted"" one\nof, two lines","y", keep\n\nb,x,"z"\n',
        ),
        ("needed.csv", "label;text\nx;a\ny;b\n", {2: 'y;"z"'}, 'label;text\n"y;""z""";a\ny;b\n'),
        ("spaced.csv", 'text, label\n"a", "x"\n"b", "y"\n', {3: "x"}, 'text, label\n"a", "x"\n"b", "x"\n'),
        ("raw.tsv", 'text\tlabel\n"so\tx\nit goes"\ty\n', {2: "y"}, 'text\tlabel\n"so\ty\nit goes"\ty\n'),
        ("last.csv", "text,label\na,x\nb,y", {3: None}, "text,label\na,x\n"),
        (
            "rows.jsonl",
            '{"text": "a",  "label": "x", "n": {"label": 1}}\n\n{"label":"y","text":"é"}\n',
            {1: "y", 3: "z"},
            '{"text": "a",  "label": "y", "n": {"label": 1}}\n\n{"label":"z","text":"é"}\n',
        ),
        (
            "kinds.jsonl",
            '{"text":"a","label":1}\n{"text":"b","label":0.0}\n{"text":"c","label":true}\n',
            {1: "0", 2: "1", 3: "false"},
            '{"text":"a","label":0}\n{"text":"b","label":1}\n{"text":"c","label":false}\n',
        ),
        ("drop.jsonl", '{"text":"a","label":1}\r\n{"text":"b","label":0}\r\n', {1: None}, '{"text":"b","label":0}\r\n'),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:12] else "",
)  # fmt: skip
def test_only_the_field_that_is_meant_changes(tmp_path, name, before, changes, after):
    assert edited(tmp_path, name, before.encode(), changes).decode() == after


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("cp1252", b""),
    ],
)
def test_encoding_and_byte_order_mark_stay(tmp_path, encoding, mark):
    rows = "".join(f"ça coûte très cher à la fête {n},x\r\n" for n in range(20))
    before = mark + f"text,label\r\n{rows}".encode(encoding)
    after = before.replace("5,x".encode(encoding), "5,ö".encode(encoding), 1)
    assert edited(tmp_path, "e.csv", before, {7: "ö"}) == after


def test_a_label_that_the_encoding_lacks_is_refused(tmp_path):
    rows = "".join(f"ça coûte très cher à la fête {n},x\n" for n in range(20))
    with pytest.raises(DataError, match="line 3: '긍정' can't be written in cp1252"):
        edited(tmp_path, "e.csv", f"text,label\n{rows}".encode("cp1252"), {3: "긍정"})


def test_a_label_that_needs_quotes_where_there_are_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="line 2: the label"):
        edited(tmp_path, "raw.tsv", b'text\tlabel\n"so\tx\nit goes"\ty\n', {2: "a\tb"})


def test_a_file_without_a_header(tmp_path):
    after = edited(tmp_path, "n.csv", b"x,a\ny,b\n", {1: "y"}, columns=["label", "text"])
    assert after == b"y,a\ny,b\n"


@pytest.mark.parametrize(
    ("values", "kind", "new", "expected"),
    [
        (["x", "y", "x"], pa.string(), "y", ["y", "x"]),
        ([1, 0, 1], pa.int64(), "0", [0, 1]),
        ([1.0, 0.0, 1.0], pa.float32(), "0", [0.0, 1.0]),
        ([True, False, True], pa.bool_(), "false", [False, True]),
        (["x", "y", "x"], pa.dictionary(pa.int8(), pa.string()), "y", ["y", "x"]),
    ],
)
def test_parquet_keeps_schema_and_metadata(tmp_path, values, kind, new, expected):
    path, target = tmp_path / "t.parquet", tmp_path / "new.parquet"
    label = (
        pa.array(values).cast(kind)
        if not pa.types.is_dictionary(kind)
        else pa.array(values).dictionary_encode().cast(kind)
    )
    table = pa.table(
        {"text": ["a", "b", "c"], "label": label, "n": pa.array([1, None, 3], pa.int16())}
    )
    table = table.replace_schema_metadata({"made": "by hand"})
    pq.write_table(table, path, compression="zstd")
    rewrite(open_table(path), target, "label", {1: new, 2: None})
    after = pq.read_table(target)
    assert after.schema.equals(table.schema, check_metadata=True)
    assert after.to_pydict() == {"text": ["a", "c"], "label": expected, "n": [1, 3]}
    assert pq.ParquetFile(target).metadata.row_group(0).column(0).compression == "ZSTD"


def test_parquet_refuses_a_label_of_another_type(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), path)
    with pytest.raises(DataError, match="row 1: 'good' is no int64"):
        rewrite(open_table(path), tmp_path / "new.parquet", "label", {1: "good"})


def test_a_million_byte_json_line_is_only_touched_at_its_label(tmp_path):
    line = json.dumps({"text": "x" * 1_000_000, "label": "a"})
    after = edited(tmp_path, "long.jsonl", line.encode(), {1: "b"})
    assert after.decode() == line.replace('"label": "a"', '"label": "b"')
