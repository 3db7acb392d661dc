"""Config group `trainer`: how the optimisation runs."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option
from mlops_cli.schemas.task import HIGHER_IS_BETTER


@dataclass
class TrainerConfig:
    """Optimisation, precision, checkpoints and stopping."""

    accelerator: str = option("Where to train.", "auto", choices=("auto", "cpu", "gpu", "mps"))
    processes: int = option("Processes that train together on each machine.", 1, minimum=1)
    nodes: int = option("Machines that train together; see `launcher`.", 1, minimum=1)
    threads: int | None = option(
        "CPU threads; null takes all cores, and one for a narrow network.", None, minimum=1
    )
    precision: str = option(
        "Number format of the forward and backward pass; "
        "auto takes bf16 where the hardware has it.",
        "auto",
        choices=("auto", "32", "bf16", "16"),
    )
    weight_decay: float = option("AdamW weight decay (not on biases and norms).", 0.01, minimum=0)
    schedule: str = option(
        "Learning rate after the warm-up.", "linear", choices=("linear", "cosine", "constant")
    )
    warmup: float = option(
        "Share of all steps that warms the learning rate up.", 0.1, minimum=0, below=1
    )
    gradient_clip: float | None = option("Largest gradient norm; null: no clipping.", 1.0, above=0)
    accumulate: int = option("Batches per optimiser step.", 1, minimum=1)
    gradient_checkpointing: bool = option(
        "Compute the layers' values again in the backward pass: less memory, the same weights.",
        False,
    )
    compile: bool = option(
        "Compile the network with torch.compile; the first steps take longer.", False
    )
    class_weights: str = option(
        "Weights of the classes in the loss.", "none", choices=("none", "balanced")
    )
    label_smoothing: float = option("Label smoothing.", 0.0, minimum=0, below=1)
    mixup: float = option(
        "Mix pairs of training images in shares drawn from a beta distribution with this "
        "parameter; 0: none.",
        0.0,
        minimum=0,
    )
    monitor: str = option(
        "Validation metric that picks the best checkpoint; unset: the task's own.",
        "mcc",
        choices=tuple(HIGHER_IS_BETTER),
    )
    patience: int | None = option(
        "Stop after this many epochs without a better `monitor`; null: never.", None, minimum=1
    )
    group_by_length: bool = option("Batch texts of similar length together.", True)
    compact_embedding: bool = option(
        "Train only the embedding rows whose tokens occur in the data (exact, faster).", True
    )
    eval_batch_size: int = option("Batch size of validation and evaluation.", 64, minimum=1)
    checkpoint_every: float = option(
        "Seconds between checkpoints inside an epoch.", 60.0, minimum=0
    )
    log_every: int = option("Optimiser steps between two lines of training metrics.", 10, minimum=1)
    max_steps: int | None = option(
        "Stop after this many optimiser steps, or rounds of boosting.", None, minimum=1
    )
