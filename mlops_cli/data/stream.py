"""`data=stream`: texts, words or a table in a CSV, TSV, JSONL or Parquet file larger than memory.

Its rows are checked and copied once into an Arrow file below `runs/`, which is mapped into memory;
a changed file, or other columns, make a new copy in place of the old one.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from mlops_cli.data import copies
from mlops_cli.data.collecting import Collector, input_columns, known_names, refuse_same_columns
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.file import open_file, refuse_missing
from mlops_cli.data.mapped import OWN, open_mapped
from mlops_cli.data.table import cells, feature_columns, refuse_without
from mlops_cli.data.tables import Table
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.files import atomic_path
from mlops_cli.project import find_root, locate
from mlops_cli.reporting import Reporter, SilentReporter
from mlops_cli.schemas.data import DataConfig, StreamDataConfig
from mlops_cli.tasks.encoders.words import split_words

_ROWS, _CHARACTERS = 10_000, 8_000_000
"""What is held of a file while it is copied."""
_NOT_OF_ROWS = {
    "validation_fraction", "test_fraction", "split", "slice_by", "limit", "schema", "params",
}  # fmt: skip
"""Settings that change nothing about the rows of a file."""


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Maps the training file and, where given, the validation and test files.

    Raises:
        NotFoundError: A file is not there.
        DataError: A file can't be used; the message names the line and column.
        ConfigError: No file is named, or a setting is off.
    """
    if not isinstance(config, StreamDataConfig):
        raise ConfigError("data=stream takes the settings of data=stream", hint="data=stream")
    refuse_same_columns(config)
    names = _input_names(config)
    train = _mapped(config, config.path, names, reporter)
    known = known_names(train, config) if config.validation_path or config.test_path else set()
    later = (
        _mapped(config, path, names, reporter, known) if path else None
        for path in (config.validation_path, config.test_path)
    )
    return Splits(train, *later)


def _input_names(config: StreamDataConfig) -> list[str]:
    """What the task calls its inputs; of a table, the columns to predict from."""
    if config.inputs == "table":
        return feature_columns(config, open_file(config, config.path))
    return [*input_columns(config)]


def _mapped(
    config: StreamDataConfig,
    path: str,
    names: Sequence[str],
    reporter: Reporter,
    known: set[str] | None = None,
) -> Examples:
    """The rows of one file; `known` are the labels it may have, None for any."""
    source = locate(path).resolve()
    table = open_file(config, path)
    if config.inputs == "table":
        refuse_without(table, config, names)
    else:
        refuse_missing(table, config, None)
    settings = {name: value for name, value in asdict(config).items() if name not in _NOT_OF_ROWS}
    there = source.stat()
    # Size and time of the content can be set back; the last two tell that somebody did.
    changed = [there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino]
    facts = [str(source), changed, settings, names]
    folder = copies.folder(find_root() / "runs", source)
    copy = folder / f"{copies.digest(facts)}.arrow"
    # Processes that train together all come here.
    with FileLock(folder / "lock"):
        if not copy.exists():
            with atomic_path(copy) as temporary:
                _copy(table, config, names, temporary, reporter)
            for old in folder.glob("*.arrow"):
                if old != copy:
                    old.unlink()
    mapped = open_mapped(copy)
    if known is not None:
        _refuse_unknown(mapped, table, config, names, known)
    return mapped


def _copy(
    table: Table, config: StreamDataConfig, names: Sequence[str], path: Path, reporter: Reporter
) -> None:
    target, mark = OWN
    schema = pa.schema(
        [*((name, pa.large_string()) for name in (*names, target)), (mark, pa.uint64())]
    )
    with (
        pa.OSFile(str(path), "wb") as stream,
        pa.ipc.new_file(stream, schema) as writer,
        reporter.task(f"copying {table.path.name}", None) as progress,
    ):
        for part in _parts(table, config, names):
            if config.targets == "tags":
                _refuse_uneven(table, part)
            columns = [part.inputs[name] for name in names]
            hashes = [_hash(row) for row in zip(*columns, strict=True)]
            writer.write_batch(pa.record_batch([*columns, part.targets, hashes], schema=schema))
            progress.advance(len(part))


def _parts(table: Table, config: StreamDataConfig, names: Sequence[str]) -> Iterator[Examples]:
    """The rows of a file, some at a time, checked."""
    wanted, quiet = list(input_columns(config).values()), SilentReporter()
    rows, count, size, empty = _collector(table, config, names), 0, 0, True
    for number, row in table.rows():
        values: Sequence[str | None]
        values = [row[column] for column in wanted] if wanted else cells(row, names)
        rows.add(number, values, row[config.label])
        count, size = count + 1, size + sum(len(value or "") for value in values)
        if count == _ROWS or size > _CHARACTERS:
            yield rows.finish(quiet)
            rows, count, size, empty = _collector(table, config, names), 0, 0, False
    if count or empty:
        yield rows.finish(quiet)


def _refuse_uneven(table: Table, part: Examples) -> None:
    """Raises DataError where a row has more words than tags, or less."""
    for number, words, tags in zip(part.numbers, part.inputs["text"], part.targets, strict=True):
        counts = len(split_words(words)), len(split_words(tags))
        if len(set(counts)) > 1:
            raise DataError(
                f"{table.path}, {table.unit} {number}: {counts[0]} words and {counts[1]} tags",
                hint="one tag a word, both parted by spaces or both JSON lists",
            )


def _collector(table: Table, config: StreamDataConfig, names: Sequence[str]) -> Collector:
    features = names if config.inputs == "table" else ()
    return Collector(str(table.path), config, table.unit, features=features)


def _hash(row: Sequence[str]) -> int:
    content = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def _refuse_unknown(
    mapped: Examples,
    table: Table,
    config: StreamDataConfig,
    names: Sequence[str],
    known: set[str],
) -> None:
    """Raises DataError where a label is none of the training rows'."""
    if known_names(mapped, config) <= known:
        return
    for part in _parts(table, config, names):
        rows = _collector(table, config, names)
        for number, target in zip(part.numbers, part.targets, strict=True):
            rows.add(number, ["-"] * len(part.inputs), target)
        rows.refuse_unknown(known)
