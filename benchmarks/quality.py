"""Quality on real data: `mlops train … predict` beside HF Trainer with the same settings.

    python benchmarks/quality.py --train train.csv --validation validation.csv \
        --text sentence --label label [--checkpoint DIR] [--lr 1e-4] [--epochs 3] [--seeds 0 1 2] \
        [--metric mcc] [--peer] [KEY=VALUE ...]

Trains once a seed through the installed commands, exports, predicts the validation file, and
tells whether evaluate and predict agree. Without --checkpoint the tiny model is trained.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

BATCH, MAX_LENGTH = 32, 128


def mlops(folder: Path, *words: str) -> dict[str, Any]:
    """Runs a command of ours in `folder`; its JSON result."""
    command = [str(Path(sys.executable).with_name("mlops")), *words, "--json", "--quiet"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def product(options: argparse.Namespace, seed: int) -> dict[str, float]:
    """One seed through train, evaluate, export and predict, in a project of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "configs").mkdir()
        (folder / "configs/config.yaml").write_text("defaults: [base, _self_]\n")
        model = (
            ["model=pretrained", f"model.path={options.checkpoint}", f"lr={options.lr}"]
            if options.checkpoint
            else ["model=tiny"]
        )
        data = [
            "data=file",
            f"data.path={options.train.resolve()}",
            f"data.validation_path={options.validation.resolve()}",
            f"data.text={options.text}",
            f"data.label={options.label}",
            "data.test_fraction=0",
        ]
        settings = [f"epochs={options.epochs}", f"batch_size={BATCH}", f"seed={seed}"]
        began = time.perf_counter()
        run = mlops(folder, "train", *model, *data, *settings, *options.settings)["run"]
        seconds = time.perf_counter() - began
        evaluated = mlops(folder, "evaluate", run)
        exported = mlops(folder, "export", "--onnx", run)
        output = str(folder / "predicted.csv")
        held_out = str(options.validation.resolve())
        predicted = mlops(folder, "predict", "--file", held_out, "--output", output)
        return {
            "seconds": seconds,
            "evaluate": evaluated["metrics"][options.metric],
            "predict": predicted["metrics"][options.metric],
            "label_agreement": exported["label_agreement"],
            "max_logit_difference": exported["max_logit_difference"],
            "bag_of_words_accuracy": evaluated["baselines"]["bag_of_words"],
        }


def peer(options: argparse.Namespace, seed: int) -> dict[str, float]:
    """HF Trainer with the same model, data, optimiser settings and choice of the best epoch."""
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    from mlops_cli.tasks.heads.classification_metrics import classification_metrics, softmax

    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    tables = {part: read(path) for part, path in parts(options).items()}
    names = sorted({row[options.label] for row in tables["train"]})

    def encode(rows: list[dict[str, str]]) -> Dataset:
        texts = [row[options.text] for row in rows]
        encoded = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)
        labels = [names.index(row[options.label]) for row in rows]
        return Dataset.from_dict({**encoded, "labels": labels})

    def score(outcome: Any) -> dict[str, float]:
        probabilities = softmax(outcome.predictions.astype(np.float32))
        return classification_metrics(probabilities, outcome.label_ids.astype(np.int64), bins=15)

    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        options.checkpoint, num_labels=len(names), dtype=torch.float32
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=options.epochs,
                per_device_train_batch_size=BATCH,
                per_device_eval_batch_size=64,
                learning_rate=options.lr,
                weight_decay=0.01,
                warmup_steps=0.1,
                max_grad_norm=1.0,
                train_sampling_strategy="group_by_length",
                eval_strategy="epoch",
                save_strategy="no",
                use_cpu=True,
                seed=seed,
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=encode(tables["train"]),
            eval_dataset=encode(tables["validation"]),
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=score,
        )
        trainer.train()
        found = [
            entry[f"eval_{options.metric}"]
            for entry in trainer.state.log_history
            if f"eval_{options.metric}" in entry
        ]
    return {"evaluate": max(found)}


def parts(options: argparse.Namespace) -> dict[str, Path]:
    """The two files."""
    return {"train": options.train, "validation": options.validation}


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def main() -> None:
    """Trains every seed and prints a line for each, then the means, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-4, help="with --checkpoint")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--metric", default="mcc")
    parser.add_argument("--peer", action="store_true", help="train HF Trainer beside it")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.peer and not options.checkpoint:
        parser.error("--peer needs --checkpoint")
    ours, theirs = [], []
    for seed in options.seeds:
        ours.append(product(options, seed))
        print(json.dumps({"seed": seed, "mlops": ours[-1]}), flush=True)
        if options.peer:
            theirs.append(peer(options, seed))
            print(json.dumps({"seed": seed, "hf_trainer": theirs[-1]}), flush=True)
    summary = {"metric": options.metric, "mlops": mean(result["evaluate"] for result in ours)}
    if theirs:
        summary["hf_trainer"] = mean(result["evaluate"] for result in theirs)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
