"""Versions of models and their stages, how whole they are and how they differ, for people."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mlops_cli.reports.cells import plain_table
from mlops_cli.reports.runs import value
from mlops_cli.reports.version import short
from mlops_cli.schemas.verified import VerifyResult
from mlops_cli.schemas.versions import Model, ModelList, Placed, VersionDifference
from mlops_cli.wording import counted

_WIDEST = 40


def count(found: ModelList) -> str:
    """How many models and versions there are."""
    versions = sum(len(model.versions) for model in found.models)
    if not versions:
        return "No model is registered"
    return f"{counted(len(found.models), 'model')}, {counted(versions, 'version')}"


def after_list(found: ModelList) -> str:
    """What a person types after a list."""
    if not found.models:
        return "mlops models register"
    return f"mlops models show {found.models[0].name}"


def models(found: ModelList) -> RenderableType:
    """A model a line."""
    stages = sorted({stage for model in found.models for stage in model.stages})
    table = plain_table(("model", "highest", *stages, "versions", "registered"), ())
    for model in found.models:
        newest = next((one for one in model.versions if not one.deprecated), None)
        table.add_row(
            Text(model.name + (" (deprecated)" if model.deprecated else "")),
            newest.version if newest else "-",
            *(Text(short(model.stages.get(stage, "-"))) for stage in stages),
            _all(model),
            value(newest.registered, "started") if newest else "-",
        )
    return table


def placed(found: Placed, *, back: bool = False) -> str:
    """What happened to the stage."""
    name = f"{found.model} {found.version}"
    if not found.changed:
        return f"{name} is in {found.stage} already"
    before = f", where {found.before} was" if found.before else ""
    forced = ", though a gate failed" if found.forced else ""
    verb = "Rolled" if back else "Promoted"
    return f"{verb} {name} {'back ' if back else ''}to {found.stage}{before}{forced}"


def checks(found: Placed) -> RenderableType | None:
    """What each gate said, and how others learn of it."""
    if not found.changed:
        return None
    table = Table.grid(padding=(0, 2))
    for check in found.checks:
        mark = Text("✓", "green") if check.passed else Text("✗", "bold red")
        table.add_row(mark, Text(check.name), Text(check.said))
    return table


def after_placing(found: Placed) -> str:
    """What a person types next: others learn of it by a push."""
    if found.changed and found.remote:
        return f"git push --follow-tags {found.remote} mlops-registry"
    return f"mlops serve {found.model}@{found.stage}"


def whole(found: VerifyResult) -> str:
    """How many versions are whole."""
    if len(found.versions) == 1:
        return f"{found.versions[0].version} is whole"
    return f"All {len(found.versions)} versions are whole"


def verified(found: VerifyResult) -> RenderableType:
    """A version a line."""
    signed = any(one.signature for one in found.versions)
    signer = ("signed by",) if signed else ()
    table = plain_table(("version", "status", "files", "bytes", *signer), ())
    for one in found.versions:
        by = [Text(one.signer or "-")] if signed else []
        table.add_row(Text(one.version), one.status, str(one.files), f"{one.bytes:,}", *by)
    return table


def plain(found: VerifyResult) -> str:
    """The same in lines of text."""
    return "\n".join(
        f"{one.version}: {one.status}" + (", signature refused" * (one.signature == "refused"))
        for one in found.versions
    )


def compared(found: VersionDifference) -> str:
    """How much two versions differ."""
    if found.same:
        return f"{found.before} and {found.after} are the same bytes"
    things = counted(len(found.changes), "thing")
    return f"{found.before} and {found.after} differ in {things}"


def changes(found: VersionDifference) -> RenderableType:
    """A difference a line."""
    table = plain_table(("", "", found.before, found.after), ())
    part = ""
    for change in found.changes:
        cells = (Text(_cut(value(one))) for one in (change.before, change.after))
        table.add_row(change.part if change.part != part else "", Text(change.name), *cells)
        part = change.part
    return table


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _all(model: Model) -> str:
    gone = sum(one.deprecated for one in model.versions)
    return f"{len(model.versions)}" + (f", {gone} deprecated" if gone else "")
