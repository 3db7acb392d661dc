"""`data=images`: image files in a folder for each class, or listed in a table."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_cli import project
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.file import refuse_missing_slices
from mlops_cli.data.tables import ENDINGS as TABLES
from mlops_cli.data.tables import missing_column, open_table
from mlops_cli.errors import ConfigError, DataError, MlopsError, NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, ImagesDataConfig
from mlops_cli.tasks import pictures

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
"""What the folders of splits are called."""
_NAMED = 3


@dataclass(frozen=True)
class _Row:
    """An image before it was looked at: its file, its label, and where it is listed."""

    file: Path
    label: str
    number: int = 0
    by: str = ""
    slices: tuple[str, ...] = ()


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Finds the images of each split and looks at every file.

    Raises:
        NotFoundError: A folder, a table or a listed image is not there.
        DataError: Files can't be used; the message names them.
        ConfigError: No folder is named, or a setting is off.
    """
    if not isinstance(config, ImagesDataConfig):
        raise ConfigError("data=images takes the settings of data=images", hint="type data=images")
    if not config.path:
        raise ConfigError(
            "data=images needs the images to train on: data.path is not set",
            hint="mlops train task=image_classification model=convnet data=images data.path=FOLDER",
        )
    places = _places(config)
    found = {name: _split(config, path, name, reporter) for name, path in places.items()}
    return Splits(found["train"], found.get("validation"), found.get("test"))


def listed(config: ImagesDataConfig, root: Path) -> Iterator[Path]:
    """The images that the tables among the settings' files list, whether they are there or not.

    Args:
        config: Its files as seen from `root`.
        root: The project.

    Raises:
        DataError: A table can't be read.
    """
    for name in (config.path, config.validation_path, config.test_path):
        path = root / project.from_home(name or "")
        if not path.is_file() or path.suffix.lower() not in TABLES:
            continue
        for _, row in open_table(path).rows():
            if file := (row.get(config.image) or "").strip():
                beside, there = (place / project.from_home(file) for place in (path.parent, root))
                yield there if there.is_file() and not beside.is_file() else beside


def _places(config: ImagesDataConfig) -> dict[str, Path]:
    """The folder or table of each split that is there."""
    path = project.locate(config.path)
    if not path.exists():
        raise NotFoundError(f"no folder or table data.path={config.path}", hint="data.path=FOLDER")
    places = {"train": path, **_inside(path)}
    given = {"validation": config.validation_path, "test": config.test_path}
    for name, other in given.items():
        if other:
            places[name] = project.locate(other)
            if not places[name].exists():
                raise NotFoundError(f"no folder or table data.{name}_path={other}")
    return places


def _inside(path: Path) -> dict[str, Path]:
    """The folders of splits in a folder; none where its folders are classes."""
    folders = {folder.name.lower(): folder for folder in _folders(path)} if path.is_dir() else {}
    if not set(_SPLITS["train"]) & folders.keys():
        return {}
    known = {name: split for split, names in _SPLITS.items() for name in names}
    other = sorted(folders.keys() - known.keys())
    if other:
        raise DataError(
            f"{path} has a folder train, so its folders are splits, but {other[0]!r} is none",
            hint="splits are called train, validation and test, and hold a folder for each class",
        )
    return {known[name]: folder for name, folder in folders.items()}


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))


def _split(config: ImagesDataConfig, path: Path, name: str, reporter: Reporter) -> Examples:
    """The rows of one split."""
    by = config.split_by if name == "train" else None
    if path.is_dir():
        if by:
            raise ConfigError(
                f"data.split_by={by} names a column, and {path} is a folder",
                hint="data.split=stratified or data.split=hash; or a table of paths and labels",
            )
        if config.slice_by:
            raise ConfigError(
                f"data.slice_by names columns, and {path} is a folder",
                hint="data.slice_by=[]; or a table of paths and labels",
            )
        rows = _of_folder(path, reporter)
    else:
        rows = _of_table(config, path, by)
    examples = _examined(rows, path, reporter)
    slices = {name: [row.slices[n] for row in rows] for n, name in enumerate(config.slice_by)}
    return replace(examples, slices=slices)


def _of_folder(path: Path, reporter: Reporter) -> list[_Row]:
    """The images in the folder of each class, at any depth."""
    rows: list[_Row] = []
    others: list[Path] = []
    empty: list[str] = []
    for folder in _folders(path):
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        files = [file for file in files if not file.name.startswith(".")]
        images = [file for file in files if pictures.is_image(file)]
        others += [file for file in files if file.suffix.lower() not in pictures.ENDINGS]
        rows += [_Row(file, folder.name) for file in images]
        if not images:
            empty.append(folder.name)
    if not rows:
        raise DataError(
            f"no images in the folders of {path}",
            hint="it needs a folder for each class: FOLDER/cat/1.png, FOLDER/dog/1.png",
        )
    if empty:
        raise DataError(
            f"class folders of {path} without images: {_listed(empty)}", hint="remove them"
        )
    if others:
        reporter.info(f"{path}: files that are no images are left out: {_listed(others)}")
    return rows


def _of_table(config: ImagesDataConfig, path: Path, by: str | None) -> list[_Row]:
    """The images that a table lists; relative paths start at the table, else at the project."""
    if path.suffix.lower() not in TABLES:
        raise DataError(
            f"{path} is neither a folder nor a table",
            hint="a folder with one folder for each class, or a CSV, TSV, JSONL or Parquet file",
        )
    table = open_table(path)
    wanted = {"data.image": config.image, "data.label": config.label, "data.split_by": by}
    for setting, column in wanted.items():
        if column is not None and column not in table.columns:
            raise missing_column(table, column, setting)
    refuse_missing_slices(table, config)
    rows = []
    for number, row in table.rows():
        file, label = (row[config.image] or "").strip(), (row[config.label] or "").strip()
        where = f"{path}, {table.unit} {number}"
        if not file or not label:
            what = "label" if file else "image"
            raise DataError(f"{where} has no {what}", hint=f"fill in the {what} or remove the row")
        group = (row[by] or "") if by else ""
        if by and not group.strip():
            raise DataError(f"{where} has no value in column {by!r}", hint="fill it in")
        slices = tuple((row[name] or "").strip() for name in config.slice_by)
        rows.append(_Row(_listed_file(file, path, where), label, number, group, slices))
    if not rows:
        raise DataError(f"{path} has no rows", hint="a header alone trains nothing")
    return rows


def _listed_file(name: str, table: Path, where: str) -> Path:
    beside = table.parent / project.from_home(name)
    found = beside if beside.is_file() else project.locate(name)
    if not found.is_file():
        raise NotFoundError(
            f"{where}: no image {name}", hint="paths start at the table's folder or the project's"
        )
    return found


def _examined(rows: Sequence[_Row], path: Path, reporter: Reporter) -> Examples:
    """The rows with the hash of each file's bytes, after every file was looked at."""
    root = project.find_root()
    with reporter.task(f"looking at the images of {path.name}", len(rows)) as progress:

        def look(row: _Row) -> tuple[str, int] | MlopsError:
            try:
                raw = pictures.content(str(row.file))
                frames = pictures.header(raw, str(row.file)).frames
            except MlopsError as error:
                return error
            finally:
                progress.advance()
            return hashlib.sha256(raw).hexdigest(), frames

        looks = list(_in_threads(look, rows))
    refused = [one for one in looks if isinstance(one, MlopsError)]
    if refused:
        more = f"; and {len(refused) - 1} more files can't be used" if len(refused) > 1 else ""
        raise DataError(f"{refused[0].message}{more}", hint=refused[0].hint)
    seen = [one for one in looks if not isinstance(one, MlopsError)]
    moving = [row.file for row, (_, frames) in zip(rows, seen, strict=True) if frames > 1]
    if moving:
        reporter.warn(f"of images with several frames, the first is taken: {_listed(moving)}")
    return Examples(
        {"image": [_seen_from(row.file, root) for row in rows]},
        [row.label for row in rows],
        [row.number for row in rows if row.number],
        [row.by for row in rows if row.by],
        [digest for digest, _ in seen],
    )


def _in_threads(
    look: Callable[[_Row], tuple[str, int] | MlopsError], rows: Sequence[_Row]
) -> Iterable[tuple[str, int] | MlopsError]:
    with ThreadPoolExecutor() as pool:
        yield from pool.map(look, rows)


def _seen_from(file: Path, root: Path) -> str:
    """A file's path from the project's root, where it lies inside."""
    absolute = file.absolute()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)


def _listed(names: Sequence[Path] | Sequence[str]) -> str:
    shown = ", ".join(str(name) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
