"""New files, which git does not know yet: which of them are code or configuration, and no data."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mlops_cli.secret_files import is_secret

MOST_BYTES = 1 << 20
"""A larger file is none that somebody wrote."""
_CODE = (".py", ".pyi", ".sh", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".md")
_MAYBE_DATA = (".json", ".txt")
"""Code only among code: elsewhere they are as often rows of data."""
_REQUIREMENTS = ("requirements", "constraints")
_MADE = ("data", "runs", "studies", "sweeps", "packages", "wandb", "mlartifacts")
"""Folders of a project that hold data, or what was made."""
_INSTALLED = ("site-packages", "node_modules", "__pycache__")
_SECRET_STEMS = ("secret", "secrets", "credential", "credentials", "password", "passwords")


@dataclass(frozen=True)
class NewFiles:
    """New files of a project.

    Attributes:
        code: Those that are part of its code, by their path in the project.
        left_out: Those that would be, and why they are not.
    """

    code: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def sort(root: Path, names: Iterable[str]) -> NewFiles:
    """Tells code from everything else.

    Args:
        root: The project.
        names: Of files, by their path in it; none that git ignores.
    """
    found = NewFiles()
    for name in names:
        file = root / name
        if not _is_code(root, PurePosixPath(name)) or file.is_symlink() or not file.is_file():
            continue
        if file.stat().st_size > MOST_BYTES:
            found.left_out[name] = f"larger than {MOST_BYTES >> 20} MB"
        elif _is_secret(file):
            found.left_out[name] = "looks like a secret"
        else:
            found.code.append(name)
    return found


def _is_code(root: Path, path: PurePosixPath) -> bool:
    folders = path.parts[:-1]
    if path.parts[0] in _MADE or any(one[0] == "." or one in _INSTALLED for one in folders):
        return False
    if path.suffix not in _MAYBE_DATA:
        return path.suffix in _CODE
    package = (root / path.parent / "__init__.py").is_file()
    return package or folders[:1] == ("configs",) or path.name.startswith(_REQUIREMENTS)


def _is_secret(file: Path) -> bool:
    try:
        return (file.suffix != ".py" and file.stem.lower() in _SECRET_STEMS) or is_secret(file)
    except OSError:  # What can't be read is not for others.
        return True
