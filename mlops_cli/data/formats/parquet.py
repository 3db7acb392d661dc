"""Parquet, through pyarrow, which only this file knows and imports late."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.data.formats.values import text_of
from mlops_cli.errors import DataError
from mlops_cli.extras import extra

_BATCH = 4096


@dataclass(frozen=True)
class Parquet:
    """A Parquet file whose columns are known."""

    path: Path
    columns: list[str]
    total: int

    def rows(self) -> Iterator[tuple[int, dict[str, str | None]]]:
        """Rows with their number; nulls and NaN are None. Holds one batch at a time."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        number = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_BATCH):
                    cells = [_texts(column) for column in batch.columns]
                    for values in zip(*cells, strict=True):
                        number += 1
                        yield number, dict(zip(self.columns, values, strict=True))
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def open_parquet(path: Path) -> Parquet:
    """The file with its columns found.

    Raises:
        DataError: It is no Parquet file, two columns share a name, or one has none.
        MissingDependencyError: pyarrow is not installed.
    """
    with extra("train", "Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        with pq.ParquetFile(path) as file:
            columns, total = list(file.schema_arrow.names), int(file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}", hint="rename one")
    if "" in columns:
        raise DataError(
            f"{path}: column {columns.index('') + 1} has no name", hint="name it, or leave it out"
        )
    return Parquet(path, columns, total)


def rewrite_column(
    path: Path, target: Path, column: str, changes: Mapping[int, str | None]
) -> None:
    """Writes the file anew with some cells of a column changed and some rows dropped.

    Schema, metadata, compression and size of the row groups stay. Holds the whole table.

    Args:
        path: A file that has been read without error.
        target: Where to write.
        column: The column to change.
        changes: The new text of a row, by its number from 1; None drops the row.

    Raises:
        DataError: A text is no value of the column's type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table, first = file.read(), file.metadata.row_group(0)
        size, compression = first.num_rows, first.column(0).compression
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    values = table.column(place).cast(plain).to_pylist()
    for number, text in changes.items():
        if text is None:
            continue
        try:
            values[number - 1] = pa.scalar(text).cast(plain).as_py()
        except pa.ArrowException as error:
            raise DataError(
                f"{path}, row {number}: {text!r} is no {plain}, the type of column {column!r}",
                hint="change the column's type first",
            ) from error
    table = table.set_column(place, field, pa.array(values, plain).cast(field.type))
    kept = [row for row in range(len(values)) if changes.get(row + 1, "") is not None]
    pq.write_table(table.take(kept), target, row_group_size=size, compression=compression)


def _texts(column: Any) -> list[str | None]:
    return [text_of(value) for value in column.to_pylist()]


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{path} is no readable Parquet file ({reason})",
        hint="was it copied whole? another format: data.format=csv",
    )


class ParquetWriter:
    """Writes rows in batches; column types are those of the first batch."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        with extra("train", "Parquet"):
            import pyarrow as pa
            import pyarrow.parquet as pq
        self._pa, self._pq = pa, pq
        self._path, self._columns = path, columns
        self._pending: list[dict[str, Any]] = []
        self._schema: Any = None
        self._file: Any = None

    def write(self, row: dict[str, Any]) -> None:
        """Takes one row; columns it lacks are null."""
        self._pending.append({column: row.get(column) for column in self._columns})
        if len(self._pending) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Writes what is pending and the footer."""
        if self._pending or self._file is None:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._file is None:
            self._schema = self._typed()
            self._file = self._pq.ParquetWriter(self._path, self._schema)
        table = self._pa.Table.from_pylist(self._pending, schema=self._schema)
        self._file.write_table(table)
        self._pending = []

    def _typed(self) -> Any:
        """The schema of the first batch; a column without any value counts as text."""
        pa = self._pa
        arrays = [pa.array([row[name] for row in self._pending]) for name in self._columns]
        types = [pa.string() if pa.types.is_null(array.type) else array.type for array in arrays]
        return pa.schema(list(zip(self._columns, types, strict=True)))
