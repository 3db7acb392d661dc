"""API keys of what is deployed: it is told their hashes, never a key."""

import hashlib
import os
from collections.abc import Iterable

from mlops_cli.admin_client import KEY
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import auth
from mlops_cli.serving.auth import Key

_ADMIN = "deploy"
"""What the key of `MLOPS_ADMIN_KEY` is called there."""
CHECK = "mlops-check"
"""What the key is called that a deployment asks with, and that is then forgotten."""


def listed(config: ServeConfig, before: Iterable[Key] = ()) -> list[Key]:
    """The keys of a server: the project's, else those it had before; and that of its admin.

    Args:
        config: Names the file of the project's keys.
        before: The keys that the server has, which stay where the project gives none.

    Raises:
        NotFoundError: There is no file of `serve.api_keys`.
        ConfigError: A line of it, or of the environment, is none of a key; or the admin's key is
            too short.
    """
    secret = os.environ.get(KEY)
    # The admin's of today takes the place of the one before.
    keys = auth.listed(config) or [one for one in before if not (secret and one.name == _ADMIN)]
    if secret:
        if len(secret) < auth.SHORTEST:
            raise ConfigError(
                f"the key in {KEY} is shorter than {auth.SHORTEST} characters",
                hint="make one: mlops serve --new-key NAME --admin",
            )
        own = Key(_ADMIN, hashlib.sha256(secret.encode()).hexdigest(), "admin")
        keys = [*(one for one in keys if one.hash != own.hash), own]
    return keys


def administers(known: Iterable[Key]) -> bool:
    """Whether the key of `MLOPS_ADMIN_KEY` is an admin's of a server with these keys."""
    own = hashlib.sha256(os.environ.get(KEY, "").encode()).hexdigest()
    return any((one.hash, one.role) == (own, "admin") for one in known)


def variable(keys: Iterable[Key]) -> str:
    """The keys as the environment of a server has them."""
    return ",".join(key.line for key in keys)
