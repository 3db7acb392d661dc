"""Whole tables at once: SQL over files of any size in bounded memory. Alone knows DuckDB.

A file becomes a view of typed columns. Rows are read as training reads them: the same encoding,
delimiter and quoting, and an empty field is missing.
"""

import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from mlops_cli.data.engine_files import copied, literal, readable
from mlops_cli.data.engine_kinds import FITS, as_kind, native, quoted, without
from mlops_cli.data.tables import Table
from mlops_cli.errors import DataError, Interrupted, MlopsError
from mlops_cli.reporting import Reporter

__all__ = ["Engine", "Relation", "as_kind", "quoted"]

_SAMPLE_ROWS = 100_000
_MOSTLY = 0.95
"""A column is of a kind when at least this share of its values is; the others are mistakes."""

_MEMORY = "1GB"
"""What the engine holds before it spills to disk; the rest of 2 GB is for everything around."""

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 0.5
"""What takes no longer has no progress bar."""


@dataclass(frozen=True)
class Relation:
    """A file in the engine.

    Attributes:
        name: The view of its typed columns; what doesn't fit the kind is NULL there.
        raw: The view of its values as text (or as Parquet types them); missing is NULL.
        table: The file.
        kinds: One of `engine_kinds.KINDS` for each column, in the file's order.
    """

    name: str
    raw: str
    table: Table
    kinds: dict[str, str]


class Engine:
    """A database in memory that lasts as long as its `with` block.

    Args:
        reporter: Shown the progress of queries that are given a description.
        memory: The most it holds before it spills to a temporary folder.
    """

    def __init__(self, reporter: Reporter, memory: str = _MEMORY) -> None:
        self._reporter = reporter
        self._memory = memory
        self._stack = ExitStack()
        self._relations: list[Relation] = []

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._connection = self._stack.enter_context(duckdb.connect())
        for setting in (
            f"memory_limit = '{self._memory}'",
            f"temp_directory = {literal(str(self._folder / 'spill'))}",
            # No extension is fetched behind the user's back.
            "autoinstall_known_extensions = false",
            "enable_progress_bar = true",
            "enable_progress_bar_print = false",
            "TimeZone = 'UTC'",
        ):
            self._connection.execute(f"SET {setting}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open(self, table: Table, kinds: Mapping[str, str] | None = None) -> Relation:
        """Makes views of a file.

        Args:
            table: The file, as `tables.open_table` found it.
            kinds: The kind of each column, where known; the others are found by looking.

        Raises:
            DataError: The file is damaged.
        """
        copy = self._folder / f"file_{len(self._relations)}.csv"
        try:
            relation = self._views(table, readable(table, copy), kinds or {})
        except _EngineError:
            # Our own reader says what is wrong, or reads what the engine doesn't understand.
            relation = self._views(table, copied(table, copy), kinds or {})
        self._relations.append(relation)
        return relation

    def hold(self, table: Table, columns: Mapping[str, Sequence[str | None]]) -> Relation:
        """Makes views of values that are in memory.

        Args:
            table: What to call them and how to number their rows; its format is parquet.
            columns: The values, by column.
        """
        import pyarrow as pa

        source = f"held_{len(self._relations)}"
        arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        # A table of the engine's own can spill, and every cursor sees it.
        self._connection.register("handed_over", pa.table(arrays))
        self._connection.execute(f"CREATE TABLE {source} AS SELECT * FROM handed_over")
        self._connection.unregister("handed_over")
        relation = self._views(table, source, {})
        self._relations.append(relation)
        return relation

    def run(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        description: str = "",
    ) -> list[tuple[Any, ...]]:
        """Every row of the answer.

        Args:
            sql: One statement.
            parameters: Values for its `?`.
            description: What to call it beside a progress bar; without it, none is shown.

        Raises:
            DataError: A file turns out to be damaged.
            MlopsError: There is not enough memory or disk.
        """
        try:
            if description:
                self._with_progress(sql, parameters, description)
            else:
                self._connection.execute(sql, list(parameters))
            return list(self._connection.fetchall())
        except duckdb.InterruptException as error:
            raise Interrupted("interrupted") from error
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise _scarce(error) from error
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            raise self._damage(error) from error

    def stream(self, sql: str, rows: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the answer, so many at a time, in the file's order."""
        # A cursor of its own, so that the caller may ask other things meanwhile.
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                while batch := cursor.fetchmany(rows):
                    yield batch
            except (duckdb.DataError, duckdb.InvalidInputException) as error:
                raise self._damage(error) from error

    def columns(self, sql: str) -> dict[str, Any]:
        """The answer as numpy arrays by column; missing values are masked."""
        try:
            arrays: dict[str, Any] = self._connection.execute(sql).fetchnumpy()
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            raise self._damage(error) from error
        return arrays

    def _with_progress(self, sql: str, parameters: Sequence[Any], description: str) -> None:
        failure: list[BaseException] = []

        def work() -> None:
            try:
                self._connection.execute(sql, list(parameters))
            except duckdb.Error as error:
                failure.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            thread.join(_PATIENCE_SECONDS)
            if thread.is_alive():
                self._show_progress(thread, description)
        finally:
            if thread.is_alive():  # Whoever waited was interrupted.
                self._connection.interrupt()
                thread.join()
        if failure:
            raise failure[0]

    def _show_progress(self, thread: threading.Thread, description: str) -> None:
        with self._reporter.task(description, 100) as progress:
            shown = 0
            while thread.is_alive():
                thread.join(_POLL_SECONDS)
                done = max(shown, min(99, int(self._connection.query_progress())))
                progress.advance(done - shown)
                shown = done
            progress.advance(100 - shown)

    def _views(self, table: Table, source: str, known: Mapping[str, str]) -> Relation:
        """The raw and the typed view of `source`. Raises _EngineError when it can't be read."""
        number = len(self._relations)
        raw, name = f"raw_{number}", f"table_{number}"
        filled = (without(column, ("", *table.missing)) for column in table.columns)
        as_is = table.format == "parquet" and not table.missing
        picked = "*" if as_is else ", ".join(filled)
        try:
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {raw} AS SELECT {picked} FROM {source}"
            )
            kinds = self._kinds(table, raw, known)
            typed = ", ".join(
                f"{as_kind(column, kind)} AS {quoted(column)}" for column, kind in kinds.items()
            )
            self._connection.execute(f"CREATE VIEW {name} AS SELECT {typed} FROM {raw}")
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            raise _EngineError from error
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise _scarce(error) from error
        return Relation(name, raw, table, kinds)

    def _kinds(self, table: Table, raw: str, known: Mapping[str, str]) -> dict[str, str]:
        """The kind of each column: as given, as Parquet has it, or what most values are."""
        described = self._connection.execute(f"DESCRIBE {raw}").fetchall()
        kinds = {str(column): native(str(kind)) for column, kind, *_ in described}
        unknown = [column for column in kinds if column not in known]
        if unknown and table.format != "parquet":
            kinds |= self._guess(raw, unknown)
        return {column: known.get(column, kind) for column, kind in kinds.items()}

    def _guess(self, raw: str, columns: list[str]) -> dict[str, str]:
        """The narrowest kind that most of the first values of a column have."""
        tests = [test.format(name=quoted(column)) for column in columns for test in FITS.values()]
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests)
        sample = f"(SELECT * FROM {raw} LIMIT {_SAMPLE_ROWS})"
        answer = self._connection.execute(f"SELECT {counts} FROM {sample}").fetchone() or ()
        kinds = {}
        for position, column in enumerate(columns):
            start = len(FITS) * position
            found = dict(zip(FITS, answer[start : start + len(FITS)], strict=True))
            filled = found.pop("text")
            fits = (kind for kind, count in found.items() if count >= max(1, _MOSTLY * filled))
            kinds[column] = next(fits, "text")
        return kinds

    def _damage(self, error: duckdb.Error) -> MlopsError:
        """What our own reader says of the files, for it names the line; else the engine's words."""
        for relation in self._relations:
            try:
                for _ in relation.table.rows():
                    pass
            except MlopsError as known:
                return known
        names = ", ".join(str(relation.table.path) for relation in self._relations)
        return DataError(f"can't read {names}: {_first_line(error)}")


class _EngineError(Exception):
    """The engine can't read a file."""


def _scarce(error: duckdb.Error) -> MlopsError:
    return MlopsError(
        f"not enough memory or disk: {_first_line(error)}",
        hint="free some, or look at fewer columns or rows",
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
