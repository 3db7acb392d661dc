"""Plays a job, or each combination of its matrix."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops_cli.ci import environment, holding, matrix, standing, steps
from mlops_cli.ci.evaluation import Open, Scope, Unknown, holds, text_of, truth
from mlops_cli.ci.events import Event
from mlops_cli.ci.masking import Given, Masks
from mlops_cli.ci.room import Room
from mlops_cli.ci.sandbox import Sandbox
from mlops_cli.ci.shell import Shell
from mlops_cli.ci.workflows import Job, Workflow
from mlops_cli.errors import UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.ci import CiWishes, PlayedJob


@dataclass(frozen=True)
class Play:
    """What the jobs of a play share.

    Attributes:
        box: The sandbox.
        workflow: The workflow.
        event: What is to have happened.
        commit: What is played.
        wishes: What was asked for.
        wanted: Values that combinations of a matrix must have.
        base: Variables of every step.
        secrets: Secrets of the repository.
        known: Variables of the repository.
        masks: Strikes secrets out.
        reporter: Told of progress.
    """

    box: Sandbox
    workflow: Workflow
    event: Event
    commit: str
    wishes: CiWishes
    wanted: Mapping[str, str]
    base: Mapping[str, str]
    secrets: Given
    known: Given
    masks: Masks
    reporter: Reporter

    @property
    def held(self) -> Path:
        """The file of what was held back."""
        return self.box.folder / "held.txt"


def in_order(jobs: Mapping[str, Job], asked: Sequence[str]) -> list[Job]:
    """Jobs and what they need, each after what it needs.

    Args:
        jobs: Those of a workflow.
        asked: Those to play; all where it is empty.

    Raises:
        UsageError: There is no such job, or jobs need each other.
    """
    found: dict[str, Job] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise UsageError(f"the jobs {' → '.join((*above, name))} need each other")
        for need in jobs[name].needs:
            add(need, (*above, name))
        found.setdefault(name, jobs[name])

    for name in asked or jobs:
        if name not in jobs:
            raise UsageError(f"there is no job {name!r}", hint="there are " + ", ".join(jobs))
        add(name, ())
    return list(found.values())


def play(shared: Play, job: Job, needs: Mapping[str, Sequence[PlayedJob]]) -> list[PlayedJob]:
    """Plays a job; of a matrix, each combination. What can't be played is skipped, with a reason.

    Args:
        shared: What the jobs share.
        job: The job.
        needs: How the jobs that it needs ended.

    Raises:
        ConfigError: GitHub would refuse the workflow.
    """
    results = {name: _result(needs[name]) for name in job.needs}
    status = "success" if all(one == "success" for one in results.values()) else (
        "failure" if "failure" in results.values() else "skipped")  # fmt: skip
    contexts = _contexts(shared, job, needs, results)
    scope = Scope(contexts, status)
    reason = _refused(job, scope, status)
    dealt = matrix.combinations(job.strategy, scope) if not reason else [{}]
    if isinstance(dealt, Unknown):
        reason, dealt = f"only GitHub knows {dealt.name}, which its matrix asks", [{}]
    name = scope.text(job.name) if len(dealt) == 1 and not dealt[0] else str(job.id)
    if reason:
        shared.reporter.info(f"── {name}: skipped, {reason}")
        return [PlayedJob(job.id, name, {}, "skipped", reason)]
    return _combinations(shared, job, contexts, dealt)


def _combinations(
    shared: Play, job: Job, contexts: Mapping[str, Any], dealt: Sequence[Mapping[str, Any]]
) -> list[PlayedJob]:
    played: list[PlayedJob] = []
    ours = [one for one in dealt if not _other_python(job, contexts, one)]
    for combination in dealt:
        inner = {**contexts, "matrix": dict(combination)}
        scope = Scope(inner)
        name = _named(job, scope, combination)
        reason = _unplayable(scope.whole(job.runs_on))
        if not matrix.chosen(combination, shared.wanted):
            reason = "it was not asked for"
        elif len(dealt) > 1 and combination not in (ours or dealt[:1]):
            reason = f"it is for another Python than this {sys.version.split()[0]}"
        elif any(one.outcome == "failure" for one in played) and truth(
            scope.whole(job.strategy.get("fail-fast", True))
        ):
            reason = "another of the matrix failed"
        if reason:
            shared.reporter.info(f"── {name}: skipped, {reason}")
            played.append(PlayedJob(job.id, name, combination, "skipped", reason))
        else:
            played.append(_one(shared, job, name, inner))
    return played


def _one(shared: Play, job: Job, name: str, contexts: dict[str, Any]) -> PlayedJob:
    """Plays a job in a room of its own."""
    began = time.monotonic()
    folder = shared.box.folder / "jobs" / str(len(list((shared.box.folder / "jobs").glob("*"))))
    # The runner's, too, is called after the repository: so are models that have no other name.
    place = environment.repository_name(shared.box.repository).rpartition("/")[2]
    workspace, temporary = folder / "work" / place, folder / "temp"
    for made in (workspace, temporary, folder / "bin"):
        made.mkdir(parents=True)
    wishes, reporter, masks = shared.wishes, shared.reporter, shared.masks
    holding.scripts(folder / "bin", install=wishes.install, publish=wishes.publish)
    first = [folder / "bin", *holding.programs(folder, install=wishes.install)]
    github = {**contexts["github"], "workspace": str(workspace), "job": job.id}
    runner = environment.runner(temporary)
    base = _variables(shared, github, runner, [str(one) for one in first])
    contexts |= {"github": Open("github", github), "runner": runner}
    scope = Scope(contexts)
    env: dict[str, str] = {}
    for told in (shared.workflow.env, job.env):
        env |= {key: Scope({**contexts, "env": env}).text(value) for key, value in told.items()}
    shell = Shell(lambda line: reporter.info(masks.over(line)), masks.add)
    room = Room(
        box=shared.box,
        ref=shared.event.ref,
        commit=shared.commit,
        job=name,
        temporary=temporary,
        workspace=workspace,
        shell=shell,
        masks=masks,
        reporter=reporter,
        base=base,
        contexts=contexts,
        defaults=(job.shell, job.folder),
        until=began + 60 * steps.minutes(scope.whole(job.minutes)),
    )
    room.held()  # What jobs before it were told is not its own.
    try:
        known = steps.play(room, job.steps, env)
    finally:
        shell.close()
    asked = Scope({**contexts, "env": env, "steps": known})
    forgiven = room.status == "failure" and truth(scope.whole(job.forgiven))
    return PlayedJob(
        id=job.id,
        name=name,
        matrix=contexts.get("matrix", {}),
        outcome=room.status,
        reason="its failure is forgiven" if forgiven else "",
        seconds=round(time.monotonic() - began, 1),
        outputs={key: masks.over(asked.text(value)) for key, value in job.outputs.items()},
        steps=room.played,
        summary="\n".join(room.summary),
    )


def _variables(
    shared: Play, github: Mapping[str, Any], runner: Mapping[str, str], first: Sequence[str]
) -> dict[str, str]:
    """Variables of every step of a job; programs are looked for in `first` before all else."""
    base = {
        **shared.base,
        **environment.variables("GITHUB", {k: v for k, v in github.items() if isinstance(v, str)}),
        **environment.variables("RUNNER", runner),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(environment.write_event(Path(runner["temp"]), github["event"])),
        holding.HELD: str(shared.held),
        "PATH": ":".join([*first, shared.base.get("PATH", "/usr/bin:/bin")]),
    }
    base.pop("GITHUB_TOKEN", None)  # A step has it where it asks for it.
    return base


def _contexts(
    shared: Play,
    job: Job,
    needs: Mapping[str, Sequence[PlayedJob]],
    results: Mapping[str, str],
) -> dict[str, Any]:
    token = shared.secrets["GITHUB_TOKEN"]
    told = environment.github(shared.box, shared.event, shared.commit, shared.workflow.name)
    about = {
        name: {
            "result": results[name],
            "outputs": {key: value for one in needs[name] for key, value in one.outputs.items()},
        }
        for name in job.needs
    }
    return {
        "github": Open("github", {**told, "event": shared.event.payload, "token": token}),
        "secrets": shared.secrets,
        "vars": shared.known,
        "inputs": shared.event.inputs,
        "needs": about,
        "strategy": {key: value for key, value in job.strategy.items() if key != "matrix"},
        "matrix": {},
    }


def _refused(job: Job, scope: Scope, status: str) -> str:
    """Why a job is not played; empty where it is."""
    wanted = holds(replace(scope, status=status), job.condition)
    if isinstance(wanted, Unknown):
        return f"only GitHub knows {wanted.name}, which its condition asks"
    if not wanted:
        if status != "success" and not job.condition:
            return "a job that it needs did not succeed"
        return f"its condition does not hold: {text_of(job.condition)}"
    return job.apart


def _unplayable(runs_on: Any) -> str:
    words = runs_on if isinstance(runs_on, list) else [runs_on]
    systems = {"windows": "win32", "macos": "darwin"}
    for system, here in systems.items():
        if any(text_of(word).lower().startswith(system) for word in words):
            return (
                "" if sys.platform == here else f"it runs on {system}, and this is {sys.platform}"
            )
    return ""


def _other_python(job: Job, contexts: Mapping[str, Any], combination: Mapping[str, Any]) -> bool:
    """Whether a combination asks for a Python that is not this one."""
    scope = Scope({**contexts, "matrix": combination})
    asked = [
        scope.text(step.inputs.get("python-version"))
        for step in job.steps
        if step.uses and step.uses.partition("@")[0].lower() == standing.PYTHON
    ]
    return any(map(standing.other_python, filter(None, asked)))


def _named(job: Job, scope: Scope, combination: Mapping[str, Any]) -> str:
    name = scope.text(job.name)
    if combination and not (isinstance(job.name, str) and "matrix." in job.name):
        name += f" ({', '.join(map(text_of, combination.values()))})"
    return name


def _result(played: Sequence[PlayedJob]) -> str:
    outcomes = {one.outcome for one in played if not one.reason.startswith("its failure")}
    if "failure" in outcomes:
        return "failure"
    return "success" if "success" in outcomes or not outcomes else "skipped"
