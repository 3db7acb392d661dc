"""Every package of this environment, as a run records it: `packages.txt`."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from mlops_cli.errors import DataError

FILE = "packages.txt"
_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.dist-info")


def installed() -> dict[str, str]:
    """Version of each package, by name; read off the names of folders, which takes no time."""
    found: dict[str, str] = {}
    for place in sys.path:
        folder = Path(place or ".")
        names = sorted(one.name for one in folder.glob("*.dist-info")) if folder.is_dir() else []
        for told in filter(None, map(_INFO.fullmatch, names)):
            # What comes first is what is imported.
            found.setdefault(_plain(told["name"]), told["version"])
    return dict(sorted(found.items()))


def text(packages: Mapping[str, str]) -> str:
    """Packages as pip writes them, a line each."""
    return "".join(f"{name}=={version}\n" for name, version in packages.items())


def read(run: Path) -> dict[str, str] | None:
    """What a run recorded; None where it is older than this record.

    Raises:
        DataError: It is damaged.
    """
    file = run / FILE
    if not file.is_file():
        return None
    lines = file.read_text("utf-8", errors="replace").split()
    if not lines or not all("==" in line for line in lines):
        raise DataError(f"{FILE} of run {run.name} is damaged", hint="of another run, or of now")
    return dict(line.split("==", 1) for line in lines)


def _plain(name: str) -> str:
    """A name as package indexes write it (PEP 503). What serves has no package that knows."""
    return re.sub(r"[-_.]+", "-", name).lower()
