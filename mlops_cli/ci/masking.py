"""What must not be shown: secrets that steps are given, or that they name themselves."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "***"


class Masks:
    """Values that are struck out of everything that is told."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Strikes out a value from now on, and each line of one that has several."""
        self._values |= {part.strip() for part in (value, *value.splitlines()) if part.strip()}

    def over(self, text: str) -> str:
        """A text without them."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text


class Given(Mapping[str, Any]):
    """Secrets or variables of the repository: those that the environment has under their names.

    Args:
        masks: Is told each value that is asked for; None where they are no secrets.
    """

    def __init__(self, masks: Masks | None = None) -> None:
        self._masks = masks

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> str:
        value = os.environ.get(name, "")
        if value and self._masks is not None:
            self._masks.add(value)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
