"""Sweeps and search spaces: words with several values, in Hydra's grammar."""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    QuotedString,
    RangeSweep,
)
from hydra.core.override_parser.types import Override as HydraOverride
from hydra.errors import HydraException

from mlops_cli.config.keys import GROUPS
from mlops_cli.config.overrides import Override, parse, quoted, sweep_values
from mlops_cli.config.suggest import nearest
from mlops_cli.config.tree import Tree
from mlops_cli.errors import ConfigError

_EXAMPLES = "sweeps: lr=1e-5,3e-5 seed='range(3)' model='choice(tiny,bert)' model='glob(bert*)'"
_SPANS = (
    "search spaces: lr='interval(1e-5,1e-3)' model.layers='range(1,5)' model='choice(tiny,bert)'"
)
_TAGS = ("log", "linear", "int", "float")
_MOST_VALUES = 10_000
_DECADES = 2
"""An interval at least so wide is searched on a logarithmic scale, unless tagged `linear`."""


@dataclass(frozen=True)
class Choices:
    """A key with some values.

    Attributes:
        key: What is set.
        values: Each as it follows the `=`.
    """

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """A number between two others, both of which may be taken.

    Attributes:
        key: What is set.
        low: The least value.
        high: The largest value.
        step: Between neighbouring values; None for any number between.
        log: Searched on a logarithmic scale.
        log_guessed: `log` was not asked for; the bounds are decades apart.
        whole: Whole numbers alone.
    """

    key: str
    low: float
    high: float
    step: float | None = None
    log: bool = False
    log_guessed: bool = False
    whole: bool = False


Axis = Choices | Span


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that set one value, and those that ask for several."""
    swept = [word for word in words if _sweeps(parse(word))]
    return [word for word in words if word not in swept], swept


def _sweeps(word: Override) -> bool:
    if word.group == "gates" and word.name:  # a gate's condition is text
        return False
    return bool(word.value) and sweep_values(word.value or "")


def grid_axes(words: Iterable[str], tree: Tree) -> list[Choices]:
    """The values of each word, for a grid.

    Raises:
        ConfigError: A word can't be read, has no end of values, or none.
    """
    axes = []
    for word in words:
        read = _read(word)
        value = read.value()
        if isinstance(value, IntervalSweep):
            raise ConfigError(
                f"{word!r} has no end of values",
                hint=f"search it: mlops tune '{word}', or name values: {read.key_or_group}=A,B",
            )
        axes.append(Choices(read.key_or_group, _values(read, word, tree)))
    _refuse_twice(axes)
    return axes


def search_axes(words: Iterable[str], tree: Tree, whole: Iterable[str]) -> list[Axis]:
    """The search space that the words describe.

    Args:
        words: Such as `lr=interval(1e-5,1e-3)`.
        tree: Where a glob looks for choices.
        whole: The keys that take whole numbers alone.

    Raises:
        ConfigError: A word can't be read, or its bounds are the wrong way round.
    """
    integers = set(whole)
    axes: list[Axis] = []
    for word in words:
        read = _read(word)
        key, value = read.key_or_group, read.value()
        if isinstance(value, IntervalSweep):
            axes.append(_interval(word, key, value, key in integers))
        elif isinstance(value, RangeSweep):
            axes.append(_range(word, key, value))
        else:
            axes.append(Choices(key, _values(read, word, tree)))
    _refuse_twice(axes)
    return axes


def combinations(axes: Sequence[Choices]) -> Iterator[tuple[str, ...]]:
    """The words of each point of the grid; the last axis changes fastest."""
    words = [[f"{axis.key}={value}" for value in axis.values] for axis in axes]
    return product(*words)


def _read(word: str) -> HydraOverride:
    try:
        (read,) = OverridesParser.create().parse_overrides([word])
    except HydraException as error:
        interval = "interval" in word or "range" in word
        raise ConfigError(f"can't read {word!r}", hint=_SPANS if interval else _EXAMPLES) from error
    tags: set[Any] = getattr(read.value(), "tags", set())
    for tag in sorted(map(str, tags)):
        if tag not in _TAGS:
            near = nearest(tag, _TAGS)
            raise ConfigError(
                f"{word!r}: there is no tag {tag!r}",
                hint=f"did you mean {near}?" if near else f"tags: {', '.join(_TAGS)}",
            )
    return read


def _values(read: HydraOverride, word: str, tree: Tree) -> tuple[str, ...]:
    """Each value as it follows the `=`, without repetition."""
    value: Any = read.value()
    if isinstance(value, Glob):
        names = list(tree.choices(read.key_or_group))
        found: list[Any] = list(value.filter(names))
        if not found:
            raise ConfigError(
                f"{word!r}: no choice of {read.key_or_group} fits",
                hint=f"choices: {', '.join(names)}" if names else f"groups: {', '.join(GROUPS)}",
            )
    elif isinstance(value, RangeSweep):
        _check_length(word, value)
        found = _steps(value)
    else:
        assert isinstance(value, ChoiceSweep)
        found = list(value.list)
    if getattr(value, "shuffle", False):
        random.Random(word).shuffle(found)  # the same order at each start
    if not found:
        raise ConfigError(f"{word!r} has no values", hint=_EXAMPLES)
    return tuple(dict.fromkeys(_text(item) for item in found))


def _check_length(word: str, value: RangeSweep) -> None:
    start, stop, step = (float(bound or 0) for bound in (value.start, value.stop, value.step))
    if step == 0:
        raise ConfigError(f"{word!r}: the step is 0", hint=_EXAMPLES)
    if (stop - start) / step > _MOST_VALUES:
        raise ConfigError(
            f"{word!r} has more than {_MOST_VALUES:,} values", hint="take a larger step"
        )


def _steps(value: RangeSweep) -> list[Any]:
    """The values of a range, its end left out.

    Fractions count as they are written: three steps of 0.1 are 0.3, where Hydra adds up binary
    numbers.
    """
    bounds = (value.start or 0, value.stop or 0, value.step)
    if all(isinstance(bound, int) for bound in bounds):
        return list(range(*map(int, bounds)))
    start, stop, step = (Decimal(repr(bound)) for bound in bounds)
    count = math.ceil((stop - start) / step)
    return [float(start + number * step) for number in range(count)]


def _text(item: Any) -> str:
    if isinstance(item, str):
        plain = item and all(sign.isalnum() or sign in "_./-" for sign in item)
        return item if plain else quoted(item)
    if isinstance(item, QuotedString):
        return item.with_quotes()
    return "true" if item is True else "false" if item is False else _structured(item)


def _structured(item: Any) -> str:
    if isinstance(item, list):
        return "[" + ",".join(_text(part) for part in item) + "]"
    if isinstance(item, dict):
        return "{" + ",".join(f"{name}:{_text(part)}" for name, part in item.items()) + "}"
    return "null" if item is None else repr(item)


def _interval(word: str, key: str, value: IntervalSweep, whole: bool) -> Span:
    low, high = float(value.start or 0), float(value.end or 0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ConfigError(f"{word!r}: the bounds must be finite numbers", hint=_SPANS)
    if low >= high:
        swapped = f"interval({_number(high)},{_number(low)})"
        raise ConfigError(
            f"{word!r}: the lower bound must be less than the upper one",
            hint=f"did you mean {key}='{swapped}'?" if low > high else f"{key}={_number(low)}",
        )
    wide = low > 0 and high / low >= 10**_DECADES
    if "log" in value.tags and low <= 0:
        raise ConfigError(
            f"{word!r}: a logarithmic scale begins above 0",
            hint=f"{key}='tag(log,interval({_number(high / 1000)},{_number(high)}))'",
        )
    guessed = wide and not value.tags & {"log", "linear"}
    whole = "int" in value.tags or (whole and "float" not in value.tags)
    if whole and not (low.is_integer() and high.is_integer()):
        raise ConfigError(
            f"{word!r}: {key} takes whole numbers",
            hint=f"{key}='interval({math.ceil(low)},{math.floor(high)})'",
        )
    return Span(
        key,
        low,
        high,
        step=1 if whole else None,
        log="log" in value.tags or guessed,
        log_guessed=guessed,
        whole=whole,
    )


def _range(word: str, key: str, value: RangeSweep) -> Axis:
    """A range as Hydra reads it: its end is left out."""
    _check_length(word, value)
    found = sorted(_steps(value))
    if not found:
        raise ConfigError(
            f"{word!r} has no values: a range ends before its second number",
            hint=_SPANS,
        )
    if len(found) == 1:
        return Choices(key, (_text(found[0]),))
    whole = all(isinstance(item, int) for item in found)
    log = "log" in value.tags
    if log and found[0] <= 0:
        raise ConfigError(f"{word!r}: a logarithmic scale begins above 0", hint=_SPANS)
    if log and not (whole and abs(value.step) == 1):
        raise ConfigError(
            f"{word!r}: a logarithmic scale has no step", hint=f"{key}='tag(log,interval(A,B))'"
        )
    step = abs(float(value.step))
    return Span(key, float(found[0]), float(found[-1]), step=step, log=log, whole=whole)


def _number(value: float) -> str:
    return f"{value:g}"


def _refuse_twice(axes: Sequence[Axis]) -> None:
    seen = set()
    for axis in axes:
        if axis.key in seen:
            raise ConfigError(f"{axis.key} is swept twice", hint="keep one of the two words")
        seen.add(axis.key)
