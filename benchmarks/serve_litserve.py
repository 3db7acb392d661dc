"""LitServe with its batching; see serve_peers.py.

python benchmarks/serve_litserve.py --bundle DIR --port N
"""

import argparse
from pathlib import Path
from typing import Any

import litserve as ls
from serve_peers import Model


class Sentences(ls.LitAPI):  # type: ignore[misc]
    """Its workers are processes, so that its class lies in a module."""

    bundle = Path()

    def setup(self, device: str) -> None:
        """Loads the graph, once a worker."""
        self.model = Model(self.bundle)

    def decode_request(self, request: dict[str, Any]) -> str:
        """The text of a request."""
        return str(request["inputs"][0])

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """Answers a batch."""
        return self.model.predict(texts)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """An answer's body."""
        return {"predictions": [output]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    api = Sentences(max_batch_size=16, batch_timeout=0.002)
    api.bundle = options.bundle
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=options.port, log_level="warning", generate_client_file=False)
