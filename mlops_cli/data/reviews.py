"""The file a person reviews doubtful labels in: written for a spreadsheet, read back with care."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mlops_cli.data.tables import Table, open_table, open_writer
from mlops_cli.errors import DataError, UsageError
from mlops_cli.schemas.label_errors import Suspect
from mlops_cli.wording import counted

VERDICTS = ("keep", "relabel", "drop")
COLUMNS = (
    "source", "row", "text", "label", "suggested_label", "quality", "label_probability",
    "suggested_probability", "verdict", "new_label",
)  # fmt: skip
_NEEDED = ("source", "row", "text", "label", "suggested_label", "verdict")
_HOW = "write keep, relabel or drop into the column verdict"


@dataclass(frozen=True)
class Decision:
    """What a person decided about one row.

    Attributes:
        line: Its line in the review.
        source: The file it belongs to.
        row: Its line (Parquet: its row) there.
        text: Its text.
        label: The label it had when it was reviewed.
        new_label: The label it gets; None to drop it.
    """

    line: int
    source: str
    row: int
    text: str
    label: str
    new_label: str | None


@dataclass(frozen=True)
class Review:
    """A reviewed file.

    Attributes:
        path: The file.
        changes: The rows to relabel or to drop.
        kept: Rows whose label was found right.
        open: Rows without a verdict.
    """

    path: Path
    changes: list[Decision]
    kept: int
    open: int


def check_target(path: Path, *, force: bool) -> None:
    """Refuses to write where a person's work would be lost.

    Raises:
        UsageError: A file with verdicts, or one that is no review, is there; not with `force`.
        DataError: Nothing can be written there, which is better known before the work.
    """
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path.name} is no CSV file", hint="end it in .csv")
    if path.exists() and not force:
        _refuse_reviewed(path)
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "can't be written to" if there.is_dir() else "is no folder"
        raise DataError(f"can't write {path}: {there} {why}", hint="--output FILE.csv")


def write(path: Path, doubted: Iterable[Suspect]) -> None:
    """Writes doubted rows, worst first, with an empty column for the verdict.

    Raises:
        DataError: The file can't be written there.
    """
    with open_writer(path, "csv", list(COLUMNS)) as writer:
        for one in doubted:
            writer.write(
                {
                    "source": one.source,
                    "row": one.row,
                    "text": one.text,
                    "label": one.label,
                    "suggested_label": one.suggested,
                    "quality": f"{one.quality:.4f}",
                    "label_probability": f"{one.label_probability:.4f}",
                    "suggested_probability": f"{one.suggested_probability:.4f}",
                }
            )


def _refuse_reviewed(path: Path) -> None:
    """Raises UsageError unless the file is a review without any verdict."""
    hint = "--output FILE.csv names another, --force replaces it"
    try:
        table = open_table(path)
        if not {"row", "verdict"} <= set(table.columns):
            raise UsageError(f"{path} is there and is no review of labels", hint=hint)
        filled = ("verdict", "new_label")
        judged = sum(
            any((row.get(name) or "").strip() for name in filled) for _, row in table.rows()
        )
    except DataError as error:
        raise UsageError(f"{path} is there and can't be read as a review", hint=hint) from error
    if judged:
        verdicts = counted(judged, "verdict")
        raise UsageError(f"{path} holds {verdicts} and is not replaced", hint=hint)


def read(path: Path) -> Review:
    """Reads the verdicts of a review.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no review, a verdict is not known, or there is none at all.
    """
    table = open_table(path)
    for name in _NEEDED:
        if name not in table.columns:
            raise DataError(
                f"{path} has no column {name!r}",
                hint="mlops data label-errors writes the file to review",
            )
    changes: list[Decision] = []
    kept = left = 0
    for line, row in table.rows():
        verdict = _verdict(table, line, row)
        if not verdict:
            left += 1
        elif (change := _decision(table, line, row, verdict)) is None:
            kept += 1
        else:
            changes.append(change)
    if not changes and not kept:
        raise DataError(f"{path} has no verdict", hint=_HOW)
    _refuse_repeated(path, changes)
    return Review(path, changes, kept, left)


def _verdict(table: Table, line: int, row: dict[str, str | None]) -> str:
    verdict = (row["verdict"] or "").strip().lower()
    if verdict and verdict not in VERDICTS:
        near = get_close_matches(verdict, VERDICTS, n=1)
        raise DataError(
            f"{table.path}, line {line}: {verdict!r} is no verdict",
            hint=f"did you mean {near[0]}?" if near else _HOW,
        )
    if (row.get("new_label") or "").strip() and verdict != "relabel":
        raise DataError(
            f"{table.path}, line {line}: a new_label, and the verdict is not relabel", hint=_HOW
        )
    return verdict


def _decision(table: Table, line: int, row: dict[str, str | None], verdict: str) -> Decision | None:
    """What is to be changed; None where nothing is."""
    label, given = (row["label"] or "").strip(), (row["row"] or "").strip()
    if not row["source"] or not label or not given.isdecimal():
        raise DataError(
            f"{table.path}, line {line}: source, row or label is missing or damaged",
            hint="change only the columns verdict and new_label",
        )
    new: str | None = None
    if verdict == "relabel":
        new = ((row.get("new_label") or "").strip() or row["suggested_label"] or "").strip()
        if not new:
            raise DataError(
                f"{table.path}, line {line}: relabel to what?", hint="fill in the column new_label"
            )
    if verdict == "keep" or new == label:
        return None
    return Decision(line, row["source"], int(given), row["text"] or "", label, new)


def _refuse_repeated(path: Path, changes: list[Decision]) -> None:
    seen: dict[tuple[str, int], int] = {}
    for change in changes:
        before = seen.setdefault((change.source, change.row), change.line)
        if before != change.line:
            raise DataError(
                f"{path}: lines {before} and {change.line} both change row {change.row} "
                f"of {change.source}",
                hint="remove one of them",
            )
