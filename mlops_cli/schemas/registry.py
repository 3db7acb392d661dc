"""Config group `registry`: the stages of a model, and what a version must prove to enter one."""

from dataclasses import dataclass

from mlops_cli.schemas.option import option

SPLITS = ("validation", "test", "train")


@dataclass
class RegistryConfig:
    """What `mlops models promote` asks for; the limits are gates (exit 6)."""

    stages: list[str] = option(
        "Stages that a version can be promoted to; empty: any.", ["staging", "production"]
    )
    split: str = option(
        "Split that a version and the one now in the stage both answer.",
        "validation",
        choices=SPLITS,
    )
    max_metric_loss: float = option(
        "By how much the monitored metric may be worse than that of the version now in the stage; "
        "of an error such as rmse as a share of it.",
        0.0,
        minimum=0,
    )
