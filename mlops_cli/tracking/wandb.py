"""`tracker=wandb`: the run in Weights & Biases, offline when there is no key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb

from mlops_cli.errors import ConfigError, UnreachableError
from mlops_cli.schemas.tracker import TrackerConfig, WandbTrackerConfig
from mlops_cli.tracking.attachments import Attachment, lineage, rows_of
from mlops_cli.tracking.credentials import wandb_mode
from mlops_cli.tracking.lines import Line
from mlops_cli.tracking.record import Run

_START_SECONDS = 30.0
"""How long W&B may take to answer at the start."""


class WandbTracker:
    """One W&B run per run record; a resumed training goes on in the same one.

    A line of the record has its number as W&B's own step: what W&B has got already is not taken
    twice, and what it lacks can be sent whenever it is back.

    Args:
        config: Project, entity, mode and tags.
    """

    late = True

    def __init__(self, config: WandbTrackerConfig) -> None:
        self._config = config
        self._mode: Any = wandb_mode(config)
        # What lies in files here is not yet in W&B.
        self.kept_as = "wandb-offline" if self._mode == "offline" else "wandb"
        self._run: Any = None
        self._number = 0
        self._facts: dict[str, Any] = {}

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Opens the W&B run whose id is the run's own."""
        os.environ.setdefault("WANDB_SILENT", "true")
        online, live = self._mode == "online", facts.get("status") == "running"
        self._facts = lineage(facts)
        wandb.teardown()  # What is left of an attempt that failed.
        with _translated():
            self._run = wandb.init(
                id=run.id,
                name=run.id,
                project=self._config.project or run.path.parent.parent.name,
                entity=self._config.entity,
                tags=list(self._config.tags),
                mode=self._mode,
                resume="allow" if online else None,
                dir=run.path,
                config={**config, "lineage": self._facts},
                settings=wandb.Settings(
                    silent=True,
                    console="off",
                    save_code=False,
                    init_timeout=_START_SECONDS,
                    # The training's use of the machine, not that of the process which sends.
                    x_stats_pid=os.getppid(),
                    x_disable_stats=not live,
                ),
            )
            self._run.define_metric("*", step_metric="step")
            self._number = int(self._run.step) if online else 0
        # An offline run has no address, and says so on the terminal when it is asked.
        return {"id": run.id, "mode": self._mode, "url": self._run.url if online else None}

    def write(self, lines: list[Line]) -> None:
        """Sends metrics, but those that W&B has."""
        with _translated():
            for line in lines:
                if line.number >= self._number:
                    figures = {"step": line.step, **line.metrics}
                    # Held back until the next one, the last line would come after the summary.
                    self._run.log(figures, step=line.number, commit=True)

    def write_system(self, lines: list[Line]) -> None:
        """Sends nothing: W&B looks at the training process itself."""

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Sends metrics."""
        with _translated():
            self._run.log({"step": step, **metrics})

    def attach(self, attachment: Attachment) -> None:
        """Sends an evaluation as figures, pictures and a table; a bundle or model as artifact."""
        with _translated():
            if attachment.kind == "reports":
                self._report(attachment)
            else:
                self._artifact(attachment)

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Writes the summary and waits until everything is on disk or sent."""
        with _translated():
            self._run.summary.update({"status": status, **summary})
            self._run.finish(exit_code=0 if status == "finished" else 1)
            wandb.teardown()
        if self._mode == "online":
            _mark_synced(Path(self._run.dir).parent.parent)

    def _report(self, attachment: Attachment) -> None:
        facts, name = attachment.facts, attachment.name
        for metric, value in facts["metrics"].items():
            self._run.summary[f"{name}/{metric}"] = value
        shown: dict[str, Any] = {
            f"{name}/{path.stem}": wandb.Image(str(path))
            for path in attachment.files.values()
            if path.suffix == ".png"
        }
        for file, path in attachment.files.items():
            if file.endswith("mistakes.csv"):
                header, rows = rows_of(path)
                shown[f"{name}/mistakes"] = wandb.Table(columns=[*header], data=rows)
        if facts.get("confusion"):
            shown[f"{name}/confusion_matrix"] = _confusion(facts)
        self._run.log(shown)

    def _artifact(self, attachment: Attachment) -> None:
        origin = (attachment.facts.get("lineage") or {}) if attachment.kind == "bundle" else {}
        told = {**self._facts, "run": self._run.id, "fingerprint": attachment.fingerprint}
        artifact = wandb.Artifact(
            f"{self._run.id}-{attachment.name}", type="model", metadata={**origin, **told}
        )
        for name, path in attachment.files.items():
            artifact.add_file(str(path), name=name)
        self._run.log_artifact(artifact)


def create(config: TrackerConfig) -> WandbTracker:
    """The W&B tracker. Raises MissingDependencyError when it should be online and has no key."""
    assert isinstance(config, WandbTrackerConfig)
    return WandbTracker(config)


def _confusion(facts: dict[str, Any]) -> Any:
    """W&B's own chart of the confusion matrix."""
    labels = [row["label"] for row in facts["classes"]]
    counts = [
        [labels[actual], labels[predicted], count]
        for actual, row in enumerate(facts["confusion"])
        for predicted, count in enumerate(row)
    ]
    return wandb.plot_table(
        data_table=wandb.Table(columns=["Actual", "Predicted", "nPredictions"], data=counts),
        vega_spec_name="wandb/confusion_matrix/v1",
        fields={"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"},
        string_fields={"title": "Confusion matrix"},
    )


def _mark_synced(folder: Path) -> None:
    """Marks what lies offline the way `wandb sync` does: it would send it a second time."""
    for file in folder.glob("offline-run-*/run-*.wandb"):
        file.with_name(f"{file.name}.synced").touch()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (wandb.errors.UsageError, ValueError) as error:
        raise ConfigError(_one_line(error)) from error
    except wandb.errors.Error as error:
        raise UnreachableError(_one_line(error)) from error


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # Settings are checked by pydantic, which tells the reason in its last line.
    reason = next((line for line in lines if "Value error, " in line), lines[0])
    return reason.partition("Value error, ")[2].partition(" [type=")[0] or reason
