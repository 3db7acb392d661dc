"""The parts that checks look at: files as they are, or splits that are in memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlops_cli.data.checks import ROW, Part
from mlops_cli.data.checks.duplicates import key_sql
from mlops_cli.data.engine import Engine, Relation
from mlops_cli.data.examples import Splits
from mlops_cli.data.file import open_file
from mlops_cli.data.schema import TableSchema
from mlops_cli.data.table import feature_columns, refuse_without
from mlops_cli.data.tables import Table, format_of, guess_columns, missing_column
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, FileDataConfig, TableDataConfig

_UNSET_TEXT = DataConfig().text
"""The name of the text column where nobody set one."""
_CONTENT = "#content"
"""The column of the hashes of files that a row names."""


def files(
    engine: Engine, config: DataConfig, schema: TableSchema | None, reporter: Reporter
) -> list[Part]:
    """The files of `data=file` and `data=stream` as they are.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be read, or lacks a column that training reads.
        ConfigError: No file is named, or the label is among the features.
    """
    if not isinstance(config, FileDataConfig) or not config.path:
        raise ConfigError(
            "data=file needs the file to look at: data.path is not set",
            hint="mlops data validate data=file data.path=FILE.csv data.label=COLUMN",
        )
    paths = {"train": config.path, "validation": config.validation_path, "test": config.test_path}
    kinds = schema.kinds if schema else {}
    features = _features(config)
    found = []
    for name, path in paths.items():
        if path:
            table = open_file(config, path)
            known = {column: kind for column, kind in kinds.items() if column in table.columns}
            text, label = _roles(config, table, features, reporter)
            part = _part(engine, name, engine.open(table, known), text, label)
            found.append(replace(part, features=features))
    return found


def _features(config: FileDataConfig) -> tuple[str, ...] | None:
    """The columns to predict from, where the task reads a table."""
    if config.inputs != "table" or not isinstance(config, TableDataConfig):
        return None
    return tuple(feature_columns(config, open_file(config, config.path)))


def _roles(
    config: FileDataConfig, table: Table, features: tuple[str, ...] | None, reporter: Reporter
) -> tuple[str | None, str]:
    """The text column and the label column; a table of numbers and categories has no text."""
    if features is not None and isinstance(config, TableDataConfig):
        refuse_without(table, config, features)
        return None, config.label
    if config.label not in table.columns:
        raise missing_column(table, config.label, "data.label")
    if config.text in table.columns:
        return config.text, config.label
    if config.text != _UNSET_TEXT:
        raise missing_column(table, config.text, "data.text")
    guess = guess_columns(table)[0]
    meant = f"; did you mean data.text={guess}?" if guess not in (None, config.label) else ""
    reporter.warn(f"{table.path} has no column {config.text!r}: looked at without a text{meant}")
    return None, config.label


def against(engine: Engine, config: DataConfig, train: Part, path: Path) -> Part:
    """The file to compare with train, whose columns are of the kinds that train's are."""
    settings = FileDataConfig()
    if isinstance(config, FileDataConfig):
        # Of another format than train, it has no dialect in common with it.
        alike = format_of(path) == train.relation.table.format
        settings = config if alike else FileDataConfig(missing=config.missing)
    table = open_file(settings, str(path))
    kinds = {name: kind for name, kind in train.relation.kinds.items() if name in table.columns}
    text = train.text if train.text in table.columns else None
    label = train.label if train.label in table.columns else None
    return _part(engine, str(path), engine.open(table, kinds), text, label)


def held(engine: Engine, config: DataConfig, splits: Splits) -> list[Part]:
    """Splits that are in memory."""
    text, label = config.text, config.label
    found = []
    for name, split in splits.named().items():
        # A task with one input calls it by its own name.
        textual = len(split.inputs) == 1 and not split.contents and config.inputs != "table"
        inputs = {text if textual else column: values for column, values in split.inputs.items()}
        content = {_CONTENT: split.contents} if split.contents else {}
        columns = {**inputs, **content, label: split.targets}
        table = Table(Path(name), list(columns), "parquet", None, False, None, False, _no_rows)
        relation = engine.hold(table, columns)
        part = _part(engine, name, relation, text if textual else None, label)
        held_by = _CONTENT if split.contents else None
        found.append(replace(part, numbers=split.numbers, content=held_by))
    return found


def _no_rows() -> Iterator[tuple[int, dict[str, str | None]]]:
    return iter(())


def _part(
    engine: Engine, name: str, relation: Relation, text: str | None, label: str | None
) -> Part:
    sql = f"SELECT count(*) FROM {relation.raw}"
    rows = int(engine.run(sql, description=f"reading {name}")[0][0])
    if not rows:
        raise DataError(f"{relation.table.path} has no rows", hint="a header alone says nothing")
    return Part(name, relation, rows, text, label)


def with_keys(engine: Engine, part: Part) -> Part:
    """The part with its table of hashes, from which whole families of checks are answered."""
    keys = f"keys_{part.name}"
    engine.run(
        f"CREATE TABLE {keys} AS SELECT {ROW} AS row, {key_sql(part)} AS key, "
        f"{part.label_text} AS label FROM {part.numbered}",
        description=f"hashing {part.name}",
    )
    return replace(part, keys=keys)
