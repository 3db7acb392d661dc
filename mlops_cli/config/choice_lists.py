"""Lists of choices: `tracker=[wandb,mlflow]` takes several choices of a group at once.

Hydra lays the files of the choices over each other. The settings in force are then those of all
of them, and `use` names their modules.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mlops_cli.schemas.tracker import SEVERAL

LISTABLE = ("tracker",)
"""The groups that take a list."""


def is_list(choice: str) -> bool:
    """Whether a choice is a list of choices."""
    return choice.startswith("[") and choice.endswith("]")


def members(choice: str) -> list[str]:
    """The choices of a list, each once; of anything else the choice alone."""
    if not is_list(choice):
        return [choice]
    names = (name.strip().strip("'\"") for name in choice[1:-1].split(","))
    return [name for name in dict.fromkeys(names) if name]


def listed(names: Iterable[str]) -> str:
    """The list as one choice, the way Hydra reads it."""
    return f"[{','.join(names)}]"


def several(contents: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """What a list of choices sets by itself.

    Args:
        contents: Name and settings of each choice.
    """
    modules = [str(own.get("module") or own.get("name") or name) for name, own in contents]
    return {"name": SEVERAL, "module": None, "use": modules}
