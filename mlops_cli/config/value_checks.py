"""What is wrong with the value of a `KEY=VALUE` word."""

import shlex

from mlops_cli.config.choice_lists import LISTABLE
from mlops_cli.config.keys import Key
from mlops_cli.config.overrides import (
    Override,
    literal,
    sweep_values,
    takes_raw_text,
    unclosed,
    unquoted,
)
from mlops_cli.config.scope import Scope, module_problem
from mlops_cli.config.values import MisfitError, fit, is_list, is_optional, value_hint
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.gates import parse_gate


def value_problem(override: Override, key: Key | None, scope: Scope) -> ConfigError | None:
    """What is wrong with the value of a known (or free: None) key."""
    value = override.value or ""
    if not value.strip():
        return _empty(override, key)
    if override.group == "gates":
        return _gate_problem(override)
    raw_text = key is not None and takes_raw_text(key, value)
    if sweep_values(value) and not (raw_text and value.strip().startswith(",")):
        return sweep_problem(override, key)
    partner = None if raw_text else unclosed(value)
    if partner:
        return ConfigError(
            f"can't read {override.text!r}: the {partner} has no partner",
            hint=f"close it, or quote the whole value: '{override.key}=\"…\"'",
        )
    return None if key is None else _misfit(override, key, raw_text, scope)


def sweep_problem(override: Override, key: Key | None = None) -> ConfigError:
    """Says that one run takes one value."""
    value = override.value or ""
    if (override.key in LISTABLE and "(" not in value) or (key is not None and is_list(key)):
        hint = f"did you mean {override.key}=[{value}]?"
    elif key is not None and takes_raw_text(key, value) and not key.limits.choices:
        quoted = f"'{override.key}=\"{value}\"'"
        hint = f"if the commas belong to the value, quote it twice: {quoted}"
    else:
        hint = f"to train each of them: mlops train -m {shlex.quote(override.text)}"
    return ConfigError(f"{override.text!r} is a sweep; one value is needed here", hint=hint)


def _empty(override: Override, key: Key | None) -> ConfigError:
    if override.group == "gates":
        hint = f"{override.key}='>= 0.5'"
    elif key is not None and is_optional(key):
        hint = f"{override.key}=VALUE, or {override.key}=null for none"
    else:
        hint = value_hint(override.key, key, "") if key is not None else f"{override.key}=VALUE"
    return ConfigError(f"{override.key} needs a value", hint=hint)


def _unheard(override: Override, name: str, scope: Scope) -> ConfigError | None:
    """What is wrong with a dotted name that looks like the module, where another module is set."""
    group = override.group
    module = scope.module(group)
    dotted = "." in name and all(part.isidentifier() for part in name.split("."))
    if not dotted or not module or module == name:
        return None
    return ConfigError(
        f"{override.key}={name} is a name alone: the module is that of {group}.module={module}",
        hint=f"did you mean {group}.module={name}?",
    )


def _misfit(override: Override, key: Key, raw_text: bool, scope: Scope) -> ConfigError | None:
    value = override.value or ""
    known, content = (True, value.strip()) if raw_text else literal(value)
    if not known:
        return None
    if override.name == "name" and content in scope.tree.choices(override.group):
        return ConfigError(
            f"{override.key} is set by the choice",
            hint=f"did you mean {override.group}={content}?",
        )
    if override.name == "name" and (problem := _unheard(override, str(content), scope)):
        return problem
    if is_list(key) and isinstance(content, str):
        return ConfigError(
            f"{override.key} must be a list, not {content!r}",
            hint=f"did you mean {override.key}=[{content}]?",
        )
    try:
        fit(key, content)
    except MisfitError as error:
        return ConfigError(f"{override.key} {error}", hint=value_hint(override.key, key, content))
    if override.name == "module" and content is not None:
        return module_problem(override.group, str(content), scope.tree.root)
    return None


def _gate_problem(override: Override) -> ConfigError | None:
    known, content = literal(override.value or "")
    if known and content is not None:
        try:
            parse_gate(override.name, unquoted(override.value or ""))
        except ConfigError as error:
            return error
    return None
