"""From single tests to one verdict: Holm's correction, and effects that are large enough."""

from collections.abc import Sequence
from dataclasses import replace

from mlops_cli.schemas.drift import DriftCheck

CORRECTION = "Holm"
"""It bounds the chance of even one false alarm whatever the tests have to do with each other,
which is what an alarm is judged by. Benjamini-Hochberg would bound the share of false ones only.

Holm (1979), A simple sequentially rejective multiple test procedure.
"""
_SMALLEST = 1e-12


def judge(checks: Sequence[DriftCheck], alpha: float) -> list[DriftCheck]:
    """The checks with adjusted p-values and verdicts: those that drifted first, then by evidence.

    Args:
        checks: All checks of one comparison.
        alpha: Chance of any false alarm among them.
    """
    ranked = sorted(range(len(checks)), key=lambda place: checks[place].p)
    adjusted, so_far = [0.0] * len(checks), 0.0
    for rank, place in enumerate(ranked):
        so_far = max(so_far, min(1.0, checks[place].p * (len(checks) - rank)))
        adjusted[place] = so_far
    judged = [
        replace(check, p_adjusted=p, drifted=p < alpha and check.effect >= check.floor)
        for check, p in zip(checks, adjusted, strict=True)
    ]
    # Everything is certain in large tables: how far beyond what matters tells more.
    return sorted(
        judged,
        key=lambda check: (not check.drifted, -_excess(check)),
    )


def _excess(check: DriftCheck) -> float:
    """How many times as large as what matters the effect is. An AUC begins at 0.5."""
    nothing = 0.5 if check.measure == "AUC" else 0.0
    return (check.effect - nothing) / max(check.floor - nothing, 1e-3)


def reason(check: DriftCheck) -> str:
    """What one check says, in a few words: `age: values, distance 0.62, p < 1e-12`."""
    return (
        f"{check.column}: {check.aspect}, {check.measure} {check.effect:.3f}, "
        f"{p_text(check.p_adjusted)}"
    )


def p_text(p: float) -> str:
    """A p-value as people write it."""
    return f"p < {_SMALLEST:.0e}" if p < _SMALLEST else f"p = {p:.2g}"
