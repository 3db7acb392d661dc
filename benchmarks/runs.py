"""Measures how fast `mlops runs list` finds its way through many runs.

    python benchmarks/runs.py [--runs 10000] [--rounds 5] [--json]

Makes a project with runs whose records are as large as real ones, then times commands in processes
of their own: cold (nothing kept from an earlier list) and warm. The time that `mlops runs --help`
takes is start-up, and is taken off. On a busy machine the processor's time says more than the
wall's.
"""

import argparse
import dataclasses
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.task import HIGHER_IS_BETTER

MLOPS = str(Path(sys.executable).parent / "mlops")
COMMANDS = {
    "list": [],
    "list, best first": ["--sort", "val/mcc"],
    "list by metric and fact": ["--where", "val/mcc > 0.4 and model=bert"],
    "list by setting": ["--where", "lr < 1e-4 and trainer.weight_decay = 0.1"],
    "list all, JSON": ["--json"],
    "list all": ["--all"],
}
Seconds = tuple[float, float]
"""Wall time and processor time."""
GOAL = 1.0
"""Seconds after start-up."""


def make(root: Path, count: int) -> None:
    """Writes a project with `count` runs."""
    (root / "configs").mkdir(parents=True)
    (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    chance, base = random.Random(0), Config()
    for number in range(count):
        model = chance.choice(("tiny", "bert", "minilm"))
        lr = chance.choice((1e-5, 3e-5, 1e-4, 1e-3)) * chance.uniform(0.9, 1.1)
        config = dataclasses.replace(
            base,
            lr=lr,
            seed=chance.randrange(10),
            model=dataclasses.replace(base.model, name=model),
            trainer=dataclasses.replace(base.trainer, weight_decay=chance.choice((0.01, 0.1))),
        )
        began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * number)
        run = root / "runs" / f"{began:%Y%m%d-%H%M%S}-{model}-{chance.randrange(16**4):04x}"
        (run / "checkpoints").mkdir(parents=True)
        (run / "config.yaml").write_text(configs.to_yaml(config), "utf-8")
        (run / "overrides.yaml").write_text(f'- "model={model}"\n- "lr={lr:g}"\n', "utf-8")
        facts = _facts(run.name, model, began, chance)
        (run / "run.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def _facts(run: str, model: str, began: datetime, chance: random.Random) -> dict[str, Any]:
    seconds = chance.uniform(60, 3600)
    return {
        "id": run,
        "status": chance.choices(("finished", "failed", "interrupted"), (90, 7, 3))[0],
        "pid": chance.randrange(1000, 99999),
        "started": began.isoformat(timespec="milliseconds"),
        "model": model,
        "monitor": "mcc",
        "seed": 0,
        "git": {"commit": f"{began.toordinal():040x}", "branch": "main", "dirty_hash": None},
        "data": {
            "name": "file",
            "split": "stratified",
            "split_by": None,
            "fingerprints": dict.fromkeys(("train", "validation", "test"), "a7" * 32),
        },
        "precision": "32",
        "environment": {
            "python": "3.11.7",
            "platform": "Linux-6.18.44-x86_64-with-glibc2.36",
            "executable": "/home/ada/project/.venv/bin/python",
            "host": "bench",
            "cpu": "AMD EPYC",
            "cores": 2,
            "threads": 1,
            "memory_bytes": 25276510208,
            "gpus": [],
            "packages": {f"package-{n}": f"{n}.2.3" for n in range(13)},
        },
        "truncated": 0,
        "ended": (began + timedelta(seconds=seconds)).isoformat(timespec="milliseconds"),
        "metrics": {f"val/{metric}": chance.random() for metric in HIGHER_IS_BETTER},
        "epochs": 3.0,
        "seconds": seconds,
    }


def seconds(words: list[str], root: Path) -> Seconds:
    """Wall and processor time of one `mlops runs …`."""
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([MLOPS, "runs", *words], cwd=root, capture_output=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return wall, after.ru_utime - used.ru_utime + after.ru_stime - used.ru_stime


def measure(root: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds after start-up of every command, cold and warm."""
    start = _medians([seconds(["--help"], root) for _ in range(rounds + 2)])
    found = {"start-up": _columns(start, start)}
    for name, words in COMMANDS.items():
        times: dict[str, list[Seconds]] = {"cold": [], "warm": []}
        for _ in range(rounds):
            shutil.rmtree(root / "runs" / ".index", ignore_errors=True)
            for taken in times.values():
                taken.append(seconds(["list", *words], root))
        cold, warm = (
            tuple(one - all_ for one, all_ in zip(_medians(taken), start, strict=True))
            for taken in times.values()
        )
        found[name] = _columns(cold, warm)
    return found


def _medians(taken: Sequence[Seconds]) -> Seconds:
    wall, used = zip(*taken, strict=True)
    return statistics.median(wall), statistics.median(used)


def _columns(cold: tuple[float, ...], warm: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(("cold", "cold cpu", "warm", "warm cpu"), (*cold, *warm), strict=True))


def main() -> None:
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=10_000, help="runs of the project")
    parser.add_argument("--rounds", type=int, default=5, help="measured runs of each command")
    parser.add_argument("--keep", type=Path, help="make the project here, and leave it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder)
        if not (root / "runs").is_dir():
            make(root, options.runs)
        found = measure(root, options.rounds)
        size = sum(file.stat().st_size for file in (root / "runs" / ".index").glob("*.json"))
    if options.json:
        print(json.dumps({"median_seconds": found, "runs": options.runs, "cpus": os.cpu_count()}))
        return
    print("seconds after start-up".ljust(28) + "".join(f"{name:>10}" for name in found["list"]))
    for name, times in found.items():
        print(name.ljust(28) + "".join(f"{one:10.3f}" for one in times.values()))
    print(f"goal: {GOAL} s warm, on a machine that does nothing else")
    print(f"kept in runs/.index: {size / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
