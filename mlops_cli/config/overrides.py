"""`KEY=VALUE` words: read without Hydra, and rewritten for it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlops_cli.config.choice_lists import LISTABLE, is_list, listed, members
from mlops_cli.config.keys import EXPERIMENT, GROUPS, Key
from mlops_cli.config.values import is_optional, is_text

_WORD = re.compile(r"(?P<prefix>\+\+|\+|~)?(?P<key>[^=]*)(?P<equals>=)?(?P<value>.*)", re.DOTALL)
_SWEEP = re.compile(r"\s*(choice|range|interval|glob|shuffle|sort|tag)\s*\(.*\)\s*", re.DOTALL)
_PAIRS = {"]": "[", "}": "{", ")": "("}


@dataclass(frozen=True)
class Override:
    """One word.

    Attributes:
        text: As typed.
        prefix: `+`, `++`, `~` or nothing.
        key: What comes before the first `=`.
        value: What comes after it; None without a `=`.
    """

    text: str
    prefix: str
    key: str
    value: str | None

    @property
    def group(self) -> str:
        """The first part of the key."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """What follows the group; empty for a choice or a shortcut."""
        return self.key.partition(".")[2]

    @property
    def chooses(self) -> bool:
        """Whether it chooses a file of a group."""
        return self.key in GROUPS or self.key == EXPERIMENT

    @property
    def choice(self) -> str:
        """The choice, without quotes; a list of them without spaces."""
        choice = unquoted(self.value or "")
        if self.key in LISTABLE and is_list(choice):
            return listed(members(choice))
        return choice


def parse(word: str) -> Override:
    """Takes a word apart. Says nothing about whether it is right."""
    match = _WORD.fullmatch(word)
    assert match is not None  # the pattern takes any text
    value = match["value"] if match["equals"] else None
    return Override(word, match["prefix"] or "", match["key"].strip(), value)


def unquoted(text: str) -> str:
    """The text without the quotes around it."""
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "'\"":
        return stripped[1:-1]
    return stripped


def literal(value: str) -> tuple[bool, Any]:
    """The value where it can be told without Hydra: (True, it); else (False, None)."""
    text = value.strip()
    if "${" in text or text[:1] in ("[", "{") or re.match(r"\w+\(", text):
        return False, None
    if text[:1] in "'\"":
        return True, unquoted(text)
    constants = {"null": None, "true": True, "false": False}
    if text.lower() in constants:
        return True, constants[text.lower()]
    for kind in (int, float):
        try:
            return True, kind(text)
        except ValueError:
            continue
    return True, text


def sweep_values(value: str) -> bool:
    """Whether the value asks for several runs: `1,2` or `range(3)`."""
    if _SWEEP.fullmatch(value):
        return True
    parts = top_level(value).split(",")
    return len(parts) > 1 and all(part.strip() for part in parts)


def top_level(value: str) -> str:
    """The value with everything inside quotes and brackets blotted out."""
    kept = []
    depth, quote = 0, ""
    for character in value:
        if quote:
            quote = "" if character == quote else quote
            kept.append("_")
            continue
        if character in "'\"":
            quote = character
        elif character in "[{(":
            depth += 1
        elif character in "]})":
            depth -= 1
        kept.append("_" if depth > 0 or quote or character in "]})" else character)
    return "".join(kept)


def unclosed(value: str) -> str | None:
    """The bracket or quote that has no partner, or None."""
    stack: list[str] = []
    quote = ""
    for character in value:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[{(":
            stack.append(character)
        elif character in "]})" and (not stack or stack.pop() != _PAIRS[character]):
            return character
    return quote or (stack[-1] if stack else None)


def takes_raw_text(key: Key, value: str) -> bool:
    """Whether the value is text as it stands, whatever Hydra's grammar makes of it."""
    text = value.strip()
    if not is_text(key) or "${" in text or text[:1] in ("'", '"'):
        return False
    return not (is_optional(key) and text.lower() == "null")


def quoted(value: str) -> str:
    """The value as a quoted string of Hydra's grammar."""
    # Backslashes are taken literally except just before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value)
    return f"'{escaped}'"


def for_hydra(override: Override, key: Key | None, *, experiment_listed: bool) -> str:
    """The word as Hydra wants it.

    Args:
        override: A word that has been checked.
        key: The key it sets; None for a choice or a free key.
        experiment_listed: Whether the root config's defaults name an experiment.
    """
    if override.prefix == "~":
        return override.text
    value = override.value or ""
    if override.chooses:
        plus = "+" if override.key == EXPERIMENT and not experiment_listed else ""
        known, value = literal(override.choice)
        # A file may be called 2024: Hydra is told that this is no number.
        number = known and isinstance(value, bool | int | float)
        choice = quoted(override.choice) if number else override.choice
        return f"{plus}{override.key}={choice}"
    if key is not None and takes_raw_text(key, value):
        value = quoted(value)
    # `++`: the key is known to the schema, whether or not a file mentions it.
    return f"++{override.key}={value}"


def choices_in(overrides: Iterable[Override]) -> dict[str, str]:
    """The choice of each group that the words make; the last one counts."""
    return {word.key: word.choice for word in overrides if word.chooses and word.value}


def settings_in(overrides: Iterable[Override]) -> dict[str, dict[str, Any]]:
    """The modules and names that the words set, which decide on the schema."""
    found: dict[str, dict[str, Any]] = {}
    for word in overrides:
        if word.name in ("module", "name") and word.value:
            found.setdefault(word.group, {})[word.name] = unquoted(word.value)
    return found
