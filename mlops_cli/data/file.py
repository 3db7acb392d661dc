"""`data=file`: a CSV, TSV, JSONL or Parquet file of the user's own."""

from mlops_cli.data.collecting import (
    Collector,
    input_columns,
    known_names,
    refuse_same_columns,
    roles,
)
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.tables import Table, missing_column, open_table
from mlops_cli.errors import ConfigError
from mlops_cli.project import locate
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, FileDataConfig

_PROGRESS_ROWS = 10_000


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Reads the training file and, where given, the validation and test files.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be used; the message names the line and column.
        ConfigError: No file is named, or a setting is off.
    """
    if not isinstance(config, FileDataConfig):
        raise ConfigError("data=file takes the settings of data=file", hint="type data=file")
    if not config.path:
        raise ConfigError(
            "data=file needs the file to train on: data.path is not set",
            hint="mlops train data=file data.path=FILE.csv data.text=COLUMN data.label=COLUMN",
        )
    refuse_same_columns(config)
    train = _read(config, config.path, reporter)
    known = known_names(train, config)
    validation = _later(config, config.validation_path, known, reporter)
    return Splits(train, validation, _later(config, config.test_path, known, reporter))


def open_file(config: FileDataConfig, path: str) -> Table:
    """One of the files that the settings name, opened as they say.

    Raises:
        NotFoundError: There is no such file.
        DataError: It can't be read as a table.
        ConfigError: A setting is no encoding, delimiter or format.
    """
    return open_table(
        locate(path),
        format=config.format,
        encoding=config.encoding,
        delimiter=config.delimiter,
        columns=config.columns,
        skip_rows=config.skip_rows,
        missing=config.missing or (),
    )


def _later(
    config: FileDataConfig, path: str | None, known: set[str], reporter: Reporter
) -> Examples | None:
    return _read(config, path, reporter, known) if path else None


def _read(
    config: FileDataConfig, path: str, reporter: Reporter, known: set[str] | None = None
) -> Examples:
    """One file; `known` are the labels it may hold, None for any."""
    table = open_file(config, path)
    if table.encoding_guessed:
        reporter.info(
            f"{path} is not UTF-8: read as {table.encoding}, a guess (data.encoding= sets another)"
        )
    # Only training rows are split.
    by = config.split_by if known is None else None
    refuse_missing(table, config, by)
    rows = _collect(config, table, by, reporter)
    examples = rows.finish(reporter)
    if known is not None:
        rows.refuse_unknown(known)
    return examples


def refuse_missing(table: Table, config: FileDataConfig, by: str | None) -> None:
    """Raises DataError where the table lacks a column that is read; `by` is one to split by."""
    for setting, name in {**roles(config), "split_by": by}.items():
        if name is not None and name not in table.columns:
            raise missing_column(table, name, f"data.{setting}")
    refuse_missing_slices(table, config)


def refuse_missing_slices(table: Table, config: DataConfig) -> None:
    """Raises DataError where the table lacks a column of `data.slice_by`."""
    for name in config.slice_by:
        if name not in table.columns:
            raise missing_column(table, name, "data.slice_by")


def _collect(config: FileDataConfig, table: Table, by: str | None, reporter: Reporter) -> Collector:
    columns, label = list(input_columns(config).values()), config.label
    rows = Collector(str(table.path), config, table.unit, by)
    with reporter.task(f"reading {table.path.name}", None) as progress:
        for count, (number, row) in enumerate(table.rows(), 1):
            values = [row[column] for column in columns]
            rows.add(number, values, row[label], row[by] if by else None, row)
            if count % _PROGRESS_ROWS == 0:
                progress.advance(_PROGRESS_ROWS)
    return rows
