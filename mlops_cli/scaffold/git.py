"""Git, as `init` and `update` need it: by its own command, free of the caller's environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlops_cli.errors import MissingDependencyError, MlopsError

_IDENTITY = {"name": "mlops", "email": "mlops@localhost"}
"""Signs the first commit where the user has not told git a name."""

_REPOSITORY_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)
"""Set inside a git hook, they would send our commands to the repository of that hook."""


def require(purpose: str, hint: str) -> None:
    """Raises MissingDependencyError when there is no git."""
    if shutil.which("git") is None:
        raise MissingDependencyError(f"{purpose} needs git, and there is none here", hint=hint)


def run(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
    accept: tuple[int, ...] = (0,),
) -> bytes:
    """Runs one git command in `folder` and returns what it printed.

    Args:
        folder: Where to run it.
        arguments: The command and its arguments.
        stdin: What to feed it.
        variables: Environment variables on top.
        accept: Exit codes that are no failure.

    Raises:
        MlopsError: It failed; the message is git's last line.
    """
    done = _run(folder, *arguments, stdin=stdin, variables=variables)
    if done.returncode not in accept:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise MlopsError(f"git {arguments[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout


def ask(folder: Path, *arguments: str) -> str | None:
    """What one git command answers, or None when it fails."""
    done = _run(folder, *arguments)
    return (
        done.stdout.decode(errors="surrogateescape").rstrip("\n") if done.returncode == 0 else None
    )


def _run(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    environment = {k: v for k, v in os.environ.items() if k not in _REPOSITORY_VARIABLES}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", **(variables or {})}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        env=environment,
    )


def outer_repository(folder: Path) -> Path | None:
    """The repository whose work tree `folder` would be part of, unless that one ignores it."""
    here = next(place for place in (folder, *folder.parents) if place.is_dir())
    top = ask(here, "rev-parse", "--show-toplevel")
    if not top or ask(here, "check-ignore", "-q", str(folder)) is not None:
        return None
    return Path(top)


def prefix(folder: Path) -> str:
    """The path from the root of the repository to `folder`: empty, or with a slash at the end."""
    return os.fsdecode(run(folder, "rev-parse", "--show-prefix")).rstrip("\n")


def commit_everything(root: Path, message: str, *, forced: tuple[str, ...] = ()) -> str:
    """Makes the first commit of `root`, of everything that is not ignored, and returns its hash.

    Args:
        root: A repository without commits.
        message: The commit message.
        forced: Files to take even if the user's own settings ignore them.
    """
    run(root, "add", "--all")
    if forced:
        run(root, "add", "--force", "--", *forced)
    run(root, "commit", "--quiet", "--no-verify", "-m", message, variables=_missing_identity(root))
    return run(root, "rev-parse", "HEAD").decode().strip()


def _missing_identity(root: Path) -> dict[str, str]:
    """Environment variables for the parts of an identity that the user has not set."""
    variables = {}
    for part, fallback in _IDENTITY.items():
        for role in ("author", "committer"):
            variable = f"GIT_{role}_{part}".upper()
            known = (variable, "EMAIL") if part == "email" else (variable,)
            if not any(map(os.environ.get, known)) and not any(
                ask(root, "config", f"{section}.{part}") for section in ("user", role)
            ):
                variables[variable] = fallback
    return variables
