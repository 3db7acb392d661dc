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
from mlops_cli.versioning.failures import understood
from mlops_cli.versioning.repository import dvc_folder, one_line, opened
from mlops_cli.versioning.settings import EXTRAS

_CREDENTIALS = (401, 403)


def check_url(root: Path, url: str) -> None:
    """Whether DVC can fetch from such a URL into the project at `root`.

    Raises:
        UsageError: It can't, or would write down a password.
        NotFoundError: There is no DVC project.
    """
    parts = urlsplit(url)
    if parts.scheme not in EXTRAS or parts.scheme == "folder":
        known = ", ".join(f"{kind}://" for kind in EXTRAS if kind != "folder")
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
    kind = urlsplit(url).scheme
    try:
        with opened(root, locked=False) as repo:
            repo.imp_url(url, out=str(out))
    except MlopsError as error:
        cause = error.__cause__
        if type(error) is MlopsError and isinstance(cause, DvcException):
            raise _explained(cause, url, kind) from error
        raise
    except understood() as error:
        raise _explained(error, url, kind) from error
    return out.with_name(out.name + ".dvc")


def keep_from_git(path: Path) -> None:
    """Lets git ignore a file that was fetched elsewhere and then moved here."""
    with opened(path.parent, locked=False) as repo:
        repo.scm_context.ignore(str(path))


def _explained(error: BaseException, url: str, kind: str) -> MlopsError:
    """An error of DVC or of a library below it, in one line."""
    links = [error]
    while links[-1].__cause__ is not None:
        links.append(links[-1].__cause__)
    names = {base.__name__ for link in links for base in type(link).__mro__}
    codes = {getattr(link, "status", None) for link in links}
    if names & {"ImportError", "RemoteMissingDepsError"}:
        return MissingDependencyError(
            f"fetching from {kind}:// needs a package that the extra {EXTRAS[kind]!r} brings",
            hint=f"pip install 'mlops-cli[{EXTRAS[kind]}]'",
        )
    if codes & set(_CREDENTIALS) or names & {"PermissionError", "NoCredentialsError"}:
        return MissingDependencyError(
            f"{url} refuses: {one_line(error)}", hint="check the credentials in the environment"
        )
    missing = {"FileNotFoundError", "URLMissingError", "DependencyDoesNotExistError"}
    if names & missing or 404 in codes:
        # DVC asks a web server whether the file is there, and takes no answer for a no.
        return NotFoundError(
            f"no file at {url}, or nobody answers there", hint="check the address and the network"
        )
    return UnreachableError(f"can't fetch {url}: {one_line(error)}", hint="check the network")
