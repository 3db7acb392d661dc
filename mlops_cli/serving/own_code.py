"""The user's own packages that a task is made of: a bundle knows them by hash, and holds none.

The graph is the bundle's; what makes its inputs and reads its outputs is in the project, where it
may be edited after the export.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, GateError
from mlops_cli.files import sha256
from mlops_cli.serving.bundle import Bundle

FIELD = "code"
"""Where `bundle.json` has their hashes; not there where a task is ours alone."""


def packages(spec: Mapping[str, Any]) -> list[str]:
    """The packages, whose modules the spec of a task names with dots."""
    return sorted({word.partition(".")[0] for word in _names(spec) if "." in word})


def hashes(spec: Mapping[str, Any], root: Path) -> dict[str, str]:
    """SHA-256 of each file of the packages, by its path in the project.

    Args:
        spec: What the bundle says of its task.
        root: The project.

    Raises:
        DataError: A file can't be read.
    """
    found = [file for name in packages(spec) for file in sorted((root / name).rglob("*.py"))]
    try:
        return {file.relative_to(root).as_posix(): sha256(file) for file in found}
    except OSError as error:
        raise DataError(f"{error.filename} can't be read ({error.strerror})") from error


def files(bundle: Bundle, root: Path) -> list[str]:
    """The files that belong to a bundle; of an older one, all of the packages."""
    return [name for name in hashes(bundle.task, root) if name in bundle.facts.get(FIELD, (name,))]


def changes(bundle: Bundle, root: Path) -> GateError | None:
    """How the files differ from those of the export; None where they don't, or nobody knows.

    Raises:
        DataError: A file can't be read.
    """
    exported = bundle.facts.get(FIELD)
    present = hashes(bundle.task, root) if exported else {}
    names = [name for name, known in (exported or {}).items() if present.get(name) != known]
    if not names:
        return None
    lineage = bundle.facts["lineage"].get("git") or {}
    again = "export again: mlops export --onnx"
    if lineage.get("commit") and not lineage.get("dirty_hash"):
        paths = shlex.join(names)
        again = f"git checkout {lineage['commit'][:12]} -- {paths}, or {again}"
    more = f" and {len(names) - 1} more" if names[1:] else ""
    verb = "was changed" if names[0] in present else "is gone"
    return GateError(
        f"{names[0]}{more}, of which the task of {bundle.run or 'the bundle'} is made, {verb} "
        "after the export",
        hint=again,
    )


def require_same(bundle: Bundle, root: Path) -> None:
    """Refuses a bundle whose task would be made of other files than it was exported with.

    Raises:
        GateError: A file was changed, or is gone.
        DataError: A file can't be read.
    """
    if changed := changes(bundle, root):
        raise changed


def warn(bundle: Bundle, root: Path, told: Callable[[str], None]) -> None:
    """Tells of a bundle that `require_same` refuses, in a line.

    Raises:
        DataError: A file can't be read.
    """
    if changed := changes(bundle, root):
        told(f"{changed.message}: answers may be others ({changed.hint})")


def _names(spec: Any) -> Iterable[str]:
    """Names of modules in the spec of a task."""
    if isinstance(spec, Mapping):
        for key, value in spec.items():
            if key in ("name", "kind", "module") and isinstance(value, str):
                if all(part.isidentifier() for part in value.split(".")):
                    yield value
            else:
                yield from _names(value)
