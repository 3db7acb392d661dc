"""What stands for the actions of others: a clean clone, this Python, and a word on all the rest."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.ci.sandbox import Sandbox
from mlops_cli.errors import ConfigError

CHECKOUT, PYTHON = "actions/checkout", "actions/setup-python"


@dataclass(frozen=True)
class StandIn:
    """What became of an action.

    Attributes:
        outcome: `success` where something stands for it, else `skipped`.
        reason: What does.
        outputs: What it tells; None where only GitHub knows.
    """

    outcome: str
    reason: str
    outputs: Mapping[str, Any] | None = None


_LEFT_OUT: Mapping[str, StandIn] = {
    "actions/cache": StandIn("skipped", "no cache here: a miss", {"cache-hit": ""}),
    "actions/cache/restore": StandIn("skipped", "no cache here: a miss", {"cache-hit": ""}),
    "actions/cache/save": StandIn("skipped", "no cache here", {}),
    "actions/upload-artifact": StandIn("skipped", "nothing is uploaded"),
    "actions/download-artifact": StandIn("skipped", "nothing was uploaded"),
}
_OTHER = StandIn("skipped", "an action of others is not played")


def use(
    action: str, given: Mapping[str, str], box: Sandbox, at: tuple[str, str], workspace: Path
) -> StandIn:
    """Does what stands for an action.

    Args:
        action: As `uses:` names it.
        given: Its inputs.
        box: The sandbox.
        at: What is played: the ref, and its commit.
        workspace: Of the job.

    Raises:
        ConfigError: A checkout has an input that can't be understood.
    """
    name = action.partition("@")[0].lower()
    if name == CHECKOUT:
        return _checkout(given, box, at, workspace)
    if name == PYTHON:
        return StandIn("success", _python(given.get("python-version", "")), {
            "python-version": platform.python_version(), "python-path": sys.executable,
            "cache-hit": "",
        })  # fmt: skip
    return _LEFT_OUT.get(name, _OTHER)


def other_python(asked: str) -> bool:
    """Whether a version that a workflow asks for is not that of this Python."""
    wanted, here = asked.strip().split("."), platform.python_version_tuple()
    if not all(part.isdigit() for part in wanted):
        return False  # A range, `3.x` or nothing: what is here will do.
    return list(here[: len(wanted)]) != wanted


def _python(asked: str) -> str:
    here = f"this Python {platform.python_version()}"
    return f"{here} stands for {asked}" if other_python(asked) else f"{here} stands for it"


def _checkout(
    given: Mapping[str, str], box: Sandbox, at: tuple[str, str], workspace: Path
) -> StandIn:
    if given.get("repository"):
        return StandIn("skipped", f"{given['repository']} is another repository")
    try:
        depth = int(given.get("fetch-depth") or 1)
    except ValueError as error:
        raise ConfigError(f"fetch-depth: {given['fetch-depth']!r} is no number") from error
    ref, commit = at
    if given.get("ref"):
        ref, commit = _named(box, given["ref"])
    box.check_out(workspace / given.get("path", ""), ref, commit, depth=depth)
    return StandIn("success", f"a clean clone of {commit[:8]}", {"ref": ref, "commit": commit})


def _named(box: Sandbox, named: str) -> tuple[str, str]:
    refs = box.refs()
    for ref in (named, f"refs/heads/{named}", f"refs/tags/{named}"):
        if ref in refs:
            return ref, box.commit_of(ref)
    raise ConfigError(f"there is no branch or tag {named!r} to check out")
