"""`mlops predict` as a user types it."""

import json
import signal
import subprocess
import sys

import pexpect
import pytest
from own.bundles import DATA, FILES, LABELS, WORDS, copied, keyword_bundle
from own.keywords import keyword_run

from mlops_cli.prediction import WINDOW

BANNED = {
    "torch",
    "transformers",
    "hydra",
    "omegaconf",
    "datasets",
    "pyarrow",
    "onnx",
    "pytorch_lightning",
    "dvc",
    "wandb",
    "matplotlib",
    "copier",
}


@pytest.fixture
def bundle(project):
    project(FILES)
    return keyword_bundle(project.path)


def test_one_text_shows_label_score_and_bars(bundle, mlops):
    done = mlops("predict", "a good film")
    assert done.exit_code == 0
    first, second, third = done.stdout.splitlines()
    assert first == "✓ pos (0.8808)"
    assert second.split()[:2] == ["pos", "0.8808"]
    assert third.split()[:2] == ["neg", "0.1192"]
    assert second.count("━") > third.count("━")
    assert done.stderr == ""


def test_several_texts_show_a_table(bundle, mlops):
    done = mlops("predict", "good", "[red]bad\x1b[31m", "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["✓", "Predicted", "3", "texts"]
    assert lines[2] == ["pos", "0.8808", "good"]
    assert "\x1b" not in done.stdout
    assert lines[3][2].startswith("[red]bad")
    assert lines[4] == ["—"]
    assert "got no answer: 1" in done.stderr


def test_json_has_every_score_and_the_bundle(bundle, mlops):
    done = mlops("predict", "good", "plot", "--threshold", "0.8", "--top-k", "1", json=True)
    assert done.exit_code == 0
    assert done.json == {
        "predictions": [
            {"label": "pos", "score": 0.880797, "scores": {"pos": 0.880797}, "text": "good"},
            {"label": None, "score": 0.622459, "scores": {"neg": 0.622459}, "text": "plot"},
        ],
        "bundle": str(bundle.path),
        "run": bundle.run,
    }


def test_below_the_threshold_says_so(bundle, mlops):
    done = mlops("predict", "a plot", "--threshold", "0.8")
    assert "No label: the best score 0.6225 is below 0.8" in done.stdout


def test_quiet_prints_labels_only_one_a_line(bundle, mlops):
    done = mlops("predict", "--quiet", input="good film\n\nbad film\r\na plot\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "pos\n\nneg\nneg\n", "")


@pytest.mark.parametrize("words", [[], ["-"]])
def test_standard_input_is_read_a_text_a_line(bundle, mlops, words):
    done = mlops("predict", *words, input="good\nbad\n", json=True)
    assert [one["label"] for one in done.json["predictions"]] == ["pos", "neg"]


def test_a_file_becomes_a_file(bundle, project, mlops):
    done = mlops("predict", "--file", "validation.csv", "--output", "out/answers.csv")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "Predicted 4 rows into out/answers.csv" in text
    assert "Against the labels of 4 rows" in text
    assert "accuracy 0.5000" in text
    written = (project / "out/answers.csv").read_text("utf-8").splitlines()
    assert written[0] == "text,label,predicted_label,predicted_score"
    assert written[1] == "good good story,pos,pos,0.982014"


def test_a_file_of_one_row_is_told_as_one(bundle, project, mlops):
    project({"one.csv": "text,label\ngood,pos\n"})
    done = mlops("predict", "--file", "one.csv", "--output", "answers.csv")
    assert done.exit_code == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Predicted 1 row into answers.csv" in text
    assert "Against the labels of 1 row " in text


def test_a_file_in_json_mode_is_counted(bundle, project, mlops):
    done = mlops("predict", "--file", "train.csv", "--output", "out.jsonl", json=True)
    assert done.exit_code == 0
    assert done.json["rows"] == 5
    assert done.json["labels"] == {"pos": 3, "neg": 2}
    assert done.json["metrics"]["accuracy"] == 1.0
    assert done.json["columns"] == ["predicted_label", "predicted_score"]


def test_a_bundle_answers_outside_the_project(bundle, mlops, tmp_path, monkeypatch):
    folder = copied(bundle, tmp_path / "shipped")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    assert mlops("predict", "good", "--bundle", str(folder), "--quiet").stdout == "pos\n"
    done = mlops("predict", "good")
    assert done.exit_code == 5
    assert "mlops export --onnx" in done.stderr
    assert "--bundle" in done.stderr


def test_a_run_chooses_its_bundle(bundle, mlops):
    done = mlops("predict", "good", "--run", bundle.run, "--quiet")
    assert done.stdout == "pos\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["x", "--top-k", "0"], 2, "--top-k must be at least 1, not 0\nhint: such as --top-k 3"),
        (["x", "--batch-size", "0"], 2, "--batch-size must be at least 1"),
        (["x", "--threshold", "2"], 2, "--threshold is a probability, not 2"),
        (["x", "--file", "train.csv", "--output", "o.csv"], 2, "don't go together"),
        (["--file", "train.csv"], 2, "--file needs --output"),
        (["x", "--output", "o.csv"], 2, "go with --file"),
        (["x", "--text", "review"], 2, "go with --file"),
        (["x", "--bundle", "a", "--run", "b"], 2, "each name a bundle"),
        (["--file", "train.csv", "--output", "train.csv"], 2, "is the input file"),
        (["--file", "train.csv", "--output", "validation.csv"], 2, "--force"),
        (["--file", "train.csv", "--output", "o.doc"], 2, "which format"),
        (["--file", "trian.csv", "--output", "o.csv"], 5, "did you mean train.csv?"),
        (["--file", "train.csv", "--output", "o.csv", "--text", "txt"], 5, "--text=text"),
        (["x", "--run", "zzz"], 5, "no run 'zzz'"),
        (["x", "--bundle", "nowhere"], 5, "no folder nowhere"),
        (["x", "--bundle", "train.csv"], 5, "train.csv is a file, not a bundle's folder"),
        ([], 5, "no text to predict"),
        (["-"], 5, "no text to predict"),
        ([""], 5, "no text to predict"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_line(bundle, mlops, words, code, told):
    done = mlops("predict", *words)
    assert done.exit_code == code
    assert told in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) <= 2


def test_standard_input_that_is_not_utf8_names_the_line(bundle, mlops):
    done = mlops("predict", input="gut\ngrün\n".encode("cp1252"), json=True)
    assert done.exit_code == 5
    assert json.loads(done.stderr)["error"] == "standard input, line 2: byte 0xfc is not UTF-8"


def test_a_changed_bundle_does_not_answer(bundle, mlops):
    (bundle.path / "reference.json").write_text("{}", "utf-8")
    done = mlops("predict", "good")
    assert done.exit_code == 5
    assert "reference.json was changed after the export" in done.stderr


def test_a_run_without_a_bundle_says_how_to_make_one(project, mlops):
    project(FILES)
    run = keyword_run(project.path, WORDS, LABELS, DATA)
    done = mlops("predict", "good", "--run", "latest")
    assert done.exit_code == 5
    assert f"mlops export --onnx {run.id}" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["good film"], ["--file", "train.csv", "--output", "out.csv"]],
    ids=["texts", "file"],
)
def test_answers_with_the_base_install_alone(bundle, mlops_script, words):
    code = (
        "import sys; from mlops_cli.cli import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(' '.join({n.split('.')[0] for n in sys.modules}))"
    )
    python = mlops_script.with_name("python")
    done = subprocess.run(
        [python, "-c", code, "predict", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "onnxruntime" in loaded
    assert not loaded & BANNED


@pytest.mark.slow
def test_an_interrupt_leaves_no_output(bundle, project, mlops_script):
    rows = "".join(f"{n},{'good bad plot ' * 10}\n" for n in range(400_000))
    project({"in.csv": "id,text\n" + rows})
    running = subprocess.Popen(
        [mlops_script, "predict", "--file", "in.csv", "--output", "out.csv"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with running:
        assert "predicting in.csv" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        told = running.stderr.read()
    assert running.returncode == 130
    assert "Traceback" not in told
    assert not [path.name for path in project.path.iterdir() if "out.csv" in path.name]


def test_without_a_text_a_terminal_is_told_what_to_type(bundle, mlops_script):
    shell = pexpect.spawn(str(mlops_script), ["predict"], encoding="utf-8", timeout=60)
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 2
    assert "error: no text to predict" in shell.before
    assert 'hint: mlops predict "a text"' in shell.before


def test_a_long_text_leaves_room_for_its_label(bundle, mlops, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    done = mlops("predict", "good " * 30, "bad plot")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["label", "score", "text"]
    assert done.stdout.splitlines()[2].split()[0] == "pos"


def test_a_lone_name_of_a_table_is_that_of_a_file(bundle, project, mlops):
    project({"good": "", "my rows.csv": "text\ngood\n"})
    done = mlops("predict", "my rows.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "mlops predict --file 'my rows.csv' --output 'my rows-predicted.csv'" in done.stderr
    assert mlops("predict", "my rows.csv", "--output", "answers.csv").exit_code == 0
    assert (project / "answers.csv").read_text("utf-8").startswith("text,predicted_label")
    for words in (["good"], ["gone.csv"], ["my rows.csv", "good"], ["good " * 1000], ["a\0.csv"]):
        assert mlops("predict", *words, json=True).json["predictions"][0]["text"] == words[0]


MEASURED = """
import atexit, sys
from pathlib import Path
from mlops_cli.cli import main
sys.argv = ["mlops", "predict", "--quiet", "--file", sys.argv[1], "--output", sys.argv[2]]
# Of this program alone: what getrusage tells begins with the peak of the one that started it.
peak = lambda: Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
atexit.register(lambda: print(peak(), file=sys.stderr))
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_file_ten_times_as_long_takes_no_more_memory(bundle, project, ending):
    peaks, sizes, counts = [], [], (4 * WINDOW, 40 * WINDOW)
    for count in counts:
        source, target = project / f"rows-{count}.{ending}", project / f"answers-{count}.csv"
        with source.open("w", encoding="utf-8") as stream:
            stream.write("text,note\n" if ending == "csv" else "")
            for number in range(count):
                note = f"{number:08d}" * 125
                row = {"text": "good film", "note": note}
                stream.write(f"good film,{note}\n" if ending == "csv" else f"{json.dumps(row)}\n")
        command = [sys.executable, "-c", MEASURED, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stderr.splitlines()[-1]) * 1024)
        sizes.append(source.stat().st_size)
        with target.open("rb") as stream:
            assert sum(1 for _ in stream) == count + 1
    assert sizes[1] - sizes[0] > 140_000_000
    assert peaks[1] - peaks[0] < 40_000_000
