"""API keys of what is deployed: it is told their hashes, never a key."""

import hashlib
import os
from collections.abc import Iterable

from mlops_cli.admin_client import KEY
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import auth
from mlops_cli.serving.auth import Key

_ADMIN = "deploy"
"""What the key of `MLOPS_ADMIN_KEY` is called there."""
CHECK = "mlops-check"
"""What the key is called that a deployment asks with, and that is then forgotten."""


def listed(config: ServeConfig) -> list[Key]:
    """The keys that whoever deploys has given: the project's, and that of its admin.

    Raises:
        NotFoundError: There is no file of `serve.api_keys`.
        ConfigError: A line of it, or of the environment, is none of a key.
    """
    keys = auth.listed(config)
    secret = os.environ.get(KEY)
    if secret:
        own = Key(_ADMIN, hashlib.sha256(secret.encode()).hexdigest(), "admin")
        keys = [*(one for one in keys if one.hash != own.hash), own]
    return keys


def variable(keys: Iterable[Key]) -> str:
    """The keys as the environment of a server has them."""
    return ",".join(key.line for key in keys)
