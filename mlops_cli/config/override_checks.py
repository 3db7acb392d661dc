"""What is wrong with the words of a command line, told before Hydra is loaded."""

import re
from pathlib import Path

from mlops_cli.config.keys import EXPERIMENT, GATES, GROUPS, SHORTCUTS, Key
from mlops_cli.config.overrides import (
    Override,
    literal,
    parse,
    sweep_values,
    takes_raw_text,
    unclosed,
    unquoted,
)
from mlops_cli.config.scope import Scope, module_problem
from mlops_cli.config.suggest import SYNONYMS, choices_hint, nearest, nearest_key, plain_name
from mlops_cli.config.values import MisfitError, fit, is_list
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.gates import parse_gate

_NOTHING = ("", "null", "none", "false", "~", "no", "off")
_DATA_ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt")


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
    problem = _malformed(override, scope)
    if problem is None and override.prefix == "~":
        return None if _is_free(override, scope) else _not_removable(override)
    if problem is None and override.prefix:
        problem = _plus_problem(override, scope)
    if problem is None:
        problem = _choice_problem(override, scope) if override.chooses else None
    if problem is None and not override.chooses:
        problem = _key_problem(override, scope) or _value_problem(override, scope)
    return problem


def _malformed(override: Override, scope: Scope) -> ConfigError | None:
    text, key = override.text, override.key
    if not text.strip():
        return ConfigError("a setting is empty", hint="settings are typed as KEY=VALUE")
    if override.prefix != "~" and override.value is None:
        return _bare_word(override, scope)
    if not key:
        return ConfigError(f"{text!r} has no key", hint="settings are typed as KEY=VALUE")
    if key[-1] in "<>" and override.group == "gates":
        metric = key.rstrip("<> ").partition(".")[2]
        condition = f"{key[-1]}= {(override.value or '').strip()}"
        return ConfigError(
            f"{text!r} lacks the = between key and condition",
            hint=f"did you mean gates.{metric}='{condition}'?",
        )
    if override.group == "hydra" or key.startswith("hydra/"):
        return ConfigError(
            f"{key} is a setting of Hydra's own, which mlops does not use",
            hint="runs lie in runs/<id>/; mlops config list shows the settings there are",
        )
    if key.startswith("-"):
        return ConfigError(
            f"{text!r} looks like an option", hint=f"did you mean {text.lstrip('-')}?"
        )
    return None


def _bare_word(override: Override, scope: Scope) -> ConfigError:
    """A word without `=`: a choice, a key, or `key:value`."""
    word = override.text.strip()
    key = override.key.rstrip(":<> ")
    if key in scope.all_keys() or override.group == "gates":
        example = _example(key, scope)
        return ConfigError(f"{word!r} has no value", hint=f"write it as {example}, without spaces")
    typed, colon, value = word.partition(":")
    if colon and typed in scope.all_keys():
        return ConfigError(f"{word!r} has no =", hint=f"did you mean {typed}={value.strip()}?")
    if colon is not None and "/" in word and word.partition("/")[0] in GROUPS:
        return ConfigError(f"{word!r} has no =", hint=f"did you mean {word.replace('/', '=', 1)}?")
    owner = _owner_of(word, scope)
    if owner is not None:
        return ConfigError(f"{word!r} has no key", hint=f"did you mean {owner}?")
    known = nearest_key(word, scope.all_keys())
    if known is not None:
        return ConfigError(
            f"{word!r} is not a setting", hint=f"did you mean {_example(known, scope)}?"
        )
    return ConfigError(f"{word!r} is not a setting", hint="settings are typed as KEY=VALUE")


def _example(key: str, scope: Scope) -> str:
    """`key=VALUE` with a value that would do."""
    group, _, name = key.partition(".")
    if group == "gates":
        return f"gates.{name or 'mcc'}='>= 0.5'"
    if key in SHORTCUTS:
        default = {"lr": "3e-5"}.get(key, str(SHORTCUTS[key].default))
        return f"{key}={default}"
    if not name:
        return f"{key}={scope.chosen.get(key) or next(iter(scope.tree.choices(key)), 'NAME')}"
    return f"{key}=VALUE"


def _owner_of(word: str, scope: Scope) -> str | None:
    """`group=choice` for the name of a choice, exactly or nearly."""
    everything = {
        choice: group for group in (*GROUPS, EXPERIMENT) for choice in scope.tree.choices(group)
    }
    found = nearest(word, everything, cutoff=0.75)
    return f"{everything[found]}={found}" if found else None


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


def _plus_problem(override: Override, scope: Scope) -> ConfigError | None:
    if override.key == EXPERIMENT or _is_free(override, scope):
        return None
    plain = override.text.lstrip("+")
    if check(parse(plain), scope) is None:
        return ConfigError(
            f"{override.text!r}: the key {override.key} is there already",
            hint=f"did you mean {plain}?",
        )
    return _key_problem(override, scope) or _value_problem(override, scope)


def _choice_problem(override: Override, scope: Scope) -> ConfigError | None:
    group, value = override.key, (override.value or "").strip()
    choices = scope.tree.choices(group)
    if value.lower() in _NOTHING and unquoted(value) not in choices:
        return ConfigError(
            f"{group} needs a choice" + (f", not {value}" if value else ""),
            hint=choices_hint(group, "", choices),
        )
    if value.startswith(("{", "[")):
        example = "gates.mcc='>= 0.5'" if group == "gates" else f"{group}.KEY=VALUE"
        return ConfigError(
            f"{group} takes the name of one choice, not {value}",
            hint=f"set its keys one by one: {example}",
        )
    if sweep_values(value):
        return _sweep_problem(override)
    if override.choice in choices:
        return None
    return ConfigError(
        f"{group} has no choice {override.choice!r}",
        hint=_near_choice(group, override.choice, scope),
    )


def _near_choice(group: str, word: str, scope: Scope) -> str:
    choices = scope.tree.choices(group)
    if group == "data" and word.lower().endswith(_DATA_ENDINGS):
        return f"did you mean data=file data.path={word}?"
    if group == "model" and (same := _choice_of_checkpoint(word, scope)):
        return f"did you mean model={same}?"
    if group == "model" and (word.startswith((".", "/", "~")) or Path(word).is_dir()):
        return f"did you mean model=pretrained model.path={word}?"
    if "/" in word and group == "model":
        return f"did you mean model=pretrained model.checkpoint={word}?"
    if "/" in word and group == "data":
        return f"did you mean data=hub data.dataset={word}?"
    if group == "gates" and re.match(r"\s*[<>=\d]", word):
        return f"name the metric: gates.mcc='{word if word[:1] in '<>=' else '>= ' + word}'"
    if nearest(word, choices) is None:
        if word in scope.keys(group) if group in GROUPS else False:
            return f"did you mean {group}.{word}=VALUE?"
        owner = _owner_of(word, scope)
        if owner:
            return f"did you mean {owner}?"
    return choices_hint(group, word, choices)


def _choice_of_checkpoint(word: str, scope: Scope) -> str | None:
    """The model choice that loads the hub checkpoint called `word`."""
    for choice in scope.tree.choices("model"):
        checkpoint = str(scope.tree.content("model", choice).get("checkpoint") or "")
        if checkpoint and word.lower() in (
            checkpoint.lower(),
            checkpoint.lower().rpartition("/")[2],
        ):
            return choice
    return None


def _key_problem(override: Override, scope: Scope) -> ConfigError | None:
    if find_key(override, scope) is not None or _is_free(override, scope):
        return None
    key, value = override.key, override.value
    group, name = override.group, override.name
    if group in SHORTCUTS:
        return ConfigError(f"{group} has no keys below it", hint=f"did you mean {group}={value}?")
    if group == EXPERIMENT:
        return ConfigError(
            f"there is no key {key!r}: an experiment is chosen as a whole",
            hint=choices_hint(EXPERIMENT, name, scope.tree.choices(EXPERIMENT)),
        )
    if group not in GROUPS:
        return ConfigError(f"there is no key {key!r}", hint=_near_key(override, scope))
    if name in scope.tree.choices(group):
        return ConfigError(
            f"{key} is not a key: {name} is a choice of {group}",
            hint=f"did you mean {group}={name}?",
        )
    message = f"{key} is not a key of {scope.label(group)}"
    other = scope.choice_with(group, name)
    if other is not None:
        return ConfigError(message, hint=f"did you mean {group}={other} {key}={value}?")
    return ConfigError(message, hint=_near_key(override, scope))


def _near_key(override: Override, scope: Scope) -> str:
    key, value = override.key.replace("/", "."), override.value or "VALUE"
    found = nearest_key(key, scope.all_keys())
    if found is None:
        owner = next((group for group in GROUPS if key in scope.tree.choices(group)), None)
        if owner:
            return f"did you mean {owner}={key}?"
        return f"keys: {', '.join(SHORTCUTS)}, and those of mlops config list"
    if found in GROUPS and unquoted(value) not in scope.tree.choices(found):
        return f"did you mean {found}? {choices_hint(found, '', scope.tree.choices(found))}"
    if found == "gates.mcc" or SYNONYMS.get(plain_name(key)) == "gates.mcc":
        return "did you mean gates.mcc='>= 0.5'?"
    return f"did you mean {found}={value}?"


def _value_problem(override: Override, scope: Scope) -> ConfigError | None:
    key = find_key(override, scope)
    value = override.value or ""
    raw_text = key is not None and takes_raw_text(key, value)
    if not value.strip():
        null = "; null empties it" if key is not None and "None" in str(key.kind) else ""
        return ConfigError(f"{override.key} needs a value", hint=f"{override.key}=VALUE{null}")
    if override.group == "gates":
        return _gate_problem(override)
    if sweep_values(value) and not (raw_text and value.strip().startswith(",")):
        return _sweep_problem(override, key)
    partner = None if raw_text else unclosed(value)
    if partner:
        return ConfigError(
            f"can't read {override.text!r}: the {partner} has no partner",
            hint=f"close it, or quote the whole value: '{override.key}=\"…\"'",
        )
    if key is None:
        return None
    return _misfit(override, key, raw_text, scope)


def _misfit(override: Override, key: Key, raw_text: bool, scope: Scope) -> ConfigError | None:
    value = override.value or ""
    known, content = (True, value.strip()) if raw_text else literal(value)
    if not known:
        return None
    if override.name == "name" and content in scope.tree.choices(override.group):
        return ConfigError(
            f"{override.key} is set by the choice", hint=f"did you mean {override.group}={content}?"
        )
    if is_list(key) and isinstance(content, str):
        return ConfigError(
            f"{override.key} must be a list, not {content!r}",
            hint=f"did you mean {override.key}=[{content}]?",
        )
    try:
        fit(key, content)
    except MisfitError as error:
        return ConfigError(f"{override.key} {error}", hint=value_hint(override.key, key, content))
    if override.name == "module":
        return module_problem(override.group, str(content), scope.tree.root)
    return None


def value_hint(path: str, key: Key, value: object) -> str:
    """The nearest value allowed, else what the key is."""
    choices = key.limits.choices
    near = nearest(str(value), choices) if choices else None
    if near:
        return f"did you mean {path}={near}?"
    return f"{path}: {key.help}" if key.help else ""


def _gate_problem(override: Override) -> ConfigError | None:
    known, content = literal(override.value or "")
    if known and content is not None:
        try:
            parse_gate(override.name, unquoted(override.value or ""))
        except ConfigError as error:
            return error
    return None


def _sweep_problem(override: Override, key: Key | None = None) -> ConfigError:
    if key is not None and is_list(key):
        hint = f"did you mean {override.key}=[{override.value}]?"
    elif key is not None and takes_raw_text(key, override.value or "") and not key.limits.choices:
        hint = f"if the commas belong to the value, quote it twice: '{override.key}=\"{override.value}\"'"
    else:
        first = re.split(r"[,(]", override.value or "")[0]
        example = first if "(" not in (override.value or "") else "VALUE"
        hint = f"run the command once for each value: {override.key}={example}"
    return ConfigError(f"{override.text!r} is a sweep; one value is needed here", hint=hint)
