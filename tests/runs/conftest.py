"""Runs as training records them, without training."""

import dataclasses
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_cli import config as configs
from mlops_cli.schemas.config import Config
from mlops_cli.tracking import record
from mlops_cli.tracking.record import Run

Recorder = Callable[..., Run]


@pytest.fixture
def recorded(project) -> Recorder:
    """`recorded("20260101-000000-tiny-0001", mcc=0.4, lr=1e-4, status="killed")` writes a run."""

    def write(
        name: str,
        *,
        mcc: float | None = 0.5,
        lr: float = 1e-3,
        model: str = "tiny",
        status: str = "finished",
        seconds: float = 1.0,
        points: int = 3,
        **facts: Any,
    ) -> Run:
        base = Config()
        config = dataclasses.replace(
            base,
            lr=lr,
            model=dataclasses.replace(base.model, name=model),
            data=dataclasses.replace(base.data, name="quickstart"),
        )
        run = record.create(
            project.path,
            model,
            {
                "model": model,
                "monitor": "mcc",
                "precision": "32",
                "data": {"name": "quickstart", "fingerprints": {}},
                "environment": {"host": platform.node(), "python": "3.12.1"},
                "git": {"commit": "c0ffee" * 6, "branch": "main", "dirty_hash": None},
            },
            configs.to_yaml(config),
            [f"lr={lr:g}"],
            run_id=name,
        )
        for point in range(points if mcc is not None else 0):
            share = (point + 1) / points
            run.log({"train/loss": 1 - share / 2}, step=10 * (point + 1), epoch=point)
            run.log({"val/mcc": mcc * share}, step=10 * (point + 1), epoch=point)
        (run.checkpoints / "last.ckpt").write_bytes(b"0" * 2**20)
        metrics = {} if mcc is None else {"val/mcc": mcc, "val/loss": 1 - mcc}
        run.update(
            status=status,
            started=f"2026-01-01T00:00:{int(name[9:15]) % 60:02d}.000+00:00"
            if name[:8].isdigit()
            else "2025-01-01T00:00:00.000+00:00",
            metrics=metrics,
            seconds=seconds,
            epochs=3.0,
            **facts,
        )
        return run

    return write


@pytest.fixture
def evaluated() -> Callable[[Run, str, dict[str, float]], None]:
    """Leaves behind what `mlops evaluate` writes, as far as it is read."""

    def write(run: Run, split: str, metrics: dict[str, float]) -> None:
        run.evaluation.mkdir(exist_ok=True)
        Path(run.evaluation / f"{split}.json").write_text(json.dumps({"metrics": metrics}))

    return write
