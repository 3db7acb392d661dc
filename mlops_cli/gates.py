"""Gates: conditions that a model's metrics must meet before anything goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlops_cli.errors import DataError, GateError, NotFoundError
from mlops_cli.schemas.gates import Gate, parse_gate
from mlops_cli.schemas.results import GateOutcome
from mlops_cli.tracking import finding
from mlops_cli.tracking.record import Run


@dataclass(frozen=True)
class Bar:
    """A gate with the number it is held against.

    Attributes:
        gate: The parsed condition.
        condition: The condition as configured.
        number: The number; None where the gate names the very run that is being evaluated.
    """

    gate: Gate
    condition: str
    number: float | None


def bars(gates: Mapping[str, str], *, root: Path, split: str, run: Run | None = None) -> list[Bar]:
    """Looks up what each gate is held against, so that a missing run is told early.

    Args:
        gates: Conditions by metric.
        root: The project.
        split: The split whose figures are compared.
        run: The run that is being evaluated.

    Raises:
        ConfigError: A condition can't be read.
        NotFoundError: A gate compares with a run that is not there or was not evaluated.
    """
    found = []
    for metric, condition in gates.items():
        gate = parse_gate(metric, condition)
        number: float | None = gate.number
        if gate.run is not None:
            other = finding.find(root, gate.run)
            number = None if run and _same(other, run) else recorded(other, metric, split)
        found.append(Bar(gate, condition, number))
    return found


def check(bars: Sequence[Bar], metrics: Mapping[str, float]) -> list[GateOutcome]:
    """Holds the metrics against every bar. A metric that is missing or NaN does not pass."""
    outcomes = []
    for bar in bars:
        value = metrics.get(bar.gate.metric, float("nan"))
        threshold = (value if bar.number is None else bar.number) + bar.gate.offset
        # What training recorded went through float32; equal figures must compare as equal.
        kind = np.float32 if bar.gate.run is not None else np.float64
        passed = bar.gate.holds(float(kind(value)), float(kind(threshold)))
        outcomes.append(GateOutcome(bar.gate.metric, bar.condition, value, threshold, passed))
    return outcomes


def require(outcomes: Sequence[GateOutcome]) -> None:
    """Raises GateError naming every gate that did not pass, with the values."""
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if failed:
        names = "; ".join(
            f"{gate.metric} is {gate.value:.4f}, must be {explain(gate)}" for gate in failed
        )
        count = "gate" if len(failed) == 1 else f"{len(failed)} gates"
        raise GateError(
            f"{count} failed: {names}",
            hint=f"train another model, or set another bar: gates.{failed[0].metric}='OP NUMBER'",
        )


def explain(gate: GateOutcome) -> str:
    """The condition, and the number behind it when another run sets it."""
    return gate.condition + (f" = {gate.threshold:.4f}" if "run:" in gate.condition else "")


def recorded(run: Run, metric: str, split: str) -> float:
    """A run's metric as its last evaluation on `split` found it, else as training recorded it.

    Raises:
        NotFoundError: Neither has it.
    """
    path = run.evaluation / f"{split}.json"
    if path.exists():
        value = _evaluated(path).get(metric)
        return float("nan") if value is None else value
    if split == "validation":
        value = run.read().get("metrics", {}).get(f"val/{metric}")
        if value is not None:
            return float(value)
    raise NotFoundError(
        f"gates.{metric} compares with run {run.id}, which was not evaluated on {split}",
        hint=f"mlops evaluate {run.id} --split {split}",
    )


def _evaluated(path: Path) -> dict[str, float | None]:
    try:
        metrics: dict[str, float | None] = json.loads(path.read_text("utf-8"))["metrics"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not an evaluation", hint="mlops evaluate writes it") from error
    return metrics


def _same(one: Run, other: Run) -> bool:
    return one.path.resolve() == other.path.resolve()
