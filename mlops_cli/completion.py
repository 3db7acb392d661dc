"""Shell completion of settings and runs. Reads files only: no Hydra, no project code."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from mlops_cli.errors import MlopsError

if TYPE_CHECKING:
    from mlops_cli.config.keys import Key
    from mlops_cli.config.scope import Scope

Candidate = tuple[str, str]
"""What may be typed, and its help."""

_MOST_RUNS = 50
_HELP_WIDTH = 60


class Group(TyperGroup):
    """Commands whose words are taken as typed while one of them is being completed.

    Typer checks words with pydantic, whose import is a third of the time that a completion takes.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the group's own options."""
        _take_as_typed(self, ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is named, and the words that follow its name."""
        name, command, rest = super().resolve_command(ctx, args)
        _take_as_typed(command, ctx)
        return name, command, rest


def _take_as_typed(command: Any, ctx: Any) -> None:
    if ctx.resilient_parsing and command is not None:
        for parameter in command.get_params(ctx):
            parameter.process_value = lambda ctx, value: value


def complete_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes `KEY=VALUE`: groups, their choices, shortcuts, dotted keys and limited values."""
    before, word = _current_word(incomplete)
    return _continuing(before, word, _overrides(word, _earlier(ctx, before)))


def complete_run(incomplete: str) -> list[Candidate]:
    """Completes a run: `latest`, `best`, `best:METRIC` or an id, the newest first."""
    before, word = _current_word(incomplete)
    return _continuing(before, word, _runs(word))


def complete_remote(incomplete: str) -> list[Candidate]:
    """Completes the name of a DVC remote, as the project's config file says it."""
    from mlops_cli import project

    config = project.find_root() / ".dvc" / "config"
    text = config.read_text("utf-8", errors="replace") if config.is_file() else ""
    names = re.findall(r'^\s*\[\'?remote "([^"]+)"\'?\]', text, re.MULTILINE)
    return [(name, "Remote") for name in names if name.startswith(incomplete)]


def complete_run_or_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes a run in the first place, and settings everywhere."""
    before, word = _current_word(incomplete)
    earlier = _earlier(ctx, before)
    found = _overrides(word, earlier)
    if not earlier and "=" not in word:
        found = [*_runs(word), *found]
    return _continuing(before, word, found)


def complete_stage_or_override(ctx: typer.Context, incomplete: str) -> list[Candidate]:
    """Completes a stage of the pipeline in the first place, and settings everywhere."""
    from mlops_cli.schemas.pipeline import STAGES

    before, word = _current_word(incomplete)
    earlier = _earlier(ctx, before)
    found = _overrides(word, earlier)
    if not earlier and "=" not in word:
        found = [*STAGES.items(), *found]
    return _continuing(before, word, found)


def complete_choice(incomplete: str) -> list[Candidate]:
    """Completes `GROUP` and `GROUP/NAME`."""
    return _choices(incomplete, packaged=False)


def complete_packaged(incomplete: str) -> list[Candidate]:
    """Completes `GROUP/NAME` of the choices that ship with `mlops`."""
    return _choices(incomplete, packaged=True)


def _choices(word: str, *, packaged: bool) -> list[Candidate]:
    from mlops_cli import project
    from mlops_cli.config.keys import EXPERIMENT, GROUPS, group_help
    from mlops_cli.config.tree import Tree, description, open_tree

    tree = open_tree(project.find_root())
    tree = Tree(tree.root, None, tree.packaged) if packaged else tree
    groups = [group for group in (*GROUPS, EXPERIMENT) if group.startswith(word.partition("/")[0])]
    if not packaged and "/" not in word and len(groups) > 1:
        return [(group, _short(group_help(group))) for group in groups]
    return [
        (f"{group}/{choice}", _short(description(path)))
        for group in groups
        for choice, path in tree.choices(group).items()
    ]


def _current_word(incomplete: str) -> tuple[str, str]:
    """What bash cut off the front of the word under the cursor, and the whole word.

    bash breaks words at `=` and `:`: of `model=be` it tells us, and replaces, only `be`.
    """
    if "COMP_WORDS" not in os.environ:
        return "", incomplete
    end = int(os.environ.get("COMP_CWORD", "0"))
    words = os.environ["COMP_WORDS"].split("\n")
    at_break = end < len(words) and _is_break(words[end])
    parts = [words[end]] if at_break else []
    for word in reversed(words[:end]):
        if not _is_break(word) and not (parts and _is_break(parts[0])):
            break
        parts.insert(0, word)
    before = "".join(parts)
    return before, before + ("" if at_break else incomplete)


def _is_break(word: str) -> bool:
    return re.fullmatch("[=:]+", word) is not None


def _continuing(before: str, word: str, found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that go on from `word`, without what the shell leaves in place."""
    return [
        (value[len(before) :], _short(text))
        for value, text in found
        if value.startswith(word) and value != before
    ]


def _short(text: str) -> str:
    """Help that fits beside a candidate, without what shells give a meaning to."""
    plain = re.sub(r"[\[\]()`\"'$\\]", "", text).rstrip(".")
    return plain if len(plain) <= _HELP_WIDTH else plain[: _HELP_WIDTH - 1].rstrip() + "…"


def _earlier(ctx: typer.Context, before: str) -> list[str]:
    """The words before the one under the cursor, put together again where bash broke them."""
    words = [
        word for value in ctx.params.values() if isinstance(value, list | tuple) for word in value
    ]
    if "COMP_WORDS" in os.environ:
        words = re.sub(r"\n?([=:]+)(?:\n|$)", r"\1", "\n".join(words)).split("\n")
        words = words[:-1] if before else words
    return [word for word in words if word]


def _overrides(word: str, earlier: Sequence[str]) -> list[Candidate]:
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
    base = Path(f"{folder}/" if folder or typed.startswith("/") else ".").expanduser()
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


def _runs(word: str) -> list[Candidate]:
    from mlops_cli import project
    from mlops_cli.schemas.task import HIGHER_IS_BETTER

    if word.startswith("best:"):
        return [(f"best:{metric}", "Best run by this metric") for metric in HIGHER_IS_BETTER]
    ids = sorted(
        (path.parent.name for path in (project.find_root() / "runs").glob("*/run.json")),
        reverse=True,
    )
    named = [("latest", "The newest run"), ("best", "Best run by its monitored metric")]
    return [*(named if ids else []), *((run, "Run") for run in ids[:_MOST_RUNS])]
