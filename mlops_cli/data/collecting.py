"""Rows of one split put together, with everything wrong about them told at once and by place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlops_cli.data.examples import Examples
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig
from mlops_cli.tasks import cells
from mlops_cli.wording import counted

_NAMED = 3


@dataclass
class Collector:
    """Takes the rows of one split and makes Examples of them.

    Attributes:
        source: What a message calls the file or split.
        config: Names the columns, and what the targets are. Only of several labels there may be
            none.
        unit: What row numbers count: "line" or "row".
        by_column: Column of `data.split_by`; None where rows are not split by one.
        features: Columns of a table to predict from, which a row may lack.
    """

    source: str
    config: DataConfig
    unit: str
    by_column: str | None = None
    features: Sequence[str] = ()
    _inputs: dict[str, list[str]] = field(init=False)
    _without: dict[str, list[int]] = field(init=False)
    _labels: list[str] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _without_label: list[int] = field(default_factory=list)
    _by: list[str] = field(default_factory=list)
    _slices: dict[str, list[str]] = field(init=False)
    _without_by: list[int] = field(default_factory=list)
    _stripped: int = 0

    def __post_init__(self) -> None:
        self._without = {name: [] for name in input_columns(self.config)}
        self._inputs = {name: [] for name in (*self._without, *self.features)}
        self._slices = {name: [] for name in self.config.slice_by}

    def add(
        self,
        number: int,
        inputs: Iterable[str | None],
        label: str | None,
        by: str | None = None,
        others: Mapping[str, str | None] | None = None,
    ) -> None:
        """Takes the row that a person finds at `number`.

        Args:
            number: Its line or row.
            inputs: As `input_columns` has them; then come the features.
            label: Its label.
            by: Its cell of `by_column`.
            others: Its cells by column, those of `data.slice_by` among them; None from a source
                without columns.
        """
        if others is not None:
            for column, values in self._slices.items():
                values.append((others[column] or "").strip())
        if self.by_column is not None:
            self._by.append(by or "")
            if by is None or by.isspace():
                self._without_by.append(number)
        for (name, values), text in zip(self._inputs.items(), inputs, strict=True):
            if name in self._without and (text is None or text.isspace()):
                self._without[name].append(number)
            values.append(text or "")
        clean = label.strip() if label is not None else ""
        if not clean:
            self._without_label.append(number)
        self._stripped += label is not None and len(clean) < len(label)
        self._labels.append(clean)
        self._numbers.append(number)

    def finish(self, reporter: Reporter) -> Examples:
        """The rows as Examples.

        Raises:
            DataError: There are no rows, or some lack a label or an input, or a number is none.
        """
        if not self._labels:
            raise DataError(f"{self.source} has no rows", hint="a header alone trains nothing")
        targets = self.config.targets
        if targets != "labels" or len(self._without_label) == len(self._labels):
            self._refuse(self._without_label, "label", self.config.label)
        if targets == "numbers":
            self._refuse_words()
        for name, column in input_columns(self.config).items():
            self._refuse(self._without[name], name.replace("_", " "), column, setting=name)
        self._refuse(self._without_by, "value", self.by_column or "", setting="split_by")
        if self._stripped:
            reporter.info(
                f"{self.source}: stripped the space around {counted(self._stripped, 'label')}"
            )
        return Examples(self._inputs, self._labels, self._numbers, self._by, slices=self._slices)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raises DataError where a label is none of `known`, the training labels."""
        labels = set(known)
        for number, cell in zip(self._numbers, self._labels, strict=True):
            for label in names_in(cell, self.config):
                if label not in labels:
                    where = f"{self.source}, {self.unit} {number}"
                    raise unknown_label(where, label, labels, self.config)

    def _refuse(self, numbers: list[int], what: str, column: str, setting: str = "") -> None:
        if not numbers:
            return
        if len(numbers) == len(self._labels):
            raise DataError(
                f"{self.source}: no row has a {what} (column {column!r} is empty)",
                hint=f"another column? data.{setting or what}=COLUMN",
            )
        count = counted(len(numbers), "row has", "rows have")
        raise DataError(
            f"{self.source}: {count} no {what} in column {column!r} ({self._named(numbers)})",
            hint=f"fill in the {what} or remove the row",
        )

    def _refuse_words(self) -> None:
        """Raises DataError where a target is no number."""
        rows = [row for row, cell in enumerate(self._labels) if cells.number(cell) is None]
        if rows:
            count = counted(len(rows), "row has", "rows have")
            named = self._named([self._numbers[row] for row in rows])
            raise DataError(
                f"{self.source}: {count} no number but {self._labels[rows[0]]!r} in column "
                f"{self.config.label!r} ({named})",
                hint="correct it, or take another column: data.label=COLUMN; classes are learnt "
                f"by task={task_on(self.config)}_classification",
            )

    def _named(self, numbers: list[int]) -> str:
        """Where a person finds the first of these rows."""
        named = ", ".join(map(str, numbers[:_NAMED])) + (", …" if len(numbers) > _NAMED else "")
        return f"{self.unit if len(numbers) == 1 else f'{self.unit}s'} {named}"


def task_on(config: DataConfig) -> str:
    """What the names of the tasks on these inputs begin with, as in a hint."""
    return "tabular" if config.inputs == "table" else "text"


def input_columns(config: DataConfig) -> dict[str, str]:
    """The column of each input that no row may lack, by the tasks' name for it."""
    if config.inputs == "table":
        return {}
    if config.inputs == "text_pair":
        return {"text": config.text, "text_pair": config.text_pair}
    return {"text": config.text}


def labels_of(target: str, config: DataConfig) -> list[str]:
    """The labels in a row's target, which training has to know; none where it is no label."""
    if config.targets == "labels":
        return cells.names(target, config.separator)
    return [target] if config.targets == "classes" else []


def known_labels(examples: Examples, config: DataConfig) -> set[str]:
    """Every label that some row has."""
    if config.targets not in ("classes", "labels"):  # Numbers are all different: no set of them.
        return set()
    return {label for target in set(examples.targets) for label in labels_of(target, config)}


def names_in(target: str, config: DataConfig) -> Sequence[str]:
    """The labels of a row's target, or its tags, of which each word has one."""
    if config.targets != "tags":
        return labels_of(target, config)
    # Brings tokenizers.
    from mlops_cli.tasks.encoders.words import split_words

    return split_words(target)


def known_names(examples: Examples, config: DataConfig) -> set[str]:
    """Every label or tag that a later file of the data may have."""
    if config.targets != "tags":
        return known_labels(examples, config)
    # What is no entity is always known.
    return {"O"} | {name for target in examples.targets for name in names_in(target, config)}


def roles(config: DataConfig) -> dict[str, str]:
    """The columns that are read, by the key of `data` that names them."""
    return {**input_columns(config), "label": config.label}


def refuse_same_columns(config: DataConfig) -> None:
    """Raises ConfigError where two settings name one column."""
    taken: dict[str, str] = {}
    for setting, column in roles(config).items():
        if column in taken:
            raise ConfigError(
                f"data.{taken[column]} and data.{setting} are the same column, {column!r}",
                hint=f"data.{taken[column]}=COLUMN data.{setting}=ANOTHER",
            )
        taken[column] = setting


def unknown_label(where: str, label: str, known: Iterable[str], config: DataConfig) -> DataError:
    """Says that a label or tag of a later split does not occur in training."""
    what = "tag" if config.targets == "tags" else "label"
    names = sorted(known)
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return DataError(
        f"{where}: {what} {label!r} does not occur in the training rows",
        hint=f"training {what}s: {shown}",
    )
