"""Stage `data label-errors --apply`: a person's verdicts become a new version of the data."""

import json
import shutil
from contextlib import ExitStack
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from mlops_cli.data import edits, reviews
from mlops_cli.data.file import open_file
from mlops_cli.data.places import data_files
from mlops_cli.data.reviews import Decision, Review
from mlops_cli.data.tables import Table, missing_column
from mlops_cli.errors import DataError, UsageError
from mlops_cli.extras import extra
from mlops_cli.files import atomic_path, sha256
from mlops_cli.schemas.config import Config
from mlops_cli.schemas.data import FileDataConfig
from mlops_cli.schemas.label_errors import ChangedFile, ReviewResult
from mlops_cli.tracking.record import now


def apply(config: Config, path: Path, *, root: Path) -> ReviewResult:
    """Relabels and drops exactly the rows that a review says, and records what was changed.

    Every row is checked before anything is written; files that DVC holds are taken up by it. Each
    of several files is changed as a whole; after a kill between two, a second call changes the
    rest.

    Args:
        config: The resolved config, which names the data files.
        path: The reviewed file.
        root: The project.

    Raises:
        UsageError: The data comes from no file.
        NotFoundError: A file is not there.
        DataError: The review does not fit the data, or is in it; nothing is changed then.
    """
    settings = config.data
    if not isinstance(settings, FileDataConfig):
        raise UsageError(
            f"--apply changes a data file, and data={settings.name} comes from none",
            hint="save the rows to a file, then data=file data.path=FILE",
        )
    review = reviews.read(path)
    files = data_files(settings, root)
    by_file: dict[str, list[Decision]] = {}
    for change in review.changes:
        if change.source not in files:
            raise DataError(
                f"{path}, line {change.line}: {change.source} is none of the data files",
                hint=f"they are: {', '.join(files)} (data.path=FILE names another)",
            )
        by_file.setdefault(change.source, []).append(change)
    tables = {name: _open(settings, files[name]) for name in by_file}
    known = {label for table in tables.values() for label in _labels(table, settings)}
    # A killed process may have changed some of the files: what it left is done now.
    done = {name: by_file[name] for name in by_file if _has(tables[name].path, by_file[name])}
    for name in done:
        del tables[name], by_file[name]
    for name, changes in by_file.items():
        _check(tables[name], settings, review, changes, known)
    changed = _left_to_dvc(files, done)
    if done and not by_file and not changed:
        raise DataError(
            f"{path} is in the data already; nothing is changed",
            hint="what it changed: " + ", ".join(_record(files[name]).name for name in done),
        )
    changed += _write(tables, by_file, review, settings.label)
    return ReviewResult(
        review=path,
        kept=review.kept,
        open=review.open,
        files=changed,
        commit=[part for one in changed for part in (one.dvc or one.path, one.record)],
    )


def _open(settings: FileDataConfig, path: Path) -> Table:
    table = open_file(settings, str(path))
    for name, setting in ((settings.text, "data.text"), (settings.label, "data.label")):
        if name not in table.columns:
            raise missing_column(table, name, setting)
    return table


def _labels(table: Table, settings: FileDataConfig) -> set[str]:
    return {(row[settings.label] or "").strip() for _, row in table.rows()}


def _check(
    table: Table,
    settings: FileDataConfig,
    review: Review,
    changes: list[Decision],
    known: set[str],
) -> None:
    """Raises DataError where a reviewed row is not the one that the file has now."""
    open_changes = {change.row: change for change in changes}
    rows = 0
    for number, row in table.rows():
        rows += 1
        change = open_changes.pop(number, None)
        if change is None:
            continue
        where = f"{review.path}, line {change.line}"
        # Spreadsheets save line ends of their own within a cell.
        if (row[settings.text] or "").split() != change.text.split():
            raise _stale(where, f"{table.unit} {number} of {change.source} has another text now")
        label = (row[settings.label] or "").strip()
        if label != change.label:
            raise _stale(
                where,
                f"{table.unit} {number} of {change.source} has the label {label!r}, "
                f"not {change.label!r}",
            )
        if change.new_label is not None and change.new_label not in known:
            near = get_close_matches(change.new_label, known, n=1)
            raise DataError(
                f"{where}: no row has the label {change.new_label!r}",
                hint=f"did you mean {near[0]}?" if near else f"labels: {', '.join(sorted(known))}",
            )
    for number, change in open_changes.items():
        where = f"{review.path}, line {change.line}"
        raise _stale(where, f"{change.source} has no row at {table.unit} {number}")
    if sum(change.new_label is None for change in changes) == rows:
        raise DataError(f"{review.path} drops every row of {table.path.name}")


def _stale(where: str, what: str) -> DataError:
    return DataError(
        f"{where}: {what}; nothing is changed",
        hint="the data is not the reviewed one any more: mlops data label-errors --output NEW.csv",
    )


def _write(
    tables: dict[str, Table], by_file: dict[str, list[Decision]], review: Review, label: str
) -> list[ChangedFile]:
    """Writes every file anew; they take their places together, after all of them are whole."""
    found = []
    with ExitStack() as stack:
        for name, table in tables.items():
            changes, path = by_file[name], table.path
            held = _held_by_dvc(path)
            # Behind a link of DVC's lies its cache; behind any other, the file that is meant.
            place = path if held else path.resolve()
            new = stack.enter_context(atomic_path(place))
            edits.rewrite(table, new, label, {one.row: one.new_label for one in changes})
            if not held:
                shutil.copymode(place, new)
            before, after = sha256(path), sha256(new)
            record = _record(path)
            # The stack unwinds backwards: the record is there before the data it tells of.
            log = stack.enter_context(atomic_path(record))
            facts = {"time": now(), "review": review.path.name, "before": before, "after": after}
            log.write_bytes(_told(record, before) + _entries(facts, changes))
            found.append(_changed(path, changes, after))
    return [_taken_up(one) for one in found]


def _left_to_dvc(files: dict[str, Path], done: dict[str, list[Decision]]) -> list[ChangedFile]:
    """The changed files that a kill kept from DVC, taken up now."""
    found = []
    for name, changes in done.items():
        if not _held_by_dvc(path := files[name]):
            continue
        before = _dvc_file(path).read_bytes()
        late = _taken_up(_changed(path, changes, sha256(path)))
        if _dvc_file(path).read_bytes() != before:
            found.append(late)
    return found


def _changed(path: Path, changes: list[Decision], after: str) -> ChangedFile:
    dropped = sum(one.new_label is None for one in changes)
    return ChangedFile(path, len(changes) - dropped, dropped, _record(path), after, None)


def _record(path: Path) -> Path:
    """The file beside a data file that tells what reviews changed in it."""
    return path.with_name(path.name + ".changes.jsonl")


def _has(path: Path, changes: list[Decision]) -> bool:
    """Whether these very changes made the file what it is, as its record tells."""
    try:
        lines = _record(path).read_text("utf-8").splitlines()
        told = [json.loads(line) for line in lines]
        content = sha256(path)
        made = {(one["row"], one.get("new_label")) for one in told if one["after"] == content}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return made == {(one.row, one.new_label) for one in changes}


def _told(record: Path, content: str) -> bytes:
    """What the record tells, without the changes to this content that a kill prevented."""
    lines = record.read_bytes().splitlines(keepends=True) if record.exists() else []
    while lines and f'"before": "{content}"'.encode() in lines[-1]:
        lines.pop()
    return b"".join(lines)


def _entries(facts: dict[str, str], changes: list[Decision]) -> bytes:
    """One line of JSON for each changed row."""
    lines = []
    for one in sorted(changes, key=lambda change: change.row):
        action = "drop" if one.new_label is None else "relabel"
        row = {"row": one.row, "action": action, "text": one.text, "label": one.label}
        new = {} if one.new_label is None else {"new_label": one.new_label}
        lines.append(json.dumps(facts | row | new, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8")


def _taken_up(changed: ChangedFile) -> ChangedFile:
    """The same, after DVC took up the new content of a file that it holds."""
    if not _held_by_dvc(changed.path):
        return changed
    with extra("train", "a file that DVC holds"):
        from mlops_cli.versioning import tracking
    dvc = tracking.track(changed.path)
    return replace(changed, dvc=dvc)


def _held_by_dvc(path: Path) -> bool:
    return _dvc_file(path).is_file()


def _dvc_file(path: Path) -> Path:
    return path.with_name(path.name + ".dvc")
