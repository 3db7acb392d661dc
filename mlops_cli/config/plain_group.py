"""One group composed without Hydra, where its files need none of what only Hydra can do.

Servers start in a fraction of the second that importing Hydra takes. What this module composes is
what Hydra would; wherever that is not certain, it says so and leaves the work to Hydra.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_cli.config.build import named
from mlops_cli.config.keys import EXPERIMENT, FOLLOWING, Key, group_keys
from mlops_cli.config.overrides import Override, literal, takes_raw_text
from mlops_cli.config.tree import Tree, entries, included


def compose(
    tree: Tree, group: str, selection: Mapping[str, str], words: Sequence[Override]
) -> dict[str, Any] | None:
    """The group's settings; None where only Hydra can tell them.

    Args:
        tree: Where the files are.
        group: The group.
        selection: The choice of each group.
        words: What was typed, checked.
    """
    if EXPERIMENT in selection:
        return None
    choice = selection[group]
    content = tree.content(group, choice)
    keys = group_keys(group, content, choice)
    defaults = {name: key.default for name, key in keys.items()}
    for name, reference in FOLLOWING.get(group, {}).items():
        other, _, followed = reference[2:-1].partition(".")
        below = compose(tree, other, selection, words)
        if below is None:
            return None
        defaults[name] = below[followed]
    given: dict[str, Any] = {}
    for layer in (content, *_root_layers(tree, "config", group)):
        if layer is None or not _is_plain(layer):
            return None
        given = _laid(given, layer)
    typed = _typed(group, keys, words)
    if typed is None:
        return None
    return _laid(defaults, named({group: given | typed}, tree, {group: choice})[group])


def _laid(below: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """The layer over what is below it; mappings are merged."""
    laid = dict(below)
    for name, value in layer.items():
        before = laid.get(name)
        deeper = isinstance(value, Mapping) and isinstance(before, Mapping)
        laid[name] = _laid(before or {}, value) if deeper else value
    return laid


def _typed(group: str, keys: Mapping[str, Key], words: Sequence[Override]) -> dict[str, Any] | None:
    """The values that the words give to keys of the group; None where only Hydra can read one."""
    found: dict[str, Any] = {}
    for word in words:
        if word.group != group or not word.name:
            continue
        value, key = word.value or "", keys.get(word.name)
        if key is None or word.prefix:
            return None
        known, found[word.name] = (True, value) if takes_raw_text(key, value) else literal(value)
        if not known:
            return None
    return found


def _root_layers(tree: Tree, name: str, group: str) -> list[Mapping[str, Any] | None]:
    """What the root files set in the group, the one that counts last; None: can't be told here."""
    path = tree.find(name)
    content = tree.read(path).content if path else None
    if not isinstance(content, Mapping):
        return []
    order = [entry.choice for entry in entries(content)]
    moved = any("@" in str(entry) for entry in content.get("defaults") or ())
    if moved or "_self_" in order[:-1]:
        return [None]
    below = [layer for file in included(name, content) for layer in _root_layers(tree, file, group)]
    own = content.get(group, {})
    return [*below, own if isinstance(own, Mapping) else None]


def _is_plain(layer: Mapping[str, Any]) -> bool:
    """Whether no value needs to be resolved, and none is deeper than one mapping."""
    values = [
        value
        for given in layer.values()
        for value in (given.values() if isinstance(given, Mapping) else (given,))
    ]
    return not any(
        isinstance(value, Mapping) or "${" in str(value) or value == "???" for value in values
    )
