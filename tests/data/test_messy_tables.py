"""Every real, messy table is loaded right or refused in a line that a person can act on."""

import csv
import io
import json
from dataclasses import dataclass, field

import pytest

from mlops_cli import config, data
from mlops_cli.data.tables import open_table
from mlops_cli.errors import MlopsError
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.data import FileDataConfig


@dataclass(frozen=True)
class Loads:
    """A table that loads: what an independent reader has to be told to read the same.

    `words` are the settings that ours needs; `skip` lines lie above the table; `spaces` follow
    the delimiters.
    """

    rows: int
    columns: int
    encoding: str = "utf-8"
    delimiter: str = ","
    skip: int = 0
    spaces: bool = False
    quoted: bool = True
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file that is refused: words of the message and of the hint."""

    message: str
    hint: str
    then: Loads | None = field(default=None)  # What the hint's settings make of it.


TITLE = "a title above the table?"
SHEET = "open it and save the sheet as CSV (UTF-8)"
MESSY = {
    "begrotingsanalyse-2011.csv": Refused(
        f"line 1: names 2 of 20 columns: {TITLE}",
        "the table begins in line 5? data.skip_rows=4",
        Loads(38, 20, skip=4, words=("data.skip_rows=4",)),
    ),
    "characters.csv": Loads(382, 18, encoding="cp950"),
    "complex.csv": Loads(3, 4, spaces=True),
    "complex.html": Refused("is HTML or XML, no table", "save it as CSV, JSONL or Parquet"),
    "encrypted_no_password.xls": Refused("is an old Excel workbook or Word document", SHEET),
    "example.tsv": Loads(140, 17, delimiter="\t"),
    "excel_pasting.csv": Refused(
        f"line 1: names 1 of 9 columns: {TITLE}",
        "the table begins in line 4? data.skip_rows=3",
        Loads(17, 9, skip=3, words=("data.skip_rows=3",)),
    ),
    "long.csv": Loads(3999, 1),
    "mixedGLB.csv": Refused(
        f"line 1: names 1 of 19 columns: {TITLE}",
        "the table begins in line 4? data.skip_rows=3",
        Loads(133, 19, skip=3, words=("data.skip_rows=3",)),
    ),
    "null.csv": Refused(
        "the header names two columns '0' (3 and 4)",
        "a file without a header needs data.columns=[NAME,NAME,…]",
        Loads(
            10,
            4,
            words=("data.columns=[a,b,c,d]", "data.missing=['null']"),
            names=("a", "b", "c", "d"),
        ),
    ),
    "simple.csv": Loads(6, 3),
    "simple.ods": Refused("is an OpenDocument file, no table", SHEET),
    "simple.psv": Loads(28, 6, delimiter="|"),
    "simple.ssv": Loads(6, 3, delimiter=";"),
    "simple.unknown": Refused("is empty", "a header line and rows are expected"),
    "simple.xlsx": Refused("is an Excel workbook, no table", SHEET),
    "simple.zip": Refused("is a zip archive, no table", "mlops data add"),
    "skip_initials.csv": Loads(2, 2),
    "small.csv": Refused("has no rows", "a header alone"),
    "spanish_chars.csv": Loads(116, 8, encoding="cp1252"),
    "sparse_with_column_errors.csv": Loads(2237, 4, encoding="cp1252"),
    "unicode_sheet_name.xls": Refused("is an old Excel workbook or Word document", SHEET),
    "utf-16le_encoded.csv": Loads(327, 19, encoding="utf-16"),
    "utf8bom.csv": Refused("has no rows", "a header alone"),
    "weird_head_padding.csv": Refused(
        "line 4: 1 field where the header has 5", "the table begins in line 12? data.skip_rows=11"
    ),
}
RAW = {
    "adult/raw/adult.test-dots.head2000": Loads(2000, 15, spaces=True),
    "adult/train.csv": Loads(32561, 15),
    "breast_cancer/data.csv": Loads(569, 31),
    "cola-phenomena/phenomena.csv": Loads(2022, 3),
    "cola-phenomena/raw/inchoative.tsv": Loads(
        182,
        4,
        delimiter="\t",
        quoted=False,
        words=("data.columns=[source,label,mark,sentence]",),
        names=("source", "label", "mark", "sentence"),
    ),
    "cola/train.csv": Loads(8551, 2),
    "cola/train.tsv": Loads(
        8551,
        4,
        delimiter="\t",
        quoted=False,
        words=("data.columns=[source,label,mark,sentence]",),
        names=("source", "label", "mark", "sentence"),
    ),
    "cola/validation_out_of_domain.csv": Loads(516, 2),
    "custrev/all.csv": Loads(3775, 2),
    "digits-png/manifest.csv": Loads(1797, 3),
    "elec2/drift_current.csv": Loads(5000, 7),
    "imdb-cad/raw/dev.tsv": Loads(245, 2, delimiter="\t"),
    "iris/data.csv": Loads(150, 5),
    "klue-sts/dev.csv": Loads(519, 7),
    "klue-sts/raw/klue-sts-v1.1_dev.json": Refused("not valid JSON", "jq -c '.[]' IN > OUT.jsonl"),
    "nsmc/train.csv": Loads(10000, 5),
    "nsmc/upstream_format_sample.txt": Loads(9995, 3, delimiter="\t", quoted=False),
    "penguins/data.csv": Loads(344, 18),
    "snli-cad/train.csv": Loads(1666, 3),
    "tate-text/data.csv": Loads(4284, 6),
    "trec/raw/TREC.test": Refused(
        "line 2: 2 fields where the header has 1",
        "a label, a space, a text? data.delimiter=space data.columns=[label,text]",
    ),
    "trec/raw/TREC.train": Refused(
        "line 66, column 60: byte 0xf0 is not utf-8", "data.encoding=cp1252"
    ),
    "custrev/raw/custrev.all": Refused(
        "line 2: 1 field where the header has 5",
        "a label, a space, a text? data.delimiter=space data.columns=[label,text]",
    ),
    "wikigold/raw/wikigold.conll.txt": Refused(
        "line 29: 2 fields where the header has 1",
        "words with their tags? task=token_classification data=conll",
    ),
}
FILES = {f"messy-tables/files/{name}": outcome for name, outcome in MESSY.items()} | RAW
LOADED = {
    (name, way): expected
    for name, outcome in FILES.items()
    for way, expected in (
        ("at once", outcome if isinstance(outcome, Loads) else None),
        ("as the hint says", outcome.then if isinstance(outcome, Refused) else None),
    )
    if expected is not None
}
REFUSED = {name: outcome for name, outcome in FILES.items() if isinstance(outcome, Refused)}


def settings_of(words):
    """The settings of our reader, as the words say."""
    found = {}
    for word in words:
        key, _, value = word.removeprefix("data.").partition("=")
        listed = [item.strip("'") for item in value.strip("[]").split(",")]
        found[key] = listed if value.startswith("[") else int(value) if value.isdigit() else value
    return found


def read_independently(path, expected):
    """The table as Python's csv module reads it when it is told everything."""
    with path.open(encoding=expected.encoding, newline="") as stream:
        text = stream.read().removeprefix("\ufeff")
    lines = text.splitlines(keepends=True) if expected.skip else []
    rest = "".join(lines[expected.skip :]) if expected.skip else text
    quoting = csv.QUOTE_MINIMAL if expected.quoted else csv.QUOTE_NONE
    records = csv.reader(
        rest.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
        if not expected.quoted
        else _Lines(rest),
        delimiter=expected.delimiter,
        quoting=quoting,
        skipinitialspace=expected.spaces,
    )
    return [record for record in records if record]


class _Lines:
    """Lines as the csv module wants them: line ends inside quotes stay what they are."""

    def __init__(self, text):
        self._stream = io.StringIO(text, newline="")

    def __iter__(self):
        return iter(self._stream)


@pytest.mark.parametrize(("name", "way"), LOADED)
def test_what_is_loaded_is_what_is_there(shared_data, name, way):
    expected, path = LOADED[name, way], shared_data / name
    settings = settings_of(expected.words)
    table = open_table(path, **settings)
    records = read_independently(path, expected)
    names = list(expected.names)
    if not names:
        header = [field.strip() for field in records.pop(0)]
        names = [field or f"column_{place}" for place, field in enumerate(header, 1)]
    assert table.columns == names
    missing = {"", *settings.get("missing", ())}
    rows = [list(row.values()) for _, row in table.rows()]
    assert rows == [[None if cell in missing else cell for cell in record] for record in records]
    assert (len(rows), len(table.columns)) == (expected.rows, expected.columns)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_with_a_remedy(shared_data, name):
    path, expected = shared_data / name, REFUSED[name]
    with pytest.raises(MlopsError) as caught:
        data.load(FileDataConfig("file", path=str(path), text="no", label="b"), 0, SilentReporter())
    told, hint = caught.value.message, caught.value.hint
    if expected.message == "has no rows":
        assert told == f"{path} has no column 'no'"
        return
    assert path.name in told
    assert expected.message in told
    assert expected.hint in hint
    assert "\n" not in told + hint


def test_every_file_of_the_corpus_has_its_place_here(shared_data):
    corpus = json.loads((shared_data / "messy-tables" / "dataset.json").read_text("utf-8"))
    assert {entry["path"] for entry in corpus["files"]} == {f"files/{name}" for name in MESSY}


def test_the_figures_are_those_of_the_corpus_own_probe(shared_data):
    corpus = json.loads((shared_data / "messy-tables" / "dataset.json").read_text("utf-8"))
    compared = 0
    for entry in corpus["files"]:
        name, probe = entry["path"].removeprefix("files/"), entry["probe"] or {}
        expected = LOADED.get((f"messy-tables/{entry['path']}", "at once"))
        if expected is None or probe.get("csv_strict") != "ok" or expected.delimiter != ",":
            continue
        assert expected.rows == probe["records"] - 1, name
        if not expected.spaces:
            assert probe["field_counts"] == {str(expected.columns): probe["records"]}, name
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize("name", FILES)
def test_train_says_one_line(shared_data, mlops, project, name):
    path, outcome = shared_data / name, FILES[name]
    words = outcome.words if isinstance(outcome, Loads) else ()
    done = mlops(
        "train", "data=file", f"data.path={path}", "data.text=no such", "data.label=b", *words
    )
    assert done.exit_code == 5
    assert [line.partition(":")[0] for line in done.stderr.splitlines()][-2:] == ["error", "hint"]
    assert "Traceback" not in done.stderr
    refused = isinstance(outcome, Refused) and outcome.message != "has no rows"
    assert (outcome.message if refused else "has no column 'no such'") in done.stderr
    assert not (project / "runs").exists()


T, G = "text_classification", "tabular"
TABLE, CLASSES, NUMBERS = (G, None), (f"{G}_classification", None), (f"{G}_regression", None)
ADDED = {
    "characters.csv": (T, "景點特色詳細文字簡述", "景點分類代碼1"),
    "complex.csv": (*TABLE, None),
    "example.tsv": (*TABLE, None),
    "simple.csv": (*TABLE, None),
    "simple.psv": (*TABLE, None),
    "simple.ssv": (*TABLE, None),
    "simple.zip": (*TABLE, None),
    "skip_initials.csv": (*TABLE, None),
    "spanish_chars.csv": ("text", "Descripción", None),
    "sparse_with_column_errors.csv": ("text", "Bezeichnung", None),
    "utf-16le_encoded.csv": (T, "Organisation_name", "Previous_legislation_and_other_acts"),
    "adult/raw/adult.test-dots.head2000": (*TABLE, None),
    "breast_cancer/data.csv": (*CLASSES, "target"),
    "cola-phenomena/phenomena.csv": (T, "sentence", "label"),
    "cola-phenomena/raw/inchoative.tsv": (T, "sentence", "label"),
    "cola/train.tsv": (T, "sentence", "label"),
    "custrev/all.csv": (T, "text", "label"),
    "diabetes/data.csv": (*NUMBERS, "target"),
    "digits-png/manifest.csv": ("image_classification", None, "label"),
    "elec2/drift_current.csv": (*CLASSES, "class"),
    "imdb-cad/raw/dev.tsv": (T, "Text", "Sentiment"),
    "iris/data.csv": (*CLASSES, "target"),
    "klue-sts/dev.csv": ("text_similarity", "sentence1", "label"),
    "nsmc/train.csv": (T, "document", "label"),
    "nsmc/upstream_format_sample.txt": (T, "document", "label"),
    "penguins/data.csv": (*TABLE, None),
    "snli-cad/train.csv": ("text_pair_classification", "sentence1", "label"),
    "tate-text/data.csv": ("text_regression", "title", "year"),
    "trec/test.csv": (T, "text", "label"),
    "wikigold/train.jsonl": ("token_classification", "tokens", "tags"),
}
HEADLESS = Refused("no line of names on top", "data.columns=[NAME,NAME,…]")
NOT_ADDED = {
    **{name: outcome for name, outcome in MESSY.items() if isinstance(outcome, Refused)},
    **{name: outcome for name, outcome in RAW.items() if isinstance(outcome, Refused)},
    "long.csv": HEADLESS,
}
del NOT_ADDED["simple.zip"]


def place_of(shared_data, name):
    return shared_data / (name if "/" in name else f"messy-tables/files/{name}")


@pytest.mark.parametrize("name", ADDED)
def test_add_takes_it_and_says_what_it_looks_like(shared_data, mlops, project, name):
    outcome = (MESSY | RAW).get(name)
    words = outcome.words if isinstance(outcome, Loads) else ()
    done = mlops("data", "add", str(place_of(shared_data, name)), *words, "--name", "it", json=True)
    assert done.exit_code == 0, done.stderr
    kind = done.json["kind"]
    assert (kind["task"], kind["text"], kind["label"]) == ADDED[name]
    if isinstance(outcome, Loads):
        assert done.json["files"][0]["rows"] == outcome.rows
        assert len(done.json["types"]) == outcome.columns
    if kind["trainable"]:
        assert kind["note"] == ""
    else:
        assert f"warning: {kind['note']}" in done.stderr


@pytest.mark.parametrize("name", NOT_ADDED)
def test_add_refuses_it_in_one_line_and_leaves_nothing(shared_data, mlops, project, name):
    path = place_of(shared_data, name)
    done = mlops("data", "add", str(path), "--name", "it")
    assert done.exit_code == 5
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith(f"error: {path}")
    assert NOT_ADDED[name].message in error
    assert NOT_ADDED[name].hint in hint
    assert [str(p.relative_to(project.path)) for p in project.path.rglob("*")] == [
        "configs",
        "configs/config.yaml",
    ]


def test_every_file_of_the_corpus_is_added_or_not(shared_data):
    assert set(MESSY) <= {*ADDED, *NOT_ADDED}


@pytest.mark.parametrize("name", ["begrotingsanalyse-2011.csv", "mixedGLB.csv", "null.csv"])
def test_what_the_hint_says_can_be_typed(shared_data, mlops, project, name):
    expected = MESSY[name].then
    path = place_of(shared_data, name)
    done = mlops("data", "add", str(path), *expected.words, "--name", "it", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["files"][0]["rows"] == expected.rows


def test_a_label_and_a_text_parted_by_a_space_are_trained_on(shared_data, mlops, project):
    path = shared_data / "trec" / "raw" / "TREC.train"
    words = ["data.encoding=latin-1", "data.delimiter=space", "data.columns=[label,text]"]
    done = mlops("data", "add", str(path), *words, "--name", "trec", json=True)
    assert (done.json["kind"]["text"], done.json["kind"]["label"]) == ("text", "label")
    settings = settings_of(words) | {"delimiter": "space"}
    rows = [row for _, row in open_table(path, **settings).rows()]
    with path.open(encoding="latin-1") as stream:
        assert [f"{row['label']} {row['text']}" for row in rows] == stream.read().splitlines()
    trained = mlops("train", "data=trec", "experiment=smoke")
    assert trained.exit_code == 0, trained.stderr


def test_empty_texts_are_told_when_added_and_when_trained_on(shared_data, mlops, project):
    done = mlops("data", "add", str(shared_data / "custrev" / "all.csv"), "--name", "custrev")
    assert "warning: 4 rows have no text, and mlops train refuses them" in done.stderr
    trained = mlops("train", "data=custrev", "experiment=smoke")
    assert trained.exit_code == 5
    assert "4 rows have no text in column 'text' (lines 770, 1369, 3692, …)" in trained.stderr


def test_missing_values_and_spaces_of_adult_raw(shared_data, mlops, project):
    raw = shared_data / "adult" / "raw" / "adult.test-dots.head2000"
    with (shared_data / "adult" / "test.csv").open(encoding="utf-8", newline="") as stream:
        clean = [list(row.values()) for row in csv.DictReader(stream)][:2000]
    rows = [list(row.values()) for _, row in open_table(raw, missing=["?"]).rows()]
    assert [[cell or "" for cell in row[:-1]] for row in rows] == [row[:-1] for row in clean]
    assert [row[-1] for row in rows] == [f"{row[-1]}." for row in clean]
    words = ["data.missing=['?']", "--label", "classification", "--name", "adult"]
    done = mlops("data", "add", str(raw), *words)
    assert done.exit_code == 0, done.stderr
    assert 'missing: ["?"]' in (project / "configs/data/adult.yaml").read_text("utf-8")


def test_columns_with_spaces_and_parentheses(shared_data, mlops, project):
    path = shared_data / "penguins" / "data.csv"
    done = mlops("data", "add", str(path), "--target", "Body Mass (g)", "--name", "p", json=True)
    assert done.json["kind"]["task"] == "tabular_regression"
    assert config.load(["data=p"], root=project.path).data.label == "Body Mass (g)"
    wrong = mlops("data", "add", str(path), "--target", "body mass", "--name", "q")
    assert "hint: did you mean --target Body Mass (g)?" in wrong.stderr


def test_files_sorted_by_label_are_seen_whole(shared_data, mlops, project):
    done = mlops("data", "add", str(shared_data / "custrev" / "all.csv"), "--name", "c", json=True)
    assert done.json["classes"] == {"1": 2407, "0": 1368}
