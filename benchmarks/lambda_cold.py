"""How long a function of AWS Lambda takes to start and to answer, in the real runtime client.

    python benchmarks/lambda_cold.py --bundle runs/RUN/bundle [--rounds 9] [--rie BINARY] [--json F]

Beside ours: `empty`, a function that does nothing, and `by-hand`, which loads onnxruntime and the
tokenizer at the top of its file and answers one text, with no check, key, limit or metric. Every
round is a process of its own, in turns. With `--rie` also the whole way through AWS's emulator.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import installed
import lambda_runtime

from mlops_cli.serving import bundle as bundles

TEXT = "The boy near the queen blamed himself."
WARM = 50
_EMPTY = """
def handler(event, context):
    return {"statusCode": 200, "body": "{}"}
"""
_BY_HAND = """
import json
import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("model/tokenizer.json")
session = ort.InferenceSession("model/{graph}", providers=["CPUExecutionProvider"])
names = [one.name for one in session.get_inputs()]

def handler(event, context):
    text = json.loads(event["body"])["inputs"][0]
    found = tokenizer.encode(text)
    columns = {{
        "input_ids": found.ids, "attention_mask": found.attention_mask,
        "token_type_ids": found.type_ids,
    }}
    rows = {{name: np.array([columns[name]], dtype=np.int64) for name in names}}
    (logits,) = session.run(["logits"], rows)
    return {{"statusCode": 200, "body": json.dumps({{"scores": logits[0].tolist()}})}}
"""


def main() -> None:
    """Measures, and shows medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rie", type=Path, help="aws-lambda-rie, to go through as well")
    parser.add_argument("--json", type=Path, help="file for all figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        lambda_runtime.lay_out(given.bundle, home)
        graph = bundles.load(given.bundle)
        (home / "empty.py").write_text(_EMPTY)
        name = graph.graph_file(graph.preferred).name
        (home / "by_hand.py").write_text(_BY_HAND.format(graph=name))
        contenders = {
            "empty": "empty.handler",
            "by-hand": "by_hand.handler",
            "ours": lambda_runtime.CLIENT[-1],
        }
        figures: dict[str, list[dict[str, float]]] = {one: [] for one in contenders}
        for _ in range(given.rounds):
            for one, handler in contenders.items():
                figures[one].append(measure(home, handler))
        if given.rie:
            for one in ("empty", "ours"):
                rounds = [emulated(given.rie, home, contenders[one]) for _ in range(given.rounds)]
                figures[f"{one}, emulator"] = rounds
    columns = ("init_ms", "first_ms", "cold_ms", "warm_ms", "warm_p95_ms")
    print(f"{'':16}" + "".join(f"{column:>13}" for column in columns))
    for one, rounds in figures.items():
        medians = [
            statistics.median(each.get(column, 0.0) for each in rounds) for column in columns
        ]
        print(f"{one:16}" + "".join(f"{value:13.1f}" for value in medians))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))


def measure(home: Path, handler: str) -> dict[str, float]:
    """One cold start and what follows."""
    command = (*lambda_runtime.CLIENT[:-1], handler)
    variables = {"PYTHONPATH": os.pathsep.join([str(home), *sys.path])}
    event = lambda_runtime.request("POST", "/predict", {"inputs": [TEXT]})
    with lambda_runtime.running(home, home / "log", command, **variables) as runtime:
        times = [_timed(lambda: runtime.invoke(event)) for _ in range(WARM + 1)]
    return _figures(runtime.init * 1000, times)


def emulated(rie: Path, home: Path, handler: str) -> dict[str, float]:
    """The same through the emulator, which starts the client at the first request."""
    event = json.dumps(lambda_runtime.request("POST", "/predict", {"inputs": [TEXT]})).encode()
    with _emulator(rie, home, handler) as url:
        times = [_timed(lambda: _post(url, event)) for _ in range(WARM + 1)]
    return _figures(0.0, times)


def _figures(init: float, times: list[float]) -> dict[str, float]:
    first, *warm = times
    return {
        "init_ms": init,
        "first_ms": first,
        "cold_ms": init + first,
        "warm_ms": statistics.median(warm),
        "warm_p95_ms": sorted(warm)[int(len(warm) * 0.95)],
    }


def _timed(call: Any) -> float:
    began = time.perf_counter()
    answer = call()
    took = (time.perf_counter() - began) * 1000
    assert answer["statusCode"] == 200, answer
    return took


def _post(url: str, event: bytes) -> Any:
    with urllib.request.urlopen(url, event, timeout=60) as answer:
        return json.loads(answer.read())


@contextlib.contextmanager
def _emulator(rie: Path, home: Path, handler: str) -> Iterator[str]:
    asked, runtime = "127.0.0.1:5909", "127.0.0.1:5910"
    environment = {
        **installed.environment(),
        **{name: value for name, value in lambda_runtime.TOLD.items() if value},
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
        "MLOPS_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(home), *sys.path]),
    }
    addresses = ["--runtime-interface-emulator-address", asked, "--runtime-api-address", runtime]
    command = [str(rie), *addresses, *lambda_runtime.CLIENT[:-1], handler]
    with (home / "rie.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        time.sleep(1.0)
        yield f"http://{asked}/2015-03-31/functions/function/invocations"
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
