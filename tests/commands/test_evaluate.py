"""`mlops evaluate` as a user types it."""

import json

import pytest
from own.keywords import keyword_run

FILES = {
    "train.csv": "text,label\ngood film,pos\nbad film,neg\na good one,pos\na bad one,neg\n",
    "validation.csv": "text,label\ngood tea,pos\nbad tea,neg\n[red]good plot[/],neg\na plot,neg\n",
    "test.csv": "text,label\ngood end,pos\nbad end,neg\n",
}
DATA = [
    "data=file",
    "data.path=train.csv",
    "data.validation_path=validation.csv",
    "data.test_path=test.csv",
]
WORDS = {"good": [0.0, 2.0], "bad": [2.0, 0.0], "plot": [0.5, 0.0]}


@pytest.fixture
def run(project):
    project(FILES)
    return keyword_run(project.path, WORDS, ["neg", "pos"], DATA)


def test_shows_figures_tables_and_the_next_step(run, mlops):
    done = mlops("evaluate")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert f"Evaluated {run.id} on validation, 4 rows: mcc 0.5774, accuracy 0.7500" in text
    assert "accuracy 0.7500 (majority class 0.7500, bag of words 0." in text
    assert "balanced_accuracy 0.8333" in text
    assert "neg 2 1" in text
    assert "3 neg pos 0.8176 [red]good plot[/]" in text
    assert f"runs/{run.id}/evaluation/validation-confusion.png" in done.stdout
    assert f"next: mlops export --onnx {run.id}" in done.stdout


def test_json_is_the_whole_result(run, mlops):
    done = mlops("evaluate", run.id, json=True)
    assert done.exit_code == 0
    assert done.json["run"] == run.id
    assert done.json["metrics"]["accuracy"] == 0.75
    assert done.json["confusion"] == [[2, 1], [0, 1]]
    assert done.json["gates"] == []
    assert done.json == json.loads((run.evaluation / "validation.json").read_text("utf-8"))


def test_quiet_says_nothing(run, mlops):
    done = mlops("evaluate", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_split_and_settings_are_taken(run, mlops):
    done = mlops("evaluate", run.id[:8], "--split", "test", "trainer.eval_batch_size=1", json=True)
    assert done.json["split"] == "test"
    assert done.json["rows"] == 2
    assert done.json["metrics"]["accuracy"] == 1.0


def test_other_data_is_evaluated_without_a_warning(run, project, mlops):
    project({"new.csv": "text,label\ngood,pos\nbad,neg\nplot,neg\n"})
    done = mlops("evaluate", "data.validation_path=new.csv", json=True)
    assert done.json["rows"] == 3
    assert "changed" not in done.stderr


def test_a_failed_gate_is_exit_6_after_the_figures(run, mlops):
    done = mlops("evaluate", "gates.mcc='>= 0.6'", "gates.accuracy='>= 0.7'")
    assert done.exit_code == 6
    text = " ".join(done.stdout.split())
    assert "✗ mcc 0.5774 >= 0.6" in text
    assert "✓ accuracy 0.7500 >= 0.7" in text
    assert "next:" not in text
    assert "error: gate failed: mcc is 0.5774, must be >= 0.6" in done.stderr
    assert (run.evaluation / "validation.json").exists()


def test_a_failed_gate_in_json_keeps_both_streams_clean(run, mlops):
    done = mlops("evaluate", "gates.mcc='>= 0.6'", json=True)
    assert done.exit_code == 6
    assert done.json["gates"] == [
        {
            "metric": "mcc",
            "condition": ">= 0.6",
            "value": done.json["metrics"]["mcc"],
            "threshold": 0.6,
            "passed": False,
        }
    ]
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["exit_code"] == 6
    assert error["error"].startswith("gate failed: mcc is 0.5774")


def test_a_gate_of_the_project_and_another_run(run, project, mlops):
    assert mlops("evaluate", run.id, "--quiet").exit_code == 0
    worse = keyword_run(project.path, WORDS | {"good": [2.0, 0.0]}, ["neg", "pos"], DATA)
    project(
        {
            "configs/config.yaml": f"defaults: [base, _self_]\ngates:\n  mcc: '>= run:{run.id} - 0.1'\n"
        }
    )
    done = mlops("evaluate", worse.id)
    assert done.exit_code == 6
    assert f"must be >= run:{run.id} - 0.1 = 0.4774" in done.stderr
    assert mlops("evaluate", run.id).exit_code == 0


def test_many_classes_are_cut_and_said_so(project, mlops):
    labels = [f"c{place:02}" for place in range(40)]
    words = {f"w{p:02}": [5.0 * (c == p) for c in range(40)] for p in range(40)}
    rows = "".join(f"w{place:02},c{place:02}\n" for place in range(40)) * 2 + "w39,c00\n"
    project(dict.fromkeys(FILES, "text,label\n" + rows))
    keyword_run(project.path, words, labels, DATA)
    done = mlops("evaluate")
    assert "the 30 with the lowest F1 of 40" in done.stdout
    assert "the 12 classes with the most mistakes of 40" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["latst"], 5, "did you mean latest?"),
        (["--split", "dev"], 2, "'dev'"),
        (["latest", "trainer.eval_batch_sise=3"], 3, "eval_batch_size"),
        (["gates.mc='>= 0.2'"], 3, "mcc"),
        (["gates.mcc='>= run:nobody'"], 5, "no run 'nobody'"),
        (["data.validation_path=nowhere.csv"], 5, "nowhere.csv"),
    ],
)
def test_mistakes_end_in_one_line_and_the_right_code(run, mlops, words, code, message):
    done = mlops("evaluate", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not run.evaluation.exists()


def test_a_run_without_its_config_is_told(run, mlops):
    run.config_path.unlink()
    done = mlops("evaluate")
    assert done.exit_code == 5
    assert f"run {run.id} has no readable config.yaml" in done.stderr
    assert f"hint: put back a copy of {run.config_path}, or train anew" in done.stderr


def test_no_run_at_all_names_the_command_to_type(project, mlops):
    done = mlops("evaluate")
    assert done.exit_code == 5
    assert "mlops train" in done.stderr


@pytest.mark.slow
def test_a_trained_model_is_evaluated_as_its_training_said(project, mlops):
    trained = mlops("train", "data.size=400", "epochs=1", "trainer.threads=1", json=True)
    assert trained.exit_code == 0, trained.stderr
    done = mlops("evaluate", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["run"] == trained.json["run"]
    for name, value in trained.json["metrics"].items():
        metric = name.removeprefix("val/")
        if metric in done.json["metrics"]:
            assert done.json["metrics"][metric] == pytest.approx(value, abs=1e-4), name
    assert "changed" not in done.stderr
    names = {path.rpartition("/")[2] for path in done.json["files"]}
    assert "curves.png" in names
