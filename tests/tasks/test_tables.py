"""Tables: what columns hold, and the models that learn from them."""

import json
import math

import numpy as np
import onnxruntime as ort
import pytest
import torch

from mlops_cli.errors import DataError
from mlops_cli.tasks.encoders import table

lightgbm = pytest.importorskip("lightgbm")

from mlops_cli.models import tree_graph  # noqa: E402
from mlops_cli.models.trees import Trees, features, logits  # noqa: E402

ROWS = {
    "age": ["31", " 4e1 ".strip(), "", "?"],
    "city": ["Rome", "Oslo", "Rome", "Oslo"],
    "id": ["a1", "a2", "a3", "a4"],
    "rare": ["x", "x", "y", "NA"],
}


def test_columns_are_numbers_or_categories_or_left_out():
    found = table.fit(ROWS)
    assert found.numeric == ("age",)
    assert [(one.name, one.values) for one in found.categorical] == [
        ("city", ("Oslo", "Rome")),
        ("rare", ("x",)),
    ]
    told = []
    table.tell_left_out(found, ROWS, told.append)
    assert told == ["columns without values that come again are left out: id"]


def test_rows_become_numbers_and_ids():
    encoder = table.fit(ROWS)
    numbers, ids = zip(*encoder.encode({**ROWS, "city": ["Rome", "Paris", "", "-"]}), strict=True)
    assert [float(row[0]) for row in numbers[:2]] == [31.0, 40.0]
    assert all(math.isnan(row[0]) for row in numbers[2:])
    assert [row.tolist() for row in ids] == [[3, 2], [1, 2], [0, 1], [0, 0]]
    again = table.load(json.loads(json.dumps(encoder.spec())))
    assert again == encoder


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e40", "nan", "twelve", ""])
def test_what_is_no_finite_number_is_missing(cell):
    assert math.isnan(table.as_number(cell))


def test_a_table_without_anything_to_learn_from_is_refused():
    with pytest.raises(DataError, match="no column"):
        table.fit({"id": ["a", "b"], "empty": ["", "?"]})


@pytest.mark.parametrize(
    ("settings", "outputs"),
    [
        ({"objective": "binary"}, 2),
        ({"objective": "multiclass", "num_class": 3}, 3),
        ({"objective": "regression"}, 1),
    ],
)
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_the_graph_of_trees_is_exact(settings, outputs, holes):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(1500, 4)).astype(np.float32)
    numbers[rng.random(numbers.shape) < holes] = np.nan
    ids = rng.integers(0, 9, size=(1500, 2))
    ranks = [np.array([np.nan, *rng.permutation(8)], dtype=np.float32) for _ in range(2)]
    inputs = features(numbers, ids, ranks)
    score = np.nan_to_num(numbers[:, 0]) + np.nan_to_num(inputs[:, 4]) / 4
    targets = np.digitize(score, np.quantile(score, [0.3, 0.7])[: max(1, outputs - 1)])
    data = lightgbm.Dataset(inputs, targets)
    booster = lightgbm.train({**settings, "verbose": -1, "num_threads": 1}, data, 30)
    trees = Trees(booster, ranks, outputs)
    graph = tree_graph.create(booster.dump_model(), ranks, outputs, ["numbers", "categories"], 17)
    session = ort.InferenceSession(graph.SerializeToString())
    # Values at the very thresholds, too, and missing ones where training had none.
    # (LightGBM sees no difference between 0 and its own thresholds of 1e-35 beside it.)
    cuts = [
        node["threshold"]
        for node in _splits(booster.dump_model())
        if node["split_feature"] == 0 and abs(node["threshold"]) > 1e-30
    ]
    asked = np.concatenate([numbers, numbers[: len(cuts)]])
    asked[-len(cuts) :, 0] = cuts
    asked[:5] = np.nan
    asked_ids = np.concatenate([ids, ids[: len(cuts)]])
    expected = trees(torch.from_numpy(asked), torch.from_numpy(asked_ids)).logits.numpy()
    (found,) = session.run(["logits"], {"numbers": asked, "categories": asked_ids})
    np.testing.assert_allclose(found, expected, atol=2e-6)


def _splits(dump):
    waiting = [tree["tree_structure"] for tree in dump["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "threshold" in node:
            yield node
            waiting += [node["left_child"], node["right_child"]]


def test_one_score_of_two_classes_is_that_of_the_second():
    assert logits(np.array([0.5, -1.0]), 2).tolist() == [[0.0, 0.5], [0.0, -1.0]]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["trees", "mlp"])
def test_loans_from_training_to_prediction(project, mlops, model):
    task = ["task=tabular_classification", f"model={model}", "data.size=4000", "trainer.threads=1"]
    short = ["epochs=100"] if model == "trees" else ["epochs=8", "batch_size=64"]
    trained = mlops("train", *task, *short, json=True)
    assert trained.exit_code == 0, trained.stderr
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert evaluated.json["baselines"]["majority_class"] < 0.65
    assert evaluated.json["metrics"]["accuracy"] > 0.78
    assert evaluated.json["metrics"]["auroc"] == trained.json["metrics"]["val/auroc"]
    exported = mlops("export", "--onnx", "--optimize", json=True)
    assert exported.exit_code == 0, exported.stderr
    assert exported.json["label_agreement"] == 1.0
    assert mlops("benchmark", "--seconds", "0.01").exit_code == 0
    narrow = mlops("export", "--onnx", "--quantize", "dynamic", json=True)
    if model == "trees":
        assert narrow.exit_code == 5
        assert "no products of weights" in narrow.stderr
    else:
        assert narrow.exit_code == 0, narrow.stderr
    header = "age,income,amount,months,housing,trade,region,purpose\n"
    rows = "50,6000,1000,120,own,clerk,south,car\n,900,60000,6,rent,clerk,north,\n,,,,,,,\n"
    project({"new.csv": header + rows})
    done = mlops("predict", "--file", "new.csv", "--output", "out.csv", json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["without_text"] == 1
    lines = (project / "out.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[8] for line in lines[1:]] == ["paid", "defaulted", ""]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["trees", "mlp"])
def test_rents_from_training_to_a_verified_bundle(project, mlops, model):
    task = ["task=tabular_regression", f"model={model}", "data.size=3000", "trainer.threads=1"]
    short = ["epochs=120"] if model == "trees" else ["epochs=8", "batch_size=64"]
    trained = mlops("train", *task, *short, json=True)
    assert trained.exit_code == 0, trained.stderr
    evaluated = mlops("evaluate", json=True)
    assert evaluated.exit_code == 0, evaluated.stderr
    assert evaluated.json["metrics"]["rmse"] < 0.45 * evaluated.json["baselines"]["mean"]
    assert evaluated.json["metrics"]["rmse"] == trained.json["metrics"]["val/rmse"]
    assert mlops("export", "--onnx").exit_code == 0


@pytest.mark.slow
def test_a_table_of_ones_own(project, mlops):
    rows = [f"{n},{n % 7},{'ab'[n % 2]},{'yes' if n % 7 > 3 else 'no'}" for n in range(400)]
    project({"own.csv": "id,size,kind,big\n" + "\n".join(rows) + "\n"})
    words = ["data=table", "data.path=own.csv", "data.label=big", "data.leave_out=[id]"]
    task = ["task=tabular_classification", "model=trees", "epochs=20", "trainer.threads=1"]
    done = mlops("train", *task, *words, json=True)
    assert done.exit_code == 0, done.stderr
    assert done.json["metrics"]["val/accuracy"] == 1.0
    saved = json.loads(next(project.path.glob("runs/*/model/task.json")).read_text("utf-8"))
    assert [part["name"] for part in saved["task"]["encoder"]["parts"]] == ["size", "kind"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["data.label=none"], 5, "has no column 'none'"),
        (["data.features=[size,none]"], 5, "has no column 'none'"),
        (["data.features=[size,big]"], 3, "data.features has the label"),
        (["data.leave_out=[id,size,kind]"], 5, "no column to predict from"),
        (["model=tiny"], 3, "does not take table inputs"),
    ],
)
def test_wrong_settings_of_a_table_are_told(project, mlops, words, code, said):
    project({"own.csv": "id,size,kind,big\n1,2,a,yes\n2,3,b,no\n"})
    given = ["data=table", "data.path=own.csv", "data.label=big"]
    done = mlops("train", "task=tabular_classification", "model=trees", *given, *words)
    assert done.exit_code == code, done.stderr
    assert said in done.stderr
