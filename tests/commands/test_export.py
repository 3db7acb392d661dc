"""`mlops export --onnx` as a user types it."""

import shutil
import subprocess

import pytest
from own.bundles import DATA, FILES, LABELS, WORDS, with_transformer
from own.keywords import keyword_run


@pytest.fixture
def run(project):
    project(FILES)
    return keyword_run(project.path, WORDS, LABELS, DATA)


def test_says_how_well_it_agrees_and_what_comes_next(run, mlops):
    done = mlops("export", "--onnx")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert f"Exported {run.id}: agrees with PyTorch on 4 validation rows" in text
    assert "label agreement 100.00%, mcc 0.0000 (PyTorch 0.0000)" in text
    assert 'next: mlops predict "a text"' in text
    assert (run.bundle / "model.onnx").is_file()


def test_json_is_the_whole_result(run, mlops):
    done = mlops("export", run.id, "export.opset=17", json=True)
    assert done.exit_code == 0
    assert done.json["run"] == run.id
    assert done.json["path"] == str(run.bundle)
    assert done.json["opset"] == 17
    assert done.json["label_agreement"] == 1.0


def test_quiet_says_nothing(run, mlops):
    done = mlops("export", "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")


def test_a_limit_that_is_missed_is_exit_6(run, mlops):
    (run.model / "task.json").write_text(
        (run.model / "task.json").read_text("utf-8").replace("own.keywords", "own.fickle"), "utf-8"
    )
    done = mlops("export", "--onnx", json=True)
    assert done.exit_code == 6
    assert done.stdout == ""
    assert "largest logit difference 3" in done.stderr
    assert "export.max_logit_difference=0.001" in done.stderr
    assert not run.bundle.exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nowhere"], 5, "no run 'nowhere'"),
        (["export.opzet=18"], 3, "export.opset"),
        (["export.opset=99"], 3, "at most 23"),
        (["--quantize", "int4"], 3, "int8, dynamic, static"),
        (["--quantize", "int8"], 5, "no products of weights"),
        (["--params", "params.yaml", "--fp16"], 2, "--fp16"),
        (["export.max_logit_difference=-1"], 3, "at least 0"),
    ],
)
def test_wrong_input_is_one_line(run, mlops, words, code, told):
    done = mlops("export", "--onnx", *words)
    assert done.exit_code == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_to_fuse_is_told(run, mlops):
    done = mlops("export", "--onnx", "--optimize")
    assert done.exit_code == 0
    fused = "model_optimized.onnx" in {path.name for path in run.bundle.iterdir()}
    assert ("nothing in this graph can be fused" in done.stderr) is not fused


def test_a_refusal_shows_all_graphs_and_says_of_each_rival_why_it_lost(run, mlops):
    with_transformer(run)
    words = ("export", "--onnx", "--fp16", "--quantize", "int8")
    strict = ("export.reduced_max_logit_difference=1e-9", "export.reduced_max_metric_loss=2")
    done = mlops(*words, *strict)
    assert done.exit_code == 6
    shown = [line.split() for line in done.stdout.splitlines()]
    kinds = ("float32", "(int8", "(float16)")
    assert [line[:2] for line in shown if set(line) & set(kinds)] == [
        ["plain", "float32"],
        ["quantized", "(int8"],
        ["quantized", "(int8"],
        ["fp16", "(float16)"],
    ]
    assert "Not exported" in done.stdout
    told, hint = done.stderr.splitlines()[-2:]
    for kind in ("int8 dynamic", "int8 static", "float16"):
        assert f"the {kind} graph" in told
    assert told.count("tolerated is export.reduced_max_logit_difference=1e-09") == 3
    assert "leave out --quantize and --fp16" in hint
    machine = mlops(*words, *strict, json=True)
    assert (machine.exit_code, machine.stdout) == (6, "")
    assert not run.bundle.exists()


@pytest.mark.slow
def test_several_graphs_are_one_table(trained, tmp_path, mlops, monkeypatch):
    root = shutil.copytree(trained.root, tmp_path / "project")
    monkeypatch.chdir(root)
    loose = ["export.reduced_min_label_agreement=0.8", "export.reduced_max_metric_loss=0.3"]
    done = mlops("export", "--onnx", "--optimize", "--quantize", "int8", "--fp16", *loose)
    assert done.exit_code == 0, done.stderr
    lines = [line.removeprefix("✓").split() for line in done.stdout.splitlines()]
    rows = [
        line[0] for line in lines if line and line[0] in ("plain", "optimized", "quantized", "fp16")
    ]
    assert rows == ["plain", "optimized", "quantized", "quantized", "fp16"]
    assert sum(line.startswith("✓") for line in done.stdout.splitlines()) == 2
    answer = mlops("predict", "The boy blamed himself.", "--graph", "quantized", json=True)
    assert answer.exit_code == 0
    wrong = mlops("predict", "The boy blamed himself.", "--graph", "int4")
    assert wrong.exit_code == 2
    assert "it has plain, optimized, quantized, fp16" in wrong.stderr


def test_a_project_without_runs_says_to_train(project, mlops):
    done = mlops("export", "--onnx")
    assert done.exit_code == 5
    assert "mlops train" in done.stderr


@pytest.mark.slow
def test_exporters_noise_stays_away(project, mlops_script):
    trained = subprocess.run(
        [mlops_script, "train", "data=quickstart", "data.size=200", "epochs=1", "--quiet"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert not trained.stdout
    done = subprocess.run(
        [mlops_script, "export", "--onnx", "--quiet"], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("content", [None, b"\xff", b"", b"[]", b"model: 3"])
@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_a_run_with_a_damaged_config_is_exit_5(run, mlops, command, content):
    if content is None:
        run.config_path.unlink()
    else:
        run.config_path.write_bytes(content)
    done = mlops(command, run.id)
    assert done.exit_code == 5
    assert "config.yaml" in done.stderr
