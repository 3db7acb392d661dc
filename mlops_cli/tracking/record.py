"""The run record: `runs/<id>/`, everything needed to trace a model and to make it again.

- config.yaml: the resolved config
- overrides.yaml: what was typed
- git.diff: the uncommitted changes that it began with, new files of code included, if any
- packages.txt: every package that was installed, with its version
- run.json: status, git, data, environment, seed, timings
- metrics.jsonl: one object a line, flushed as it is written, readable while running
- checkpoints/: last.ckpt (to resume; while training also previous.ckpt, should the last be
  damaged), best.safetensors (the best weights)
- model/: weights, the network's config, tokenizer.json, task.json
- evaluation/: metrics and pictures
- bundle/: what `mlops export` made
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_cli import project
from mlops_cli.errors import DataError, MlopsError
from mlops_cli.files import atomic_path, write_json, write_text
from mlops_cli.schemas.plain import plain
from mlops_cli.tracking import packages

_MOST_DIFF_BYTES = 2**20
"""Larger changes are not kept."""

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
    def diff(self) -> Path:
        """The uncommitted changes that the run began with; not there if there were none."""
        return self.path / "git.diff"

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
                f"run {self.id} has no readable run.json", hint=self._without_record()
            ) from error
        improper = improper_fact(facts)
        if improper is not None:
            raise DataError(
                f"run.json of run {self.id} is damaged: no proper {improper!r} in it",
                hint=self._without_record(),
            )
        found: dict[str, Any] = facts
        return found

    def config_text(self) -> str:
        """What `config.yaml` says. Raises DataError when it can't be read."""
        try:
            return self.config_path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"run {self.id} has no readable config.yaml", hint=self.another_config()
            ) from error

    def another_config(self) -> str:
        """What to do where `config.yaml` can't be used: where there may be another."""
        return (
            f"put back a copy of {self.config_path}, or train anew with the words in its "
            f"overrides.yaml; mlops runs delete {self.id} removes the run"
        )

    def _without_record(self) -> str:
        """What to do where `run.json` can't be used."""
        whole = (self.model / "task.json").is_file()
        kept = f"its model is still in {self.model}: " if whole else ""
        return (
            f"{kept}put back a copy of run.json, from a backup or another machine; "
            f"mlops runs delete {self.id} removes the run"
        )

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
        # Bytes that are no text make their line no JSON.
        for line in self.metrics_path.read_text("utf-8", "replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def truncate_metrics(self, step: int) -> None:
        """Drops the lines after `step`: training goes on from there and writes them anew."""
        kept = [json.dumps(line) for line in self.metrics() if line["step"] <= step]
        write_text(self.metrics_path, "".join(line + "\n" for line in kept))


def sha256(config: str) -> str:
    """What `run.json` says of the text of `config.yaml`."""
    return hashlib.sha256(config.encode()).hexdigest()


def improper_fact(facts: Any) -> str | None:
    """Name of the first fact that is not what readers of `run.json` rely on; None if all are."""
    for name, kind in _FACTS.items():
        if not isinstance(facts, dict) or not isinstance(facts.get(name, kind()), kind):
            return name
    return None


class Onlooker(Run):
    """A run as a process sees it that trains along and leaves the writing to another."""

    def update(self, **facts: Any) -> None:
        """Changes nothing."""

    def log(self, metrics: dict[str, float], *, step: int, epoch: int) -> None:
        """Writes nothing."""

    def truncate_metrics(self, step: int) -> None:
        """Drops nothing."""


def runs_folder(root: Path) -> Path:
    """Where the project's runs lie."""
    folder = root / "runs"
    # A run outlives a link to it: that of a temporary checkout goes.
    return folder.resolve() if folder.is_symlink() else folder


def new_id(name: str) -> str:
    """An id for a run that begins now: the time, the name and a few random digits."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{name}-{secrets.token_hex(2)}"


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

    Raises:
        MlopsError: There is a run of this id.
    """
    run = Run(runs_folder(root) / (run_id or new_id(name)))
    if (run.path / "run.json").exists():  # Another training took it a moment ago.
        raise MlopsError(f"run {run.id} is there already", hint="the same command again")
    first = {"id": run.id, "status": "running", "pid": os.getpid(), "started": now()}
    try:
        run.checkpoints.mkdir(parents=True, exist_ok=True)  # A kill may have left it.
        write_text(run.config_path, config)
        write_text(run.path / "overrides.yaml", "".join(f"- {json.dumps(o)}\n" for o in overrides))
        write_text(run.path / packages.FILE, packages.text(packages.installed()))
        _keep_changes(run, root, facts)
        # Last: what has it is a run.
        write_json(run.path / "run.json", {**first, "config_sha256": sha256(config), **facts})
    except OSError:  # A full disk, perhaps.
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def _keep_changes(run: Run, root: Path, facts: dict[str, Any]) -> None:
    """Keeps the uncommitted changes whose hash is recorded, unless they are large.

    What git ignores is not in them, nor are new files that are no code; see `project.diff`.
    """
    recorded = (facts.get("git") or {}).get("dirty_hash")
    changes = project.diff(root) if recorded else b""
    # Somebody may have gone on editing meanwhile.
    as_recorded = hashlib.sha256(changes).hexdigest() == recorded
    if as_recorded and len(changes) <= _MOST_DIFF_BYTES:
        with atomic_path(run.diff) as temporary:
            temporary.write_bytes(changes)
