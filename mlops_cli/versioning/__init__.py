"""Data versions and where they are kept. The only package that knows DVC."""

import logging
import shutil
from pathlib import Path

from dvc.config_schema import RelPath
from dvc.exceptions import DvcException
from dvc.repo import Repo

from mlops_cli.errors import MlopsError

REMOTE = "storage"
"""Name of the default remote, which `init` makes a folder of the project."""

_REMOTE_FOLDER = ".dvc-storage"

# DVC logs advice meant for people who typed a dvc command, tells failures that we tell ourselves,
# and draws progress bars beside ours unless it is told to log nothing at all.
for _name in ("dvc", "dvc_data", "dvc_objects", "asyncssh", "aiohttp.client", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def init(root: Path, *, git: bool, data: Path | None = None) -> None:
    """Makes `root` a DVC project with a local remote and no telemetry.

    Args:
        root: The project. It must be the root of a git repository when `git` is true.
        git: Whether DVC relies on git to ignore what it holds.
        data: A file below `root` to hold from now on.

    Raises:
        MlopsError: DVC refuses.
    """
    try:
        _init(root, git, data)
    except DvcException as error:
        raise MlopsError(
            f"DVC can't start here: {error}", hint="mlops init --no-dvc does without"
        ) from error


def _init(root: Path, git: bool, data: Path | None) -> None:
    repo = Repo.init(str(root), no_scm=not git)
    try:
        with repo.config.edit("repo") as config:
            config["core"]["analytics"] = False
            config["core"]["remote"] = REMOTE
            # RelPath: written relative to `.dvc/`, so that the project can move.
            config["remote"][REMOTE] = {"url": RelPath(Path(repo.root_dir) / _REMOTE_FOLDER)}
        if data is not None:
            repo.add(str(data))
    finally:
        repo.close()
        # DVC keeps an index by absolute path. `mlops init` moves the project when it is whole,
        # so this one would be an orphan.
        shutil.rmtree(repo.site_cache_dir, ignore_errors=True)
