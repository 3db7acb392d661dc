"""One way of training, timed in this process alone: `train.py` starts it anew for each round.

    python benchmarks/train_contender.py plain --data train.csv --text text --label label \
        --checkpoint DIR [--batch 32] [--threads 2] [--seed 0]

Trains a few steps to warm up, then one epoch, and prints that epoch's samples per second as JSON.
All contenders share data, tokens, batch size, AdamW, gradient clipping and learning rate.
"""

import argparse
import csv
import json
import logging
import math
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainerCallback,
)
from transformers.utils import logging as transformers_logging

PADDED = 128
WARM_UP = 5
LR = 5e-5

Row = dict[str, Any]
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Work:
    """What every contender is given: encoded rows, and how to begin."""

    checkpoint: Path
    tokenizer: PreTrainedTokenizerBase
    rows: list[Row]
    labels: int
    batch: int
    seed: int

    def model(self, attention: str | None = None) -> PreTrainedModel:
        """The checkpoint with a new head, in training mode."""
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            self.checkpoint,
            num_labels=self.labels,
            dtype=torch.float32,
            attn_implementation=attention,
        )
        model.train()
        return model


def read(options: argparse.Namespace) -> Work:
    """Reads and encodes the data; class ids by the order of the names."""
    with Path(options.data).open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    names = sorted({line[options.label] for line in table})
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    encoded = tokenizer([line[options.text] for line in table], truncation=True, max_length=PADDED)
    rows = [
        {name: encoded[name][number] for name in encoded}
        | {"labels": names.index(line[options.label])}
        for number, line in enumerate(table)
    ]
    return Work(Path(options.checkpoint), tokenizer, rows, len(names), options.batch, options.seed)


def tutorial(work: Work) -> float:
    """The way of most tutorials: Lightning, a DataLoader, everything padded to 128, fp32."""
    import pytorch_lightning as pl

    class Timer(pl.Callback):
        began = ended = 0.0

        def on_train_batch_end(self, *arguments: Any) -> None:
            self.ended = time.perf_counter()
            if arguments[-1] == WARM_UP - 1:
                self.began = self.ended

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = work.model()

        def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
            loss: torch.Tensor = self.model(**batch).loss
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=LR)

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    loader = torch.utils.data.DataLoader(
        cast("torch.utils.data.Dataset[Row]", work.rows),
        batch_size=work.batch,
        shuffle=True,
        collate_fn=lambda rows: dict(
            work.tokenizer.pad(rows, padding="max_length", max_length=PADDED, return_tensors="pt")
        ),
    )
    timer = Timer()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[timer],
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), loader)
    return (len(work.rows) - WARM_UP * work.batch) / (timer.ended - timer.began)


class EpochTimer(TrainerCallback):
    """Seconds from the beginning of the Hugging Face Trainer's epoch to its end."""

    began = seconds = 0.0

    def on_epoch_begin(self, *arguments: Any, **named: Any) -> None:
        """Starts the clock."""
        self.began = time.perf_counter()

    def on_epoch_end(self, *arguments: Any, **named: Any) -> None:
        """Stops the clock."""
        self.seconds = time.perf_counter() - self.began


def hf(work: Work, *, padding: str, sampling: str = "random", bf16: bool = False) -> float:
    """The Hugging Face Trainer, as its documentation has it."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    timer = EpochTimer()
    model = work.model()
    with tempfile.TemporaryDirectory() as folder:
        for steps in (WARM_UP, math.ceil(len(work.rows) / work.batch)):
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=work.batch,
                learning_rate=LR,
                train_sampling_strategy=sampling,
                bf16=bf16,
                use_cpu=True,
                seed=work.seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                max_steps=steps,
            )
            collator = DataCollatorWithPadding(work.tokenizer, padding=padding, max_length=PADDED)
            trainer = Trainer(
                model, arguments, collator, train_dataset=work.rows, callbacks=[timer]
            )
            trainer.train()
    return len(work.rows) / timer.seconds


def plain(work: Work, *, cheap_dropout: bool = False) -> float:
    """The best loop written by hand: batches made beforehand, nothing between the steps."""
    from mlops_cli.models.compact import CompactEmbedding
    from mlops_cli.models.dropout import replace_dropout

    # On a CPU the eager form trains faster than scaled_dot_product_attention.
    model = work.model(attention="eager")
    used = {token for row in work.rows for token in row["input_ids"]} | {
        int(work.tokenizer.pad_token_id)
    }
    full = cast("torch.nn.Embedding", model.get_input_embeddings())
    model.set_input_embeddings(CompactEmbedding(full, used))
    if cheap_dropout:
        replace_dropout(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    batches, bf16 = grouped(work), has_bf16()

    def train(some: list[Batch]) -> None:
        for batch in some:
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

    train(batches[:WARM_UP])
    began = time.perf_counter()
    train(batches)
    return len(work.rows) / (time.perf_counter() - began)


def grouped(work: Work) -> list[Batch]:
    """The very batches that `mlops train` makes of these rows and this seed."""
    from mlops_cli.training.loader import EpochOrder

    lengths = np.array([len(row["input_ids"]) for row in work.rows], dtype=np.int64)
    order = EpochOrder(lengths, work.batch, work.seed, group_by_length=True)
    return [
        dict(work.tokenizer.pad([work.rows[row] for row in batch], return_tensors="pt"))
        for batch in order.batches()
    ]


def has_bf16() -> bool:
    """Whether `mlops train` would take bf16 on this processor."""
    from mlops_cli.schemas.trainer import TrainerConfig
    from mlops_cli.training.hardware import precision

    return precision(TrainerConfig(), "cpu", 1024) == "bf16"


CONTENDERS: dict[str, Callable[[Work], float]] = {
    "tutorial": tutorial,
    "hf-padded": lambda work: hf(work, padding="max_length"),
    "hf-dynamic": lambda work: hf(work, padding="longest"),
    "hf-grouped": lambda work: hf(work, padding="longest", sampling="group_by_length"),
    "hf-grouped-bf16": lambda work: hf(
        work, padding="longest", sampling="group_by_length", bf16=True
    ),
    "plain": plain,
    "plain-dropout": lambda work: plain(work, cheap_dropout=True),
}


def main() -> None:
    """Runs one contender and prints its samples per second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--data", required=True, help="CSV file")
    parser.add_argument("--text", required=True, help="its text column")
    parser.add_argument("--label", required=True, help="its label column")
    parser.add_argument("--checkpoint", required=True, help="folder of a pretrained model")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    print(json.dumps({"samples_per_second": CONTENDERS[options.contender](read(options))}))


if __name__ == "__main__":
    main()
