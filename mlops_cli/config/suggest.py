"""What was probably meant: the nearest key or choice, and the names other tools use."""

from collections.abc import Iterable
from difflib import get_close_matches

SYNONYMS = {
    "accumulate_grad_batches": "trainer.accumulate",
    "arch": "model",
    "architecture": "model",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bs": "batch_size",
    "ckpt": "model.checkpoint",
    "clip": "trainer.gradient_clip",
    "class_weight": "trainer.class_weights",
    "csv": "data.path",
    "d_model": "model.hidden_size",
    "dataset": "data",
    "datasets": "data",
    "device": "trainer.accelerator",
    "early_stopping": "trainer.patience",
    "early_stopping_patience": "trainer.patience",
    "file": "data.path",
    "gpus": "trainer.devices",
    "grad_clip": "trainer.gradient_clip",
    "gradient_accumulation_steps": "trainer.accumulate",
    "gradient_clip_val": "trainer.gradient_clip",
    "hidden_dim": "model.hidden_size",
    "input_column": "data.text",
    "label_column": "data.label",
    "learning_rate": "lr",
    "learningrate": "lr",
    "log": "tracker",
    "logger": "tracker",
    "loss_weights": "trainer.class_weights",
    "lr_scheduler": "trainer.schedule",
    "lr_scheduler_type": "trainer.schedule",
    "max_epochs": "epochs",
    "max_grad_norm": "trainer.gradient_clip",
    "max_len": "model.max_length",
    "max_seq_length": "model.max_length",
    "max_train_samples": "data.limit",
    "maxlen": "model.max_length",
    "metric": "trainer.monitor",
    "metric_for_best_model": "trainer.monitor",
    "n_epochs": "epochs",
    "n_heads": "model.heads",
    "n_layers": "model.layers",
    "net": "model",
    "network": "model",
    "num_attention_heads": "model.heads",
    "num_epochs": "epochs",
    "num_heads": "model.heads",
    "num_hidden_layers": "model.layers",
    "num_layers": "model.layers",
    "num_threads": "trainer.threads",
    "num_train_epochs": "epochs",
    "per_device_eval_batch_size": "trainer.eval_batch_size",
    "per_device_train_batch_size": "batch_size",
    "pretrained_model_name_or_path": "model.checkpoint",
    "random_seed": "seed",
    "random_state": "seed",
    "rate": "lr",
    "scheduler": "trainer.schedule",
    "sequence_length": "model.max_length",
    "target": "data.label",
    "target_column": "data.label",
    "text_column": "data.text",
    "threshold": "gates",
    "thresholds": "gates",
    "train_batch_size": "batch_size",
    "train_file": "data.path",
    "val_fraction": "data.validation_fraction",
    "val_size": "data.validation_fraction",
    "wandb_project": "tracker.project",
    "warmup_proportion": "trainer.warmup",
    "warmup_ratio": "trainer.warmup",
    "warmup_steps": "trainer.warmup",
    "wd": "trainer.weight_decay",
}
"""Names that other tools use, and ours."""


FOREIGN = ("optimizer", "optim")
"""Names of other tools for what is no setting here, however near one of ours may sound."""


def plain_name(word: str) -> str:
    """A name without the differences that people don't mean."""
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def nearest(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The name nearest to `word`, or None when none is near."""
    by_plain = {plain_name(name): name for name in names}
    wanted = plain_name(word)
    if wanted in by_plain:
        return by_plain[wanted]
    matches = get_close_matches(wanted, by_plain, n=1, cutoff=cutoff)
    return by_plain[matches[0]] if matches else None


def nearest_key(word: str, keys: Iterable[str]) -> str | None:
    """The full key that `word` (typed without or with the wrong group) stands for.

    Args:
        word: What was typed, such as `learning_rate` or `trainer.lr`.
        keys: All full keys that exist: `lr`, `model`, `model.layers`.
    """
    known = list(keys)
    whole = {plain_name(key): key for key in known}
    wanted = plain_name(word)
    if wanted in whole:
        return whole[wanted]
    leaf = wanted.rpartition(".")[2]
    if leaf in FOREIGN:
        return None
    if wanted.removesuffix("s") in whole:
        return whole[wanted.removesuffix("s")]
    for name in (wanted, leaf):
        if SYNONYMS.get(name) in known:
            return SYNONYMS[name]
    if leaf in whole:
        return whole[leaf]
    ends = [key for key in known if key.rpartition(".")[2] == leaf]
    if ends:
        return ends[0]
    return _near(wanted, leaf, known)


def _near(wanted: str, leaf: str, known: list[str]) -> str | None:
    """The nearest key of the same group, then of those at the root, then of all."""
    group = wanted.rpartition(".")[0]
    same = [key for key in known if key.rpartition(".")[0] == group]
    near = nearest(wanted, same)
    if near is None and group:
        near = nearest(leaf, [key for key in known if "." not in key], cutoff=0.75)
    if near is None:
        leaves = {key.rpartition(".")[2]: key for key in known}
        found = nearest(leaf, leaves, cutoff=0.75)
        near = leaves[found] if found else None
    return near or nearest(wanted, known)


def choices_hint(group: str, word: str, names: Iterable[str]) -> str:
    """Names the nearest choice of a group, or lists them."""
    listed = list(names)
    near = nearest(word, listed)
    if near:
        return f"did you mean {group}={near}?"
    return f"choices of {group}: {', '.join(listed)}" if listed else f"{group} has no choices yet"
