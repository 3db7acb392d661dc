"""Opening the DVC project that a folder belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configobj import ConfigObjError
from dvc.config import Config
from dvc.config import ConfigError as DvcConfigError
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo, lock_repo

from mlops_cli.errors import ConfigError, MlopsError, NotFoundError
from mlops_cli.files import atomic_path


class AtomicConfig(Config):  # type: ignore[misc]
    """DVC's config files, of which a reader finds the old or the new one, and no half."""

    def _save_config(self, level: str, conf_dict: object) -> None:
        place = self.files[level]
        with atomic_path(Path(place)) as temporary:
            if level == "local":  # It holds the secrets.
                temporary.chmod(0o600)
            self.files[level] = str(temporary)
            try:
                super()._save_config(level, conf_dict)
            finally:
                self.files[level] = place


def dvc_folder(root: Path) -> Path:
    """The `.dvc` folder of the project around `root`.

    Raises:
        NotFoundError: There is none.
    """
    try:
        return Path(Repo.find_dvc_dir(str(root)))
    except NotDvcRepoError as error:
        raise _no_project(root) from error


def open_config(root: Path) -> AtomicConfig:
    """The DVC config of the project around `root`.

    Raises:
        NotFoundError: There is no DVC project.
        ConfigError: A config file is damaged.
    """
    folder = dvc_folder(root)
    try:
        return AtomicConfig(str(folder))
    except (DvcConfigError, ConfigObjError) as error:
        raise damaged_config(error) from error


@contextmanager
def opened(root: Path, *, locked: bool) -> Iterator[Repo]:
    """The DVC project around `root`.

    Args:
        root: A folder of the project.
        locked: Keep other DVC commands out while the context lasts.

    Raises:
        NotFoundError: There is no DVC project.
        ConfigError: Its config, or a .dvc file, can't be read.
        MlopsError: Another DVC command is at work.
    """
    folder = dvc_folder(root)
    try:
        repo = Repo(str(folder.parent))
    except (DvcConfigError, ConfigObjError) as error:
        raise damaged_config(error) from error
    try:
        if not locked:
            yield repo
            return
        with lock_repo(repo):
            yield repo
    except LockError as error:
        raise MlopsError(
            "another DVC command is at work in this project", hint="wait for it, then try again"
        ) from error
    except DvcConfigError as error:
        raise damaged_config(error) from error
    except DvcException as error:
        raise MlopsError(f"DVC refuses: {one_line(error)}", hint="dvc doctor") from error
    finally:
        repo.close()


def damaged_config(error: Exception) -> ConfigError:
    """DVC's complaint about a config file as an error of ours."""
    said = one_line(error).removeprefix("config file error: ")
    return ConfigError(f"DVC's config can't be used: {said}", hint="look into .dvc/config")


def one_line(error: BaseException) -> str:
    """The first line of what an error says, or its name if it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _no_project(root: Path) -> NotFoundError:
    return NotFoundError(
        f"{root} is no DVC project", hint="mlops init makes a project with DVC, dvc init adds DVC"
    )
