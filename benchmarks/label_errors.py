"""How well `mlops data label-errors` finds labels that were flipped on purpose.

    python benchmarks/label_errors.py --data train.csv --text sentence --label label \
        [--rate 0.05] [--seeds 0 1 2] [--by linear model] [--folds 5] [--rows 2000] [--command]
        [KEY=VALUE …]

Each seed flips a share of the labels, each to another class drawn uniformly, and ranks all rows.
One line a seed and way: average precision of the ranking beside the share of flipped labels (what
a random ranking reaches), precision (which is recall as well) at their true number, and both of
the suspects. With --command, the flipped rows go to a file, which `mlops data label-errors --all`
ranks.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import numpy as np
from sklearn.metrics import average_precision_score

from mlops_cli import config, data, label_errors
from mlops_cli.data.examples import Examples
from mlops_cli.data.places import PlacedRows
from mlops_cli.output import Output
from mlops_cli.schemas.config import Config


def flipped(examples: Examples, rate: float, seed: int) -> tuple[Examples, set[int]]:
    """The rows with a share of their labels wrong, and the positions of those."""
    draw, labels = random.Random(seed), sorted(set(examples.targets))
    wrong = set(draw.sample(range(len(examples)), round(rate * len(examples))))
    targets = [
        draw.choice([label for label in labels if label != target]) if row in wrong else target
        for row, target in enumerate(examples.targets)
    ]
    return Examples(examples.inputs, targets), wrong


def measure(
    settings: Config, examples: Examples, wrong: set[int], by: str, folds: int | None
) -> dict[str, float | str]:
    """The figures of one ranking."""
    places = [("data", row) for row in range(len(examples))]
    began = time.perf_counter()
    found = label_errors.doubt(settings, PlacedRows(examples, places), by, folds, Output())
    seconds = time.perf_counter() - began
    rows = [row for _, row in found.rows.places]
    is_wrong = np.array([row in wrong for row in rows])
    first = np.argsort(found.ranking.quality, kind="stable")[: int(is_wrong.sum())]
    hits = is_wrong[found.ranking.suspects]
    precision = float(average_precision_score(is_wrong, -found.ranking.quality))
    return {
        "by": found.by,
        "average_precision": precision,
        "times_base_rate": precision / float(is_wrong.mean()),
        "at_true_count": float(is_wrong[first].mean()),
        "suspects": len(hits),
        "precision": float(hits.mean()) if len(hits) else 0.0,
        "recall": float(hits.sum() / is_wrong.sum()),
        "noise_rate": found.ranking.noise_rate,
        "mcc": found.metrics["mcc"],
        "seconds": seconds,
    }


def measure_command(
    words: list[str], examples: Examples, wrong: set[int], by: str, folds: int | None
) -> dict[str, float | str]:
    """The same figures of the installed command, from the file that it wrote for a review."""
    with tempfile.TemporaryDirectory() as folder:
        noisy, review = Path(folder, "noisy.jsonl"), Path(folder, "review.csv")
        with noisy.open("w", encoding="utf-8") as stream:
            for text, label in zip(examples.inputs["text"], examples.targets, strict=True):
                print(json.dumps({"text": text, "label": label}), file=stream)
        options = ["--by", by, "--split", "all", "--all", "--output", str(review)]
        command = [sys.executable, "-m", "mlops_cli", "data", "label-errors", *options]
        command += ["--json", "--quiet"]
        command += [] if folds is None else ["--folds", str(folds)]
        command += ["data=file", f"data.path={noisy}", *words]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        result = json.loads(done.stdout)
        with review.open(encoding="utf-8-sig", newline="") as stream:
            ranking = [int(row["row"]) - 1 for row in csv.DictReader(stream)]
    doubts = np.zeros(len(examples))
    for rank, row in enumerate(ranking):
        doubts[row] = len(ranking) - rank
    is_wrong = np.array([row in wrong for row in range(len(examples))])
    precision = float(average_precision_score(is_wrong, doubts))
    hits = is_wrong[ranking[: result["suspected"]]]
    return {
        "by": result["by"],
        "average_precision": precision,
        "times_base_rate": precision / float(is_wrong.mean()),
        "at_true_count": float(is_wrong[ranking[: len(wrong)]].mean()),
        "suspects": len(hits),
        "precision": float(hits.mean()) if len(hits) else 0.0,
        "recall": float(hits.sum() / len(wrong)),
        "noise_rate": result["noise_rate"],
        "mcc": result["mcc"],
        "seconds": result["seconds"],
    }


def main() -> None:
    """Prints a line of JSON for each seed and way, then the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--by", nargs="+", default=["linear"])
    parser.add_argument("--folds", type=int)
    parser.add_argument("--rows", type=int, help="only so many rows, classes in proportion")
    parser.add_argument("--command", action="store_true", help="ask the installed command")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    words = [
        *("data=file", f"data.path={options.data.resolve()}"),
        *(f"data.text={options.text}", f"data.label={options.label}"),
        *([f"data.limit={options.rows}"] if options.rows else []),
    ]
    settings = config.load([*words, *options.settings], root=Path.cwd())
    splits = data.load(settings.data, settings.seed, Output())
    parts = list(splits.named().values())
    if options.rows:
        parts = parts[:1]
    texts = [text for part in parts for text in part.inputs["text"]]
    examples = Examples({"text": texts}, [target for part in parts for target in part.targets])
    for by in options.by:
        found = []
        for seed in options.seeds:
            noisy, wrong = flipped(examples, options.rate, seed)
            found.append(
                measure_command(options.settings, noisy, wrong, by, options.folds)
                if options.command
                else measure(settings, noisy, wrong, by, options.folds)
            )
            print(json.dumps({"seed": seed, "rows": len(examples), **found[-1]}), flush=True)
        names = [name for name in found[0] if name != "by"]
        summary = {name: mean(float(one[name]) for one in found) for name in names}
        print(json.dumps({"mean_of": len(found), "by": by, **summary}), flush=True)


if __name__ == "__main__":
    main()
