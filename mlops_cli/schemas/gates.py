"""Gates: conditions on metrics, such as `>= 0.25` or `>= run:best - 0.01`."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.task import HIGHER_IS_BETTER

OPERATORS = (">=", "<=", "==", ">", "<")

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_GATE = re.compile(
    rf"\s*(?P<operator>>=|<=|==|>|<)\s*(?:(?P<number>[+-]?{_NUMBER})"
    rf"|run:(?P<run>[^\s+]+)(?:\s*(?P<sign>[+-])\s+(?P<offset>{_NUMBER}))?)\s*"
)


@dataclass(frozen=True)
class Gate:
    """One condition that a metric must meet.

    Attributes:
        metric: The metric's name.
        operator: One of `OPERATORS`.
        number: The bound, when it is a plain number; 0 when another run sets it.
        run: The reference of the run whose metric is the bound, or None.
        offset: Added to that run's metric.
    """

    metric: str
    operator: str
    number: float
    run: str | None = None
    offset: float = 0.0

    def holds(self, value: float, bound: float) -> bool:
        """Whether `value` meets the condition against the resolved `bound`. NaN never does."""
        return {
            ">=": value >= bound,
            "<=": value <= bound,
            "==": value == bound,
            ">": value > bound,
            "<": value < bound,
        }[self.operator]

    def __str__(self) -> str:
        if self.run is None:
            return f"{self.metric} {self.operator} {self.number:g}"
        sign = "-" if self.offset < 0 else "+"
        offset = f" {sign} {abs(self.offset):g}" if self.offset else ""
        return f"{self.metric} {self.operator} run:{self.run}{offset}"


def parse_gate(metric: str, text: str) -> Gate:
    """Reads the condition `text` on `metric`.

    The grammar is `OP NUMBER`, `OP run:REF`, `OP run:REF + NUMBER` or `OP run:REF - NUMBER`,
    where OP is one of `OPERATORS` and REF a run's id, `latest`, `best` or `best:METRIC`.

    Raises:
        ConfigError: The metric is unknown, or the condition can't be read.
    """
    if metric not in HIGHER_IS_BETTER:
        near = get_close_matches(metric.lower(), HIGHER_IS_BETTER, n=1)
        raise ConfigError(
            f"gates.{metric}: there is no metric {metric!r}",
            hint=f"did you mean gates.{near[0]}?"
            if near
            else f"metrics: {', '.join(HIGHER_IS_BETTER)}",
        )
    match = _GATE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"gates.{metric}: can't read the condition {text!r}", hint=_remedy(metric, text)
        )
    offset = float(match["offset"] or 0)
    return Gate(
        metric=metric,
        operator=match["operator"],
        number=float(match["number"] or 0),
        run=match["run"],
        offset=-offset if match["sign"] == "-" else offset,
    )


def _remedy(metric: str, text: str) -> str:
    """The condition that was probably meant."""
    usual = ">=" if HIGHER_IS_BETTER[metric] else "<="
    number = re.search(_NUMBER, text)
    if "run:" in text or number is None:
        return (
            f"a gate is OP NUMBER or OP run:RUN - NUMBER: gates.{metric}='{usual} run:best - 0.01'"
        )
    swapped = {"=>": ">=", "=<": "<="}.get(text.strip()[:2])
    return f"did you mean gates.{metric}='{swapped or usual} {number.group()}'?"
