"""Opening the DVC project that a folder belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from configobj import ConfigObjError
from dvc.config import Config
from dvc.config import ConfigError as DvcConfigError
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo, lock_repo
from dvc.utils.strictyaml import YAMLSyntaxError, YAMLValidationError

from mlops_cli.errors import ConfigError, DataError, MlopsError, NotFoundError
from mlops_cli.files import atomic_path
from mlops_cli.versioning import stale_locks


def dvc_folder(root: Path) -> Path:
    """The `.dvc` folder of the project around `root`.

    Raises:
        NotFoundError: There is none.
    """
    try:
        return Path(Repo.find_dvc_dir(str(root)))
    except NotDvcRepoError as error:
        raise _no_project(root) from error


def open_config(root: Path) -> Config:
    """The DVC config of the project around `root`.

    Raises:
        NotFoundError: There is no DVC project.
        ConfigError: A config file is damaged.
    """
    folder = dvc_folder(root)
    try:
        return Config(str(folder))
    except (DvcConfigError, ConfigObjError) as error:
        raise damaged_config(error) from error


@contextmanager
def edited(config: Config, level: str, *, validate: bool = True) -> Iterator[dict[str, Any]]:
    """One of DVC's config files to be changed: a reader finds the old or the new one, and no half.

    Args:
        config: What `open_config` read; it knows the change afterwards.
        level: `repo` for the committed file, `local` for the one with secrets.
        validate: Check the whole config by DVC's rules first.
    """
    place = Path(config.files[level])
    with atomic_path(place) as temporary:
        if level == "local":  # It holds the secrets.
            temporary.chmod(0o600)
        with suppress(FileNotFoundError):
            temporary.write_bytes(place.read_bytes())
        config.files[level] = str(temporary)
        try:
            with config.edit(level, validate=validate) as held:
                yield held
        finally:
            config.files[level] = str(place)


@contextmanager
def opened(root: Path, *, locked: bool) -> Iterator[Repo]:
    """The DVC project around `root`.

    Args:
        root: A folder of the project.
        locked: Keep other DVC commands out while the context lasts.

    Raises:
        NotFoundError: There is no DVC project.
        ConfigError: Its config, or a .dvc file, can't be read.
        DataError: A file of DVC's is damaged.
        MlopsError: Another DVC command is at work.
    """
    folder = dvc_folder(root)
    try:
        repo = _repo(folder.parent)
    except (DvcConfigError, ConfigObjError) as error:
        raise damaged_config(error) from error
    except DvcException as error:
        raise _refusal(error) from error
    try:
        stale_locks.drop(folder)
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
        raise _refusal(error) from error
    finally:
        repo.close()


def _repo(root: Path) -> Repo:
    """The project at `root`; a copy without git's folder is one, too, and DVC has to be told."""
    in_git = any((folder / ".git").exists() for folder in (root, *root.parents))
    return Repo(str(root), config=None if in_git else {"core": {"no_scm": True}})


def _refusal(error: DvcException) -> MlopsError:
    if isinstance(error, YAMLSyntaxError | YAMLValidationError):
        return _damaged_file(error)
    return MlopsError(f"DVC refuses: {one_line(error)}", hint="dvc doctor")


def _damaged_file(error: YAMLSyntaxError | YAMLValidationError) -> DataError:
    """DVC's complaint about a file of its own in git, such as after a merge."""
    path = error.path.removeprefix("./")
    conflict = isinstance(error, YAMLSyntaxError) and "conflict" in error.hint
    return DataError(
        f"{path} is {'in the midst of a merge' if conflict else 'not as DVC writes it'}",
        hint=f"git checkout --ours {path}, or --theirs, then mlops pull"
        if conflict
        else f"git checkout HEAD -- {path} brings the committed one back",
    )


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
