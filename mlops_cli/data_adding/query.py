"""The rows of a query as a Parquet file, in bounded memory. Alone knows SQLAlchemy."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import create_engine, exc, text
from sqlalchemy.engine import URL, Connection, Engine, make_url

from mlops_cli.errors import (
    ConfigError,
    DataError,
    MissingDependencyError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from mlops_cli.reporting import Reporter

PASSWORD = "MLOPS_SQL_PASSWORD"
"""The environment variable of a password that the URL leaves out."""

_BATCH = 4096
_SECRETS = ("pass", "pwd", "token", "secret", "key")
_TYPES: dict[type, tuple[str, Any]] = {
    bool: ("boolean", pa.bool_()),
    int: ("integer", pa.int64()),
    float: ("number", pa.float64()),
    datetime: ("timestamp", pa.timestamp("us")),
    date: ("date", pa.date32()),
}
_LARGEST = 1 << 63
_QUERY = "one statement that returns rows, as this database writes it: SELECT …"


def without_secrets(url: str, root: Path) -> str:
    """The URL as it may be written down: no password, an SQLite file as the project sees it.

    Raises:
        UsageError: It is no URL.
    """
    parsed = _parsed(url)
    query = {k: v for k, v in parsed.query.items() if not any(s in k.lower() for s in _SECRETS)}
    shown = parsed.set(query=query)._replace(password=None)
    if _is_file(parsed):
        there = Path(str(parsed.database)).resolve()
        inside = there.is_relative_to(root)
        shown = shown.set(database=str(there.relative_to(root) if inside else there))
    return shown.render_as_string(hide_password=True)


def fetch(sql: str, url: str, target: Path, reporter: Reporter) -> int:
    """Runs the query and writes what it returns.

    Args:
        sql: One statement that returns rows.
        url: SQLAlchemy's URL; a password may come from the environment.
        target: The Parquet file to write.
        reporter: Told of progress.

    Returns:
        Number of rows.

    Raises:
        UsageError: The URL is none, or the statement returns no rows.
        MissingDependencyError: The database's driver is not installed, or it refuses the login.
        NotFoundError: There is no such database.
        UnreachableError: The server can't be reached.
        DataError: The database refuses the query, or two columns share a name.
    """
    parsed = _parsed(url)
    to_server = parsed.host is not None or parsed.username is not None
    if to_server and parsed.password is None and os.environ.get(PASSWORD):
        parsed = parsed.set(password=os.environ[PASSWORD])
    if _is_file(parsed) and not Path(str(parsed.database)).is_file():
        raise NotFoundError(f"no SQLite database {parsed.database}", hint="check the URL's path")
    shown = parsed.render_as_string(hide_password=True)
    try:
        engine = create_engine(parsed)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{parsed.get_backend_name()} needs the package {error.name}",
            hint=f"pip install {error.name}, or name another driver: dialect+driver://…",
        ) from error
    except (exc.ArgumentError, exc.NoSuchModuleError) as error:
        raise UsageError(
            f"no database is called {parsed.drivername!r}",
            hint="such as sqlite:///FILE, postgresql://USER@HOST/NAME, mysql://USER@HOST/NAME",
        ) from error
    try:
        with _connected(engine, shown, parsed.password) as connection:
            return _stream(connection, sql, target, reporter)
    except exc.DBAPIError as error:
        said = _said(error, parsed.password)
        if "not a database" in said.lower():
            raise ConfigError(
                f"{shown} is no SQLite database", hint="check the URL's path"
            ) from error
        raise DataError(f"{shown} refuses the query: {said}", hint=_QUERY) from error
    except exc.SQLAlchemyError as error:
        raise DataError(f"{shown}: {_first_line(error)}", hint=_QUERY) from error
    finally:
        engine.dispose()


def _connected(engine: Engine, shown: str, password: str | None) -> Connection:
    """A connection to the database.

    Raises:
        MissingDependencyError: It refuses the login.
        NotFoundError: The server has no such database.
        UnreachableError: The server can't be reached.
    """
    try:
        return engine.connect()
    except exc.DBAPIError as error:
        said = _said(error, password)
        lowered = said.lower()
        if any(word in lowered for word in ("authentication", "access denied", "password")):
            raise MissingDependencyError(
                f"{shown} refuses the login: {said}", hint=f"export {PASSWORD}=…"
            ) from error
        if "does not exist" in lowered or "unknown database" in lowered:
            raise NotFoundError(f"{shown}: {said}", hint="check the URL") from error
        raise UnreachableError(
            f"{shown} can't be reached: {said}", hint="check host and port"
        ) from error


def _stream(connection: Connection, sql: str, target: Path, reporter: Reporter) -> int:
    if connection.dialect.name == "sqlite":
        # A DROP that was typed by mistake would not be rolled back.
        connection.exec_driver_sql("PRAGMA query_only = ON")
    streamed = connection.execution_options(stream_results=True, yield_per=_BATCH)
    # A colon in the text is no parameter.
    result = streamed.execute(text(sql.replace(":", "\\:")))
    if not result.returns_rows:
        raise UsageError("the statement returns no rows", hint="a query: --sql 'SELECT …'")
    columns = list(result.keys())
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the query names two columns {twice!r}", hint="rename one: … AS NAME")
    # The type of a column is known only when every value has been seen.
    lines = target.with_suffix(".rows")
    found: list[set[type]] = [set() for _ in columns]
    count = 0
    with lines.open("w", encoding="utf-8") as out, reporter.task("querying", None) as progress:
        for batch in result.partitions(_BATCH):
            for row in batch:
                cells = [plain_value(value) for value in row]
                for kinds, cell in zip(found, cells, strict=True):
                    kinds.add(type(cell))
                out.write(json.dumps(cells, default=_iso, ensure_ascii=True) + "\n")
            count += len(batch)
            progress.advance(len(batch))
    _write(lines, target, columns, [_common(seen - {type(None)}) for seen in found])
    lines.unlink()
    return count


def _write(lines: Path, target: Path, columns: list[str], kinds: Sequence[type]) -> None:
    schema = pa.schema(
        [
            (name, _TYPES[kind][1] if kind in _TYPES else pa.string())
            for name, kind in zip(columns, kinds, strict=True)
        ]
    )
    with lines.open(encoding="utf-8") as stream, pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(stream):
            cells = list(zip(*batch, strict=True))
            arrays = [
                pa.array([_typed(value, kind) for value in column], field.type)
                for column, kind, field in zip(cells, kinds, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _batches(stream: Iterator[str]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    for line in stream:
        batch.append(json.loads(line))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def plain_value(value: Any) -> Any:
    """A cell of any driver as one of the types that Parquet takes."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Decimal):
        exact = value.is_finite() and abs(value) < _LARGEST
        whole = exact and value == value.to_integral_value()
        return int(value) if whole else float(value)
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else str(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, float | date):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, time) else str(value)


def _common(kinds: set[type]) -> type:
    """The type that takes values of all of these."""
    if kinds == {int, float}:
        return float
    if kinds == {date, datetime}:
        return datetime
    return kinds.pop() if len(kinds) == 1 else str


def _typed(value: Any, kind: type) -> Any:
    """A value that went through JSON, as its column's type."""
    if value is None:
        return None
    if kind is datetime or kind is date:
        return kind.fromisoformat(value)
    if kind is str and not isinstance(value, str):
        return json.dumps(value)
    return kind(value)


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise UsageError(
            "--url is no SQLAlchemy URL",
            hint="such as sqlite:///reviews.db or postgresql://USER@HOST/NAME",
        ) from error


def _is_file(url: URL) -> bool:
    """Whether it is an SQLite database in a file."""
    named = url.database not in (None, "", ":memory:") and not str(url.database).startswith("file:")
    return url.get_backend_name() == "sqlite" and named


def _said(error: exc.DBAPIError, password: str | None) -> str:
    """What a database says, without the password."""
    said = _first_line(error.orig or error)
    return said.replace(password, "***") if password else said


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
