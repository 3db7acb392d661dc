"""Each task on texts by its commands: built-in data, a baseline to beat, and the whole path."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import run_mlops

SHORT = ["trainer.threads=1", "--no-validate"]


def said(*words: str) -> Any:
    done = run_mlops(*words, json=True)
    assert done.exit_code == 0, done.stderr
    return done.json


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "settings", "texts", "margin"),
    [
        ("text_pair_classification", ["data.size=4000"], ["A", "B"], 0.08),
        ("multi_label_classification", ["data.size=2500", "lr=1e-3"], ["A"], 0.2),
        ("text_regression", ["data.size=2500", "epochs=4"], ["A"], -5.0),
        ("text_similarity", ["data.size=4000", "epochs=3"], ["A", "B"], -0.1),
    ],
)
def test_built_in_data_is_learnt_evaluated_exported_and_asked(
    root: Path, task: str, settings: list[str], texts: list[str], margin: float
) -> None:
    run = said("train", f"task={task}", *settings, *SHORT)["run"]
    evaluated = said("evaluate", run)

    # What a model has to beat, by this much: the majority, the mean, and counting words.
    baselines = evaluated["baselines"].values()
    best = max(baselines) if margin > 0 else min(baselines)
    gained = evaluated["metrics"][evaluated["baseline_metric"]] - best
    assert abs(gained) > abs(margin)
    assert (gained > 0) is (margin > 0)
    for file in evaluated["files"]:
        assert Path(file).stat().st_size > 100
    exported = said("export", run, "--onnx", "--optimize")
    assert [graph["name"] for graph in exported["graphs"]] == ["plain", "optimized"]
    assert exported["label_agreement"] == 1
    assert exported["metric_onnx"] == pytest.approx(exported["metric_pytorch"], rel=1e-4)
    answered = said("predict", *texts)["predictions"]
    assert [answer["text"] for answer in answered] == ["A"]
    assert said("benchmark", run, "--seconds", "0.01")["best"]["rows_per_second"] > 0
    reference = json.loads((root / "runs" / run / "bundle" / "reference.json").read_text("utf-8"))
    assert reference["answers"]["rows"] == evaluated["rows"]


FAST = ["epochs=1", "trainer.max_steps=2", "model.hidden_size=16", "model.layers=1", *SHORT]


def test_a_file_of_pairs_with_numbers(root: Path) -> None:
    rows = [f"one {n},two {n},{n / 4},g" for n in range(60)]
    (root / "sts.csv").write_text("\n".join(["a,b,score,more", *rows]), "utf-8")
    columns = ["data.text=a", "data.text_pair=b", "data.label=score"]

    words = ["task=text_similarity", "data=file", "data.path=sts.csv", *columns, *FAST]
    run = said("train", *words)["run"]
    said("export", run, "--onnx", "export.max_metric_loss=1")
    predicted = said("predict", "--file", "sts.csv", "--output", "out.csv")

    assert predicted["columns"] == ["predicted_value"]
    assert predicted["labelled"] == 60
    assert predicted["metrics"].keys() >= {"rmse", "pearson"}
    assert said("predict", "one", "two", "three", "four")["predictions"][1]["text_pair"] == "four"
    lines = run_mlops("predict", "--quiet", input="one\ttwo\nthree\tfour\n")
    assert len(lines.stdout.splitlines()) == 2
    alone = run_mlops("predict", input="one\ttwo\nthree\n")
    assert alone.exit_code == 5
    assert "standard input, line 2: 1 text, and the model takes 2" in alone.stderr
    assert run_mlops("predict", "one").exit_code == 2
    other = run_mlops("predict", "--file", "sts.csv", "--output", "o.csv", "--text-pair", "c")
    assert "no column 'c'" in other.stderr


def test_a_file_with_several_labels_and_none(root: Path) -> None:
    cells = ["red|blue", "", '["blue"]', "red", "blue|green", "green"]
    rows = [json.dumps({"text": f"row {n}", "tags": cells[n % 6]}) for n in range(60)]
    (root / "tags.jsonl").write_text("\n".join(rows), "utf-8")

    words = ["task=multi_label_classification", "data=file", "data.path=tags.jsonl"]
    words += ["data.label=tags", "trainer.class_weights=balanced", "trainer.label_smoothing=0.1"]
    run = said("train", *words, *FAST)["run"]
    said("export", run, "--onnx", "export.max_metric_loss=1")
    predicted = said("predict", "--file", "tags.jsonl", "--output", "out.csv", "--top-k", "3")

    assert predicted["columns"] == ["predicted_labels", "predicted_scores"]
    assert predicted["labelled"] == 60
    record = json.loads((root / "runs" / run / "model" / "task.json").read_text("utf-8"))
    assert record["task"]["head"]["labels"] == ["blue", "green", "red"]


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        (["task=text_regression", "trainer.monitor=mcc"], 3, "trainer.monitor=mcc is no metric"),
        (["task=text_regression", "trainer.class_weights=balanced"], 3, "weighs classes"),
        (["task=text_similarity", "trainer.label_smoothing=0.1"], 3, "smooths classes"),
        (["task=multi_label_classification", "task.threshold=1"], 3, "task.threshold"),
        (
            ["task=text_similarity", "data=file", "data.path=t.csv", "data.text_pair=text"],
            3,
            "data.text and data.text_pair are the same column, 'text'",
        ),
        (["task=text_similarity", "data=file", "data.path=t.csv"], 5, "no column 'text_pair'"),
        (
            ["task=text_regression", "data=file", "data.path=t.csv"],
            5,
            "1 row has no number but 'x' in column 'label' (line 3)",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(
    root: Path, words: list[str], exit_code: int, told: str
) -> None:
    (root / "t.csv").write_text("text,label\na,1\nb,x\nc,2\n", "utf-8")

    done = run_mlops("train", *words)

    assert done.exit_code == exit_code
    assert told in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "options", "task"),
    [
        (
            "text,label\n" + "".join(f"some words {n},{n / 3}\n" for n in range(40)),
            [],
            "regression",
        ),
        (
            "text,label\n"
            + "".join(f"some words {n},{'a|b' if n % 2 else 'a'}\n" for n in range(40)),
            [],
            "multi_label",
        ),
        (
            "a,b,label\n" + "".join(f"some {n},more {n},{'xy'[n % 2]}\n" for n in range(40)),
            ["--text", "a", "--text-pair", "b"],
            "text_pair_classification",
        ),
        (
            "sentence1,sentence2,score\n"
            + "".join(f"some words {n},more words {n},{n / 7:.2f}\n" for n in range(40)),
            ["--task", "text_similarity"],
            "text_similarity",
        ),
    ],
)
def test_init_sets_a_project_up_for_its_data(
    empty_folder: Path, content: str, options: list[str], task: str
) -> None:
    (empty_folder / "r.csv").write_text(content, "utf-8")

    made = said("init", "p", "--data", "r.csv", "--no-dvc", "--no-git", *options)

    assert task in made["answers"]["task"]
    settings = (empty_folder / "p/configs/data/r.yaml").read_text("utf-8")
    assert ("text_pair:" in settings) is ("pair" in task or "similarity" in task)


def test_labels_that_every_row_has_teach_nothing(root: Path) -> None:
    rows = [json.dumps({"text": f"row {n}", "tags": ["red", "blue"]}) for n in range(60)]
    (root / "tags.jsonl").write_text("\n".join(rows), "utf-8")
    words = ["task=multi_label_classification", "data=file", "data.path=tags.jsonl"]
    result = run_mlops("train", *words, "data.label=tags", *FAST)
    assert result.exit_code == 5
    assert "every one of the 60 training rows has the same labels: 'blue', 'red'" in result.stderr
    assert "is data.label the right column?" in result.stderr
