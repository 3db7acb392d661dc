"""Image classification on a real folder, beside scikit-learn's defaults on the same pixels.

    python benchmarks/images.py DIGITS [--seeds 3] [model.flip=false epochs=20 …]
    python benchmarks/images.py CIFAR --noisy noisy_labels.csv --clean clean --labels aggre worse

DIGITS and CIFAR are folders with `train` and `test`, each with a folder for each class. With
--noisy, a table in that folder with a column `file`, no training takes place: the labels of the
columns --labels are doubted, and the doubts judged by the column --clean.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.svm import SVC

TASK = ["task=image_classification", "model=convnet", "data=images"]


def pixels(folder: Path) -> tuple[NDArray[np.float64], list[str]]:
    """The values of each image from 0 to 1, and its class; all images are of one size."""
    files = sorted(file for file in folder.glob("*/*") if file.is_file())
    values = np.stack([np.asarray(Image.open(file)).ravel() for file in files]) / 255
    return values, [file.parent.name for file in files]


def peers(data: Path) -> dict[str, float]:
    """Test accuracy of scikit-learn's models of the pixels."""
    known, truth = pixels(data / "train")
    asked, expected = pixels(data / "test")
    models = {"logistic regression": LogisticRegression(max_iter=1000), "SVC": SVC()}
    return {name: model.fit(known, truth).score(asked, expected) for name, model in models.items()}


def ours(data: Path, seeds: int, words: list[str]) -> dict[str, float]:
    """Test accuracy of the network with each seed, and of the baselines that evaluate tells."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        settings = [*TASK, f"data.path={data}", f"seed=range({seeds})", *words]
        swept = mlops(folder, "train", "-m", *settings)["runs"]
        results = [mlops(folder, "evaluate", run["run"], "--split", "test") for run in swept]
    found = [result["metrics"]["accuracy"] for result in results]
    seen = {f"mlops convnet, run {number}": value for number, value in enumerate(found)}
    return {**results[0]["baselines"], **seen, "mlops convnet, mean": mean(found)}


def doubts(data: Path, noisy: str, clean: str, label: str, words: list[str]) -> dict[str, float]:
    """How well `mlops data label-errors` ranks the wrong labels of a column."""
    with (data / noisy).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    wrong = [row[clean] != row[label] for row in rows]
    settings = [*TASK, f"data.path={data / noisy}", "data.image=file", f"data.label={label}"]
    with tempfile.TemporaryDirectory() as work:
        options = ["--split", "all", "--top", str(len(rows)), "--by", "linear"]
        result = mlops(Path(work), "data", "label-errors", *options, *settings, *words)
    # The rows that are not suspected come after all that are.
    quality = np.ones(len(rows))
    for suspect in result["worst"]:
        quality[suspect["row"] - 2] = suspect["quality"] / 2
    hit = [wrong[suspect["row"] - 2] for suspect in result["worst"]]
    return {
        "share of wrong labels": mean(wrong),
        "average precision": float(average_precision_score(wrong, 1 - quality)),
        "precision and recall at the true count": sum(hit[: sum(wrong)]) / sum(wrong),
        "suspects": len(hit),
        "precision of the suspects": mean(hit),
        "recall of the suspects": sum(hit) / sum(wrong),
    }


def mlops(folder: Path, *words: str) -> dict[str, Any]:
    """What a command answers."""
    command = [sys.executable, "-m", "mlops_cli", *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mlops {' '.join(words)}\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> None:
    """Prints a figure a line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--noisy")
    parser.add_argument("--clean", default="clean")
    parser.add_argument("--labels", nargs="+", default=["aggre"])
    options = parser.parse_intermixed_args()
    data = options.data.resolve()
    if options.noisy:
        for label in options.labels:
            found = doubts(data, options.noisy, options.clean, label, options.words)
            print(label, "  ".join(f"{name} {value:.3f}" for name, value in found.items()))
        return
    for name, value in {**peers(data), **ours(data, options.seeds, options.words)}.items():
        print(f"{name:<28} {value:.4f}", flush=True)


if __name__ == "__main__":
    main()
