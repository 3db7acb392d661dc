"""Measures how fast the door opens, beside bare Python and `dvc --help`, in one interleaved run.

    python benchmarks/startup.py [--rounds 15] [--json]

Each command runs once unmeasured, then in turns with the others; medians are compared.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import installed

BIN = Path(sys.executable).parent
MLOPS, DVC = str(BIN / "mlops"), str(BIN / "dvc")
COMPLETION = {
    "_MLOPS_COMPLETE": "complete_bash",
    "COMP_WORDS": "mlops train mo",
    "COMP_CWORD": "2",
}
COMMANDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "bare python": ([sys.executable, "-c", "pass"], {}),
    "dvc --help": ([DVC, "--help"], {}),
    "mlops --help": ([MLOPS, "--help"], {}),
    "mlops --version": ([MLOPS, "--version"], {}),
    "mlops train mo<TAB>": ([MLOPS], COMPLETION),
    "mlops train lrr=1 (a mistake)": ([MLOPS, "train", "lrr=1"], {}),
    "mlops config show": ([MLOPS, "config", "show"], {}),
}
GOALS = {
    "mlops --help": 0.2,
    "mlops --version": 0.2,
    "mlops train mo<TAB>": 0.2,
    "mlops train lrr=1 (a mistake)": 0.5,
    "mlops config show": 0.6,
}


def seconds(name: str, folder: str) -> float:
    """Wall time of one run of a command."""
    words, more = COMMANDS[name]
    environment = installed.environment() | more
    began = time.perf_counter()
    subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False)
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, float]:
    """Median seconds of every command, in a project of its own."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder, "configs")
        configs.mkdir()
        (configs / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
        for name in COMMANDS:
            seconds(name, folder)
        for _ in range(rounds):
            for name in COMMANDS:
                times[name].append(seconds(name, folder))
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="measured runs of each command")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    medians = measure(options.rounds)
    if options.json:
        print(json.dumps({"median_seconds": medians, "goals": GOALS, "rounds": options.rounds}))
        return
    print(f"{'command':32}{'median s':>10}{'x dvc':>8}{'x python':>10}{'goal s':>8}")
    for name, median in medians.items():
        dvc, python = median / medians["dvc --help"], median / medians["bare python"]
        goal = GOALS.get(name, "")
        print(f"{name:32}{median:10.3f}{dvc:8.2f}{python:10.1f}{goal:>8}")


if __name__ == "__main__":
    main()
