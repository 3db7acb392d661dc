"""The best settings as `configs/experiment/NAME.yaml`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.config.grids import value_word
from mlops_cli.config.keys import EXPERIMENT, GROUPS
from mlops_cli.config.overrides import parse
from mlops_cli.config.tree import open_tree
from mlops_cli.config.yaml_file import load_text
from mlops_cli.files import write_text
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.tune import Trial, TuneResult
from mlops_cli.tuning.plan import Plan


def write(
    result: TuneResult, plan: Plan, root: Path, reporter: Reporter, *, force: bool
) -> Path | None:
    """Writes the tuned keys of the best trial.

    Args:
        result: The study; of several best trials, the one that is best at the first objective.
        plan: Its plan.
        root: The project.
        reporter: Told why there is no file.
        force: Replace a file that is there.

    Returns:
        The file, where it now holds these settings.
    """
    path = root / "configs" / "experiment" / f"{result.study}.yaml"
    if open_tree(root).project is None:
        reporter.warn(
            f"{root} is no project (it has no configs/config.yaml), so no experiment is written"
        )
        return None
    text = _text(result, plan, best_trial(result))
    if path.exists() and not force:
        if path.read_text("utf-8") == text:
            return path
        reporter.warn(f"{path.relative_to(root)} is there and stays as it is: --force replaces it")
        return None
    write_text(path, text)
    return path


def best_trial(result: TuneResult) -> Trial:
    """The best trial; of a Pareto front, the one that is best at the first objective."""
    sign = 1 if result.directions[0] == "maximize" else -1
    front = [trial for trial in result.trials if trial.number in result.best]
    return max(front, key=lambda trial: sign * trial.values[0])


def train_words(result: TuneResult, plan: Plan, experiment: Path | None) -> list[str]:
    """What follows `mlops train` to train with the best settings."""
    fixed = [word for word in plan.fixed if parse(word).key != EXPERIMENT]
    if experiment is not None:
        return [f"experiment={experiment.stem}", *fixed]
    return [*plan.fixed, *_words(plan, best_trial(result))]


def _words(plan: Plan, trial: Trial) -> list[str]:
    return [value_word(axis, trial.settings[axis.key]) for axis in plan.axes]


def _text(result: TuneResult, plan: Plan, trial: Trial) -> str:
    """The file: where it is from, choices of groups, then keys."""
    scores = ", ".join(
        f"{name} {value:.6g}" for name, value in zip(result.objectives, trial.values, strict=True)
    )
    words = [parse(word) for word in _words(plan, trial)]
    # An experiment that the search built on is built on again.
    defaults: list[Any] = [word.choice for word in map(parse, plan.fixed) if word.key == EXPERIMENT]
    defaults += [{f"override /{word.key}": word.choice} for word in words if word.key in GROUPS]
    content: dict[str, Any] = {}
    for word in words:
        if word.key not in GROUPS:
            _put(content, word.key.split("."), load_text(word.value or "", word.key))
    lines = [
        "# @package _global_",
        f"# The best of study {result.study}: mlops train experiment={result.study}",
        f"# Trial {trial.number}, run {trial.run}: {scores}",
    ]
    if plan.fixed:
        lines.append(f"# Searched with {' '.join(plan.fixed)}")
    parts = ["\n".join(lines) + "\n"]
    if defaults:
        parts.append(_yaml({"defaults": defaults}))
    if content:
        parts.append(("\n" if defaults else "") + _yaml(content))
    return "".join(parts)


def _put(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
    content[path[-1]] = value


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
