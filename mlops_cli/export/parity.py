"""How close a graph is to PyTorch, and how close it has to be."""

from dataclasses import dataclass

import numpy as np

from mlops_cli.schemas.export import ExportConfig
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.tasks import Head, Outputs, Targets

_ROUNDING = 1e-5
"""Share of a metric, or of 1, that float32 sums in another order explain."""


@dataclass(frozen=True)
class Parity:
    """How close a graph is to PyTorch on the whole validation split.

    Attributes:
        rows: Rows compared.
        max_logit_difference: Largest absolute difference of any logit.
        label_agreement: Share of rows with the same label.
        monitor: The metric that must not get worse.
        metric_pytorch: Its value with PyTorch.
        metric_onnx: Its value with onnxruntime.
        metric_loss: By how much it is worse; negative where it is better.
    """

    rows: int
    max_logit_difference: float
    label_agreement: float
    monitor: str
    metric_pytorch: float
    metric_onnx: float
    metric_loss: float


@dataclass(frozen=True)
class Limits:
    """What a graph may lose.

    Attributes:
        max_logit_difference: Largest absolute difference of any logit; None for any.
        min_label_agreement: Smallest share of rows with the same label.
        max_metric_loss: Largest loss of the metric.
        relative: Whether the loss of an error, such as rmse, is a share of PyTorch's value.
        prefix: What the settings that say so begin with.
    """

    max_logit_difference: float | None
    min_label_agreement: float
    max_metric_loss: float
    relative: bool
    prefix: str


def limits(config: ExportConfig, *, reduced: bool) -> Limits:
    """The limits of a graph in float32, or of one in narrower numbers."""
    if reduced:
        return Limits(
            config.reduced_max_logit_difference,
            config.reduced_min_label_agreement,
            config.reduced_max_metric_loss,
            relative=True,
            prefix="export.reduced_",
        )
    return Limits(
        config.max_logit_difference,
        config.min_label_agreement,
        config.max_metric_loss,
        relative=False,
        prefix="export.",
    )


def compare(
    head: Head, targets: Targets, expected: Outputs, found: Outputs, monitor: str
) -> tuple[Parity, dict[str, float]]:
    """The figures of the comparison, and every metric of the graph's outputs."""
    before = head.metrics(expected, targets)[monitor]
    metrics = head.metrics(found, targets)
    after = metrics[monitor]
    parity = Parity(
        rows=len(targets),
        max_logit_difference=float(np.abs(found - expected).max()),
        label_agreement=float((head.decisions(found) == head.decisions(expected)).mean()),
        monitor=monitor,
        metric_pytorch=before,
        metric_onnx=after,
        metric_loss=before - after if HIGHER_IS_BETTER[monitor] else after - before,
    )
    return parity, metrics


def excess(parity: Parity, limit: Limits) -> tuple[str, str] | None:
    """The figure that is beyond its limit, and the setting that is the limit; None if none is."""
    most = limit.max_logit_difference
    # Written so that a NaN fails; only a metric that neither side defines passes.
    if not parity.max_logit_difference <= (np.inf if most is None else most):
        figure = f"largest logit difference {parity.max_logit_difference:.3g}"
        return figure, f"{limit.prefix}max_logit_difference={most:g}"
    if not parity.label_agreement >= limit.min_label_agreement:
        figure = f"label agreement {parity.label_agreement:.4%}"
        return figure, f"{limit.prefix}min_label_agreement={limit.min_label_agreement:g}"
    if parity.metric_loss > _most_lost(parity, limit) or (
        np.isnan(parity.metric_onnx) and not np.isnan(parity.metric_pytorch)
    ):
        figure = f"{parity.monitor} {parity.metric_onnx:.4f} instead of {parity.metric_pytorch:.4f}"
        return figure, f"{limit.prefix}max_metric_loss={limit.max_metric_loss:g}"
    return None


def _most_lost(parity: Parity, limit: Limits) -> float:
    size = abs(parity.metric_pytorch)
    share = limit.relative and not HIGHER_IS_BETTER[parity.monitor]
    return limit.max_metric_loss * (size if share else 1.0) + _ROUNDING * max(1.0, size)
