"""How each column is compared: as numbers, categories, text or label; or why not at all."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_cli.data.drift.sides import NUMERIC, Side, Values, present

_CATEGORIES = 50
"""Text with more different values than this may be prose or an identifier."""
_FEW = 20
"""Whole numbers with at most so many different values are categories."""
_ID_NAME = re.compile(r"(?:^|[_\W])(?:id|uuid|guid|key|index|idx|hash)$|[a-z]I[dD]$", re.IGNORECASE)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts that put no space between words: Thai, Lao, Khmer, Japanese, Chinese."""
_SURPRISING_COLLISIONS = 10
"""Values drawn at random would collide this often; where none does, they number the rows."""


@dataclass(frozen=True)
class Roles:
    """What becomes of the columns.

    Attributes:
        compared: numeric, categorical or text for each column that is compared.
        ignored: Why each other column is not.
    """

    compared: dict[str, str]
    ignored: dict[str, str]


def roles(
    reference: Side,
    current: Side,
    *,
    text: str | None,
    label: str | None,
    asked: Collection[str],
) -> Roles:
    """Decides by the samples of both tables, blind to which of them a value comes from.

    Args:
        reference: The one table.
        current: The other, of the same kinds.
        text: The column that is text whatever it looks like.
        label: The column that is never taken for an identifier or text.
        asked: Columns that were asked for by name: compared even when they are dates.
    """
    compared: dict[str, str] = {}
    ignored: dict[str, str] = {}
    for column in reference.sample:
        kind = reference.relation.kinds[column]
        values = [present(side.sample[column]) for side in (reference, current)]
        if column == text:
            compared[column] = "text"
            continue
        reason = _reason(column, kind, values, asked=column in asked or column == label)
        if reason:
            ignored[column] = reason
        else:
            compared[column] = _role(kind, values, is_label=column == label)
    return Roles(compared, ignored)


def _reason(column: str, kind: str, values: Sequence[Values], *, asked: bool) -> str:
    """Why a column is not compared; empty when it is."""
    both = np.concatenate(values)
    if not len(both):
        return "has no values in either table"
    if len(set(both.tolist())) == 1 and all(map(len, values)):
        # Missing values are still compared.
        return ""
    if asked:
        return ""
    if kind in ("date", "timestamp"):
        return "a time, which always moves on; --columns names it if it matters"
    if _is_id(column, kind, values):
        return "an identifier: different in every row"
    return ""


def _is_id(column: str, kind: str, values: Sequence[Values]) -> bool:
    sizes = [len(found) for found in values]
    unique = all(len(set(found.tolist())) >= 0.99 * len(found) for found in values)
    if min(sizes) < 20 or not unique:
        return False
    if kind == "text":
        return not _is_prose(np.concatenate(values))
    if kind != "integer":
        return False
    if _ID_NAME.search(column):
        return True
    # The birthday problem: random numbers from so small a range would have collided.
    return all(
        len(set(found.tolist())) == len(found)
        and len(found) ** 2 / (2 * (np.ptp(found) + 1)) > _SURPRISING_COLLISIONS
        for found in values
    )


def _role(kind: str, values: Sequence[Values], *, is_label: bool) -> str:
    both = np.concatenate(values)
    distinct = len(set(both.tolist()))
    if kind in NUMERIC:
        whole = kind in ("integer", "number") and bool(np.all(both == np.trunc(both)))
        return "categorical" if whole and distinct <= _FEW else "numeric"
    if kind == "text" and not is_label and distinct > _CATEGORIES and _is_prose(both):
        return "text"
    return "categorical"


def _is_prose(values: Values) -> bool:
    """Whether most values are several words, or of a script without spaces and long."""
    found = [str(value) for value in values[:2000]]
    spaced = sum(len(value.split()) >= 3 and _letters(value) for value in found)
    unspaced = sum(len(value) >= 8 and bool(_UNSPACED.search(value)) for value in found)
    return spaced + unspaced > len(found) / 2


def _letters(value: str) -> bool:
    return 2 * sum(map(str.isalpha, value)) > len(value)
