"""Other versions of a bundle: really slower, really failing, really of another opinion."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlops_cli.serving import bundle as bundles

FAILS_FROM = 60
"""The failing graph fails at texts of so many tokens or more."""


def variant(
    bundle: Path,
    folder: Path,
    *,
    run: str,
    labels: Sequence[str] | None = None,
    task: str | None = None,
    change: Callable[[onnx.GraphProto], None] | None = None,
) -> Path:
    """A bundle that says of itself that it was made from `run`; returns its folder.

    Args:
        bundle: The folder of the bundle to begin with.
        folder: Where the new one goes.
        run: Id of a run.
        labels: Other labels, in the order of the logits.
        task: Name of another task.
        change: Changes the graph that answers.
    """
    folder = Path(shutil.copytree(bundle, folder))
    facts = json.loads((folder / "bundle.json").read_text("utf-8"))
    del facts["files"], facts["digest"]
    facts["lineage"]["run"] = run
    if labels is not None:
        facts["labels"] = facts["task"]["head"]["labels"] = list(labels)
    if task is not None:
        facts["task"]["name"] = task
    if change is not None:
        answering = bundles.load(bundle).graph.name
        model = onnx.load(folder / answering)
        change(model.graph)
        onnx.save(model, folder / answering)
    bundles.write(folder, facts)
    return folder


def slower(graph: onnx.GraphProto, size: int = 700, layers: int = 3) -> None:
    """Adds layers that take time and change nothing."""
    weights = np.random.default_rng(0).normal(0, 1 / size**0.5, (size, size)).astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(weights, "slow.weights"))
    graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "slow.zero"))
    graph.node.append(_cast("input_ids", "slow.ids"))
    graph.node.append(helper.make_node("ReduceMax", ["slow.ids"], ["slow.max"], keepdims=0))
    graph.node.append(helper.make_node("Mul", ["slow.weights", "slow.max"], ["slow.0"]))
    for layer in range(layers):
        between = [f"slow.{layer}", "slow.weights"], [f"slow.{layer + 1}"]
        graph.node.append(helper.make_node("MatMul", *between))
    graph.node.append(helper.make_node("ReduceMax", [f"slow.{layers}"], ["slow.all"], keepdims=0))
    graph.node.append(helper.make_node("Mul", ["slow.all", "slow.zero"], ["slow.nothing"]))
    _add_to_logits(graph, "slow.nothing")


def failing(graph: onnx.GraphProto, tokens: int = FAILS_FROM) -> None:
    """Lets the graph fail at long texts: it looks where nothing is."""
    graph.initializer.append(numpy_helper.from_array(np.array(tokens, np.int64), "fail.from"))
    graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "fail.one"))
    graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "fail.zeros"))
    graph.node.append(helper.make_node("Shape", ["input_ids"], ["fail.shape"]))
    graph.node.append(helper.make_node("Gather", ["fail.shape", "fail.one"], ["fail.length"]))
    graph.node.append(helper.make_node("Div", ["fail.length", "fail.from"], ["fail.place"]))
    graph.node.append(helper.make_node("Gather", ["fail.zeros", "fail.place"], ["fail.nothing"]))
    _add_to_logits(graph, "fail.nothing")


def _cast(name: str, to: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [to], to=TensorProto.FLOAT)


def _add_to_logits(graph: onnx.GraphProto, name: str) -> None:
    for node in graph.node:
        for place, output in enumerate(node.output):
            if output == "logits":
                node.output[place] = "own.logits"
    graph.node.append(helper.make_node("Add", ["own.logits", name], ["logits"]))
