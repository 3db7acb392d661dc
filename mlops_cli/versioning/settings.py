"""What may be said about a remote: its kind, its settings, and which of them are secret."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from dvc.config_schema import DEPRECATED, REMOTE_SCHEMAS, SCHEMA, RelPath
from voluptuous import Invalid

from mlops_cli.errors import ConfigError, UsageError

EXTRAS = {
    "folder": "train",
    "s3": "s3",
    "ssh": "ssh",
    "gs": "gs",
    "azure": "azure",
    "webdav": "webdav",
    "webdavs": "webdav",
    "http": "train",
    "https": "train",
}
"""The kinds of remotes, each with the extra that brings its package."""

SCHEMES = tuple(kind for kind in EXTRAS if kind != "folder")
"""The kinds that a URL begins with."""

SECRETS = frozenset(
    (
        "access_key_id",
        "account_key",
        "client_secret",
        "connection_string",
        "passphrase",
        "password",
        "sas_token",
        "secret_access_key",
        "session_token",
        "sse_customer_key",
        "token",
    )
)
"""Settings that are written to .dvc/config.local alone, and never shown."""

_UNSUPPORTED = ("version_aware", "worktree")
"""Layouts of a remote without files named by their hash: `dvc push` alone knows them."""

_REFERENCE = re.compile(r"%\([^)]*\)s")
"""DVC's config puts another setting in such a place when it is read."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def check_name(name: str) -> str:
    """The name of a remote as DVC keeps it, in small letters.

    Raises:
        UsageError: It can't be a name.
    """
    lower = name.lower()
    if not _NAME.fullmatch(lower):
        raise UsageError(
            f"{name!r} can't be the name of a remote", hint="letters, digits, '.', '_' and '-'"
        )
    return lower


def kind_of(url: str) -> str:
    """The kind of remote that a URL names.

    Raises:
        UsageError: There is no such kind, or the URL lacks its host or bucket.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "folder"
    if scheme not in SCHEMES:
        near = get_close_matches(scheme, SCHEMES, n=1, cutoff=0.5)
        told = (
            f"did you mean {near[0]}://{rest}?" if near else f"a folder, {'://, '.join(SCHEMES)}://"
        )
        raise UsageError(f"no kind of remote {scheme}://", hint=told)
    if not urlsplit(url).netloc:
        place = "host" if scheme in ("ssh", "http", "https", "webdav", "webdavs") else "bucket"
        raise UsageError(f"{url} names no {place}", hint=f"{scheme}://{place.upper()}/PATH")
    return scheme


def check_url(url: str) -> str:
    """The URL as DVC keeps it; a folder relative to the project where that is possible.

    Raises:
        UsageError: It is empty, of an unknown kind, or carries a secret.
    """
    url = url.removeprefix("file://")
    if not url.strip():
        raise UsageError("a remote needs a URL", hint="a folder, or s3://BUCKET/PATH")
    if kind_of(url) == "folder":
        return url
    parts = urlsplit(url)
    if parts.password is not None:
        raise UsageError(
            "the URL carries a password, and would be committed with it",
            hint=f"{shown_url(url)} password=- (asks for it, and keeps it out of git)",
        )
    if _unclear(parts):
        # Perhaps a password with a slash in it, which must not be shown.
        raise UsageError(
            "the URL can't be told apart into user, host, port and path",
            hint="user=NAME and password=- go behind the URL",
        )
    if parts.query:
        raise UsageError(
            "the URL carries a query, in which secrets like to hide",
            hint=f"{shown_url(url)} with settings instead, such as sas_token=-",
        )
    return url


def _unclear(parts: SplitResult) -> bool:
    """Whether what looks like a path may be the end of a password."""
    try:
        _ = parts.port
    except ValueError:
        return True
    return "@" in parts.path and parts.scheme not in ("s3", "gs", "azure")


def stored_url(url: str, root: Path) -> str:
    """A folder below the project, or one that was typed relative, in DVC's relative form."""
    if kind_of(url) != "folder" or url.startswith("~"):
        return url
    folder = Path(url).absolute()
    inside = folder.resolve().is_relative_to(root.resolve())
    return str(RelPath(folder)) if Path(url).is_absolute() and not inside else RelPath(folder)


def shown_url(url: str) -> str:
    """The URL without password, query and fragment."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def valid_settings(kind: str) -> list[str]:
    """Names of the settings that DVC knows for this kind."""
    schema = REMOTE_SCHEMAS["" if kind == "folder" else kind]
    return sorted(
        str(key)
        for key in schema
        if getattr(key, "description", None) != DEPRECATED
        and str(key) not in ("url", *_UNSUPPORTED)
    )


def parse(words: Sequence[str], kind: str) -> dict[str, str]:
    """The settings that KEY=VALUE words make.

    Raises:
        UsageError: A word is no KEY=VALUE, or a key comes twice.
        ConfigError: There is no such setting for this kind of remote.
    """
    settings: dict[str, str] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            # The whole word may be a secret that was typed in the wrong place.
            raise UsageError("a setting is typed as KEY=VALUE", hint="endpointurl=https://HOST")
        if key not in valid_settings(kind):
            raise ConfigError(_unknown(key, kind), hint=_nearest(key, kind))
        if key in settings:
            raise UsageError(f"{key} is set twice", hint="leave one of them out")
        settings[key] = value
    return settings


def check_values(url: str, settings: Mapping[str, str]) -> None:
    """Checks values by DVC's own rules.

    Raises:
        ConfigError: A value is of the wrong kind. The message never holds a secret.
    """
    for key, value in {"URL": url, **settings}.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"{key}: DVC's config takes plain ASCII only", hint="no accents")
        if _REFERENCE.search(value):
            raise ConfigError(f"{key}: DVC's config can't hold '%(…)s'", hint="choose another one")
    for key, value in settings.items():
        if not value:
            raise ConfigError(f"{key} has no value", hint=f"{key}=VALUE, or leave it out")
        if key == "endpointurl" and not value.startswith(("http://", "https://")):
            raise ConfigError(f"{key}={value}: must be a URL", hint=f"{key}=https://{value}")
        try:
            SCHEMA["remote"][str]({"url": url, key: value})
        except Invalid as error:
            said = str(error).partition(" for dictionary value")[0].partition(" @ ")[0]
            shown = key if key in SECRETS else f"{key}={value}"
            hint = f"{key} takes {said.removeprefix('expected ')}"
            raise ConfigError(f"{shown}: {said}", hint=hint) from error


def _unknown(key: str, kind: str) -> str:
    if key in _UNSUPPORTED:
        return f"mlops push does not write {key} remotes"
    return f"a remote of kind {kind} has no setting {key!r}"


def _nearest(key: str, kind: str) -> str:
    valid = valid_settings(kind)
    near = get_close_matches(key.lower(), valid, n=1)
    if key in _UNSUPPORTED:
        return "dvc remote modify sets it, and dvc push writes it"
    return f"did you mean {near[0]}?" if near else f"its settings: {', '.join(valid)}"
