"""Checks by models: can they tell the tables apart, and do labels still follow from the rest?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.data.drift import classifier, concept, features, text
from mlops_cli.data.drift.comparison import Comparison, Distinct, joined
from mlops_cli.data.drift.families import families
from mlops_cli.data.drift.features import Learner
from mlops_cli.data.drift.profile import category
from mlops_cli.data.drift.sides import Values
from mlops_cli.schemas.drift import DriftCheck

_CELLS = 2_000_000
"""Values of all rows together that a model of a table sees."""


def of_text(comparison: Comparison, column: str) -> list[DriftCheck]:
    """Words, scripts, the domain classifier and the label given the text, each text once."""
    places = [_first_places(values) for values in comparison.of(column)]
    reference, current = (list(place) for place in places)
    config, seed = comparison.config, comparison.seed
    if min(len(reference), len(current)) < config.min_rows:
        comparison.notes.append(
            f"too few different texts in {column} to compare more than their length"
        )
        return []
    texts = features.cut([*reference, *current])
    learner = features.of_texts(texts, seed)
    family = families(texts).tolist()
    split = classifier.domains(
        family[: len(reference)], family[len(reference) :], config.folds, seed
    )
    found = [
        text.unknown_words(column, reference, current, floor=config.min_share, seed=seed),
        text.scripts(column, reference, current, floor=config.min_distance),
        classifier.check(
            column, learner, split, floor=config.min_auc, reporter=comparison.reporter
        ),
    ]
    if comparison.label is not None:
        pair = comparison.of(comparison.label)
        labels = np.concatenate(
            [values[list(place.values())] for values, place in zip(pair, places, strict=True)]
        )
        found.append(_concept(comparison, learner, labels, split))
    return [check for check in found if check is not None]


def of_table(comparison: Comparison, rows: Distinct) -> list[DriftCheck]:
    """The domain classifier of all columns but texts and the label, and the label given them."""
    columns = [
        column
        for column, role in comparison.roles.items()
        if role != "text" and column != comparison.label
    ]
    if len(columns) < 2:
        return []
    config, seed = comparison.config, comparison.seed
    first, second = (
        contents.tolist()
        for contents in rows.contents
        or (np.arange(len(rows.kept[0])), ~np.arange(len(rows.kept[1])))
    )
    split = classifier.domains(first, second, config.folds, seed)
    most = max(1000, _CELLS // len(columns))
    picked = np.arange(len(split.labels))
    if len(picked) > most:
        picked = np.sort(np.random.default_rng(seed).choice(picked, most, replace=False))
    split = split.part(picked)
    learner = features.of_columns(
        {column: joined(comparison, column, rows)[picked] for column in columns}, seed
    )
    found = [
        classifier.check(
            classifier.ALL, learner, split, floor=config.min_auc, reporter=comparison.reporter
        )
    ]
    if comparison.label is not None and "text" not in comparison.roles.values():
        labels = joined(comparison, comparison.label, rows)[picked]
        check = _concept(comparison, learner, labels, split)
        found += [check] if check else []
    return found


def _concept(
    comparison: Comparison, learner: Learner, labels: Values, split: classifier.Domains
) -> DriftCheck | None:
    """The check of labels given the rest; None where they can't be learnt or compared."""
    label = comparison.label
    if label is None or comparison.roles.get(label) != "categorical":
        return None
    names: NDArray[Any] = np.array([_name(value) for value in labels], dtype=object)
    there = np.flatnonzero([name is not None for name in names])
    sides = [set(names[there][split.labels[there] == side].tolist()) for side in (0, 1)]
    counts = np.bincount(split.labels[there], minlength=2)
    few = counts.min() < comparison.config.min_rows
    if few or not sides[0] & sides[1] or not 2 <= len(sides[0]) <= concept.MOST_LABELS:
        return None
    return concept.check(
        label,
        learner.part(there),
        names[there].astype(str),
        split.part(there),
        floor=comparison.config.min_share,
        reporter=comparison.reporter,
    )


def _name(value: Any) -> str | None:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return None if missing else category(value)


def _first_places(values: Values) -> dict[str, int]:
    """Where each text occurs first."""
    places: dict[str, int] = {}
    for place, value in enumerate(values):
        if value is not None:
            places.setdefault(value, place)
    return places
