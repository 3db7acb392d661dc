"""Export: a trained model as a bundle that provably answers as PyTorch does."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from mlops_cli import __version__, cores, data, models, project
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.fitting import refuse_unfit
from mlops_cli.errors import DataError
from mlops_cli.export import graphs, layout
from mlops_cli.export.graphs import Graph, Judged
from mlops_cli.export.parity import compare, limits
from mlops_cli.files import atomic_folder, write_json
from mlops_cli.models import inference, onnx_graph
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.results import ExportResult
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import own_code, timing
from mlops_cli.serving.bundle import GRAPH, PLAIN, REFERENCE, Bundle
from mlops_cli.serving.runtime import Predictor
from mlops_cli.tasks import Outputs, Task
from mlops_cli.tracking import finding
from mlops_cli.tracking.record import Run, now

_DESCRIBED = 20_000
"""Rows on the disk that stand for all of them in a bundle's reference."""
_SECONDS = 0.5
"""How long each graph's speed is measured, twice."""


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
    refuse_unfit(validation, task, config.data, "validation")
    fingerprints = {name: split.fingerprint() for name, split in splits.named().items()}
    _warn_of_other_data(run, fingerprints, reporter)
    with atomic_folder(run.bundle) as folder:
        rows = validation.encoded(task.encoder)
        expected = _pytorch_logits(network, task, rows, config, reporter)
        graph = onnx_graph.write(network, task, rows, folder / GRAPH, opset=config.export.opset)
        task.save(folder)
        work = _Work(config, task, splits, rows, expected, folder, reporter)
        chosen = graphs.choose(work.timed(work.judged(_network_config(run))))
        best = chosen.best
        layout.write(folder, run, task.encoder, config.export, chosen.kept)
        facts = _facts(run, config, task, fingerprints, graph)
        if reproducible:
            del facts["created"], facts["lineage"]["git"]
        _write_reference(folder, task, splits.train, best.outputs)
        facts |= chosen.facts(timed=not reproducible)
        bundles.write(folder, _finite(facts))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return ExportResult(
        run=run.id,
        path=run.bundle,
        opset=config.export.opset,
        megabytes=round(size / 1e6, 2),
        rows=best.parity.rows,
        max_logit_difference=best.parity.max_logit_difference,
        label_agreement=best.parity.label_agreement,
        monitor=best.parity.monitor,
        metric_pytorch=best.parity.metric_pytorch,
        metric_onnx=best.parity.metric_onnx,
        metrics=best.metrics,
        seconds=time.perf_counter() - started,
        inputs=list(task.encoder.columns),
        graphs=chosen.figures,
        preferred=best.graph.name,
    )


@dataclass(frozen=True)
class _Work:
    """What every graph of one export is judged by."""

    config: Config
    task: Task
    splits: Splits
    rows: Sequence[Any]
    expected: Outputs
    folder: Path
    reporter: Reporter

    def judged(self, network: dict[str, Any]) -> list[Judged]:
        """The plain graph, which has to pass, and its variants.

        Raises:
            GateError: The plain graph differs from PyTorch by more than is tolerated.
        """
        settings = self.config.export
        plain = Graph(PLAIN, "float32", self.folder / GRAPH)
        found = [self.judge(plain)]
        graphs.select(found)  # Nothing is made of a graph that is wrong already.
        if not (settings.optimize or settings.quantize or settings.fp16):
            return found
        train = self.splits.train.encoded(self.task.encoder)
        made = graphs.variants(
            plain, self.task, train, network, config=settings, reporter=self.reporter
        )
        return found + [self.judge(one) for one in made]

    def judge(self, graph: Graph) -> Judged:
        """Has the graph answer the whole validation split."""
        validation = self.splits.validation
        assert validation is not None
        description = f"comparing with onnxruntime ({graph.kind})"
        with self.reporter.task(description, len(validation)) as progress:
            predictor = self.predictor(graph)
            found = predictor.outputs(validation.inputs, self.rows, advance=progress.advance)
        targets = self.task.head.targets(validation.targets, self.rows)
        monitor = self.config.trainer.monitor
        parity, metrics = compare(self.task.head, targets, self.expected, found, monitor)
        limit = limits(self.config.export, reduced=graph.reduced)
        return Judged(graph, found, parity, metrics, limit)

    def timed(self, judged: list[Judged]) -> list[Judged]:
        """The same with their speeds, measured in turns."""
        threads = self.config.trainer.threads or cores.available()
        predictors = {str(place): self.predictor(one.graph) for place, one in enumerate(judged)}
        with self.reporter.task("measuring", 2 * len(judged)) as progress:
            speeds = timing.compare(
                predictors,
                self.rows,
                threads=threads,
                seconds=_SECONDS,
                advance=progress.advance,
            )
        return [replace(one, speed=speeds[str(place)]) for place, one in enumerate(judged)]

    def predictor(self, graph: Graph) -> Predictor:
        """Answers with a graph that is in no bundle yet."""
        listed = {graph.name: {"file": graph.file.name}}
        facts = {"task": self.task.spec(), "graphs": listed, "preferred": graph.name}
        return Predictor(Bundle(self.folder, facts), threads=self.config.trainer.threads)


def _network_config(run: Run) -> dict[str, Any]:
    """The network's own config; empty where it has none of transformers' kind."""
    file = run.model / "config.json"
    content = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return content if isinstance(content, dict) else {}


def _model(run: Run) -> tuple[torch.nn.Module, Task]:
    """The run's model; a run that has none yet is told by its status."""
    if not (run.model / "task.json").is_file():
        raise finding.without_model(run, "export")
    return models.load(run.model)


def _pytorch_logits(
    network: torch.nn.Module, task: Task, rows: Sequence[Any], config: Config, reporter: Reporter
) -> Outputs:
    return inference.logits(
        network,
        task,
        rows,
        batch_size=config.trainer.eval_batch_size,
        reporter=reporter,
        description="predicting with PyTorch",
    )


def _facts(
    run: Run, config: Config, task: Task, fingerprints: dict[str, str], graph: onnx.ModelProto
) -> dict[str, Any]:
    """What `bundle.json` says, save for the figures."""
    spec, recorded = task.spec(), run.read()
    columns = {name: getattr(config.data, name, name) for name in task.encoder.columns}
    own = own_code.hashes(spec, project.find_root())
    return {
        "mlops": __version__,
        "created": now(),
        "task": spec,
        **({own_code.FIELD: own} if own else {}),
        "labels": list(task.labels),
        "max_length": spec["encoder"].get("max_length"),
        "columns": {**columns, "label": config.data.label},
        "input": [_tensor(entry) for entry in graph.graph.input],
        "output": [_tensor(entry) for entry in graph.graph.output],
        "opset": config.export.opset,
        "ir_version": graph.ir_version,
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


def _write_reference(folder: Path, task: Task, train: Examples, outputs: Outputs) -> None:
    """The distribution of the training split, and of the answers on validation.

    Of rows on the disk, that of a sample.
    """
    if train.streamed:
        train = train.sample(_DESCRIBED)
    content = {
        "format": 1,
        "rows": len(train),
        **task.head.describe_targets(train.targets),
        **task.encoder.describe(train.inputs, task.encoder.encode(train.inputs)),
        "answers": task.head.describe_outputs(outputs),
    }
    write_json(folder / REFERENCE, content)


def _warn_of_other_data(run: Run, fingerprints: dict[str, str], reporter: Reporter) -> None:
    recorded = run.read().get("data", {}).get("fingerprints", {})
    for name, fingerprint in fingerprints.items():
        if recorded.get(name, fingerprint) != fingerprint:
            reporter.warn(
                f"the data changed since run {run.id} was trained: its {name} split now holds "
                "other rows"
            )


def _finite(figures: Any) -> Any:
    """The figures with null for what is not defined: JSON has no NaN."""
    if isinstance(figures, dict):
        return {name: _finite(value) for name, value in figures.items()}
    return None if isinstance(figures, float) and not np.isfinite(figures) else figures
