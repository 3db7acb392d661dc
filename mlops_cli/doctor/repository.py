"""Git and DVC in the project: there, begun, with hooks, and without secrets in commits."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import MissingDependencyError, MlopsError
from mlops_cli.schemas.doctor import Finding

_GIT, _DVC = "git", "dvc"
_SECRETS = (".env", ".dvc/config.local", ".netrc", "credentials.json")
"""Files whose names say that they hold secrets, seen from the project."""
_PRIVATE_KEY = "^-----BEGIN ([A-Z]+ )*PRIVATE KEY-----$"
_DVC_HOOKS = ("post-checkout", "pre-commit", "pre-push")
_SECONDS = 60


def look_at_git(root: Path, *, ours: bool, fix: bool) -> Iterator[Finding]:
    """Git, the repository, who commits, and what must not be committed.

    Args:
        root: The project.
        ours: Whether it is one; another folder is not looked into.
        fix: Make a repository where there is none; install the hooks that are configured.
    """
    if shutil.which("git") is None:
        yield _missing(_GIT, "git is not installed", "https://git-scm.com/downloads")
        return
    if not ours:
        yield Finding(_GIT, "git", "ok", "installed")
        return
    top = project.repository(root)
    refusal = project.refused_by_git(root) if top is None else None
    if refusal is not None:
        code = refusal.exit_code
        yield Finding(_GIT, "repository", "error", refusal.message, refusal.hint, exit_code=code)
    elif top is None and fix:
        yield _done(_GIT, "repository", "made", "git init", root)
        top = project.repository(root)
    elif top is None:
        yield _warning(_GIT, "repository", f"{root} is in none: runs can't be traced", "git init")
    if top is None:
        return
    facts = project.git_facts(root)
    if facts.commit is None:
        remedy = "git add . && git commit -m Begin"
        yield _warning(_GIT, "commit", "there is none yet: runs can't be traced", remedy)
    else:
        state = "with uncommitted changes" if facts.dirty_hash else "clean"
        branch = facts.branch or "no branch"
        yield Finding(_GIT, "commit", "ok", f"{facts.commit[:12]}, {branch}, {state}")
    yield _identity(root)
    yield from _hooks(top, fix=fix)
    for name in _secrets(root):
        yield Finding(
            _GIT,
            name,
            "error",
            "a file with secrets is in git",
            f"git rm --cached {name}, add it to .gitignore, and renew what is in it",
            exit_code=MlopsError.exit_code,
        )


def _secrets(root: Path) -> list[str]:
    """Files that git holds by a name for secrets, or with a private key in them."""
    named = project.run_git(root, "ls-files", "-z", "--", *_SECRETS) or b""
    keys = project.run_git(root, "grep", "--cached", "-lzE", _PRIVATE_KEY) or b""
    return sorted({name for name in (named + keys).decode("utf-8", "replace").split("\0") if name})


def look_at_dvc(root: Path, *, ours: bool, fix: bool) -> Iterator[Finding]:
    """DVC, and whether it is begun in the project.

    Args:
        root: The project.
        ours: Whether it is one; another folder is not looked into.
        fix: Begin it where git is; keep its secrets to their owner.
    """
    if shutil.which("dvc") is None and not _importable("dvc"):
        yield Finding(_DVC, "dvc", "absent", "not installed", "pip install 'mlops-cli[train]'")
        return
    if not ours:
        yield Finding(_DVC, "dvc", "ok", "installed")
        return
    held = project.dvc_project(root)
    if held is not None:
        yield Finding(_DVC, "project", "ok", f"{held / '.dvc'}")
        yield from _private(held / ".dvc" / "config.local", fix=fix)
    elif project.refused_by_git(root) is not None:
        yield _warning(_DVC, "project", "not begun, nor can it be while git refuses", "dvc init")
    elif not fix:
        here = project.repository(root) == root.resolve()
        remedy = "dvc init" if here else "git init && dvc init, or dvc init --subdir"
        yield _warning(_DVC, "project", "not begun: data is not versioned", remedy)
    elif project.repository(root) == root.resolve():
        yield _done(_DVC, "project", "begun", "dvc init --quiet", root)
    else:
        yield _warning(
            _DVC, "project", "not begun, and git's folder is not here", "dvc init --subdir"
        )


def _private(path: Path, *, fix: bool) -> Iterator[Finding]:
    """The file with the remotes' secrets."""
    if not path.is_file() or os.name != "posix":
        return
    others = stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    if not others:
        yield Finding(_DVC, "secrets", "ok", f"{path.name} is its owner's alone")
    elif fix:
        path.chmod(0o600)
        yield Finding(_DVC, "secrets", "fixed", f"{path} is its owner's alone now")
    else:
        detail = f"others can read {path}"
        yield _warning(_DVC, "secrets", detail, f"chmod 600 {path}")


def _identity(root: Path) -> Finding:
    known = [project.run_git(root, "config", key) for key in ("user.name", "user.email")]
    if all(known):
        return Finding(_GIT, "identity", "ok", "name and email are set")
    remedy = "git config --global user.name NAME && git config --global user.email EMAIL"
    return _warning(_GIT, "identity", "nobody to commit as", remedy)


def _hooks(top: Path, *, fix: bool) -> Iterator[Finding]:
    """The hooks that a `.pre-commit-config.yaml` asks for; without one, those of DVC."""
    folder = (project.run_git(top, "rev-parse", "--git-path", "hooks") or b"").decode().strip()
    if not (top / ".pre-commit-config.yaml").is_file():
        yield _dvc_hooks(top / folder if folder else None)
    elif folder and (top / folder / "pre-commit").is_file():
        yield Finding(_GIT, "hooks", "ok", "pre-commit is installed")
    elif fix and shutil.which("pre-commit"):
        yield _done(_GIT, "hooks", "installed", "pre-commit install", top)
    else:
        remedy = "pip install pre-commit && pre-commit install"
        yield _warning(_GIT, "hooks", ".pre-commit-config.yaml has no hook installed", remedy)


def _dvc_hooks(folder: Path | None) -> Finding:
    """DVC's hooks, which bring the data along with a checkout: of use, and needed by no command."""
    hooks = [folder / name for name in _DVC_HOOKS] if folder else []
    if any(hook.is_file() and b"dvc" in hook.read_bytes() for hook in hooks):
        return Finding(_GIT, "hooks", "ok", "DVC's are installed")
    said = "none: dvc install makes git checkout bring the data too"
    return Finding(_GIT, "hooks", "absent", said, "dvc install")


def _done(area: str, name: str, what: str, command: str, folder: Path) -> Finding:
    """What a command did, or why it could not."""
    tool, *rest = command.split()
    # Where only our Python is called by its path, its other tools are on no PATH.
    beside = [sys.executable, "-m", tool] if shutil.which(tool) is None else [tool]
    tried = [*beside, *rest]
    try:
        done = subprocess.run(
            tried, cwd=folder, capture_output=True, check=False, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _warning(area, name, f"{command}: {error}", command)
    if done.returncode == 0:
        return Finding(area, name, "fixed", f"{what} ({command})")
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return _warning(area, name, f"{command}: {said[-1] if said else 'failed'}", command)


def _importable(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _warning(area: str, name: str, detail: str, remedy: str) -> Finding:
    return Finding(area, name, "warning", detail, remedy)


def _missing(area: str, detail: str, remedy: str) -> Finding:
    return Finding(area, area, "error", detail, remedy, exit_code=MissingDependencyError.exit_code)
