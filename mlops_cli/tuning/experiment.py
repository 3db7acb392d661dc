"""The best settings as `configs/experiment/NAME.yaml`."""

from pathlib import Path
from typing import Any

import yaml

from mlops_cli.config import as_file
from mlops_cli.config.grids import value_word
from mlops_cli.config.keys import EXPERIMENT
from mlops_cli.config.tree import open_tree
from mlops_cli.files import sha256, write_text
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.tune import Trial, TuneResult
from mlops_cli.tuning.plan import Plan
from mlops_cli.tuning.records import studies_folder

_WRITTEN = "experiment.sha256"
"""In the study's folder: the SHA-256 of the file as the study wrote it."""


def write(
    result: TuneResult, plan: Plan, root: Path, reporter: Reporter, *, force: bool
) -> Path | None:
    """Writes what the best trial was trained with: what was searched, and what all trials share.

    Args:
        result: The study; of several best trials, the one that is best at the first objective.
        plan: Its plan.
        root: The project.
        reporter: Told why there is no file.
        force: Replace a file that is there, also one that is not as this study wrote it.

    Returns:
        The file, where it now holds these settings.
    """
    path = root / "configs" / "experiment" / f"{result.study}.yaml"
    if open_tree(root).project is None:
        reporter.warn(
            f"{root} is no project (it has no configs/config.yaml), so no experiment is written"
        )
        return None
    text = _text(result, plan, best_trial(result), root)
    written = studies_folder(root) / result.study / _WRITTEN
    there = sha256(path) if path.exists() else ""
    ours = there and written.is_file() and written.read_text("utf-8").strip() == there
    if there and not force and not ours and path.read_text("utf-8") != text:
        reporter.warn(f"{path.relative_to(root)} is there and stays as it is: --force replaces it")
        return None
    write_text(path, text)
    written.parent.mkdir(parents=True, exist_ok=True)
    write_text(written, f"{sha256(path)}\n")
    return path


def best_trial(result: TuneResult) -> Trial:
    """The best trial; of a Pareto front, the one that is best at the first objective."""
    sign = 1 if result.directions[0] == "maximize" else -1
    front = [trial for trial in result.trials if trial.number in result.best]
    return max(front, key=lambda trial: sign * trial.values[0])


def train_words(result: TuneResult, plan: Plan, experiment: Path | None) -> list[str]:
    """What follows `mlops train` to train with the best settings."""
    if experiment is not None:
        return _experiment_words(experiment.stem, plan)
    return [*plan.fixed, *_words(plan, best_trial(result))]


def _experiment_words(name: str, plan: Plan) -> list[str]:
    return [f"experiment={name}", *as_file.not_for_files(plan.fixed)]


def _words(plan: Plan, trial: Trial) -> list[str]:
    return [value_word(axis, trial.settings[axis.key]) for axis in plan.axes]


def _text(result: TuneResult, plan: Plan, trial: Trial, root: Path) -> str:
    """The file: where it is from, choices of groups, then keys."""
    scores = ", ".join(
        f"{name} {value:.6g}" for name, value in zip(result.objectives, trial.values, strict=True)
    )
    settings = as_file.settings((*plan.fixed, *_words(plan, trial)), root, plan.folder)
    # An experiment that the search built on is built on again.
    defaults: list[Any] = [
        choice if group == EXPERIMENT else {f"override /{group}": choice}
        for group, choice in sorted(settings.choices.items(), key=lambda one: one[0] != EXPERIMENT)
    ]
    command = " ".join(_experiment_words(result.study, plan))
    parts = [
        "# @package _global_\n"
        f"# The best of study {result.study}: mlops train {command}\n"
        f"# Trial {trial.number}, run {trial.run}: {scores}\n"
    ]
    if defaults:
        parts.append(_yaml({"defaults": defaults}))
    if settings.content:
        parts.append(("\n" if defaults else "") + _yaml(settings.content))
    return "".join(parts)


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
