"""What a study is asked to do: objectives, sampler and pruner, settled before the first trial."""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops_cli.config.grids import Space
from mlops_cli.config.overrides import parse
from mlops_cli.config.sweeps import Axis, Choices, Span
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.task import HIGHER_IS_BETTER, METRICS
from mlops_cli.schemas.tune import TuneConfig

SECONDS = "seconds"
"""The one objective that is no metric: the time a training takes."""

DIRECTIONS = ("maximize", "minimize")
GROUPS_OF_OURS = ("launcher", "tune")
"""Settings that mean nothing to a single training."""


@dataclass(frozen=True)
class Plan:
    """A study as it is recorded in `study.json`.

    Attributes:
        name: Its name.
        fixed: The words that all trials share.
        axes: What is searched.
        objectives: Metric names, or `seconds`.
        directions: maximize or minimize, for each.
        sampler: tpe, random, grid, cmaes or nsga2.
        pruner: none, median or asha.
        startup: Random trials before sampler and pruner begin.
        seed: Of the sampler.
        folder: Where it was typed, as seen from the project's root.
        validate: Whether each trial checks its data.
    """

    name: str
    fixed: tuple[str, ...]
    axes: tuple[Axis, ...]
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    sampler: str
    pruner: str
    startup: int
    seed: int
    folder: str
    validate: bool

    @property
    def size(self) -> float:
        """Points of the space; infinite where a number has no step."""
        return math.prod(axis_size(axis) for axis in self.axes)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> "Plan":
        """Reads a plan. Raises KeyError, TypeError or ValueError where it is none."""
        listed = {name: tuple(facts[name]) for name in ("fixed", "objectives", "directions")}
        return cls(**{**facts, **listed, "axes": tuple(map(_axis, facts["axes"]))})


def axis_size(axis: Axis) -> float:
    """How many values an axis has."""
    if isinstance(axis, Choices):
        return len(axis.values)
    return math.inf if axis.step is None else round((axis.high - axis.low) / axis.step) + 1


def settle(config: Config, space: Space, root: Path, *, name: str, validate: bool) -> Plan:
    """The plan for a new study.

    Args:
        config: The config that all trials share.
        space: What is searched.
        root: The project.
        name: The study's name; empty: one is made.
        validate: Whether each trial checks its data.

    Raises:
        ConfigError: An objective is unknown, or sampler or pruner don't fit the space.
    """
    tune = config.tune
    known = _metrics(config, space)
    objectives = [_objective(text, config, known) for text in tune.objectives]
    objectives = objectives or [config.trainer.monitor]
    _refuse_repeated(objectives)
    directions = _directions(tune, objectives)
    fixed = [word for word in space.fixed if parse(word).group not in GROUPS_OF_OURS]
    monitored = config.trainer.monitor if objectives[0] == SECONDS else objectives[0]
    typed = any(parse(word).key == "trainer.monitor" for word in fixed)
    if monitored != config.trainer.monitor and monitored in known and not typed:
        # The checkpoint that counts is the best by what is searched for.
        fixed.append(f"trainer.monitor={objectives[0]}")
    plan = Plan(
        name=name or tune.study,
        fixed=tuple(fixed),
        axes=space.axes,
        objectives=tuple(objectives),
        directions=tuple(directions),
        sampler=_sampler(tune, space, len(objectives)),
        pruner=_pruner(tune, len(objectives)),
        startup=tune.startup,
        seed=tune.seed,
        folder=os.path.relpath(Path.cwd(), root),
        validate=validate,
    )
    _check_name(plan.name)
    if plan.name:
        return plan
    content = json.dumps(plan.to_json(), sort_keys=True).encode()
    made = f"{config.model.name}-{hashlib.sha256(content).hexdigest()[:6]}"
    return Plan(**{**vars(plan), "name": made})


def _metrics(config: Config, space: Space) -> list[str]:
    """The metrics that trials have; those of every task where the task itself is searched."""
    searched = any(axis.key.partition(".")[0] == "task" for axis in space.axes)
    return list(HIGHER_IS_BETTER if searched else METRICS[config.task.targets])


def _objective(text: str, config: Config, known: Sequence[str]) -> str:
    """The name of an objective; ConfigError where the task has no such metric."""
    name = text.removeprefix("val/")
    # What a task of the user's own measures besides shows when it trains.
    own = "." in config.task.name
    if name in (SECONDS, *known) or (own and config.tune.directions):
        return name
    near = get_close_matches(name, [*known, SECONDS], n=1)
    hint = f"did you mean {near[0]}?" if near else f"metrics: {', '.join([*known, SECONDS])}"
    raise ConfigError(
        f"tune.objectives: there is no metric {text!r} of task={config.task.name}",
        hint=hint + ("; one of your own needs tune.directions" if own else ""),
    )


def _refuse_repeated(objectives: Sequence[str]) -> None:
    for name in objectives:
        if objectives.count(name) > 1:
            raise ConfigError(
                f"tune.objectives names {name} twice", hint=f"tune.objectives=[{name}]"
            )


def _directions(tune: TuneConfig, objectives: Sequence[str]) -> list[str]:
    if not tune.directions:
        return [DIRECTIONS[not HIGHER_IS_BETTER.get(name, False)] for name in objectives]
    for direction in tune.directions:
        if direction not in DIRECTIONS:
            raise ConfigError(
                f"tune.directions: {direction!r} is no direction",
                hint=f"directions: {', '.join(DIRECTIONS)}",
            )
    if len(tune.directions) != len(objectives):
        raise ConfigError(
            f"there are {len(tune.directions)} tune.directions for {len(objectives)} objectives",
            hint="give one for each, or none: every metric knows what is better",
        )
    return list(tune.directions)


def _sampler(tune: TuneConfig, space: Space, objectives: int) -> str:
    """The sampler, checked against the space."""
    numbers = [axis for axis in space.axes if isinstance(axis, Span)]
    size = math.prod(axis_size(axis) for axis in space.axes)
    if tune.sampler == "grid" and math.isinf(size):
        axis = next(axis for axis in numbers if axis.step is None)
        raise ConfigError(
            f"tune.sampler=grid needs the values of {axis.key}, which has no end of them",
            hint=f"{axis.key}={axis.low:g},{axis.high:g}, or another sampler",
        )
    if tune.sampler == "cmaes" and (not numbers or objectives > 1):
        raise ConfigError(
            "tune.sampler=cmaes searches numbers for one objective alone",
            hint="tune.sampler=tpe" if objectives == 1 else "tune.sampler=nsga2",
        )
    if tune.sampler != "auto":
        return tune.sampler
    if size <= tune.trials:
        return "grid"
    return "tpe" if objectives == 1 else "nsga2"


def _pruner(tune: TuneConfig, objectives: int) -> str:
    if tune.pruner == "auto":
        return "median" if objectives == 1 else "none"
    if tune.pruner != "none" and objectives > 1:
        raise ConfigError(
            f"tune.pruner={tune.pruner} judges by one objective, and there are {objectives}",
            hint="tune.pruner=none",
        )
    return tune.pruner


def _check_name(name: str) -> None:
    if not all(sign.isalnum() or sign in "_-." for sign in name) or name.startswith("."):
        raise ConfigError(
            f"{name!r} can't be the name of a study",
            hint="names are made of letters, digits, _, - and .",
        )


def _axis(facts: dict[str, Any]) -> Axis:
    if "values" in facts:
        return Choices(facts["key"], tuple(facts["values"]))
    return Span(**facts)
