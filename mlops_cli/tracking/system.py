"""`runs/<id>/system.jsonl`: what the training took of the machine, now and then."""

from pathlib import Path

from mlops_cli.tracking.record import Run


def system_path(run: Run) -> Path:
    """The measurements, one JSON object a line."""
    return run.path / "system.jsonl"
