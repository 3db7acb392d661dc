"""Where the steps of a job are played, and what they leave for those after them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.ci import environment
from mlops_cli.ci.holding import HELD
from mlops_cli.ci.masking import Masks
from mlops_cli.ci.sandbox import Sandbox
from mlops_cli.ci.shell import Shell
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.ci import PlayedStep

_REFUSED = ("GITHUB_", "RUNNER_", "NODE_OPTIONS")
"""Variables that no step sets for others, as the runner has it."""


@dataclass
class Room:
    """Where the steps of one job are played, and what they have left there so far.

    Attributes:
        box: The sandbox.
        ref: What is checked out.
        commit: Its commit.
        job: What the job is called in lines of progress.
        temporary: A folder for files that the steps are given.
        workspace: Where steps run.
        shell: Runs scripts.
        masks: Strikes out secrets.
        reporter: Told of progress.
        base: Variables of every step.
        contexts: What expressions may ask, of the job.
        defaults: Shell and folder of steps that name none.
        until: When the time of the job is up.
        variables: What steps wrote to GITHUB_ENV.
        paths: What they wrote to GITHUB_PATH, the newest first.
        status: How the job stands.
        played: The steps so far.
        exit_code: Of the first that failed.
        summary: What they wrote to GITHUB_STEP_SUMMARY.
        heard: How many lines there are of what was held back.
    """

    box: Sandbox
    ref: str
    commit: str
    job: str
    temporary: Path
    workspace: Path
    shell: Shell
    masks: Masks
    reporter: Reporter
    base: Mapping[str, str]
    contexts: Mapping[str, Any]
    defaults: tuple[Any, Any]
    until: float
    variables: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    status: str = "success"
    played: list[PlayedStep] = field(default_factory=list)
    exit_code: int = 0
    summary: list[str] = field(default_factory=list)
    heard: int = 0

    def files(self) -> dict[str, Path]:
        """New files that a step may write to, by the variables that name them."""
        files = {
            key: self.temporary / f"{len(self.played)}-{what}"
            for key, what in environment.FILES.items()
        }
        for file in files.values():
            file.touch()
        return files

    def harvest(self, files: Mapping[str, Path]) -> Mapping[str, str]:
        """Takes what a step wrote for those after it; its outputs.

        Raises:
            ValueError: It wrote what the runner can't read.
        """
        told = {key: file.read_text("utf-8", errors="replace") for key, file in files.items()}
        outputs = environment.assignments(told["GITHUB_OUTPUT"])
        self.variables |= {
            key: value
            for key, value in environment.assignments(told["GITHUB_ENV"]).items()
            if not key.startswith(_REFUSED)
        }
        paths = [line for line in told["GITHUB_PATH"].splitlines() if line.strip()]
        self.paths[:0] = reversed(paths)
        if told["GITHUB_STEP_SUMMARY"].strip():
            self.summary.append(self.masks.over(told["GITHUB_STEP_SUMMARY"].rstrip("\n")))
        return outputs

    def path(self, own: str) -> str:
        """PATH of a step: what steps added comes behind the scripts that hold back, which lead."""
        first, _, rest = own.partition(":")
        return ":".join((first, *self.paths, rest))

    def held(self) -> list[str]:
        """What was held back since it was asked last."""
        file = Path(self.base[HELD])
        told = file.read_text("utf-8", errors="replace").splitlines() if file.is_file() else []
        news, self.heard = told[self.heard :], len(told)
        return [self.masks.over(one) for one in news]

    def say(self, text: str) -> None:
        """Says a line about a step."""
        self.reporter.info(f"── {self.job} · {self.masks.over(text)}")
