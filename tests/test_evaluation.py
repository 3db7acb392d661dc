"""Evaluation of a model whose answers are known, on files of a few rows."""

import csv
import json
import math
import shutil
from pathlib import Path

import pytest
from own.keywords import keyword_run
from sklearn.metrics import matthews_corrcoef

from mlops_cli import config as configs
from mlops_cli import evaluation
from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.reporting import SilentReporter

TRAIN = "text,label\ngood film,pos\nbad film,neg\na good one,pos\na bad one,neg\ngood,pos\n"
VALIDATION = """text,label
good story,pos
bad story,neg
good good plot,neg
a plot,pos
"""
TEST = "text,label\ngood end,pos\nbad end,neg\n"
FILES = {"train.csv": TRAIN, "validation.csv": VALIDATION, "test.csv": TEST}
WORDS = {"good": [0.0, 2.0], "bad": [2.0, 0.0], "plot": [0.5, 0.0]}
LABELS = ["neg", "pos"]
DATA = [
    "data=file",
    "data.path=train.csv",
    "data.validation_path=validation.csv",
    "data.test_fraction=0",
]


class Listener(SilentReporter):
    """Keeps what was said."""

    def __init__(self):
        self.warnings, self.lines = [], []

    def warn(self, message):
        self.warnings.append(message)

    def info(self, message):
        self.lines.append(message)


@pytest.fixture
def run(project):
    project(FILES)
    return keyword_run(project.path, WORDS, LABELS, [*DATA, "data.test_path=test.csv"])


def evaluate(project, run, *overrides, reporter=None, **options):
    text = run.config_path.read_text("utf-8")
    config = configs.load_for_run(text, overrides, root=project.path)
    return evaluation.run(run, config, reporter or Listener(), root=project.path, **options)


def test_figures_are_those_of_the_answers(project, run):
    result = evaluate(project, run)
    # Answers: pos, neg, pos, neg.
    expected = matthews_corrcoef(["pos", "neg", "neg", "pos"], ["pos", "neg", "pos", "neg"])
    assert result.metrics["mcc"] == pytest.approx(expected)
    assert result.metrics["accuracy"] == 0.5
    assert result.rows == 4
    assert result.confusion == [[1, 1], [1, 1]]
    assert [(row.label, row.recall, row.support) for row in result.classes] == [
        ("neg", 0.5, 2),
        ("pos", 0.5, 2),
    ]


def test_worst_mistakes_come_first(project, run):
    first, second = evaluate(project, run).mistakes
    assert (first.row, first.text) == (3, "good good plot")
    assert (first.label, first.predicted) == ("neg", "pos")
    assert first.confidence == pytest.approx(1 / (1 + math.exp(-3.5)))
    assert (second.row, second.text, second.predicted) == (4, "a plot", "neg")


def test_simple_models_stand_beside(project, run):
    baselines = evaluate(project, run).baselines
    assert baselines["majority_class"] == 0.5
    assert baselines["bag_of_words"] in (0.25, 0.5, 0.75, 1.0)


def test_no_baseline_from_training_rows_of_other_labels(project, run):
    project({"other.csv": TRAIN + "superb,great\n"})
    result = evaluate(project, run, "data.path=other.csv", other_data=True)
    assert result.baselines == {}
    assert result.metrics["accuracy"] == 0.5


def test_everything_is_written_beside_the_run(project, run):
    run.log({"train/loss": 0.7}, step=1, epoch=0)
    run.log({"val/mcc": 0.1, "val/loss": 0.6}, step=2, epoch=0)
    result = evaluate(project, run)
    names = sorted(path.name for path in run.evaluation.iterdir())
    assert names == [
        "curves.png",
        "validation-calibration.png",
        "validation-confusion.png",
        "validation-mistakes.csv",
        "validation.json",
    ]
    assert {result.path, *result.files} == set(run.evaluation.iterdir())
    for picture in run.evaluation.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    saved = json.loads((run.evaluation / "validation.json").read_text("utf-8"))
    assert saved["metrics"] == result.metrics
    with (run.evaluation / "validation-mistakes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["text"] for row in rows] == ["good good plot", "a plot"]
    assert rows[0]["confidence"] == "0.9707"


def test_splits_are_kept_apart(project, run):
    evaluate(project, run)
    assert evaluate(project, run, split="test").metrics["accuracy"] == 1.0
    assert evaluate(project, run, split="train").metrics["accuracy"] == 1.0
    assert {path.stem for path in run.evaluation.glob("*.json")} == {"train", "validation", "test"}


def test_long_texts_are_counted_and_shortened(project):
    long = "good " * 200
    project({**FILES, "validation.csv": f"text,label\n{long},neg\nbad,neg\n"})
    run = keyword_run(project.path, WORDS, LABELS, DATA, max_length=8)
    result = evaluate(project, run)
    assert result.truncated == 1
    assert len(result.mistakes[0].text) == 160
    assert result.mistakes[0].text.endswith("…")
    assert long in (run.evaluation / "validation-mistakes.csv").read_text("utf-8")


def test_what_is_not_defined_is_null_in_the_file(project):
    project({**FILES, "validation.csv": "text,label\ngood tea,pos\ngood milk,pos\n"})
    run = keyword_run(project.path, WORDS, LABELS, DATA)
    assert math.isnan(evaluate(project, run).metrics["auroc"])
    assert json.loads((run.evaluation / "validation.json").read_text())["metrics"]["auroc"] is None


def test_labels_of_any_script_and_with_dollar_signs_are_drawn(project):
    rows = "good film,$긍정_{$\nbad film,부정\n"
    project(dict.fromkeys(FILES, "text,label\n" + rows * 2))
    run = keyword_run(project.path, WORDS, ["부정", "$긍정_{$"], DATA)
    assert evaluate(project, run).metrics["accuracy"] == 1.0
    assert (run.evaluation / "validation-confusion.png").stat().st_size > 5000


def test_data_that_changed_since_the_training_is_told(project, run):
    project({"validation.csv": VALIDATION + "bad,neg\n"})
    listener = Listener()
    assert evaluate(project, run, reporter=listener).rows == 5
    (warning,) = [line for line in listener.warnings if "changed since" in line]
    assert run.id in warning
    assert "validation" in warning


def test_data_that_is_the_same_or_chosen_is_not_told(project, run):
    project({"other.csv": VALIDATION + "bad,neg\n"})
    listener = Listener()
    evaluate(project, run, reporter=listener)
    evaluate(project, run, "data.validation_path=other.csv", reporter=listener, other_data=True)
    assert not [line for line in listener.warnings if "changed since" in line]


def test_an_unknown_label_is_named(project, run):
    project({"other.csv": "text,label\ngood,great\nbad,neg\n"})
    with pytest.raises(DataError, match="'great'"):
        evaluate(project, run, "data.validation_path=other.csv")


def test_a_label_that_the_model_does_not_know_is_told_by_file_and_line(project, run):
    new = "text,label\ngood,pos\nbad,neg\n\nfine,great\npoor,great\n"
    project({"new.csv": new})
    given = ["data.path=new.csv", "data.validation_path=null", "data.test_path=null"]
    with pytest.raises(DataError) as caught:
        evaluate(project, run, *given, split="train")
    assert caught.value.message == (
        "new.csv, line 5: label 'great' does not occur in the training rows"
    )
    assert caught.value.hint == "training labels: neg, pos"


def test_a_finished_run_whose_weights_are_gone_is_made_again(project, run):
    shutil.rmtree(run.model)
    with pytest.raises(NotFoundError, match="is finished, and its weights are gone") as raised:
        evaluate(project, run)
    assert raised.value.hint.startswith(f"make it again: mlops runs rerun {run.id}")
    assert "mlops evaluate best" in raised.value.hint
    assert "--resume" not in raised.value.hint


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_a_run_without_a_model_says_its_status(project, run, status):
    (run.model / "task.json").unlink()
    run.update(status=status)
    with pytest.raises(NotFoundError, match=f"has no model .its status is {status}.") as raised:
        evaluate(project, run)
    assert f"mlops train --resume {run.id}" in raised.value.hint


def test_a_missing_split_names_those_there_are(project):
    project(FILES)
    run = keyword_run(project.path, WORDS, LABELS, DATA)
    with pytest.raises(NotFoundError, match="no test split") as raised:
        evaluate(project, run, split="test")
    assert raised.value.hint == "it has: train, validation"


def test_gates_are_told_and_the_figures_still_written(project, run):
    result = evaluate(project, run, "gates.mcc='>= 0.9'", "gates.accuracy='>= 0.5'")
    assert [(gate.metric, gate.passed) for gate in result.gates] == [
        ("mcc", False),
        ("accuracy", True),
    ]
    saved = json.loads((run.evaluation / "validation.json").read_text("utf-8"))
    assert [gate["passed"] for gate in saved["gates"]] == [False, True]


def test_an_evaluation_that_fails_midway_leaves_the_older_one(project, run):
    run.log({"val/mcc": 0.1}, step=2, epoch=0)
    evaluate(project, run)
    (run.evaluation / "curves.png").unlink()
    before = {path: path.read_bytes() for path in run.evaluation.iterdir()}
    project({"validation.csv": VALIDATION + "good,neg\n"})
    (run.evaluation / "curves.png").mkdir()  # a file can't take the place of a folder
    with pytest.raises(OSError, match=r"curves\.png"):
        evaluate(project, run)
    (run.evaluation / "curves.png").rmdir()
    assert {path: path.read_bytes() for path in run.evaluation.iterdir()} == before


@pytest.mark.parametrize("content", ["", "{}", "[]", None])
@pytest.mark.parametrize(
    "name", ["task.json", "config.json", "tokenizer.json", "model.safetensors"]
)
def test_a_damaged_model_is_told_in_one_line(trained, mlops, tmp_path, name, content):
    run = Path(shutil.copytree(trained.path, tmp_path / "runs" / trained.run))
    file = run / "model" / name
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    done = mlops("evaluate", str(run), "--quiet")
    assert done.exit_code == 5
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert "model" in error
    assert hint.startswith("hint: ")
