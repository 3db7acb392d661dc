"""Whether a tracker's credentials are on this machine. Imports no tracker."""

import netrc
import os
from pathlib import Path


def has_wandb_key() -> bool:
    """Whether W&B would find a key: in the environment, or where `wandb login` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            if netrc.netrc(path).authenticators("api.wandb.ai"):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
