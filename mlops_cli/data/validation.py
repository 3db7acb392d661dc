"""Stage `data validate`: what is wrong with the data, how bad that is, and what to do.

The files of `data=file` are looked at as they are; the data of every other source, and what
training has loaded, as splits.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mlops_cli import data
from mlops_cli.data.checks import (
    ROW,
    Finding,
    Inspection,
    Part,
    classes,
    columns,
    conformance,
    counted,
    duplicates,
    near_duplicates,
    skew,
    texts,
)
from mlops_cli.data.engine import Engine, Relation
from mlops_cli.data.examples import Splits
from mlops_cli.data.file import open_file
from mlops_cli.data.schema import TableSchema
from mlops_cli.data.schema import read as read_schema
from mlops_cli.data.tables import Table, format_of, guess_columns, missing_column
from mlops_cli.errors import ConfigError, DataError, GateError
from mlops_cli.project import locate
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import DataConfig, FileDataConfig
from mlops_cli.schemas.validation import SEVERITIES, Anomaly, Example, ValidationResult

_FAMILIES = (conformance, duplicates, classes, texts, columns, near_duplicates, skew)
_BEFORE_TRAINING = (conformance, duplicates, classes)
"""What is made before every training: what costs next to nothing."""

_SHORT = 80
_UNSET_TEXT = DataConfig().text
"""The name of the text column where nobody set one."""


def run(config: Config, reporter: Reporter, *, against: Path | None = None) -> ValidationResult:
    """Makes every check that the config does not ignore.

    Args:
        config: The resolved config.
        reporter: Told of progress.
        against: A file that the model is asked, to be compared with train.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be read, or has no such column.
        ConfigError: A setting is off, or the schema can't be read.
    """
    began = time.perf_counter()
    with Engine(reporter) as engine:
        schema, path = _schema(config.data)
        if (config.data.module or config.data.name) == "file":
            parts = _files(engine, config.data, schema, reporter)
        else:
            parts = _held(engine, config, data.load(config.data, config.seed, reporter))
        other = _against(engine, config.data, parts[0], against) if against else None
        inspection = Inspection(
            engine,
            [_with_keys(engine, part) for part in parts],
            config.validation,
            reporter,
            schema,
            other,
        )
        result = _look(config, inspection, _FAMILIES)
    return replace(
        result, schema=path, against=against, seconds=round(time.perf_counter() - began, 2)
    )


def before_training(config: Config, splits: Splits, reporter: Reporter) -> ValidationResult:
    """Makes the checks that cost next to nothing on the splits that are about to be trained on.

    With `data.schema`, the files of `data=file` are held to it as they are.

    Raises:
        GateError: There is an error.
        ConfigError: The schema can't be read.
    """
    with Engine(SilentReporter()) as engine:
        schema, path = _schema(config.data)
        held = [_with_keys(engine, part) for part in _held(engine, config, splits)]
        inspection = Inspection(engine, held, config.validation, SilentReporter())
        result = _look(config, inspection, _BEFORE_TRAINING)
        if schema is not None:
            of_file = (config.data.module or config.data.name) == "file"
            parts = _files(engine, config.data, schema, reporter) if of_file else held
            inspection = replace(inspection, parts=parts, schema=schema)
            conformity = _look(config, inspection, (conformance,))
            result = _summed(replace(result, schema=path), conformity.anomalies)
    for anomaly in result.anomalies:
        if anomaly.severity == "warning":
            reporter.warn(anomaly.message)
    require(result, "mlops train --no-validate trains all the same")
    return result


def require(result: ValidationResult, otherwise: str = "") -> None:
    """Raises GateError naming the errors, where there are any.

    Args:
        result: What was found.
        otherwise: How to go on in spite of it.
    """
    found = [anomaly for anomaly in result.anomalies if anomaly.severity == "error"]
    if found:
        named = "; ".join(f"{anomaly.name} ({anomaly.message})" for anomaly in found[:3])
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise GateError(
            f"{counted(len(found), 'error')} in the data: {named}{more}",
            hint=otherwise or f"{found[0].fix}; or validation.{found[0].name}=warning",
        )


def _look(config: Config, inspection: Inspection, families: Sequence[object]) -> ValidationResult:
    anomalies: list[Anomaly] = []
    checks: list[str] = []
    for family in families:
        names = [name for name in family.NAMES if inspection.wants(name)]  # type: ignore[attr-defined]
        if not names or (family is skew and inspection.against is None):
            continue
        if family is conformance and inspection.schema is None:
            continue
        checks += names
        findings = [one for one in family.find(inspection) if one.name in names]  # type: ignore[attr-defined]
        anomalies += _anomalies(inspection, findings)
    result = ValidationResult(
        data=config.data.name,
        rows={part.name: part.rows for part in inspection.parts},
        schema=None,
        against=None,
        checks=checks,
    )
    return _summed(result, anomalies)


def _summed(result: ValidationResult, more: Sequence[Anomaly]) -> ValidationResult:
    """The result with more anomalies, the worst and most frequent first."""
    anomalies = sorted(
        (*result.anomalies, *more),
        key=lambda one: (SEVERITIES.index(one.severity), -one.share, one.name),
    )
    counts = [sum(one.severity == severity for one in anomalies) for severity in SEVERITIES]
    checks = list(dict.fromkeys((*result.checks, *(one.name for one in more))))
    return replace(
        result,
        anomalies=anomalies,
        checks=checks,
        errors=counts[0],
        warnings=counts[1],
        infos=counts[2],
    )


def _anomalies(inspection: Inspection, findings: Sequence[Finding]) -> Iterator[Anomaly]:
    """Findings with their severities, and with the row numbers that people see."""
    for finding in findings:
        wanted = {row for rows, _ in finding.examples for row in rows}
        numbers = _numbers(finding.part, wanted)
        yield Anomaly(
            name=finding.name,
            severity=getattr(inspection.settings, finding.name),
            message=finding.message,
            split=finding.part.name,
            column=finding.column,
            count=finding.count,
            share=finding.count / finding.total if finding.total else 0.0,
            examples=[
                Example([numbers[row] for row in rows], _shortened(value))
                for rows, value in finding.examples
            ],
            fix=finding.fix,
        )


def _numbers(part: Part, wanted: set[int]) -> dict[int, int]:
    """The numbers that people see, of rows counted from 1."""
    table = part.relation.table
    if part.numbers:
        return {row: part.numbers[row - 1] for row in wanted}
    if not wanted or table.format == "parquet":
        return {row: row for row in wanted}
    rows = islice(table.rows(), max(wanted))
    return {count: number for count, (number, _) in enumerate(rows, 1) if count in wanted}


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"


def _schema(config: DataConfig) -> tuple[TableSchema | None, Path | None]:
    if not config.schema:
        return None, None
    path = locate(config.schema)
    return read_schema(path), path


def _files(
    engine: Engine, config: DataConfig, schema: TableSchema | None, reporter: Reporter
) -> list[Part]:
    """The files of `data=file` as they are."""
    if not isinstance(config, FileDataConfig) or not config.path:
        raise ConfigError(
            "data=file needs the file to look at: data.path is not set",
            hint="mlops data validate data=file data.path=FILE.csv data.label=COLUMN",
        )
    paths = {"train": config.path, "validation": config.validation_path, "test": config.test_path}
    kinds = schema.kinds if schema else {}
    parts = []
    for name, path in paths.items():
        if path:
            table = open_file(config, path)
            known = {column: kind for column, kind in kinds.items() if column in table.columns}
            parts.append(
                _part(engine, name, engine.open(table, known), *_roles(config, table, reporter))
            )
    return parts


def _roles(config: DataConfig, table: Table, reporter: Reporter) -> tuple[str | None, str]:
    """The text column and the label column; a table of numbers and categories has no text."""
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


def _against(engine: Engine, config: DataConfig, train: Part, path: Path) -> Part:
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
    part = _part(engine, str(path), engine.open(table, kinds), text, label)
    if not part.rows:
        raise DataError(f"{path} has no rows to compare", hint="a header alone says nothing")
    return part


def _held(engine: Engine, config: Config, splits: Splits) -> list[Part]:
    """Splits that are in memory."""
    settings = config.data
    text, label = settings.text, settings.label
    parts = []
    for name, split in splits.named().items():
        # A task with one input calls it by its own name.
        inputs = {
            text if len(split.inputs) == 1 else column: values
            for column, values in split.inputs.items()
        }
        columns = {**inputs, label: split.targets}
        table = Table(Path(name), list(columns), "parquet", None, False, None, False, _no_rows)
        relation = engine.hold(table, columns)
        part = _part(engine, name, relation, text if len(inputs) == 1 else None, label)
        parts.append(replace(part, numbers=split.numbers))
    return parts


def _no_rows() -> Iterator[tuple[int, dict[str, str | None]]]:
    return iter(())


def _part(
    engine: Engine, name: str, relation: Relation, text: str | None, label: str | None
) -> Part:
    rows = engine.run(f"SELECT count(*) FROM {relation.raw}", description=f"reading {name}")
    return Part(name, relation, int(rows[0][0]), text, label)


def _with_keys(engine: Engine, part: Part) -> Part:
    """The part with its table of hashes, from which whole families of checks are answered."""
    keys = f"keys_{part.name}"
    engine.run(
        f"CREATE TABLE {keys} AS SELECT {ROW} AS row, {duplicates.key_sql(part)} AS key, "
        f"{part.label_text} AS label FROM {part.numbered}",
        description=f"hashing {part.name}",
    )
    return replace(part, keys=keys)
