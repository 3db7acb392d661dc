"""The settings fit together, the data is what they say, and training leads to predictions.

Fast on purpose: a few training steps with a small model. The real training is `mlops train`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def mlops(*words, folder):
    """Runs `mlops … --json` in `folder` and returns its answer."""
    command = [sys.executable, "-m", "mlops_cli", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mlops {' '.join(words)}\n{done.stderr}"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A folder with everything of this project but its runs, so that tests leave none here."""
    folder = tmp_path_factory.mktemp("project")
    for path in ROOT.iterdir():
        if path.name not in {"runs", ".git", ".dvc", ".venv", "wandb", "outputs"}:
            (folder / path.name).symlink_to(path, target_is_directory=path.is_dir())
    return folder


@pytest.fixture(scope="module")
def run(copy):
    """A short training of a small model on a part of the project's own data."""
    return mlops("train", "experiment=smoke", folder=copy)


def test_settings_fit_together():
    mlops("config", "check", folder=ROOT)


def test_every_experiment_fits():
    for file in sorted((ROOT / "configs" / "experiment").glob("*.yaml")):
        mlops("config", "check", f"experiment={file.stem}", folder=ROOT)


def test_training_sees_the_data(copy, run):
    facts = json.loads((copy / "runs" / run["run"] / "run.json").read_text("utf-8"))

    assert facts["status"] == "finished"
    splits = facts["data"]["fingerprints"]
    assert {"train", "validation"} <= set(splits)
    assert len(set(splits.values())) == len(splits), "two splits hold the same rows"


def test_from_training_to_prediction(copy, run):
    exported = mlops("export", run["run"], "--onnx", folder=copy)
    assert exported["label_agreement"] == 1

    inputs = mlops("config", "show", folder=ROOT)["task"]["inputs"]
    texts = ["Some text here.", "Another one."] if inputs == "text_pair" else ["Some text here."]
    answers = mlops("predict", *texts, folder=copy)["predictions"]
    assert [answer["text"] for answer in answers] == ["Some text here."]
    answer = answers[0]
    if "label" in answer:
        assert answer["label"] == max(answer["scores"], key=answer["scores"].get)
