"""Files from elsewhere that DVC fetches and remembers the place of."""

from pathlib import Path
from urllib.parse import urlsplit

from dvc.exceptions import DvcException

from mlops_cli.errors import (
    MissingDependencyError,
    MlopsError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from mlops_cli.versioning.failures import kind_of, lacks_package, missing_package, understood
from mlops_cli.versioning.repository import dvc_folder, one_line, opened
from mlops_cli.versioning.settings import SCHEMES


def check_url(root: Path, url: str) -> None:
    """Whether DVC can fetch from such a URL into the project at `root`.

    Raises:
        UsageError: It can't, or would write down a password.
        NotFoundError: There is no DVC project.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{kind}://" for kind in SCHEMES)
        raise UsageError(f"nothing can be fetched from {parts.scheme}://", hint=f"known: {known}")
    if parts.password:
        raise UsageError(
            "the password in the URL would be written into a .dvc file",
            hint="leave it out; credentials belong into the environment",
        )
    dvc_folder(root)


def import_url(root: Path, url: str, out: Path) -> Path:
    """Fetches a file and lets DVC hold it; the `.dvc` file that remembers where it came from.

    Args:
        root: The DVC project.
        url: Where the file is.
        out: Where to put it, below `root`.

    Raises:
        UsageError: The URL is none that DVC fetches from.
        NotFoundError: There is no DVC project, or nothing at the URL.
        MissingDependencyError: A package or a credential is missing.
        UnreachableError: The server can't be reached.
    """
    check_url(root, url)
    try:
        with opened(root, locked=False) as repo:
            repo.imp_url(url, out=str(out))
    except MlopsError as error:
        cause = error.__cause__
        if type(error) is MlopsError and isinstance(cause, DvcException):
            raise _explained(cause, url) from error
        raise
    except understood() as error:
        raise _explained(error, url) from error
    return out.with_name(out.name + ".dvc")


def keep_from_git(path: Path) -> None:
    """Lets git ignore a file that was fetched elsewhere and then moved here."""
    with opened(path.parent, locked=False) as repo:
        repo.scm_context.ignore(str(path))


def _explained(error: BaseException, url: str) -> MlopsError:
    """An error of DVC or of a library below it, in one line."""
    scheme = urlsplit(url).scheme
    if lacks_package(error):
        return missing_package(f"fetching from {scheme}://", scheme)
    kind = kind_of(error)
    if kind is MissingDependencyError:
        return kind(
            f"{url} refuses: {one_line(error)}", hint="check the credentials in the environment"
        )
    if kind is NotFoundError:
        # DVC asks a web server whether the file is there, and takes no answer for a no.
        return kind(
            f"no file at {url}, or nobody answers there", hint="check the address and the network"
        )
    return UnreachableError(f"can't fetch {url}: {one_line(error)}", hint="check the network")
