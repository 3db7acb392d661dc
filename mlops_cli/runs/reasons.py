"""Why a run that was made again may have ended in other weights."""

from collections.abc import Mapping
from typing import Any

from mlops_cli.errors import DataError
from mlops_cli.models import checkpoints
from mlops_cli.runs import comparing
from mlops_cli.runs.checkout import Checkout
from mlops_cli.schemas.runs import Difference
from mlops_cli.tracking import packages
from mlops_cli.tracking.record import Run

PACKAGES = "packages."
"""What the names of packages begin with among the differences of two environments."""
_OF_NO_EFFECT = ("executable", "host", "memory_bytes")
_TIMINGS = ("seconds", "samples_per_second")
_SHOWN = 5
"""So many packages are named."""


def environment(
    first: Run, facts: Mapping[str, Any], second: Run, made: Mapping[str, Any]
) -> list[Difference]:
    """What differs of the environments of two runs, every package that was installed included.

    Where a run has no readable `packages.txt`, only the packages in `run.json` are compared.

    Args:
        first: The run that was made again.
        facts: What its `run.json` says.
        second: The run that was made.
        made: What its `run.json` says.
    """
    recorded = [dict(one.get("environment") or {}) for one in (facts, made)]
    installed = [_installed(one) for one in (first, second)]
    if all(installed):
        for content, versions in zip(recorded, installed, strict=True):
            # Those that run.json names have most to do with the weights: they come first.
            named = {name: None for name in content.get("packages") or {} if name in versions}
            content["packages"] = {name: versions[name] for name in named | versions}
    return differences(*recorded)


def _installed(run: Run) -> dict[str, str]:
    try:
        return packages.read(run.path) or {}
    except DataError:
        return {}


def differences(first: object, second: object) -> list[Difference]:
    """What differs of two mappings, by dotted name; None where they are none."""
    contents = [comparing.flat(one) if isinstance(one, Mapping) else {} for one in (first, second)]
    return [
        difference
        for difference in comparing.differences(contents)
        if not difference.same and difference.name not in (*_OF_NO_EFFECT, *_TIMINGS)
    ]


def why(
    facts: Mapping[str, Any],
    made: Mapping[str, Any],
    environment: list[Difference],
    place: Checkout,
) -> list[str]:
    """Why the weights may differ.

    Args:
        facts: What the first run recorded.
        made: What the second run recorded.
        environment: What differs of their environments.
        place: Where the second was made.
    """
    found = list(place.doubts)
    if facts.get("status") != "finished":
        found.append(f"the run was not finished: it is {facts.get('status')}")
    if another := checkpoints.difference(facts.get("checkpoint"), made.get("checkpoint")):
        found.append(another)
    named = [d.name.removeprefix(PACKAGES) for d in environment if d.name.startswith(PACKAGES)]
    if named:
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        found.append(f"other versions of {', '.join(named[:_SHOWN])}{more}")
    machine = [d.name for d in environment if not d.name.startswith(PACKAGES)]
    if machine:
        found.append(f"another {', '.join(machine)}")
    if facts.get("precision") != made.get("precision"):
        found.append(f"precision {facts.get('precision')} then, {made.get('precision')} now")
    if made.get("environment", {}).get("gpus"):
        found.append("a GPU adds numbers in no fixed order")
    return found or ["none is known: code, data, settings and environment are the same"]
