"""A bundle loads in Optimum and in transformers' AutoTokenizer, and answers there as here.

Optimum takes an older transformers than ours: `make optimum` puts both into a folder of their own.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run_mlops

from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor

OPTIMUM = REPOSITORY / "build" / "optimum"
TEXTS = ["The boy near the queen blamed himself.", "Fred watered the plants flat."]
TELL = """
import json, sys
from optimum.onnxruntime import ORTModelForSequenceClassification
from transformers import AutoTokenizer

folder, files, texts = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(folder)
answers = {}
for file in files:
    named = {} if file == "model.onnx" else {"file_name": file}
    model = ORTModelForSequenceClassification.from_pretrained(folder, **named)
    rows = [tokenizer(text, truncation=True, return_tensors="pt") for text in texts]
    answers[file] = [model(**row).logits[0].tolist() for row in rows]
print(json.dumps({"answers": answers, "labels": model.config.id2label, "length": tokenizer.model_max_length}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not OPTIMUM.is_dir(), reason="no Optimum in build/optimum: make optimum")
def test_a_bundle_loads_in_optimum_and_answers_as_here(trained, tmp_path):
    root = shutil.copytree(trained.root, tmp_path / "project")
    loose = ["export.reduced_min_label_agreement=0.8", "export.reduced_max_metric_loss=0.3"]
    with contextlib.chdir(root):
        done = run_mlops(
            "export", "--onnx", "--optimize", "--quantize", "dynamic", "--fp16", *loose
        )
    assert done.exit_code == 0, done.stderr
    bundle = bundles.load(root / "runs" / trained.run / "bundle")
    files = [one["file"] for one in bundle.graphs.values()]
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(bundle.path), json.dumps(files), json.dumps(TEXTS)],
        env={**os.environ, "PYTHONPATH": str(OPTIMUM)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for name, one in bundle.graphs.items():
        predictor = Predictor(bundle, graph=name)
        ours = [predictor.outputs({"text": [text]})[0] for text in TEXTS]
        np.testing.assert_allclose(told["answers"][one["file"]], ours, atol=1e-4)
    assert list(told["labels"].values()) == list(predictor.task.labels)
    assert told["length"] == predictor.task.encoder.max_length
