"""A split as files: one table a part and `split.json`, held against the one that is there."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_cli import data
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.splits import missing
from mlops_cli.data.tables import open_table, open_writer
from mlops_cli.errors import DataError, UsageError
from mlops_cli.files import atomic_folder, write_json
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.splits import Moved, SplitChanges, SplitPart, SplitRecord, SplitResult
from mlops_cli.wording import counted

RECORD = "split.json"
_FORMAT = 1
_NAME = re.compile(r"\w[\w.-]{0,59}")
_EXAMPLES = 20
"""Moved rows in the result."""


def run(
    config: Config,
    folder: Path,
    reporter: Reporter,
    *,
    format: str = "parquet",  # noqa: A002 - the word of the option
    force: bool = False,
) -> SplitResult:
    """Splits the data as training does and writes the parts.

    Args:
        config: The resolved config: its group `data`, and the seed.
        folder: Where to write; what was there is replaced as a whole.
        reporter: Told of guesses and warned of leakage.
        format: parquet or csv.
        force: Replace a recorded split although rows move or go.

    Raises:
        ConfigError: A setting is off.
        DataError: The data can't be split, or recorded rows would move and it is not forced.
    """
    given = data.read(config.data, reporter)
    made = data.split(given, config.data, config.seed, reporter)
    data.warn_of_leaks(made, reporter)
    new = _describe(config, given, made, format)
    recorded = _recorded(folder, force=force)
    if recorded == plain(new) and all(
        (folder / part.file).is_file() for part in new.parts.values()
    ):
        return SplitResult(folder, new, SplitChanges(0, 0, 0), written=False)
    changes = _compare(folder, recorded, new, made, force=force) if recorded else None
    if changes and changes.moved + changes.removed and not force:
        raise _refusal(folder, recorded or {}, new, changes)
    with atomic_folder(folder) as fresh:
        for name, examples in made.named().items():
            _write(fresh / new.parts[name].file, format, examples, new)
        write_json(fresh / RECORD, plain(new))
    return SplitResult(folder, new, changes, written=True)


def place(root: Path, name: str) -> Path:
    """Where the split called `name` lies.

    Raises:
        UsageError: It is no name of a folder.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a split", hint="such as --name by-customer")
    return root / "data" / "splits" / name


def read_record(folder: Path) -> dict[str, Any]:
    """What `split.json` in `folder` says.

    Raises:
        DataError: It can't be read.
    """
    file = folder / RECORD
    try:
        record = json.loads(file.read_text("utf-8"))
        if record["format"] != _FORMAT or not record["parts"]:
            raise KeyError("parts")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} is no split of ours", hint="write it anew: mlops data split --force"
        ) from error
    found: dict[str, Any] = record
    return found


def _describe(config: Config, given: Splits, made: Splits, ending: str) -> SplitRecord:
    """The record of a split."""
    sources, parts = given.named(), made.named()
    settings = config.data
    # A table's feature may be called like a setting.
    called = {} if settings.inputs == "table" else vars(settings)
    return SplitRecord(
        format=_FORMAT,
        method=settings.split,
        by=settings.split_by,
        seed=config.seed,
        fractions=missing(given, settings),
        inputs={name: str(called.get(name, name)) for name in made.train.inputs},
        label=settings.label,
        source=settings.name,
        fingerprints={name: part.fingerprint() for name, part in sources.items()},
        left_out=sum(map(len, sources.values())) - sum(map(len, parts.values())),
        parts={
            name: _part(
                part,
                f"{name}.{ending}",
                given=name != "train" and name in sources,
                classes=settings.targets == "classes",
            )
            for name, part in parts.items()
        },
        slices=settings.slice_by,
        separator=settings.separator,
        streamed=made.train.streamed,
    )


def _part(examples: Examples, file: str, *, given: bool, classes: bool) -> SplitPart:
    counts = dict(sorted(Counter(examples.targets).items())) if classes else {}
    shares = {label: round(count / len(examples), 6) for label, count in counts.items()}
    return SplitPart(len(examples), counts, shares, examples.fingerprint(), file, given)


def _write(path: Path, ending: str, examples: Examples, record: SplitRecord) -> None:
    columns = {record.inputs[name]: values for name, values in examples.inputs.items()}
    columns[record.label] = examples.targets
    if record.by and examples.by:
        columns.setdefault(record.by, examples.by)
    for name in record.slices:
        columns.setdefault(name, examples.slices[name])
    with open_writer(path, ending, list(columns)) as writer:
        for cells in zip(*columns.values(), strict=True):
            writer.write(dict(zip(columns, cells, strict=True)))


def _recorded(folder: Path, *, force: bool) -> dict[str, Any] | None:
    """The record of the split that is there, if there is one."""
    if not folder.exists():
        return None
    try:
        # A record of an older version says nothing of these.
        return {"slices": [], "separator": "|", "streamed": False, **read_record(folder)}
    except DataError:
        if force:
            return None
        raise


def _compare(
    folder: Path, recorded: dict[str, Any], new: SplitRecord, made: Splits, *, force: bool
) -> SplitChanges | None:
    """Which rows are elsewhere than in the files of the recorded split."""
    before: dict[tuple[str, ...], set[str]] = defaultdict(set)
    rows: Counter[tuple[str, ...]] = Counter()
    try:
        for name, key in _keys(folder, recorded, list(new.inputs)):
            before[key].add(name)
            rows[key] += 1
    except DataError:
        if force:
            return None
        raise
    moved, added, examples = 0, 0, []
    for name, part in made.named().items():
        for key in zip(*part.inputs.values(), strict=True):
            was = before.get(key)
            rows.pop(key, None)
            if was is None:
                added += 1
            elif name not in was:
                moved += 1
                examples.append(Moved(" | ".join(key), min(was), name))
    return SplitChanges(moved, added, rows.total(), examples[:_EXAMPLES])


def _keys(
    folder: Path, recorded: dict[str, Any], inputs: list[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Part and input of every row of the recorded split."""
    for name, part in recorded["parts"].items():
        path = folder / part["file"]
        ending = path.suffix[1:]
        table = open_table(path, format=ending, encoding="utf-8", delimiter=",")
        columns = [recorded["inputs"].get(column, column) for column in inputs]
        for column in columns:
            if column not in table.columns:
                raise DataError(
                    f"{path} has no column {column!r}",
                    hint="write the split anew: mlops data split --force",
                )
        for _, row in table.rows():
            yield name, tuple(row[column] or "" for column in columns)


def _refusal(
    folder: Path, recorded: dict[str, Any], new: SplitRecord, changes: SplitChanges
) -> DataError:
    """Says that recorded rows would move or go, and what moves none."""
    rest = "replace it with --force, or write another beside it with --name"
    if not changes.examples:
        rows = counted(changes.removed, "row")
        return DataError(f"{rows} of the split in {folder} would no longer be in it", hint=rest)
    first = changes.examples[0]
    rows = counted(changes.moved, "row")
    same = recorded.get("method") == new.method and recorded.get("seed") == new.seed
    stable = "; rows keep their part from now on with data.split=hash"
    return DataError(
        f"{rows} would move to another part of {folder}, such as {_short(first.text)!r} from "
        f"{first.before} to {first.after}",
        hint=rest + (stable if same and new.method != "hash" else ""),
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
