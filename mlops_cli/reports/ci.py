"""What `mlops ci` found and played, for people."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.ci import ListedWorkflows, Played
from mlops_cli.wording import counted

_SIGNS = {"success": ("✓", "green"), "failure": ("✗", "bold red"), "skipped": ("·", "dim")}


def headline(played: Played) -> str:
    """The end of it in one sentence."""
    steps = [step for job in played.jobs for step in job.steps]
    done = sum(step.outcome != "skipped" for step in steps)
    left = len(steps) - done
    skipped = f", {left} skipped" if left else ""
    what = f"{played.workflow} ({played.event}) at {played.commit[:8]}"
    changes = " and what is not committed" if played.uncommitted else ""
    return f"Played {what}{changes}: {counted(done, 'step')}{skipped}, {played.seconds:.0f} s"


def played(played: Played) -> RenderableType:
    """A line a step, under its job; then what was held back and pushed to the stand-in."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "step", "outcome", "seconds", ""):
        table.add_column(
            heading, justify="right" if heading == "seconds" else "left",
            overflow="fold", no_wrap=heading in ("outcome", "seconds"),
        )  # fmt: skip
    for job in played.jobs:
        sign, style = _SIGNS[job.outcome]
        seconds = f"{job.seconds:.1f}" if job.steps else ""
        row = (Text(job.name, style="bold"), job.outcome, seconds, Text(job.reason))
        table.add_row(Text(sign, style=style), *row)
        for step in job.steps:
            sign, style = _SIGNS[step.outcome]
            seconds = f"{step.seconds:.1f}" if step.outcome != "skipped" else ""
            reason = f"{step.reason}, forgiven" if step.forgiven else step.reason
            row = (Text(f"  {step.name}"), step.outcome, seconds, Text(reason, style="dim"))
            table.add_row(Text(sign, style=style), *row)
    lines: list[RenderableType] = [table]
    lines += [Text(f"held back  {one}", style="yellow") for one in played.held]
    lines += [Text(f"pushed     {one}, to the stand-in of origin") for one in played.pushed]
    lines += [Text(f"kept       {played.kept}")] if played.kept else []
    return Group(*lines)


def text(one: Played) -> str:
    """The headline and the lines as plain text, for a play that failed."""
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(Text(f"✗ {headline(one)}", style="bold red"), soft_wrap=True)
        console.print(played(one))
    return captured.get()


def next_step(played: Played) -> str:
    """What a person types next."""
    return "git commit" if played.uncommitted else "git push"


def listed_headline(found: ListedWorkflows) -> str:
    """How many there are."""
    count = len(found.workflows)
    return (
        f"{count} workflow{'' if count == 1 else 's'}" if count else "There are no workflows here"
    )


def listed(found: ListedWorkflows) -> RenderableType:
    """A line a workflow."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("workflow", "file", "starts at", "jobs"):
        # All lie in one folder; a name is read whole, and typed.
        table.add_column(heading, overflow="fold", no_wrap=heading == "file")
    for one in found.workflows:
        file = one.file.rpartition("/")[2]
        jobs = ", ".join(f"{name} ({count})" for name, count in one.jobs.items())
        told = Text(one.error, style="red") if one.error else Text(jobs)
        table.add_row(Text(one.name), Text(file), Text(", ".join(one.events)), told)
    return table


def listed_next(found: ListedWorkflows) -> str:
    """What a person types next."""
    if not found.workflows:
        return "mlops init"
    return f"mlops ci run {found.workflows[0].file.rpartition('/')[2].rpartition('.')[0]}"
