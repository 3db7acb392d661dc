"""What the libraries behind the remotes raise, told in one line, and never with a secret in it."""

import sys
from collections.abc import Iterable, Iterator, Mapping

from dvc.exceptions import DvcException
from dvc_objects.errors import ObjectDBError
from dvc_objects.fs.errors import AuthError, RemoteMissingDepsError
from dvc_objects.fs.errors import ConfigError as FileSystemConfigError

from mlops_cli.errors import (
    ConfigError,
    MissingDependencyError,
    MlopsError,
    NotFoundError,
    UnreachableError,
)
from mlops_cli.schemas.remotes import Remote
from mlops_cli.versioning.repository import one_line
from mlops_cli.versioning.settings import EXTRAS

_RAISED_BY = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "asyncssh": ("Error", "KeyImportError", "KeyEncryptionError"),
    "httpx": ("HTTPError",),
    "webdav4.client": ("ClientError",),
    "aiohttp": ("ClientError",),
    "azure.core.exceptions": ("AzureError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "gcsfs.retry": ("HttpError",),
}
"""What each library raises beside OSError, by the module that declares it."""

_CREDENTIAL = {
    "AuthError",
    "ClientAuthenticationError",
    "CredentialRetrievalError",
    "DefaultCredentialsError",
    "ForbiddenOperation",
    "InvalidConfigError",
    "KeyEncryptionError",
    "KeyImportError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "PermissionDenied",
    "PermissionError",
    "ProfileNotFound",
    "RefreshError",
    "SFTPPermissionDenied",
    "TokenRetrievalError",
}
_NOT_THERE = {
    "DependencyDoesNotExistError",
    "FileNotFoundError",
    "NotADirectoryError",
    "ResourceConflict",
    "ResourceNotFound",
    "ResourceNotFoundError",
    "SFTPNoSuchFile",
    "SFTPNoSuchPath",
    "URLMissingError",
}
_UNREACHABLE = {
    "ChannelOpenError",
    "ClientConnectionError",
    "ConnectionClosedError",
    "ConnectionError",
    "ConnectionLost",
    "ConnectTimeoutError",
    "DisconnectError",
    "EndpointConnectionError",
    "gaierror",
    "HTTPClientError",
    "ReadTimeoutError",
    "ServiceRequestError",
    "TimeoutError",
    "TimeoutException",
    "TransportError",
}
_STATUS = {401: _CREDENTIAL, 403: _CREDENTIAL, 404: _NOT_THERE, 409: _NOT_THERE}

_CREDENTIAL_HINTS = {
    "folder": "check who owns the folder",
    "s3": "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile=",
    "ssh": "name the user= and a keyfile=, or password=- to be asked for it",
    "gs": "export GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login",
    "azure": "export AZURE_STORAGE_CONNECTION_STRING, or az login",
    "webdav": "name the user=, and password=- to be asked for it",
    "webdavs": "name the user=, and password=- to be asked for it",
    "http": "auth=basic user=NAME password=- (asks for it)",
    "https": "auth=basic user=NAME password=- (asks for it)",
}


def understood() -> tuple[type[BaseException], ...]:
    """The errors of the libraries that are loaded by now, for an `except` clause."""
    named = (
        getattr(sys.modules[module], name, None)
        for module, names in _RAISED_BY.items()
        if module in sys.modules
        for name in names
    )
    ours = (OSError, DvcException, ObjectDBError, AuthError, FileSystemConfigError, ImportError)
    return (*ours, RemoteMissingDepsError, *(kind for kind in named if kind is not None))


def explain(error: BaseException, remote: Remote, secrets: Iterable[str] = ()) -> MlopsError:
    """An error of a library as one of ours. What is not understood is raised as it is.

    Args:
        error: What was raised while the remote was used.
        remote: The remote.
        secrets: Values that no message may hold.
    """
    if isinstance(error, MlopsError):
        return error
    if not isinstance(error, understood()):
        raise error
    place = f"the remote {remote.name} ({remote.url})"
    if lacks_package(error):
        return missing_package(place, remote.kind)
    # Some servers say nothing, and the library that passed the error on says "None".
    telling = [link for link in _chain(error) if str(link) not in ("", "None")]
    said = _without(one_line((telling or [error])[0]).removesuffix(": None"), secrets)
    kind = kind_of(error)
    if kind is MissingDependencyError:
        return kind(f"{place} refuses: {said}", hint=_CREDENTIAL_HINTS[remote.kind])
    if kind is NotFoundError:
        return kind(f"{place} is not there: {said}", hint=_not_there_hint(remote))
    if kind is UnreachableError:
        return kind(f"{place} can't be reached: {said}", hint="check its URL and the network")
    if {_status(link) for link in _chain(error)} & {405, 501}:
        return MlopsError(f"{place} takes no files", hint="name its method=PUT, or another remote")
    if isinstance(error, FileSystemConfigError):
        return ConfigError(f"{place} is set up wrong: {said}", hint="mlops remote list")
    return MlopsError(f"{place} failed: {said}", hint=f"mlops remote check {remote.name}")


def kind_of(error: BaseException) -> type[MlopsError]:
    """What kind of failure it is, by the names and the HTTP status that it and its causes bear.

    `MlopsError` itself stands for any other.
    """
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    names.update(*(_STATUS.get(_status(link), ()) for link in _chain(error)))
    if names & _CREDENTIAL:
        return MissingDependencyError
    if names & _NOT_THERE:
        return NotFoundError
    return UnreachableError if names & _UNREACHABLE else MlopsError


def lacks_package(error: BaseException) -> bool:
    """Whether the package for a kind of remote is not installed."""
    return any(isinstance(link, ImportError | RemoteMissingDepsError) for link in _chain(error))


def missing_package(place: str, kind: str) -> MissingDependencyError:
    """The extra that brings the package for this kind of remote, which `place` is."""
    return MissingDependencyError(
        f"{place} needs a package that the extra {EXTRAS[kind]!r} brings",
        hint=f"pip install 'mlops-cli[{EXTRAS[kind]}]'",
    )


def secret_values(held: Mapping[str, object], names: Iterable[str]) -> list[str]:
    """The values of secret settings, to keep them out of messages."""
    return [str(held[name]) for name in names if held.get(name)]


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _status(error: BaseException) -> int:
    """The HTTP status that an error carries, or 0."""
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status", "status_code"):
            code = getattr(holder, name, None)
            if isinstance(code, int):
                return code
    return 0


def _not_there_hint(remote: Remote) -> str:
    if remote.kind in ("s3", "gs", "azure"):
        return "make the bucket, or mend the URL: mlops remote add NAME URL --force"
    return "make the folder, or mend the URL: mlops remote add NAME URL --force"
