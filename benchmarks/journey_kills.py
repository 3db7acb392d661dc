"""Kills the journey (scripts/journey) at random moments, takes it up again, and looks at its end.

    eval "$(scripts/docker-engine up)"
    python benchmarks/journey_kills.py [FOLDER] [--kills 30] [--seed 0] [--first FILE] [--json]

The journey is played once undisturbed, which tells how long each step takes; `--first` keeps that,
or takes what was kept. Then it is played in a fresh folder, and at moments that are spread over
its steps SIGKILL ends its whole process group; the same words take it up again. Each step looks
from outside whether what was claimed is so, whether it was killed or not. Ends with exit code 1
where the journey does not come to its end.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "journey"
BIN = Path(sys.executable).parent
STEP = "== "
"""What the line begins with that names a step."""


@dataclass(frozen=True)
class Kill:
    """A moment of a step.

    Attributes:
        step: Its name.
        seconds: After it began.
        after: The steps that follow.
    """

    step: str
    seconds: float
    after: tuple[str, ...]


class Journey:
    """The script in a folder, played as often as it takes.

    Args:
        folder: Where; made by the script.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self.seconds: dict[str, float] = {}

    def play(self, kill: Kill | None = None) -> str | None:
        """Plays it from where it is, to its end or to a moment.

        Returns:
            The step that it was killed in; None where it came to its end.

        Raises:
            SystemExit: It failed.
        """
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        said = self.log.open("a", encoding="utf-8")
        began = len(self.log.read_text("utf-8"))
        with (
            said,
            subprocess.Popen(
                [SCRIPT, self.folder],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            ) as process,
        ):
            since, step = time.monotonic(), ""
            while process.poll() is None:
                time.sleep(0.02)
                now = self._step(began)
                if now != step:
                    self._passed(step, since)
                    since, step = time.monotonic(), now
                if kill and self._due(kill, step, time.monotonic() - since):
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    return step
            self._passed(step, since)
        if process.returncode:
            last = self.log.read_text("utf-8").splitlines()[-30:]
            sys.exit("\n".join([*last, f"the journey failed in {step}; all it said: {self.log}"]))
        return None

    @staticmethod
    def _due(kill: Kill, step: str, seconds: float) -> bool:
        """Whether the moment is there; taken up again, a step may be over before it."""
        if step == kill.step:
            return seconds >= kill.seconds
        return step in kill.after

    def _passed(self, step: str, since: float) -> None:
        if step:
            self.seconds[step] = round(time.monotonic() - since, 2)

    def _step(self, began: int) -> str:
        lines = self.log.read_text("utf-8")[began:].splitlines()
        named = [line.removeprefix(STEP) for line in lines if line.startswith(STEP)]
        return named[-1] if named else ""


def moments(seconds: dict[str, float], kills: int, seed: int) -> list[Kill]:
    """Moments spread evenly over all the time that the steps take, each at random in its part."""
    chosen, ends = random.Random(seed), list(itertools.accumulate(seconds.values()))
    found = []
    for number in range(kills):
        at = (number + chosen.random()) * ends[-1] / kills
        step = next(place for place, end in enumerate(ends) if at < end)
        names, began = list(seconds), ends[step - 1] if step else 0
        found.append(Kill(names[step], round(at - began, 2), tuple(names[step + 1 :])))
    return found


def main() -> None:
    """Plays, kills, and tells."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="a fresh one by default")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=Path, help="how long each step takes, kept in a file")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="journey-"))
    folder.mkdir(parents=True, exist_ok=True)
    if asked.first and asked.first.is_file():
        seconds = json.loads(asked.first.read_text("utf-8"))
    else:
        first = Journey(folder / f"first-{os.getpid()}")
        first.play()
        seconds = first.seconds
        if asked.first:
            asked.first.write_text(json.dumps(seconds, indent=1), "utf-8")
    journey, done = Journey(folder / f"killed-{os.getpid()}"), []
    for kill in moments(seconds, asked.kills, asked.seed):
        step = journey.play(kill)
        if step is None:
            break  # It was quicker than at first.
        done.append(step)
        if not asked.json:
            print(f"killed in {step}, aimed at {kill.seconds} s of {kill.step}", flush=True)
    while journey.play() is not None:
        pass
    told = {"kills": done, "seconds": seconds}
    if asked.json:
        print(json.dumps(told))
    else:
        print(f"{len(done)} kills, and the journey came to its end with everything as claimed")
    if asked.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
