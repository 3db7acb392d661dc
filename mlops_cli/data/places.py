"""Where a person finds each row of the data: its file and line, or its split and number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.data.examples import Examples, Splits
from mlops_cli.errors import NotFoundError
from mlops_cli.project import locate
from mlops_cli.schemas.data import DataConfig, FileDataConfig


@dataclass(frozen=True)
class PlacedRows:
    """Rows with their places.

    Attributes:
        examples: The rows.
        places: Source and number of each row: the file and the line in it (Parquet: the row),
            or the split and the place in it where there is no file.
    """

    examples: Examples
    places: list[tuple[str, int]]

    def __len__(self) -> int:
        return len(self.examples)

    def take(self, rows: Sequence[int]) -> "PlacedRows":
        """The rows at these positions, in this order."""
        return PlacedRows(self.examples.take(rows), [self.places[row] for row in rows])

    def text(self, row: int) -> str:
        """The inputs of the row at a position, in one text."""
        return " | ".join(column[row] for column in self.examples.inputs.values())

    def ids(self, labels: Sequence[str]) -> list[int]:
        """The class id of each row."""
        place = {label: position for position, label in enumerate(labels)}
        return [place[target] for target in self.examples.targets]


def placed(splits: Splits, config: DataConfig, split: str, root: Path) -> PlacedRows:
    """The rows of one split, or of all, with their places.

    Args:
        splits: What the config's data is.
        config: The config group `data`.
        split: train, validation, test or all.
        root: The project; files below it are named from there.

    Raises:
        NotFoundError: There is no such split.
    """
    there = splits.named()
    if split != "all" and split not in there:
        raise NotFoundError(f"the data has no {split} split", hint=f"it has: {', '.join(there)}")
    names = list(there) if split == "all" else [split]
    columns = {
        column: [value for name in names for value in there[name].inputs[column]]
        for column in splits.train.inputs
    }
    places = [
        (source_of(config, name, root), number)
        for name in names
        for number in there[name].numbers or range(1, len(there[name]) + 1)
    ]
    targets = [target for name in names for target in there[name].targets]
    contents = [content for name in names for content in there[name].contents]
    return PlacedRows(Examples(columns, targets, contents=contents), places)


def data_files(config: DataConfig, root: Path) -> dict[str, Path]:
    """The files of `data=file` by their name below the project; none for other sources."""
    if not isinstance(config, FileDataConfig):
        return {}
    given = (config.path, config.validation_path, config.test_path)
    found = (_found(name) for name in given if name)
    return {_named(path, root): path for path in found}


def source_of(config: DataConfig, split: str, root: Path) -> str:
    """What a person calls the place where a split's rows come from."""
    if not isinstance(config, FileDataConfig):
        return split
    own = {"validation": config.validation_path, "test": config.test_path}.get(split)
    return _named(_found(own or config.path), root)


def _found(name: str) -> Path:
    """The absolute path of a file that a setting names; a link in its place stays one."""
    path = locate(name)
    return path.parent.resolve() / path.name


def _named(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
