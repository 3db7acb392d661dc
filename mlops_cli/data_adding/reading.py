"""How the files of added data are read: the packaged settings with what was typed."""

from collections.abc import Mapping
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli.config.overrides import quoted
from mlops_cli.data_adding.placing import Place
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.adding import AddWishes
from mlops_cli.schemas.data import FileDataConfig


def settings_for(files: Mapping[str, Path], wishes: AddWishes, place: Place) -> FileDataConfig:
    """The settings of `data=file` for these files, by split.

    Raises:
        ConfigError: A setting is wrong.
    """
    keys = {split: "path" if split == "train" else f"{split}_path" for split in files}
    words = [f"data.{keys[split]}={_value(str(path))}" for split, path in files.items()]
    # Below data/ the project's own settings, for other data, do not apply.
    loaded = configs.load(["data=file", *words, *wishes.settings], root=place.data).data
    if not isinstance(loaded, FileDataConfig):
        raise ConfigError("files are read by data=file", hint="leave data=… out")
    return loaded


def _value(path: str) -> str:
    """The path as the value of a setting, also where it looks like a quoted text or a reference."""
    odd = path[:1] in ("'", '"') or "${" in path
    return quoted(path.replace("${", "\\${")) if odd else path
