"""BentoML's service of the bundle that the environment variable BUNDLE names."""

import os
from pathlib import Path
from typing import Any

import bentoml
from serve_peers import Model


class _Sentences:
    def __init__(self) -> None:
        self.model = Model(Path(os.environ["BUNDLE"]))

    def predict(self, inputs: list[str]) -> list[dict[str, Any]]:
        return self.model.predict(inputs)

    predict = bentoml.api(predict, batchable=True, max_batch_size=16, max_latency_ms=10_000)


Sentences = bentoml.service(_Sentences, name="sentences", traffic={"timeout": 60})
