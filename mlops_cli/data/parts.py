"""Which tables a command means: files, the splits of the config, earlier versions of both."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlops_cli.data import load
from mlops_cli.data.file import open_file
from mlops_cli.data.tables import ENDINGS, Table, guess_columns, open_table, open_writer
from mlops_cli.errors import ConfigError, MlopsError, NotFoundError, UsageError
from mlops_cli.extras import extra
from mlops_cli.project import locate, refused_by_git
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, FileDataConfig


@dataclass(frozen=True)
class Part:
    """A split or a version of the data.

    Attributes:
        name: What to call it beside the others.
        path: The file, as it was named.
        table: The file.
    """

    name: str
    path: str
    table: Table


@dataclass(frozen=True)
class Place:
    """Where the words of a command are looked up.

    Attributes:
        config: The config group `data`.
        seed: The root setting `seed`.
        folder: A folder for what must be written to be read.
        written: What was written there, and what a person calls it.
    """

    config: DataConfig
    seed: int
    folder: Path
    written: dict[Path, str] = field(default_factory=dict)


@contextmanager
def looking_up(config: DataConfig, seed: int) -> Iterator[Place]:
    """A place to look words up in; an error names no file that only lies there for a moment."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(config, seed, Path(folder))
        try:
            yield place
        except MlopsError as error:
            message, hint = error.message, error.hint
            for path, called in place.written.items():
                message, hint = (text.replace(str(path), called) for text in (message, hint))
            if (message, hint) == (error.message, error.hint):
                raise
            raise type(error)(message, hint=hint) from error


def of_files(paths: Sequence[str], place: Place) -> list[Part]:
    """A part for each file, or `FILE@REVISION`."""
    parts = [_open(path, path, place) for path in paths]
    stems = [Path(part.path).stem for part in parts]
    if len(set(stems)) < len(stems):
        return parts
    return [Part(stem, one.path, one.table) for stem, one in zip(stems, parts, strict=True)]


def of_config(place: Place, reporter: Reporter) -> list[Part]:
    """A part for each split of the config: its files, else what its source loads.

    Raises:
        ConfigError: No file is named, or a setting is off.
        DataError: The data can't be loaded.
    """
    if isinstance(place.config, FileDataConfig):
        return [_open(name, path, place) for name, path in _files(place.config).items()]
    parts = []
    for name, examples in load(place.config, place.seed, reporter).named().items():
        columns = [*examples.inputs, place.config.label]
        path = place.folder / f"{name}.jsonl"
        place.written[path] = f"{name} of data={place.config.name}"
        rows = zip(*examples.inputs.values(), examples.targets, strict=True)
        with open_writer(path, "jsonl", columns) as writer:
            for row in rows:
                writer.write(dict(zip(columns, row, strict=True)))
        parts.append(Part(name, f"data={place.config.name}", open_table(path)))
    return parts


def beside(parts: Sequence[Part], other: str, place: Place) -> list[Part]:
    """What the parts are compared with.

    Args:
        parts: The parts.
        other: A file, `FILE@REVISION`, or a revision of each part's own file.
        place: Where words are looked up.
    """
    if not _is_revision(other, place):
        return [_open(other, _known(other), place)]
    if not isinstance(place.config, FileDataConfig) and not all(
        locate(part.path).is_file() for part in parts
    ):
        raise UsageError(
            f"only files have revisions, and data={place.config.name} is none",
            hint="name a file: mlops data stats FILE --against REVISION",
        )
    return [_open(f"{part.name}@{other}", f"{part.path}@{other}", place) for part in parts]


def two_versions(words: Sequence[str], place: Place) -> tuple[Part, Part]:
    """The old and the new version that one or two words mean.

    One word is compared with what is there now: a revision stands for the config's file, a file
    alone for its newest committed version.
    """
    names = [_named(word, place) for word in words]
    if len(names) == 1:
        path, revision = _split(names[0])
        names = [names[0] if revision else f"{path}@HEAD", path]
    old, new = (_open(name, name, place) for name in names)
    return old, new


def label_of(parts: Sequence[Part], place: Place, wanted: str | None) -> str | None:
    """The column of the labels: as asked for, as configured, or the one that looks like it.

    Raises:
        UsageError: No part has the column that is asked for.
    """
    columns = {name for part in parts for name in part.table.columns}
    if wanted is not None:
        if wanted not in columns:
            raise UsageError(
                f"no column is called {wanted!r}", hint=f"columns: {', '.join(sorted(columns))}"
            )
        return wanted
    if place.config.label in columns:
        return place.config.label
    text, label = guess_columns(parts[0].table)
    # Beside a text the label stands out; among other columns a guess is often wrong.
    return label if text else None


def _files(config: FileDataConfig) -> dict[str, str]:
    if not config.path:
        raise ConfigError(
            "data=file needs a file: data.path is not set",
            hint="name the files, or set data.path=FILE",
        )
    files = {"train": config.path, "validation": config.validation_path, "test": config.test_path}
    return {name: path for name, path in files.items() if path}


def _open(name: str, word: str, place: Place) -> Part:
    """The part that a file or `FILE@REVISION` means."""
    path, revision = _split(word)
    found = locate(path)
    if revision:
        # DVC, which files need not.
        with extra("train", "an earlier revision"):
            from mlops_cli.versioning import revisions
        found = revisions.open_revision(found, revision, place.folder)
        place.written[found] = word
    config = place.config
    ours = isinstance(config, FileDataConfig) and any(
        locate(path).absolute() == locate(file).absolute()
        for file in (config.path, config.validation_path, config.test_path)
        if file
    )
    table = (
        open_file(config, str(found))
        if ours and isinstance(config, FileDataConfig)
        else open_table(found)
    )
    return Part(name, word, table)


def _named(word: str, place: Place) -> str:
    """A word that stands for a revision alone, with the config's file before it."""
    if not _is_revision(word, place):
        return _known(word)
    if not isinstance(place.config, FileDataConfig) or not place.config.path:
        raise UsageError(
            f"{word} is a revision of which file?",
            hint=f"mlops data diff FILE@{word} FILE, or set data=file data.path=FILE",
        )
    return f"{place.config.path}@{word}"


def _is_revision(word: str, place: Place) -> bool:
    """Whether a word is no file and names a commit."""
    path, revision = _split(word)
    if revision or locate(path).exists() or Path(path).suffix.lower() in ENDINGS:
        return False
    with extra("train", "an earlier revision"):
        from mlops_cli.versioning import revisions
    file = place.config.path if isinstance(place.config, FileDataConfig) else ""
    return revisions.find_commit(locate(file) if file else Path.cwd(), word) is not None


def _known(word: str) -> str:
    """The word itself, unless it can be neither a file nor a revision."""
    path, revision = _split(word)
    if revision or locate(path).exists() or Path(path).suffix:
        return word
    if refusal := refused_by_git(Path.cwd()):
        raise refusal
    raise NotFoundError(
        f"no file and no git revision is called {word!r}",
        hint="FILE, FILE@REVISION, or a branch, tag or commit",
    )


def _split(word: str) -> tuple[str, str]:
    """The file and the revision of `FILE@REVISION`; a file may have an @ in its name itself."""
    if locate(word).is_file():
        return word, ""
    for at in re.finditer("@", word):
        path, revision = word[: at.start()], word[at.end() :]
        if revision and (locate(path).is_file() or Path(path).suffix.lower() in ENDINGS):
            return path, revision
    return word, ""
