"""A network for tables begins as the linear model of its rows."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mlops_cli import config as configs
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.models import linear_terms, mlp, objectives
from mlops_cli.models.linear_terms import LinearTerms
from mlops_cli.reporting import SilentReporter


def test_it_is_the_logistic_regression_of_scikit_learn():
    draw = np.random.default_rng(0)
    figures = draw.normal(size=(120, 3)).astype(np.float32)
    ids = draw.integers(0, 4, size=(120, 1))
    classes = np.argmax(figures + 2 * (ids == 1), axis=1)
    terms = LinearTerms(3, [4], 3)

    linear_terms.fit(
        terms,
        torch.from_numpy(figures),
        torch.from_numpy(ids),
        torch.from_numpy(classes),
        objectives.create("classes"),
    )

    columns = np.concatenate([figures, np.eye(4)[ids[:, 0]]], axis=1)
    expected = LogisticRegression(max_iter=1000).fit(columns, classes).predict_proba(columns)
    logits = terms(torch.from_numpy(figures), torch.from_numpy(ids))
    assert torch.softmax(logits, dim=1).detach().numpy() == pytest.approx(expected, abs=2e-3)


def test_a_network_of_few_rows_begins_where_a_line_ends(tmp_path):
    sizes = [float(n % 23) for n in range(60)]
    kinds = ["ab"[n % 2] for n in range(60)]
    prices = [
        3 * size + (10 if kind == "b" else 0) for size, kind in zip(sizes, kinds, strict=True)
    ]
    rows = Examples({"size": list(map(str, sizes)), "kind": kinds}, list(map(str, prices)))
    config = configs.load(["task=tabular_regression", "model=mlp"], root=tmp_path)

    built = mlp.build(config, Splits(rows, rows), SilentReporter())

    network, head = built.module.network.eval(), built.task.head
    inputs = built.task.encoder.collate(built.task.encoder.encode(rows.inputs))
    logits = network(**{name: torch.from_numpy(part) for name, part in inputs.items()}).logits
    metrics = head.metrics(logits.detach().numpy(), head.targets(rows.targets))
    assert metrics["r2"] > 0.99
