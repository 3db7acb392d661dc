"""`data=hub`: a Hugging Face data set, from the hub, its cache or a local folder."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mlops_cli import hub
from mlops_cli.data.collecting import (
    Collector,
    input_columns,
    known_names,
    refuse_same_columns,
    roles,
)
from mlops_cli.data.examples import Examples, Splits
from mlops_cli.data.formats.values import text_of
from mlops_cli.data.hub_errors import first_line, unknown_config, unreachable
from mlops_cli.errors import ConfigError, DataError, NotFoundError
from mlops_cli.extras import extra
from mlops_cli.project import locate
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.data import DataConfig, HubDataConfig

with extra("train", "data=hub"):
    import datasets
    from huggingface_hub import HfApi, errors

_BATCH = 1000
_UNREACHABLE = (
    ConnectionError, errors.HfHubHTTPError, errors.OfflineModeIsEnabled, hub.NO_ANSWER
)  # fmt: skip
_ID = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def load(config: DataConfig, reporter: Reporter) -> Splits:
    """Downloads (or finds in the cache) the data set and reads its splits.

    Raises:
        UnreachableError: The hub can't be reached and the data set is not in the cache.
        NotFoundError: There is no such data set.
        DataError: It lacks the configuration, split or column that is asked for.
    """
    if not isinstance(config, HubDataConfig):
        raise ConfigError("data=hub takes the settings of data=hub", hint="type data=hub")
    if not config.dataset:
        raise ConfigError(
            "data=hub needs a data set: data.dataset is not set",
            hint="mlops train data=hub data.dataset=OWNER/NAME data.text=COLUMN data.label=COLUMN",
        )
    if not _ID.fullmatch(config.dataset) and not locate(config.dataset).is_dir():
        raise NotFoundError(
            f"{config.dataset!r} is no folder that exists, and no data set id",
            hint="an id looks like OWNER/NAME",
        )
    refuse_same_columns(config)
    with _quiet_and_bounded(config.dataset, reporter):
        builder = _builder(config)
        _prepare(builder, config)
    train = _read(builder, config, config.train_split, setting="train_split", reporter=reporter)
    known = known_names(train, config)
    later = [
        _read(builder, config, name, setting=setting, reporter=reporter, known=known)
        if name
        else None
        for name, setting in (
            (_validation_split(builder, config, reporter), "validation_split"),
            (config.test_split, "test_split"),
        )
    ]
    return Splits(train, *later)


@dataclass(frozen=True)
class Overview:
    """A look at a data set.

    Attributes:
        commit: The commit it is at on the hub; None where that can't be asked, or is a folder's.
        splits: Names of its splits.
        columns: Names of the columns of its training split.
        types: The library's type of each of them.
        rows: Some rows of the training split, as text.
    """

    commit: str | None
    splits: list[str]
    columns: list[str]
    types: dict[str, str]
    rows: list[dict[str, str | None]]


def look(config: HubDataConfig, reporter: Reporter, rows: int) -> Overview:
    """Downloads (or finds in the cache) the data set and looks at its training split.

    Args:
        config: Names it.
        reporter: Told where the hub can't be reached.
        rows: How many rows to look at, spread over the split.

    Raises:
        UnreachableError: The hub can't be reached and the data set is not in the cache.
        NotFoundError: There is no such data set.
        DataError: It lacks the configuration or split that is asked for.
    """
    with _quiet_and_bounded(config.dataset, reporter):
        builder = _builder(config)
        _prepare(builder, config)
        commit = None if hub.offline() else _commit(config)
    found = _select(builder, config, config.train_split, "train_split")
    step = max(1, len(found) // rows)
    labels = {name: getattr(kind, "names", None) for name, kind in found.features.items()}
    return Overview(
        commit=commit,
        splits=_split_names(builder),
        columns=list(found.column_names),
        types={name: str(getattr(k, "dtype", "list")) for name, k in found.features.items()},
        rows=[
            {name: _label(value, labels[name]) for name, value in row.items()}
            for row in found.select(range(0, len(found), step))
        ],
    )


def _commit(config: HubDataConfig) -> str | None:
    """The commit that the data set is at; None for a local folder."""
    if locate(config.dataset).is_dir():
        return None
    try:
        return HfApi().dataset_info(config.dataset, revision=config.revision, timeout=10).sha
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, hub.NO_ANSWER, OSError):
        return None


@contextmanager
def _quiet_and_bounded(dataset: str, reporter: Reporter) -> Iterator[None]:
    """No bars and retries of the library's own, and no waiting for a hub that is not there."""
    before, logger = datasets.config.HF_HUB_OFFLINE, logging.getLogger("datasets")
    level, bars = logger.level, datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    logger.setLevel(logging.ERROR)
    local = locate(dataset).is_dir()
    try:
        with nullcontext() if local or before else hub.bounded(reporter):
            # Read by the library at every request.
            datasets.config.HF_HUB_OFFLINE = before or hub.offline()
            yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
        logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()


def _builder(config: HubDataConfig) -> Any:
    """The library's builder of the data set, its failures translated."""
    folder = locate(config.dataset)
    path = str(folder) if folder.is_dir() else config.dataset
    try:
        return datasets.load_dataset_builder(path, config.config, revision=config.revision)
    except _UNREACHABLE as error:
        raise unreachable(config) from error
    except datasets.exceptions.DataFilesNotFoundError as error:
        raise DataError(
            f"{config.dataset} holds no data files of a format that is known",
            hint="such as train.csv and validation.csv",
        ) from error
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no data set {config.dataset!r}: {first_line(error)}",
            hint="check the id; a private one needs HF_TOKEN; a local folder is given by its path",
        ) from error
    except ValueError as error:
        if str(error).startswith("Couldn't find cache"):
            raise unreachable(config) from error
        raise unknown_config(config, error) from error


def _prepare(builder: Any, config: HubDataConfig) -> None:
    try:
        builder.download_and_prepare()
    except _UNREACHABLE as error:
        raise unreachable(config) from error
    except datasets.exceptions.DatasetGenerationError as error:
        raise DataError(
            f"{config.dataset} can't be read: {first_line(error.__cause__ or error)}",
            hint="data=file reads a single file and names the line that is wrong",
        ) from error


def _validation_split(builder: Any, config: HubDataConfig, reporter: Reporter) -> str | None:
    """The validation split, None where the default name is not there and rows are split off."""
    default = HubDataConfig().validation_split
    if config.validation_split == default and default not in _split_names(builder):
        reporter.info(
            f"{config.dataset} has no {default} split: rows are split off its training rows"
        )
        return None
    return config.validation_split


def _read(
    builder: Any,
    config: HubDataConfig,
    split: str,
    *,
    setting: str,
    reporter: Reporter,
    known: set[str] | None = None,
) -> Examples:
    """One split; `known` are the labels it may hold, None for any."""
    rows = _select(builder, config, split, setting)
    by = config.split_by if known is None else None
    _need_columns(rows, config, by)
    source = f"{config.dataset}, split {split}"
    inputs = list(input_columns(config).values())
    collector = Collector(source, config, "row", by)
    others = [*([by] if by else []), *config.slice_by]
    columns = list(dict.fromkeys([*inputs, config.label, *others]))
    names = {column: _label_names(rows.features[column]) for column in columns}
    number = 0
    with reporter.task(f"reading split {split}", len(rows)) as progress:
        for batch in rows.select_columns(columns).iter(_BATCH):
            for cells in zip(*(batch[column] for column in columns), strict=True):
                number += 1
                row = dict(zip(columns, cells, strict=True))
                collector.add(
                    number,
                    [text_of(row[column]) for column in inputs],
                    _label(row[config.label], names[config.label]),
                    text_of(row[by]) if by else None,
                    {column: _label(row[column], names[column]) for column in config.slice_by},
                )
            progress.advance(len(batch[config.label]))
    examples = collector.finish(reporter)
    if known is not None:
        collector.refuse_unknown(known)
    return examples


def _label(value: Any, names: list[str] | None) -> str | None:
    """A label by name, several as a JSON list; hubs mark hidden labels of a test split with -1."""
    if names is None or value is None:
        return text_of(value)
    if isinstance(value, list):
        return text_of([names[each] for each in value])
    return names[value] if 0 <= value < len(names) else None


def _label_names(feature: Any) -> list[str] | None:
    """The names of a column's labels, also where each row has a list of them."""
    names: list[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    return names


def _select(builder: Any, config: HubDataConfig, split: str, setting: str) -> Any:
    """The rows of a split; the library's slices (`train[:1000]`) work."""
    names = _split_names(builder)
    for name in re.findall(r"(?:^|\+)\s*(\w[^\[+]*)", split):
        if name.strip() not in names:
            near = get_close_matches(name, names, n=1)
            raise DataError(
                f"{config.dataset} has no split {name!r} (data.{setting})",
                hint=(f"did you mean {near[0]}? " if near else "") + f"splits: {', '.join(names)}",
            )
    try:
        return builder.as_dataset(split=split)
    except (ValueError, AssertionError) as error:
        raise DataError(
            f"{split!r} selects no split of {config.dataset}: {first_line(error)}",
            hint=f"splits: {', '.join(names)}",
        ) from error


def _split_names(builder: Any) -> list[str]:
    return list(builder.info.splits or {})


def _need_columns(rows: Any, config: HubDataConfig, by: str | None) -> None:
    wanted = [*roles(config).items(), ("split_by", by)]
    for setting, name in [*wanted, *(("slice_by", column) for column in config.slice_by)]:
        if name is not None and name not in rows.column_names:
            near = get_close_matches(name, rows.column_names, n=1)
            meant = f"[{near[0]}]" if near and setting == "slice_by" else "".join(near)
            raise DataError(
                f"{config.dataset} has no column {name!r}",
                hint=(f"did you mean data.{setting}={meant}?" if near else f"set data.{setting};")
                + f" columns: {', '.join(rows.column_names)}",
            )
