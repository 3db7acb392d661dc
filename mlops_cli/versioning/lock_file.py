"""`dvc.lock`, which DVC writes over in place: who is killed meanwhile leaves half of it.

A copy is kept from before each stage. What the file then lacks of the stage after it, DVC finds
among the results that it keeps.
"""

from pathlib import Path

from dvc.exceptions import DvcException
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import loads_yaml
from dvc.utils.strictyaml import validate
from ruamel.yaml.error import YAMLError

from mlops_cli.files import write_text
from mlops_cli.reporting import Reporter
from mlops_cli.versioning.repository import dvc_folder

FILE = "dvc.lock"
_COPY = "mlops-dvc.lock"
_CONFLICT = "<<<<<<<"


def keep(root: Path) -> None:
    """Keeps a copy of the file as it is."""
    file = root / FILE
    if file.is_file():
        write_text(_copy(root), file.read_text("utf-8"))
    else:
        _copy(root).unlink(missing_ok=True)


def mend(root: Path, reporter: Reporter) -> None:
    """Puts the copy in the place of a file that was half written; a merge is left to its people."""
    file = root / FILE
    if not file.is_file():
        return
    text = file.read_text("utf-8", "replace")
    if _CONFLICT in text or _is_whole(text):
        return
    copy = _copy(root)
    if copy.is_file():
        write_text(file, copy.read_text("utf-8"))
    else:
        file.unlink()
    reporter.warn(f"{FILE} was half written when a command was killed: it is the one from before")


def _copy(root: Path) -> Path:
    return dvc_folder(root) / "tmp" / _COPY


def _is_whole(text: str) -> bool:
    try:
        validate(loads_yaml(text), COMPILED_LOCKFILE_SCHEMA)
    except (DvcException, YAMLError, ValueError):
        return False
    return True
