"""Slices as a user meets them: `data.slice_by`, the tables of commands, reports and cards."""

import json

import pytest
from own.keywords import keyword_run

WORDS = {"good": [0.0, 2.0], "bad": [2.0, 0.0]}
DATA = [
    "data=file",
    "data.path=train.csv",
    "data.validation_path=validation.csv",
    "data.test_fraction=0",
]


def texts(count):
    """Sentences with a dialect, in one of which words mean the opposite."""
    lines = []
    for row in range(count):
        word, dialect = ("good", "bad")[row % 2], ("west", "south", "east")[row % 3]
        label = ("pos", "neg")[row % 2 ^ (dialect == "east")]
        lines.append(f"{word} film {row},{label},{dialect},{'' if row // 6 % 4 else 'web'}")
    return "text,label,dialect,source\n" + "\n".join(lines) + "\n"


def run_on(project, *overrides):
    project({"train.csv": texts(30), "validation.csv": texts(240)})
    return keyword_run(project.path, WORDS, ["neg", "pos"], [*DATA, *overrides])


@pytest.fixture
def run(project):
    return run_on(project, "data.slice_by=[dialect,dialect,source]")


def test_the_worst_slice_comes_first_in_the_table_and_in_json(run, mlops):
    done = mlops("evaluate")
    assert done.exit_code == 0, done.stderr
    table = done.stdout.partition("Slices (the worst first)")[2].splitlines()
    assert table[1].split() == ["slice", "by", "of", "rows", "accuracy", "by", "chance"]
    assert table[2].startswith("dialect   east")
    assert table[2].split()[2:4] == ["80", "0"]
    assert table[2].endswith("worse")
    told = mlops("evaluate", json=True).json["slices"]
    assert {(one["by"], one["value"], one["rows"]) for one in told} == {
        ("dialect", "west", 80), ("dialect", "south", 80), ("dialect", "east", 80),
        ("source", "web", 60), ("source", "no value", 180),
    }  # fmt: skip
    assert told == json.loads((run.evaluation / "validation.json").read_text())["slices"]
    assert [one["value"] for one in told if one["worse"]] == ["east"]


def test_a_run_of_before_is_sliced_by_what_is_typed(project, mlops):
    run_on(project)
    done = mlops("evaluate", "data.slice_by=[dialect]", json=True)
    assert {one["by"] for one in done.json["slices"]} == {"dialect"}
    assert "the data changed" not in done.stderr
    # Nothing else of the data is another because of it.
    project({"validation.csv": texts(238)})
    assert "the data changed" in mlops("evaluate", "data.slice_by=[dialect]").stderr


def test_a_report_and_a_card_tell_them_and_do_without(run, mlops, tmp_path):
    mlops("evaluate")
    row = "| dialect | east | 80 | 0 |"
    report = mlops("report").stdout
    assert "### Slices of validation (the worst first)" in report
    assert row in report
    assert mlops("report", json=True).json["slices"]["validation"][0]["value"] == "east"
    assert mlops("report", "--format", "html", "--output", str(tmp_path / "r.html")).exit_code == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert 'id="slices-of-validation"' in page
    card = mlops("models", "card", run.id).stdout
    assert "By slice, on validation: the worst first" in card
    assert row in card
    # An evaluation of before there were slices; and one that somebody wrote into.
    file = run.evaluation / "validation.json"
    old = json.loads(file.read_text())
    damaged = [{**one, "rows": "a", "figure": None} for one in old.pop("slices")]
    for content in (old, {**old, "slices": damaged}):
        file.write_text(json.dumps(content))
        for words in (("report",), ("models", "card", run.id)):
            done = mlops(*words)
            assert done.exit_code == 0, done.stderr
            assert "Slices of" not in done.stdout
            assert "By slice" not in done.stdout


def test_where_no_slice_is_worse_one_line_says_so(project, mlops):
    run_on(project)
    rows = "".join(
        f"{('good', 'bad')[n % 2]} film{' x' * (n % 9)},{('pos', 'neg')[n % 2]}\n"
        for n in range(90)
    )
    project({"validation.csv": "text,label\n" + rows})
    done = mlops("evaluate")
    assert done.exit_code == 0, done.stderr
    assert "Slices: none of 3 is worse than chance explains" in done.stdout
    assert "Slices (" not in done.stdout


def test_a_name_does_nothing_to_the_terminal(project, mlops):
    run_on(project)
    name = "\x1b[31m" + "d" * 90
    for file in (project.path / "train.csv", project.path / "validation.csv"):
        file.write_text(file.read_text().replace("dialect", name, 1))
    done = mlops("evaluate", f"data.slice_by=['{name}']")
    assert done.exit_code == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.partition("Slices (")[2].splitlines())) < 100


def test_tables_are_sliced_by_features_and_by_what_is_none(project, mlops):
    lines = []
    for row in range(1200):
        size, shop = row * 7 % 100, ("mall", "street", "web")[row % 3]
        label = (size > 50) ^ (shop == "web" and row * 13 % 5 < 2)
        lines.append(f"{size},{('red', 'blue')[row % 2]},{shop},{'big' if label else 'small'}")
    project({"shop.csv": "size,colour,shop,label\n" + "\n".join(lines) + "\n"})
    settings = (
        "task=tabular_classification", "model=trees", "data=table", "data.path=shop.csv",
        "data.leave_out=[shop]", "data.slice_by=[shop]", "tracker=none", "trainer.monitor=accuracy",
    )  # fmt: skip
    trained = mlops("train", *settings, json=True)
    assert trained.exit_code == 0, trained.stderr
    done = mlops("evaluate", "--split", "train", json=True)
    assert done.exit_code == 0, done.stderr
    evaluated, told = done.json, done.json["slices"]
    assert {one["by"] for one in told} == {"size", "colour", "shop"}
    assert (told[0]["by"], told[0]["value"], told[0]["worse"]) == ("shop", "web", True)
    assert told[0]["figure"] < evaluated["metrics"]["accuracy"] - 0.1
    # The column is no input, and says nothing of what the rows are.
    plain = mlops("train", *settings, "data.slice_by=[]", json=True).json
    facts = [
        json.loads((project / "runs" / one["run"] / "run.json").read_text())["data"]["fingerprints"]
        for one in (trained.json, plain)
    ]
    assert facts[0] == facts[1]


def test_built_in_tables_have_slices(project, mlops):
    trained = mlops("train", "task=tabular_regression", "model=trees", "data.size=1000", json=True)
    assert trained.exit_code == 0, trained.stderr
    told = mlops("evaluate", "--split", "train", json=True).json["slices"]
    assert {one["metric"] for one in told} == {"rmse"}
    assert {"area", "district"} <= {one["by"] for one in told}


def test_a_split_on_disk_keeps_the_columns(project, mlops):
    project({"rows.csv": texts(300)})
    words = ("data", "split", "data=file", "data.path=rows.csv", "--format", "csv")
    assert mlops(*words).exit_code == 0
    record = project / "data/splits/default/split.json"
    old = json.loads(record.read_text())
    del old["slices"]
    record.write_text(json.dumps(old))
    # One of before there were slices is still the same split.
    assert not mlops(*words, json=True).json["written"]
    assert mlops(*words, "data.slice_by=[dialect]", json=True).json["written"]
    header, first, *_ = (project / "data/splits/default/test.csv").read_text().splitlines()
    assert header == "text,label,dialect"
    assert first.rpartition(",")[2] in ("west", "south", "east")


FILE = ["data=file", "data.path=rows.csv"]


@pytest.mark.parametrize(
    ("settings", "code", "message", "hint"),
    [
        ([*FILE, "data.slice_by=[dialct]"], 5, "no column 'dialct'", "data.slice_by=[dialect]"),
        ([*FILE, "data.slice_by=dialect"], 3, "must be a list", "data.slice_by=[dialect]"),
        (["data.slice_by=[a,b]"], 3,
         "data=quickstart has no columns for data.slice_by=[a,b]", "data.slice_by=[]"),
        (["data=stream", "data.path=rows.csv", "data.split=hash", "data.slice_by=[dialect]"], 3,
         "data=stream has no columns for", "data.slice_by=[]"),
        (["data=conll", "data.path=rows.csv", "task=token_classification", "data.slice_by=[a]"], 3,
         "data=conll has no columns for", "data.slice_by=[]"),
        (["data=mine", "data.slice_by=[dialect]"], 5,
         "gives no column 'dialect' to slice by", "fills Examples.slices"),
    ],
)  # fmt: skip
def test_what_can_not_be_sliced_is_told_in_one_line(project, mlops, settings, code, message, hint):
    own = (
        "from mlops_cli.data.examples import Examples, Splits\n\n"
        "def load(config, reporter):\n"
        "    return Splits(Examples({'text': ['a', 'b'] * 20}, ['x', 'y'] * 20))\n"
    )
    project({
        "rows.csv": texts(60), "own_rows/__init__.py": "", "own_rows/rows.py": own,
        "configs/data/mine.yaml": "name: own_rows.rows\n",
    })  # fmt: skip
    refused = mlops("data", "split", *settings)
    assert refused.exit_code == code, refused.stderr
    error, told = refused.stderr.strip().splitlines()[-2:]
    assert message in error
    assert hint in told
    assert not (project / "data/splits").exists()
