"""The point of a search space that the present settings are: what a search has to beat."""

import dataclasses
from pathlib import Path
from typing import Any

from mlops_cli.config.keys import GROUPS
from mlops_cli.config.overrides import choices_in, literal, parse
from mlops_cli.config.sweeps import Choices
from mlops_cli.config.tree import open_tree
from mlops_cli.schemas.config import Config
from mlops_cli.tuning.plan import Plan


def params(config: Config, plan: Plan, root: Path) -> dict[str, Any] | None:
    """The present value of each searched key; None where one lies outside the space."""
    tree = open_tree(root)
    chosen = tree.selection(choices_in([parse(word) for word in plan.fixed]))
    content = dataclasses.asdict(config)
    found: dict[str, Any] = {}
    for axis in plan.axes:
        group, _, name = axis.key.partition(".")
        if axis.key in GROUPS:
            present: Any = chosen.get(axis.key)
        else:
            present = content.get(group)
            for part in name.split(".") if name else ():
                present = present.get(part) if isinstance(present, dict) else None
        if isinstance(axis, Choices):
            fitting = [value for value in axis.values if literal(value)[1] == present]
            if not fitting:
                return None
            found[axis.key] = fitting[0]
        elif (
            not isinstance(present, int | float)
            or not axis.low <= present <= axis.high
            or (axis.step and round((present - axis.low) / axis.step, 6) % 1)
        ):
            return None
        else:
            found[axis.key] = present
    return found
