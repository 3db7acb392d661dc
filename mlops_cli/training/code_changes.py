"""What became of the project's code since a run began."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_cli import project
from mlops_cli.reporting import Reporter
from mlops_cli.tracking.record import Run

_FILE = b"diff --git "
_SHOWN = 3
"""So many files are named."""


def since(run: Run, facts: Mapping[str, Any], root: Path) -> str:
    """How the code differs from what a run began with, in words; empty where it does not.

    Nobody can tell where the run, or the project by now, is outside git.

    Args:
        run: The run.
        facts: What its `run.json` says.
        root: The project.
    """
    recorded = facts.get("git")
    began = recorded.get("commit") if isinstance(recorded, Mapping) else None
    now = project.git_facts(root)
    if not isinstance(recorded, Mapping) or not began or not now.commit:
        return ""
    found = []
    if began != now.commit:
        found.append(f"it began at commit {began[:12]}, and {now.commit[:12]} is checked out")
    if recorded.get("dirty_hash") != now.dirty_hash:
        before = _by_file(run.diff.read_bytes() if run.diff.is_file() else b"")
        present = _by_file(project.diff(root))
        names = [
            name for name in sorted({*before, *present}) if before.get(name) != present.get(name)
        ]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        of = f" of {', '.join(names[:_SHOWN])}{more}" if names else ""
        found.append(f"the uncommitted changes{of} are others")
    return "; ".join(found)


def warn(root: Path, reporter: Reporter) -> None:
    """Tells what of the code a run that begins now will not record."""
    if refusal := project.refused_by_git(root):
        reporter.warn(f"the run will not know its commit: {refusal.message} ({refusal.hint})")
    if left := [f"{name} ({why})" for name, why in project.unknown(root).left_out.items()]:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        reporter.warn(f"new files that the run will not keep: {', '.join(left[:_SHOWN])}{more}")


def _by_file(diff: bytes) -> dict[str, bytes]:
    """The changes of each file, by its path."""
    found = {}
    for part in (b"\n" + diff).split(b"\n" + _FILE)[1:]:
        # `a/NAME b/NAME`; git quotes a name with unusual characters.
        head = part.partition(b"\n")[0].decode("utf-8", "replace")
        found[re.split(r'"? "?b/', head)[-1].rstrip('"')] = part.rstrip(b"\n")
    return found
