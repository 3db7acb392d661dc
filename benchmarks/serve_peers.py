"""Other servers of the same graph, each the way its own documentation goes; `serve.py` runs them.

    python benchmarks/serve_peers.py fastapi|tutorial --bundle DIR --port N
    python benchmarks/serve_peers.py mlflow --bundle DIR --save DIR
    python benchmarks/serve_litserve.py --bundle DIR --port N
    BUNDLE=DIR bentoml serve serve_bentoml:Sentences --working-dir benchmarks --port N

They need an environment of their own: build/serve-peers.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

PADDED = 128


class Model:
    """The graph and the tokenizer of a bundle.

    Args:
        bundle: The bundle's folder.
        padded: Pad every text to `PADDED` tokens, as tutorials do; else to the longest of a batch.
    """

    def __init__(self, bundle: Path, *, padded: bool = False) -> None:
        facts = json.loads((bundle / "bundle.json").read_text("utf-8"))
        graphs = facts.get("graphs", {"plain": {"file": "model.onnx"}})
        graph = bundle / graphs[facts.get("preferred", "plain")]["file"]
        self.labels = facts["labels"]
        self.session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        self.tokenizer.enable_truncation(PADDED)
        self.tokenizer.enable_padding(length=PADDED if padded else None)
        self.names = [entry.name for entry in self.session.get_inputs()]

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """Label and score of each text."""
        found = self.tokenizer.encode_batch(list(texts))
        arrays = {
            "input_ids": np.array([one.ids for one in found], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in found], dtype=np.int64),
            "token_type_ids": np.array([one.type_ids for one in found], dtype=np.int64),
        }
        (logits,) = self.session.run(["logits"], {name: arrays[name] for name in self.names})
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = odds / odds.sum(axis=1, keepdims=True)
        best = scores.argmax(axis=1)
        return [
            {"label": self.labels[place], "score": float(score[place])}
            for place, score in zip(best, scores, strict=True)
        ]


def fastapi(bundle: Path, port: int, *, padded: bool = False) -> None:
    """FastAPI on uvicorn: a function that answers what one request brings."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Asked(BaseModel):
        inputs: list[str]

    model, app = Model(bundle, padded=padded), FastAPI()

    def predict(asked: Asked) -> dict[str, Any]:
        return {"predictions": model.predict(asked.inputs)}

    app.post("/predict")(predict)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def save_mlflow(bundle: Path, target: Path) -> None:
    """A pyfunc model for `mlflow models serve`."""
    import mlflow

    class Sentences(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def load_context(self, context: Any) -> None:
            self.model = Model(Path(context.artifacts["bundle"]))

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return self.model.predict([str(text) for text in np.asarray(model_input).ravel()])

    shutil.rmtree(target, ignore_errors=True)
    mlflow.pyfunc.save_model(
        str(target),
        python_model=Sentences(),
        artifacts={"bundle": str(bundle)},
        pip_requirements=["onnxruntime", "tokenizers", "numpy"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=["fastapi", "tutorial", "mlflow"])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    if options.server == "mlflow":
        save_mlflow(options.bundle, options.save)
    else:
        fastapi(options.bundle, options.port, padded=options.server == "tutorial")
