"""Whether a tracker's credentials are on this machine. Imports no tracker."""

import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit

from mlops_cli.errors import MissingDependencyError
from mlops_cli.schemas.tracker import WandbTrackerConfig


def wandb_mode(config: WandbTrackerConfig) -> str:
    """How W&B is to work: online, offline or disabled.

    Raises:
        MissingDependencyError: It should be online, and there is no key.
    """
    if config.mode == "auto":
        return os.environ.get("WANDB_MODE") or ("online" if has_wandb_key() else "offline")
    if config.mode == "online" and not has_wandb_key():
        raise MissingDependencyError(
            "tracker.mode=online, and there is no W&B key",
            hint="wandb login, or WANDB_API_KEY, or tracker.mode=offline",
        )
    return config.mode


def has_wandb_key() -> bool:
    """Whether W&B would find a key: in the environment, or where `wandb login` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            known = netrc.netrc(path)
        except (OSError, netrc.NetrcParseError):
            continue
        if any(known.authenticators(host) for host in _hosts()):
            return True
    return False


def _hosts() -> list[str]:
    """Where W&B lives: its addresses old and new, or the user's own server."""
    own = urlsplit(os.environ.get("WANDB_BASE_URL", "")).netloc
    return [own] if own else ["api.wandb.ai", "api.forge.coreweave.com"]
