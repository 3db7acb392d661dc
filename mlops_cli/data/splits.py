"""Splits that are missing taken off the training rows: seeded, without leakage."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from mlops_cli.data import split_rules
from mlops_cli.data.collecting import known_labels, labels_of
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.split_rules import Parts, too_few, unit_of
from mlops_cli.data.strata import bring_back, strata
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig
from mlops_cli.wording import counted

Classes = dict[str, list[int]]
"""Rows by their label."""


def complete(splits: Splits, config: DataConfig, seed: int, reporter: Reporter) -> Splits:
    """Adds the splits that the source left out, taken from its training rows.

    Rows with the same text stay on one side, so that no text is learnt and then asked. The same
    rows and seed give the same splits on every machine.

    Args:
        splits: What the source gave.
        config: Holds the method and the fractions.
        seed: Seed of the draw.
        reporter: Warned of classes too small to be split, and of rows that are left out.

    Raises:
        ConfigError: The fractions leave nothing to train on.
        DataError: There are too few rows, or the source has not what the method goes by.
    """
    wanted = missing(splits, config)
    if not wanted:
        if config.split != "stratified" and not splits.train.streamed:
            reporter.warn(
                f"data.split={config.split} has nothing to split: "
                "the source brings its own validation and test rows"
            )
        return splits
    if sum(wanted.values()) >= 1:
        raise ConfigError(
            f"data.validation_fraction and data.test_fraction add up to {sum(wanted.values()):g}",
            hint="they must leave rows to train on: less than 1 together",
        )
    if splits.train.streamed:
        # Brings pyarrow.
        from mlops_cli.data import mapped

        return mapped.complete(splits, wanted, config, seed, reporter)
    if config.split == "stratified":
        parts = _stratified(splits.train, config, wanted, seed, reporter)
        if config.targets in ("labels", "tags"):
            bring_back(splits.train, parts, config)
    else:
        parts = _by_rule(splits.train, wanted, config, seed, reporter)
    return replace(splits, **{name: splits.train.take(sorted(parts[name])) for name in parts})


def missing(splits: Splits, config: DataConfig) -> dict[str, float]:
    """The share of the training rows that each split takes which the source left out."""
    wanted: dict[str, float] = {}
    if splits.test is None and config.test_fraction > 0:
        wanted["test"] = config.test_fraction
    if splits.validation is None:
        wanted["validation"] = config.validation_fraction
    return wanted


def _stratified(
    examples: Examples, config: DataConfig, wanted: dict[str, float], seed: int, reporter: Reporter
) -> Parts:
    """Texts drawn at random, so that the strata of the rows keep their shares."""
    draw = random.Random(f"split {seed}")
    classes, repeats = _units(examples, strata(examples, config), draw)
    total = sum(map(len, classes.values()))
    unit = unit_of(config)
    _warn_of_singles(classes, unit, reporter)
    parts: Parts = {}
    for name, fraction in wanted.items():
        parts[name] = _draw(classes, max(1, round(fraction * total)), name, unit)
    parts["train"] = [row for units in classes.values() for row in units]
    return {
        name: list(chain(units, *(repeats.get(row, ()) for row in units)))
        for name, units in parts.items()
    }


def _by_rule(
    examples: Examples, wanted: dict[str, float], config: DataConfig, seed: int, reporter: Reporter
) -> Parts:
    """Rows chosen by one of `split_rules`, later rows of classes that train lacks left out."""
    column = config.split_by or ""
    if column and len(examples.by) != len(examples):
        raise DataError(
            f"the data source {config.name!r} gives no column {column!r} to split by",
            hint="a source of your own fills Examples.by; or data.split=stratified",
        )
    if config.split == "hash":
        parts = split_rules.by_hash(examples, wanted, seed)
    elif config.split == "group":
        parts = split_rules.by_group(examples, wanted, seed)
    else:
        parts = split_rules.by_time(examples, wanted, column)
        lost = len(examples) - sum(map(len, parts.values()))
        if lost:
            reporter.warn(f"{lost} later rows are left out: an earlier split has their text")
    for name, rows in parts.items():
        if not rows:
            raise DataError(
                f"data.split={config.split} leaves no rows for {name}",
                hint=f"add rows, or another way: data.split=stratified, data.{name}_path=FILE",
            )
    known = known_labels(examples.take(parts["train"]), config)
    kept = {
        name: [row for row in rows if known.issuperset(labels_of(examples.targets[row], config))]
        for name, rows in parts.items()
    }
    _tell_unknown(examples, parts, kept, reporter)
    return kept


def _tell_unknown(examples: Examples, parts: Parts, kept: Parts, reporter: Reporter) -> None:
    """Warns of classes that training doesn't see.

    Raises:
        DataError: They were all that a split had.
    """
    for name, rows in parts.items():
        lost = len(rows) - len(kept[name])
        if not kept[name]:
            raise DataError(
                f"the {name} rows have only labels that no training row has",
                hint="data.split=stratified gives every class to every split",
            )
        if lost:
            labels = sorted({examples.targets[row] for row in set(rows) - set(kept[name])})
            named = ", ".join(map(repr, labels[:5])) + (", …" if len(labels) > 5 else "")
            gone = counted(lost, f"{name} row is", f"{name} rows are")
            reporter.warn(f"{gone} left out: no training row has the label {named}")


def limited(splits: Splits, config: DataConfig, seed: int) -> Splits:
    """At most `data.limit` rows of each split, drawn so that classes keep their shares.

    Later splits lose the rows of classes that the smaller training split no longer has.
    """
    limit = config.limit
    if limit is None:
        return splits
    train = _sample(splits.train, strata(splits.train, config), limit, seed)
    known = known_labels(train, config)
    if len(known) < 2 <= len(known_labels(splits.train, config)):
        raise DataError(
            f"data.limit={limit} leaves training rows of one label only", hint="raise data.limit"
        )
    smaller: dict[str, Examples | None] = {"validation": None, "test": None}
    for name, split in splits.named().items():
        if name == "train":
            continue
        kept = [
            row
            for row, target in enumerate(split.targets)
            if known.issuperset(labels_of(target, config))
        ]
        if not kept:
            raise DataError(
                f"data.limit={limit} leaves no {name} row of a class that is still trained",
                hint="raise data.limit",
            )
        known_rows = split.take(kept)
        smaller[name] = _sample(known_rows, strata(known_rows, config), limit, seed)
    return Splits(train, **smaller)


def allocate(counts: dict[str, int], total: int) -> dict[str, int]:
    """Shares `total` out in proportion to `counts`, by largest remainder.

    Args:
        counts: How many each class has.
        total: How many to share out; at most all of them.
    """
    everything = sum(counts.values())
    exact = {name: total * count / everything for name, count in counts.items()}
    shares = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(counts, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def _units(
    examples: Examples, of: Sequence[str], draw: random.Random
) -> tuple[Classes, dict[int, list[int]]]:
    """By stratum, in random order, the first row of each text; and the rows that repeat it."""
    first: dict[tuple[str, ...], int] = {}
    repeats: dict[int, list[int]] = defaultdict(list)
    classes: Classes = defaultdict(list)
    for row, (key, target) in enumerate(zip(examples.keys(), of, strict=True)):
        unit = first.setdefault(key, row)
        if unit == row:
            classes[target].append(row)
        else:
            repeats[unit].append(row)
    ordered = {name: classes[name] for name in sorted(classes)}
    for units in ordered.values():
        draw.shuffle(units)
    return ordered, repeats


def _draw(classes: Classes, count: int, name: str, unit: str) -> list[int]:
    """Takes `count` units out of the classes, leaving each at least one."""
    spare = {label: len(units) - 1 for label, units in classes.items() if len(units) > 1}
    if sum(spare.values()) < count:
        raise too_few(sum(map(len, classes.values())), unit, count, name)
    shares = allocate({label: len(classes[label]) for label in spare}, count)
    return [classes[label].pop() for label in _within(shares, spare)]


def _within(shares: dict[str, int], spare: dict[str, int]) -> list[str]:
    """The classes to take from, one entry a unit; what a class can't give, the largest does."""
    chosen = {label: min(share, spare[label]) for label, share in shares.items()}
    for _ in range(sum(shares.values()) - sum(chosen.values())):
        richest = max(spare, key=lambda label: (spare[label] - chosen[label], label))
        chosen[richest] += 1
    return [label for label, number in chosen.items() for _ in range(number)]


def _warn_of_singles(classes: Classes, unit: str, reporter: Reporter) -> None:
    single = [label for label, units in classes.items() if len(units) == 1]
    if single:
        named = ", ".join(repr(label) for label in single[:5]) + (", …" if len(single) > 5 else "")
        kinds = (f"label with a single {unit} stays", f"labels with a single {unit} stay")
        reporter.warn(f"{counted(len(single), *kinds)} in train alone: {named}")


def _sample(examples: Examples, of: Sequence[str], limit: int, seed: int) -> Examples:
    if len(examples) <= limit:
        return examples
    classes: dict[str, list[int]] = defaultdict(list)
    for row, target in enumerate(of):
        classes[target].append(row)
    counts = {label: len(classes[label]) for label in sorted(classes)}
    shares = _each_once(allocate(counts, limit))
    draw = random.Random(f"limit {seed}")
    kept = [row for label in counts for row in draw.sample(classes[label], shares[label])]
    return examples.take(sorted(kept))


def _each_once(shares: dict[str, int]) -> dict[str, int]:
    """Gives every class one row where the richest can spare it."""
    for label in [label for label, share in shares.items() if share == 0]:
        richest = max(shares, key=lambda name: (shares[name], name))
        if shares[richest] > 1:
            shares[richest] -= 1
            shares[label] = 1
    return shares


def repeated(of: Examples, within: Examples) -> Sequence[int]:
    """Rows of one split whose input also occurs in another."""
    if of.streamed or within.streamed:
        import numpy as np

        found: Sequence[int] = np.flatnonzero(np.isin(of.keys(), within.keys())).tolist()
        return found
    seen = set(within.keys())
    return [row for row, key in enumerate(of.keys()) if key in seen]


def leak_sentence(count: int, rows: int, split: str, earlier: str = "train") -> str:
    """Says that so many rows of a split have an input that an earlier split has."""
    consequence = (
        "their scores flatter the model"
        if earlier == "train"
        else "the two scores are not independent"
    )
    return f"{count} of {rows} {split} rows have a text that is also in {earlier}: {consequence}"
