"""Whole tables at once: SQL over files of any size in bounded memory, by DuckDB.

A file becomes a view of typed columns. Rows are read as training reads them: the same encoding,
delimiter and quoting, and an empty field is missing.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb

from mlops_cli.data.engine_errors import EngineError, first_line, understood
from mlops_cli.data.engine_files import copied, literal, readable
from mlops_cli.data.engine_kinds import FITS, as_kind, filled, narrowest, native, quoted
from mlops_cli.data.tables import Table
from mlops_cli.errors import DataError, MlopsError
from mlops_cli.reporting import Reporter

__all__ = ["Engine", "Relation", "as_kind", "quoted"]

_SAMPLE_ROWS = 100_000
_AT_ONCE = 40  # Columns of one look: a query's cost grows with their square.

WIDE = 200
"""Columns from which a view costs each query more than its rows: there it is written out once.

To look for expressions that occur twice takes longer there than to compute them twice.
"""
_WRITTEN_BYTES = 1 << 30
"""Of a file that is written out: a copy of a larger one might fill the disk."""

_MEMORY = "1GB"
"""What the engine holds before it spills to disk; the rest of 2 GB is for everything around."""

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 0.5
"""What takes no longer has no progress bar."""

Answer = TypeVar("Answer")


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
        self._straight: dict[str, tuple[Table, Path]] = {}

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._connection = self._stack.enter_context(duckdb.connect())
        self._beside = self._stack.enter_context(ThreadPoolExecutor(1))
        for setting in (
            f"memory_limit = '{self._memory}'",
            f"temp_directory = {literal(str(self._folder / 'spill'))}",
            # No extension is fetched behind the user's back.
            "autoinstall_known_extensions = false",
            "enable_progress_bar = true",
            "enable_progress_bar_print = false",
            "TimeZone = 'UTC'",
            # What Python hands over is text, also where its first values are missing.
            "pandas_analyze_sample = 0",
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
        except EngineError:
            # Our own reader says what is wrong, or reads what the engine doesn't understand.
            relation = self._views(table, copied(table, copy), kinds or {})
        if not (table.format == "parquet" or copy.exists() or _is_written(table)):
            self._straight[relation.raw] = table, copy
        self._relations.append(relation)
        return relation

    def hold(self, table: Table, columns: Mapping[str, Sequence[str | None]]) -> Relation:
        """Makes views of values that are in memory.

        Args:
            table: What to call them and how to number their rows; its format is parquet.
            columns: The values, by column.

        Raises:
            DataError: A text is no Unicode.
            MlopsError: There is not enough memory or disk.
        """
        # Not pyarrow, whose import takes longer than all of this. Other queries need no numpy.
        import numpy as np

        source = f"held_{len(self._relations)}"
        arrays = {name: np.array(values, dtype=object) for name, values in columns.items()}
        self._connection.register("handed_over", arrays)
        # A table of the engine's own can spill, and every cursor sees it.
        try:
            with understood():
                self._connection.execute(f"CREATE TABLE {source} AS SELECT * FROM handed_over")
        except EngineError as error:
            raise DataError(f"can't look at {table.path}: {first_line(error)}") from error
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

        def ask() -> list[tuple[Any, ...]]:
            self._execute(sql, parameters, description)
            return list(self._connection.fetchall())

        return self._asked(ask)

    def stream(self, sql: str, rows: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the answer, so many at a time, in the file's order."""
        # A cursor of its own, so that the caller may ask other things meanwhile.
        with self._connection.cursor() as cursor:
            try:
                with understood():
                    cursor.execute(sql)
                while True:
                    with understood():
                        batch = cursor.fetchmany(rows)
                    if not batch:
                        return
                    yield batch
            except EngineError as error:
                raise self._damage(error) from error

    def columns(self, sql: str) -> dict[str, Any]:
        """The answer as numpy arrays by column; missing values are masked."""
        arrays: dict[str, Any]
        arrays = self._asked(lambda: self._connection.execute(sql).fetchnumpy())
        return arrays

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answers; where the engine doesn't understand a file, from a copy of it."""
        try:
            with understood():
                return ask()
        except EngineError as error:
            if not self._straight:
                raise self._damage(error) from error
        while self._straight:
            raw, (table, copy) = self._straight.popitem()
            source = copied(table, copy)
            self._connection.execute(f"CREATE OR REPLACE VIEW {raw} AS {filled(table, source)}")
        return self._asked(ask)

    def _execute(self, sql: str, parameters: Sequence[Any], description: str) -> None:
        """Runs a query beside this thread, where Ctrl-C might wait for the end of its work."""
        try:
            asked = self._beside.submit(self._connection.execute, sql, list(parameters))
        except RuntimeError as error:  # The system has no room for one more thread.
            raise MlopsError(
                f"not enough memory: {error}", hint="free some, or raise ulimit -v"
            ) from error
        try:
            wait([asked], _PATIENCE_SECONDS if description else None)
            if not asked.done():
                self._show_progress(asked, description)
        finally:
            # Whoever waited was interrupted; so is the query, once it has begun.
            while not asked.done():
                self._connection.interrupt()
                wait([asked], _POLL_SECONDS)
        asked.result()

    def _show_progress(self, asked: Future[Any], description: str) -> None:
        with self._reporter.task(description, 100) as progress:
            shown = 0
            while wait([asked], _POLL_SECONDS).not_done:
                done = max(shown, min(99, int(self._connection.query_progress())))
                progress.advance(done - shown)
                shown = done
            progress.advance(100 - shown)

    def _views(self, table: Table, source: str, known: Mapping[str, str]) -> Relation:
        """The raw and the typed view of `source`. Raises EngineError when it can't be read."""
        number = len(self._relations)
        raw, name = f"raw_{number}", f"table_{number}"
        if len(table.columns) > WIDE:
            self._connection.execute("SET disabled_optimizers = 'common_subexpressions'")
        with understood():
            self._connection.execute(
                f"CREATE OR REPLACE {'TABLE' if _is_written(table) else 'VIEW'} {raw} AS "
                f"{filled(table, source)}"
            )
            kinds = self._kinds(table, raw, known)
            typed = ", ".join(
                f"{as_kind(column, kind)} AS {quoted(column)}" for column, kind in kinds.items()
            )
            self._connection.execute(f"CREATE VIEW {name} AS SELECT {typed} FROM {raw}")
        return Relation(name, raw, table, kinds)

    def _kinds(self, table: Table, raw: str, known: Mapping[str, str]) -> dict[str, str]:
        """The kind of each column: as given, as Parquet has it, or what most values are."""
        rows = self._connection.execute(f"DESCRIBE {raw}").fetchall()
        kinds = {str(column): native(str(kind)) for column, kind, *_ in rows}
        unknown = [column for column in kinds if column not in known]
        if unknown and table.format != "parquet":
            for at in range(0, len(unknown), _AT_ONCE):
                kinds |= self._guess(raw, unknown[at : at + _AT_ONCE])
        return {column: known.get(column, kind) for column, kind in kinds.items()}

    def _guess(self, raw: str, columns: list[str]) -> dict[str, str]:
        """The narrowest kind that most of the first values of a column have."""
        tests = [test.format(name=quoted(column)) for column in columns for test in FITS.values()]
        counts = ", ".join(f"count(*) FILTER ({test})" for test in tests)
        sample = f"(SELECT {', '.join(map(quoted, columns))} FROM {raw} LIMIT {_SAMPLE_ROWS})"
        answer = self._connection.execute(f"SELECT {counts} FROM {sample}").fetchone() or ()
        counted = (answer[start : start + len(FITS)] for start in range(0, len(answer), len(FITS)))
        return {column: narrowest(found) for column, found in zip(columns, counted, strict=True)}

    def _damage(self, error: Exception) -> MlopsError:
        """What our own reader says of the files, for it names the line; else the engine's words."""
        for relation in self._relations:
            try:
                for _ in relation.table.rows():
                    pass
            except MlopsError as known:
                return known
        names = ", ".join(str(one.table.path) for one in self._relations)
        return DataError(f"can't read {names}: {first_line(error)}")


def _is_written(table: Table) -> bool:
    """Whether a file is read once, and written out, instead of read by each query."""
    wide = len(table.columns) > WIDE
    return wide and table.path.is_file() and table.path.stat().st_size <= _WRITTEN_BYTES
