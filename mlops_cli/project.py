"""The project a command runs in: its root, its folders, the files that ship with us, git facts."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_cli import new_files
from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.new_files import NewFiles

COMMIT_VARIABLE, DIRTY_VARIABLE = "MLOPS_GIT_COMMIT", "MLOPS_GIT_DIRTY"
LAID_OUT = Path(".mlops", "registry")
"""Where versions that are in use here lie, by model and version. It can go at any time."""
_PACKAGE = Path(__file__).parent


def _shipped(name: str) -> Path:
    """A folder that lies beside the package in a checkout and inside it in a wheel."""
    inside = _PACKAGE / f"_{name}"
    return inside if inside.is_dir() else _PACKAGE.parent / name


def packaged_configs() -> Path:
    """The config tree that ships with `mlops`."""
    return _shipped("configs")


def packaged_template() -> Path:
    """The template that `mlops init` renders."""
    return _shipped("template")


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that has `configs/config.yaml`, else `start`.

    Args:
        start: Where to begin; the current folder by default.

    Raises:
        NotFoundError: The current folder was removed.
    """
    try:
        here = (start or Path.cwd()).resolve()
    except FileNotFoundError as error:
        raise NotFoundError("the current folder is gone", hint="cd to one that is there") from error
    for folder in (here, *here.parents):
        if (folder / "configs" / "config.yaml").is_file():
            return folder
    return here


def from_home(name: str) -> Path:
    """The path that a person names: `~` is the home; `~NAME` stays where nobody is called so."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def locate(path: str) -> Path:
    """The file or folder that a setting names: seen from here, else from the project's root."""
    here = from_home(path)
    there = find_root() / here
    return there if there.exists() and not here.exists() else here


def version_in(folder: Path) -> str:
    """What the registered version is called that is laid out in a folder; empty if none is."""
    *_, first, second, model, version = ("", "", "", "", *folder.resolve().parts)
    return f"{model}@{version}" if (first, second) == LAID_OUT.parts else ""


@dataclass(frozen=True)
class GitFacts:
    """Where the code stands.

    Attributes:
        commit: Full commit hash, or None outside git or before the first commit.
        branch: Branch name, or None on a detached head.
        dirty_hash: SHA-256 of the uncommitted changes, new files included; None when clean.
    """

    commit: str | None
    branch: str | None
    dirty_hash: str | None


def run_git(
    root: Path, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
) -> bytes | None:
    """What a git command says; None where it fails, or there is no git.

    Args:
        root: Where to run it.
        arguments: The command and its arguments.
        stdin: What to feed it.
        variables: Environment variables on top.
    """
    done = _git(root, *arguments, stdin=stdin, variables=variables)
    return done.stdout if done and done.returncode == 0 else None


def _git(
    root: Path, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes] | None:
    command, environment = ["git", "-C", str(root), *arguments], {**os.environ, **(variables or {})}
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, check=False, timeout=30, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def git_facts(root: Path) -> GitFacts:
    """Commit, branch and uncommitted changes of the repository at `root`.

    Where there is no repository, as in an image of the code, `MLOPS_GIT_COMMIT` and
    `MLOPS_GIT_DIRTY` tell them.
    """
    commit = run_git(root, "rev-parse", "HEAD")
    if commit is None:
        told = (os.environ.get(name) or None for name in (COMMIT_VARIABLE, DIRTY_VARIABLE))
        commit_told, dirty_told = told
        return GitFacts(commit_told, None, dirty_told)
    branch = run_git(root, "symbolic-ref", "--short", "-q", "HEAD")
    changes = diff(root)
    return GitFacts(
        commit=commit.decode().strip(),
        branch=branch.decode().strip() if branch else None,
        dirty_hash=hashlib.sha256(changes).hexdigest() if changes else None,
    )


def diff(root: Path) -> bytes:
    """The uncommitted changes, as `git apply` takes them; empty when clean.

    They are those to tracked files, and the project's new files that are code; see `unknown`. The
    same whatever git is set to show people.
    """
    options = ("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv",
               "--no-relative", "--src-prefix=a/", "--dst-prefix=b/")  # fmt: skip
    with _index(root, unknown(root).code) as variables:
        return run_git(root, "diff", "HEAD", *options, variables=variables) or b""


def unknown(root: Path) -> NewFiles:
    """The project's new files: git neither knows nor ignores them."""
    listed = run_git(root, "ls-files", "--others", "--exclude-standard", "-z") or b""
    return new_files.sort(root, map(os.fsdecode, filter(None, listed.split(b"\0"))))


@contextlib.contextmanager
def _index(root: Path, names: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Variables that have git take new files for added ones; its own index stays as it is."""
    place = run_git(root, "rev-parse", "--git-path", "index") if names else None
    if place is None:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="mlops-index-") as folder:
        variables = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        with contextlib.suppress(FileNotFoundError):  # Nothing was ever added.
            shutil.copyfile(root / os.fsdecode(place.rstrip(b"\n")), variables["GIT_INDEX_FILE"])
        adding = ("--literal-pathspecs", "add", "--intent-to-add", "--pathspec-from-file=-",
                  "--pathspec-file-nul")  # fmt: skip
        run_git(root, *adding, stdin=os.fsencode("\0".join(names)), variables=variables)
        yield variables


def repository(root: Path) -> Path | None:
    """The root of the git repository around a folder; None outside of one."""
    top = run_git(root, "rev-parse", "--show-toplevel")
    return Path(top.decode().strip()).resolve() if top else None


def refused_by_git(root: Path) -> DataError | None:
    """Why git does not work in a repository that is there; None where it does, or none is there.

    It refuses what another user owns, as a folder that is mounted into a container, and what is
    damaged. To those who only ask for `repository` both look like no repository at all.
    """
    place = _git_folder(root.resolve())
    done = _git(root, "rev-parse", "--show-toplevel") if place else None
    if done is None or done.returncode == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip()
    trusting = re.search(r"git config --global --add safe\.directory .+", said)
    return DataError(
        f"git does not work in {root}: {said.partition(chr(10))[0]}",
        hint=trusting[0] if trusting else f"mend {place}, or clone the repository anew",
    )


def _git_folder(root: Path) -> Path | None:
    """The nearest `.git` at or above a folder, as far up as git looks; an empty one is none."""
    if "GIT_CEILING_DIRECTORIES" in os.environ or "GIT_DIR" in os.environ:
        return None
    for folder in (root, *root.parents):
        if folder.stat().st_dev != root.stat().st_dev:
            return None
        held = folder / ".git"
        if held.is_file() or any(os.path.lexists(held / name) for name in ("HEAD", "config")):
            return held
    return None


def dvc_project(place: Path) -> Path | None:
    """The nearest folder at or above a place that DVC was begun in; loads no DVC."""
    return next((one for one in (place, *place.parents) if (one / ".dvc").is_dir()), None)


def uncommitted(root: Path, files: Sequence[str]) -> list[str]:
    """Those of the files that git has not got as they are now; none outside git.

    Args:
        root: The project.
        files: Relative to the root.
    """
    listed = run_git(root, "status", "--porcelain", "-z", "--no-renames", "-uall", "--", *files)
    changed = {entry[3:] for entry in (listed or b"").decode("utf-8", "replace").split("\0")}
    # Git tells paths as seen from the root of the repository, which may lie above ours.
    return [file for file in files if any(f"/{name}".endswith(f"/{file}") for name in changed)]
