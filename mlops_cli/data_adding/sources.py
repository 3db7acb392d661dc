"""Where added data comes from, and its bytes put into a staging folder."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_cli import project
from mlops_cli.data.file import open_file
from mlops_cli.data.tables import ENDINGS, format_of, open_table
from mlops_cli.data_adding.placing import Place
from mlops_cli.data_adding.reading import settings_for
from mlops_cli.data_adding.unpacking import is_packed, unpack
from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.adding import AddWishes

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "eval"),
}
_IMAGES = (".png", ".jpg", ".jpeg")
_CHUNK = 1 << 23
_LARGE = 1 << 27
"""Bytes from which copying takes long enough to be shown."""


@dataclass(frozen=True)
class Fetched:
    """The files of added data before they take their places.

    Attributes:
        source: Where they came from, as it may be shown and written down.
        files: Each split's file.
        in_place: They lie in the project's data folder already, and stay there.
        originals: Files to remove when all is done.
        shown: What messages call each file.
        params: What is needed to fetch them again.
        imported: DVC holds them already.
    """

    source: str
    files: dict[str, Path]
    in_place: bool = False
    originals: list[Path] = field(default_factory=list)
    shown: dict[Path, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    imported: bool = False


def kind_of(wishes: AddWishes) -> str:
    """What the source is: sql, url, hub, folder or file.

    Raises:
        UsageError: There is none, or two.
        NotFoundError: It is no file that is there, and nothing else.
    """
    source = wishes.source
    if wishes.sql is not None or wishes.url is not None:
        if source is not None or wishes.sql is None or wishes.url is None:
            raise UsageError(
                "a query needs --sql and --url, and no source beside them",
                hint="mlops data add --sql 'SELECT …' --url sqlite:///FILE --name NAME",
            )
        return "sql"
    if source in (None, "", "hub:"):
        raise UsageError("what to add?", hint="mlops data add FILE, FOLDER, URL or ORG/NAME")
    if _URL.match(source):
        return "url"
    if source.startswith("hub:"):
        return "hub"
    path = project.locate(source)
    if path.is_dir():
        return "folder"
    if path.exists():
        return "file"
    likely_file = path.suffix.lower() in {*ENDINGS, ".txt", ".json", ".gz", ".zip", ".xlsx"}
    if _HUB_ID.fullmatch(source) and not likely_file and not path.parent.is_dir():
        return "hub"
    open_table(path)
    raise NotFoundError(f"no file {source}")


def default_name(wishes: AddWishes, kind: str) -> str:
    """A name made from the source's; empty where it tells none."""
    if kind == "sql":
        return ""
    source = wishes.source or ""
    if kind == "url":
        source = urlsplit(source).path
    elif kind != "hub":
        source = str(project.locate(source).resolve())
    last = source.rstrip("/").rpartition("/")[2]
    for _ in range(2):  # reviews.csv.gz
        stem, dot, ending = last.rpartition(".")
        last = stem if dot and stem and ending.isalnum() and len(ending) <= 7 else last
    return re.sub(r"[^A-Za-z0-9_]+", "-", last).strip("-_")[:64]


def from_disk(wishes: AddWishes, place: Place, staged: Path, reporter: Reporter) -> Fetched:
    """A file, an archive or a folder of splits."""
    path = project.locate(wishes.source or "")
    if path.is_file() and is_packed(path):
        if wishes.move:
            raise UsageError("--move takes no packed file", hint="leave --move out")
        packed = staged / "unpacked"
        packed.mkdir()
        found = unpack(path, packed)
        files = {"train": found[0]} if len(found) == 1 else _splits(found, path)
        targets = _staged(files, place, staged)
        shown = {targets[split]: f"{path}, {file.name}" for split, file in files.items()}
        return Fetched(str(path), targets, shown=shown)
    files = {"train": path}
    if path.is_dir():
        files = _splits(sorted(entry for entry in path.iterdir() if entry.is_file()), path)
    resolved = {file.parent.resolve() / file.name for file in files.values()}
    if all(file.is_relative_to(place.data) for file in resolved):
        inside = {split: file.parent.resolve() / file.name for split, file in files.items()}
        return Fetched(str(path), inside, in_place=True)
    # What is no table is told before anything is copied.
    config = settings_for(files, wishes, place)
    for file in files.values():
        open_file(config, str(file))
    copies = {}
    for split, file in files.items():
        target = _target(place, staged, split, file, single=len(files) == 1)
        _copy(file, target, reporter)
        copies[split] = target
    return Fetched(
        str(path),
        copies,
        originals=list(files.values()) if wishes.move else [],
        shown={copies[split]: str(file) for split, file in files.items()},
    )


def from_url(wishes: AddWishes, place: Place, staged: Path, reporter: Reporter) -> Fetched:
    """A file that DVC fetches."""
    from mlops_cli.versioning import imports

    url = wishes.source or ""
    imports.check_url(place.root, url)
    if wishes.move:
        raise UsageError("--move takes files of this machine", hint="leave --move out")
    ending = Path(urlsplit(url).path).suffix.lower()
    target = staged / f"{place.name}{ending if ending in ENDINGS else '.csv'}"
    reporter.info(f"fetching {url}")
    imports.import_url(place.root, url, target)
    if is_packed(target):
        raise DataError(
            f"{url} is packed, and DVC holds it as it is",
            hint=f"fetch it, then add the file: curl -LO {url}",
        )
    return Fetched(url, {"train": target}, shown={target: url}, imported=True)


def from_query(wishes: AddWishes, place: Place, staged: Path, reporter: Reporter) -> Fetched:
    """The rows of a query."""
    from mlops_cli.data_adding import query

    sql, url = wishes.sql or "", wishes.url or ""
    if wishes.move:
        raise UsageError("--move takes files of this machine", hint="leave --move out")
    written = query.without_secrets(url, place.root)
    target = staged / f"{place.name}.parquet"
    query.fetch(sql, url, target, reporter)
    shown = {target: f"the query's answer ({written})"}
    return Fetched(written, {"train": target}, shown=shown, params={"sql": sql, "url": written})


def _splits(files: list[Path], where: Path) -> dict[str, Path]:
    """The files of a folder by the split that their names say.

    Raises:
        DataError: None is called after training, or two after one split.
    """
    found: dict[str, Path] = {}
    for file in files:
        split = next((s for s, names in _SPLITS.items() if file.stem.lower() in names), None)
        if split is None or file.suffix.lower() not in {*ENDINGS, ".txt", ".json"}:
            continue
        if split in found:
            raise DataError(
                f"{where}: {found[split].name} and {file.name} are both the {split} file",
                hint="remove one of them",
            )
        found[split] = file
    if "train" not in found:
        names = ", ".join(file.name for file in files[:5]) or "none"
        raise DataError(
            f"{where} has no training file (files: {names})",
            hint="images? mlops train task=image_classification model=convnet data=images "
            f"data.path={where}"
            if any(file.suffix.lower() in _IMAGES for file in where.glob("*/**/*"))
            else "call them train.csv, validation.csv and test.csv, or add one file",
        )
    return {split: found[split] for split in _SPLITS if split in found}


def _target(place: Place, staged: Path, split: str, file: Path, *, single: bool) -> Path:
    """Where a file is staged: named after the data, or in a folder of that name by split."""
    with file.open("rb") as stream:
        kind = format_of(file, stream.read(1024))
    known = file.suffix.lower() if file.suffix.lower() in ENDINGS else f".{kind}"
    if single:
        return staged / f"{place.name}{known}"
    (staged / place.name).mkdir(exist_ok=True)
    return staged / place.name / f"{split}{known}"


def _staged(files: dict[str, Path], place: Place, staged: Path) -> dict[str, Path]:
    """Unpacked files under the names they are to have."""
    targets = {}
    for split, file in files.items():
        targets[split] = _target(place, staged, split, file, single=len(files) == 1)
        file.rename(targets[split])
    return targets


def _copy(file: Path, target: Path, reporter: Reporter) -> None:
    size = file.stat().st_size
    if size < _LARGE:
        shutil.copyfile(file, target)
        return
    with (
        file.open("rb") as source,
        target.open("wb") as copy,
        reporter.task(f"copying {file.name}", size) as progress,
    ):
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
            progress.advance(len(chunk))
