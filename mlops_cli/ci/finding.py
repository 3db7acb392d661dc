"""Which file a workflow is in."""

from pathlib import Path

from mlops_cli.ci import documents
from mlops_cli.errors import ConfigError, NotFoundError, UsageError

FOLDER = Path(".github") / "workflows"
ENDS = (".yml", ".yaml")
_USUAL = "ci"
"""The workflow that is meant where none is named and there are several."""


def files(root: Path) -> list[Path]:
    """The workflow files of a checkout, by name."""
    folder = root / FOLDER
    return sorted(one for one in folder.glob("*") if one.suffix in ENDS) if folder.is_dir() else []


def find(root: Path, named: str) -> Path:
    """The file of a workflow.

    Args:
        root: A checkout.
        named: The file, its stem, or the name of the workflow; empty for the only one, or `ci`.

    Raises:
        NotFoundError: There is none of that name, or none at all.
        UsageError: None is named, and there are several.
    """
    found = files(root)
    if not found:
        raise NotFoundError(
            f"there are no workflows here: {FOLDER} holds none", hint="mlops init makes some"
        )
    wanted = named or (found[0].stem if len(found) == 1 else _USUAL)
    for one in found:
        if wanted in (one.name, one.stem) or Path(wanted) == FOLDER / one.name:
            return one
    for one in found:
        if _names(one) == wanted.lower():
            return one
    there = ", ".join(one.stem for one in found)
    if not named:
        raise UsageError(f"which workflow? There are {there}", hint=f"mlops ci run {found[0].stem}")
    raise NotFoundError(f"there is no workflow {named!r}", hint=f"there are {there}")


def _names(file: Path) -> str:
    try:
        return str(documents.read(file, file.name).get("name") or "").lower()
    except ConfigError:
        return ""
