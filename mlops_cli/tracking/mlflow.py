"""`tracker=mlflow`: the run in MLflow, on a server or in a database of the project's own."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

for _name, _value in {
    # A server that does not answer is tried again by us, from the record.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A folder of files as the store, which only a user asks for.
    "MLFLOW_ALLOW_FILE_STORE": "true",
}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient  # noqa: E402 - it reads the environment
from mlflow.entities import Metric, Param  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

from mlops_cli.errors import UnreachableError  # noqa: E402
from mlops_cli.schemas.tracker import MlflowTrackerConfig, TrackerConfig  # noqa: E402
from mlops_cli.tracking.attachments import Attachment, lineage  # noqa: E402
from mlops_cli.tracking.flat import flat  # noqa: E402
from mlops_cli.tracking.lines import Line  # noqa: E402
from mlops_cli.tracking.record import Run  # noqa: E402
from mlops_cli.tracking.redaction import without_secrets  # noqa: E402

RUN_TAG = "mlops.run"
"""The tag by which a run of ours is found again."""

_STATUSES = {"finished": "FINISHED", "failed": "FAILED"}
_LONGEST_PARAM, _MOST_PARAMS, _MOST_METRICS = 6000, 100, 1000


class MlflowTracker:
    """One MLflow run per run record; a resumed training goes on in the same one.

    Args:
        config: Address, experiment and tags.
    """

    late = False

    def __init__(self, config: MlflowTrackerConfig) -> None:
        self._config = config
        self._client: Any = None
        self._id = ""
        self._step = 0

    def start(self, run: Run, config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        """Finds the MLflow run that bears the run's id, or makes it; tells it the config."""
        root = run.path.parent.parent
        own = f"sqlite:///{root / 'mlflow.db'}"
        uri = self._config.uri or os.environ.get("MLFLOW_TRACKING_URI") or own
        with _translated():
            self._client = MlflowClient(tracking_uri=uri)
            experiment = self._experiment(self._config.experiment or root.name, uri, root)
            known = self._found(experiment, run.id, facts["place"].get("id"))
            if known is None:
                tags = {"mlflow.runName": run.id, **self._tags(run, facts)}
                known = self._client.create_run(experiment, tags=tags)
            self._id = known.info.run_id
            if known.info.status != "RUNNING":
                self._client.update_run(self._id, status="RUNNING")
            self._params(config, set(known.data.params))
        shown = without_secrets(uri)
        web = f"{shown.rstrip('/')}/#/experiments/{experiment}/runs/{self._id}"
        return {
            "id": self._id,
            "experiment": experiment,
            "uri": shown,
            "url": web if shown.startswith("http") else None,
        }

    def write(self, lines: list[Line]) -> None:
        """Sends metrics with their steps and times."""
        self._metrics(lines, [line.step for line in lines])
        self._step = lines[-1].step

    def write_system(self, lines: list[Line]) -> None:
        """Sends measurements of the machine, numbered."""
        self._metrics(lines, [line.number for line in lines])

    def log(self, metrics: dict[str, float], *, step: int) -> None:
        """Sends metrics, measured now."""
        self.write([Line(0, step, time.time(), metrics)])

    def attach(self, attachment: Attachment) -> None:
        """Uploads the files, and what an evaluation found as metrics."""
        figures = {
            f"{attachment.name}/{name}": float(value)
            for name, value in (attachment.facts.get("metrics") or {}).items()
            if isinstance(value, int | float) and attachment.kind == "reports"
        }
        with _translated():
            if figures:
                self.write([Line(0, self._step, time.time(), figures)])
            with tempfile.TemporaryDirectory() as folder:
                for name, path in attachment.files.items():
                    (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, Path(folder) / name)
                self._client.log_artifacts(self._id, folder, attachment.name)

    def finish(self, status: str, summary: dict[str, float]) -> None:
        """Sends the figures of the best checkpoint and how the run ended."""
        best = {f"best/{name}": float(value) for name, value in summary.items()}
        self._metrics([Line(0, self._step, time.time(), best)], [self._step])
        with _translated():
            self._client.set_tag(self._id, "mlops.status", status)
            self._client.set_terminated(self._id, status=_STATUSES.get(status, "KILLED"))

    def _experiment(self, name: str, uri: str, root: Path) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # Beside a database, artifacts would lie in whatever folder is the current one.
        local = (root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
        try:
            return str(self._client.create_experiment(name, artifact_location=local))
        except MlflowException:
            # Another run that started in the same moment made it.
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _found(self, experiment: str, run_id: str, remembered: str | None) -> Any:
        """The MLflow run of an earlier part of the training, if there is one.

        The tag also finds one that was made by a request whose answer never came.
        """
        if remembered:
            try:
                return self._client.get_run(remembered)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        wanted = f"tags.`{RUN_TAG}` = '{run_id}'"
        return next(iter(self._client.search_runs([experiment], wanted, max_results=1)), None)

    def _tags(self, run: Run, facts: dict[str, Any]) -> dict[str, str]:
        tags = {RUN_TAG: run.id, **{f"mlops.{k}": str(v) for k, v in lineage(facts).items()}}
        commit = (facts.get("git") or {}).get("commit")
        return {
            **tags,
            **({"mlflow.source.git.commit": commit} if commit else {}),
            **dict.fromkeys(self._config.tags, "true"),
        }

    def _params(self, config: dict[str, Any], known: set[str]) -> None:
        params = [
            Param(name, str(value)[:_LONGEST_PARAM])
            for name, value in flat(config).items()
            if name not in known
        ]
        for begin in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(self._id, params=params[begin : begin + _MOST_PARAMS])

    def _metrics(self, lines: list[Line], steps: list[int]) -> None:
        """Sends figures; one sent again with the same time and step is the same to MLflow."""
        metrics = [
            Metric(name, value, int(line.time * 1000), step)
            for line, step in zip(lines, steps, strict=True)
            for name, value in line.metrics.items()
        ]
        with _translated():
            for begin in range(0, len(metrics), _MOST_METRICS):
                self._client.log_batch(self._id, metrics=metrics[begin : begin + _MOST_METRICS])


def create(config: TrackerConfig) -> MlflowTracker:
    """The MLflow tracker."""
    assert isinstance(config, MlflowTrackerConfig)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    return MlflowTracker(config)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        raise UnreachableError(_reason(str(error))) from error


def _reason(text: str) -> str:
    """The last cause of a chain that MLflow and its HTTP client tell in one line."""
    line = next(iter(text.strip().splitlines()), "no reason given")
    for sign in ("[Errno", "(Caused by "):
        if sign in line:
            return line[line.index(sign) :].rstrip("')\"")
    return line
