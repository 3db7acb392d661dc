"""Config group `task`: what is predicted from what."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option

HIGHER_IS_BETTER = {
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
"""Every scalar metric of classification, and whether more of it is better."""


@dataclass
class TaskConfig:
    """The task; its module is `mlops_cli/tasks/<name>.py` or a dotted module of your own."""

    name: str = option("Task module.", "text_classification")
    calibration_bins: int = option("Equal-width bins of the calibration error.", 15, minimum=2)
