"""`params.yaml`: the settings that the pipeline's stages read, resolved."""

import dataclasses
from pathlib import Path
from typing import Any

from mlops_cli import config as configs
from mlops_cli.config.yaml_file import load_text
from mlops_cli.errors import ConfigError, NotFoundError
from mlops_cli.files import write_text
from mlops_cli.pipeline.stages import PARAMS
from mlops_cli.schemas.config import Config

_HEADER = """\
# Written by `mlops repro` from configs/ and the settings typed beside it; the next one writes it
# anew. Change configs/ instead. It belongs into git: dvc.lock says what was made from it.
"""


def render(config: Config) -> str:
    """The file's text: the same settings give the same bytes, in whatever order they were given."""
    return _HEADER + configs.to_yaml(_sorted(config))


def write(root: Path, text: str) -> None:
    """Writes the file where it says something else."""
    path = root / PARAMS
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def parse(text: str) -> dict[str, Any]:
    """The settings in a text of `render`, as DVC reads them."""
    content: dict[str, Any] = load_text(text, PARAMS)
    return content


def read(file: Path, root: Path) -> Config:
    """The settings of a stage.

    Args:
        file: The file.
        root: The project.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: It can't be read.
    """
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {file}", hint="mlops repro writes it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read", hint="mlops repro writes it anew") from error
    try:
        return configs.from_yaml(text, root=root)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", hint=error.hint) from error


def _sorted(config: Config) -> Config:
    """The config with the keys that people add themselves in alphabetical order."""
    values = {part.name: getattr(config, part.name) for part in dataclasses.fields(config)}
    for name, value in values.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            inner = {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
            values[name] = dataclasses.replace(
                value, **{key: _ordered(part) for key, part in inner.items()}
            )
        else:
            values[name] = _ordered(value)
    return Config(**values)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=str)}
    return value
