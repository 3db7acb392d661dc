"""A data set on the hub: its commit, its splits and its columns."""

import random
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from mlops_cli import config as configs
from mlops_cli.data import hub, kinds
from mlops_cli.data.guessing import sampled
from mlops_cli.data_adding.placing import Place
from mlops_cli.errors import ConfigError, DataError, UsageError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.adding import AddWishes, Kind
from mlops_cli.schemas.data import HubDataConfig

_LOOKED_AT = 2000
_TABLES = "data=hub reads texts: save this table as a file, and add that"


@dataclass(frozen=True)
class HubChoice:
    """What the config of a data set on the hub says.

    Attributes:
        settings: Its settings.
        kind: What the data could be used for.
        types: The type of each column, as the hub calls it.
    """

    settings: dict[str, Any]
    kind: Kind
    types: dict[str, str]


def choose(wishes: AddWishes, place: Place, reporter: Reporter) -> HubChoice:
    """Looks at a data set on the hub, or in its cache, and pins it to its present commit.

    Raises:
        UnreachableError: The hub can't be reached and the data set is not in the cache.
        NotFoundError: There is no such data set.
        DataError: It lacks the configuration, split or column that is asked for.
    """
    dataset = (wishes.source or "").removeprefix("hub:")
    if wishes.move:
        raise UsageError("--move takes files of this machine", hint="leave --move out")
    loaded = configs.load(
        ["data=hub", f"data.dataset={dataset}", *wishes.settings], root=place.data
    ).data
    if not isinstance(loaded, HubDataConfig):
        raise ConfigError(f"{dataset} is read by data=hub", hint="leave data=… out")
    overview = hub.look(loaded, reporter, rows=_LOOKED_AT)
    revision = loaded.revision or overview.commit
    if revision is None:
        reporter.warn("the hub can't be reached: the data set is not pinned to a commit")
    columns = sampled(overview.columns, random.Random(0).sample(overview.rows, len(overview.rows)))
    for part in ("text", "text_pair", "label", "target"):
        given = getattr(wishes, part)
        if given is not None and given not in overview.columns:
            raise DataError(
                f"{dataset} has no column {given!r}",
                hint=_meant(given, part, overview.columns),
            )
    kind = kinds.kind_of(columns, wishes.text, wishes.label, wishes.target, wishes.text_pair)
    if kind.tabular:
        kind = replace(kind, trainable=False, note=_TABLES)
    splits = overview.splits
    settings: dict[str, Any] = {"module": "hub", "dataset": dataset}
    settings |= {"config": loaded.config} if loaded.config else {}
    settings |= {"revision": revision} if revision else {}
    settings |= kind.columns
    settings["train_split"] = loaded.train_split
    settings["validation_split"] = (
        loaded.validation_split if loaded.validation_split in splits else None
    )
    # The labels of many test splits are hidden: it is used when it is asked for.
    settings["test_split"] = loaded.test_split
    return HubChoice(settings, kind, overview.types)


def _meant(given: str, part: str, columns: list[str]) -> str:
    near = get_close_matches(given, columns, n=1)
    option = part.replace("_", "-")
    suggestion = f"did you mean --{option} {near[0]}? " if near else ""
    return f"{suggestion}columns: {', '.join(columns)}"
