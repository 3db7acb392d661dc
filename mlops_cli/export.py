"""Export: a trained model as a bundle that provably answers as PyTorch does."""

import hashlib
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mlops_cli import __version__, data, models
from mlops_cli.data.examples import Examples
from mlops_cli.errors import DataError, GateError, NotFoundError
from mlops_cli.files import atomic_folder, write_json
from mlops_cli.models import inference, onnx_graph
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import ExportResult
from mlops_cli.schemas.task import HIGHER_IS_BETTER
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import reference
from mlops_cli.serving.bundle import GRAPH, REFERENCE, Bundle
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tasks import Task
from mlops_cli.tracking.record import Run, now

_ROUNDING = 1e-6
"""Loss of a metric that float32 sums in another order explain."""


@dataclass(frozen=True)
class Parity:
    """How close the graph is to PyTorch on the whole validation split.

    Attributes:
        rows: Rows compared.
        max_logit_difference: Largest absolute difference of any logit.
        label_agreement: Share of rows with the same label.
        monitor: The metric that must not get worse.
        metric_pytorch: Its value with PyTorch.
        metric_onnx: Its value with onnxruntime.
        metric_loss: By how much it is worse; negative where it is better.
    """

    rows: int
    max_logit_difference: float
    label_agreement: float
    monitor: str
    metric_pytorch: float
    metric_onnx: float
    metric_loss: float


def run(
    run: Run, config: Config, reporter: Reporter, *, reproducible: bool = False
) -> ExportResult:
    """Exports the run's model and writes its bundle; an older one is replaced as a whole.

    Args:
        run: A run with a trained model.
        config: Its config, with what was overridden for this export.
        reporter: Told of progress, and of data that changed since the training.
        reproducible: Leave out when the export was made and where git stood, so that the same
            run gives the same bytes.

    Raises:
        GateError: The graph is not valid, or differs from PyTorch by more than is tolerated.
        NotFoundError: The run has no model.
        DataError: There is no complete model, or it can't be expressed in ONNX.
    """
    started = time.perf_counter()
    network, task = _model(run)
    splits = data.load(config.data, config.seed, reporter)
    validation = splits.validation
    if validation is None:
        raise DataError("there is no validation split to compare the export on")
    fingerprints = {name: split.fingerprint() for name, split in splits.named().items()}
    _warn_of_other_data(run, fingerprints, reporter)
    with atomic_folder(run.bundle) as folder:
        expected = _pytorch_logits(network, task, validation, config, reporter)
        rows = task.encode(validation.inputs)
        graph = onnx_graph.write(network, task, rows, folder / GRAPH, opset=config.export.opset)
        task.save(folder)
        if (run.model / "config.json").is_file():
            shutil.copy(run.model / "config.json", folder)
        facts = _facts(run, config, task, fingerprints, graph)
        if reproducible:
            del facts["created"], facts["lineage"]["git"]
        predictor = Predictor(Bundle(folder, facts), threads=config.trainer.threads)
        with reporter.task("comparing with onnxruntime", len(validation)) as progress:
            found = predictor.logits(validation.inputs, advance=progress.advance)
        parity, metrics = _compare(task, validation, expected, found, config)
        _gate(parity, config)
        _write_reference(folder, task, splits.train, found)
        facts |= {"metrics": _finite(metrics), "parity": _finite(asdict(parity))}
        bundles.write(folder, facts)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return ExportResult(
        run=run.id,
        path=run.bundle,
        opset=config.export.opset,
        megabytes=round(size / 1e6, 2),
        rows=parity.rows,
        max_logit_difference=parity.max_logit_difference,
        label_agreement=parity.label_agreement,
        monitor=parity.monitor,
        metric_pytorch=parity.metric_pytorch,
        metric_onnx=parity.metric_onnx,
        metrics=metrics,
        seconds=time.perf_counter() - started,
    )


def _model(run: Run) -> tuple[torch.nn.Module, Task]:
    """The run's model; a run that has none yet is told by its status."""
    if not (run.model / "task.json").is_file():
        raise NotFoundError(
            f"run {run.id} has no model (its status is {run.read().get('status', 'unknown')})",
            hint=f"go on with it: mlops train --resume {run.id}; "
            "or take another: mlops export best",
        )
    return models.load(run.model)


def _pytorch_logits(
    network: torch.nn.Module, task: Task, rows: Examples, config: Config, reporter: Reporter
) -> NDArray[np.float32]:
    return inference.logits(
        network,
        task,
        task.encode(rows.inputs),
        batch_size=config.trainer.eval_batch_size,
        reporter=reporter,
        description="predicting with PyTorch",
    )


def _compare(
    task: Task,
    validation: Examples,
    expected: NDArray[np.float32],
    found: NDArray[np.float32],
    config: Config,
) -> tuple[Parity, dict[str, float]]:
    """The figures of the comparison, and every metric of the graph's logits."""
    targets = task.target_ids(validation.targets)
    bins, monitor = config.task.calibration_bins, config.trainer.monitor
    before = task.metrics(expected, targets, calibration_bins=bins)[monitor]
    metrics = task.metrics(found, targets, calibration_bins=bins)
    after = metrics[monitor]
    parity = Parity(
        rows=len(validation),
        max_logit_difference=float(np.abs(found - expected).max()),
        label_agreement=float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        monitor=monitor,
        metric_pytorch=before,
        metric_onnx=after,
        metric_loss=before - after if HIGHER_IS_BETTER[monitor] else after - before,
    )
    return parity, metrics


def _gate(parity: Parity, config: Config) -> None:
    """Refuses a graph that differs more than the config tolerates.

    Raises:
        GateError: Names the figure and its limit.
    """
    limits = config.export
    # Written so that a NaN fails; only a metric that neither side defines passes.
    if not parity.max_logit_difference <= limits.max_logit_difference:
        figure = f"largest logit difference {parity.max_logit_difference:.3g}"
        limit = f"export.max_logit_difference={limits.max_logit_difference:g}"
    elif not parity.label_agreement >= limits.min_label_agreement:
        figure = f"label agreement {parity.label_agreement:.4%}"
        limit = f"export.min_label_agreement={limits.min_label_agreement:g}"
    elif parity.metric_loss > limits.max_metric_loss + _ROUNDING or (
        np.isnan(parity.metric_onnx) and not np.isnan(parity.metric_pytorch)
    ):
        figure = f"{parity.monitor} {parity.metric_onnx:.4f} instead of {parity.metric_pytorch:.4f}"
        limit = f"export.max_metric_loss={limits.max_metric_loss:g}"
    else:
        return
    raise GateError(
        f"the exported graph does not agree with PyTorch on {parity.rows} validation rows: "
        f"{figure}, tolerated is {limit}; no bundle was written",
        hint="another operator set may agree better (export.opset=17); to accept it, "
        f"change {limit.partition('=')[0]}",
    )


def _facts(
    run: Run, config: Config, task: Task, fingerprints: dict[str, str], graph: onnx.ModelProto
) -> dict[str, Any]:
    """What `bundle.json` says, save for the figures."""
    spec, recorded = task.spec(), run.read()
    columns = {name: getattr(config.data, name, name) for name in task.input_columns}
    return {
        "mlops": __version__,
        "created": now(),
        "task": spec,
        "labels": list(task.labels),
        "max_length": spec.get("max_length"),
        "columns": {**columns, "label": config.data.label},
        "input": [_tensor(entry) for entry in graph.graph.input],
        "output": [_tensor(entry) for entry in graph.graph.output],
        "opset": config.export.opset,
        "ir_version": graph.ir_version,
        "calibration_bins": config.task.calibration_bins,
        "lineage": {
            "run": run.id,
            "git": recorded.get("git"),
            "data": fingerprints,
            "config_sha256": hashlib.sha256(run.config_path.read_bytes()).hexdigest(),
            "seed": config.seed,
            "model": config.model.name,
        },
    }


def _tensor(entry: onnx.ValueInfoProto) -> dict[str, Any]:
    """Name, type and shape of a graph's input or output; a dynamic axis by its name."""
    tensor = entry.type.tensor_type
    return {
        "name": entry.name,
        "type": onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name,
        "shape": [axis.dim_param or axis.dim_value for axis in tensor.shape.dim],
    }


def _write_reference(
    folder: Path, task: Task, train: Examples, answers: NDArray[np.float32]
) -> None:
    content = reference.describe(
        train.inputs,
        train.targets,
        task.encode(train.inputs),
        _tokens(folder / "tokenizer.json"),
        task.count_truncated(train.inputs),
    )
    content["answers"] = reference.describe_answers(task.labels, task.probabilities(answers))
    write_json(folder / REFERENCE, content)


def _tokens(file: Path) -> dict[int, str]:
    """Token by id, of a task that saves a tokenizer."""
    if not file.is_file():
        return {}
    vocabulary = Tokenizer.from_file(str(file)).get_vocab()
    return {number: token for token, number in vocabulary.items()}


def _warn_of_other_data(run: Run, fingerprints: dict[str, str], reporter: Reporter) -> None:
    recorded = run.read().get("data", {}).get("fingerprints", {})
    for name, fingerprint in fingerprints.items():
        if recorded.get(name, fingerprint) != fingerprint:
            reporter.warn(
                f"the data changed since run {run.id} was trained: its {name} split now holds "
                "other rows"
            )


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with null for what is not defined: JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in figures.items()
    }
