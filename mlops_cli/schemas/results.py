"""What stages return and commands show: frozen, plain, ready for `--json`."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        run: Run id.
        path: Run folder.
        model: Name of the model choice.
        metrics: Metrics of the best checkpoint on validation, keyed `val/<metric>`.
        epochs: Epochs trained.
        seconds: Wall time of the training, resumed parts included.
        samples_per_second: Training throughput in the steady state.
    """

    run: str
    path: Path
    model: str
    metrics: dict[str, float]
    epochs: float
    seconds: float
    samples_per_second: float
    summary: str = field(default="", repr=False)
