"""The one config tree: YAML files and `KEY=VALUE` words to a typed `Config`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_cli.config import plain_group
from mlops_cli.config.anchors import seen_from_here, seen_from_root
from mlops_cli.config.build import build, build_group, plain
from mlops_cli.config.file_checks import check_all, check_used
from mlops_cli.config.keys import EXPERIMENT, GROUPS
from mlops_cli.config.override_checks import check, find_key
from mlops_cli.config.overrides import Override, choices_in, for_hydra, parse, settings_in
from mlops_cli.config.scope import Scope
from mlops_cli.config.sources import Source, sources
from mlops_cli.config.tree import Tree, open_tree
from mlops_cli.config.yaml_file import load_text
from mlops_cli.errors import ConfigError, DataError
from mlops_cli.schemas.config import Config

__all__ = [
    "from_yaml",
    "load",
    "load_for_run",
    "load_group",
    "load_with_sources",
    "own_files",
    "problems",
    "seen_from_root",
    "to_yaml",
]
_ANOTHER_RUN = "take another run, or train again: mlops train"


def load(overrides: Sequence[str], *, root: Path) -> Config:
    """Composes the project's config.

    Args:
        overrides: `KEY=VALUE` words as typed, in Hydra's grammar.
        root: The project.

    Raises:
        ConfigError: A file or an override is wrong.
    """
    tree, words, selection = _prepared(overrides, root)
    # Hydra takes a while to import: only when what can be told without it is right.
    from mlops_cli.config.compose import compose

    return build(compose(tree, words, selection))


def load_group(group: str, overrides: Sequence[str], *, root: Path) -> Any:
    """What `load` composes of one group, without importing Hydra where the files need none of it.

    Args:
        group: The group. Whether it goes with the other groups is not looked at.
        overrides: `KEY=VALUE` words as typed.
        root: The project.

    Raises:
        ConfigError: A file or an override is wrong.
    """
    parsed = [parse(word) for word in overrides]
    tree, _, selection = _prepared(overrides, root)
    content = plain_group.compose(tree, group, selection, parsed)
    if content is None:
        return getattr(load(overrides, root=root), group)
    return build_group(group, content)


def load_with_sources(overrides: Sequence[str], *, root: Path) -> tuple[Config, list[Source]]:
    """What `load` composes, and where each of its values comes from.

    Raises:
        ConfigError: A file or an override is wrong.
    """
    tree, words, selection = _prepared(overrides, root)

    from mlops_cli.config.compose import compose, used_files

    config = build(compose(tree, words, selection))
    return config, sources(tree, used_files(tree, words), overrides, plain(config))


def _prepared(overrides: Sequence[str], root: Path) -> tuple[Tree, list[str], dict[str, str]]:
    """The tree, the words for Hydra and the choices, all checked as far as it goes without it."""
    tree = open_tree(root)
    parsed = [parse(word) for word in overrides]
    chosen = choices_in(parsed)
    for problem in check_used(tree, chosen):
        raise problem
    selection = tree.selection(chosen)
    words = _checked_words(parsed, Scope(tree, selection, settings_in(parsed)))
    return tree, words, selection


def _checked_words(overrides: list[Override], scope: Scope) -> list[str]:
    """The overrides in Hydra's grammar, and the choices that an experiment makes.

    Hydra lets a choice of `config.yaml` win over one of an experiment's; as the command line's
    they win over both, and lose to what is typed after them.

    Raises:
        ConfigError: The first problem of a word.
    """
    for override in overrides:
        problem = check(override, scope)
        if problem is not None:
            raise problem
    listed = EXPERIMENT in scope.tree.defaults
    experiment = choices_in(overrides).get(EXPERIMENT)
    implied = scope.tree.experiment_choices(experiment) if experiment else {}
    return [f"{group}={choice}" for group, choice in implied.items()] + [
        for_hydra(override, find_key(override, scope), experiment_listed=listed)
        for override in overrides
    ]


def problems(overrides: Sequence[str], *, root: Path) -> list[ConfigError]:
    """Everything that is wrong with the project's config files and with the overrides."""
    tree = open_tree(root)
    found = list(check_all(tree))
    if found:
        return found
    parsed = [parse(word) for word in overrides]
    scope = Scope(tree, tree.selection(choices_in(parsed)), settings_in(parsed))
    found = [problem for override in parsed if (problem := check(override, scope)) is not None]
    if found:
        return found
    attempts = [list(overrides)] + [
        [f"{EXPERIMENT}={name}"]
        for name, path in tree.choices(EXPERIMENT).items()
        if tree.owned(path)
    ]
    for words in attempts:
        try:
            load(words, root=root)
        except ConfigError as error:
            label = "" if words == list(overrides) else f"{words[0]}: "
            found.append(ConfigError(label + error.message, hint=error.hint))
    return found


def own_files(root: Path) -> list[Path]:
    """The YAML files of the project at `root`, which `problems` looks into."""
    folder = open_tree(root).project
    return sorted(folder.rglob("*.yaml")) if folder else []


def load_for_run(config_text: str, overrides: Sequence[str], *, root: Path) -> Config:
    """The config of a saved run, with overrides on top.

    Gates and export settings come from the present tree, everything else from the record. An
    override of a group (`data=file`) takes the whole group from the present tree; one of a key
    (`data.limit=10`) changes that key.

    Args:
        config_text: The run's resolved config.
        overrides: `KEY=VALUE` words as typed.
        root: The project.

    Raises:
        ConfigError: A file or an override is wrong.
        DataError: The record is.
    """
    try:
        recorded = plain(from_yaml(config_text, root=root))
    except ConfigError as error:
        raise DataError(
            f"the config.yaml of the run is damaged: {error.message}",
            hint=_ANOTHER_RUN,
        ) from error
    if not recorded["data"].get("name"):
        raise DataError("the config.yaml of the run is empty", hint=_ANOTHER_RUN)
    tree = open_tree(root)
    parsed = [parse(word) for word in overrides]
    chosen = choices_in(parsed)
    for problem in check_used(tree, chosen):
        raise problem
    if EXPERIMENT in chosen:
        raise ConfigError(
            "an experiment can't be laid over a finished run", hint="set its keys one by one"
        )
    words = _checked_words(parsed, _run_scope(tree, recorded, chosen))

    from mlops_cli.config.compose import apply, compose

    choices = [f"{group}={choice}" for group, choice in chosen.items()]
    # What follows the task follows the run's.
    task = [f"++task.{name}={recorded['task'][name]}" for name in ("inputs", "targets", "monitor")]
    followed = choices if "task" in chosen else [*choices, *task]
    present = compose(tree, followed, tree.selection(chosen))
    for group in {"gates", "export", *chosen}:
        recorded[group] = present[group]
    return build(apply(recorded, [word for word in words if word not in choices]))


def _run_scope(tree: Tree, recorded: Mapping[str, Any], chosen: Mapping[str, str]) -> Scope:
    """The keys of a saved run's choices, save for the groups that are chosen anew."""
    kept = {group: recorded[group] for group in GROUPS if group not in chosen}
    names = {group: str(content["name"]) for group, content in kept.items() if "name" in content}
    return Scope(tree, {**tree.selection(chosen), **names}, kept)


def to_yaml(config: Config) -> str:
    """The config as YAML that `from_yaml` reads back."""
    import yaml

    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def from_yaml(text: str, *, root: Path | None = None) -> Config:
    """Reads what `to_yaml` wrote; with `root`, into a run of the project there.

    Raises:
        ConfigError: The text is not a config.
    """
    content = load_text(text, "config.yaml") or {}
    return build(seen_from_here(content, root) if root and isinstance(content, dict) else content)
