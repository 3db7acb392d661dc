"""Optional extras: one sentence and the pip command when a package is not installed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mlops_cli.errors import MissingDependencyError


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Turns a failing import of a package we don't ship in the base install into its remedy.

    Args:
        name: The extra that brings the package.
        purpose: What needs it, to begin the sentence: "mlops train".
    """
    # torch reads it when it is imported; its warnings are about what users can't change.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in ("", "mlops_cli"):
            raise
        raise MissingDependencyError(
            f"{purpose} needs the package {missing}, which the extra '{name}' brings",
            hint=f"pip install 'mlops-cli[{name}]'",
        ) from error
