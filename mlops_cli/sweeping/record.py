"""The sweep record: `sweeps/<id>/`, from which a killed sweep goes on.

- sweep.json: the words of each run, and the runs' ids
- began.json: the settings and data it began with, see `launching.began`
- logs/<run>.log: what each job said
- lock: held by the process that works on it

What has become of a run is told by the run's own record alone.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.files import write_json


@dataclass(frozen=True)
class Planned:
    """One run of a sweep: its id, and the words that set it apart."""

    run: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Sweep:
    """A recorded sweep.

    Attributes:
        path: Its folder.
        fixed: The words that all runs share.
        runs: What it consists of, in order.
        folder: Where it was typed, as seen from the project's root.
        validate: Whether each job checks its data.
    """

    path: Path
    fixed: tuple[str, ...]
    runs: tuple[Planned, ...]
    folder: str
    validate: bool

    @property
    def id(self) -> str:
        """The sweep's name, which is its folder's name."""
        return self.path.name

    def log(self, run: str) -> Path:
        """The file that takes what the job of a run says."""
        return self.path / "logs" / f"{run}.log"


def sweeps_folder(root: Path) -> Path:
    """Where the project's sweeps lie."""
    return root / "sweeps"


def create(
    root: Path, fixed: Sequence[str], points: Sequence[tuple[str, ...]], *, validate: bool
) -> Sweep:
    """Records a new sweep before its first run.

    Args:
        root: The project.
        fixed: The words that all runs share.
        points: The words that set each run apart.
        validate: Whether each job checks its data.
    """
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    width = max(2, len(str(len(points) - 1)))
    sweep = Sweep(
        path=sweeps_folder(root) / name,
        fixed=tuple(fixed),
        runs=tuple(
            Planned(f"{name}-{number:0{width}}", tuple(words))
            for number, words in enumerate(points)
        ),
        folder=os.path.relpath(Path.cwd(), root),
        validate=validate,
    )
    sweep.path.mkdir(parents=True)
    facts = asdict(sweep) | {"path": name}
    write_json(sweep.path / "sweep.json", facts)
    return sweep


def find(root: Path, reference: str) -> Sweep:
    """The sweep that `reference` names: an id, the unique beginning of one, or `latest`.

    Raises:
        NotFoundError: There is no such sweep, or several.
        DataError: Its record can't be read.
    """
    names = sorted(path.parent.name for path in sweeps_folder(root).glob("*/sweep.json"))
    if not names:
        raise NotFoundError(
            f"no sweeps in {sweeps_folder(root)}", hint="mlops train -m lr=1e-5,3e-5"
        )
    if reference == "latest":
        return _read(root, names[-1])
    matches = [name for name in names if name == reference] or [
        name for name in names if reference and name.startswith(reference)
    ]
    if len(matches) == 1:
        return _read(root, matches[0])
    if matches:
        raise NotFoundError(
            f"{reference!r} begins the ids of {len(matches)} sweeps",
            hint=f"the newest of them is {matches[-1]}",
        )
    near = get_close_matches(reference, [*names, "latest"], n=1, cutoff=0.5)
    raise NotFoundError(
        f"no sweep {reference!r} in {sweeps_folder(root)}",
        hint=f"did you mean {near[0]}?" if near else f"the newest sweep is {names[-1]}",
    )


def _read(root: Path, name: str) -> Sweep:
    path = sweeps_folder(root) / name
    try:
        facts: dict[str, Any] = json.loads((path / "sweep.json").read_text("utf-8"))
        return Sweep(
            path=path,
            fixed=tuple(map(str, facts["fixed"])),
            runs=tuple(
                Planned(str(run["run"]), tuple(map(str, run["words"]))) for run in facts["runs"]
            ),
            folder=str(facts["folder"]),
            validate=bool(facts["validate"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"sweep.json of sweep {name} can't be read", hint="its runs are whole: mlops runs list"
        ) from error
