"""Boosted trees as an ONNX graph, exact to the last comparison.

Operators: TreeEnsembleRegressor of `ai.onnx.ml`, version 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_IR_VERSION = 10


@dataclass
class _Ensemble:
    """The attributes of a TreeEnsembleRegressor, one entry a node."""

    trees: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lower: list[int] = field(default_factory=list)
    higher: list[int] = field(default_factory=list)
    missing_lower: list[int] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)
    """Tree, node, output and value."""

    def add(self, tree: int, output: int, root: dict[str, Any]) -> None:
        """Takes one tree of LightGBM's dump, whose leaves count for one output."""
        first = len(self.ids)
        # Depth is not bounded, so that no recursion walks the tree.
        waiting: list[tuple[dict[str, Any], list[int], int]] = [(root, [0], 0)]
        while waiting:
            node, side, parent = waiting.pop()
            number, place = len(self.ids) - first, len(self.ids)
            side[parent] = number
            leaf = "leaf_value" in node
            threshold = 0.0 if leaf else _at_most(float(node["threshold"]))
            self.trees.append(tree)
            self.ids.append(number)
            self.features.append(0 if leaf else int(node["split_feature"]))
            self.modes.append("LEAF" if leaf else "BRANCH_LEQ")
            self.values.append(threshold)
            self.lower.append(0)
            self.higher.append(0)
            self.missing_lower.append(0 if leaf else int(_missing_is_lower(node, threshold)))
            if leaf:
                self.leaves.append((tree, number, output, float(node["leaf_value"])))
            else:
                waiting.append((node["right_child"], self.higher, place))
                waiting.append((node["left_child"], self.lower, place))

    def node(self, source: str, target: str, outputs: int) -> onnx.NodeProto:
        """The operator."""
        trees, nodes, places, weights = (list(column) for column in zip(*self.leaves, strict=True))
        return helper.make_node(
            "TreeEnsembleRegressor",
            [source],
            [target],
            domain="ai.onnx.ml",
            n_targets=outputs,
            aggregate_function="SUM",
            post_transform="NONE",
            nodes_treeids=self.trees,
            nodes_nodeids=self.ids,
            nodes_featureids=self.features,
            nodes_modes=self.modes,
            nodes_values=self.values,
            nodes_truenodeids=self.lower,
            nodes_falsenodeids=self.higher,
            nodes_missing_value_tracks_true=self.missing_lower,
            target_treeids=trees,
            target_nodeids=nodes,
            target_ids=places,
            target_weights=weights,
        )


def create(
    dump: dict[str, Any],
    ranks: Sequence[NDArray[np.float32]],
    outputs: int,
    names: Sequence[str],
    opset: int,
) -> onnx.ModelProto:
    """The graph of LightGBM's dump.

    Args:
        dump: What `Booster.dump_model` gave.
        ranks: For each column of categories, the rank of each id.
        outputs: Width of the logits.
        names: The inputs: `numbers` (float32), `categories` (int64), or one of them.
        opset: Version of the standard operators.
    """
    per_round = int(dump["num_tree_per_iteration"])
    trees = _Ensemble()
    for place, tree in enumerate(dump["tree_info"]):
        trees.add(place, place % per_round, tree["tree_structure"])
    columns = int(dump["max_feature_idx"]) + 1
    sides = {"numbers": columns - len(ranks), "categories": len(ranks)}
    kinds = {"numbers": TensorProto.FLOAT, "categories": TensorProto.INT64}
    nodes, constants, parts = [], [], []
    if "numbers" in names:
        parts.append("numbers")
    if "categories" in names:
        starts = np.cumsum([0, *(len(rank) for rank in ranks)])[:-1].astype(np.int64)
        constants += [
            numpy_helper.from_array(starts, "starts"),
            numpy_helper.from_array(np.concatenate(ranks).astype(np.float32), "ranks"),
        ]
        nodes += [
            helper.make_node("Add", ["categories", "starts"], ["places"]),
            helper.make_node("Gather", ["ranks", "places"], ["ranked"], axis=0),
        ]
        parts.append("ranked")
    nodes.append(helper.make_node("Concat", parts, ["features"], axis=1))
    scores = "scores" if per_round < outputs else "logits"
    nodes.append(trees.node("features", scores, per_round))
    if per_round < outputs:
        # One score of two classes is that of the second: the first has none.
        constants.append(numpy_helper.from_array(np.array([[0, 1]], np.float32), "second"))
        nodes.append(helper.make_node("Mul", ["scores", "second"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "trees",
        [
            helper.make_tensor_value_info(name, kinds[name], ["batch", sides[name]])
            for name in names
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])],
        constants,
    )
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=versions, ir_version=_IR_VERSION)


def _at_most(threshold: float) -> float:
    """The greatest float32 that is no greater: the same float32 inputs lie on its lower side."""
    limit = float(np.finfo(np.float32).max)
    near = np.float32(min(max(threshold, -limit), limit))
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near)


def _missing_is_lower(node: dict[str, Any], threshold: float) -> bool:
    """Where a missing value goes; LightGBM takes it for 0 where training had none."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return threshold >= 0.0
