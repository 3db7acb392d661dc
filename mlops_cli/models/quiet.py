"""Loading and saving checkpoints without the library's bars and reports."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from mlops_cli.errors import DataError


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No report of a new head, no bars: our own lines say what matters."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Lets a model that we saved be loaded, quietly.

    Raises:
        DataError: The folder lacks a file, or one of its files is damaged.
    """
    try:
        if not isinstance(json.loads((folder / "config.json").read_text("utf-8")), dict):
            raise ValueError("config.json holds no settings")
        with quiet_transformers():
            yield
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        if isinstance(error, RuntimeError):  # Says no more than that shapes differ.
            reason = "its weights don't fit its config.json"
        raise DataError(
            f"the model in {folder} is damaged: {reason}", hint="train it again: mlops train"
        ) from error
