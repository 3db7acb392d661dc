"""Every faster graph of every kind of task: made, judged by its own task, and asked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import run_mlops
from PIL import Image

from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

TEXTS = ["epochs=1", "trainer.max_steps=4", "model.hidden_size=32", "model.layers=1"]
SHORT = ["trainer.threads=1", "--no-validate"]
ALL = ["--optimize", "--quantize", "int8", "--fp16"]
LOOSE = [
    "export.reduced_min_label_agreement=0",
    "export.reduced_max_metric_loss=100",
    "export.reduced_max_logit_difference=null",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "inputs"),
    [
        (["task=token_classification", "data.size=200", *TEXTS], {"text": ["Ada went to Rome", "no"]}),
        (
            ["task=text_pair_classification", "data.size=200", *TEXTS],
            {"text": ["A man sleeps.", "b"], "text_pair": ["Nobody is awake.", "c"]},
        ),
        (["task=text_regression", "data.size=200", *TEXTS], {"text": ["five stars", "one"]}),
        (["task=tabular_classification", "model=mlp", "data.size=300", "epochs=1"], None),
        (["task=tabular_regression", "model=mlp", "data.size=300", "epochs=1"], None),
        (["task=image_classification", "model=convnet", "data.size=200", "epochs=1"], None),
    ],
    ids=lambda value: value[0].removeprefix("task=") if isinstance(value, list) else "",
)  # fmt: skip
def test_every_graph_of_a_task_is_made_and_answers_nearly_the_same(
    root: Path, words: list[str], inputs: dict[str, list[str]] | None
) -> None:
    trained = run_mlops("train", *words, *SHORT, json=True)
    assert trained.exit_code == 0, trained.stderr
    done = run_mlops("export", "--onnx", *ALL, *LOOSE, json=True)
    assert done.exit_code == 0, done.stderr

    made = [(one["name"], one["kind"], one["kept"]) for one in done.json["graphs"]]
    names = {name for name, _, kept in made if kept}
    assert {"plain", "quantized", "fp16"} <= names
    assert ("optimized" in names) is ("nothing in this graph can be fused" not in done.stderr)
    assert {kind for name, kind, _ in made if name == "quantized"} == {
        "int8 dynamic",
        "int8 static",
    }
    bundle = bundles.load(Path(done.json["path"]))
    assert set(bundle.graphs) == names
    asked = inputs or _rows(Predictor(bundle).task.encoder.columns, root)
    plain = Predictor(bundle, graph="plain").outputs(asked)
    spread = max(1.0, float(np.abs(plain).max()))
    for name in names:
        found = Predictor(bundle, graph=name).outputs(asked)
        near = {"plain": 1e-6, "optimized": 1e-3, "fp16": 0.05, "quantized": 0.5}[name]
        np.testing.assert_allclose(found, plain, atol=near * spread, err_msg=name)


def _rows(columns: Sequence[str], folder: Path) -> dict[str, list[str]]:
    """Two rows of a table, one of which is empty, or two images."""
    if columns != ("image",):
        return {name: ["7", ""] for name in columns}
    files = [folder / "black.png", folder / "noise.png"]
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    for file, pixels in zip(files, (np.zeros_like(noise), noise), strict=True):
        Image.fromarray(pixels).save(file)
    return {"image": [str(file) for file in files]}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tabular_classification", "tabular_regression"])
def test_trees_are_refused_what_they_can_not_have(root: Path, task: str) -> None:
    words = [f"task={task}", "model=trees", "data.size=300", "epochs=4"]
    assert run_mlops("train", *words, *SHORT).exit_code == 0
    for asked, flag in ((ALL, "--quantize"), (["--fp16"], "--fp16")):
        done = run_mlops("export", "--onnx", *asked)
        assert done.exit_code == 5
        assert "no products of weights" in done.stderr
        assert f"leave out {flag}" in done.stderr
    assert not [*root.glob("runs/*/bundle")]
