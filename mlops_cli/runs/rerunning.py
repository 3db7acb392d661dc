"""Stage `runs rerun`: a run made again from its record, and a verdict on what came out."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli import data, training
from mlops_cli.config.keys import GROUPS, group_keys
from mlops_cli.errors import ConfigError, DataError, GateError, UsageError
from mlops_cli.models import checkpoints
from mlops_cli.reporting import Reporter
from mlops_cli.runs import checkout, listing, reasons, weights
from mlops_cli.runs.checkout import Checkout
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import TrainResult
from mlops_cli.schemas.runs import RerunResult, WeightDifference
from mlops_cli.tracking import finding, liveness, record
from mlops_cli.tracking.record import Run

_SAME, _CLOSE, _DIFFERENT, _UNKNOWN = "same", "close", "different", "unknown"


def run(root: Path, reference: str, reporter: Reporter, *, tolerance: float = 0.0) -> RerunResult:
    """Trains a run again: its commit, its data, its settings.

    Args:
        root: The project.
        reference: What `finding.find` takes.
        reporter: Told of progress.
        tolerance: Largest difference of a weight that passes as close.

    Raises:
        NotFoundError: There is no such run, or its commit or data can't be had.
        UsageError: The run is being trained.
        DataError: The record is damaged, or the data is not what the run was trained on.
        MlopsError: See `training.run`.
    """
    original = finding.find(root, reference)
    facts = original.read()
    if liveness.status(original, facts) == "running":
        raise UsageError(f"run {original.id} is being trained", hint="wait for it")
    with checkout.of(original, root) as place:
        reporter.info(f"making {original.id} again: {', '.join(place.code)}")
        trained = _train_again(original, facts, root, place, reporter)
    new = Run(record.runs_folder(root) / trained.run)
    made = new.read()
    differing = reasons.environment(original, facts, new, made)
    found = weights.compare(original, new)
    verdict = _verdict(found, tolerance)
    new.update(rerun_of=original.id, rerun_verdict=verdict)
    return RerunResult(
        original=original.id,
        run=new.id,
        path=new.path,
        verdict=verdict,
        weights=found,
        metrics=reasons.differences(facts.get("metrics"), made.get("metrics")),
        environment=differing,
        code=place.code,
        reasons=[] if verdict == _SAME else reasons.why(facts, made, differing, place),
        tolerance=tolerance,
        training=dataclasses.replace(trained, path=new.path),
    )


def require_same(result: RerunResult) -> None:
    """Raises GateError where the weights are neither the same nor close enough."""
    if result.verdict != _DIFFERENT:
        return
    apart = result.weights.max_difference if result.weights else None
    by = f" by up to {apart:.3g}" if apart is not None else ""
    raise GateError(
        f"run {result.run} did not end in the weights of {result.original}: they differ{by}",
        hint=f"mlops runs compare {result.original} {result.run}, or --tolerance SIZE",
    )


def _train_again(
    original: Run, facts: dict[str, Any], root: Path, place: Checkout, reporter: Reporter
) -> TrainResult:
    name = record.new_id(str(facts.get("model", "model")))
    text = original.config_text()
    try:
        named = _named(text)
    except ConfigError as error:
        raise DataError(
            f"config.yaml of run {original.id} is damaged: {error.message}",
            hint=original.another_config(),
        ) from error
    with contextlib.chdir(place.root), _files(named, root, place, reporter):
        config = _config(original, text, place)
        _check_data(original, facts, config, reporter)
        model, another = checkpoints.again(config.model, facts.get("checkpoint"), reporter)
        if another:
            reporter.warn(f"{another}: other weights will come out")
        return training.run(
            dataclasses.replace(config, model=model),
            place.root,
            listing.overrides(original),
            reporter,
            run_id=name,
            validate=False,  # The run was made although, or because, of what a check says.
        )


def _config(original: Run, text: str, place: Checkout) -> Config:
    try:
        return configs.from_yaml(text, root=place.root)
    except ConfigError as error:
        raise DataError(
            f"config.yaml of run {original.id} can't be used: {error.message}",
            hint=error.hint or original.another_config(),
        ) from error


@contextlib.contextmanager
def _files(named: list[str], root: Path, place: Checkout, reporter: Reporter) -> Iterator[None]:
    """Lays out the files that the settings name: by git, by DVC, else as they are now."""
    missing = [name for name in named if not (place.root / name).exists()]
    with contextlib.ExitStack() as stack:
        tracked = place.temporary and (place.root / ".dvc").is_dir()
        if missing and tracked:
            from mlops_cli.versioning import restore

            stack.enter_context(restore.borrowed(root, place.root))
        for name in missing if place.temporary else ():
            if tracked and restore.lay_out(place.root, name, reporter):
                reporter.info(f"laid out {name} as DVC holds it")
            elif checkout.link(root, place.root, name):
                reporter.info(f"{name} is tracked by nobody: taking what is here now")
        yield


def _named(text: str) -> list[str]:
    """Files and folders of the project that a config names."""
    content = configs.from_yaml(text)
    found = []
    for group in GROUPS:
        settings = getattr(content, group)
        if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
            values = dataclasses.asdict(settings)
            for key in group_keys(group, values).values():
                path = values.get(key.name)
                if key.file and isinstance(path, str) and path and not Path(path).is_absolute():
                    found.append(path)
    return found


def _check_data(original: Run, facts: dict[str, Any], config: Config, reporter: Reporter) -> None:
    """Raises DataError, before anything is trained, where the data is another."""
    recorded = facts.get("data", {}).get("fingerprints", {})
    splits = data.load(config.data, config.seed, reporter).named()
    for name, fingerprint in recorded.items():
        if name not in splits or splits[name].fingerprint() != fingerprint:
            raise DataError(
                f"the {name} data is not what run {original.id} was trained on",
                hint="restore it: mlops pull, or git checkout and dvc checkout",
            )


def _verdict(found: WeightDifference | None, tolerance: float) -> str:
    if found is None:
        return _UNKNOWN
    if found.same:
        return _SAME
    near = found.max_difference is not None and found.max_difference <= tolerance
    return _CLOSE if near else _DIFFERENT
