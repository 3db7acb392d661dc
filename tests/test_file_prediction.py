"""A file of rows becomes a file of the same rows with answers."""

import csv
import json
import threading

import pyarrow.parquet as pq
import pytest
from own.bundles import FILES, keyword_bundle

from mlops_cli import config as configs
from mlops_cli import evaluation, file_prediction
from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.file_prediction import answering, tally
from mlops_cli.prediction import WINDOW, Settings
from mlops_cli.reporting import SilentReporter
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tracking import finding

ROWS = 'id,text,note\n1,a good film,"x, y"\n2,"bad, bad",\n3,good bad plot,z\n'


class Listener(SilentReporter):
    """Keeps the warnings and the notes."""

    def __init__(self):
        self.warnings, self.notes = [], []

    def info(self, message):
        self.notes.append(message)

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def predictor(project):
    project(FILES)
    return Predictor(keyword_bundle(project.path))


@pytest.fixture
def predict(project, predictor):
    """Predicts one file of the project into another."""

    def run(source, target, *, listener=None, **options):
        settings = {name: options.pop(name) for name in ("top_k", "threshold") if name in options}
        return file_prediction.run(
            predictor,
            project / source,
            project / target,
            Settings(**settings),
            listener or Listener(),
            **options,
        )

    return run


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_keep_their_columns_and_order(project, predict):
    project({"in.csv": ROWS})
    result = predict("in.csv", "out.csv")
    rows = table(project / "out.csv")
    assert list(rows[0]) == ["id", "text", "note", "predicted_label", "predicted_score"]
    assert [(row["id"], row["note"], row["predicted_label"]) for row in rows] == [
        ("1", "x, y", "pos"),
        ("2", "", "neg"),
        ("3", "z", "neg"),
    ]
    assert float(rows[0]["predicted_score"]) == pytest.approx(0.880797, abs=1e-5)
    assert (result.rows, result.labels) == (3, {"neg": 2, "pos": 1})
    assert result.metrics is None


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_comes_out(project, predict, ending):
    project({"in.csv": ROWS})
    predict("in.csv", f"out.{ending}", top_k=2)
    path = project / f"out.{ending}"
    if ending == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif ending == "jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t" if ending == "tsv" else ","))
    assert [row["predicted_label"] for row in rows] == ["pos", "neg", "neg"]
    scores = rows[0]["predicted_scores"]
    scores = scores if ending == "jsonl" else json.loads(scores)
    assert list(scores) == ["pos", "neg"]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_every_format_goes_in(project, predict, ending):
    project({"in.csv": ROWS})
    predict("in.csv", f"first.{ending}")
    predict(f"first.{ending}", "second.csv")
    first, second = ("predicted_label", "predicted_label_2")
    assert [(row[first], row[second]) for row in table(project / "second.csv")] == [
        ("pos", "pos"),
        ("neg", "neg"),
        ("neg", "neg"),
    ]


def test_order_is_kept_over_several_windows(project, predict):
    number = WINDOW + 5
    lines = (f"{n},{'bad ' * (n % 6 + 1) if n % 3 else 'good'}" for n in range(number))
    project({"in.csv": "id,text\n" + "\n".join(lines) + "\n"})
    result = predict("in.csv", "out.csv")
    assert result.rows == number
    assert [(row["id"], row["predicted_label"]) for row in table(project / "out.csv")] == [
        (str(n), "neg" if n % 3 else "pos") for n in range(number)
    ]


def test_rows_without_text_stay_and_are_counted(project, predict):
    project({"in.csv": "id,text\n1,good\n2,\n3,  \n4,bad\n"})
    listener = Listener()
    result = predict("in.csv", "out.csv", listener=listener)
    assert result.without_text == 2
    assert [row["predicted_label"] for row in table(project / "out.csv")] == ["pos", "", "", "neg"]
    (warning,) = listener.warnings
    assert "without text, which got no label: 2" in warning


def test_below_the_threshold_a_row_has_a_score_and_no_label(project, predict):
    project({"in.jsonl": '{"text": "good"}\n{"text": "a plot"}\n'})
    result = predict("in.jsonl", "out.jsonl", threshold=0.8)
    rows = [json.loads(line) for line in (project / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["predicted_label"] for row in rows] == ["pos", None]
    assert rows[1]["predicted_score"] == pytest.approx(0.622459, abs=1e-5)
    assert (result.abstained, result.labels) == (1, {"pos": 1})


def test_the_metrics_of_the_validation_file_are_those_of_evaluate(project, predict):
    run = finding.find(project.path, "latest")
    config = configs.load_for_run(run.config_path.read_text("utf-8"), [], root=project.path)
    evaluated = evaluation.run(run, config, SilentReporter(), root=project.path)
    result = predict("validation.csv", "out.csv")
    assert result.metrics == pytest.approx(evaluated.metrics)
    assert result.labelled == 4


def test_labels_that_are_missing_or_unknown_are_left_out_of_the_metrics(project, predict):
    project({"in.csv": "text,label\ngood,pos\nbad,pos\nbad,\nbad,great\n,neg\n"})
    listener = Listener()
    result = predict("in.csv", "out.csv", listener=listener)
    assert result.labelled == 2
    assert result.metrics["accuracy"] == 0.5
    assert any("does not know: 1;" in warning for warning in listener.warnings)


def test_the_text_column_can_be_another(project, predict):
    project({"in.csv": "text,review\nbad,good\n"})
    predict("in.csv", "out.csv", text_column="review")
    assert table(project / "out.csv")[0]["predicted_label"] == "pos"


def test_a_file_without_a_header(project, predict):
    project({"in.tsv": "7\tgood film\n8\tbad film\n"})
    predict("in.tsv", "out.csv", columns=["id", "text"])
    assert table(project / "out.csv") == [
        {"id": "7", "text": "good film", "predicted_label": "pos", "predicted_score": "0.880797"},
        {"id": "8", "text": "bad film", "predicted_label": "neg", "predicted_score": "0.880797"},
    ]


def test_a_missing_column_suggests_the_one_that_is_meant(project, predict):
    project({"in.csv": "id,Text\n1,good\n"})
    with pytest.raises(DataError, match="no column 'text'") as raised:
        predict("in.csv", "out.csv")
    assert "--text=Text" in raised.value.hint


def test_keys_that_only_later_rows_have_are_told(project, predict):
    first = '{"text": "good"}\n' * 1000
    project({"in.jsonl": first + '{"text": "bad", "late": 1}\n'})
    listener = Listener()
    predict("in.jsonl", "out.jsonl", listener=listener)
    assert any("keys that the first rows lack: 1;" in line for line in listener.warnings)


@pytest.mark.parametrize(
    ("files", "error", "told"),
    [
        ("nope.csv out.csv", NotFoundError, r"no file .*nope\.csv"),
        ("in.csv in.csv", UsageError, "--output is the input file"),
        ("in.csv there.csv", UsageError, "there.csv exists"),
        ("in.csv out.txt", UsageError, "does not say which format"),
        ("in.csv out", UsageError, "does not say which format"),
        ("header.csv out.csv", DataError, "has no rows"),
        ("ragged.csv out.csv", DataError, "line 3"),
    ],
)
def test_wrong_files_are_told_and_nothing_is_written(project, predict, files, error, told):
    project({
        "in.csv": ROWS,
        "there.csv": "mine\n",
        "header.csv": "id,text\n",
        "ragged.csv": "id,text\n1,good\n2,good,bad\n",
    })  # fmt: skip
    before = {path.name: path.read_bytes() for path in project.path.iterdir() if path.is_file()}
    with pytest.raises(error, match=told):
        predict(*files.split())
    after = {path.name: path.read_bytes() for path in project.path.iterdir() if path.is_file()}
    assert after == before


def test_an_older_output_is_replaced_when_asked(project, predict):
    project({"in.csv": ROWS, "out.csv": "mine\n"})
    predict("in.csv", "out.csv", overwrite=True)
    assert len(table(project / "out.csv")) == 3


def test_windows_keep_their_order_and_few_are_ahead(monkeypatch):
    begun, slow = [], threading.Event()

    def answer(number):
        begun.append(number)
        if number == 0:
            slow.wait(5)
        return number

    def items():
        for number in range(10):
            if number == 3:  # The first is with the model still, and three is all that is read.
                assert set(begun) <= {0, 1, 2}
                slow.set()
            yield number

    assert list(answering._ahead(answer, items())) == list(range(10))


def test_a_damaged_row_late_in_the_file_leaves_no_output(project, predict):
    project({"in.csv": "id,text\n" + "1,good\n" * (3 * WINDOW) + "2,good,bad\n"})
    with pytest.raises(DataError, match=f"line {3 * WINDOW + 2}"):
        predict("in.csv", "out.csv")
    assert not [path for path in project.path.iterdir() if "out" in path.name]


def test_labels_beyond_what_fits_are_judged_by_a_fair_part_of_them(project, predict, monkeypatch):
    # In turns, so that every second row would hold the rows of one label alone.
    rows = "".join(f"{text},{label}\n" for text, label in [("good", "pos"), ("bad", "pos"), ("bad", "neg")] * WINDOW)  # fmt: skip
    project({"in.csv": "text,label\n" + rows})
    whole = predict("in.csv", "out.csv")
    monkeypatch.setattr(tally, "_KEPT", 16 * WINDOW)  # Sixteen bytes a row: one window.
    listener = Listener()
    part = predict("in.csv", "out.csv", overwrite=True, listener=listener)
    assert (whole.rows, whole.labelled) == (3 * WINDOW, 3 * WINDOW)
    assert WINDOW / 2 < part.labelled <= WINDOW
    assert (part.rows, part.labels) == (whole.rows, whole.labels)
    assert part.metrics == pytest.approx(whole.metrics, abs=0.05)
    assert "25.00% of the labelled rows" in listener.notes[-1]
