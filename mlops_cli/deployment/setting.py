"""What a deployment begins with: what was asked for, settings, registry and record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mlops_cli import config as configs
from mlops_cli.config.keys import GROUPS
from mlops_cli.deployment import begun
from mlops_cli.errors import ConfigError, NotFoundError, UsageError
from mlops_cli.registry import deployments, names
from mlops_cli.registry.deployments import Now
from mlops_cli.registry.reading import opened
from mlops_cli.registry.repository import Repository
from mlops_cli.schemas import target as schemas
from mlops_cli.schemas.deploy import Deployment
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.schemas.target import TargetConfig
from mlops_cli.schemas.versions import Model
from mlops_cli.targets import Place, Target, module, runtime

_OWN = ("target", "image", "serve", "registry")
_TAKES = "those of target, image, serve and registry"


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        target: Name of the target.
        model: What to deploy: a version, a run, or a folder; None takes what is in production.
        overrides: `KEY=VALUE` words of the groups target, image, serve and registry.
        share: Of the requests, for a version on trial; None to answer all.
        message: What for.
    """

    target: str
    model: str | None = None
    overrides: Sequence[str] = ()
    share: float | None = None
    message: str | None = None


@dataclass(frozen=True)
class Setting:
    """The project and the target, as far as they are known before anything is deployed.

    Attributes:
        root: The project.
        target: The target's module.
        config: Its settings.
        image: Settings of the image.
        repository: Where the record is.
        models: What is registered.
        entries: The record.
        wanted: What was asked for.
    """

    root: Path
    target: Target
    config: TargetConfig
    image: ImageConfig
    repository: Repository
    models: dict[str, Model]
    entries: list[Deployment]
    wanted: Wanted

    @cached_property
    def serve(self) -> ServeConfig:
        """Settings of the server."""
        found: ServeConfig = configs.load_group("serve", _words(self.wanted), root=self.root)
        return found

    def again(self, settings: Sequence[str]) -> "Setting":
        """The same with settings of an earlier deployment below what was typed."""
        words = [*settings, *self.wanted.overrides]
        return setting(self.root, replace(self.wanted, overrides=words))

    @property
    def name(self) -> str:
        """What the target is called: a choice of the config group."""
        return self.wanted.target

    def place(self, name: str) -> Place:
        """A place of the target."""
        return Place(self.root, self.name, name, self.config, self.serve)

    def now(self, name: str) -> Now:
        """What a deployment of the target has."""
        return deployments.now(self.entries, self.name, name)

    def there(self, name: str) -> Deployment:
        """What a deployment has by its newest entry; of one that was broken off, by its note.

        Raises:
            NotFoundError: There is none.
        """
        found = self.now(name).current or begun.read(self.place(name), self.entries)
        if found is None:
            deployments.require_record(self.repository)
            raise NotFoundError(
                f"nothing is deployed to {self.name} as {name}", hint=f"mlops deploy {self.name}"
            )
        return found

    def only(self) -> str:
        """Name of the one deployment of the target, unless `target.deployment` says which.

        One that was begun, and broken off before it was recorded, is one as well.

        Raises:
            NotFoundError: It has none.
            UsageError: It has several.
        """
        known = [
            name
            for target, name in deployments.places(self.entries)
            if target == self.name and self.now(name).current is not None
        ]
        broken = [
            one.name for one in begun.everywhere(self.root, self.entries) if one.target == self.name
        ]
        listed = sorted({*known, *broken})
        wanted = self.config.deployment
        if not listed or (wanted is not None and wanted not in listed):
            deployments.require_record(self.repository)
            hint = names.near(wanted, listed, "target.deployment=") if wanted else ""
            raise NotFoundError(
                f"nothing is deployed to {self.name}" + (f" as {wanted}" if wanted else ""),
                hint=hint or f"mlops deploy {self.name}",
            )
        if wanted is None and listed[1:]:
            raise UsageError(
                f"{self.name} has {len(listed)} deployments: {names.shown(listed)}",
                hint=f"say which: target.deployment={listed[0]}",
            )
        return wanted or listed[0]


def _words(wanted: Wanted) -> list[str]:
    return [f"target={wanted.target}", *wanted.overrides]


def setting(root: Path, wanted: Wanted) -> Setting:
    """Reads settings, registry and record.

    Raises:
        ConfigError: A setting is wrong, or there is no such target.
        NotFoundError: The project lies in no git repository.
        UsageError: A setting stands where the target's name belongs, or names another one.
    """
    _refuse_others(wanted)
    words = _words(wanted)
    config: TargetConfig = configs.load_group("target", words, root=root)
    for problem in schemas.problems(config):
        raise problem
    image: ImageConfig = configs.load_group("image", words, root=root)
    for word in wanted.overrides:
        # What is no key at all was told above, with the nearest one.
        if word.lstrip("+~").partition("=")[0].partition(".")[0] not in _OWN:
            raise ConfigError(f"{word}: a deployment has no such setting", hint=_TAKES)
    found = module(config)
    image = replace(image, runtime=runtime(found))
    repository, models = opened(root)
    entries = deployments.read(repository)
    return Setting(root, found, config, image, repository, models, entries, wanted)


def _refuse_others(wanted: Wanted) -> None:
    """Refuses words that are no settings of a deployment to this target."""
    if "=" in wanted.target:
        raise UsageError(
            f"{wanted.target!r} is a setting, and the name of a target comes first",
            hint=f"such as compose {wanted.target}",
        )
    for word in wanted.overrides:
        key, _, value = word.lstrip("+~").partition("=")
        group = key.partition(".")[0]
        if group in GROUPS and group not in _OWN:
            raise ConfigError(f"{word}: a deployment has no settings of {group}", hint=_TAKES)
        if key == "target":
            # It would be deployed there, and recorded as deployed here.
            raise UsageError(
                f"{word}: the target is {wanted.target} already", hint=f"name {value} in its place"
            )
