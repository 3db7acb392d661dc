"""`data=table`: rows of numbers and categories in a file of the user's own."""

from collections.abc import Mapping, Sequence

from mlops_cli.data.collecting import Collector
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.file import open_file, refuse_missing_slices
from mlops_cli.data.tables import Table, missing_column
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, TableDataConfig

_PROGRESS_ROWS = 10_000


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Reads the training file and, where given, the validation and test files.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be used; the message names the line and column.
        ConfigError: No file is named, or a setting is off.
    """
    if not isinstance(config, TableDataConfig):
        raise ConfigError("data=table takes the settings of data=table", hint="type data=table")
    if not config.path:
        raise ConfigError(
            "data=table needs the file to train on: data.path is not set",
            hint="mlops train task=tabular_classification model=trees data=table "
            "data.path=FILE.csv data.label=COLUMN",
        )
    features = feature_columns(config, open_file(config, config.path))
    train = _read(config, config.path, features, reporter, train=True)
    validation, test = (
        _read(config, path, features, reporter, train=False) if path else None
        for path in (config.validation_path, config.test_path)
    )
    return Splits(train, validation, test)


def feature_columns(config: TableDataConfig, table: Table) -> list[str]:
    """The columns to predict from, in the order of the training file.

    Raises:
        DataError: A column that is named is not there, or there is none to predict from.
        ConfigError: The label is among them.
    """
    for name, setting in ((config.label, "data.label"), (config.split_by, "data.split_by")):
        if name is not None and name not in table.columns:
            raise missing_column(table, name, setting)
    for name in (*(config.features or ()), *config.leave_out):
        if name not in table.columns:
            raise missing_column(table, name, "data.features")
    if config.features is not None and config.label in config.features:
        raise ConfigError(
            f"data.features has the label, {config.label!r}", hint="leave it out of data.features"
        )
    none = {config.label, config.split_by, *config.leave_out}
    wanted = set(config.features or table.columns) - none
    found = [name for name in table.columns if name in wanted]
    if not found:
        raise DataError(
            f"{table.path} has no column to predict from beside {config.label!r}",
            hint="data.label=COLUMN names what is predicted",
        )
    return found


def refuse_without(table: Table, config: TableDataConfig, features: Sequence[str]) -> None:
    """Raises DataError where a file lacks the label, or a feature of the training file."""
    for name in (config.label, *features):
        if name not in table.columns:
            raise missing_column(table, name, "data.features")


def cells(row: Mapping[str, str | None], features: Sequence[str]) -> list[str]:
    """The features of a row; empty where there is no value."""
    return [(row[name] or "").strip() for name in features]


def _read(
    config: TableDataConfig, path: str, features: list[str], reporter: Reporter, *, train: bool
) -> Examples:
    table = open_file(config, path)
    by = config.split_by if train else None
    refuse_without(table, config, features)
    refuse_missing_slices(table, config)
    rows = Collector(str(table.path), config, table.unit, by, features)
    with reporter.task(f"reading {table.path.name}", None) as progress:
        for count, (number, row) in enumerate(table.rows(), 1):
            label = row[config.label]
            rows.add(number, cells(row, features), label, row[by] if by else None, row)
            if count % _PROGRESS_ROWS == 0:
                progress.advance(_PROGRESS_ROWS)
    return rows.finish(reporter)
