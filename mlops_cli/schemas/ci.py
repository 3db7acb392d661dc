"""What `mlops ci` lists and plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CiWishes:
    """What of a workflow is to be played, and how.

    Attributes:
        workflow: Its file, the stem of it, or its name; empty for the only one, or `ci`.
        jobs: Jobs to play, with what they need; all where it is empty.
        event: What is to have happened; None takes the first that the workflow answers to.
        tag: The tag that was pushed; None pushes the branch.
        inputs: `NAME=VALUE` of a dispatch.
        matrix: `NAME=VALUE` that the combinations of a matrix must have.
        payload: JSON of the event, as GitHub sends it; None: what is known here.
        variables: Variables of this environment that the steps get, as `NAME` or `NAME=VALUE`.
        uncommitted: Whether uncommitted changes are played as well.
        install: Whether steps install, into an environment that ends with the play.
        publish: Whether steps may publish.
        keep: Whether the clones stay.
    """

    workflow: str = ""
    jobs: Sequence[str] = ()
    event: str | None = None
    tag: str | None = None
    inputs: Sequence[str] = ()
    matrix: Sequence[str] = ()
    payload: Path | None = None
    variables: Sequence[str] = ()
    uncommitted: bool = False
    install: bool = False
    publish: bool = False
    keep: bool = False


@dataclass(frozen=True)
class PlayedStep:
    """A step, as it ended.

    Attributes:
        name: What it is called, behind the names of the actions that it is in.
        outcome: `success`, `failure` or `skipped`.
        seconds: How long it took.
        reason: Why it was skipped, or what else is to be known.
        exit_code: Of its script; None where none ran.
        forgiven: Whether the job goes on although it failed: `continue-on-error`.
    """

    name: str
    outcome: str
    seconds: float
    reason: str = ""
    exit_code: int | None = None
    forgiven: bool = False


@dataclass(frozen=True)
class PlayedJob:
    """A job, as it ended; of a matrix, one combination.

    Attributes:
        id: Its key in the workflow.
        name: Its name.
        matrix: The combination; empty where there is no matrix.
        outcome: `success`, `failure` or `skipped`.
        reason: Why it was skipped.
        seconds: How long it took.
        outputs: What it hands to the jobs that need it.
        steps: Its steps.
        summary: What its steps wrote for the summary, Markdown.
    """

    id: str
    name: str
    matrix: Mapping[str, Any]
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[PlayedStep] = ()
    summary: str = ""


@dataclass(frozen=True)
class Played:
    """A workflow, as it ended.

    Attributes:
        workflow: Its name.
        file: Where it is, seen from the repository.
        event: What was to have happened.
        ref: The branch or tag, as git writes it.
        commit: What was played.
        uncommitted: Whether that holds changes that are not committed.
        outcome: `success` or `failure`.
        exit_code: Of the first step that failed; 0 where none did.
        seconds: How long all of it took.
        jobs: Its jobs, in the order in which they were played.
        held: Commands that were not done, for they publish or install.
        pushed: Branches and tags that were pushed, to a stand-in of the remote.
        kept: Where the clones are; None where they are gone.
    """

    workflow: str
    file: str
    event: str
    ref: str
    commit: str
    uncommitted: bool
    outcome: str
    exit_code: int
    seconds: float
    jobs: Sequence[PlayedJob]
    held: Sequence[str] = ()
    pushed: Sequence[str] = ()
    kept: Path | None = None


@dataclass(frozen=True)
class ListedWorkflow:
    """A workflow that is there.

    Attributes:
        name: What GitHub shows.
        file: Where it is, seen from the repository.
        events: What it answers to.
        jobs: Each of its jobs, with how many steps it has.
        error: Why it can't be read; empty where it can.
    """

    name: str
    file: str
    events: Sequence[str]
    jobs: Mapping[str, int]
    error: str = ""


@dataclass(frozen=True)
class ListedWorkflows:
    """The workflows of a repository, by file."""

    workflows: Sequence[ListedWorkflow]
