"""Statistics of tables: the figures are those of numpy, over splits that share their ranges."""

import csv
import math
from collections import Counter

import numpy as np
import pytest

from mlops_cli.data import statistics
from mlops_cli.data.engine import WIDE
from mlops_cli.data.parts import Part
from mlops_cli.data.statistics import figures, holding, layout
from mlops_cli.data.tables import open_table
from mlops_cli.errors import DataError
from mlops_cli.reporting import SilentReporter


def measured(*paths, label=None):
    parts = [Part(path.stem, str(path), open_table(path)) for path in paths]
    return statistics.run(parts, label, SilentReporter())


def columns_of(*paths, label=None):
    (part,) = measured(*paths, label=label).parts
    return {column.name: column for column in part.columns}


def write(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_numbers_are_those_of_numpy(tmp_path):
    draw = np.random.default_rng(0)
    shares, counts = draw.normal(3, 2, 5_000), draw.integers(0, 40, 5_000)
    rows = [(share, count) for share, count in zip(shares.tolist(), counts.tolist(), strict=True)]
    rows[7] = ("", "many")
    found = columns_of(write(tmp_path / "t.csv", ["share", "count"], rows))
    shares, counts = np.delete(shares, 7), np.delete(counts, 7)
    for name, values in (("share", shares), ("count", counts)):
        numbers = found[name].numbers
        assert numbers.minimum == values.min()
        assert numbers.maximum == values.max()
        assert numbers.mean == pytest.approx(values.mean())
        assert numbers.std == pytest.approx(values.std(ddof=1))
        expected = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
        assert list(numbers.quantiles.values()) == pytest.approx(list(expected))
        assert numbers.zeros == (values == 0).sum()
        expected, _ = np.histogram(values, numbers.histogram.edges)
        assert numbers.histogram.counts == expected.tolist()
    assert (found["share"].missing, found["share"].invalid) == (1, 0)
    assert (found["count"].missing, found["count"].invalid) == (0, 1)
    assert (found["count"].kind, found["count"].distinct) == ("integer", 40)


def test_values_and_duplicates_are_counted(tmp_path):
    rows = [("x", "true", "1")] * 3 + [("y", "false", "2"), ("x", "", "2"), ("", "true", "2")]
    path = write(tmp_path / "t.csv", ["city", "open", "floor"], rows)
    (part,) = measured(path).parts
    city, is_open, floor = part.columns
    assert (part.rows, part.duplicates) == (6, 2)
    assert [(one.value, one.count, one.share) for one in city.values.top] == [
        ("x", 4, 0.8),
        ("y", 1, 0.2),
    ]
    assert (city.kind, city.missing, city.distinct, city.values.rest) == ("category", 1, 2, 0)
    assert is_open.kind == "boolean"
    assert {one.value: one.count for one in is_open.values.top} == {"true": 4, "false": 1}
    # A number of few values is described as both.
    assert floor.numbers.mean == pytest.approx(1.5)
    assert {one.value: one.count for one in floor.values.top} == {"1": 3, "2": 3}


def test_very_many_columns_are_measured_as_few_are(tmp_path):
    draw = np.random.default_rng(0)
    header = ["share", "count", "open", "city", "note", "day"]
    rows = [
        (
            "" if row == 3 else f"{draw.normal():.3f}",
            "many" if row == 5 else int(draw.integers(0, 9)),
            ("true", "false")[row % 2],
            "ab"[row % 2] * 3,
            f"it was number {row} and no other, {'' if row % 7 else 'or so'}",
            f"2024-01-{1 + row % 28:02}",
        )
        for row in range(120)
    ]
    few = columns_of(write(tmp_path / "few.csv", header, rows))
    more = [f"x{number}" for number in range(WIDE)]
    wide = [(*row, *range(place, place + WIDE)) for place, row in enumerate(rows)]
    many = columns_of(write(tmp_path / "many.csv", [*header, *more], wide))
    assert {name: many[name] for name in header} == few
    assert (many["x7"].kind, many["x7"].numbers.minimum) == ("integer", 7)


def test_beyond_the_most_frequent_values_come_the_rest(tmp_path):
    rows = [(f"v{number % 45}",) for number in range(1_000)]
    city = columns_of(write(tmp_path / "t.csv", ["a"], rows))["a"]
    assert city.kind == "category"
    assert len(city.values.top) == 20
    assert city.distinct == 45
    assert sum(one.count for one in city.values.top) + city.values.rest == 1_000


def test_texts_are_measured_in_characters_and_words(tmp_path):
    texts = [
        "The cat sat.",
        "the  dog\nbarked (loudly) today",
        " a cat, again and again ",
        "   ",
        *(f"number {n} is here now" for n in range(60)),
    ]
    text = columns_of(write(tmp_path / "t.csv", ["text", "n"], [(one, 1) for one in texts]))["text"]
    assert text.kind == "text"
    lengths, words = [len(one) for one in texts], [len(one.split()) for one in texts]
    for found, expected in ((text.text.characters, lengths), (text.text.words, words)):
        assert found.mean == pytest.approx(np.mean(expected))
        assert found.longest == max(expected)
        assert found.quantiles["50"] == np.quantile(expected, 0.5)
        assert sum(found.histogram.counts) == len(texts)
    counts = Counter(
        word for one in texts for part in one.split() if (word := part.lower().strip(".,()"))
    )
    assert text.text.vocabulary == len(counts)
    assert {one.value: one.count for one in text.text.frequent[:4]} == dict(counts.most_common(4))
    assert text.text.blank == 1
    assert text.text.longest == texts[1]
    assert text.text.examples == texts[:3]


def test_long_texts_keep_three_digits_of_their_length(tmp_path):
    texts = ["x " * n for n in range(1, 4_000, 13)]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"text": "{one}", "n": 1}}\n' for one in texts))
    found = columns_of(path)["text"].text
    lengths = [len(one) for one in texts]
    assert found.characters.longest == max(lengths)
    assert found.characters.quantiles["75"] == pytest.approx(np.quantile(lengths, 0.75), rel=0.006)


def test_dates_are_laid_over_time(tmp_path):
    rows = [(f"2024-{month:02}-15", f"2024-01-01 {month:02}:30:00") for month in range(1, 13)]
    found = columns_of(write(tmp_path / "t.csv", ["day", "moment"], rows))
    day, moment = found["day"].dates, found["moment"].dates
    assert (day.earliest, day.latest) == ("2024-01-15", "2024-12-15")
    assert day.histogram.edges[0] == "2024-01-15"
    assert sum(day.histogram.counts) == 12
    assert (moment.earliest, moment.latest) == ("2024-01-01 01:30:00", "2024-01-01 12:30:00")
    assert sum(moment.histogram.counts) == 12


def test_splits_share_ranges_values_and_labels(tmp_path):
    train = write(tmp_path / "train.csv", ["x", "y"], [(n / 8, "0") for n in range(400)])
    test = write(tmp_path / "test.csv", ["x", "y"], [(n / 2 + 0.1, n % 2) for n in range(200)])
    result = measured(train, test, label="y")
    one, other = ({c.name: c for c in part.columns} for part in result.parts)
    assert one["x"].numbers.histogram.edges == other["x"].numbers.histogram.edges
    assert sum(one["x"].numbers.histogram.counts) == 400
    assert sum(other["x"].numbers.histogram.counts) == 200
    # Labels are categories, even where they look like numbers.
    assert one["y"].kind == "category"
    assert [value.value for value in one["y"].values.top] == ["0", "1"]
    assert [value.count for value in one["y"].values.top] == [400, 0]
    assert {value.value: value.count for value in result.labels.top} == {"0": 500, "1": 100}


def test_strange_columns_are_taken_as_they_are(tmp_path):
    header = ["key", "place", 'a "b"', "r0", "hash", "t0"]
    rows = [("", 1e300, "x", "9" * 30, "a", "2024-01-01"), ("", -1e300, "y", "8" * 30, "b", "")]
    found = columns_of(write(tmp_path / "t.csv", header, rows))
    assert found["key"].missing == 2
    assert found["key"].distinct == 0
    assert found["place"].numbers.maximum == 1e300
    assert found["place"].numbers.std is None
    assert found['a "b"'].distinct == 2
    empty = columns_of(write(tmp_path / "empty.csv", header, []))
    assert {column.distinct for column in empty.values()} == {0}


def test_parquet_has_missing_numbers_and_empty_texts(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    values = {"x": [0.5, math.nan, None, 2.5], "t": ["", "b", None, "b"]}
    pq.write_table(pa.table(values), tmp_path / "t.parquet")
    found = columns_of(tmp_path / "t.parquet")
    assert (found["x"].missing, found["x"].invalid, found["x"].numbers.mean) == (2, 0, 1.5)
    assert (found["t"].missing, found["t"].distinct) == (1, 2)


def test_many_rows_are_estimated_within_their_error(tmp_path, monkeypatch):
    rows = 60_000
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{n},{(n * 7919) % 13_001 / 8}\n" for n in range(rows)))
    exact = columns_of(path)
    assert (exact["a"].distinct, exact["a"].approximate) == (rows, [])
    monkeypatch.setattr(statistics, "SMALL", 1_000)
    monkeypatch.setattr(layout, "_SAMPLED", 20_000)
    monkeypatch.setattr(figures, "_EXACT_QUANTILES", 1_000)
    found = columns_of(path)
    assert found["a"].approximate == ["distinct", "quantiles"]
    assert found["a"].distinct == pytest.approx(rows, rel=0.01)
    assert found["b"].distinct == pytest.approx(13_001, rel=0.01)
    for percent, value in exact["b"].numbers.quantiles.items():
        assert found["b"].numbers.quantiles[percent] == pytest.approx(value, abs=20)


def test_words_of_a_large_table_are_those_of_random_rows_and_said_to_be(tmp_path, monkeypatch):
    rare = {n: f"rare word {n}" for n in range(0, 20_000, 500)}
    rows = [
        (f"word{n % 7} is one of many {n}", rare.get(n, ""), n if n in rare else "")
        for n in range(20_000)
    ]
    path = write(tmp_path / "t.csv", ["text", "note", "rank"], rows)
    exact = columns_of(path)
    assert (exact["text"].text.sampled, exact["text"].approximate) == (None, [])
    monkeypatch.setattr(statistics, "SMALL", 1_000)
    monkeypatch.setattr(layout, "_SAMPLED", 2_000)
    monkeypatch.setattr(figures, "_EXACT_QUANTILES", 1_000)
    found = columns_of(path)
    assert found == columns_of(path)
    text, whole = found["text"].text, exact["text"].text
    assert text.sampled == pytest.approx(2_000, rel=0.1)
    assert found["text"].approximate == ["distinct", "words"]
    assert text.characters == whole.characters
    assert sum(text.words.histogram.counts) == text.sampled
    assert text.words.mean == pytest.approx(whole.words.mean)
    assert text.longest == whole.longest
    assert text.frequent[0].share == pytest.approx(whole.frequent[0].share)
    assert text.vocabulary == 7 + 4 + text.sampled
    # Of the few rows that have a note, none is left out.
    assert found["note"].text == exact["note"].text
    assert found["rank"].numbers == exact["rank"].numbers


def test_what_is_too_much_to_hold_is_read_again(tmp_path, monkeypatch):
    rows = [
        (f"one of the texts {n}", n % 5, n / 8 if n % 9 else "", f"c{n % 3}", n % 2 == 0)
        for n in range(20_000)
    ]
    path = write(tmp_path / "t.csv", ["text", "small", "figure", "class", "flag"], rows)
    monkeypatch.setattr(statistics, "SMALL", 1_000)
    held = columns_of(path)
    monkeypatch.setattr(holding, "_HELD_BYTES", 0)
    assert columns_of(path) == held


def test_more_columns_than_one_pass_groups(tmp_path):
    names = [f"c{n}" for n in range(120)]
    rows = [[f"v{(row * n) % 5}" for n in range(120)] for row in range(50)]
    found = columns_of(write(tmp_path / "t.csv", names, rows))
    assert len(found) == 120
    assert found["c3"].distinct == 5
    assert found["c5"].distinct == 1


def test_a_nul_byte_is_refused_with_its_place(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,x\n2,y\0z\n")
    with pytest.raises(DataError, match="line 3, column 4: a NUL byte"):
        measured(path)


def test_real_tables(shared_data):
    train, test = (shared_data / "adult" / f"{name}.csv" for name in ("train", "test"))
    result = measured(train, test, label="income")
    age = next(column for column in result.parts[0].columns if column.name == "age")
    with train.open(encoding="utf-8") as stream:
        ages = [float(row["age"]) for row in csv.DictReader(stream)]
    assert result.parts[0].rows == len(ages)
    assert age.numbers.mean == pytest.approx(np.mean(ages))
    assert age.numbers.quantiles["95"] == np.quantile(ages, 0.95)
