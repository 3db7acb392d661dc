"""One field of a config: its default, its help text and the values it takes."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The values an option takes, beyond its type. None means no limit.

    Attributes:
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        above: The value must be greater than this.
        below: The value must be less than this.
        choices: The only values allowed.
    """

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: Sequence[str] | None = None

    def problem(self, value: Any) -> str | None:
        """Says what is wrong with `value`, or None. None and containers are left alone."""
        if self.choices is not None and isinstance(value, str) and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if math.isnan(value):
            return "must be a number, not NaN"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:.12g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:.12g}"
        if self.above is not None and value <= self.above:
            return f"must be greater than {self.above:.12g}"
        if self.below is not None and value >= self.below:
            return f"must be less than {self.below:.12g}"
        return None


def option(
    help: str,  # noqa: A002 - the word a command line uses for it
    default: Any = MISSING,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | None = None,
    file: bool = False,
) -> Any:
    """A dataclass field with what config, completion and docs read: its help text and limits.

    `file` tells that it names a file or folder, which a run keeps as seen from the root.
    """
    limits = Limits(minimum, maximum, above, below, choices)
    metadata = {"help": help, "limits": limits, "file": file}
    if isinstance(default, dict | list):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
