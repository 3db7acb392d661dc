"""A file as it was in an earlier commit, whether git holds it or DVC."""

import shlex
import subprocess
from difflib import get_close_matches
from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import MissingDependencyError, NotFoundError
from mlops_cli.files import atomic_path


def find_commit(place: Path, revision: str) -> str | None:
    """The full hash of the commit that a revision names, None where git knows no such one.

    Args:
        place: A file or folder of the repository, which need not exist any more.
        revision: A branch, tag, hash or anything else that git resolves to a commit.
    """
    if revision.startswith("-"):
        return None
    found = _git(_existing(place), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return found or None


def open_revision(path: Path, revision: str, folder: Path) -> Path:
    """Writes a file as it was in a commit into a folder.

    What DVC holds comes from its cache, else from the remote that the commit's config names.

    Args:
        path: The file, where it lies (or lay) in the working tree.
        revision: A branch, tag, hash or anything else that git resolves to a commit.
        folder: Where to write it.

    Returns:
        The written file, with the ending of `path`.

    Raises:
        NotFoundError: There is no repository, no such revision, or no such file in it.
        DataError: There is a repository, and git refuses to work in it.
        MissingDependencyError: The DVC remote needs a package that is not installed.
    """
    place = _existing(path.parent)
    top = _git(place, "rev-parse", "--show-toplevel")
    if top is None:
        if refusal := project.refused_by_git(place):
            raise refusal
        raise NotFoundError(
            f"{path} lies in no git repository, so it has no revisions",
            hint="git init && git add . && git commit begins a history",
        )
    commit = find_commit(place, revision)
    if commit is None:
        raise _unknown(place, revision)
    # The last part may be a link into DVC's cache, which is not where the file belongs.
    whole = path.parent.resolve() / path.name
    relative = whole.relative_to(Path(top).resolve())
    target = folder / f"{commit[:12]}-{path.name}"
    if _git(place, "cat-file", "-t", f"{commit}:{relative.as_posix()}") == "blob":
        _show(place, f"{commit}:{relative.as_posix()}", target)
    elif not _fetch(whole, revision, commit, target):
        both = shlex.join((str(path), f"{path}.dvc"))
        raise NotFoundError(
            f"{path} is not in revision {revision}",
            hint=f"git log --oneline -- {both} lists the revisions that have it",
        )
    return target


def _fetch(whole: Path, revision: str, commit: str, target: Path) -> bool:
    """Gets a file that DVC holds; False where the commit knows no such file."""
    root = project.dvc_project(whole.parent)
    if root is None:
        return False
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.fs import RemoteMissingDepsError

    inside = whole.relative_to(root).as_posix()
    try:
        system = DVCFileSystem(str(root), rev=commit)
        if not system.isfile(inside):
            return False
        with atomic_path(target) as temporary:
            system.get_file(inside, str(temporary))
    except RemoteMissingDepsError as error:
        raise MissingDependencyError(
            f"the DVC remote of {whole.name} needs a package that is not installed",
            hint="install the extra of the remote: s3, ssh, webdav, gs or azure",
        ) from error
    except (DvcException, OSError) as error:
        raise NotFoundError(
            f"the content of {whole.name} at {revision} is neither in the cache nor in the remote",
            hint="dvc fetch --all-commits on a machine that has it, then dvc push",
        ) from error
    return True


def _show(place: Path, name: str, target: Path) -> None:
    with atomic_path(target) as temporary, temporary.open("wb") as stream:
        subprocess.run(
            ["git", "-C", str(place), "cat-file", "blob", name], stdout=stream, check=True
        )


def _existing(path: Path) -> Path:
    """The nearest folder at or above a path that is there."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.is_dir())


def _git(place: Path, *arguments: str) -> str | None:
    """What a git command says, None where it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(place), *arguments], capture_output=True, check=False, text=True
        )
    except FileNotFoundError as error:
        raise MissingDependencyError("revisions need git, which is not installed") from error
    return done.stdout.strip() if done.returncode == 0 else None


def _unknown(place: Path, revision: str) -> NotFoundError:
    listed = _git(place, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    names = (listed or "").split()
    near = get_close_matches(revision, names, n=1)
    shown = f"branches and tags: {', '.join(names[:10])}" if names else "there is no commit yet"
    return NotFoundError(
        f"git knows no revision {revision!r}", hint=f"did you mean {near[0]}?" if near else shown
    )
