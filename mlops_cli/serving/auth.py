"""API keys: who may ask, and who may administer. Only hashes of the keys are kept.

A file of keys has one `NAME: HASH` a line, and `NAME: HASH admin` for a key that may administer.
The environment variable MLOPS_API_KEYS holds the same, parted by commas; there a key in plain may
stand in place of `NAME: HASH`. A key is 256 random bits, so its SHA-256 can't be turned back.
"""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from starlette.types import Scope

from mlops_cli.errors import ConfigError, NotFoundError, UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.http import header
from mlops_cli.serving.refusals import Forbidden, Unauthorized

Role = Literal["predict", "admin"]
"""What a key may do; an admin's may do everything."""

ENVIRONMENT = "MLOPS_API_KEYS"
OPEN = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/ping", "/health"})
"""Paths that are answered without a key: whoever starts and watches servers has none."""
_PREFIX = "mlops_"
SHORTEST = 16
"""Characters of a key in plain, at least."""
_ENTRY = re.compile(
    r"(?P<name>[\w.@-]+)\s*:\s*(?:sha256:)?(?P<hash>[0-9a-f]{64})(?:\s+(?P<role>\w+))?"
)
_EXAMPLE = "a line is `NAME: HASH`, made by mlops serve --new-key NAME"


@dataclass(frozen=True)
class Key:
    """A key, without the secret.

    Attributes:
        name: Whose it is.
        hash: SHA-256 of the secret, in hex.
        role: What it may do.
    """

    name: str
    hash: str
    role: Role = "predict"

    @property
    def line(self) -> str:
        """The key's line in a file."""
        return f"{self.name}: {self.hash}" + (" admin" if self.role == "admin" else "")


@dataclass(frozen=True)
class NewKey:
    """What `mlops serve --new-key` made.

    Attributes:
        name: Whose key it is.
        role: What it may do.
        key: The secret, which is kept nowhere.
        line: Its line in a file of keys.
    """

    name: str
    role: Role
    key: str
    line: str


class Keys:
    """The keys of a server.

    Args:
        keys: All of them; without any, everybody may ask and nobody may administer.
        opened: Paths that are answered without one, beside `OPEN`.
    """

    def __init__(self, keys: Sequence[Key] = (), *, opened: Iterable[str] = ()) -> None:
        self._keys = [(key, key.hash.encode()) for key in keys]
        self._open = OPEN.union(opened)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def admit(self, scope: Scope) -> None:
        """Lets a request in, and notes for `require` whose it is.

        Raises:
            Unauthorized: The path takes a key, and the request's is missing or wrong.
        """
        scope["mlops.key"] = None
        if not self._keys or scope["path"] in self._open:
            return
        secret = _secret(scope)
        if secret is None:
            raise Unauthorized(
                "an API key is needed", hint="send the header Authorization: Bearer KEY"
            )
        scope["mlops.key"] = self._find(secret)
        if scope["mlops.key"] is None:
            raise Unauthorized("the API key is wrong", hint="ask whoever runs this server for one")

    def _find(self, secret: bytes) -> Key | None:
        asked, found = hashlib.sha256(secret).hexdigest().encode(), None
        for key, known in self._keys:
            if hmac.compare_digest(asked, known):
                found = key
        return found


def require(scope: Scope, *, role: Role) -> Key:
    """The key of a request that `Keys.admit` let in.

    Raises:
        Forbidden: It may not do what only `role` may.
    """
    key: Key | None = scope["mlops.key"]
    if key is None:
        raise Forbidden(
            f"this takes an API key with the role {role}, and the server has no keys",
            hint="make one: mlops serve --new-key NAME --admin",
        )
    if key.role not in (role, "admin"):
        raise Forbidden(f"the API key {key.name} has not the role {role}", hint="use another key")
    return key


def load(config: ServeConfig, *, pages: Iterable[str] = ()) -> Keys:
    """The keys of the file and of the environment.

    Args:
        config: Names the file.
        pages: Paths of pages that can ask for a key only once they are there.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: A line of it is none of a key, or the file or the variable holds none at all.
    """
    return Keys(listed(config), opened=[*pages, *(["/metrics"] if config.open_metrics else [])])


def listed(config: ServeConfig) -> list[Key]:
    """The keys of the file and of the environment; see `load`."""
    keys: list[Key] = []
    if config.api_keys is not None:
        keys += _some(_from_file(Path(config.api_keys)), config.api_keys)
    # Compose and the like set a variable that nobody gave to nothing: that names no source.
    if told := os.environ.get(ENVIRONMENT):
        keys += _some(parsed(told), ENVIRONMENT)
    return keys


def _some(found: Iterable[Key], source: str) -> list[Key]:
    """The keys of a source: whoever names one wants a server that is closed."""
    keys = [*found]
    if not keys:
        raise ConfigError(
            f"{source} holds no API key, and everybody could ask",
            hint="make one: mlops serve --new-key NAME",
        )
    return keys


def new(name: str, role: Role = "predict") -> tuple[str, Key]:
    """A new secret, and the key to keep.

    Raises:
        UsageError: The name can't stand in a line.
    """
    secret = _PREFIX + secrets.token_urlsafe(32)
    key = Key(name, hashlib.sha256(secret.encode()).hexdigest(), role)
    if _ENTRY.fullmatch(key.line) is None:
        raise UsageError(f"{name!r} is no name of a key", hint="letters, digits and . _ @ -")
    return secret, key


def _secret(scope: Scope) -> bytes | None:
    """What a request sends as its key."""
    told = header(scope, b"authorization") or ""
    scheme, _, secret = told.partition(" ")
    if scheme.lower() != "bearer":
        secret = header(scope, b"x-api-key") or ""
    return secret.strip().encode("latin-1") or None


def _from_file(file: Path) -> Iterator[Key]:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"no file of API keys at {file}", hint=_EXAMPLE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the API keys in {file} can't be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if entry:
            yield _key(entry, f"{file}, line {number}")


def parsed(text: str) -> Iterator[Key]:
    """The keys of a text such as `MLOPS_API_KEYS` holds."""
    entries = [entry.strip() for entry in re.split(r"[,\n]", text)]
    for number, entry in enumerate(filter(None, entries), 1):
        where = f"{ENVIRONMENT}, key {number}"
        if ":" in entry:
            yield _key(entry, where)
        elif len(entry) < SHORTEST:
            raise ConfigError(
                f"{where} is shorter than {SHORTEST} characters",
                hint="make a key: mlops serve --new-key NAME",
            )
        else:
            yield Key(f"environment-{number}", hashlib.sha256(entry.encode()).hexdigest())


def _key(entry: str, where: str) -> Key:
    """A key as it is written; the message never shows it, for it may be a secret."""
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ConfigError(f"{where}: this is no API key", hint=_EXAMPLE)
    if found["role"] not in (None, "predict", "admin"):
        raise ConfigError(f"{where}: there is no role {found['role']!r}", hint="admin, or nothing")
    return Key(found["name"], found["hash"], "admin" if found["role"] == "admin" else "predict")
