"""What a `KEY=VALUE` word may become."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlops_cli.errors import MlopsError
from mlops_cli.project import from_home

if TYPE_CHECKING:
    from mlops_cli.config.keys import Key
    from mlops_cli.config.scope import Scope

Candidate = tuple[str, str]
"""What may be typed, and its help."""


def overrides(word: str, earlier: Sequence[str]) -> list[Candidate]:
    """Keys, or values of a key, that go on from a word; `earlier` are the words before it."""
    from mlops_cli import project
    from mlops_cli.config.overrides import choices_in, parse
    from mlops_cli.config.scope import Scope
    from mlops_cli.config.tree import open_tree

    parsed = [parse(text) for text in earlier]
    # A broken file is told by the command; a traceback in the middle of typing helps nobody.
    try:
        tree = open_tree(project.find_root())
        scope = Scope(tree, tree.selection(choices_in(parsed)))
        if "=" in word:
            return list(_values(word.partition("=")[0], word.partition("=")[2], scope))
        taken = {override.key for override in parsed}
        keys = [
            (key, text)
            for key, text in _keys(word, scope)
            if key.startswith(word) and key.rstrip("=") not in taken
        ]
        if len(keys) != 1:
            return keys
        # With its values beside it, the shell adds no space after the `=` of a lone key.
        return [*keys, *_values(keys[0][0].rstrip("="), "", scope)]
    except MlopsError:
        return []


def _keys(word: str, scope: "Scope") -> Iterator[Candidate]:
    """The keys that go on from `word`, each with its `=`."""
    from mlops_cli.config.keys import EXPERIMENT, GROUPS, SHORTCUTS, group_help
    from mlops_cli.schemas.task import HIGHER_IS_BETTER

    group, dot, _ = word.partition(".")
    if dot and group == "gates":
        for metric in HIGHER_IS_BETTER:
            yield f"gates.{metric}=", "Condition on this metric"
    elif dot and group in GROUPS:
        for key in scope.keys(group).values():
            yield f"{group}.{key.name}{'.' if key.free else '='}", key.help
    else:
        for name in (*GROUPS, EXPERIMENT):
            yield f"{name}=", group_help(name)
        for key in SHORTCUTS.values():
            yield f"{key.name}=", key.help


def _values(key: str, typed: str, scope: "Scope") -> Iterator[Candidate]:
    """`key=value` for the values that a key takes."""
    from mlops_cli.config.keys import EXPERIMENT, GROUPS, SHORTCUTS
    from mlops_cli.config.tree import description

    group, _, name = key.partition(".")
    if key in GROUPS or key == EXPERIMENT:
        for choice, path in scope.tree.choices(key).items():
            yield f"{key}={choice}", description(path)
    elif name and (name == "path" or name.endswith("_path")):
        yield from ((f"{key}={path}", "") for path in _paths(typed))
    elif key in SHORTCUTS:
        yield from _key_values(key, SHORTCUTS[key])
    elif group in GROUPS and name in scope.keys(group):
        yield from _key_values(key, scope.keys(group)[name])


def _key_values(path: str, key: "Key") -> Iterator[Candidate]:
    from mlops_cli.config.values import is_flag, is_optional, shown

    if key.limits.choices is not None:
        values = list(key.limits.choices)
    elif is_flag(key):
        values = ["true", "false"]
    else:
        values = [] if key.default in (None, "") or key.free else [shown(key.default).strip("'")]
    if is_optional(key):
        values.append("null")
    for value in values:
        yield f"{path}={value}", "the default" if value == shown(key.default).strip("'") else ""


def _paths(typed: str) -> Iterator[str]:
    """Files and folders that go on from `typed`; a lone folder with what is in it."""
    folder, _, start = typed.rpartition("/")
    base = from_home(f"{folder}/" if folder or typed.startswith("/") else ".")
    front = f"{folder}/" if "/" in typed else ""
    if not base.is_dir():
        return
    found = sorted(
        item
        for item in base.iterdir()
        if item.name.startswith(start) and (start or not item.name.startswith("."))
    )
    for item in found:
        yield f"{front}{item.name}{'/' if item.is_dir() else ''}"
    if len(found) == 1 and found[0].is_dir():
        yield from (f"{front}{found[0].name}/{item.name}" for item in sorted(found[0].iterdir()))
