"""Everything of added data takes its place, or nothing does."""

import fcntl
import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mlops_cli.data.tables import ENDINGS
from mlops_cli.data_adding import journal
from mlops_cli.errors import ConfigError
from mlops_cli.files import write_text
from mlops_cli.reporting import Reporter

_STAGING, _KEPT = ".adding-", ".replaced-"


class Place:
    """Where data called `name` lies in a project.

    Attributes:
        name: `data=NAME`.
        root: The project.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name

    @property
    def data(self) -> Path:
        """The folder of all data."""
        return self.root / "data"

    @property
    def config(self) -> Path:
        """The config file."""
        return self.root / "configs" / "data" / f"{self.name}.yaml"

    @property
    def schema(self) -> Path:
        """The schema file."""
        return self.data / f"{self.name}.schema.yaml"

    def bytes(self) -> list[Path]:
        """The data of this name that is there: files with their `.dvc` files, or a folder."""
        endings = dict.fromkeys(ENDINGS)
        files = (self.data / f"{self.name}{ending}" for ending in endings)
        candidates = [part for file in files for part in (file, dvc_file(file))]
        candidates.append(self.data / self.name)
        return [path for path in candidates if os.path.lexists(path)]

    def shown(self, path: Path) -> str:
        """A path from the project's root."""
        return path.relative_to(self.root).as_posix()

    @property
    def in_git(self) -> bool:
        """Whether there is a git repository around the project."""
        return any((folder / ".git").exists() for folder in (self.root, *self.root.parents))

    def taken(self, path: Path) -> ConfigError:
        """Says that something of that name is there already."""
        return ConfigError(
            f"{self.shown(path)} is there already",
            hint="another name: --name NAME; or --force replaces data, schema and config",
        )


def dvc_file(path: Path) -> Path:
    """The `.dvc` file of a data file."""
    return path.with_name(path.name + ".dvc")


@contextmanager
def staging(place: Place, reporter: Reporter) -> Iterator[Path]:
    """A folder beside the data, gone when the block ends; what a killed process did goes first."""
    try:
        place.data.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise ConfigError(
            f"{place.data} is no folder", hint="data goes there: move it out of the way"
        ) from error
    with _locked(place.data):
        dead = [path for path in place.data.glob(f"{_STAGING}*") if not _alive(path)]
        for leftover in dead:
            if journal.undo(leftover):
                shutil.rmtree(leftover, ignore_errors=True)
                continue
            kept = leftover.rename(leftover.with_name(leftover.name.replace(_STAGING, _KEPT)))
            reporter.warn(
                f"{place.shown(kept)} has what a mlops data add --force that was killed replaced; "
                "other files are in its place by now"
            )
    folder = Path(tempfile.mkdtemp(prefix=f"{_STAGING}{os.getpid()}-", dir=place.data))
    # After a kill git takes nothing of it for the project's, save what DVC imports by.
    (folder / ".gitignore").write_text("*\n!*.dvc\n", "utf-8")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # there is data in it
            place.data.rmdir()


class Placing:
    """Files taking their places; on any error each step is undone, the last first.

    One process at a time in a data folder: others wait, and find what it left.

    Args:
        aside: A folder in the data folder, for what is replaced.
    """

    def __init__(self, aside: Path) -> None:
        self._aside = aside
        self._journal = journal.Journal(aside)
        self._undo, self._held = ExitStack(), ExitStack()

    def __enter__(self) -> "Placing":
        self._held.enter_context(_locked(self._aside.parent))
        # Nor does DVC, once no .dvc file is to be made here any more.
        (self._aside / ".dvcignore").write_text("*\n", "utf-8")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._held:
            if kind is None:
                self._undo.pop_all()
            self._undo.close()
            self._journal.end()

    def put_aside(self, path: Path) -> None:
        """Takes something away, to be deleted when all is done."""
        kept = Path(tempfile.mkdtemp(dir=self._aside)) / path.name
        self._journal.aside(path, kept)
        self._on_failure(lambda: os.path.lexists(kept) and kept.replace(path))
        path.replace(kept)

    def put(self, staged: Path, target: Path) -> None:
        """Moves a staged file or folder to its place, where nothing lies."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._journal.put(staged, target)
        self._on_failure(lambda: os.path.lexists(staged) or target.replace(staged))
        staged.replace(target)

    def write(self, target: Path, content: str) -> None:
        """Writes a text file; what it replaces comes back on failure."""
        self.watch(target, content)
        write_text(target, content)

    def watch(self, path: Path, after: str | None = None) -> None:
        """Gives a small file its present content back on failure, whoever changes it."""
        before = path.read_bytes() if path.exists() else None
        # A line too many in .gitignore does no harm; what was written there since a kill must stay.
        if path.name != ".gitignore":
            self._journal.write(path, before, after)

        def restore() -> None:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)

        self._on_failure(restore)

    def _on_failure(self, step: Callable[[], object]) -> None:
        self._undo.callback(step)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in a folder of data; others wait."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def same(staged: Path, target: Path) -> bool:
    """Whether two files or folders of files hold the same bytes."""
    if staged.is_dir() != target.is_dir():
        return False
    if not staged.is_dir():
        return filecmp.cmp(staged, target, shallow=False)
    ours, theirs = ({p.name for p in folder.iterdir()} for folder in (staged, target))
    return ours == theirs and all(same(staged / name, target / name) for name in ours)


def _alive(folder: Path) -> bool:
    """Whether the process that made a staging folder still runs."""
    pid = folder.name.removeprefix(_STAGING).partition("-")[0]
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ValueError, OSError):
        return False
    return True
