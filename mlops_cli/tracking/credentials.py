"""Whether a tracker's credentials are on this machine. Imports no tracker."""

import netrc
import os
from pathlib import Path
from urllib.parse import urlsplit


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
