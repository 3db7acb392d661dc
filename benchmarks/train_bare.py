"""The least that fine-tuning needs before its first step, as a script: the fixed cost's measure.

    python benchmarks/train_bare.py DATA.csv TEXT_COLUMN LABEL_COLUMN CHECKPOINT THREADS

Prints the time (seconds since the epoch) after the first optimiser step, as JSON.
"""

import csv
import json
import sys
import time
from pathlib import Path

import torch
from pytorch_lightning import Trainer
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging as transformers_logging


def main(data: str, text: str, label: str, checkpoint: str, threads: str) -> None:
    """Reads everything, encodes everything, trains one batch."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(int(threads))
    # What the product trains with; here it only costs its import.
    assert Trainer.__name__
    with Path(data).open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    names = sorted({line[label] for line in table})
    tokenizer = Tokenizer.from_file(str(Path(checkpoint, "tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    rows = [
        encoding.ids for encoding in tokenizer.encode_batch_fast([line[text] for line in table])
    ]
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, num_labels=len(names), dtype=torch.float32
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    width = max(len(row) for row in rows[:32])
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows[:32]])
    labels = torch.tensor([names.index(line[label]) for line in table[:32]])
    model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss.backward()
    optimizer.step()
    print(json.dumps({"first_step": time.time()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
