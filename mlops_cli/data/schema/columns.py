"""What the columns of a table look like, and the YAML that says so."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.files import atomic_open

TYPES = ("text", "category", "integer", "number", "boolean", "date", "timestamp")
"""What a column can hold: the engine's kinds, and `category` for one of a few known values."""

_HEADER = """\
# What the columns look like. Edit it freely: `mlops data validate` and `mlops train` hold the data
# to it. A column has a type (text, category, integer, number, boolean, date, timestamp) and, as it
# needs: required (the column must be there), missing (the allowed share of missing values), values
# (of a category), minimum and maximum, min_length and max_length (characters), unique.
"""


@dataclass(frozen=True)
class ColumnSchema:
    """What one column looks like. None means no limit.

    Attributes:
        type: One of `TYPES`.
        required: The column must be there.
        missing: The largest share of its values that may be missing.
        values: The only values a category takes.
        minimum: Smallest value; dates and timestamps in ISO 8601.
        maximum: Largest value.
        min_length: Characters of the shortest text.
        max_length: Characters of the longest text.
        unique: No value is there twice.
    """

    type: str = "text"
    required: bool = True
    missing: float = 0.0
    values: tuple[str, ...] | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    min_length: int | None = None
    max_length: int | None = None
    unique: bool = False

    @property
    def kind(self) -> str:
        """What the engine calls such a column: one of `engine_kinds.KINDS`."""
        return "text" if self.type == "category" else self.type


@dataclass(frozen=True)
class TableSchema:
    """What a table looks like.

    Attributes:
        columns: What each column looks like, by name.
        text: The column that holds the text.
        label: The column that holds the label.
    """

    columns: dict[str, ColumnSchema] = field(default_factory=dict)
    text: str | None = None
    label: str | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """The engine's kind of each column."""
        return {name: column.kind for name, column in self.columns.items()}

    def write(self, path: Path) -> None:
        """Writes the schema as YAML with a comment on top, whole or not at all."""
        content: dict[str, Any] = {}
        for role in ("text", "label"):
            if getattr(self, role) is not None:
                content[role] = getattr(self, role)
        content["columns"] = {name: _plain(column) for name, column in self.columns.items()}
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
        with atomic_open(path) as stream:
            stream.write(_HEADER + text)


class _Dumper(yaml.SafeDumper):
    """YAML with lists on one line."""


_Dumper.add_representer(
    tuple,
    lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=True
    ),
)


def _plain(column: ColumnSchema) -> dict[str, Any]:
    """What to write of a column: what every column has, and what is not left open."""
    always = ("type", "required", "missing")
    values = {entry.name: getattr(column, entry.name) for entry in dataclasses.fields(column)}
    return {
        name: value
        for name, value in values.items()
        if name in always or (value is not None and value is not False)
    }
