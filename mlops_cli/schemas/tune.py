"""Config group `tune`: what a search for settings tries, and how it chooses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_cli.schemas.option import option


@dataclass
class TuneConfig:
    """A search. Its space may also be typed: mlops tune lr='interval(1e-5,1e-3)'."""

    study: str = option("The study's name; empty: one made of the model and the search space.", "")
    space: dict[str, Any] = option(
        "What is searched: lr: interval(1e-5, 1e-3), model.layers: range(1, 5), model: [tiny].", {}
    )
    objectives: list[str] = option(
        "Validation metrics to search for, or seconds; empty: what trainer.monitor says.", []
    )
    directions: list[str] = option(
        "maximize or minimize for each objective; empty: what is better of the metric.", []
    )
    sampler: str = option(
        "How points are chosen; auto: tpe, nsga2 for several objectives, grid for a small space.",
        "auto",
        choices=("auto", "tpe", "random", "grid", "cmaes", "nsga2"),
    )
    pruner: str = option(
        "Which trials are ended early; auto: median, none for several objectives.",
        "auto",
        choices=("auto", "none", "median", "asha"),
    )
    trials: int = option(
        "Trials in all; those of earlier calls count, save for failed ones.", 30, minimum=1
    )
    timeout: float | None = option(
        "Seconds after which no new trial begins; null: no limit.", None, above=0
    )
    startup: int = option(
        "Random trials before the sampler begins to learn, and before the pruner ends any.",
        8,
        minimum=1,
    )
    baseline: bool = option(
        "Try the present settings first, where the search space holds them.", True
    )
    seed: int = option("Seed of the sampler.", 0, minimum=0, maximum=2**32 - 1)
    jobs: int | None = option("Trials at once; null: what the launcher says.", None, minimum=1)


@dataclass(frozen=True)
class Trial:
    """One trial of a study.

    Attributes:
        number: Its number, from 0.
        run: The run that was trained.
        state: finished, pruned, failed, or running.
        settings: The values that were tried.
        values: The objectives, in order; empty where it did not finish.
        reports: The first objective after each epoch.
        seconds: From its beginning to its end.
        error: Why it failed, in one line.
    """

    number: int
    run: str
    state: str
    settings: dict[str, Any]
    values: list[float]
    reports: list[float]
    seconds: float
    error: str


@dataclass(frozen=True)
class TuneResult:
    """A study, as far as it got.

    Attributes:
        study: Its name.
        path: Its folder.
        objectives: What was searched for.
        directions: maximize or minimize, for each objective.
        sampler: How points were chosen.
        pruner: Which trials were ended early.
        trials: All trials, in order.
        best: Numbers of the best trials: one, or the Pareto front of several objectives.
        importance: Of each objective, the share of its variance that each setting explains, by
            PED-ANOVA; empty with too few trials.
        logarithmic: The settings that were searched on a logarithmic scale.
        experiment: The file with the best settings, where one was written.
        next_words: What follows `mlops train` to train the best settings again.
        files: Pictures and the page.
    """

    study: str
    path: Path
    objectives: list[str]
    directions: list[str]
    sampler: str
    pruner: str
    trials: list[Trial]
    best: list[int]
    importance: dict[str, dict[str, float]]
    logarithmic: list[str]
    experiment: Path | None = None
    next_words: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
