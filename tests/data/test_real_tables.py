"""Every real, messy table ends in rows or in one clear line; never in a traceback."""

import csv

from mlops_cli.data.tables import guess_columns, open_table
from mlops_cli.errors import MlopsError


def verdict(path):
    """How many rows a file has, or the line that refuses it."""
    try:
        table = open_table(path)
        guess_columns(table)
        return sum(1 for _ in table.rows())
    except MlopsError as error:
        refused = error
    assert "\n" not in f"{refused.message}{refused.hint}"
    assert path.name in refused.message
    assert len(refused.message) < 300
    return refused.message.removeprefix(f"{path.parent}/")


def test_every_other_real_file_that_calls_itself_a_table(shared_data):
    endings = {".csv", ".tsv", ".jsonl", ".txt", ".json", ".train", ".test"}
    paths = [
        path
        for path in sorted(shared_data.rglob("*"))
        if path.suffix in endings and path.is_file() and "messy-tables" not in path.parts
    ]
    refused = {path.name for path in paths if isinstance(verdict(path), str)}
    assert len(paths) > 30
    assert not {name for name in refused if name.endswith((".csv", ".jsonl", ".tsv"))}


def test_the_one_latin_byte_of_trec_is_told_and_read_when_named(shared_data):
    path = shared_data / "trec" / "raw" / "TREC.train"
    assert verdict(path) == "TREC.train, line 66, column 60: byte 0xf0 is not utf-8"
    lines = open_table(path, encoding="latin-1", columns=["line"], delimiter="\t")
    assert sum(1 for _ in lines.rows()) == 5452


def test_quotes_of_unquoted_korean_reviews_stay(shared_data):
    path = shared_data / "nsmc" / "upstream_format_sample.txt"
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        expected = [row["document"] or None for row in lines]
    assert [row["document"] for _, row in open_table(path).rows()] == expected


def test_quotes_of_quoted_movie_reviews_go(shared_data):
    path = shared_data / "imdb-cad" / "raw" / "dev.tsv"
    texts = [row["Text"] for _, row in open_table(path).rows()]
    with (shared_data / "imdb-cad" / "validation.csv").open(encoding="utf-8", newline="") as stream:
        assert texts == [row["text"] for row in csv.DictReader(stream)]


def test_cola_without_a_header_equals_cola_with_one(shared_data):
    folder = shared_data / "cola"
    raw = open_table(folder / "train.tsv", columns=["source", "label", "mark", "sentence"])
    named = open_table(folder / "train.csv")
    assert [(row["sentence"], row["label"]) for _, row in raw.rows()] == [
        (row["sentence"], row["label"]) for _, row in named.rows()
    ]


def test_line_numbers_are_those_of_an_editor(shared_data):
    path = shared_data / "nsmc" / "train.csv"
    lines = path.read_text("utf-8").split("\n")
    for number, row in open_table(path).rows():
        assert lines[number - 1].startswith(row["id"])
