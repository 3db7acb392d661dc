"""`mlops update`: merges a newer template into a project and keeps the user's edits.

    base    the render the project came from (.copier-base.zip)
    ours    the committed files of the project
    theirs  the present template, rendered with the project's answers

The merge is computed apart; then its changes are written over a clean work tree, each file whole,
with a journal in the git folder: an update that was killed is undone by the next one.
"""

import base64
import json
import os
import re
import tempfile
from pathlib import Path

from mlops_cli import __version__
from mlops_cli.errors import NotFoundError, UsageError
from mlops_cli.files import write_json
from mlops_cli.project import packaged_template, refused_by_git
from mlops_cli.reporting import Reporter
from mlops_cli.scaffold import git, merge, template
from mlops_cli.scaffold.merge import Change
from mlops_cli.schemas.scaffold import UpdateResult


def run(
    root: Path, reporter: Reporter, *, check: bool = False, source: Path | None = None
) -> UpdateResult:
    """Merges the present template into the project at `root`; nothing is committed.

    Args:
        root: The project.
        reporter: Hears of an interrupted update that was undone.
        check: Only find out what would change.
        source: The template; the packaged one if None.

    Raises:
        NotFoundError: The folder is no project made by `mlops init`.
        UsageError: It has no commit, or uncommitted changes.
        DataError: What the project remembers of its template is damaged, or git refuses to work.
    """
    if not (root / template.ANSWERS).is_file():
        raise NotFoundError(
            f"{root} is no project: it has no {template.ANSWERS}",
            hint="mlops init makes one; mlops update works inside it",
        )
    journal = _require_repository(root)
    _undo(root, journal, reporter)
    if not check:
        _require_clean(root)
    before, answers = template.read_answers(root / template.ANSWERS)
    _refuse_older(before)
    base = template.unpack(root / template.BASE)
    source = source or packaged_template()
    with tempfile.TemporaryDirectory(prefix="mlops-update-") as folder:
        theirs = template.render(source, answers, Path(folder) / "render")
    recorded, after = theirs.pop(template.ANSWERS), template.version(source)
    if base == theirs:
        return UpdateResult(root, before, after, written=False)
    merged = merge.three_way(root, base, theirs, f"template-{after.partition('+')[0]}")
    result = _result(root, before, after, merged, written=not check)
    if not check:
        records = [
            _record(root, template.ANSWERS, recorded.content),
            _record(root, template.BASE, template.pack(theirs)),
        ]
        _write(root, [*merged.changes, *records], journal)
    return result


def _result(
    root: Path, before: str, after: str, merged: merge.Merge, *, written: bool
) -> UpdateResult:
    return UpdateResult(
        path=root,
        before=before,
        after=after,
        written=written,
        added=[change.path for change in merged.changes if change.before is None],
        changed=[c.path for c in merged.changes if c.before is not None and c.after is not None],
        deleted=[change.path for change in merged.changes if change.after is None],
        conflicts=merged.conflicts,
        kept=merged.kept,
    )


def _require_repository(root: Path) -> Path:
    """Where the journal of an update lies: in the git folder of the project."""
    git.require("mlops update", "install git")
    if git.ask(root, "rev-parse", f"HEAD:./{template.ANSWERS}") is None:
        if refusal := refused_by_git(root):
            raise refusal
        raise UsageError(
            f"{root} is in no git commit, and git does the merging",
            hint="git init && git add --all && git commit -m 'Before the update'",
        )
    name = f"mlops-update{git.prefix(root).rstrip('/').replace('/', '-')}.json"
    place = git.run(root, "rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(os.fsdecode(place.rstrip(b"\n")))


def _refuse_older(before: str) -> None:
    """Refuses to take a project back to the template of an older mlops."""
    if _numbers(before) > _numbers(__version__):
        raise UsageError(
            f"the project comes from template {before}, newer than mlops {__version__} here",
            hint="pip install -U mlops-cli",
        )


def _numbers(version: str) -> list[int]:
    """The release part of a version, to compare."""
    found = re.match(r"\d+(\.\d+)*", version)
    return [int(part) for part in found[0].split(".")] if found else []


def _require_clean(root: Path) -> None:
    said = git.run(root, "status", "--porcelain", "-z", "--no-renames", "-uno", "--", ".")
    names = [entry[3:] for entry in said.decode(errors="replace").split("\0") if entry]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UsageError(
            f"uncommitted changes in {', '.join(names[:3])}{more}",
            hint="git commit them, or git stash, then mlops update",
        )


def _record(root: Path, name: str, content: bytes) -> Change:
    return Change(name, "100644", (root / name).read_bytes(), content)


def _write(root: Path, changes: list[Change], journal: Path) -> None:
    """Writes all changes, or none: what fails or is interrupted half way is undone."""
    in_the_way = [c.path for c in changes if c.before is None and os.path.lexists(root / c.path)]
    if in_the_way:
        raise UsageError(
            f"the template brings {', '.join(in_the_way)}, which lies here uncommitted",
            hint="commit it or move it away, then mlops update",
        )
    write_json(journal, [_journalled(change) for change in changes])
    done = False
    try:
        for change in changes:
            _put(root / change.path, change.after, change.mode)
        done = True
    finally:
        if done:
            journal.unlink()
        else:
            _undo(root, journal, None)


def _journalled(change: Change) -> dict[str, str | None]:
    contents = {"before": change.before, "after": change.after}
    encoded = {k: v if v is None else base64.b64encode(v).decode() for k, v in contents.items()}
    return {"path": change.path, "mode": change.mode, **encoded}


def _decoded(content: str | None) -> bytes | None:
    return None if content is None else base64.b64decode(content)


def _undo(root: Path, journal: Path, reporter: Reporter | None) -> None:
    """Takes back what an interrupted update has written, unless the user has since edited it."""
    if not journal.is_file():
        return
    for entry in json.loads(journal.read_text("utf-8")):
        path = root / entry["path"]
        before, after = _decoded(entry["before"]), _decoded(entry["after"])
        _temporary(path).unlink(missing_ok=True)
        now = path.read_bytes() if path.is_file() else None
        if now == after != before:
            _put(path, before, "")
    journal.unlink()
    if reporter:
        reporter.warn("an update that was interrupted has been undone")


def _put(path: Path, content: bytes | None, mode: str) -> None:
    """Writes or deletes one file; a link in its place is replaced, not followed."""
    if content is None:
        path.unlink(missing_ok=True)
        _remove_empty(path.parent)
        return
    permissions = path.stat().st_mode & 0o777 if path.is_file() else 0
    temporary = _temporary(path)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(content)
    if permissions:
        temporary.chmod(permissions)
    if mode == "100755":
        temporary.chmod(temporary.stat().st_mode | 0o111)
    temporary.replace(path)


def _temporary(path: Path) -> Path:
    """Where a file is written before it takes its place: a name that an undo knows, too."""
    return path.with_name(f".{path.name}.mlops-update")


def _remove_empty(folder: Path) -> None:
    """Removes folders that git would not know of any more."""
    while not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
