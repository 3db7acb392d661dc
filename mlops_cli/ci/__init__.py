"""GitHub workflows on this machine: what they would do, in clean clones of the repository.

`workflows` reads them, `expressions` and `evaluation` reckon, `sandbox` clones, `jobs` and `steps`
play. What GitHub alone knows or does is skipped, and said so.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from mlops_cli import project
from mlops_cli.ci import environment, events, finding, jobs, sandbox, workflows
from mlops_cli.ci.events import Event
from mlops_cli.ci.masking import Given, Masks
from mlops_cli.ci.sandbox import Sandbox
from mlops_cli.errors import ConfigError, NotFoundError, StepError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.ci import (
    CiWishes,
    ListedWorkflow,
    ListedWorkflows,
    Played,
    PlayedJob,
)


def listing(root: Path) -> ListedWorkflows:
    """The workflows of the repository around a project, as they are in its folder."""
    repository = project.repository(root) or root
    return ListedWorkflows([_listed(one) for one in finding.files(repository)])


def run(root: Path, wishes: CiWishes, reporter: Reporter) -> Played:
    """Plays a workflow.

    Args:
        root: The project.
        wishes: What is to be played, and how.
        reporter: Told of progress, and of every line of output, without secrets.

    Raises:
        NotFoundError: There is no repository, commit, workflow or tag of that name.
        UsageError: The workflow has no such job, event or input.
        ConfigError: GitHub would refuse the workflow.
    """
    began = time.monotonic()
    with sandbox.opened(root, keep=wishes.keep) as box:
        before = box.refs()
        if wishes.uncommitted:
            box.with_changes()
        elif box.changed:
            reporter.warn(
                f"{box.changed} {'file is' if box.changed == 1 else 'files are'} not committed and "
                "not played (--uncommitted plays them, too)"
            )
        shared = _prepared(box, wishes, reporter)
        made = box.refs()
        played = _play(shared)
        pushed = [ref for ref, target in box.refs().items() if made.get(ref) != target]
        held = shared.held.read_text("utf-8").splitlines() if shared.held.is_file() else []
        failed = [one for one in played if one.outcome == "failure" and not one.reason]
        return Played(
            workflow=shared.workflow.name,
            file=shared.workflow.file,
            event=shared.event.name,
            ref=shared.event.ref,
            commit=shared.commit,
            uncommitted=before != made,
            outcome="failure" if failed else "success",
            exit_code=next(map(_code, failed), 0),
            seconds=round(time.monotonic() - began, 1),
            jobs=played,
            held=list(dict.fromkeys(map(shared.masks.over, held))),
            pushed=pushed,
            kept=box.folder if wishes.keep else None,
        )


def require(played: Played) -> None:
    """Raises StepError, with the exit code of the first step that failed, where one did."""
    for job in played.jobs:
        for step in job.steps:
            if step.outcome == "failure" and not step.forgiven and not job.reason:
                raise StepError(
                    f"{job.name}: {step.name} failed: {step.reason}",
                    hint="--keep keeps the clone, to look into",
                    exit_code=played.exit_code,
                )


def _code(job: PlayedJob) -> int:
    codes = (
        step.exit_code for step in job.steps if step.outcome == "failure" and not step.forgiven
    )
    return next((code for code in codes if code), StepError.exit_code)


def _prepared(box: Sandbox, wishes: CiWishes, reporter: Reporter) -> jobs.Play:
    """Settles what is played: the event, its commit, and the workflow as that commit has it."""
    ref = f"refs/tags/{wishes.tag}" if wishes.tag else f"refs/heads/{box.branch}"
    if ref not in box.refs():
        raise NotFoundError(f"there is no tag {wishes.tag!r}", hint="git tag --list")
    workflow = _committed(box, ref, wishes)
    name = events.choose(workflow, wishes.event, dispatched=bool(wishes.inputs))
    tag = events.tag_for(workflow, name, wishes.tag, box.tags())
    if tag and not wishes.tag:
        # What was pushed may be another commit, with another workflow in it.
        reporter.info(f"the tag {tag} is played")
        workflow = _committed(box, f"refs/tags/{tag}", wishes)
        events.choose(workflow, name)
    given = events.inputs(workflow, name, wishes.inputs)
    event = Event(name, "" if tag else box.branch, tag, box.main_branch(), given, {})
    commit = box.commit_of(f"refs/tags/{tag}" if tag else f"refs/heads/{box.branch}")
    repository = environment.repository_name(box.repository)
    told = events.payload(event, wishes.payload, repository, commit)
    event = Event(name, event.branch, tag, event.base, given, told)
    events.tell_filters(workflow, event, reporter)
    masks, base = Masks(), environment.base(wishes.variables)
    return jobs.Play(
        box=box,
        workflow=workflow,
        event=event,
        commit=commit,
        wishes=wishes,
        wanted=events.pairs(wishes.matrix, "--matrix"),
        base=base,
        secrets=Given(masks),
        known=Given(),
        masks=masks,
        reporter=reporter,
    )


def _committed(box: Sandbox, ref: str, wishes: CiWishes) -> workflows.Workflow:
    """The workflow as it is in a commit."""
    if box.source.exists():
        shutil.rmtree(box.source)
    box.check_out(box.source, ref, box.commit_of(ref), depth=1)
    try:
        file = finding.find(box.source, wishes.workflow)
    except NotFoundError as error:
        found = finding.files(box.repository)
        named = wishes.workflow or (found[0].stem if found else "")
        if ref.startswith("refs/tags/") and any(named in (one.stem, one.name) for one in found):
            raise NotFoundError(
                f"the commit of {ref.removeprefix('refs/tags/')} has no workflow {named!r}: "
                "GitHub would not run it",
                hint="GitHub reads a workflow in the very commit that a tag points to",
            ) from error
        if not wishes.uncommitted and any(named in (one.stem, one.name) for one in found):
            raise NotFoundError(
                f"the workflow {named!r} is not committed",
                hint="git add and git commit it, or --uncommitted",
            ) from error
        raise
    return workflows.read(file, file.relative_to(box.source).as_posix())


def _play(shared: jobs.Play) -> list[PlayedJob]:
    ended: dict[str, Sequence[PlayedJob]] = {}
    for job in jobs.in_order(shared.workflow.jobs, shared.wishes.jobs):
        try:
            ended[job.id] = jobs.play(shared, job, ended)
        except ConfigError as error:
            place = f"{shared.workflow.file}: {job.id}"
            if error.message.startswith(place):
                raise
            raise ConfigError(f"{place}: {error.message}", hint=error.hint) from error
    return [one for several in ended.values() for one in several]


def _listed(file: Path) -> ListedWorkflow:
    shown = (finding.FOLDER / file.name).as_posix()
    try:
        found = workflows.read(file, shown)
    except ConfigError as error:
        return ListedWorkflow(file.stem, shown, (), {}, error.message)
    counts = {name: len(job.steps) for name, job in found.jobs.items()}
    return ListedWorkflow(found.name, shown, list(found.events), counts)
