"""Rows of one split put together, with everything wrong about them told at once and by place."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlops_cli.data.examples import Examples
from mlops_cli.errors import DataError
from mlops_cli.reporting import Reporter

_NAMED = 3


@dataclass
class Collector:
    """Takes the rows of one split and makes Examples of them.

    Attributes:
        source: What a message calls the file or split.
        text_column: Column of the text, for messages.
        label_column: Column of the label, for messages.
        unit: What row numbers count: "line" or "row".
        by_column: Column of `data.split_by`; None where rows are not split by one.
    """

    source: str
    text_column: str
    label_column: str
    unit: str
    by_column: str | None = None
    _texts: list[str] = field(default_factory=list)
    _labels: list[str] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _without_text: list[int] = field(default_factory=list)
    _without_label: list[int] = field(default_factory=list)
    _by: list[str] = field(default_factory=list)
    _without_by: list[int] = field(default_factory=list)
    _stripped: int = 0

    def add(self, number: int, text: str | None, label: str | None, by: str | None = None) -> None:
        """Takes the row that a person finds at `number`."""
        if self.by_column is not None:
            self._by.append(by or "")
            if by is None or by.isspace():
                self._without_by.append(number)
        if text is None or text.isspace():
            self._without_text.append(number)
        clean = label.strip() if label is not None else ""
        if not clean:
            self._without_label.append(number)
        self._stripped += label is not None and len(clean) < len(label)
        self._texts.append(text or "")
        self._labels.append(clean)
        self._numbers.append(number)

    def finish(self, reporter: Reporter) -> Examples:
        """The rows as Examples.

        Raises:
            DataError: There are no rows, or some lack a label or a text.
        """
        if not self._texts:
            raise DataError(f"{self.source} has no rows", hint="a header alone trains nothing")
        self._refuse(self._without_label, "label", self.label_column)
        self._refuse(self._without_text, "text", self.text_column)
        self._refuse(self._without_by, "value", self.by_column or "", setting="split_by")
        if self._stripped:
            reporter.info(f"{self.source}: stripped the space around {self._stripped} labels")
        return Examples({"text": self._texts}, self._labels, self._numbers, self._by)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raises DataError where a label is none of `known`, the training labels."""
        labels = set(known)
        for number, label in zip(self._numbers, self._labels, strict=True):
            if label not in labels:
                raise unknown_label(f"{self.source}, {self.unit} {number}", label, labels)

    def _refuse(self, numbers: list[int], what: str, column: str, setting: str = "") -> None:
        if not numbers:
            return
        if len(numbers) == len(self._texts):
            raise DataError(
                f"{self.source}: no row has a {what} (column {column!r} is empty)",
                hint=f"another column? data.{setting or what}=COLUMN",
            )
        count = "1 row has" if len(numbers) == 1 else f"{len(numbers)} rows have"
        named = ", ".join(map(str, numbers[:_NAMED])) + (", …" if len(numbers) > _NAMED else "")
        units = self.unit if len(numbers) == 1 else f"{self.unit}s"
        raise DataError(
            f"{self.source}: {count} no {what} in column {column!r} ({units} {named})",
            hint=f"fill in the {what} or remove the row",
        )


def unknown_label(where: str, label: str, known: Iterable[str]) -> DataError:
    """Says that a label of a later split does not occur in training."""
    names = sorted(known)
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return DataError(
        f"{where}: label {label!r} does not occur in the training rows",
        hint=f"training labels: {shown}",
    )
