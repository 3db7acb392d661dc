"""One YAML file, parsed the way Hydra reads it, with the line of every key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops_cli.errors import ConfigError

_FLOAT = re.compile(
    r"[-+]?(?:\d[\d_]*\.[\d_]*(?:[eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.[\d_]+(?:[eE][-+]?\d+)?"
    r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML as OmegaConf reads it: `1e-4` is a number, a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))
    ]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))

Path_ = tuple[str | int, ...]
"""Where a value lies in a file: keys and list positions."""


@dataclass(frozen=True)
class YamlFile:
    """A parsed file.

    Attributes:
        shown: Its path as people see it.
        content: What it holds.
        lines: The line of each key and list item.
    """

    shown: str
    content: Any
    lines: dict[Path_, int]

    @classmethod
    def read(cls, path: Path, shown: str) -> "YamlFile":
        """Parses the file.

        Raises:
            ConfigError: It isn't YAML, or a key is there twice.
        """
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{shown} is not UTF-8 text", hint="save it as UTF-8") from error
        except OSError as error:
            raise ConfigError(f"can't read {shown}: {error.strerror}") from error
        return cls.parse(text, shown)

    @classmethod
    def parse(cls, text: str, shown: str) -> "YamlFile":
        """Parses text as `read` does a file."""
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines = dict(_lines(node, (), shown)) if node is not None else {}
            content = loader.construct_document(node) if node is not None else None
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error, text, shown) from error
        except yaml.reader.ReaderError as error:
            raise ConfigError(f"{shown} holds a character that YAML does not allow") from error
        finally:
            loader.dispose()
        return cls(shown, content, lines)

    def where(self, path: Path_) -> str:
        """`file:line` of a value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.shown}:{self.lines.get(path, 1)}"


def load_text(text: str, shown: str) -> Any:
    """The content of YAML text. Raises ConfigError when it isn't YAML."""
    return YamlFile.parse(text, shown).content


def _lines(node: yaml.Node, path: Path_, shown: str) -> Iterator[tuple[Path_, int]]:
    """The line of every key and item below `node`. A key that is there twice is an error."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise ConfigError(
                    f"{shown}:{line}: the key {name!r} is there twice, first in line {seen[name]}",
                    hint="keep one of them",
                )
            seen[name] = line
            yield (*path, name), line
            yield from _lines(value, (*path, name), shown)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*path, position), item.start_mark.line + 1
            yield from _lines(item, (*path, position), shown)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, shown: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()[: mark.line + 1 if mark else 1]
    # What is missing at the end of a file is missing in its last line that says anything.
    while lines and not lines[-1].strip():
        lines.pop()
    line, content = max(len(lines), 1), lines[-1] if lines else ""
    problem = (error.problem or "not YAML").replace(
        "could not find expected ':'", "a ':' is missing"
    )
    if "\t" in content[: len(content) - len(content.lstrip())]:
        return ConfigError(
            f"{shown}:{line}: a tab indents this line",
            hint="indent with spaces: YAML takes no tabs",
        )
    return ConfigError(
        f"{shown}:{line}: {problem}",
        hint=f"the line is: {content.strip()}" if content.strip() else "",
    )
