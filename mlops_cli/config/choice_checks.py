"""What is wrong with `GROUP=CHOICE`, and which choice was probably meant."""

import re
from collections.abc import Iterator
from pathlib import Path

from mlops_cli.config.choice_lists import LISTABLE, is_list, listed, members
from mlops_cli.config.keys import EXPERIMENT, GROUPS
from mlops_cli.config.overrides import Override, sweep_values, unquoted
from mlops_cli.config.scope import Scope
from mlops_cli.config.suggest import choices_hint, nearest
from mlops_cli.config.value_checks import sweep_problem
from mlops_cli.errors import ConfigError

_NOTHING = ("", "null", "none", "false", "~", "no", "off")
_DATA_ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt")


def choice_problem(override: Override, scope: Scope) -> ConfigError | None:
    """What is wrong with a word that chooses a file of a group, or None."""
    group, value = override.key, (override.value or "").strip()
    choices = scope.tree.choices(group)
    if value.lower() in _NOTHING and unquoted(value) not in choices:
        return ConfigError(
            f"{group} needs a choice" + (f", not {value}" if value else ""),
            hint=choices_hint(group, "", choices),
        )
    if group in LISTABLE and is_list(value):
        return _list_problem(override, scope)
    if value.startswith(("{", "[")):
        example = "gates.mcc='>= 0.5'" if group == "gates" else f"{group}.KEY=VALUE"
        return ConfigError(
            f"{group} takes the name of one choice, not {value}",
            hint=f"set its keys one by one: {example}",
        )
    if sweep_values(value):
        return sweep_problem(override)
    if override.choice in choices:
        return None
    return ConfigError(
        f"{group} has no choice {override.choice!r}",
        hint=choice_hint(group, override.choice, scope),
    )


def _list_problem(override: Override, scope: Scope) -> ConfigError | None:
    """What is wrong with a word that chooses several files of a group, or None."""
    group, names = override.key, members(override.choice)
    choices = scope.tree.choices(group)
    if not names:
        return ConfigError(f"{group} needs a choice", hint=choices_hint(group, "", choices))
    unknown = next((name for name in names if name not in choices), None)
    if unknown is None:
        return None
    near = nearest(unknown, choices)
    meant = [near if name == unknown and near else name for name in names]
    return ConfigError(
        f"{group} has no choice {unknown!r}",
        hint=f"did you mean {group}={listed(meant)}?"
        if near
        else choices_hint(group, unknown, choices),
    )


def choice_hint(group: str, word: str, scope: Scope) -> str:
    """What to type instead of a choice that is not there."""
    meant = next(_meant(group, word, scope), None)
    if meant is not None:
        return f"did you mean {meant}?"
    if group == "gates" and re.match(r"\s*[<>=\d]", word):
        condition = word if word[:1] in "<>=" else f">= {word}"
        return f"name the metric: gates.mcc='{condition}'"
    return choices_hint(group, word, scope.tree.choices(group))


def owner_of(word: str, scope: Scope, *, cutoff: float = 0.75) -> str | None:
    """`group=choice` for the name of a choice, exactly or as nearly as `cutoff` says."""
    everything = {
        choice: group for group in (*GROUPS, EXPERIMENT) for choice in scope.tree.choices(group)
    }
    found = nearest(word, everything, cutoff=cutoff)
    return f"{everything[found]}={found}" if found else None


def _meant(group: str, word: str, scope: Scope) -> Iterator[str]:
    """Guesses at what `group=word` stands for, the best first."""
    if group == "model":
        yield from _meant_model(word, scope)
    if group == "data" and word.lower().endswith(_DATA_ENDINGS):
        yield f"data=file data.path={word}"
    if group == "data" and "/" in word:
        yield f"data=hub data.dataset={word}"
    near = nearest(word, scope.tree.choices(group))
    if near is not None:
        yield f"{group}={near}"
    if group in GROUPS and word in scope.keys(group):
        yield f"{group}.{word}=VALUE"
    begun = [choice for choice in scope.tree.choices(group) if word and choice.startswith(word)]
    if len(begun) == 1:
        yield f"{group}={begun[0]}"
    # The group was typed: only the very name of another's choice says that another was meant.
    owner = owner_of(word, scope, cutoff=1.0)
    if owner is not None:
        yield owner


def _meant_model(word: str, scope: Scope) -> Iterator[str]:
    """A hub id or a folder typed as the choice."""
    for choice in scope.tree.choices("model"):
        checkpoint = str(scope.tree.content("model", choice).get("checkpoint") or "").lower()
        if checkpoint and word.lower() in (checkpoint, checkpoint.rpartition("/")[2]):
            yield f"model={choice}"
    if word.startswith((".", "/", "~")) or Path(word).is_dir():
        yield f"model=pretrained model.path={word}"
    elif "/" in word:
        yield f"model=pretrained model.checkpoint={word}"
