"""A project in git and DVC with the bundles of several models that need no training."""

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from own import held
from own.bundles import DATA, FILES, keyword_bundle

from mlops_cli import versioning

WORDS = {
    "fair": {"good": [0.0, 2.0], "bad": [2.0, 0.0]},
    "better": {"good": [0.0, 2.0], "bad": [2.0, 0.0], "plot": [3.0, 0.0]},
    "best": {"good": [0.0, 2.0], "bad": [2.0, 0.0], "plot": [3.0, 0.0], "a": [0.0, 4.0]},
    "worse": {"good": [2.0, 0.0], "bad": [0.0, 2.0]},
}
"""Votes of the words for neg and pos. Of the four rows of validation, fair knows 2, better 3,
best 4 and worse none for sure."""

CONFIG = (
    "defaults: [base, {override data: file}, _self_]\n"
    "data: {path: train.csv, validation_path: validation.csv, test_fraction: 0}\n"
)


@dataclass(frozen=True)
class Registry:
    """The project.

    Attributes:
        root: Its folder.
        runs: The run of each model of `WORDS`, and of `odd`, whose labels are others.
    """

    root: Path
    runs: dict[str, str]

    def bundle(self, name: str) -> Path:
        """The bundle of a model."""
        return self.root / "runs" / self.runs[name] / "bundle"

    def copied(self, folder: Path) -> "Registry":
        """The same in another folder."""
        return Registry(Path(shutil.copytree(self.root, folder)), self.runs)

    def git(self, *words: str) -> str:
        """What git says."""
        said: str = held.git(self.root, *words)
        return said


def make(root: Path) -> Registry:
    """Makes it in an empty folder, which is the current one."""
    held.git(root, "init", "--quiet")
    versioning.init(root, git=True)
    (root / "configs").mkdir()
    (root / "configs" / "config.yaml").write_text(CONFIG, "utf-8")
    (root / ".gitignore").write_text("/runs/\n/.mlops/\n/.dvc-storage/\n", "utf-8")
    for name, text in FILES.items():
        (root / name).write_text(text, "utf-8")
    held.git(root, "add", "--all")
    held.git(root, "commit", "--quiet", "-m", "Begin")
    runs = {name: keyword_bundle(root, words, data=DATA).run for name, words in WORDS.items()}
    for name in FILES:
        (root / f"odd-{name}").write_text(FILES[name].replace("pos", "fine"), "utf-8")
    odd = [word.replace("=train", "=odd-train").replace("=valid", "=odd-valid") for word in DATA]
    runs["odd"] = keyword_bundle(root, WORDS["fair"], ["neg", "fine"], odd).run
    for name in FILES:
        (root / f"odd-{name}").unlink()
    return Registry(root, runs)


def refused(done, code: int, message: str, hint: str = "") -> None:
    """Looks whether a command refused in one line and a hint."""
    assert done.exit_code == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith(f"error: {message}"), done.stderr
    assert lines[1].startswith("hint: "), done.stderr
    assert hint in lines[1], done.stderr


def killed(words: list[str], root: Path, number: int) -> int:
    """Runs `mlops WORDS` until its nth command of git is done, and is killed then.

    Returns:
        Its exit code: minus the signal, unless it came to its end before.
    """
    process = os.fork()  # What is imported here is there already.
    if not process:
        try:
            os._exit(_dying(words, root, number))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _dying(words: list[str], root: Path, number: int) -> int:
    from conftest import run_mlops

    from mlops_cli.registry import repository

    os.chdir(root)
    real, count = repository.subprocess.run, 0

    def counted(*arguments, **options):
        nonlocal count
        done = real(*arguments, **options)
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    repository.subprocess.run = counted
    return run_mlops(*words).exit_code
