"""Rules that choose the rows of later splits: by hash, by group, by time.

Each takes the rows and the shares that are wanted of them, and gives the positions of each part
(`train` too). A position that is in no part is left out of all of them.
"""

import hashlib
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from mlops_cli.data.examples import Examples
from mlops_cli.errors import DataError
from mlops_cli.schemas.data import DataConfig
from mlops_cli.wording import counted

Parts = dict[str, list[int]]
"""Positions of the rows of each part."""

_UNITS = {"table": "row", "image": "image"}
"""What rows that are no texts are called."""


def unit_of(config: DataConfig) -> str:
    """What a row is called where rows are counted."""
    return _UNITS.get(config.inputs, "text")


def too_few(there: int, unit: str, count: int, name: str) -> DataError:
    """Says that so few different rows leave none for a split."""
    rows = counted(there, f"different {unit} is", f"different {unit}s are")
    return DataError(
        f"{rows} too few to split off {count} for {name}",
        hint=f"add rows, or name a file of its own: data.{name}_path=FILE",
    )


def by_hash(examples: Examples, wanted: Mapping[str, float], seed: int) -> Parts:
    """Each row where the hash of its own key puts it, whatever other rows there are.

    The key is the row's group, or its text where there are no groups. SHA-256 of seed and key
    gives a number from 0 to 1: the test part lies below its share, the validation part above 1
    less its share, so that changing one share moves no row of the other.

    Args:
        examples: The rows.
        wanted: Share of each part but train.
        seed: Another seed gives another split.
    """
    keys: list[tuple[str, ...]] = [(value,) for value in examples.by] or examples.keys()
    places = {key: _place(seed, key) for key in set(keys)}
    parts: Parts = {name: [] for name in ("train", *wanted)}
    for row, key in enumerate(keys):
        place = places[key]
        if place < wanted.get("test", 0):
            parts["test"].append(row)
        elif place >= 1 - wanted.get("validation", 0):
            parts["validation"].append(row)
        else:
            parts["train"].append(row)
    return parts


def _place(seed: int, key: Sequence[str]) -> float:
    content = json.dumps([seed, *key], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64


def by_group(examples: Examples, wanted: Mapping[str, float], seed: int) -> Parts:
    """Whole groups to each part, so that sizes and class shares come as near as they can.

    Groups that share a text count as one. Beginning with the largest, each goes where it adds
    least to the chi-squared distance between the class counts of the parts and those wanted.
    A part that would get none takes the smallest group that another part can spare.

    Args:
        examples: The rows with their groups.
        wanted: Share of each part but train.
        seed: Decides between groups of one size.
    """
    groups = list(_joined(examples))
    random.Random(f"group {seed}").shuffle(groups)
    groups.sort(key=len, reverse=True)
    shares = {"train": 1 - sum(wanted.values()), **wanted}
    total = Counter(examples.targets)
    counts: dict[str, Counter[str]] = {name: Counter() for name in shares}
    chosen: dict[str, list[list[int]]] = {name: [] for name in shares}

    def added(name: str, classes: Counter[str]) -> float:
        """By how much the distance grows; less than 0 where it shrinks."""
        return math.fsum(
            count
            * (2 * (counts[name][label] - shares[name] * total[label]) + count)
            / (shares[name] * total[label])
            for label, count in sorted(classes.items())
        )

    for rows in groups:
        classes = Counter(examples.targets[row] for row in rows)
        best = min(shares, key=lambda name: added(name, classes))
        counts[best] += classes
        chosen[best].append(rows)
    for name in shares:
        spare = [part for part in chosen if len(chosen[part]) > 1]
        if not chosen[name] and spare:
            # The last of each are its smallest.
            giver = min(spare, key=lambda part: len(chosen[part][-1]))
            chosen[name].append(chosen[giver].pop())
    return {name: [row for rows in chosen[name] for row in rows] for name in chosen}


def _joined(examples: Examples) -> Iterator[list[int]]:
    """The rows of each group, groups with a text in common put together, in the rows' order."""
    parent = list(range(len(examples)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[tuple[str, ...], int] = {}
    for row, text in enumerate(examples.keys()):
        for key in (("group", examples.by[row]), ("text", *text)):
            parent[root(row)] = root(first.setdefault(key, row))
    groups: dict[int, list[int]] = defaultdict(list)
    for row in range(len(examples)):
        groups[root(row)].append(row)
    yield from groups.values()


def by_time(examples: Examples, wanted: Mapping[str, float], column: str) -> Parts:
    """The earliest rows to train, the latest to test, rows of one time never apart.

    A later row whose text an earlier part has is left out: it would be learnt and then asked.

    Args:
        examples: The rows with their times.
        wanted: Share of each part but train.
        column: The column of the time, for messages.

    Raises:
        DataError: A value is no time, or there are too few different times.
    """
    times = _times(examples, column)
    order = sorted(range(len(times)), key=lambda row: (times[row], row))
    starts = [at for at in range(1, len(order)) if times[order[at]] > times[order[at - 1]]]
    names = [name for name in ("validation", "test") if name in wanted]
    if len(starts) < len(names):
        raise DataError(
            f"column {column!r} has {len(starts) + 1} different times, too few for "
            f"{len(names) + 1} parts",
            hint="another column? data.split_by=COLUMN",
        )
    edges, remaining = [len(order)], len(order)
    for left, name in reversed(list(enumerate(names))):
        # Every part before this one needs an edge of its own.
        candidates = [at for at in starts[left:] if at < edges[0]]
        remaining -= round(wanted[name] * len(order))
        edges.insert(0, min(candidates, key=lambda at: (abs(at - remaining), at)))
    parts: Parts = {"train": order[: edges[0]]}
    texts = examples.keys()
    seen = {texts[row] for row in parts["train"]}
    for name, (start, end) in zip(names, pairwise(edges), strict=True):
        parts[name] = [row for row in order[start:end] if texts[row] not in seen]
        seen.update(texts[row] for row in parts[name])
    return parts


def _times(examples: Examples, column: str) -> Sequence[float]:
    """The value of each row as a number: of seconds since 1970, or as it is."""
    numbers = [_number(value) for value in examples.by]
    if None not in numbers:
        return [number for number in numbers if number is not None]
    times = []
    for row, value in enumerate(examples.by):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError as error:
            number = examples.numbers[row] if examples.numbers else row + 1
            raise DataError(
                f"row {number}: {value!r} in column {column!r} is no time",
                hint="a time looks like 2026-01-31 or 2026-01-31T09:30:00Z, or is a number "
                "in every row",
            ) from error
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        times.append(zoned.timestamp())
    return times


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
