"""Kills a training again and again, goes on with it, and looks for any difference in the end.

    python benchmarks/kills.py [--task NAME] [--kills 50] [--seed 0] [--json] [KEY=VALUE ...]
    python benchmarks/kills.py --task image_classification model=convnet

Trains once undisturbed. Then trains the same with SIGKILL at random moments (start-up, steps,
validation, the writing of each file) and resumes until it ends; as many trainings as it takes. All
must end with the same bytes of weights and the same metrics, and leave no half-written file. Ends
with exit code 1 where one does not.
"""

import argparse
import collections
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MLOPS = str(Path(sys.executable).parent / "mlops")
SETTINGS = {
    "data.size": "400",
    "epochs": "3",
    "trainer.threads": "1",
    "trainer.log_every": "1",
    "trainer.checkpoint_every": "0",
}
"""A small training that logs and saves at every step."""
FILES = ("last.ckpt", "best.safetensors", "model", "run.json", "metrics.jsonl")
"""What is written beside the place that it takes in the end."""
MOST_KILLS = 10
"""So often one training is killed; then it may end."""
POLL_SECONDS = 0.001
TIMES = ("time", "samples_per_second")


@dataclass(frozen=True)
class Process:
    """A training in a process of its own.

    Attributes:
        pid: Its number.
        running: Whether it has not ended.
        wait: Waits for its end, and gives the exit code: minus the signal where one ended it.
    """

    pid: int
    running: Callable[[], bool]
    wait: Callable[[], int]


Start = Callable[[Path, Sequence[str]], Process]
"""Starts `mlops WORDS` in a folder."""


@dataclass(frozen=True)
class Outcome:
    """What a finished training left behind.

    Attributes:
        model: SHA-256 of the model's files, the weights among them.
        metrics: The lines of `metrics.jsonl` without times.
        best: The metrics that `run.json` says.
        files: Everything in the run's folder.
    """

    model: dict[str, str]
    metrics: list[dict[str, Any]]
    best: dict[str, float]
    files: list[str]

    def differences(self, other: "Outcome") -> list[str]:
        """What is not the same."""
        names = ("model", "metrics", "best")
        files = sorted(set(self.files) ^ set(other.files))
        return [
            f"other {name}" for name in names if getattr(self, name) != getattr(other, name)
        ] + [f"{file} is {'left' if file in self.files else 'missing'}" for file in files]


@dataclass
class Report:
    """What came of it all.

    Attributes:
        kills: How many there were, by what the process was doing.
        trainings: How many there were, each killed several times.
        differences: One sentence for each; none if all is well.
    """

    kills: collections.Counter[str]
    trainings: int = 0
    differences: list[str] = field(default_factory=list)


def settings(task: str, words: Sequence[str]) -> list[str]:
    """What to type after `mlops train`: the task, ours, and those that were typed instead."""
    typed = dict(word.split("=", 1) for word in words)
    return [f"{name}={value}" for name, value in ({"task": task} | SETTINGS | typed).items()]


def read(run: Path) -> Outcome:
    """What a finished run says."""
    facts = json.loads((run / "run.json").read_text("utf-8"))
    model = (path for path in (run / "model").rglob("*") if path.is_file())
    return Outcome(
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in model},
        [{name: value for name, value in line.items() if name not in TIMES} for line in lines(run)],
        facts["metrics"],
        sorted(str(path.relative_to(run)) for path in run.rglob("*")),
    )


def lines(run: Path) -> list[dict[str, Any]]:
    """The whole lines of `metrics.jsonl` so far."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for line in (run / "metrics.jsonl").read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):  # It is being written.
                found.append(json.loads(line))
    return found


def status(run: Path) -> str:
    """What the run's record says of it."""
    return str(json.loads((run / "run.json").read_text("utf-8"))["status"])


def in_writing(run: Path) -> set[str]:
    """Names of the temporary files in the run's folder."""
    found: set[str] = set()
    for folder in (run, run / "checkpoints"):
        with contextlib.suppress(FileNotFoundError):
            found |= {path.name for path in folder.iterdir() if path.name.startswith(".")}
    return found


def written(temporary: str) -> str:
    """The file that a temporary one is to become; empty for none of those in FILES."""
    return next((name for name in FILES if temporary.startswith(f".{name}.")), "")


def in_validation(run: Path, ends: Sequence[int]) -> bool:
    """Whether an epoch's steps are done (they end at `ends`) and its metrics are not there yet."""
    found = lines(run)
    return bool(found) and found[-1]["step"] in ends and "val/loss" not in found[-1]


def doing(run: Path, ends: Sequence[int], since: int) -> str:
    """What a training that was just killed was doing; it began with `since` lines of metrics."""
    if not (run / "run.json").exists():
        return "start-up, before there is a record"
    names = sorted(filter(None, map(written, in_writing(run))))
    if names:
        return f"writing {names[0]}"
    if len(lines(run)) == since:
        return "start-up"
    if in_validation(run, ends):
        return "validation"
    if status(run) == "finished":
        return "the way out"
    return "the end" if lines(run)[-1]["step"] == ends[-1] else "steps"


class Killer:
    """Waits for the moment to kill, drawn anew for each process.

    Args:
        start: Starts the processes.
        draw: Draws the moments.
        seconds: How long an undisturbed training takes.
        ends: The steps that epochs end at.
    """

    def __init__(
        self, start: Start, draw: random.Random, seconds: float, ends: Sequence[int]
    ) -> None:
        self._start, self._draw, self._seconds, self._ends = start, draw, seconds, ends
        self.kills: collections.Counter[str] = collections.Counter()

    def train(self, run: Path, words: Sequence[str], most: int) -> int:
        """Trains to the end with at most so many kills; the exit code of the last process."""
        for left in range(most, -1, -1):
            known = (run / "run.json").exists()
            if known and status(run) == "finished":  # Killed on its way out.
                return 0
            command = ["--resume", run.name] if known else ["--run-id", run.name, *words]
            process = self._start(run.parents[1], ["train", *command])
            done = self._kill(process, run) if left else ""
            if not done:
                return process.wait()
            self.kills[done] += 1
        raise AssertionError("the last one is not killed")

    def _kill(self, process: Process, run: Path) -> str:
        """Kills the process; what it was doing, or nothing where it ended first."""
        since = len(lines(run))
        for due in self._plan(run, since):
            if due:
                break
            if not process.running():
                return ""
            time.sleep(POLL_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        return doing(run, self._ends, since) if process.wait() == -signal.SIGKILL else ""

    def _plan(self, run: Path, since: int) -> Iterator[bool]:
        """Says again and again whether the moment has come."""
        plan = self._draw.choice(("any time", "steps", "validation", "file", "file"))
        if plan == "any time":
            yield from self._after(self._draw.uniform(0, self._seconds))
        elif plan == "steps":
            lines_more = self._draw.randrange(1, max(2, 2 * self._ends[0]))
            while len(lines(run)) < since + lines_more:
                yield False
            yield from self._after(self._draw.uniform(0, 0.05))
        elif plan == "validation":
            while len(lines(run)) <= since or not in_validation(run, self._ends):
                yield False
            yield from self._after(self._draw.uniform(0, 0.02))
        else:
            file, passed = self._draw.choice(FILES), self._draw.randrange(3)
            seen = in_writing(run)  # What an earlier kill left.
            while passed >= 0:
                new = {name for name in in_writing(run) - seen if written(name) == file}
                seen |= new
                passed -= len(new)
                yield False
            yield from self._after(self._draw.choice((0.0, self._draw.uniform(0, 0.01))))
        yield True

    @staticmethod
    def _after(seconds: float) -> Iterator[bool]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield False


def survive(folder: Path, words: Sequence[str], kills: int, seed: int, start: Start) -> Report:
    """Trains with so many kills and compares every finished run with an undisturbed one.

    Args:
        folder: An empty folder for the project.
        words: The settings.
        kills: How many.
        seed: Seed of the moments.
        start: Starts a process.
    """
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n", "utf-8")
    began = time.monotonic()
    calm = folder / "runs" / "calm"
    if start(folder, ["train", "--run-id", calm.name, *words]).wait():
        return Report(collections.Counter(), differences=["the undisturbed training fails"])
    seconds = time.monotonic() - began
    expected = read(calm)
    ends = sorted({line["step"] for line in lines(calm) if "val/loss" in line})
    killer = Killer(start, random.Random(seed), seconds, ends)
    report = Report(killer.kills)
    while report.kills.total() < kills and not report.differences:
        run = calm.with_name(f"killed-{report.trainings}")
        code = killer.train(run, words, min(MOST_KILLS, kills - report.kills.total()))
        found = [f"the last command ends with {code}"] if code else read(run).differences(expected)
        report.differences += [f"{run.name}: {difference}" for difference in found]
        report.trainings += 1
    left = [path.name for path in (folder / "runs").iterdir() if path.name.startswith(".")]
    report.differences += [f"runs/{name} is left" for name in left]
    return report


def installed(folder: Path, words: Sequence[str]) -> Process:
    """Starts the installed command; what it says goes to the file `said`."""
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen([MLOPS, *words], cwd=folder, stdout=said, stderr=said)
    return Process(process.pid, lambda: process.poll() is None, process.wait)


def main() -> None:
    """Reads the command line, kills, and shows what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="settings of the training")
    parser.add_argument("--task", default="text_classification")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlops-kills-") as name:
        folder = Path(name)
        report = survive(
            folder, settings(options.task, options.words), options.kills, options.seed, installed
        )
        said = (folder / "said").read_text("utf-8", "replace")
    found = {
        "task": options.task,
        "kills": dict(report.kills.most_common()),
        "trainings": report.trainings,
        "differences": report.differences,
    }
    if options.json:
        print(json.dumps(found))
    else:
        for moment, count in report.kills.most_common():
            print(f"{count:5}  {moment}")
        print(
            f"{report.kills.total():5}  kills over {report.trainings} trainings, task "
            f"{options.task}: {'; '.join(report.differences) or 'the same bytes as undisturbed'}"
        )
    if report.differences:
        print(said[-3000:], file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
