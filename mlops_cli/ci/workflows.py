"""Workflows and composite actions, as they are written down."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.ci import documents
from mlops_cli.ci.documents import mapping
from mlops_cli.ci.finding import ENDS
from mlops_cli.errors import ConfigError, NotFoundError


@dataclass(frozen=True)
class Step:
    """A step. What may hold an expression is as it was written.

    Attributes:
        place: Where it is written, to be named in errors.
        id: By which others ask for its outputs.
        name: What it is called; None where it has no name.
        run: Its script; None where it uses an action.
        uses: The action; None where it has a script.
        inputs: What the action is given.
        env: Its variables.
        condition: Its `if`.
        shell: What runs the script; None takes the job's.
        folder: Where it runs, seen from the workspace; None takes the job's.
        forgiven: Its `continue-on-error`.
        minutes: Its `timeout-minutes`.
    """

    place: str
    id: str
    name: Any
    run: str | None
    uses: str | None
    inputs: Mapping[str, Any]
    env: Mapping[str, Any]
    condition: Any
    shell: Any
    folder: Any
    forgiven: Any
    minutes: Any


@dataclass(frozen=True)
class Job:
    """A job. What may hold an expression is as it was written.

    Attributes:
        id: Its key.
        name: Its name; its key by default.
        needs: Jobs that come before it.
        condition: Its `if`.
        runs_on: The machines it asks for.
        strategy: Its matrix, and what goes with that.
        env: Its variables.
        shell: What runs its scripts; None takes bash.
        folder: Where they run, seen from the workspace.
        forgiven: Its `continue-on-error`.
        minutes: Its `timeout-minutes`.
        outputs: What it hands to jobs that need it.
        steps: Its steps.
        apart: Why it can't be played at all: it runs in a container, or is another workflow.
    """

    id: str
    name: Any
    needs: Sequence[str]
    condition: Any
    runs_on: Any
    strategy: Mapping[str, Any]
    env: Mapping[str, Any]
    shell: Any
    folder: Any
    forgiven: Any
    minutes: Any
    outputs: Mapping[str, Any]
    steps: Sequence[Step]
    apart: str = ""


@dataclass(frozen=True)
class Workflow:
    """A workflow.

    Attributes:
        name: What GitHub shows.
        file: Where it is, seen from the repository.
        events: What it answers to, each with its filters and inputs.
        env: Variables of all its jobs.
        jobs: Its jobs, by key.
    """

    name: str
    file: str
    events: Mapping[str, Mapping[str, Any]]
    env: Mapping[str, Any]
    jobs: Mapping[str, Job]


@dataclass(frozen=True)
class Action:
    """A composite action of the repository.

    Attributes:
        name: Its name.
        folder: Where it is.
        inputs: What it takes, each with its default.
        outputs: What it tells, each as an expression.
        steps: Its steps.
    """

    name: str
    folder: Path
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    steps: Sequence[Step]


def read(file: Path, shown: str) -> Workflow:
    """A workflow.

    Args:
        file: Its file.
        shown: Its path, as people see it.

    Raises:
        ConfigError: It is none: what GitHub would refuse, too.
    """
    content = documents.read(file, shown)
    jobs = mapping(content.get("jobs"), f"{shown}: jobs")
    if not jobs:
        raise ConfigError(f"{shown} has no jobs")
    defaults = _defaults(content, shown)
    read_jobs = {name: _job(name, jobs[name], defaults, f"{shown}: {name}") for name in jobs}
    for job in read_jobs.values():
        for name in job.needs:
            if name not in read_jobs:
                raise ConfigError(
                    f"{shown}: {job.id} needs {name!r}, and there is no such job",
                    hint="there are " + ", ".join(read_jobs),
                )
    return Workflow(
        name=str(content.get("name") or shown),
        file=shown,
        events=_events(content.get("on"), shown),
        env=mapping(content.get("env"), f"{shown}: env"),
        jobs=read_jobs,
    )


def action(folder: Path, shown: str) -> Action | str:
    """The action in a folder, where it is composite; else what it runs in.

    Raises:
        NotFoundError: There is none.
        ConfigError: It can't be read.
    """
    file = next((folder / f"action{end}" for end in ENDS if (folder / f"action{end}").is_file()),
                None)  # fmt: skip
    if file is None:
        raise NotFoundError(f"there is no action in {shown}", hint="it needs an action.yml")
    content = documents.read(file, f"{shown}/{file.name}")
    runs = mapping(content.get("runs"), f"{shown}: runs")
    if runs.get("using") != "composite":
        return str(runs.get("using"))
    return Action(
        name=str(content.get("name") or folder.name),
        folder=folder,
        inputs=mapping(content.get("inputs"), f"{shown}: inputs"),
        outputs=mapping(content.get("outputs"), f"{shown}: outputs"),
        steps=list(_steps(runs.get("steps"), f"{shown}: step")),
    )


def _job(name: str, content: Any, defaults: Mapping[str, Any], place: str) -> Job:
    told = mapping(content, place)
    needs = told.get("needs") or []
    own = {**defaults, **_defaults(told, place)}
    apart = ""
    if "uses" in told:
        apart = f"it is the workflow {told['uses']}"
    elif told.get("container") or told.get("services"):
        apart = "it runs in a container" if told.get("container") else "it asks for services"
    return Job(
        id=name,
        name=told.get("name", name),
        needs=[needs] if isinstance(needs, str) else [str(one) for one in needs],
        condition=told.get("if"),
        runs_on=told.get("runs-on", ""),
        strategy=mapping(told.get("strategy"), f"{place}: strategy"),
        env=mapping(told.get("env"), f"{place}: env"),
        shell=own.get("shell"),
        folder=own.get("working-directory"),
        forgiven=told.get("continue-on-error", False),
        minutes=told.get("timeout-minutes", 360),
        outputs=mapping(told.get("outputs"), f"{place}: outputs"),
        steps=[] if apart else list(_steps(told.get("steps"), f"{place}: step")),
        apart=apart,
    )


def _steps(content: Any, place: str) -> Iterator[Step]:
    if not isinstance(content, list) or not content:
        raise ConfigError(f"{place.rpartition(':')[0]} has no steps")
    for number, one in enumerate(content, 1):
        told = mapping(one, f"{place} {number}")
        if ("run" in told) == ("uses" in told):
            raise ConfigError(f"{place} {number} must have run: or uses:, and not both")
        yield Step(
            place=f"{place} {number}",
            id=str(told.get("id") or ""),
            name=told.get("name"),
            run=None if "uses" in told else str(told["run"]),
            uses=str(told["uses"]) if "uses" in told else None,
            inputs=mapping(told.get("with"), f"{place} {number}: with"),
            env=mapping(told.get("env"), f"{place} {number}: env"),
            condition=told.get("if"),
            shell=told.get("shell"),
            folder=told.get("working-directory"),
            forgiven=told.get("continue-on-error", False),
            minutes=told.get("timeout-minutes"),
        )


def _events(content: Any, shown: str) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(content, str):
        content = [content]
    if isinstance(content, list):
        content = dict.fromkeys(map(str, content))
    if not isinstance(content, dict) or not content:
        raise ConfigError(f"{shown} does not say when it runs", hint="such as on: push")
    return {
        str(name): filters if isinstance(filters, dict) else {"schedule": filters}
        for name, filters in content.items()
    }


def _defaults(content: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    defaults = mapping(content.get("defaults"), f"{place}: defaults")
    return mapping(defaults.get("run"), f"{place}: defaults.run")
