"""Milliseconds a sentence in this process: PyTorch, bare onnxruntime, and ours.

    mlops export --onnx --optimize --quantize int8 RUN
    python benchmarks/inference.py RUN [--threads 2] [--rounds 5] [--json FILE]

RUN is the folder of a run of texts that was exported with the graphs to compare. The sentences
are those of its validation split, in their own lengths. All contenders have the same encoded rows
and threads, and take turns; a figure is the median over the rounds.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from mlops_cli import config as configs
from mlops_cli import data, models, project
from mlops_cli.reporting import SilentReporter
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.runtime import Predictor
from mlops_cli.serving.timing import spread
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tracking.record import Run

BATCH, PADDED = 32, 128
SINGLES, GROUPED, TUTORIAL = 100, 512, 4
"""Sentences of a round: one at a time, in batches, padded."""
COLUMNS = ("batch 1", f"batch {BATCH} grouped", f"batch 1 padded {PADDED}")

Inputs = dict[str, Any]
Found = dict[str, dict[str, list[float]]]
"""Milliseconds by contender and column, one a round."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    run = Run(options.run.resolve())
    torch.set_num_threads(options.threads)
    network, task = models.load(run.model)
    rows = _rows(run, task)
    bundle = bundles.load(run.bundle)
    singles, grouped = spread(rows, SINGLES), spread(rows, GROUPED)
    order = np.argsort(task.encoder.sizes(grouped), kind="stable")
    batches = [
        task.encoder.collate([grouped[i] for i in order[start : start + BATCH]])
        for start in range(0, len(order), BATCH)
    ]
    ones = [task.encoder.collate([row]) for row in singles]
    assert isinstance(task.encoder, TextEncoder)
    padded = [_pad(one, task.encoder.pad_id) for one in ones[:TUTORIAL]]
    work: dict[str, list[Work]] = {}
    bare = {"torch eager": _torch(network)}
    for name in bundle.graphs:
        bare[f"onnxruntime {name}"] = _session(bundle.graph_file(name), options.threads)
    for name, answer in bare.items():
        work[name] = [
            Work(partial(_each, answer, ones), len(ones)),
            Work(partial(_each, answer, batches), len(grouped)),
            Work(partial(_each, answer, padded), len(padded)),
        ]
    for name in bundle.graphs:
        predictor = Predictor(bundle, threads=options.threads, graph=name)
        alone = partial(_each, partial(predictor.outputs, {}), [[row] for row in singles])
        together = partial(predictor.outputs, {}, grouped, batch_size=BATCH)
        work[f"mlops {name}"] = [Work(alone, len(singles)), Work(together, len(grouped))]
    found: Found = {name: {column: [] for column in COLUMNS} for name in work}
    for number in range(options.rounds + 1):
        for name, parts in work.items():
            for column, part in zip(COLUMNS, parts, strict=False):
                seconds = part.seconds()
                if number:  # The first round warms up.
                    found[name][column].append(1e3 * seconds)
    _show(found, bundle.preferred, options.json)


@dataclass(frozen=True)
class Work:
    """So many sentences to answer."""

    run: Callable[[], object]
    sentences: int

    def seconds(self) -> float:
        """Seconds a sentence."""
        began = time.perf_counter()
        self.run()
        return (time.perf_counter() - began) / self.sentences


def _each(answer: Callable[[Any], object], inputs: list[Any]) -> None:
    for one in inputs:
        answer(one)


def _rows(run: Run, task: Any) -> Any:
    """The encoded validation split."""
    root = project.find_root(run.path)
    config = configs.load_for_run(run.config_text(), [], root=root)
    splits = data.load(config.data, config.seed, SilentReporter())
    assert splits.validation is not None
    return task.encoder.encode(splits.validation.inputs)


def _torch(network: torch.nn.Module) -> Callable[[Inputs], Any]:
    def run_one(inputs: Inputs) -> Any:
        with torch.inference_mode():
            return network(**{name: torch.from_numpy(part) for name, part in inputs.items()})

    return run_one


def _session(file: Path, threads: int) -> Callable[[Inputs], Any]:
    """Onnxruntime as a person would use it: its defaults, and these threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["logits"], inputs)


def _pad(inputs: Inputs, pad_id: int) -> Inputs:
    """One row filled up as a tutorial does."""
    fill = {"input_ids": pad_id}
    return {
        name: np.pad(part, ((0, 0), (0, PADDED - part.shape[1])), constant_values=fill.get(name, 0))
        for name, part in inputs.items()
    }


def _show(found: Found, preferred: str, file: Path | None) -> None:
    """The table, and the ratios: each within a round, their median over the rounds."""
    table = {
        name: {column: round(median(times), 3) for column, times in columns.items() if times}
        for name, columns in found.items()
    }
    print(f"{'ms a sentence':24}", *(f"{column:>20}" for column in COLUMNS))
    for name, columns in table.items():
        print(f"{name:24}", *(f"{columns.get(column, float('nan')):20.3f}" for column in COLUMNS))
    ours = found[f"mlops {preferred}"]
    tutorial = found["torch eager"][COLUMNS[2]]
    peers = [columns for name, columns in found.items() if name.startswith("onnxruntime")]
    ratios = {}
    for column in COLUMNS[:2]:
        best = min((one[column] for one in peers), key=median)
        ratios[f"ours / best onnxruntime, {column}"] = _ratio(ours[column], best)
        ratios[f"tutorial / ours, {column}"] = _ratio(tutorial, ours[column])
    print(f"\nours is the graph that the bundle prefers: {preferred}")
    for name, value in ratios.items():
        print(f"{name:44} {value:6.2f}")
    if file:
        file.write_text(json.dumps({"ms": table, "ratios": ratios, "preferred": preferred}))


def _ratio(first: list[float], second: list[float]) -> float:
    return round(median(a / b for a, b in zip(first, second, strict=True)), 3)


if __name__ == "__main__":
    main()
