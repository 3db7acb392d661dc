"""Config group `tracker`: where metrics go besides the run record."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.option import option

_LONGEST_PROJECT, _LONGEST_TAG = 128, 64
"""What W&B takes."""


@dataclass
class TrackerConfig:
    """What every tracker has."""

    name: str = option("Tracker module in mlops_cli/tracking, or a dotted module of your own.", "")
    module: str | None = option("Tracker module, where it is not called like the choice.", None)
    params: dict[str, Any] = option("Free settings for a tracker of your own.", {})
    artifacts: str = option(
        "What is sent besides metrics: reports are pictures and tables of the evaluations, "
        "bundle is those and the exported bundle, model is all of it and the trained weights.",
        "bundle",
        choices=("none", "reports", "bundle", "model"),
    )
    wait: float = option(
        "Seconds that a command waits in the end for a tracker; mlops runs sync sends the rest.",
        30.0,
        minimum=0,
    )
    system_every: float | None = option(
        "Seconds between two looks at CPU, memory and GPU for the run record; null for none.",
        10.0,
        above=0,
    )
    energy: bool = option("Record energy and CO2, where codecarbon is installed.", True)
    country: str | None = option(
        "Whose electricity CO2 is reckoned with, by three letters; null takes the world's mean.",
        None,
    )


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


@dataclass
class MlflowTrackerConfig(TrackerConfig):
    """`tracker=mlflow`: an MLflow server, or a database of the project's own."""

    uri: str | None = option(
        "MLflow's tracking URI; null takes MLFLOW_TRACKING_URI, else mlflow.db in the project.",
        None,
    )
    experiment: str | None = option("MLflow experiment; null takes the project's name.", None)
    tags: list[str] = option("Tags of the run.", [])


@dataclass
class SeveralTrackersConfig(WandbTrackerConfig, MlflowTrackerConfig):
    """`tracker=[wandb,mlflow]`: several at once, each with the settings it knows."""

    use: list[str] = option("The trackers: names of ours, or dotted modules of your own.", [])


_NONE = "none"
SEVERAL = "several"
"""Name of the choice that a list of choices makes."""

SCHEMAS: dict[str, type[TrackerConfig]] = {
    "wandb": WandbTrackerConfig,
    "mlflow": MlflowTrackerConfig,
    SEVERAL: SeveralTrackersConfig,
}


def trackers_in(config: TrackerConfig) -> dict[str, TrackerConfig]:
    """The trackers that a config asks for by module, each with its own settings."""
    if not isinstance(config, SeveralTrackersConfig):
        name = config.module or config.name
        return {} if name in ("", _NONE) else {name: config}
    found = {}
    for name in dict.fromkeys(config.use):
        schema = SCHEMAS.get(name, TrackerConfig)
        values = {part.name: getattr(config, part.name) for part in fields(schema)}
        found[name] = schema(**{**values, "name": name, "module": None})
    return {name: own for name, own in found.items() if name not in (_NONE, SEVERAL)}


def problems(config: TrackerConfig) -> Iterator[ConfigError]:
    """What the services would refuse, and what must not get into a run's record."""
    if isinstance(config, WandbTrackerConfig):
        project = config.project or ""
        if re.search(r"[/\\#?%:]", project) or len(project) > _LONGEST_PROJECT:
            yield ConfigError(
                f"W&B takes no project called {project!r}",
                hint=f"at most {_LONGEST_PROJECT} characters, none of them /\\#?%:",
            )
        for tag in config.tags:
            if not 0 < len(tag) <= _LONGEST_TAG:
                yield ConfigError(
                    f"W&B takes no tag {tag!r}", hint=f"a tag has 1 to {_LONGEST_TAG} characters"
                )
    if isinstance(config, MlflowTrackerConfig) and urlsplit(config.uri or "").password:
        yield ConfigError(
            "tracker.uri holds a password, which would be kept in the run's record",
            hint="give it as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        )
