"""Keeps passwords and keys out of what is said and recorded."""

import os
import re

_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s'\"]+@")
_VARIABLES = (
    "WANDB_API_KEY",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
)


def without_secrets(text: str) -> str:
    """The text without user and password of addresses, and without the keys we know of."""
    text = _IN_ADDRESS.sub("", text)
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if len(value) > 3:
            text = text.replace(value, f"${name}")
    return text
