"""Stage `data add`: data becomes the project's: a config, a schema, and bytes that DVC holds."""

import re
from pathlib import Path

from mlops_cli import project
from mlops_cli.data_adding import config_file, sources
from mlops_cli.data_adding.examining import examine
from mlops_cli.data_adding.placing import Place, Placing, same, staging
from mlops_cli.data_adding.settling import Settling, command
from mlops_cli.errors import ConfigError, UsageError
from mlops_cli.project import packaged_configs
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.adding import AddResult, AddWishes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VALUE = re.compile(r"\d[\d_]*(e-?\d+)?|true|false|null|inf|nan", re.IGNORECASE)
"""What Hydra takes for a number, a truth value or nothing."""


def run(wishes: AddWishes, root: Path, reporter: Reporter) -> AddResult:
    """Adds data to the project at `root`, whole or not at all.

    Raises:
        UsageError: The wishes don't fit together, or the name is none.
        ConfigError: There is no project, or data of that name is there already.
        NotFoundError: There is nothing at the source.
        DataError: It can't be read as a table.
    """
    if not (root / "configs" / "config.yaml").is_file():
        raise ConfigError(
            f"{root} is no project: it has no configs/config.yaml",
            hint="mlops init makes one; or cd into one",
        )
    kind = sources.kind_of(wishes)
    place = Place(root, _name(wishes, kind))
    if (root / "data.dvc").exists() and kind != "hub":
        raise ConfigError(
            "DVC holds the whole folder data/ (data.dvc), and what describes data belongs into git",
            hint="let DVC hold the files one by one: dvc remove data.dvc, then dvc add data/FILE",
        )
    if place.config.exists() and not wishes.force and not _again(wishes, kind, place):
        raise place.taken(place.config)
    with staging(place, reporter) as staged:
        if kind == "hub":
            return _from_hub(wishes, place, staged, reporter)
        fetch = {"url": sources.from_url, "sql": sources.from_query}.get(kind, sources.from_disk)
        fetched = fetch(wishes, place, staged, reporter)
        looked = examine(fetched, wishes, place, reporter)
        return Settling(fetched, looked, wishes, place=place, staged=staged).run(reporter)


def _again(wishes: AddWishes, kind: str, place: Place) -> bool:
    """Whether the very same file was added by the very same words before.

    Looked at before any work, so that another file is refused in one line.
    """
    if kind != "file" or wishes.move:
        return False
    source = project.locate(wishes.source or "")
    there = place.data / f"{place.name}{source.suffix.lower()}"
    made_by = config_file.made_by(command(wishes, str(source), place))
    known = made_by in place.config.read_text("utf-8").splitlines()
    return known and there != source and there.is_file() and same(source, there)


def _name(wishes: AddWishes, kind: str) -> str:
    name = wishes.name if wishes.name is not None else sources.default_name(wishes, kind)
    if _VALUE.fullmatch(name):
        raise UsageError(
            f"{name!r} can't name data: data={name} would be read as a value, not as a name",
            hint=f"another one: --name data-{name}",
        )
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't name data" if name else "the data needs a name",
            hint="letters, digits, dashes and underscores: --name reviews",
        )
    if (packaged_configs() / "data" / f"{name}.yaml").is_file():
        raise UsageError(
            f"data={name} ships with mlops and can't be the name of your data",
            hint=f"another one: --name my-{name}",
        )
    return name


def _from_hub(wishes: AddWishes, place: Place, staged: Path, reporter: Reporter) -> AddResult:
    """Writes the config of a data set on the hub; its bytes stay there."""
    from mlops_cli.data_adding import hub_choice

    chosen = hub_choice.choose(wishes, place, reporter)
    dataset = str(chosen.settings["dataset"])
    text = config_file.text(
        f"{chosen.kind.title} from the hub, {dataset}: {chosen.kind.command} data={place.name}",
        command(wishes, dataset, place),
        chosen.settings,
    )
    with Placing(staged) as placing:
        for path in (*place.bytes(), place.schema, place.config):
            if path.exists() and not wishes.force:
                raise place.taken(path)
            if path.exists() and path != place.config:
                placing.put_aside(path)
        placing.write(place.config, text)
    return AddResult(
        name=place.name,
        source=dataset,
        kind=chosen.kind,
        files=[],
        types=chosen.types,
        classes={},
        config=place.shown(place.config),
        schema=None,
        dvc=False,
        commit=[place.shown(place.config)],
        git=place.in_git,
    )
