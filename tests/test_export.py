"""Export of models whose answers are known, and of a transformer."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from own.bundles import DATA, FILES, LABELS, WORDS, export_run, with_transformer
from own.keywords import keyword_run

from mlops_cli import models
from mlops_cli.errors import DataError, GateError, NotFoundError
from mlops_cli.reporting import SilentReporter
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor


class Listener(SilentReporter):
    """Keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture
def run(project):
    project(FILES)
    return keyword_run(project.path, WORDS, LABELS, DATA)


@pytest.fixture
def transformer_run(run):
    return with_transformer(run)


def test_the_bundle_tells_what_it_is_and_where_it_comes_from(project, run):
    result = export_run(project.path, run)
    assert result.path == run.bundle
    facts = bundles.load(run.bundle).facts
    assert facts["labels"] == ["neg", "pos"]
    assert facts["columns"] == {"text": "text", "label": "label"}
    assert facts["max_length"] == 8
    assert facts["input"] == [
        {"name": "input_ids", "type": "int64", "shape": ["batch", "sequence"]},
        {"name": "attention_mask", "type": "int64", "shape": ["batch", "sequence"]},
    ]
    assert facts["output"] == [{"name": "logits", "type": "float32", "shape": ["batch", 2]}]
    assert facts["opset"] == 18
    assert facts["lineage"]["run"] == run.id
    assert facts["lineage"]["data"] == run.read()["data"]["fingerprints"]
    assert set(facts["files"]) == {
        "model.onnx", "ort_config.json", "reference.json", "special_tokens_map.json",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert facts["preferred"] == "plain"
    assert facts["graphs"]["plain"]["opset"] == {"ai.onnx": 18}
    assert facts["graphs"]["plain"]["ir_version"] == facts["ir_version"]


def test_the_bundle_has_the_figures_of_the_validation_split(project, run):
    result = export_run(project.path, run)
    # Answers: pos, neg, pos, neg for pos, neg, neg, pos.
    assert result.metrics["accuracy"] == 0.5
    assert result.rows == 4
    assert result.label_agreement == 1.0
    assert result.max_logit_difference <= 1e-6
    facts = bundles.load(run.bundle).facts
    assert facts["metrics"]["accuracy"] == 0.5
    assert facts["parity"] == {
        "rows": 4,
        "max_logit_difference": result.max_logit_difference,
        "label_agreement": 1.0,
        "monitor": "mcc",
        "metric_pytorch": result.metrics["mcc"],
        "metric_onnx": result.metrics["mcc"],
        "metric_loss": 0.0,
    }


def test_the_reference_describes_the_training_split_without_its_texts(project, run):
    export_run(project.path, run)
    file = run.bundle / "reference.json"
    reference = json.loads(file.read_text("utf-8"))
    assert reference["rows"] == 5
    assert reference["labels"] == {"neg": 2, "pos": 3}
    assert reference["characters"]["text"]["max"] == len("a good one")
    assert reference["tokens"]["quantiles"]["0.5"] == 2
    assert sum(reference["tokens"]["histogram"]["counts"]) == 5
    assert reference["vocabulary"]["most_frequent"] == [["[UNK]", 6], ["good", 3], ["bad", 2]]
    assert reference["answers"]["labels"] == {"neg": 2, "pos": 2}
    assert "good film" not in file.read_text("utf-8")


@pytest.mark.parametrize("opset", [14, 18, 20, 23])
def test_the_graph_takes_any_batch_and_length(project, transformer_run, opset):
    export_run(project.path, transformer_run, f"export.opset={opset}")
    graph = onnx.load(transformer_run.bundle / "model.onnx")
    assert [entry.version for entry in graph.opset_import if not entry.domain] == [opset]
    network, _ = models.load(transformer_run.model)
    session = onnxruntime.InferenceSession(transformer_run.bundle / "model.onnx")
    for rows, width in [(1, 1), (1, 2), (2, 1), (3, 5), (7, 8), (1, 8), (64, 3)]:
        ids = np.random.default_rng(width).integers(0, 5, (rows, width))
        mask = np.ones_like(ids)
        mask[0, 1 + width // 2 :] = 0
        with torch.inference_mode():
            expected = network(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()
        (found,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_transformer_has_its_config_beside_the_graph(project, transformer_run):
    export_run(project.path, transformer_run)
    facts = bundles.load(transformer_run.bundle).facts
    assert "config.json" in facts["files"]
    config = json.loads((transformer_run.bundle / "config.json").read_text("utf-8"))
    assert config["id2label"] == {"0": "neg", "1": "pos"}


def test_the_bundle_answers_as_the_run_does(project, transformer_run):
    export_run(project.path, transformer_run)
    network, task = models.load(transformer_run.model)
    texts = ["good", "a good plot", "bad bad", "nothing else to say of this long film at all"]
    inputs = task.encoder.collate(task.encoder.encode({"text": texts}))
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        expected = network(**tensors).logits.numpy()
    found = Predictor(bundles.load(transformer_run.bundle)).outputs({"text": texts})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def fickle(run):
    """Makes the run's model one that tracing gets wrong."""
    spec = json.loads((run.model / "task.json").read_text("utf-8"))
    (run.model / "task.json").write_text(json.dumps({**spec, "family": "own.fickle"}), "utf-8")


def test_a_graph_that_disagrees_is_refused_and_the_older_bundle_stays(project, run):
    export_run(project.path, run)
    before = {path.name: path.read_bytes() for path in run.bundle.iterdir()}
    fickle(run)
    with pytest.raises(GateError, match=r"largest logit difference 3, tolerated is") as raised:
        export_run(project.path, run)
    assert raised.value.exit_code == 6
    assert "export.max_logit_difference=0.001" in raised.value.message
    assert {path.name: path.read_bytes() for path in run.bundle.iterdir()} == before
    assert sorted(path.name for path in run.path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["export.max_logit_difference=9"], r"label agreement 50\.0000%, .*min_label_agreement=1"),
        (
            ["export.max_logit_difference=9", "export.min_label_agreement=0"],
            r"mcc 0\.3333 instead of 1\.0000, .*export\.max_metric_loss=0",
        ),
    ],
)
def test_every_tolerance_is_a_gate(project, run, overrides, told):
    # In a batch of four the PyTorch model is harsh, and right; the traced graph is not.
    project({"validation.csv": "text,label\ngood a,neg\nbad a,neg\ngood good b,pos\ngood c,neg\n"})
    fickle(run)
    with pytest.raises(GateError, match=told):
        export_run(project.path, run, *overrides)
    assert not run.bundle.exists()


def test_a_tolerated_difference_is_written_down(project, run):
    fickle(run)
    loose = ("max_logit_difference=9", "min_label_agreement=0", "max_metric_loss=2")
    export_run(project.path, run, *(f"export.{limit}" for limit in loose))
    assert bundles.load(run.bundle).facts["parity"]["max_logit_difference"] == 3


def test_data_that_changed_since_the_training_is_told(project, run):
    listener = Listener()
    export_run(project.path, run, reporter=listener)
    assert not [line for line in listener.warnings if "changed since" in line]
    project({"validation.csv": FILES["validation.csv"] + "bad,neg\n"})
    export_run(project.path, run, reporter=listener)
    (warning,) = [line for line in listener.warnings if "changed since" in line]
    assert "validation split" in warning


def test_a_finished_run_whose_weights_are_gone_is_made_again(project, run):
    shutil.rmtree(run.model)
    with pytest.raises(NotFoundError, match="is finished, and its weights are gone") as raised:
        export_run(project.path, run)
    assert raised.value.hint.startswith(f"make it again: mlops runs rerun {run.id}")
    assert "mlops export best" in raised.value.hint
    assert "--resume" not in raised.value.hint


def test_a_run_without_a_model_says_its_status(project, run):
    shutil.rmtree(run.model)
    run.update(status="interrupted")
    with pytest.raises(NotFoundError, match=r"has no model .its status is interrupted.") as raised:
        export_run(project.path, run)
    assert f"mlops train --resume {run.id}" in raised.value.hint


def test_a_label_the_model_does_not_know_is_named(project, run):
    project({"train.csv": "text,label\na,x\nb,y\n", "validation.csv": "text,label\na,x\n"})
    with pytest.raises(DataError, match="'x'"):
        export_run(project.path, run)
    assert not run.bundle.exists()
