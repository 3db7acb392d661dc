"""The code of a project at a commit, as an image has it: no data, no secrets, nothing of git."""

import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mlops_cli import project
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.files import sha256
from mlops_cli.reporting import Reporter
from mlops_cli.scaffold import git
from mlops_cli.secret_files import is_secret
from mlops_cli.tracking.record import Run
from mlops_cli.wording import counted

_DATA = "data"
_KEPT_OF_DATA = (".dvc", ".gitignore", ".md", ".yaml", ".yml")
"""Beside data lie what names it, and what it must be like."""
_NEVER = (".github", ".git")
_MOUNTED = ("data", "runs")
"""Folders that every image has, to mount over."""


@dataclass(frozen=True)
class Code:
    """The code of a project.

    Attributes:
        folder: Where it is laid out.
        commit: Its commit.
        epoch: When that was made, in seconds since 1970.
        dirty: SHA-256 of the uncommitted changes on top; None where there are none.
        files: Its files, seen from the folder, by name.
        links: Its symbolic links, which lead to where they are.
        programs: Those of its files that can be run.
        left_out: Files of data, and links that lead elsewhere, which are not among them.
    """

    folder: Path
    commit: str
    epoch: int
    dirty: str | None
    files: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """What a file says; None where there is none."""
        there = name in (*self.files, *self.links) and (self.folder / name).is_file()
        return (self.folder / name).read_text("utf-8") if there else None


@contextmanager
def of(root: Path, run: Run | None, reporter: Reporter) -> Iterator[Code]:
    """The code of a run, or of now, for as long as the block lasts.

    A run's uncommitted changes are put on top of its commit; those of now are not.

    Args:
        root: The project.
        run: The run; None takes what is committed now.
        reporter: Told where that is not all there is.

    Raises:
        NotFoundError: There is no commit, or not here.
        DataError: The run's changes were not kept, or don't fit.
        ConfigError: A file looks like a secret.
    """
    commit, dirty = _commit(root, run, reporter)
    top = project.repository(root) or root
    with tempfile.TemporaryDirectory(prefix="mlops-code-") as temporary:
        whole = Path(temporary).resolve()
        raw = git.run(top, "archive", "--format=tar", commit)
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            archive.extraction_filter = _filtered
            archive.extractall(whole)
        if run is not None and dirty is not None:
            _apply(run, whole, dirty)
        folder = whole / root.resolve().relative_to(top)
        if not folder.is_dir():
            raise NotFoundError(f"commit {commit[:12]} does not hold the project {root}")
        epoch = int(git.run(top, "show", "--no-patch", "--format=%ct", f"{commit}^{{commit}}"))
        code = _sorted(Code(folder, commit, epoch, dirty))
        for name in code.left_out:
            if (folder / name).is_symlink():
                target = (folder / name).readlink()
                reporter.warn(f"{name} is a link to {target}, and not in the image")
        yield code


def _filtered(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """What is extracted of an archive of git's own: also links that lead out, to be told."""
    # Python 3.11.2, as Debian 12 has it, knows no filter, and asks for none.
    return member if member.issym() else tarfile.data_filter(member, folder)


def _commit(root: Path, run: Run | None, reporter: Reporter) -> tuple[str, str | None]:
    if project.repository(root) is None:
        if refusal := project.refused_by_git(root):
            raise refusal
        raise NotFoundError(
            f"{root} is in no git repository, whose commit would tell which code it is",
            hint="git init && git add --all && git commit",
        )
    if run is None:
        facts = project.git_facts(root)
        if facts.commit is None:
            raise NotFoundError("nothing is committed here yet", hint="git add --all && git commit")
        changed = git.run(root, "status", "--porcelain", "-z", "--no-renames", "--", ".")
        if changed:
            files = counted(changed.count(bytes(1)), "file is", "files are")
            reporter.warn(f"{files} not committed, and not in the image")
        return facts.commit, None
    told = run.read().get("git") or {}
    commit, dirty = told.get("commit"), told.get("dirty_hash")
    if not commit:
        raise NotFoundError(f"run {run.id} recorded no commit", hint="commit, and train again")
    if git.ask(root, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise NotFoundError(f"commit {commit[:12]} is not in this repository", hint="git fetch")
    return str(commit), dirty


def _apply(run: Run, folder: Path, dirty: str) -> None:
    """Puts the changes that a run began with on top of its commit."""
    if not run.diff.is_file():
        raise DataError(
            f"run {run.id} began with uncommitted changes, which it did not keep",
            hint="commit them, and train again",
        )
    if sha256(run.diff) != dirty:
        raise DataError(
            f"git.diff of run {run.id} is not what the run began with",
            hint="commit the changes, and train again",
        )
    # Where it is laid out is no repository, whatever lies above.
    apart = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    git.run(folder, "apply", "--whitespace=nowarn", str(run.diff.resolve()), variables=apart)


def _sorted(code: Code) -> Code:
    """Tells the files that an image gets from those of data; refuses secrets."""
    for path in sorted(code.folder.rglob("*")):
        name = path.relative_to(code.folder).as_posix()
        parts = PurePosixPath(name).parts
        link = path.is_symlink()
        if not (link or path.is_file()) or parts[0] in _NEVER:
            continue
        data = parts[0] == _DATA and not name.endswith(_KEPT_OF_DATA)
        if data or (link and (name in _MOUNTED or not _leads_inside(path, code.folder))):
            code.left_out.append(name)
            continue
        if link:
            code.links.append(name)
            continue
        if is_secret(path):
            raise ConfigError(
                f"{name} looks like a secret, and whoever has an image has all its files",
                hint=f"git rm --cached {name}; or, where it is none, "
                f"{name} export-ignore in .gitattributes keeps it out",
            )
        code.files.append(name)
        if path.stat().st_mode & stat.S_IXUSR:  # The rest is of the umask.
            code.programs.append(name)
    return code


def _leads_inside(link: Path, folder: Path) -> bool:
    """Whether a link, wherever the project is, leads to a place inside it."""
    # An image has the project under another name: up and down again does not lead there.
    said = os.path.normpath(link.parent.relative_to(folder) / link.readlink())
    if said.partition("/")[0] in ("", ".."):
        return False
    try:
        return link.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # It leads to itself.
        return False
