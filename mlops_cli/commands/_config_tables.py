"""The tables of `mlops config`."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mlops_cli.config.catalogue import GroupInfo, KeyInfo, Overview
from mlops_cli.config.sources import Source
from mlops_cli.config.values import shown

_WRAPPED = ("choices", "takes", "what it is", "from")
"""The columns that give way in a narrow terminal."""


def overview(whole: Overview) -> Group:
    """The groups and the shortcuts."""
    rows = (
        (
            group.name,
            next((choice.name for choice in group.choices if choice.selected), "-"),
            ", ".join(choice.name for choice in group.choices),
        )
        for group in whole.groups
    )
    groups = _table(("group", "selected", "choices"), rows)
    return Group("", groups, "", key_table(whole.shortcuts), "")


def choice_table(group: GroupInfo) -> Table:
    """The choices of a group; a star marks the one in force."""
    rows = (
        (("* " if choice.selected else "  ") + choice.name, choice.description, choice.origin)
        for choice in group.choices
    )
    return _table(("  choice", "what it is", "from"), rows)


def key_table(keys: Sequence[KeyInfo]) -> Table:
    """Keys with their values and what they take."""
    rows = (
        (key.key, _cell(key.value), f"{key.type} {key.allowed}".strip(), key.description)
        for key in keys
    )
    return _table(("key", "value", "takes", "what it is"), rows)


def source_table(sources: Iterable[Source]) -> Table:
    """Values and where they come from."""
    rows = (
        (item.key, _cell(item.value), " = ".join(filter(None, (item.origin, item.refers_to))))
        for item in sources
    )
    return _table(("key", "value", "from"), rows)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for position, title in enumerate(titles):
        style = "bold" if position == 0 else None
        table.add_column(title, style=style, no_wrap=title not in _WRAPPED, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
