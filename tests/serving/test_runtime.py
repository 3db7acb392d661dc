"""The predictor answers by the words of a text, whatever the batches and threads."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from own.bundles import FILES, copied, keyword_bundle

from mlops_cli import cores
from mlops_cli.errors import DataError
from mlops_cli.models import graph_variants
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

TEXTS = [
    "good",
    "bad bad bad bad",
    "a plot",
    "good bad",
    "nothing known here at all",
    "bad plot good good good",
]
LOGITS = [[0, 2], [8, 0], [0.5, 0], [2, 2], [0, 0], [2.5, 6]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "configs").mkdir()
        (root / "configs" / "config.yaml").write_text("defaults: [base, _self_]\n")
        for name, text in FILES.items():
            (root / name).write_text(text)
        yield keyword_bundle(root)


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_logits_come_in_the_order_of_the_rows(bundle, threads, batch_size):
    predictor = Predictor(bundle, threads=threads)
    found = predictor.outputs({"text": TEXTS}, batch_size=batch_size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, LOGITS, atol=1e-6)


def test_one_row_and_no_row(bundle):
    predictor = Predictor(bundle)
    np.testing.assert_allclose(predictor.outputs({"text": ["bad"]}), [[2, 0]])
    assert predictor.outputs({"text": []}).shape == (0, 2)
    assert predictor.predict({"text": []})[0] == []


def test_progress_counts_every_row(bundle):
    steps = []
    Predictor(bundle, threads=2).outputs({"text": TEXTS}, batch_size=2, advance=steps.append)
    assert sum(steps) == len(TEXTS)


def test_answers_name_labels_with_scores(bundle):
    (first, _, third), *_ = Predictor(bundle).predict({"text": ["good", "bad", "plot"]}, top_k=2)
    assert first.label == "pos"
    assert first.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)
    assert list(first.scores) == ["pos", "neg"]
    assert sum(first.scores.values()) == pytest.approx(1, abs=1e-5)
    assert list(third.scores) == ["neg", "pos"]


def test_top_k_beyond_the_classes_names_all(bundle):
    (answer,), *_ = Predictor(bundle).predict({"text": ["good"]}, top_k=9)
    assert list(answer.scores) == ["pos", "neg"]


def test_below_the_threshold_there_is_no_label_but_a_score(bundle):
    (sure, unsure), *_ = Predictor(bundle).predict({"text": ["good", "plot"]}, threshold=0.8)
    assert sure.label == "pos"
    assert unsure.label is None
    assert unsure.score == pytest.approx(0.622459, abs=1e-5)


def test_texts_are_cut_to_the_models_length(bundle):
    (found,) = Predictor(bundle).outputs({"text": ["good " * 100]})
    np.testing.assert_allclose(found, [0, 16])  # eight tokens is what this model takes


@pytest.fixture
def shared(bundle, tmp_path, monkeypatch):
    """The bundle where every table is large enough to be shared, and what is said of the tables."""
    monkeypatch.setattr(graph_variants, "_LARGE_TABLE", 1)
    folder = copied(bundle, tmp_path / "shared")
    (table,) = graph_variants.describe(folder / "model.onnx")["tables"]
    graphs = {"plain": {"file": "model.onnx", "tables": [table]}}
    return bundles.write(folder, {**bundle.facts, "graphs": graphs, "preferred": "plain"}), table


def test_sessions_share_the_tables_of_a_graph(shared):
    found, table = shared
    predictor = Predictor(found, threads=2)
    np.testing.assert_allclose(predictor.outputs({"text": TEXTS}), LOGITS, atol=1e-6)
    # From where it was said to be: other bytes there, other answers.
    with (found.path / "model.onnx").open("r+b") as stream:
        stream.seek(table["offset"])
        stream.write(bytes(8 * 4))
    assert not np.allclose(Predictor(found).outputs({"text": TEXTS}), LOGITS)


def test_a_graph_cut_after_it_was_checked_is_told(shared):
    found, table = shared
    with (found.path / "model.onnx").open("r+b") as stream:
        stream.truncate(table["offset"] + 1)
    with pytest.raises(DataError, match=r"onnxruntime can't load .*model\.onnx"):
        Predictor(found).outputs({"text": TEXTS})
    (found.path / "model.onnx").unlink()
    with pytest.raises(DataError, match=r"can't load .*model\.onnx"):
        Predictor(found).outputs({"text": TEXTS})


def test_only_large_tables_in_which_something_is_looked_up_are_shared(tmp_path):
    large = np.ones((1024, 300), dtype=np.float32)
    tables = {"vectors": large, "both": large + 1, "weights": large.T, "few": large[:2]}
    nodes = [
        *(onnx.helper.make_node("Gather", [name, "ids"], [f"{name}_of"]) for name in tables),
        onnx.helper.make_node("MatMul", ["vectors_of", "weights"], ["logits"]),
        onnx.helper.make_node("MatMul", ["vectors_of", "both"], ["others"]),
    ]
    nodes = [node for node in nodes if "weights_of" not in node.output]
    kinds = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [onnx.helper.make_tensor_value_info("ids", kinds[0], ["rows"])],
        [onnx.helper.make_tensor_value_info("logits", kinds[1], ["rows", 1024])],
        [onnx.numpy_helper.from_array(table, name) for name, table in tables.items()],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    (found,) = graph_variants.describe(tmp_path / "model.onnx")["tables"]
    assert (found["name"], found["dtype"], found["shape"]) == ("vectors", "float32", [1024, 300])
    read = np.fromfile(tmp_path / "model.onnx", "float32", large.size, offset=found["offset"])
    np.testing.assert_array_equal(read.reshape(large.shape), large)


def test_a_graph_that_is_none_is_told(bundle, tmp_path):
    folder = copied(bundle, tmp_path / "broken")
    (folder / "model.onnx").write_bytes(b"no graph")
    predictor = Predictor(bundles.load(folder, verify=False))
    with pytest.raises(DataError, match=r"onnxruntime can't load .*model\.onnx") as raised:
        predictor.outputs({"text": ["good"]})
    assert "\n" not in raised.value.message


def test_a_graph_that_can_not_run_is_told(bundle, tmp_path):
    folder = copied(bundle, tmp_path / "broken")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["vocab"]["good"] = 4000  # a row that the embedding does not have
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    predictor = Predictor(bundles.load(folder, verify=False))
    with pytest.raises(DataError, match="onnxruntime can't run"):
        predictor.outputs({"text": ["good"]})


def test_a_task_of_ones_own_that_is_not_here_is_told(bundle, tmp_path):
    facts = {**bundle.facts, "task": {**bundle.task, "name": "nowhere.to_be_found"}}
    with pytest.raises(DataError, match=r"'nowhere\.to_be_found' is no module"):
        Predictor(bundles.Bundle(bundle.path, facts))


def test_a_task_that_lacks_a_part_is_told(bundle):
    encoder = {name: value for name, value in bundle.task["encoder"].items() if name != "pad_id"}
    facts = {**bundle.facts, "task": {**bundle.task, "encoder": encoder}}
    with pytest.raises(DataError, match="its task has no 'pad_id'"):
        Predictor(bundles.Bundle(bundle.path, facts))


def test_at_least_one_core_is_there():
    assert cores.available() >= 1


def test_answers_need_no_training_stack(bundle):
    code = f"""
import sys
from pathlib import Path
from mlops_cli.serving import bundle
from mlops_cli.serving.runtime import Predictor
predictor = Predictor(bundle.load(Path({str(bundle.path)!r})))
assert predictor.predict({{"text": ["good film"]}})[0][0].label == "pos"
print(" ".join({{name.split(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stderr
    loaded = set(done.stdout.split())
    assert {"onnxruntime", "tokenizers", "numpy"} <= loaded
    assert not loaded & {"torch", "transformers", "onnx", "hydra", "omegaconf", "datasets", "typer"}
