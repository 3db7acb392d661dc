"""The one config tree: YAML files and `KEY=VALUE` words to a typed `Config`."""

from collections.abc import Sequence
from pathlib import Path

from mlops_cli.config.build import build, plain
from mlops_cli.config.keys import EXPERIMENT, GROUPS
from mlops_cli.config.tree import open_tree
from mlops_cli.config.yaml_file import load_text
from mlops_cli.schemas.config import Config


def load(overrides: Sequence[str], *, root: Path) -> Config:
    """Composes the project's config.

    Args:
        overrides: `KEY=VALUE` words as typed, in Hydra's grammar.
        root: The project.

    Raises:
        ConfigError: A file or an override is wrong.
    """
    from mlops_cli.config.compose import compose

    tree = open_tree(root)
    words = []
    for word in overrides:
        key = word.partition("=")[0]
        if key == EXPERIMENT:
            words.append("+" + word)
        elif key in GROUPS or word[0] in "+~":
            words.append(word)
        else:
            words.append("++" + word)
    return build(compose(tree, words))


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
        ConfigError: The record, a file or an override is wrong.
    """
    from mlops_cli.config.compose import apply, compose

    recorded = plain(from_yaml(config_text))
    chosen = [word for word in overrides if word.partition("=")[0] in GROUPS]
    present = compose(open_tree(root), chosen)
    for group in {"gates", "export", *(word.partition("=")[0] for word in chosen)}:
        recorded[group] = present[group]
    return build(apply(recorded, [f"++{word}" for word in overrides if word not in chosen]))


def to_yaml(config: Config) -> str:
    """The config as YAML that `from_yaml` reads back."""
    import yaml

    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def from_yaml(text: str) -> Config:
    """Reads what `to_yaml` wrote.

    Raises:
        ConfigError: The text is not a config.
    """
    return build(load_text(text, "config.yaml") or {})
