"""A three-way merge of whole trees by git, without touching the project or its repository."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlops_cli.errors import MissingDependencyError
from mlops_cli.scaffold import git
from mlops_cli.scaffold.template import Render

_OURS = "yours"
_SIGNATURE = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (
        ("NAME", "mlops"),
        ("EMAIL", "mlops@localhost"),
        ("DATE", "1980-01-01T00:00:00Z"),
    )
}


@dataclass(frozen=True)
class Change:
    """One file that the merge makes different from HEAD.

    Attributes:
        path: Its path in the project, with forward slashes.
        mode: Git's file mode afterwards; empty for a deleted file.
        before: Content in HEAD; None for a new file.
        after: Content after the merge; None for a deleted file.
    """

    path: str
    mode: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Merge:
    """What a merge gave.

    Attributes:
        changes: The files to write or delete.
        conflicts: Files that need a person.
        kept: Files left as the user has them against the template, each with the reason.
    """

    changes: list[Change] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


def three_way(root: Path, base: Render, theirs: Render, name: str) -> Merge:
    """Merges the step from `base` to `theirs` into the committed files of `root`.

    Args:
        root: A project in a git repository, or in a folder of one.
        base: The render the project came from.
        theirs: The render to come to.
        name: What conflict markers call `theirs`.

    Raises:
        MlopsError: Git fails.
    """
    with _laboratory(root) as lab:
        ours = git.run(root, "rev-parse", f"HEAD:{git.prefix(root)}").decode().strip()
        start = _commit(lab, _tree(lab, base))
        git.run(lab, "branch", _OURS, _commit(lab, ours, start))
        git.run(lab, "branch", name, _commit(lab, _tree(lab, theirs), start))
        # A folder the user renamed does not take the template's new files along unasked.
        said = git.run(
            lab,
            *("-c", "merge.directoryRenames=false"),
            *("merge-tree", "--write-tree", "-z", "--no-messages", _OURS, name),
            accept=(0, 1),
        ).decode(errors="surrogateescape")
        merged, *entries = said.rstrip("\0").split("\0")
        conflicts, kept, gone = _sort(entries)
        changes = [change for change in _changes(lab, ours, merged) if change.path not in gone]
        return Merge(changes, conflicts, kept)


@contextmanager
def _laboratory(root: Path) -> Iterator[Path]:
    """A repository of its own that can read the objects of the project's."""
    version = git.run(root, "version").decode().split()[2]
    if tuple(int(part) for part in version.split(".")[:2]) < (2, 38):
        raise MissingDependencyError(
            f"mlops update needs git 2.38 or newer, here is {version}", hint="update git"
        )
    kind = git.run(root, "rev-parse", "--show-object-format").decode().strip()
    objects = git.run(root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    with tempfile.TemporaryDirectory(prefix="mlops-update-") as folder:
        lab = Path(folder)
        git.run(lab, "init", "--quiet", "--bare", f"--object-format={kind}")
        (lab / "objects" / "info" / "alternates").write_bytes(objects)
        yield lab


def _tree(lab: Path, render: Render) -> str:
    """Writes a render as a git tree and returns its hash."""
    index = {"GIT_INDEX_FILE": str(lab / "index")}
    lines = []
    for path, file in render.items():
        blob = git.run(lab, "hash-object", "-w", "--stdin", stdin=file.content).decode().strip()
        lines.append(f"{'100755' if file.executable else '100644'} {blob}\t{path}\0")
    git.run(lab, "read-tree", "--empty", variables=index)
    git.run(
        lab, "update-index", "-z", "--index-info", stdin="".join(lines).encode(), variables=index
    )
    return git.run(lab, "write-tree", variables=index).decode().strip()


def _commit(lab: Path, tree: str, *parents: str) -> str:
    arguments = [argument for parent in parents for argument in ("-p", parent)]
    done = git.run(lab, "commit-tree", tree, *arguments, "-m", "merge", variables=_SIGNATURE)
    return done.decode().strip()


def _sort(entries: list[str]) -> tuple[list[str], dict[str, str], set[str]]:
    """Tells real conflicts from those with an answer.

    Args:
        entries: Mode, object and stage, a tab and the path, for each version of each such file.

    Returns:
        Conflicts; files kept as the user has them; among these, those the user deleted.
    """
    stages: dict[str, set[str]] = {}
    for entry in entries:
        facts, path = entry.split("\t", 1)
        stages.setdefault(path, set()).add(facts.split()[2])
    kept, gone = {}, set()
    for path, found in stages.items():
        if found == {"1", "2"}:
            kept[path] = "no longer in the template, but you changed it"
        elif found == {"1", "3"}:
            kept[path] = "changed in the template, but you deleted it"
            gone.add(path)
    return [path for path in stages if path not in kept], kept, gone


def _changes(lab: Path, ours: str, merged: str) -> Iterator[Change]:
    """The files in which two trees differ."""
    said = git.run(lab, "diff-tree", "-r", "-z", "--no-renames", "--raw", ours, merged)
    fields = said.decode(errors="surrogateescape").rstrip("\0").split("\0")
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, old, new, status = facts.removeprefix(":").split()
        yield Change(
            path=path,
            mode="" if status == "D" else mode,
            before=None if status == "A" else _blob(lab, old),
            after=None if status == "D" else _blob(lab, new),
        )


def _blob(lab: Path, name: str) -> bytes:
    return git.run(lab, "cat-file", "blob", name)
