"""`data validate` of tables that stream: told of the features, as of a table in memory."""

import random

import pytest

TABLE = ["task=tabular_classification", "model=mlp", "data.path=loans.csv", "data.label=paid"]
TABLE += ["data.split=hash"]
HEADER = "number,text,age,job,paid"


def loans(count, seed=0, first=0):
    """Rows that differ in all of their features, numbered from `first`."""
    draw = random.Random(seed)
    lines = [HEADER]
    for n in range(count):
        paid = draw.choice(["yes", "no"])
        lines.append(
            f"{first + n},{draw.choice('pqr')},{draw.random()},{draw.choice('xyz')},{paid}"
        )
    return lines


def written(lines):
    return "\n".join(lines) + "\n"


@pytest.fixture
def validate(mlops, project):
    def run(files, *words, source="stream"):
        project({name: written(lines) for name, lines in files.items()})
        outcome = mlops("data", "validate", *TABLE, f"data={source}", *words, json=True)
        assert "without a text" not in outcome.stderr
        return outcome

    return run


def found(outcome):
    assert outcome.exit_code == 0, outcome.stderr
    return {(one["name"], one["split"], one["column"]) for one in outcome.json["anomalies"]}


def test_a_table_of_distinct_rows_has_nothing_wrong(validate):
    """A feature called text is one among others, not the text."""
    files = {"loans.csv": loans(300)}
    assert found(validate(files, "data.leave_out=[number]")) == set()
    assert found(validate(files)) == {("identifiers", "train", "number")}


def test_columns_that_are_no_features_hide_no_repeated_rows(validate):
    rows = loans(300)
    again = [f"{300 + n},{line.split(',', 1)[1]}" for n, line in enumerate(rows[1:6])]
    spaced = [line.replace(",", ", ") for line in again]
    files = {
        "loans.csv": [*rows, *spaced],
        "later.csv": [*loans(60, seed=1), again[0]],
        "other.csv": ["paid,job,age,text,number"]
        + [",".join(reversed(line.split(","))) for line in again],
    }
    words = ["data.leave_out=[number]", "data.validation_path=later.csv"]
    words += ["data.test_path=other.csv", "validation.tiny_classes=ignore"]
    expected = {
        ("duplicates", "train", None),
        ("leakage", "validation", None),
        ("leakage", "test", None),
    }
    streamed = validate(files, *words)
    assert found(streamed) == expected
    assert found(validate(files, *words, source="table")) == expected
    repeats = next(one for one in streamed.json["anomalies"] if one["name"] == "duplicates")
    assert repeats["count"] == 5
    assert repeats["examples"][0]["rows"] == [2, 302]
    # With the number, all rows differ.
    assert ("duplicates", "train", None) not in found(validate(files))


@pytest.mark.parametrize("source", ["stream", "table"])
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["data.features=[nope]"], 5, "no column 'nope'"),
        (["data.leave_out=[nope]"], 5, "no column 'nope'"),
        (["data.label=nope"], 5, "no column 'nope'"),
        (["data.features=[age,paid]"], 3, "data.features has the label"),
        (["data.validation_path=later.csv"], 5, "later.csv has no column 'age'"),
    ],
)
def test_what_training_refuses_is_refused(validate, source, words, code, told):
    later = [",".join([*line.split(",")[:2], *line.split(",")[3:]]) for line in loans(60)]
    outcome = validate({"loans.csv": loans(300), "later.csv": later}, *words, source=source)
    assert outcome.exit_code == code
    assert told in outcome.stderr


@pytest.mark.parametrize("source", ["stream", "table"])
def test_the_only_feature_of_a_table_is_no_text(mlops, validate, source):
    """A row may lack it, and it keeps its name."""
    draw = random.Random(0)
    rows = ["age,paid", ",yes"]
    rows += [f"{draw.randint(100, 250)},{draw.choice(['yes', 'no'])}" for _ in range(400)]
    words = [f"data={source}", "epochs=1", "model.width=8"]
    outcome = validate({"loans.csv": rows}, source=source)
    checks = {name for name, _, _ in found(outcome)}
    assert {"duplicates", "conflicting_labels"} <= checks
    assert not {"empty_texts", "text_length"} & checks
    assert mlops("train", *TABLE, *words).exit_code == 0


def test_what_the_model_is_asked_is_compared_by_its_features(validate):
    asked = [line.replace(",x,", ",w,") for line in loans(100, seed=1, first=5000)]
    files = {"loans.csv": loans(300), "asked.csv": asked}
    outcome = validate(files, "data.leave_out=[number]", "--against", "asked.csv")
    assert found(outcome) == {("skew_values", outcome.json["against"], "job")}


def test_the_schema_is_held_to_the_whole_file(mlops, project):
    schema = "columns: {number: {type: integer, maximum: 100}, text: {type: text}, "
    schema += "age: {type: number}, job: {type: text}, paid: {type: category}}\n"
    project({"loans.csv": written(loans(300)), "schema.yaml": schema})
    words = [*TABLE, "data=stream", "data.leave_out=[number]", "data.schema=schema.yaml"]
    outcome = mlops("data", "validate", *words, json=True)
    assert [(one["name"], one["count"]) for one in outcome.json["anomalies"]] == [
        ("out_of_range", 199)
    ]
    trained = mlops("train", *words, "epochs=1", "model.width=8", json=True)
    assert "199" in trained.stderr
    assert "without a text" not in trained.stderr


def test_before_training_rows_on_the_disk_are_held_to_the_schema_alone(mlops, project):
    """To look for repeats takes all rows in memory: that is left to data validate."""
    rows = loans(300)
    schema = "columns: {number: {type: integer, unique: true}, gone: {type: text}}\n"
    project({"loans.csv": written([*rows, *rows[1:9]]), "schema.yaml": schema})
    words = [*TABLE, "data=stream", "data.schema=schema.yaml", "epochs=1", "model.width=8"]
    stopped = mlops("train", *words)
    assert stopped.exit_code == 6
    assert "gone" in stopped.stderr
    project({"schema.yaml": schema.replace(", gone: {type: text}", "")})
    stopped = mlops("train", *words)
    assert stopped.exit_code == 6
    assert "8 values of number there before" in stopped.stderr
    trained = mlops("train", *words, "validation.repeated_keys=warning")
    assert trained.exit_code == 0, trained.stderr
    assert "mlops data validate checks the rest" in trained.stderr
    assert "that is there before" not in trained.stderr
