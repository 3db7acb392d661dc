"""Every error a user can cause, each with the exit code it ends the process with.

    MlopsError                 1   anything else that went wrong and was understood
    ├── UsageError             2   the command line itself is off
    ├── ConfigError            3   a key, choice or value of the config tree is off
    ├── MissingDependencyError 4   an extra, a tool or a credential is not there
    ├── NotFoundError          5   a run, data set, model or bundle is not there
    │   └── UnreachableError   5   … because the hub that holds it can't be reached
    ├── DataError              5   data, a run or a bundle is there, and invalid
    ├── GateError              6   a gate failed: quality, parity, signature
    │   └── ExportRefused      6   … because a graph differs from PyTorch by more than is tolerated
    ├── TrainingError          1   training can't go on (NaN loss, out of memory)
    │   └── ProcessLost       75   … because one of the processes that train together is gone
    ├── PlaceError             1   a file or folder can't be where it was asked for
    ├── StepError              1   a step of a workflow failed; ends with the step's own exit code
    └── Interrupted          130   stopped by the user; what was saved can be resumed

`cli.main` is the only place that catches them. An error outside this tree is a defect of
ours and keeps its traceback, save for a disk or folder that the system refuses.
"""

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.schemas.results import GraphFigures

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or what the user may use of it, is full."""
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, *FULL_DISK)


class MlopsError(Exception):
    """A failure that is explained to the user in one line.

    Attributes:
        message: What happened, in one sentence, naming the thing that is wrong.
        hint: What to type or change next; empty when there is nothing to add.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def refused_by_system(error: OSError | SystemExit) -> MlopsError:
    """A disk or folder that can't be used, as an error of ours; anything else is raised again."""
    if not isinstance(error, OSError) or error.errno not in _REFUSALS:
        raise error
    # Of two files, the second is the one that was to be written.
    filename = error.filename2 or error.filename
    place = f"{filename}: " if filename else ""
    return MlopsError(
        f"{place}{(error.strerror or '').lower()}",
        hint="free some space on the disk and try again"
        if error.errno in FULL_DISK
        else "check its name, its permissions and the free space",
    )


class UsageError(MlopsError):
    """The command line is off in a way Typer can't see."""

    exit_code = 2


class ConfigError(MlopsError):
    """A key, a choice or a value of the config tree is wrong."""

    exit_code = 3


class MissingDependencyError(MlopsError):
    """An optional extra, an external tool or a credential is missing."""

    exit_code = 4


class NotFoundError(MlopsError):
    """A run, data set, model or bundle does not exist."""

    exit_code = 5


class UnreachableError(NotFoundError):
    """A hub can't be reached, and what was asked for is not in its local cache."""


class DataError(MlopsError):
    """Data, a run or a bundle exists and can't be used as it is."""

    exit_code = 5


class GateError(MlopsError):
    """A quality, parity or signature gate failed."""

    exit_code = 6


class ExportRefused(GateError):
    """A graph differs from PyTorch by more than is tolerated.

    Attributes:
        figures: Those of all graphs that were made, where they are known; `kept` are those that
            agree.
        monitor: The metric in them.
    """

    def __init__(
        self, message: str, *, hint: str, figures: "Sequence[GraphFigures]", monitor: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.figures, self.monitor = figures, monitor


class TrainingError(MlopsError):
    """Training can't go on."""


class ProcessLost(TrainingError):
    """A process that trains with this one is gone; what is on disk can be gone on with."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again.


class PlaceError(MlopsError, OSError):
    """Something can't be written where it was asked for: there is no folder, or one is there.

    An OSError too, to those who do without what can't be written.
    """

    def __init__(self, place: object, error: OSError) -> None:
        said = (error.strerror or "").lower()
        super().__init__(f"can't write {place} ({said})", hint="name another place")
        self.errno, self.strerror = error.errno, error.strerror

    def __str__(self) -> str:
        return self.message  # An OSError would tell its own two alone.


class StepError(MlopsError):
    """A step of a workflow that was played failed, with an exit code of its own."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class Interrupted(MlopsError):
    """The user stopped the work; what is on disk is whole."""

    exit_code = 130
