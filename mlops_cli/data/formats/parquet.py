"""Parquet, through pyarrow, which only this file knows and imports late."""

from collections.abc import Iterator
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
        DataError: It is no Parquet file, or two columns share a name.
        MissingDependencyError: pyarrow is not installed.
    """
    with extra("train", "Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        with pq.ParquetFile(path) as file:
            columns = list(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}", hint="rename one")
    return Parquet(path, columns)


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
