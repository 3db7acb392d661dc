"""Stage `runs show`: everything that is recorded of one run."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_cli.config.keys import GROUPS, SHORTCUTS, group_keys
from mlops_cli.config.yaml_file import load_text
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.runs.listing import overrides
from mlops_cli.runs.names import is_pipeline
from mlops_cli.schemas.runs import Point, RunDetails, Setting
from mlops_cli.tracking import finding, liveness
from mlops_cli.tracking.record import Run

_MEGABYTE = 2**20
_NO_CURVE = ("step", "epoch", "time")


def run(root: Path, reference: str) -> RunDetails:
    """Reads one run.

    Args:
        root: The project.
        reference: What `finding.find` takes.

    Raises:
        NotFoundError: There is no such run.
        DataError: Its record can't be read.
    """
    return read(finding.find(root, reference))


def read(found: Run) -> RunDetails:
    """Everything that is recorded of a run. Raises DataError where its record can't be read."""
    facts = found.read()
    config = settings(found)
    return RunDetails(
        run=found.id,
        path=found.path,
        status=liveness.status(found, facts),
        pipeline=is_pipeline(found.id),
        facts=facts,
        overrides=overrides(found),
        settings=changed(config),
        config=config,
        curves=curves(found),
        checkpoints=_sizes(found.checkpoints),
        model=_sizes(found.model),
        evaluation=_evaluations(found),
        bundle=found.bundle if (found.bundle / "bundle.json").is_file() else None,
        megabytes=megabytes(found.path),
    )


def settings(found: Run) -> dict[str, Any]:
    """The resolved config as it was written, own keys included.

    Raises:
        DataError: It can't be read.
    """
    try:
        content = load_text(found.config_text(), "config.yaml")
    except ConfigError as error:
        raise DataError(
            f"config.yaml of run {found.id} is damaged: {error.message}",
            hint=found.another_config(),
        ) from error
    if not isinstance(content, dict):
        raise DataError(
            f"config.yaml of run {found.id} is damaged: it holds no settings",
            hint=found.another_config(),
        )
    return content


def changed(config: Mapping[str, Any]) -> list[Setting]:
    """The settings that are not what the schemas say, the shortcuts first.

    A choice such as model=bert sets keys of its own, which count as changed too.
    """
    found = []
    for name, key in SHORTCUTS.items():
        if name in config and config[name] != key.default:
            found.append(Setting(name, config[name], key.default))
    for group in GROUPS:
        content = config.get(group)
        if not isinstance(content, dict):
            continue
        keys = group_keys(group, content)
        for name, value in content.items():
            default = keys[name].default if name in keys else None
            # A module of ours goes with the choice, one of the user's own is news.
            ours = name == "module" and "." not in str(value)
            if value != default and name != "params" and not ours:
                found.append(Setting(f"{group}.{name}", value, default))
    return found


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the defaults of keys that an older version did not write."""
    full = {name: key.default for name, key in SHORTCUTS.items()} | dict(config)
    for group in GROUPS:
        content = full.get(group, {})
        if isinstance(content, dict):
            defaults = {key.name: key.default for key in group_keys(group, content).values()}
            full[group] = defaults | content
    return full


def curves(found: Run) -> dict[str, list[Point]]:
    """Every recorded metric over the steps; what is not a finite number is left out."""
    series: dict[str, list[Point]] = {}
    for line in found.metrics():
        step = line.get("step") if isinstance(line, dict) else None
        if not isinstance(step, int):
            continue
        for name, value in line.items():
            number = isinstance(value, int | float) and math.isfinite(value)
            if number and name not in _NO_CURVE:
                series.setdefault(name, []).append(Point(step, float(value)))
    return series


def megabytes(folder: Path) -> float:
    """Size of a folder in MB. Links count as links: what they lead to lies elsewhere."""
    size = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                size += os.lstat(f"{parent}/{file}").st_size
            except OSError:  # It went meanwhile.
                continue
    return round(size / _MEGABYTE, 3)


def _sizes(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: path.lstat().st_size for path in files if path.is_file()}


def _evaluations(found: Run) -> dict[str, dict[str, float | None]]:
    evaluated = {}
    for split in ("train", "validation", "test"):
        try:
            content = json.loads((found.evaluation / f"{split}.json").read_text("utf-8"))
            evaluated[split] = dict(content["metrics"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return evaluated
