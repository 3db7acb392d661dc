"""Stage `tune`: a search for the best settings, each trial in a process of its own.

What is to be searched is settled here, without Optuna; `search` then does it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli.config import grids
from mlops_cli.config.sweeps import Span, split
from mlops_cli.errors import UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.tuning import baseline, plan, records
from mlops_cli.tuning.plan import Plan


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a call may add to a study; None: what the `tune` group says.

    Attributes:
        trials: Trials in all.
        timeout: Seconds after which no trial begins.
        jobs: Trials at once.
    """

    trials: int | None = None
    timeout: float | None = None
    jobs: int | None = None


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A search that is settled.

    Attributes:
        plan: What is searched, and how.
        config: The config that all trials share; limits and launcher are read from it.
        present: The point of the space that the present settings are, to be tried first.
    """

    plan: Plan
    config: Config
    present: dict[str, Any] | None


def prepare(
    words: Sequence[str],
    root: Path,
    reporter: Reporter,
    limits: Limits,
    *,
    name: str = "",
    validate: bool = True,
) -> Prepared:
    """Settles a search of the space that the words and the `tune` group describe.

    Args:
        words: `KEY=VALUE` words; those with several values are searched.
        root: The project.
        reporter: Told what was guessed.
        limits: How much of it.
        name: The study's name.
        validate: Let each trial check its data.

    Raises:
        ConfigError: The space, an objective or a setting is wrong.
    """
    config = _with(configs.load(split(words)[0], root=root), limits)
    space = grids.space(words, config.tune.space, root)
    settled = plan.settle(config, space, root, name=name, validate=validate)
    for axis in space.axes:
        if isinstance(axis, Span) and axis.log_guessed:
            reporter.info(
                f"{axis.key} is searched on a logarithmic scale: its bounds are decades apart "
                f"({axis.key}='tag(linear,interval({axis.low:g},{axis.high:g}))' for a linear one)"
            )
    present = baseline.params(config, settled, root) if config.tune.baseline else None
    return Prepared(settled, config, present)


def prepare_again(reference: str, words: Sequence[str], root: Path, limits: Limits) -> Prepared:
    """Settles going on with a study.

    Args:
        reference: Its name, or `latest`.
        words: Nothing; settings are the study's own.
        root: The project.
        limits: How much of it.

    Raises:
        UsageError: Settings were given.
        NotFoundError: There is no such study.
    """
    if words:
        raise UsageError(
            f"--resume keeps the study's own settings, so {words[0]} can't be changed",
            hint=f"mlops tune {' '.join(words)} begins another study",
        )
    settled = records.find(root, reference)
    return Prepared(settled, _with(configs.load(settled.fixed, root=root), limits), None)


def _with(config: Config, limits: Limits) -> Config:
    """The config with what this call says of it."""
    given = {key: value for key, value in dataclasses.asdict(limits).items() if value is not None}
    tune = dataclasses.replace(config.tune, **given)
    launcher = dataclasses.replace(config.launcher, jobs=tune.jobs or config.launcher.jobs)
    return dataclasses.replace(config, tune=tune, launcher=launcher)
