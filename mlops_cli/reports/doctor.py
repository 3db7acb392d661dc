"""What `mlops doctor` found, for people."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.schemas.doctor import DoctorResult, Finding

_SIGNS = {
    "ok": ("✓", "green"),
    "fixed": ("✓", "bold green"),
    "absent": ("·", "dim"),
    "warning": ("!", "yellow"),
    "error": ("✗", "bold red"),
}
_FIXABLE = ("git", "dvc")


def headline(result: DoctorResult) -> str:
    """The state in one sentence."""
    parts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((result.errors, "error"), (result.warnings, "warning"))
        if count
    ]
    fixed = f", {result.fixed} fixed" if result.fixed else ""
    looked = f"looked at {len(result.findings)} things"
    return f"{', '.join(parts) or 'All is well'} ({looked}{fixed})"


def findings(result: DoctorResult) -> RenderableType:
    """A line a finding, and below it the remedy where there is something to do."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    area = ""
    for one in result.findings:
        sign, style = _SIGNS[one.status]
        table.add_row(
            Text(one.area if one.area != area else "", style="bold"),
            Text(f"{sign} {one.name}", style=style),
            _told(one),
        )
        area = one.area
    return table


def next_step(result: DoctorResult) -> str:
    """What a person types next."""
    by_us = [one for one in result.findings if one.status == "warning" and one.area in _FIXABLE]
    if by_us and not result.fixed:
        return "mlops doctor --fix"
    outside = any(one.area == "config" and one.status == "absent" for one in result.findings)
    return "mlops init my-project" if outside else "mlops train"


def _told(one: Finding) -> RenderableType:
    detail = Text(one.detail, style="dim" if one.status == "absent" else "")
    if one.status in ("error", "warning") and one.remedy:
        return Group(detail, Text(f"→ {one.remedy}", style="cyan"))
    return detail
