"""Data sources, looked up by the config's `module` (or `name`), and what is done to all of them.

A source module offers `load(config, reporter) -> Splits`; a dotted name is a module of the
user's own. What it leaves out is split off, then everything is checked.
"""

from typing import Any, Protocol

from mlops_cli import lookup
from mlops_cli.data.collecting import known_labels, labels_of, task_on, unknown_label
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.splits import complete, leak_sentence, limited, repeated
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, other_task
from mlops_cli.tasks import cells


class Source(Protocol):
    """What every module of this room that a config may name offers."""

    def load(self, config: DataConfig, reporter: Reporter) -> Splits:
        """Reads the data; a split it has not is left out."""
        ...


def load(config: DataConfig, seed: int, reporter: Reporter) -> Splits:
    """Loads, completes, limits and checks the data that `config` describes.

    Args:
        config: The config group `data`.
        seed: Seed of the split and of the limited sample.
        reporter: Told of guesses.

    Returns:
        Splits with train and validation, and with test unless `test_fraction` is 0.

    Raises:
        ConfigError: There is no such source, or a setting is off.
        DataError: The data can't be trained on.
    """
    return split(read(config, reporter), config, seed, reporter)


def read(config: DataConfig, reporter: Reporter) -> Splits:
    """Loads and checks what the source of `config` has; what it leaves out is not split off yet.

    Raises:
        ConfigError: There is no such source, or a setting is off.
        DataError: The data can't be trained on.
    """
    found = source(config.module or config.name)
    if (problem := other_task(config)) is not None:
        raise problem
    given = found.load(config, reporter)
    _check(given, config)
    return given


def split(given: Splits, config: DataConfig, seed: int, reporter: Reporter) -> Splits:
    """Completes and limits what `read` gave; every command splits through here.

    Raises:
        ConfigError: The fractions leave nothing to train on.
        DataError: There are too few rows to split.
    """
    splits = complete(given, config, seed, reporter)
    _refuse_nothing_to_learn(splits.train, config)
    return limited(splits, config, seed)


def source(name: str) -> Source:
    """The source module called `name`, or the user's own when the name is dotted.

    Raises:
        ConfigError: There is no such module, or it has no `load`.
    """
    if not name:
        raise ConfigError("no data source is named", hint="data=quickstart, data=file or data=hub")
    found: Any = lookup.find(
        name,
        room=__name__,
        kind="data source",
        known=lookup.choices("data"),
        offers=["load(config, reporter)"],
    )
    source: Source = found
    return source


def _check(splits: Splits, config: DataConfig) -> None:
    """What must be true of the splits of any source, ours or the user's."""
    name = config.module or config.name
    if not isinstance(splits, Splits):
        raise DataError(
            f"data source {name!r} returned {type(splits).__name__}, not Splits",
            hint="return mlops_cli.data.examples.Splits(train=Examples({'text': […]}, […]))",
        )
    for split_name, split in splits.named().items():
        if not split.streamed:  # Those were looked at when they were copied.
            _check_rows(split, split_name)
        _check_slices(split, config)
    _refuse_nothing_to_learn(splits.train, config)
    if config.targets == "classes":
        _check_classes(splits, config)
    if config.targets == "numbers":
        _check_numbers(splits, config)
    if not (known := known_labels(splits.train, config)):
        return
    for split_name, split in splits.named().items():
        for target in dict.fromkeys(split.targets):
            for label in labels_of(target, config):
                if label not in known:
                    row = split.targets.index(target) + 1
                    raise unknown_label(f"{split_name} split, row {row}", label, known, config)


def _check_classes(splits: Splits, config: DataConfig) -> None:
    """What must be true of labels that are classes."""
    known = set(splits.train.targets)
    if len(known) > max(20, len(splits.train) // 2):
        raise DataError(
            f"{len(known)} different labels in {len(splits.train)} training rows are no classes",
            hint="another column? data.label=COLUMN; a number is learnt by "
            f"task={task_on(config)}_regression",
        )


def _check_numbers(splits: Splits, config: DataConfig) -> None:
    for name, split in splits.named().items():
        for row, target in enumerate(split.targets, 1):
            if cells.number(target) is None:
                raise DataError(
                    f"{name} split, row {row}: the target {target!r} is no number",
                    hint=f"classes are learnt by task={task_on(config)}_classification",
                )


def _refuse_nothing_to_learn(train: Examples, config: DataConfig) -> None:
    """Raises DataError where every row has the same answer."""
    if config.targets == "classes":
        _refuse_one_label(train)
    if config.targets == "labels":
        _refuse_same_labels(train, config)
    if config.targets == "tags":
        _refuse_one_tag(train)


def _refuse_one_tag(train: Examples) -> None:
    # Brings tokenizers.
    from mlops_cli.tasks.encoders.words import split_words

    tags: set[str] = set()
    for cell in train.targets:
        tags.update(split_words(cell))
        if len(tags) > 1:
            return
    if tags:
        raise DataError(
            f"every word of the {len(train)} training rows has the tag {tags.pop()!r}",
            hint="entities are learnt from words with other tags: is data.label the right column?",
        )


def _refuse_same_labels(train: Examples, config: DataConfig) -> None:
    given = (frozenset(labels_of(target, config)) for target in dict.fromkeys(train.targets))
    first = next(given, None)
    if first is not None and all(other == first for other in given):
        labels = ", ".join(map(repr, sorted(first))) or "none"
        raise DataError(
            f"every one of the {len(train)} training rows has the same labels: {labels}",
            hint="a label is learnt from rows with and without it: is data.label the right column?",
        )


def _refuse_one_label(train: Examples) -> None:
    known = set(train.targets)
    if len(known) == 1:
        raise DataError(
            f"every one of the {len(train)} training rows has the label {known.pop()!r}",
            hint="a classifier needs two classes: is data.label the right column?",
        )


def _check_rows(split: Examples, name: str) -> None:
    if not split.inputs or not len(split):
        raise DataError(f"the {name} split has no rows")
    lengths = {column: len(values) for column, values in split.inputs.items()}
    lengths["targets"] = len(split.targets)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{column} {length}" for column, length in lengths.items())
        raise DataError(f"the {name} split has columns of different length: {shown}")
    for column, values in {**split.inputs, "targets": split.targets}.items():
        for row, value in enumerate(values, 1):
            if not isinstance(value, str):
                kind = type(value).__name__
                raise DataError(f"{name} split, row {row}: {column} is {kind}, not text")


def _check_slices(split: Examples, config: DataConfig) -> None:
    for column in config.slice_by:
        if len(split.slices.get(column, ())) != len(split):
            raise DataError(
                f"the data source {config.name!r} gives no column {column!r} to slice by",
                hint="a source of your own fills Examples.slices; or data.slice_by=[]",
            )


def warn_of_leaks(splits: Splits, reporter: Reporter) -> None:
    """Warns of every later split with inputs that are also in train."""
    for name, split in splits.named().items():
        rows = repeated(split, splits.train) if name != "train" else ()
        if rows:
            reporter.warn(leak_sentence(len(rows), len(split), name))
