"""The run record: `runs/<id>/`, everything needed to trace a model and to make it again.

- config.yaml: the resolved config
- overrides.yaml: what was typed
- run.json: status, git, data, environment, seed, timings
- metrics.jsonl: one object a line, flushed as it is written, readable while running
- checkpoints/: last.ckpt (to resume), best.safetensors (the best weights)
- model/: weights, the network's config, tokenizer.json, task.json
- evaluation/: metrics and pictures
- bundle/: what `mlops export` made
"""

import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, NotFoundError
from mlops_cli.files import write_json, write_text
from mlops_cli.schemas.results import plain
from mlops_cli.schemas.task import HIGHER_IS_BETTER

_STAMPED = re.compile(r"\d{8}-\d{6}-")
"""What the ids begin with that don't come from a pipeline."""

_FACTS: dict[str, type] = {
    "status": str,
    "pid": int,
    "model": str,
    "monitor": str,
    "precision": str,
    "data": dict,
    "environment": dict,
    "metrics": dict,
}
"""What readers rely on; a run that did not get so far lacks some."""


def now() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Run:
    """One run folder. Holds no state: every property reads the disk."""

    path: Path

    @property
    def id(self) -> str:
        """The run's name, which is its folder's name."""
        return self.path.name

    @property
    def config_path(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def metrics_path(self) -> Path:
        """The metrics, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of `last.ckpt` and `best.safetensors`."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The folder of the trained model, in `save_pretrained` layout with `task.json`."""
        return self.path / "model"

    @property
    def evaluation(self) -> Path:
        """The folder of what `mlops evaluate` found."""
        return self.path / "evaluation"

    @property
    def bundle(self) -> Path:
        """The folder of the exported bundle."""
        return self.path / "bundle"

    def read(self) -> dict[str, Any]:
        """What `run.json` says. Raises DataError when it can't be read."""
        try:
            facts = json.loads((self.path / "run.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"run {self.id} has no readable run.json", hint=f"remove the run: {self.path}"
            ) from error
        for name, kind in _FACTS.items():
            if not isinstance(facts, dict) or not isinstance(facts.get(name, kind()), kind):
                raise DataError(
                    f"run.json of run {self.id} is damaged: no proper {name!r} in it",
                    hint=f"remove the run: {self.path}",
                )
        found: dict[str, Any] = facts
        return found

    def config_text(self) -> str:
        """What `config.yaml` says. Raises DataError when it can't be read."""
        try:
            return self.config_path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"run {self.id} has no readable config.yaml") from error

    def update(self, **facts: Any) -> None:
        """Changes some facts of `run.json`, atomically."""
        write_json(self.path / "run.json", self.read() | plain(facts))

    def log(self, metrics: dict[str, float], *, step: int, epoch: int) -> None:
        """Appends one line of metrics. `step` counts optimiser steps done, `epoch` from 0."""
        line = json.dumps({"step": step, "epoch": epoch, "time": now(), **plain(metrics)})
        with self.metrics_path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The metric lines in order; a line cut off by a kill is passed over."""
        if not self.metrics_path.exists():
            return
        for line in self.metrics_path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def truncate_metrics(self, step: int) -> None:
        """Drops the lines after `step`: training goes on from there and writes them anew."""
        kept = [json.dumps(line) for line in self.metrics() if line["step"] <= step]
        write_text(self.metrics_path, "".join(line + "\n" for line in kept))


def runs_folder(root: Path) -> Path:
    """Where the project's runs lie."""
    return root / "runs"


def create(
    root: Path,
    name: str,
    facts: dict[str, Any],
    config: str,
    overrides: Sequence[str],
    *,
    run_id: str = "",
) -> Run:
    """Makes a new run folder with its first records.

    Args:
        root: The project.
        name: What the run's id ends with, such as the model's name.
        facts: First content of `run.json`, beside id, status and start time.
        config: The resolved config as YAML.
        overrides: What was typed on the command line.
        run_id: The id; a new one, which begins with the time, if empty.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run = Run(runs_folder(root) / (run_id or f"{stamp}-{name}-{secrets.token_hex(2)}"))
    run.checkpoints.mkdir(parents=True)
    write_text(run.config_path, config)
    write_text(run.path / "overrides.yaml", "".join(f"- {json.dumps(o)}\n" for o in overrides))
    write_json(
        run.path / "run.json",
        {"id": run.id, "status": "running", "pid": os.getpid(), "started": now(), **facts},
    )
    return run


def all_runs(root: Path) -> list[Run]:
    """The project's runs, oldest first."""
    runs = [Run(path.parent) for path in runs_folder(root).glob("*/run.json")]
    return sorted(runs, key=lambda run: (_began(run), run.id))


def _began(run: Run) -> str:
    """The second the run began in: what its id begins with, else what it recorded."""
    if _STAMPED.match(run.id):
        return run.id[: len("20260101-000000")]
    with suppress(DataError):
        return re.sub(r"[-:]", "", str(run.read().get("started", ""))[:19]).replace("T", "-")
    return ""


def find(root: Path, reference: str) -> Run:
    """The run that `reference` names.

    Args:
        root: The project.
        reference: A run id or the unique beginning of one, the path of a run folder, `latest`,
            `best` (by the metric the run was asked to monitor) or `best:METRIC`.

    Raises:
        NotFoundError: There is no such run, or several.
    """
    if (Path(reference) / "run.json").is_file():
        return Run(Path(reference).resolve())
    runs = all_runs(root)
    if not runs:
        raise NotFoundError(
            f"no runs in {runs_folder(root)}", hint="train a model first: mlops train"
        )
    if reference == "latest":
        return _latest(runs)
    if reference == "best" or reference.startswith("best:"):
        return _best(runs, reference.partition(":")[2])
    matches = [run for run in runs if run.id == reference] or [
        run for run in runs if reference and run.id.startswith(reference)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise NotFoundError(
            f"{reference!r} begins the ids of {len(matches)} runs",
            hint=f"the newest of them is {matches[-1].id}",
        )
    near = get_close_matches(
        reference, [run.id for run in runs] + ["latest", "best"], n=1, cutoff=0.5
    )
    raise NotFoundError(
        f"no run {reference!r} in {runs_folder(root)}",
        hint=f"did you mean {near[0]}?" if near else f"the newest run is {runs[-1].id}",
    )


def _latest(runs: list[Run]) -> Run:
    """The run that began last; ids tell only the second it began in."""
    second = _began(runs[-1])
    rivals = [run for run in runs if _began(run) == second]
    return (
        max(rivals, key=lambda run: str(run.read().get("started", ""))) if rivals[1:] else runs[-1]
    )


def _best(runs: list[Run], metric: str) -> Run:
    """The finished run with the best `metric` on validation; empty: what the newest monitored.

    A run whose record is damaged is no candidate.
    """
    if metric and metric not in HIGHER_IS_BETTER:
        near = get_close_matches(metric, HIGHER_IS_BETTER, n=1)
        raise NotFoundError(
            f"no metric {metric!r}",
            hint=f"did you mean best:{near[0]}?"
            if near
            else f"metrics: {', '.join(HIGHER_IS_BETTER)}",
        )
    finished = []
    for run in runs:
        with suppress(DataError):
            if (facts := run.read()).get("status") == "finished":
                finished.append((run, facts))
    wanted = metric or (finished[-1][1]["monitor"] if finished else "")
    scored = [
        (value if HIGHER_IS_BETTER[wanted] else -value, run.id, run)
        for run, facts in finished
        if (value := facts["metrics"].get(f"val/{wanted}")) is not None
    ]
    if not scored:
        raise NotFoundError("no finished run to choose the best from", hint="mlops train")
    return max(scored)[2]
