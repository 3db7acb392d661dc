"""Data drift on real pairs: what must be told apart, and what must not.

    python benchmarks/drift.py [--data DIR] [--halves 20] [--only cola,elec2] [--seed 0]
        [--json FILE]

Compares each shifted pair, then seeded random halves of each of its tables, and of both together.
Prints a table: verdict, reasons, AUC of the domain classifier, false alarms of the halves.
"""

import argparse
import csv
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.data import drift
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.drift import DriftConfig, DriftResult

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Pair:
    """Two tables that differ.

    Attributes:
        reference: The one, below the folder of data sets.
        current: The other.
        selection: Which columns to compare.
        renamed: New names of the reference's labels.
    """

    reference: str
    current: str
    selection: drift.Selection = field(default_factory=drift.Selection)
    renamed: dict[str, str] = field(default_factory=dict)


ADULT = ("adult/drift_reference_age_le_30.csv", "adult/drift_current_age_ge_50.csv")
REVIEWS = ("imdb-cad/test.csv", "custrev/all.csv")
PAIRS = {
    "imdb-custrev": Pair(*REVIEWS),
    "imdb-custrev, labels mapped": Pair(*REVIEWS, renamed={"Positive": "1", "Negative": "0"}),
    "imdb-custrev, text alone": Pair(*REVIEWS, drift.Selection(columns=("text",))),
    "nsmc": Pair("nsmc/drift_reference_2006.csv", "nsmc/drift_current_2015.csv"),
    "nsmc, text alone": Pair(
        "nsmc/drift_reference_2006.csv",
        "nsmc/drift_current_2015.csv",
        drift.Selection(columns=("document",)),
    ),
    "adult": Pair(*ADULT, drift.Selection(label="income")),
    "adult without age and income": Pair(*ADULT, drift.Selection(ignore=("age", "income"))),
    "elec2": Pair(
        "elec2/drift_reference.csv", "elec2/drift_current.csv", drift.Selection(label="class")
    ),
    "cola": Pair("cola/validation_in_domain.csv", "cola/validation_out_of_domain.csv"),
}
"""Each pair, by name."""


def read(path: Path) -> Rows:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Writes rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def compare(reference: Path, current: Path, pair: Pair, seed: int) -> DriftResult:
    """One comparison with the default settings."""
    return drift.run(
        reference, current, pair.selection, DriftConfig(), seed=seed, reporter=SilentReporter()
    )


def halves(rows: Rows, folder: Path, seed: int) -> tuple[Path, Path]:
    """The rows in two random halves."""
    order = rows[:]
    random.Random(seed).shuffle(order)
    middle = len(order) // 2
    return write(folder / "first.csv", order[:middle]), write(folder / "second.csv", order[middle:])


def alarms(rows: Rows, pair: Pair, folder: Path, options: argparse.Namespace) -> list[list[str]]:
    """The reasons of each false alarm."""
    found = []
    for number in range(options.halves):
        seed = 1000 * options.seed + number
        result = compare(*halves(rows, folder, seed), pair, seed)
        if result.drifted:
            found.append(result.reasons)
    return found


def measure(name: str, pair: Pair, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The pair's verdict and the false alarms of its halves."""
    reference, current = (read(options.data / path) for path in (pair.reference, pair.current))
    for row in reference if pair.renamed else ():
        row["label"] = pair.renamed[row["label"]]
    paths = write(folder / "reference.csv", reference), write(folder / "current.csv", current)
    began = time.perf_counter()
    result = compare(*paths, pair, options.seed)
    seconds = time.perf_counter() - began
    areas = [check.effect for check in result.checks if check.measure == "AUC"]
    sets = {"reference": reference, "current": current, "both": reference + current}
    return {
        "pair": name,
        "drifted": result.drifted,
        "auc": max(areas, default=None),
        "checks": len(result.checks),
        "reasons": result.reasons,
        "seconds": seconds,
        "alarms": {part: alarms(rows, pair, folder, options) for part, rows in sets.items()},
    }


def show(row: dict[str, Any], count: int) -> None:
    """One line of the table, and a line for each false alarm."""
    false = "  ".join(f"{part} {len(found)}/{count}" for part, found in row["alarms"].items())
    auc = "  -  " if row["auc"] is None else f"{row['auc']:.3f}"
    verdict = "drifted" if row["drifted"] else "MISSED"
    print(f"{row['pair']:<30} {verdict:<8} {auc}  {row['seconds']:5.2f} s  {false}")
    print(f"{'':30} {len(row['reasons'])}/{row['checks']}: {'; '.join(row['reasons'][:3])}")
    for part, found in row["alarms"].items():
        for reasons in found:
            print(f"{'':30} FALSE ALARM in {part}: {'; '.join(reasons)}")
    sys.stdout.flush()


def main() -> None:
    """Measures every pair that was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--halves", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = {
        name: pair
        for name, pair in PAIRS.items()
        if any(name.startswith(start) for start in options.only.split(","))
    }
    print(f"{'pair':<30} {'verdict':<8} {'AUC':<6} {'time':>6}   false alarms in random halves")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, pair in chosen.items():
            rows.append(measure(name, pair, Path(folder), options))
            show(rows[-1], options.halves)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
