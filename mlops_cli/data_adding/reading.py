"""How the files of added data are read: the packaged settings with what was typed."""

from collections.abc import Mapping
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli.data_adding.placing import Place
from mlops_cli.errors import ConfigError
from mlops_cli.schemas.adding import AddWishes
from mlops_cli.schemas.data import FileDataConfig


def settings_for(files: Mapping[str, Path], wishes: AddWishes, place: Place) -> FileDataConfig:
    """The settings of `data=file` for these files, by split.

    Raises:
        ConfigError: A setting is wrong.
    """
    words = [f"data.path={files['train']}"]
    words += [f"data.{split}_path={path}" for split, path in files.items() if split != "train"]
    # Below data/ the project's own settings, for other data, do not apply.
    loaded = configs.load(["data=file", *words, *wishes.settings], root=place.data).data
    if not isinstance(loaded, FileDataConfig):
        raise ConfigError("files are read by data=file", hint="leave data=… out")
    return loaded
