"""The graphs of a bundle: the plain one and the variants that were asked for, each one judged."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlops_cli.errors import DataError, ExportRefused
from mlops_cli.export.parity import Limits, Parity, excess
from mlops_cli.models import graph_variants
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.export import ExportConfig
from mlops_cli.schemas.results import GraphFigures
from mlops_cli.serving.bundle import GRAPH, PLAIN
from mlops_cli.serving.timing import Speed
from mlops_cli.tasks import Inputs, Outputs, Task

OPTIMIZED, QUANTIZED, FP16 = "optimized", "quantized", "fp16"
FILES = {
    PLAIN: GRAPH,
    OPTIMIZED: "model_optimized.onnx",
    QUANTIZED: "model_quantized.onnx",
    FP16: "model_fp16.onnx",
}
"""Files by the name of the graph, as Optimum has them."""

_FLAGS = {OPTIMIZED: "--optimize", QUANTIZED: "--quantize", FP16: "--fp16"}
"""What asks for a graph, by its name."""
_MARGIN = 1.1
"""How many times as fast a graph must be to be preferred to one that was there before."""
_BATCH = 8
_SEED = 0


@dataclass(frozen=True)
class Graph:
    """One graph on disk.

    Attributes:
        name: Its name in the bundle.
        kind: What was done to it, in words.
        file: Its file.
        reduced: Whether its numbers are narrower than float32.
    """

    name: str
    kind: str
    file: Path
    reduced: bool = False


@dataclass(frozen=True)
class Judged:
    """A graph with its figures.

    Attributes:
        graph: The graph.
        outputs: What it says of the validation rows.
        parity: How close that is to PyTorch.
        metrics: Every scalar metric of it.
        limit: What it may lose.
        speed: How fast it is; None before that is known.
    """

    graph: Graph
    outputs: Outputs
    parity: Parity
    metrics: dict[str, float]
    limit: Limits
    speed: Speed | None = None

    @property
    def excess(self) -> tuple[str, str] | None:
        """See `parity.excess`."""
        return excess(self.parity, self.limit)

    def figures(self, kept: bool) -> GraphFigures:
        """What a person and a program are told of it."""
        assert self.speed is not None
        data = self.graph.file.with_name(f"{self.graph.file.name}.data")
        size = sum(path.stat().st_size for path in (self.graph.file, data) if path.is_file())
        return GraphFigures(
            name=self.graph.name,
            kind=self.graph.kind,
            file=FILES[self.graph.name],
            megabytes=round(size / 1e6, 2),
            latency_ms=self.speed.latency_ms,
            rows_per_second=self.speed.rows_per_second,
            max_logit_difference=self.parity.max_logit_difference,
            label_agreement=self.parity.label_agreement,
            metric=self.parity.metric_onnx,
            metric_loss=self.parity.metric_loss,
            kept=kept,
        )

    def facts(self, figures: GraphFigures, *, timed: bool) -> dict[str, Any]:
        """What `bundle.json` says of it.

        Args:
            figures: See `figures`.
            timed: Whether to tell what no two measurements have alike.
        """
        names = ("latency_ms", "rows_per_second")
        speed = {name: getattr(figures, name) for name in names} if timed else {}
        return {
            "file": figures.file,
            "kind": self.graph.kind,
            "megabytes": figures.megabytes,
            **graph_variants.describe(self.graph.file),
            "parity": asdict(self.parity),
            "speed": speed,
        }


@dataclass(frozen=True)
class Chosen:
    """The graphs that a bundle gets.

    Attributes:
        kept: Those that passed.
        figures: Of every graph that was made.
        best: The fastest of those kept, which answers.
    """

    kept: list[Judged]
    figures: list[GraphFigures]
    best: Judged

    def facts(self, *, timed: bool) -> dict[str, Any]:
        """What `bundle.json` says of them."""
        told = [one for one in self.figures if one.kept]
        return {
            "metrics": self.best.metrics,
            "parity": asdict(self.best.parity),
            "graphs": {
                one.graph.name: one.facts(of_it, timed=timed)
                for one, of_it in zip(self.kept, told, strict=True)
            },
            "preferred": self.best.graph.name,
        }


def variants(
    plain: Graph,
    task: Task,
    train: Sequence[Any],
    network: dict[str, Any],
    *,
    config: ExportConfig,
    reporter: Reporter,
) -> Iterator[Graph]:
    """Makes the graphs that the config asks for, beside the plain one.

    Args:
        plain: The graph as exported.
        task: Its encoder makes batches.
        train: Encoded rows of the training split, that scales may be found on.
        network: The network's own config, empty where it has none.
        config: What is asked for.
        reporter: Told what there is nothing to gain by.

    Raises:
        DataError: The graph has nothing that narrower numbers would speed up.
    """
    folder = plain.file.parent
    if (config.quantize or config.fp16) and not graph_variants.can_be_reduced(plain.file):
        flag = "--quantize" if config.quantize else "--fp16"
        raise DataError(
            "this model has no products of weights that narrower numbers would speed up",
            hint=f"leave out {flag}: trees and the like are fast as they are",
        )
    fused = folder / FILES[OPTIMIZED]
    base = fused if graph_variants.optimize(plain.file, fused, network) else plain.file
    if config.optimize and base == plain.file:
        reporter.info("nothing in this graph can be fused: it stays the plain one")
    elif config.optimize:
        yield Graph(OPTIMIZED, "fused", fused)
    if config.quantize in ("int8", "dynamic"):
        target = folder / "dynamic.onnx"
        graph_variants.quantize_dynamically(base, target)
        yield Graph(QUANTIZED, "int8 dynamic", target, reduced=True)
    if config.quantize in ("int8", "static"):
        target = folder / "static.onnx"
        batches = _calibration(task, train, config.calibration_rows)
        graph_variants.quantize_statically(plain.file, target, batches)
        yield Graph(QUANTIZED, "int8 static", target, reduced=True)
    if config.fp16:
        target = folder / FILES[FP16]
        graph_variants.halve(base, target)
        yield Graph(FP16, "float16", target, reduced=True)
    if not config.optimize:
        _remove(fused)


def choose(judged: Sequence[Judged]) -> Chosen:
    """Keeps the graphs that pass, each under its own name, and removes the others.

    Raises:
        GateError: None by a name passes.
    """
    kept = select(judged)
    figures = [one.figures(one in kept) for one in judged]
    settled = _settle(kept, judged)
    return Chosen(settled, figures, fastest(settled))


def select(judged: Sequence[Judged]) -> list[Judged]:
    """The graphs to keep: of several by one name, the fastest that passes.

    Raises:
        GateError: None by a name passes; names each one's figure and its limit.
    """
    kept: dict[str, Judged] = {}
    for one in judged:
        rivals = [other for other in judged if other.graph.name == one.graph.name]
        passing = [other for other in rivals if other.excess is None]
        if not passing:
            raise _refused(judged)
        if one in passing and one.graph.name not in kept:
            kept[one.graph.name] = fastest(passing)
    return list(kept.values())


def fastest(judged: Sequence[Judged]) -> Judged:
    """The fastest graph; the first one unless another is so by more than chance."""
    best = judged[0]
    for one in judged[1:]:
        assert one.speed is not None
        assert best.speed is not None
        if one.speed.score > _MARGIN * best.speed.score:
            best = one
    return best


def _settle(kept: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """Gives the files of the graphs that are kept their names, and removes the others."""
    for one in judged:
        if one not in kept:
            _remove(one.graph.file)
    settled = []
    for one in kept:
        target = one.graph.file.with_name(FILES[one.graph.name])
        if target != one.graph.file:
            one.graph.file.replace(target)
        settled.append(replace(one, graph=replace(one.graph, file=target)))
    return settled


def _refused(judged: Sequence[Judged]) -> ExportRefused:
    """Names every graph by whose name none passes, and why."""
    passing = {one.graph.name for one in judged if one.excess is None}
    lost = [(one, one.excess) for one in judged if one.graph.name not in passing]
    reasons, keys = [], []
    for one, beyond in lost:
        assert beyond is not None
        figure, limit = beyond
        what = "exported" if one.graph.name == PLAIN else one.graph.kind
        reasons.append((f"{what} graph", f"{figure}, tolerated is {limit}"))
        keys.append(limit.partition("=")[0])
    flags = [_FLAGS[one.graph.name] for one, _ in lost if one.graph.name in _FLAGS]
    hint = "another operator set may agree better (export.opset=17)"
    if flags:
        hint = f"leave out {' and '.join(dict.fromkeys(flags))}"
    parity = judged[0].parity
    measured = all(one.speed is not None for one in judged)
    (what, why), *others = reasons
    rest = "".join(f"; nor does the {other}: {reason}" for other, reason in others)
    return ExportRefused(
        f"the {what} does not agree with PyTorch on {parity.rows} validation rows: "
        f"{why}{rest}; no bundle was written",
        hint=f"{hint}; to accept it, change {' and '.join(dict.fromkeys(keys))}",
        figures=[one.figures(one.excess is None) for one in judged] if measured else [],
        monitor=parity.monitor,
    )


def _calibration(task: Task, rows: Sequence[Any], most: int) -> Iterator[Inputs]:
    """Training rows in batches of like length."""
    chosen = np.random.default_rng(_SEED).permutation(len(rows))[:most]
    picked = [rows[place] for place in chosen]
    order = np.argsort(task.encoder.sizes(picked), kind="stable")
    for start in range(0, len(order), _BATCH):
        yield task.encoder.collate([picked[place] for place in order[start : start + _BATCH]])


def _remove(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}.data")):
        path.unlink(missing_ok=True)
