"""What a run has for its trackers besides metrics: reports of its evaluations, bundle, weights."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.tracking.record import Run

REPORTS, BUNDLE, MODEL = "reports", "bundle", "model"
_LEVELS = ("none", REPORTS, BUNDLE, MODEL)

_MOST_ROWS = 100
"""Rows of a table of mistakes that are sent."""


@dataclass(frozen=True)
class Attachment:
    """One thing to send.

    Attributes:
        name: What it is called, in the run and where it is sent: `evaluation/validation`.
        kind: reports, bundle or model.
        files: Its files by the name they are to have below `name`.
        fingerprint: Changes with its content.
        facts: The figures of an evaluation, or where a bundle comes from.
    """

    name: str
    kind: str
    files: dict[str, Path]
    fingerprint: str
    facts: dict[str, Any]


def attachments(run: Run, wanted: str) -> list[Attachment]:
    """What is there now of what is wanted.

    Args:
        run: The run.
        wanted: none, reports, bundle or model; each includes those before it.
    """
    level = _LEVELS.index(wanted)
    found: list[Attachment] = []
    if level >= _LEVELS.index(REPORTS):
        found += _reports(run)
    if level >= _LEVELS.index(BUNDLE) and (run.bundle / "bundle.json").is_file():
        facts = _json(run.bundle / "bundle.json")
        # It holds the SHA-256 of each file.
        told = _fingerprint([run.bundle / "bundle.json"])
        found.append(Attachment("bundle", BUNDLE, _files(run.bundle), told, facts))
    if level >= _LEVELS.index(MODEL) and (run.model / "task.json").is_file():
        files = _files(run.model)
        sizes = {name: [p.stat().st_size, p.stat().st_mtime_ns] for name, p in files.items()}
        told = hashlib.sha256(json.dumps(sizes, sort_keys=True).encode()).hexdigest()
        found.append(Attachment("model", MODEL, files, told, {}))
    return found


def _reports(run: Run) -> Iterator[Attachment]:
    """The evaluations, each with its pictures and tables."""
    for report in sorted(run.evaluation.glob("*.json")):
        facts = _json(report)
        if "metrics" not in facts:
            continue
        beside = sorted(run.evaluation.glob(f"{report.stem}-*"))
        files = [report, *beside, *run.evaluation.glob("curves.png")]
        named = {path.name: path for path in files if not path.name.startswith(".")}
        # How long it took is no news when it is evaluated again.
        told = {key: value for key, value in facts.items() if key != "seconds"}
        print_ = _fingerprint(path for path in named.values() if path != report)
        print_ = hashlib.sha256(f"{print_}{json.dumps(told)}".encode()).hexdigest()
        yield Attachment(f"evaluation/{report.stem}", REPORTS, named, print_, facts)


def lineage(facts: dict[str, Any]) -> dict[str, Any]:
    """Where a run comes from, by the words of its `run.json`: git, data, seed."""
    git = facts.get("git") or {}
    prints = (facts.get("data") or {}).get("fingerprints") or {}
    told = {
        "git_commit": git.get("commit"),
        "git_changes": git.get("dirty_hash"),
        "data": (facts.get("data") or {}).get("name"),
        "seed": facts.get("seed"),
        **{f"data_{split}": print_ for split, print_ in prints.items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def rows_of(table: Path) -> tuple[list[str], list[list[str]]]:
    """Header and first rows of a CSV table, which is sorted by how bad they are."""
    import csv
    from itertools import islice

    with table.open(encoding="utf-8", newline="") as stream:
        header, *rows = [*islice(csv.reader(stream), _MOST_ROWS + 1)] or [[]]
    return header, [row for row in rows if len(row) == len(header)]


def _files(folder: Path) -> dict[str, Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _fingerprint(paths: Any) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
