"""Stage `report`: a run beside another one, or beside a registered version, for who decides."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.config.yaml_file import load_text
from mlops_cli.errors import ConfigError, MlopsError, NotFoundError
from mlops_cli.registry import names, reading, records
from mlops_cli.runs import comparing, details
from mlops_cli.schemas.report import Figure, Gate, Report
from mlops_cli.schemas.results import SliceRow, slice_rows
from mlops_cli.schemas.runs import Difference, RunDetails
from mlops_cli.schemas.task import HIGHER_IS_BETTER

_SPLITS = ("validation", "test", "train")
_NOISE = 1e-6
"""Differences that rounding makes: between PyTorch and onnxruntime, say."""
_NO_NEWS = ("data.params", "tracker", "launcher")
"""Settings that say nothing of the model."""


@dataclass(frozen=True)
class _Side:
    """What can be compared: the same of a run and of a version whose run is elsewhere."""

    name: str
    metrics: dict[str, dict[str, float]]
    settings: dict[str, Any]
    fingerprints: dict[str, str]


def run(root: Path, reference: str, compare: str | None = None) -> Report:
    """Gathers what is known of a run.

    Args:
        root: The project.
        reference: The run, as `finding.find` takes it.
        compare: Another run; a registered version, as NAME@STAGE; or a stage alone, where one
            model has a version in it.

    Raises:
        NotFoundError: There is no such run or version.
        DataError: A record can't be read.
    """
    found = details.run(root, reference)
    ours = _of_run(found)
    other = _other(root, compare) if compare else None
    monitor = str(found.facts.get("monitor", ""))
    return Report(
        run=found.run,
        status=found.status,
        monitor=monitor,
        compared=other.name if other else None,
        same_data=_same_data(ours, other) if other else {},
        facts=_facts(found),
        figures=_figures(ours, other, monitor),
        settings=_settings(found, ours, other),
        gates=_gates(found),
        parity=_parity(found),
        slices=_slices(found),
        curves=found.curves,
    )


def _other(root: Path, words: str) -> _Side:
    """The run or the version that is meant."""
    if "@" not in words:
        try:
            return _of_run(details.run(root, words))
        except NotFoundError as error:
            version = _in_stage(root, words)
            if version is None:
                raise error
            words = version
    return _of_version(root, words)


def _in_stage(root: Path, stage: str) -> str | None:
    """NAME@STAGE of the one model that has a version in a stage; None where no model has.

    Raises:
        NotFoundError: Several have.
    """
    _, models = reading.opened(root)
    holding = [name for name, model in models.items() if stage in model.stages]
    if len(holding) > 1:
        raise NotFoundError(
            f"several models have a version in {stage}: {', '.join(sorted(holding))}",
            hint=f"--compare {sorted(holding)[0]}@{stage}",
        )
    return f"{holding[0]}@{stage}" if holding else None


def _of_run(found: RunDetails) -> _Side:
    recorded = found.facts.get("metrics") or {}
    exported = _bundle(found).get("metrics") or {}
    trained = {key.removeprefix("val/"): figure for key, figure in recorded.items()}
    metrics = {"validation": {**exported, **trained}}
    for split, figures in found.evaluation.items():
        metrics[split] = metrics.get(split, {}) | figures
    data = found.facts.get("data") or {}
    settings = comparing.flat(details.completed(found.config))
    return _Side(found.run, metrics, settings, dict(data.get("fingerprints") or {}))


def _of_version(root: Path, words: str) -> _Side:
    repository, models = reading.opened(root)
    version = names.version(models, words, repository)
    record = records.read(repository, version)
    text = records.config_text(repository, version, record)
    try:
        config = load_text(text, "config.yaml") if text else {}
    except ConfigError:
        config = {}
    settings = comparing.flat(details.completed(config)) if isinstance(config, dict) else {}
    metrics = {"validation": dict(record.get("metrics") or {})}
    with suppress(MlopsError):  # Its run is elsewhere, or damaged: the record says enough.
        metrics = _of_run(details.run(root, record["run"])).metrics | metrics
    stage = words.partition("@")[2]
    named = f"{version.name} ({stage})" if stage and stage != version.version else version.name
    return _Side(
        named,
        metrics,
        settings if config else {},
        dict((record.get("data") or {}).get("fingerprints") or {}),
    )


def _same_data(ours: _Side, other: _Side) -> dict[str, bool]:
    shared = [name for name in _SPLITS if name in ours.fingerprints and name in other.fingerprints]
    return {name: ours.fingerprints[name] == other.fingerprints[name] for name in shared}


def _figures(ours: _Side, other: _Side | None, monitor: str) -> list[Figure]:
    found = []
    for split in _SPLITS:
        values = ours.metrics.get(split, {})
        others = other.metrics.get(split, {}) if other else {}
        for name in sorted(values, key=lambda name: name != monitor):
            value, against = values[name], others.get(name)
            found.append(Figure(split, name, value, against, _better(name, value, against)))
    return found


def _better(name: str, value: float | None, other: float | None) -> bool | None:
    if value is None or other is None or name not in HIGHER_IS_BETTER:
        return None
    if math.isclose(value, other, rel_tol=_NOISE, abs_tol=_NOISE):
        return None
    return (value > other) == HIGHER_IS_BETTER[name]


def _settings(found: RunDetails, ours: _Side, other: _Side | None) -> list[Difference]:
    if other is None:
        return [Difference(one.key, [one.value, one.default]) for one in found.settings]
    if not other.settings:
        return []
    both = comparing.differences([ours.settings, other.settings])
    return [one for one in both if not one.same and not one.name.startswith(_NO_NEWS)]


def _facts(found: RunDetails) -> dict[str, str]:
    facts = found.facts
    git, data = facts.get("git") or {}, facts.get("data") or {}
    machine = facts.get("environment") or {}
    device = ", ".join(machine.get("gpus") or []) or machine.get("cpu") or facts.get("device")
    commit = str(git.get("commit") or "")[:12]
    told = {
        "model": facts.get("model"),
        "typed": " ".join(found.overrides),
        "data": data.get("name"),
        "commit": f"{commit} with uncommitted changes" if git.get("dirty_hash") else commit,
        "seed": facts.get("seed"),
        "epochs": facts.get("epochs"),
        "trained in": f"{facts['seconds']:.1f} s" if "seconds" in facts else None,
        "on": device,
        "started": str(facts.get("started", ""))[:19].replace("T", " "),
    }
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def _gates(found: RunDetails) -> list[Gate]:
    told = []
    for split in found.evaluation:
        content = _json(found.path / "evaluation" / f"{split}.json")
        for gate in content.get("gates") or []:
            condition = f"{gate.get('metric')} {gate.get('condition')}"
            told.append(Gate(split, condition, gate.get("value"), bool(gate.get("passed"))))
    return told


def _slices(found: RunDetails) -> dict[str, list[SliceRow]]:
    files = {split: found.path / "evaluation" / f"{split}.json" for split in found.evaluation}
    told = {split: slice_rows(_json(file).get("slices")) for split, file in files.items()}
    return {split: rows for split, rows in told.items() if rows}


def _parity(found: RunDetails) -> dict[str, Any]:
    content = _bundle(found)
    parity: dict[str, Any] = dict(content.get("parity") or {})
    graph = (content.get("graphs") or {}).get(content.get("preferred")) or {}
    return parity | {name: graph[name] for name in ("kind", "megabytes", "speed") if name in graph}


def _bundle(found: RunDetails) -> Mapping[str, Any]:
    """What the bundle of a run says; nothing before an export."""
    return _json(found.bundle / "bundle.json") if found.bundle is not None else {}


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
