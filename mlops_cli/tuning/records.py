"""The records of studies: `studies/<name>/study.json`. Knows no Optuna."""

import json
from difflib import get_close_matches
from pathlib import Path

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.tuning.plan import Plan


def studies_folder(root: Path) -> Path:
    """Where the project's studies lie."""
    return root / "studies"


def find(root: Path, reference: str) -> Plan:
    """The plan of a recorded study: its name, or `latest`.

    Raises:
        NotFoundError: There is none of that name.
        DataError: Its record can't be read.
    """
    files = sorted(
        studies_folder(root).glob("*/study.json"), key=lambda path: path.stat().st_mtime_ns
    )
    names = [path.parent.name for path in files]
    if not names:
        raise NotFoundError(
            f"no studies in {studies_folder(root)}", hint="mlops tune lr='interval(1e-5,1e-3)'"
        )
    name = names[-1] if reference == "latest" else reference
    if name not in names:
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        raise NotFoundError(
            f"no study {name!r} in {studies_folder(root)}",
            hint=f"did you mean {near[0]}?" if near else f"the newest study is {names[-1]}",
        )
    try:
        return Plan.from_json(json.loads((studies_folder(root) / name / "study.json").read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(name, "study.json") from error


def damaged(name: str, file: str) -> DataError:
    """What to say of a study's file that can't be read."""
    return DataError(
        f"studies/{name}/{file} can't be read",
        hint="restore it, or begin another study: mlops tune … --name NEW",
    )
