"""What is deployed: found by its name, verified, and as an entry of the record."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mlops_cli import bundle_lookup
from mlops_cli.deployment.setting import Setting
from mlops_cli.errors import DataError, GateError, MlopsError, NotFoundError, UsageError
from mlops_cli.registry import names, records, storage, trusting
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Deployment, Need
from mlops_cli.schemas.versions import Version
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import Bundle
from mlops_cli.targets import Order
from mlops_cli.tracking.record import now

STAGE = "production"
"""What is deployed where nothing is named: the version in this stage."""


@dataclass(frozen=True)
class Subject:
    """What is deployed.

    Attributes:
        folder: Its bundle.
        bundle: The same, verified.
        version: The version; None where it is not registered.
        name: Name of the deployment.
    """

    folder: Path
    bundle: Bundle
    version: Version | None
    name: str

    @property
    def called(self) -> str:
        """What a person calls it."""
        if self.version:
            return self.version.name
        return self.bundle.run or self.bundle.digest[:12]


def find(ours: Setting, reporter: Reporter) -> Subject:
    """What was asked for, with every byte verified, and signed as it has to be.

    Raises:
        NotFoundError: There is no such version, run or bundle.
        DataError: It is deprecated.
        GateError: It is damaged, or not signed as it has to be.
    """
    words = ours.wanted.model or _in_production(ours)
    version, folder = None, None
    name = words.partition("@")[0]
    if name in ours.models or ("@" in words and "/" not in words):
        version = names.version(ours.models, words, ours.repository)
        if version.deprecated or ours.models[version.model].deprecated:
            raise DataError(
                f"{version.name} is deprecated",
                hint=f"mlops models history {version.model} says why",
            )
    else:
        try:
            folder = bundle_lookup.called(ours.root, words)
        except NotFoundError as error:
            near = names.near(words, ours.models)
            raise NotFoundError(error.message, hint=near or error.hint) from error
    return _verified(ours, version, folder, None, reporter)


def recorded(ours: Setting, one: Deployment, name: str, reporter: Reporter) -> Subject:
    """What the record says was deployed, to be deployed again.

    Raises:
        NotFoundError: Its bytes are nowhere.
        GateError: It is damaged, another one by now, or not signed as it has to be.
    """
    version = _version(ours, one)
    if one.model and version is None:
        raise NotFoundError(
            f"{one.called} is in no registry any more", hint=ours.repository.fetching
        )
    folder = None if version else bundle_lookup.called(ours.root, one.run)
    subject = _verified(ours, version, folder, name, reporter)
    if subject.bundle.digest != one.bundle:
        raise GateError(
            f"{one.called} is not the bundle that was deployed: {subject.bundle.digest[:12]}, "
            f"not {one.bundle[:12]}",
            hint=f"another version: mlops deploy {ours.name} MODEL@VERSION",
        )
    return subject


def usable(ours: Setting, one: Deployment) -> bool:
    """Whether what was deployed once may be again; what was deprecated since may not."""
    version = _version(ours, one)
    return version is None or not (version.deprecated or ours.models[version.model].deprecated)


def needs(ours: Setting, subject: Subject) -> Iterator[Need]:
    """The record, which wants to know who deploys."""
    try:
        by = ours.repository.identity()
    except MlopsError as error:
        yield Need("who you are", there=False, said=error.message, hint=error.hint)
    else:
        yield Need("who you are", there=True, said=by)
    yield Need("bundle", there=True, said=f"{subject.called} is whole")


def made(
    ours: Setting, subject: Subject, order: Order, where: str, *, action: str, before: str
) -> Deployment:
    """The entry of what is deployed."""
    version = subject.version
    return Deployment(
        at=now(),
        by=ours.repository.identity(),
        action=action,
        target=ours.name,
        name=subject.name,
        where=where,
        model=version.model if version else "",
        version=version.version if version else "",
        run=subject.bundle.run,
        bundle=subject.bundle.digest,
        image=order.image.reference if order.image else "",
        image_digest=order.image.digest if order.image else "",
        share=order.share,
        before=before,
        settings=list(ours.wanted.overrides),
        why=names.reason(ours.wanted.message),
        entry="",
    )


def entry(one: Deployment, action: str, *, why: str) -> Deployment:
    """The entry that ends what another one began."""
    return replace(one, action=action, before=one.called, why=why)


def _in_production(ours: Setting) -> str:
    """The version in production of the only model that has one."""
    staged = [f"{model.name}@{STAGE}" for model in ours.models.values() if STAGE in model.stages]
    if not staged:
        raise NotFoundError(
            f"no version of a model is in {STAGE}, and none was named",
            hint=f"mlops models promote NAME {STAGE}, or name one: mlops deploy "
            f"{ours.name} NAME@VERSION",
        )
    if staged[1:]:
        raise UsageError(
            f"{len(staged)} models have a version in {STAGE}: {names.shown(staged)}",
            hint=f"say which: mlops deploy {ours.name} {staged[0]}",
        )
    return staged[0]


def _version(ours: Setting, one: Deployment) -> Version | None:
    model = ours.models.get(one.model)
    listed = model.versions if model else []
    return next((version for version in listed if version.version == one.version), None)


def _verified(
    ours: Setting,
    version: Version | None,
    folder: Path | None,
    name: str | None,
    reporter: Reporter,
) -> Subject:
    if version is not None:
        record = records.read(ours.repository, version)
        folder = storage.ensure(ours.repository, version, record, reporter)
    assert folder is not None
    called = version.name if version else folder.name
    typed = [word for word in ours.wanted.overrides if word.startswith("registry")]
    trusting.trusted(ours.root, typed).check(folder, reporter.warn, called=called)
    try:
        bundle = bundles.load(folder)
    except DataError as error:
        # Whatever is wrong with it, it is not what was evaluated.
        raise GateError(f"not deployed: {error.message}", hint=error.hint) from error
    by_itself = version.model if version else names.slug(ours.root.resolve().name) or "model"
    plain = name or ours.config.deployment or by_itself.replace("_", "-").strip("-")[:50]
    return Subject(folder, bundle, version, plain)
