"""Gradient-boosted trees (LightGBM; Ke et al., 2017) over the columns of a table."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from mlops_cli import tasks
from mlops_cli.data.examples import Splits
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.extras import extra
from mlops_cli.files import write_json
from mlops_cli.models import Built, tree_graph
from mlops_cli.models.objectives import class_weights
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.model import TreesModelConfig
from mlops_cli.tasks.encoders import table

with extra("trees", "model=trees"):
    import lightgbm

_OBJECTIVES = {"classes": ("binary", "multiclass"), "numbers": ("regression", "regression")}
"""LightGBM's loss for one output and for several, by what the task predicts."""
_EVERY = 10
"""Rounds between two validations."""


class Trees(torch.nn.Module):
    """Boosted trees that are called like a network.

    Args:
        booster: LightGBM's model; it sees numbers first, then ranked categories.
        ranks: For each column of categories, the rank of each id.
        outputs: Width of the logits.
    """

    def __init__(
        self, booster: "lightgbm.Booster", ranks: list[NDArray[np.float32]], outputs: int
    ) -> None:
        super().__init__()
        self.booster, self.ranks, self.outputs = booster, ranks, outputs
        # Whoever runs a network asks its parameters where it is.
        self.place = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(
        self, numbers: torch.Tensor | None = None, categories: torch.Tensor | None = None
    ) -> SimpleNamespace:
        """Logits (batch, outputs) of numbers and category ids, each (batch, columns)."""
        arrays = [None if part is None else part.cpu().numpy() for part in (numbers, categories)]
        raw = self.booster.predict(features(arrays[0], arrays[1], self.ranks), raw_score=True)
        return SimpleNamespace(logits=torch.from_numpy(logits(np.asarray(raw), self.outputs)))

    def save_pretrained(self, folder: Path) -> None:
        """Writes the trees as LightGBM's text, and the ranks."""
        self.booster.save_model(folder / "model.txt")
        content = {"outputs": self.outputs, "ranks": [part.tolist() for part in self.ranks]}
        write_json(folder / "config.json", content)

    def graph(self, names: Sequence[str], opset: int) -> onnx.ModelProto:
        """The trees as an ONNX graph with these inputs."""
        return tree_graph.create(self.booster.dump_model(), self.ranks, self.outputs, names, opset)


def features(
    numbers: NDArray[np.float32] | None,
    categories: NDArray[np.int64] | None,
    ranks: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """What the trees look at: numbers, then the ranks of categories; (rows, columns)."""
    parts = [] if numbers is None else [numbers]
    if categories is not None:
        ranked = [rank[categories[:, place]] for place, rank in enumerate(ranks)]
        parts.append(np.stack(ranked, axis=1))
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)


def logits(raw: NDArray[np.float64], outputs: int) -> NDArray[np.float32]:
    """Scores as logits (rows, outputs): a score of two classes is that of the second one."""
    scores = raw.reshape(len(raw), -1)
    if scores.shape[1] == 1 and outputs == 2:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    return scores.astype(np.float32)


@dataclass
class Booster:
    """An estimator that learns by rounds instead of gradient steps; see `training.rounds`.

    Attributes:
        config: Where the settings come from.
        task: Its head says what is predicted.
        encoder: The fitted columns.
        weights: Of the classes in the loss, shape (classes,); None weighs all the same.
        network: The trees, once there are any.
    """

    config: Config
    task: tasks.Task
    encoder: table.TableEncoder
    weights: NDArray[np.float32] | None = None
    network: Trees | None = None

    def rounds(
        self, rows: Sequence[Any], targets: NDArray[Any], held_out: Sequence[Any]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Boosts on encoded rows; tells rounds done and the logits of the rows held out."""
        ranks = _ranks(rows, targets, self.encoder, self.task)
        train, validation = (_matrix(part, self.encoder, ranks) for part in (rows, held_out))
        outputs = len(self.task.labels)
        weights = None if self.weights is None else self.weights[targets]
        booster = lightgbm.Booster(
            _parameters(self.config, self.task), lightgbm.Dataset(train, targets, weight=weights)
        )
        self.network = Trees(booster, ranks, outputs)
        total = self.config.rounds
        for number in range(1, total + 1):
            finished = booster.update()
            if number % _EVERY == 0 or number == total or finished:
                raw = booster.predict(validation, raw_score=True)
                yield number, logits(np.asarray(raw), outputs)
            if finished:  # No split gains anything more.
                return

    def keep(self, rounds: int) -> None:
        """Forgets what was learnt after so many rounds."""
        assert self.network is not None
        text = self.network.booster.model_to_string(num_iteration=rounds)
        self.network.booster = lightgbm.Booster(model_str=text)


def build(config: Config, splits: Splits, reporter: Reporter) -> Built:
    """Finds out what the columns hold; nothing is learnt yet."""
    if config.task.targets not in _OBJECTIVES:
        raise ConfigError(f"model=trees does not predict {config.task.targets}", hint="model=mlp")
    encoder = table.fit(splits.train.inputs)
    table.tell_left_out(encoder, splits.train.inputs, reporter.info)
    task = tasks.fit(config.task, splits.train, encoder)
    weights = class_weights(config.trainer, task, splits.train)
    return Built(Booster(config, task, encoder, None if weights is None else weights.numpy()), task)


def load(folder: Path) -> torch.nn.Module:
    """The trained trees."""
    try:
        content = json.loads((folder / "config.json").read_text("utf-8"))
        ranks = [np.array(part, dtype=np.float32) for part in content["ranks"]]
        booster = lightgbm.Booster(model_str=(folder / "model.txt").read_text("utf-8"))
        return Trees(booster, ranks, int(content["outputs"]))
    except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
        raise DataError(
            f"the model in {folder} is damaged: {str(error).strip().splitlines()[0]}",
            hint="train it again: mlops train",
        ) from error


def _parameters(config: Config, task: tasks.Task) -> dict[str, Any]:
    model = config.model
    assert isinstance(model, TreesModelConfig)
    one, several = _OBJECTIVES[task.head.kind]
    many = len(task.labels) > 2
    return {
        "objective": several if many else one,
        **({"num_class": len(task.labels)} if many else {}),
        "learning_rate": config.lr,
        "num_leaves": model.leaves,
        "min_data_in_leaf": model.min_rows,
        "feature_fraction": model.feature_fraction,
        "bagging_fraction": model.row_fraction,
        "bagging_freq": 1,
        "lambda_l2": model.l2,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": config.trainer.threads or 0,
        "verbose": -1,
    }


def _matrix(
    rows: Sequence[Any], encoder: table.TableEncoder, ranks: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    inputs = encoder.collate(rows)
    return features(inputs.get("numbers"), inputs.get("categories"), ranks)


def _ranks(
    rows: Sequence[Any], targets: NDArray[Any], encoder: table.TableEncoder, task: tasks.Task
) -> list[NDArray[np.float32]]:
    """Categories in the order of their rows' mean target, so that one cut parts high from low.

    For two classes and for numbers that is how the best cut of a set is found (Fisher, 1958).
    """
    found = []
    values = targets.astype(np.float64)
    for place, column in enumerate(encoder.categorical):
        ids = np.array([ids[place] for _, ids in rows])
        size = len(column.values or ()) + 2
        counts = np.bincount(ids, minlength=size)
        sums = np.bincount(ids, weights=values, minlength=size)
        # Ten rows of the mean for each, so that a rare category is not at the very end.
        means = (sums + 10 * values.mean()) / (counts + 10)
        ranks = np.empty(size, dtype=np.float32)
        ranks[np.argsort(means, kind="stable")] = np.arange(size, dtype=np.float32)
        ranks[table.MISSING] = np.nan
        found.append(ranks)
    return found
