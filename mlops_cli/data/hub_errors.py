"""What is wrong with a data set of the hub, in our own words."""

import re
from difflib import get_close_matches

import datasets

from mlops_cli.errors import DataError, UnreachableError
from mlops_cli.schemas.data import HubDataConfig


def unknown_config(config: HubDataConfig, error: ValueError) -> DataError:
    """The library's ValueError about configurations, in one line."""
    names = re.findall(r"'([^']+)'", str(error).partition("[")[2].partition("]")[0])
    if not names:
        return DataError(f"{config.dataset} can't be loaded: {first_line(error)}")
    near = get_close_matches(config.config or "", names, n=1)
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    asked = (
        f"has no configuration {config.config!r}" if config.config else "has several configurations"
    )
    return DataError(
        f"{config.dataset} {asked}",
        hint=(f"did you mean data.config={near[0]}? " if near else "set data.config; ")
        + f"configurations: {shown}",
    )


def unreachable(config: HubDataConfig) -> UnreachableError:
    """Says how to do without the hub."""
    asked = f"{config.dataset}, configuration {config.config}" if config.config else config.dataset
    return UnreachableError(
        f"the hub can't be reached and the data set {asked} is not in the cache",
        hint="download it as a file and use data=file data.path=FILE, or fill the cache "
        f"({datasets.config.HF_CACHE_HOME}) on a machine with network and set HF_HUB_OFFLINE=1",
    )


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
