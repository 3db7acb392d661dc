"""The combinations of a matrix, as GitHub deals them."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_cli.ci.evaluation import Scope, Unknown, text_of
from mlops_cli.errors import ConfigError

_MOST = 256


def combinations(strategy: Mapping[str, Any], scope: Scope) -> list[dict[str, Any]] | Unknown:
    """Every combination of a job's matrix; one empty one where it has no matrix.

    Args:
        strategy: The job's `strategy`.
        scope: What its expressions are asked in.

    Returns:
        The combinations, or what they depend on that is not known here.

    Raises:
        ConfigError: It is no matrix, or has more than 256 combinations.
    """
    matrix = scope.whole(strategy.get("matrix"))
    if isinstance(matrix, Unknown) or matrix is None:
        return matrix or [{}]
    if not isinstance(matrix, Mapping):
        raise ConfigError(f"a matrix must be names with lists, and is {text_of(matrix)!r}")
    filled = {str(name): _filled(values, scope) for name, values in matrix.items()}
    unknown = next((one for one in filled.values() if isinstance(one, Unknown)), None)
    if unknown is not None:
        return unknown
    added, left_out = filled.pop("include", None) or [], filled.pop("exclude", None) or []
    for name, values in (*filled.items(), ("include", added), ("exclude", left_out)):
        if not isinstance(values, list):
            raise ConfigError(f"matrix.{name} must be a list, and is {text_of(values)!r}")
    base = [dict(zip(filled, values, strict=True)) for values in itertools.product(
        *filled.values())] if filled else []  # fmt: skip
    dealt = [one for one in base if not any(_within(part, one) for part in left_out)]
    found = _with(dealt, added)
    if len(found) > _MOST:
        raise ConfigError(f"a matrix of {len(found)} combinations: GitHub takes {_MOST}")
    return found


def _filled(values: Any, scope: Scope) -> Any:
    if isinstance(values, list):
        return [_filled(one, scope) for one in values]
    if isinstance(values, dict):
        return {str(name): _filled(one, scope) for name, one in values.items()}
    return scope.whole(values)


def _with(dealt: Sequence[dict[str, Any]], added: Sequence[Any]) -> list[dict[str, Any]]:
    """Adds `include`: to each combination that it contradicts nowhere, else as one more."""
    found = [dict(one) for one in dealt]
    more: list[dict[str, Any]] = []
    for part in added:
        if not isinstance(part, Mapping):
            raise ConfigError(f"matrix.include holds {text_of(part)!r}, which has no names")
        fits = [
            at for at, one in enumerate(dealt) if all(one.get(k, v) == v for k, v in part.items())
        ]
        for at in fits:
            found[at] |= part
        if not fits:
            more.append(dict(part))
    return found + more


def _within(part: Any, one: Mapping[str, Any]) -> bool:
    if not isinstance(part, Mapping):
        raise ConfigError(f"matrix.exclude holds {text_of(part)!r}, which has no names")
    return all(one.get(name) == value for name, value in part.items())


def chosen(combination: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether a combination has the values that were asked for, where it has such names."""
    return all(
        text_of(combination[name]) == value for name, value in wanted.items() if name in combination
    )
