"""Config group `tracker`: where metrics go besides the run record."""

from dataclasses import dataclass
from typing import Any

from mlops_cli.schemas.option import option


@dataclass
class TrackerConfig:
    """What every tracker has."""

    name: str = option("Tracker module in mlops_cli/tracking, or a dotted module of your own.", "")
    module: str | None = option("Tracker module, where it is not called like the choice.", None)
    params: dict[str, Any] = option("Free settings for a tracker of your own.", {})


@dataclass
class WandbTrackerConfig(TrackerConfig):
    """`tracker=wandb`: Weights & Biases, offline when there is no key."""

    project: str | None = option("W&B project; null takes the project's name.", None)
    entity: str | None = option("W&B user or team.", None)
    mode: str = option(
        "auto is online when there is a key, else offline.",
        "auto",
        choices=("auto", "online", "offline"),
    )
    tags: list[str] = option("Tags of the run.", [])


SCHEMAS: dict[str, type[TrackerConfig]] = {"wandb": WandbTrackerConfig}
