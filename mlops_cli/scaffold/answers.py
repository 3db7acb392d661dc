"""From wishes to the answers a template needs: choices, defaults, a look at the data."""

import re
from difflib import get_close_matches
from pathlib import Path

from mlops_cli import lookup
from mlops_cli.errors import ConfigError, UsageError
from mlops_cli.schemas.scaffold import Answers, DataLook, Wishes
from mlops_cli.tracking.credentials import has_wandb_key

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


def check_choice(group: str, value: str) -> str:
    """Returns `value` if the config group offers it.

    Raises:
        ConfigError: It doesn't; the hint names the nearest choice.
    """
    known = lookup.choices(group)
    if value in known:
        return value
    near = get_close_matches(value, known, n=1)
    hint = f"did you mean --{group} {near[0]}? " if near else ""
    raise ConfigError(f"no {group} {value!r}", hint=f"{hint}choices: {', '.join(known)}")


def check_name(value: str) -> str:
    """Returns `value` if it can name a project everywhere (W&B, registries, folders).

    Raises:
        UsageError: It can't.
    """
    if _NAME.fullmatch(value):
        return value
    likely = default_name(Path("/") / value)
    raise UsageError(
        f"{value!r} can't name a project",
        hint=f"letters, digits, dots, dashes and underscores, such as {likely}",
    )


def _data_name(file: Path) -> str:
    """What a data file is called among the choices of `data`, where some names are ours."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", file.stem).strip("-_")[:64] or "own"
    return f"my-{name}" if name in lookup.choices("data") else name


def default_name(folder: Path) -> str:
    """A project name made from the folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name)[:100].strip("-._") or "my-project"


def default_tracker() -> str:
    """W&B when its credentials are there, else none."""
    return "wandb" if has_wandb_key() else "none"


def settle(wishes: Wishes, folder: Path, look: DataLook | None, *, dvc: bool) -> Answers:
    """The answers to the template's questions: wishes where there are any, else defaults.

    Args:
        wishes: What the user asked for.
        folder: Where the project will lie.
        look: What was found in the data file, if one was given.
        dvc: Whether DVC holds the data.

    Raises:
        ConfigError: A wish is no choice of its config group.
        UsageError: The name can't name a project, or columns were named without a file.
    """
    if wishes.data is None and (wishes.text or wishes.label or wishes.text_pair):
        raise UsageError("--text and --label name columns of a file", hint="add --data FILE")
    return Answers(
        name=check_name(default_name(folder) if wishes.name is None else wishes.name),
        task=check_choice("task", wishes.task or (look.task if look else "text_classification")),
        data_path=f"data/{wishes.data.name}" if wishes.data else "",
        data=_data_name(wishes.data) if wishes.data else "quickstart",
        text=look.text if look else "text",
        label=look.label if look else "label",
        text_pair=(look.text_pair or "") if look else "",
        model=check_choice("model", wishes.model or "tiny"),
        tracker=check_choice("tracker", wishes.tracker or default_tracker()),
        dvc=dvc,
    )
