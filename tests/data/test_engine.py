"""Tables in the engine: the very rows that training reads, typed, whatever the file is like."""

import os
import signal
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.data.engine import WIDE, Engine
from mlops_cli.data.tables import open_table
from mlops_cli.errors import DataError, Interrupted
from mlops_cli.reporting import SilentReporter

FILES = {
    "plain.csv": "a,b\n1,x\n2,\n",
    "quoted.csv": 'a,b\n"1, and","x ""y"""\n2,"two\nlines"\n',
    "inner.csv": 'a,b\n1,he said "no"\n',
    "spaced.csv": 'a, b\n1, "x, y"\n2, z\n',
    "semicolons.csv": "a;b\n1,5;x\n",
    "windows.csv": "a,b\r\n1,x\r\n\r\n2,y\r\n",
    "blank.csv": "a,b\n1,x\n\n2,y\n\n",
    "single.csv": "a\nx\n\ny\n",
    "unquoted.tsv": 'a\tb\n1\t"no" he said\n2\tsay "yes\n',
    "objects.jsonl": '{"a": 1, "b": "x"}\n\n{"b": null}\n{"a": "", "b": true}\n',
    "mixed_ends.csv": "a|b\r1|x\r\n2|y\n",
}
ENCODED = {"latin.csv": "cp1252", "wide.csv": "utf-16", "marked.csv": "utf-8-sig"}


def rows_of(path, **settings):
    table = open_table(path, **settings)
    with Engine(SilentReporter()) as engine:
        relation = engine.open(table)
        found = [row for batch in engine.stream(f"SELECT * FROM {relation.raw}") for row in batch]
        return found, relation.kinds, [tuple(row.values()) for _, row in table.rows()]


@pytest.mark.parametrize("name", FILES)
def test_rows_are_those_that_training_reads(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name].encode())
    found, _, ours = rows_of(path)
    assert found == ours
    assert found


@pytest.mark.parametrize(
    ("name", "content", "settings"),
    [
        ("titled.csv", "Sales\n2024\na,b\n1,x\n2,?\n", {"skip_rows": 2, "missing": ["?", "2"]}),
        ("plain.csv", "a,b\n1,x\n2,?\n", {"missing": ["?"]}),
        ("spaced.txt", "1 so it began\n0 \n", {"delimiter": "space", "columns": ["a", "b"]}),
        ("objects.jsonl", '{"a": "?", "b": 1}\n{"a": "x", "b": 2}\n', {"missing": ["?", "2"]}),
    ],
)
def test_rows_are_those_that_training_reads_with_these_settings(tmp_path, name, content, settings):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    found, _, ours = rows_of(path, **settings)
    assert found == ours
    assert None in [value for row in ours for value in row]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("two_systems.csv", "a,b\n1,x\r\n2,y\r3,z\n"),
        ("twice.jsonl", '{"a": 1, "b": "?", "b": "x"}\n{"a": 2, "b": "y"}\n{"a": 3, "b": "z"}\n'),
    ],
)
def test_what_the_engine_stumbles_over_after_a_file_was_opened_is_read_our_way(
    tmp_path, name, content
):
    path = tmp_path / name
    path.write_bytes(content.encode())
    with Engine(SilentReporter()) as engine:
        # Where all kinds are known, as from a schema, no value is looked at to open it.
        relation = engine.open(open_table(path), {"a": "integer", "b": "text"})
        assert engine.run(f"SELECT * FROM {relation.name}") == [(1, "x"), (2, "y"), (3, "z")]


def test_of_what_the_engine_stumbles_over_a_wide_table_stays_as_it_was_read(tmp_path):
    wide, late = tmp_path / "wide.csv", tmp_path / "late.csv"
    names = [f"c{number}" for number in range(WIDE + 1)]
    wide.write_text(f"{','.join(names)}\n{','.join('7' for _ in names)}\n", "utf-8")
    late.write_bytes(b"a,b\n1,x\r\n2,y\r3,z\n")
    with Engine(SilentReporter()) as engine:
        first = engine.open(open_table(wide))
        second = engine.open(open_table(late), {"a": "integer", "b": "text"})
        assert engine.run(f"SELECT count(*) FROM {second.name}") == [(3,)]
        assert engine.run(f"SELECT c0, c{WIDE} FROM {first.name}") == [(7, 7)]


@pytest.mark.parametrize("name", ["twins.csv", "twins.parquet"])
def test_columns_that_differ_in_case_alone_are_refused(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".csv":
        path.write_text("Text,text,label\na,b,c\n", "utf-8")
    else:
        pq.write_table(pa.table({"Text": ["a"], "text": ["b"]}), path)
    with (
        Engine(SilentReporter()) as engine,
        pytest.raises(DataError, match="columns 'Text' and 'text' differ in case alone"),
    ):
        engine.open(open_table(path))


def test_values_that_mean_missing_leave_the_types_of_parquet(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"a": [1, -999, 3], "b": ["x", "n/a", ""]}), path)
    found, kinds, ours = rows_of(path, missing=["-999", "n/a"])
    assert found == [(1, "x"), (None, None), (3, None)]
    assert ours == [("1", "x"), (None, None), ("3", None)]
    assert kinds == {"a": "integer", "b": "text"}


@pytest.mark.parametrize("name", ENCODED)
def test_texts_are_decoded(tmp_path, name):
    path = tmp_path / name
    path.write_text("text,label\ndéjà vu «ça»,é\nnaïve,à\n", ENCODED[name])
    found, _, ours = rows_of(path)
    assert found == ours
    assert found[0][0] == "déjà vu «ça»"


def test_kinds_are_what_most_values_are(tmp_path):
    lines = ["code,count,share,yes,day,moment,text"]
    lines += [
        f"00{n},{n},{n}.5,true,2024-01-{n:02},2024-01-02 03:04:{n:02},t{n}" for n in range(1, 29)
    ]
    lines.append("007,many,1e3,false,2024-02-01,2024-01-02T03:04:05,5")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    _, kinds, _ = rows_of(path)
    assert kinds == {
        "code": "text",
        "count": "integer",
        "share": "number",
        "yes": "boolean",
        "day": "date",
        "moment": "timestamp",
        "text": "text",
    }
    with Engine(SilentReporter()) as engine:
        relation = engine.open(open_table(path))
        misfits = engine.run(
            f"SELECT count(*) FILTER (r.count IS NOT NULL) - (SELECT count(count) FROM "
            f"{relation.name}) FROM {relation.raw} r"
        )
    assert misfits == [(1,)]


def test_a_damaged_file_is_told_by_line(tmp_path):
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n1,x\n2,y,z\n")
    with Engine(SilentReporter()) as engine, pytest.raises(DataError, match="line 3: 3 fields"):
        engine.open(open_table(path))


def test_damage_behind_the_sample_is_told_by_line(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "1,x\n" * 150_000 + "2,y,z\n")
    with Engine(SilentReporter()) as engine:
        relation = engine.open(open_table(path))
        with pytest.raises(DataError, match="line 150002: 3 fields"):
            engine.run(f"SELECT count(b) FROM {relation.name}", description="counting")


def test_parquet_keeps_its_types(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"n": [1, 2], "x": [0.5, float("nan")], "t": ["a", None]}), path)
    with Engine(SilentReporter()) as engine:
        relation = engine.open(open_table(path))
        assert relation.kinds == {"n": "integer", "x": "number", "t": "text"}
        assert engine.run(f"SELECT count(x), count(t) FROM {relation.name}") == [(1, 1)]


def held(tmp_path, **columns):
    """What the engine reads of values that are in memory."""
    pq.write_table(pa.table({name: [""] for name in columns}), tmp_path / "like.parquet")
    with Engine(SilentReporter()) as engine:
        relation = engine.hold(open_table(tmp_path / "like.parquet"), columns)
        return engine.run(f"SELECT * FROM {relation.name}")


def test_values_in_memory_stay_text(tmp_path):
    found = held(tmp_path, a=[None] * 5_000 + ["1"], b=["é\x00ü"] * 5_000 + [None])
    assert found[:1] == [(None, "é\x00ü")]
    assert found[-1:] == [("1", None)]
    assert held(tmp_path, a=[None], b=[None]) == [(None, None)]


def test_what_is_no_unicode_is_told_in_one_line(tmp_path):
    with pytest.raises(DataError, match="cannot encode str as UTF-8"):
        held(tmp_path, a=["\ud800"])


def test_ctrl_c_within_a_query_is_an_interruption():
    slow = "SELECT sum(a.i * b.i) FROM range(300_000) a(i), range(100_000) b(i)"
    for description in ("", "counting"):
        with Engine(SilentReporter()) as engine:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises((Interrupted, KeyboardInterrupt)):
                engine.run(slow, description=description)
