"""The package as pip leaves it: with its bytecode.

A checkout has none until it is imported, and where `PYTHONDONTWRITEBYTECODE` is set, never: then
every start of ours would be measured with the compiler's work, and no start of a peer's.
"""

import compileall
import os
from functools import cache
from pathlib import Path

import mlops_cli


def environment() -> dict[str, str]:
    """Ours as it is now, for processes that are measured; the package has been compiled."""
    _compile()
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@cache
def _compile() -> None:
    compileall.compile_dir(str(Path(mlops_cli.__file__).parent), quiet=1)
