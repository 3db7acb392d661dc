"""Schemas: found by looking, written for people, read with every mistake told by its line."""

import pytest

from mlops_cli.data import schema
from mlops_cli.data.engine import Engine
from mlops_cli.data.tables import open_table
from mlops_cli.errors import ConfigError, NotFoundError
from mlops_cli.reporting import SilentReporter


def inferred(path, **roles):
    with Engine(SilentReporter()) as engine:
        return schema.infer(engine, engine.open(open_table(path)), **roles)


@pytest.fixture
def table(tmp_path):
    lines = ["user_id,text,stars,colour,price,day,label"]
    lines += [
        f"{n},a text of number {n},{n % 5 + 1},{'red' if n % 2 else ''},{n / 4},"
        f"2024-01-{n % 28 + 1:02},{n % 2}"
        for n in range(100, 200)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_number_to_be_predicted_is_no_category(table):
    stars = inferred(table, text="text", label="stars", numbers=True).columns["stars"]
    assert (stars.type, stars.minimum, stars.maximum) == ("integer", 0, 6)
    assert inferred(table, text="text", label="stars").columns["stars"].type == "category"


def test_columns_are_described_a_little_wider_than_they_are(table):
    found = inferred(table, text="text", label="label")
    assert (found.text, found.label) == ("text", "label")
    columns = found.columns
    assert columns["user_id"].unique
    assert (columns["user_id"].minimum, columns["user_id"].maximum) == (90, 209)
    assert (columns["text"].type, columns["text"].min_length) == ("text", 18)
    assert columns["stars"].type == "integer"
    assert (columns["colour"].type, columns["colour"].values) == ("category", ("red",))
    assert columns["colour"].missing == 0.5
    assert (columns["price"].minimum, columns["price"].maximum) == (22.5, 52.3)
    assert (columns["day"].minimum, columns["day"].maximum) == ("2023-12-29", None)
    assert (columns["label"].type, columns["label"].values) == ("category", ("0", "1"))


def test_what_is_written_is_read_again(table, tmp_path):
    found = inferred(table, text="text", label="label")
    path = tmp_path / "schemas" / "table.yaml"
    found.write(path)
    assert path.read_text().startswith("# What the columns look like.")
    assert "    values: ['0', '1']\n" in path.read_text()
    assert schema.read(path) == found


def test_values_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("columns: {a: {type: category, values: [yes, 01, 1e-3, null]}}")
    assert schema.read(path).columns["a"].values == ("yes", "01", "1e-3", "null")


MISTAKES = {
    "columns:\n  a:\n    tipe: text\n": (":3: columns.a has no key 'tipe'", "mean type?"),
    "columns:\n  a: {type: txt}\n": (":2: columns.a.type: there is no type 'txt'", "mean text?"),
    "column:\n  a: {type: text}\n": (":1: the schema has no key 'column'", "mean columns?"),
    "text: b\ncolumns:\n  a: {type: text}\n": (":1: text: there is no column 'b'", "one of a"),
    "columns:\n  a: {type: integer, minimum: ten}\n": ("must be a number, not 'ten'", ""),
    "columns:\n  a: {type: number, minimum: 2, maximum: 1}\n": ("is greater than maximum 1", ""),
    "columns:\n  a: {type: text, values: [a]}\n": ("type text has no values", "type: category"),
    "columns:\n  a: {type: text, missing: 7}\n": ("must be a share from 0 to 1, not 7", ""),
    "columns:\n  a: {type: text, max_length: 1e999}\n": ("must be a whole number of", ""),
    "columns:\n  a: {type: text, unique: 1}\n": ("must be true or false, not '1'", ""),
    "columns:\n  a: {type: date, minimum: soon}\n": ("must be a date such as 2024-12-31", ""),
    "columns:\n  a: {type: text}\n  a: {type: text}\n": (":3: 'a' is there twice", ""),
    "columns:\n  a: [type\n": (":3: ", ""),
    "columns: [a]\n": (":1: columns must hold keys and values", ""),
    "": (":1: the schema must hold keys and values", ""),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_by_line_and_key(tmp_path, text):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        schema.read(path)
    message, hint = MISTAKES[text]
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(NotFoundError, match="no schema file") as caught:
        schema.read(tmp_path / "none.yaml")
    assert "mlops data add" in caught.value.hint
