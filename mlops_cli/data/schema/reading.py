"""A schema read from the YAML that a person may have edited; what is wrong is told by line."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.data.schema.columns import TYPES, ColumnSchema, TableSchema
from mlops_cli.errors import ConfigError, NotFoundError


def read(path: Path) -> TableSchema:
    """Reads a schema that `TableSchema.write` or a person wrote.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: It isn't a schema; the message names the line and the key.
    """
    try:
        node = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no schema file {path}", hint="mlops data add FILE writes one; or data.schema=null"
        ) from error
    except OSError as error:
        raise NotFoundError(f"can't read the schema {path} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} holds a character that YAML does not allow") from error
    return _Reader(path).table(node)


class _Reader:
    """Reads the nodes of one file, so that every message can name the line.

    Scalars are read as they are written: `yes` and `01` are values of a category like any other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def table(self, node: yaml.Node | None) -> TableSchema:
        entries = self._mapping(node, "the schema", ("columns", "text", "label"))
        if "columns" not in entries:
            raise self._error(node, "the schema has no columns", "columns: {NAME: {type: text}}")
        columns = {
            name: self._column(value, name)
            for name, value in self._mapping(entries["columns"], "columns").items()
        }
        roles = {}
        for role in ("text", "label"):
            if role in entries and not _is_null(entries[role]):
                name = self._scalar(entries[role], role)
                if name not in columns:
                    problem = f"{role}: there is no column {name!r}"
                    raise self._error(entries[role], problem, _meant(name, columns))
                roles[role] = name
        return TableSchema(columns, **roles)

    def _column(self, node: yaml.Node, name: str) -> ColumnSchema:
        known = [entry.name for entry in dataclasses.fields(ColumnSchema)]
        entries = self._mapping(node, f"columns.{name}", known)
        if "type" not in entries:
            raise self._error(node, f"columns.{name} has no type", f"one of {', '.join(TYPES)}")
        kind = self._scalar(entries["type"], f"columns.{name}.type")
        if kind not in TYPES:
            problem = f"columns.{name}.type: there is no type {kind!r}"
            raise self._error(entries["type"], problem, _meant(kind, TYPES))
        found: dict[str, Any] = {"type": kind}
        for key, value in entries.items():
            if key != "type" and not _is_null(value):
                found[key] = self._setting(value, f"columns.{name}.{key}", key, kind)
        column = ColumnSchema(**found)
        for low, high in (("minimum", "maximum"), ("min_length", "max_length")):
            least, most = getattr(column, low), getattr(column, high)
            if least is not None and most is not None and least > most:
                problem = f"columns.{name}: {low} {least} is greater than {high} {most}"
                raise self._error(entries[low], problem, "swap them")
        return column

    def _setting(self, node: yaml.Node, place: str, key: str, kind: str) -> Any:
        self._refuse_misplaced(node, place, key, kind)
        if key == "values":
            if not isinstance(node, yaml.SequenceNode) or not node.value:
                raise self._error(node, f"{place} must be a list", "values: [one, another]")
            return tuple(self._scalar(item, place) for item in node.value)
        text = self._scalar(node, place)
        if key in ("required", "unique"):
            if text.lower() not in ("true", "false"):
                raise self._error(node, f"{place} must be true or false, not {text!r}")
            return text.lower() == "true"
        if key in ("minimum", "maximum") and kind in ("date", "timestamp"):
            return self._moment(node, place, kind)
        return self._number(node, place, key, kind)

    def _moment(self, node: yaml.Node, place: str, kind: str) -> str:
        text = self._scalar(node, place)
        try:
            (date if kind == "date" else datetime).fromisoformat(text)
        except ValueError as error:
            example = "2024-12-31" + ("" if kind == "date" else " 23:59:00")
            problem = f"{place} must be a {kind} such as {example}, not {text!r}"
            raise self._error(node, problem) from error
        return text

    def _number(self, node: yaml.Node, place: str, key: str, kind: str) -> int | float:
        text = self._scalar(node, place)
        whole = key in ("min_length", "max_length")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if math.isnan(value) or (whole and not 0 <= value == value // 1):
            wanted = "a whole number of characters" if whole else "a number"
            raise self._error(node, f"{place} must be {wanted}, not {text!r}")
        if key == "missing" and not 0 <= value <= 1:
            raise self._error(node, f"{place} must be a share from 0 to 1, not {text}")
        exact = whole or (kind == "integer" and key != "missing" and value == value // 1)
        return int(value) if exact else value

    def _refuse_misplaced(self, node: yaml.Node, place: str, key: str, kind: str) -> None:
        """A limit that means nothing for the type would be a silent mistake."""
        fits = {
            "values": ("category",),
            "minimum": ("integer", "number", "date", "timestamp"),
            "maximum": ("integer", "number", "date", "timestamp"),
            "min_length": ("text", "category"),
            "max_length": ("text", "category"),
        }.get(key)
        if fits is not None and kind not in fits:
            raise self._error(
                node, f"{place}: a column of type {kind} has no {key}", f"type: {fits[0]}"
            )

    def _mapping(
        self, node: yaml.Node | None, place: str, known: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{place} must hold keys and values")
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._scalar(key, place)
            if known and name not in known:
                raise self._error(key, f"{place} has no key {name!r}", _meant(name, known))
            if name in entries:
                raise self._error(key, f"{name!r} is there twice", "keep one of them")
            entries[name] = value
        return entries

    def _scalar(self, node: yaml.Node, place: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, f"{place} must be a single value")
        return str(node.value)

    def _error(self, node: yaml.Node | None, problem: str, hint: str = "") -> ConfigError:
        line = node.start_mark.line + 1 if node is not None else 1
        return ConfigError(f"{self._path}:{line}: {problem}", hint=hint)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _meant(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(list(known)[:20])}"
