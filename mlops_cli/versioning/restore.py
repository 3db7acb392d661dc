"""Data of an earlier commit, laid out in a second checkout of the project."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import CheckoutError, DvcException

from mlops_cli.errors import NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.versioning import pull
from mlops_cli.versioning.repository import open_config, opened


@contextmanager
def borrowed(root: Path, copy: Path) -> Iterator[None]:
    """Lets a second checkout use the cache, the remotes and the secrets of the first.

    Args:
        root: The project.
        copy: The same project in another folder, which is thrown away after this.

    Raises:
        NotFoundError: One of them is no DVC project.
        ConfigError: A config file is damaged.
    """
    with opened(root, locked=False) as repo:
        cache = str(repo.cache.local.path)
        # As DVC reads them: folders, which the config names as seen from itself, are absolute.
        remotes = {name: dict(settings) for name, settings in repo.config["remote"].items()}
    with open_config(copy).edit("local") as config:
        config["cache"]["dir"] = cache
        for name, settings in remotes.items():
            config["remote"][name] = {key: _absolute(value) for key, value in settings.items()}
    try:
        yield
    finally:
        with opened(copy, locked=False) as repo:
            # DVC keeps an index by absolute path, which would be an orphan.
            shutil.rmtree(repo.site_cache_dir, ignore_errors=True)


def lay_out(copy: Path, path: str, reporter: Reporter) -> bool:
    """Puts a tracked file or folder into its place: from the cache, else from the remote.

    Args:
        copy: The checkout.
        path: Relative to it.
        reporter: Told of progress.

    Returns:
        Whether DVC tracks it.

    Raises:
        MlopsError: It is tracked and can't be had.
    """
    target = str(copy / path)
    with opened(copy, locked=True) as repo:
        try:
            repo.find_outs_by_path(target, recursive=True, strict=False)
        except DvcException:
            return False
        try:
            repo.checkout(targets=[target], force=True)
            return True
        except CheckoutError:
            pass
    try:
        pull.run(copy, reporter, targets=[target], force=True)
    except NotFoundError as error:
        raise NotFoundError(
            f"{path} as it was is neither in DVC's cache nor in its remote: {error.message}",
            hint="mlops push, where the file is, sends it",
        ) from error
    return True


def _absolute(value: object) -> object:
    """A folder as plain text, everything else as it is."""
    return str(value) if isinstance(value, str) else value
