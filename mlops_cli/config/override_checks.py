"""What is wrong with the words of a command line, told before Hydra is loaded."""

import re
from collections.abc import Iterator

from mlops_cli.config.choice_checks import choice_hint, choice_problem, owner_of
from mlops_cli.config.keys import EXPERIMENT, GATES, GROUPS, SHORTCUTS, Key
from mlops_cli.config.overrides import Override, parse, unquoted
from mlops_cli.config.scope import Scope
from mlops_cli.config.suggest import choices_hint, nearest_key
from mlops_cli.config.value_checks import value_problem
from mlops_cli.errors import ConfigError

_FORM = "settings are typed as KEY=VALUE"


def find_key(override: Override, scope: Scope) -> Key | None:
    """The key an override sets; None where it makes a choice, or sets a free or unknown key."""
    if override.key in SHORTCUTS:
        return SHORTCUTS[override.key]
    if override.group == "gates" and override.name:
        # A gate's condition is text, though the gates themselves are free.
        return Key(override.name, str, "", GATES.help, GATES.limits)
    if override.group in GROUPS and override.name:
        return scope.keys(override.group).get(override.name)
    return None


def check(override: Override, scope: Scope) -> ConfigError | None:
    """What is wrong with a word, or None."""
    problem = next(_malformed(override, scope), None)
    if problem is not None:
        return problem
    if override.prefix == "~":
        return None if _is_free(override, scope) else _not_removable(override)
    if override.prefix and override.key != EXPERIMENT and not _is_free(override, scope):
        return _superfluous_plus(override, scope)
    if override.chooses:
        return choice_problem(override, scope)
    return _key_problem(override, scope) or value_problem(
        override, find_key(override, scope), scope
    )


def _malformed(override: Override, scope: Scope) -> Iterator[ConfigError]:
    text, key = override.text, override.key
    if not text.strip():
        yield ConfigError("a setting is empty", hint=_FORM)
    elif text.startswith("-"):
        yield ConfigError(
            f"{text!r} looks like an option", hint=f"did you mean {text.lstrip('-')}?"
        )
    elif override.prefix != "~" and override.value is None:
        yield _bare_word(text.strip(), scope)
    elif not key:
        yield ConfigError(f"{text!r} has no key", hint=_FORM)
    elif key[-1] in "<>" and override.group == "gates":
        metric = key.rstrip("<> ").partition(".")[2] or "mcc"
        condition = f"{key[-1]}= {(override.value or '').strip()}"
        yield ConfigError(
            f"{text!r} lacks the = between key and condition",
            hint=f"did you mean gates.{metric}='{condition}'?",
        )
    elif override.group == "hydra" or key.startswith("hydra/"):
        yield ConfigError(
            f"{key} is a setting of Hydra's own, which mlops does not use",
            hint="runs lie in runs/<id>/; mlops config list shows the settings there are",
        )


def _bare_word(word: str, scope: Scope) -> ConfigError:
    """A word without `=`: a key without value, `key:value`, or a choice without its group."""
    known = set(scope.all_keys())
    bare = word.rstrip(":<> ")
    if bare in known or bare.startswith("gates."):
        return ConfigError(
            f"{word!r} has no value", hint=f"write it as {_example(bare, scope)}, without spaces"
        )
    for sign in (":", "/", " "):
        key, found, value = word.partition(sign)
        if found and key.strip() in known:
            return ConfigError(
                f"{word!r} has no =", hint=f"did you mean {key.strip()}={value.strip()}?"
            )
    owner = owner_of(word, scope)
    if owner is not None:
        return ConfigError(f"{word!r} has no key", hint=f"did you mean {owner}?")
    near = nearest_key(word, known)
    hint = f"did you mean {_example(near, scope)}?" if near else _FORM
    return ConfigError(f"{word!r} is not a setting", hint=hint)


def _example(key: str, scope: Scope) -> str:
    """`key=VALUE` with a value that would do."""
    group, _, name = key.partition(".")
    if group == "gates":
        return f"gates.{name or 'mcc'}='>= 0.5'"
    if key in SHORTCUTS:
        return f"{key}={SHORTCUTS[key].default}"
    if not name:
        return f"{key}={scope.chosen.get(key) or next(iter(scope.tree.choices(key)), 'NAME')}"
    return f"{key}=VALUE"


def _is_free(override: Override, scope: Scope) -> bool:
    """Whether the word sets a key that the user makes up: `gates.*`, `*.params.*`."""
    if override.group == "gates":
        return bool(override.name)
    first, _, rest = override.name.partition(".")
    if override.group not in GROUPS or not rest:
        return False
    key = scope.keys(override.group).get(first)
    return key is not None and key.free


def _not_removable(override: Override) -> ConfigError:
    if override.group == "tracker":
        hint = "did you mean tracker=none?"
    elif override.group in GROUPS and not override.name:
        hint = f"every group has a choice: mlops config list {override.group}"
    else:
        hint = f"set it instead: {override.key}=VALUE (null where it may be empty)"
    return ConfigError(f"{override.text!r}: only gates and params can be removed", hint=hint)


def _superfluous_plus(override: Override, scope: Scope) -> ConfigError:
    plain = override.text.lstrip("+")
    problem = check(parse(plain), scope)
    if problem is not None:
        return problem
    return ConfigError(
        f"{override.text!r}: the key {override.key} is there already",
        hint=f"did you mean {plain}?",
    )


def _key_problem(override: Override, scope: Scope) -> ConfigError | None:
    if _is_free(override, scope):
        return _unwritable(override)
    if find_key(override, scope) is not None:
        return None
    key, group, name = override.key, override.group, override.name
    if group in SHORTCUTS:
        message, hint = f"{group} has no keys below it", f"did you mean {group}={override.value}?"
    elif group == EXPERIMENT:
        message = f"there is no key {key!r}: an experiment is chosen as a whole"
        hint = choices_hint(EXPERIMENT, name, scope.tree.choices(EXPERIMENT))
    elif group not in GROUPS:
        message, hint = f"there is no key {key!r}", _near_key(override, scope)
    elif name in scope.tree.choices(group):
        message = f"{key} is not a key: {name} is a choice of {group}"
        hint = f"did you mean {group}={name}?"
    else:
        message, hint = f"{key} is not a key of {scope.label(group)}", _near_key(override, scope)
    return ConfigError(message, hint=hint)


def _unwritable(override: Override) -> ConfigError | None:
    """What is wrong with the name of a key that the user makes up."""
    if re.fullmatch(r"[\w.-]*\w", override.name):
        return None
    return ConfigError(
        f"{override.key!r} can't be a key",
        hint="keys are made of letters, digits, _ and -, with dots between",
    )


def _near_key(override: Override, scope: Scope) -> str:
    key, value = override.key.replace("/", "."), override.value or "VALUE"
    group, _, name = key.partition(".")
    other = scope.choice_with(group, name) if group in GROUPS else None
    if other is not None:
        return f"did you mean {group}={other} {key}={value}?"
    found = nearest_key(key, scope.all_keys())
    if found is None:
        return _elsewhere(key, value, scope)
    if found == "gates":
        return "did you mean gates.mcc='>= 0.5'?"
    if found in (*GROUPS, EXPERIMENT) and unquoted(value) not in scope.tree.choices(found):
        return choice_hint(found, unquoted(value), scope)
    return f"did you mean {found}={value}?"


def _elsewhere(key: str, value: str, scope: Scope) -> str:
    """Where a key that is far from all present ones may belong: to another choice, or nowhere."""
    for group in GROUPS:
        if key in scope.tree.choices(group):
            return f"did you mean {group}={key}?"
        other = scope.choice_with(group, key)
        if other is not None:
            return f"did you mean {group}={other} {group}.{key}={value}?"
    return "mlops config list shows every group, and mlops config list GROUP/CHOICE its keys"
