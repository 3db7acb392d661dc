"""Stage `data validate`: what is wrong with the data, how bad that is, and what to do.

The files of `data=file` are looked at as they are; the data of every other source, and what
training has loaded, as splits.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mlops_cli import data
from mlops_cli.data.checks import (
    Family,
    Finding,
    Inspection,
    Part,
    classes,
    columns,
    conformance,
    duplicates,
    near_duplicates,
    parts,
    skew,
    texts,
)
from mlops_cli.data.engine import Engine
from mlops_cli.data.examples import Splits
from mlops_cli.data.schema import TableSchema
from mlops_cli.data.schema import read as read_schema
from mlops_cli.errors import GateError
from mlops_cli.project import locate
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import DataConfig
from mlops_cli.schemas.validation import SEVERITIES, Anomaly, Example, ValidationResult
from mlops_cli.wording import counted

_FAMILIES: tuple[Family, ...] = (
    conformance,
    duplicates,
    classes,
    texts,
    columns,
    near_duplicates,
    skew,
)
_BEFORE_TRAINING: tuple[Family, ...] = (conformance, duplicates, classes)
"""What is made before every training: what costs next to nothing."""
_OF_CLASSES = {
    "labels": {*classes.NAMES, "missing_labels"},
    "numbers": {*classes.NAMES, "conflicting_labels"},
    "tags": {*classes.NAMES, "conflicting_labels"},
}
"""Checks that make no sense of targets other than classes: a row may have no label of several."""

_SHORT = 80
_AS_FILES = ("file", "stream")
"""Sources whose files are looked at as they are."""


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
        if (config.data.module or config.data.name) in _AS_FILES:
            found = parts.files(engine, config.data, schema, reporter)
        else:
            splits = data.load(config.data, config.seed, reporter)
            found = parts.held(engine, config.data, splits)
        other = parts.against(engine, config.data, found[0], against) if against else None
        inspection = Inspection(
            engine,
            [parts.with_keys(engine, part) for part in found],
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

    With `data.schema`, the files of `data=file` and `data=stream` are held to it as they are; no
    other check is made of rows on the disk.

    Raises:
        GateError: There is an error.
        ConfigError: The schema can't be read.
    """
    streamed = splits.train.streamed
    if streamed and config.data.schema:
        reporter.info(
            "rows on the disk are held to the schema; mlops data validate checks the rest"
        )
    elif streamed:
        reporter.info("rows on the disk are checked by mlops data validate, not before training")
        return ValidationResult(config.data.name, {}, schema=None, against=None, checks=[])
    with Engine(SilentReporter()) as engine:
        schema, path = _schema(config.data)
        found = [] if streamed else parts.held(engine, config.data, splits)
        held = [parts.with_keys(engine, one) for one in found]
        inspection = Inspection(engine, held, config.validation, SilentReporter())
        result = _look(config, inspection, _BEFORE_TRAINING if held else ())
        if schema is not None:
            of_file = (config.data.module or config.data.name) in _AS_FILES
            found = parts.files(engine, config.data, schema, reporter) if of_file else held
            inspection = replace(inspection, parts=found, schema=schema)
            conformity = _look(config, inspection, (conformance,))
            result = _summed(replace(result, schema=path), conformity.anomalies)
    warnings: dict[str, list[str]] = {}
    for anomaly in result.anomalies:
        if anomaly.severity == "warning":
            warnings.setdefault(anomaly.name, []).append(_placed(anomaly))
    for messages in warnings.values():
        reporter.warn("; ".join(messages))
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
        named = "; ".join(_placed(anomaly) for anomaly in found[:3])
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise GateError(
            f"{counted(len(found), 'error')} in the data: {named}{more}",
            hint=otherwise or f"{found[0].fix}; or validation.{found[0].name}=warning",
        )


def _placed(anomaly: Anomaly) -> str:
    """The message with the split it is about."""
    told = anomaly.split in anomaly.message.split()
    return anomaly.message if told else f"{anomaly.split}: {anomaly.message}"


def _look(config: Config, inspection: Inspection, families: Sequence[Family]) -> ValidationResult:
    findings: list[Finding] = []
    checks: list[str] = []
    without = set(() if inspection.schema else conformance.NAMES)
    without |= set(() if inspection.against else skew.NAMES)
    without |= _OF_CLASSES.get(config.data.targets, set())
    for family in families:
        names = [n for n in family.NAMES if inspection.wants(n) and n not in without]
        if names:
            checks += names
            findings += [one for one in family.find(inspection) if one.name in names]
    result = ValidationResult(
        data=config.data.name,
        rows={part.name: part.rows for part in inspection.parts},
        schema=None,
        against=None,
        checks=checks,
    )
    return _summed(result, _anomalies(inspection, findings))


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


def _anomalies(inspection: Inspection, findings: Sequence[Finding]) -> list[Anomaly]:
    """Findings with their severities, and with the row numbers that people see."""
    parts_of = {finding.part.name: finding.part for finding in findings}
    wanted: dict[str, set[int]] = {name: set() for name in parts_of}
    for finding in findings:
        wanted[finding.part.name].update(row for rows, _ in finding.examples for row in rows)
    numbers = {name: _numbers(part, wanted[name]) for name, part in parts_of.items()}
    return [
        Anomaly(
            name=finding.name,
            severity="info" if finding.minor else getattr(inspection.settings, finding.name),
            message=finding.message,
            split=finding.part.name,
            column=finding.column,
            count=finding.count,
            share=finding.count / finding.total if finding.total else 0.0,
            examples=[
                Example([numbers[finding.part.name][row] for row in rows], _shortened(value))
                for rows, value in finding.examples
            ],
            fix=finding.fix,
        )
        for finding in findings
    ]


def _numbers(part: Part, wanted: set[int]) -> dict[int, int]:
    """The numbers that people see, of rows counted from 1."""
    table = part.relation.table
    if part.numbers:
        return {row: part.numbers[row - 1] for row in wanted}
    if not wanted or table.format == "parquet":
        return {row: row for row in wanted}
    # Only our own reader knows the lines, for a value may hold line ends.
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
