"""Config group `task`: what is predicted from what."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option

_CLASSES = {
    "accuracy": True,
    "balanced_accuracy": True,
    "precision_macro": True,
    "recall_macro": True,
    "f1_macro": True,
    "precision_weighted": True,
    "recall_weighted": True,
    "f1_weighted": True,
    "mcc": True,
    "auroc": True,
    "log_loss": False,
    "calibration_error": False,
}

_LABELS = {
    "f1_micro": True,
    "f1_macro": True,
    "precision_micro": True,
    "recall_micro": True,
    "subset_accuracy": True,
    "hamming_loss": False,
    "auroc": True,
}

_NUMBERS = {
    "mae": False,
    "rmse": False,
    "r2": True,
    "pearson": True,
    "spearman": True,
}

METRICS: dict[str, dict[str, bool]] = {
    "classes": _CLASSES,
    "tags": {
        "entity_f1": True,
        "entity_precision": True,
        "entity_recall": True,
        "entity_f1_macro": True,
        "accuracy": True,
        "f1_macro": True,
        "log_loss": False,
    },
    "labels": _LABELS,
    "numbers": _NUMBERS,
}
"""Every scalar metric by what is predicted, and whether more of it is better.

classes: one of several labels; labels: any number of them; numbers: a number; tags: a label for
every word.
"""

HIGHER_IS_BETTER = {name: higher for kind in METRICS.values() for name, higher in kind.items()}
"""Whether more of a metric is better; a metric of several kinds of targets means the same."""

INPUTS = ("text", "text_pair", "words", "image", "table")
"""What a row can be: the raw input of a task."""

OWN = {
    "image_classification": ("image", "classes"),
    "multi_label_classification": ("text", "labels"),
    "tabular_classification": ("table", "classes"),
    "tabular_regression": ("table", "numbers"),
    "text_classification": ("text", "classes"),
    "text_pair_classification": ("text_pair", "classes"),
    "text_regression": ("text", "numbers"),
    "text_similarity": ("text_pair", "numbers"),
    "token_classification": ("words", "tags"),
}
"""The inputs and the targets that each task of ours is made for."""


@dataclass
class TaskConfig:
    """The task; its module is `mlops_cli/tasks/<name>.py` or a dotted module of your own."""

    name: str = option("Task module.", "text_classification")
    inputs: str = option(
        "What a row is: what the data offers and the model takes.", "text", choices=INPUTS
    )
    targets: str = option("What a row's target is.", "classes", choices=tuple(METRICS))
    monitor: str = option(
        "Validation metric that picks the best checkpoint, unless trainer.monitor is set.",
        "mcc",
        choices=tuple(HIGHER_IS_BETTER),
    )
    calibration_bins: int = option("Equal-width bins of the calibration error.", 15, minimum=2)
    separator: str = option(
        "What stands between several labels of a row; a JSON list of them is read as well.", "|"
    )
    threshold: float = option(
        "From this probability on, a row gets a label, where it may get any number of them.",
        0.5,
        above=0,
        below=1,
    )
