"""Stage `models register`: a bundle becomes a version.

Nothing of the user's is touched: the commit is built from objects and goes to a branch of its own,
so that changes that are staged or not yet committed stay as they are, whatever is checked out. To
refuse while there are any would have been the other way, and one that a busy project meets daily.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlops_cli.errors import DataError, UsageError
from mlops_cli.files import sha256
from mlops_cli.registry import audit, card, names, records, storage, tags, trusting, writing
from mlops_cli.registry.reading import opened
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.versions import Model, Registered, Version
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import signatures
from mlops_cli.serving.bundle import SIGNATURE, Bundle
from mlops_cli.serving.signatures import Signer
from mlops_cli.tracking.record import now
from mlops_cli.versioning import folders

_RELEASE = ".github/workflows/release.yml", ".github/actions"
"""The workflow that the tag of a promotion starts, and what it uses of the project's own.

GitHub reads them in the commit that a tag points to, and the tag of a stage points to that of a
version. Other tokens than a person's may push a workflow only if it is on another branch just so.
"""


@dataclass(frozen=True)
class Wanted:
    """How a version is to be called, and why it is registered.

    Attributes:
        name: Name of the model; None: that of the project's folder.
        bump: Which number of the version goes up.
        version: The version itself, instead.
        message: What for.
    """

    name: str | None = None
    bump: str | None = None
    version: str | None = None
    message: str | None = None


def run(root: Path, folder: Path, wanted: Wanted, reporter: Reporter) -> Registered:
    """Registers the bundle in a folder; one that is registered already stays the version it is.

    Args:
        root: The project.
        folder: The bundle.
        wanted: What to call it.
        reporter: Told what is not as it should be.

    Raises:
        NotFoundError: There is no bundle, no git repository or no DVC project.
        DataError: The bundle is damaged, or registered as another version than is wanted.
        UsageError: The name can't be, or the version is taken.
        GateError: Its signature is wrong, or of somebody who is not trusted.
    """
    _check_words(wanted)
    name = names.proper(_name(root, wanted))
    repository, models = opened(root)
    audit.require_writable(repository)
    by = repository.identity()
    config = folders.require(repository.root)
    bundle = bundles.load(folder)
    known = models.get(name)
    again = _again(repository, known, bundle, wanted, reporter)
    if again is not None:
        return again
    version = _version(known, wanted)
    why, ran = names.reason(wanted.message), records.run_of(bundle, root)
    if bundle.run and ran is None:
        reporter.warn(
            f"run {bundle.run} is not here as it was when it was exported: its config and "
            "environment are not in the record"
        )
    signed = _signed(root, bundle, reporter)
    record = records.build(
        bundle, ran, model=name, version=version, at=now(), by=by, why=why, signed=signed
    )
    held = storage.take(root, bundle, f"{name}@{version}")
    text = ran.config_text() if ran is not None else None
    by_whom = Signer(**{k: v for k, v in signed.items() if k != "verified"}).words if signed else ""
    written = card.for_version(root, bundle, ran, model=name, version=version, signed=by_whom)
    files = records.files(record, held, text, written) | _for_dvc(config)
    tag = tags.registration(version, name)
    facts = {"bundle": bundle.digest, "run": bundle.run, "signed": signed}
    change = writing.Change("register", name, tag, why, version, facts=facts)
    parents = [commit for commit in [_code(record)] if commit and repository.has(commit)]
    commit = writing.write(
        repository, known, change, files=files, parents=parents, committed=_RELEASE
    )
    if known and known.deprecated:
        reporter.warn(
            f"{name} was deprecated as a whole, and is in use again with all versions that are not "
            f"deprecated themselves; mlops models deprecate {name} takes it out of use"
        )
    return Registered(
        model=name,
        version=version,
        run=bundle.run,
        commit=commit,
        tag=tag,
        digest=bundle.digest,
        files=held.files,
        bytes=held.size,
        metrics=bundle.facts["metrics"],
        path=folder,
        remote=repository.remote,
    )


def _signed(root: Path, bundle: Bundle, reporter: Reporter) -> dict[str, Any] | None:
    """Who signed a bundle, and whether that was checked; None where nobody did.

    Raises:
        GateError: It is not signed by anybody who is trusted, or is not what was signed.
    """
    if not (bundle.path / SIGNATURE).is_file():
        return None
    trust = trusting.trusted(root)
    signer = trust.check(bundle.path, reporter.warn) if trust else None
    return {**asdict(signer or signatures.signer_of(bundle.path)), "verified": signer is not None}


def _check_words(wanted: Wanted) -> None:
    if wanted.bump is not None and wanted.version is not None:
        raise UsageError("--bump and --version both name the version", hint="give one of them")
    if wanted.bump is not None and wanted.bump not in tags.BUMPS:
        hint = names.near(wanted.bump, tags.BUMPS) or f"one of {', '.join(tags.BUMPS)}"
        raise UsageError(f"--bump takes no {wanted.bump!r}", hint=hint)


def _name(root: Path, wanted: Wanted) -> str:
    """The name that was given, else the one that the project's folder has."""
    name = wanted.name if wanted.name is not None else names.slug(root.resolve().name)
    if not name:
        raise UsageError("the model needs a name", hint="--name reviews")
    return name


def _version(known: Model | None, wanted: Wanted) -> str:
    """The version that was given, else the next one."""
    if wanted.version is None:
        return tags.next_version(known, wanted.bump or "minor")
    version = tags.proper(wanted.version)
    if known and version in [one.version for one in known.versions]:
        raise UsageError(
            f"{known.name} {version} is registered already, and stays what it is",
            hint=f"--version {tags.next_version(known, 'minor')}",
        )
    return version


def _again(
    repository: Repository,
    known: Model | None,
    bundle: Bundle,
    wanted: Wanted,
    reporter: Reporter,
) -> Registered | None:
    """One bundle, one version: a command that was killed and is typed again finds it done.

    Raises:
        DataError: It is registered, and as another version than is wanted.
    """
    version = records.registered(repository, known.versions if known else (), bundle)
    if known is None or version is None:
        return None
    out_of_use = known.name if known.deprecated else version.name if version.deprecated else ""
    if wanted.version is not None and tags.proper(wanted.version) != version.version:
        raise DataError(
            f"this very bundle is registered as {version.name}"
            + (f", and {out_of_use} is deprecated" if out_of_use else ""),
            hint=f"mlops models history {known.name}"
            if out_of_use
            else f"mlops models promote {version.name} staging",
        )
    if wanted.bump is not None:
        reporter.warn(f"this bundle is {version.version} already: --bump makes no other of it")
    found = _found(repository, version, bundle)
    if out_of_use:
        reporter.warn(f"{out_of_use} is deprecated: no stage takes it")
    elif found.unsigned:
        reporter.warn(f"{version.name} stays without the signature that its bundle got since")
    return replace(found, deprecated=bool(out_of_use))


def _found(repository: Repository, version: Version, bundle: Bundle) -> Registered:
    """What is registered already."""
    listed = records.read(repository, version)["bundle"]["files"]
    sizes = [path.stat().st_size for path in map(bundle.path.joinpath, listed) if path.is_file()]
    signature = bundle.path / SIGNATURE
    return Registered(
        model=version.model,
        version=version.version,
        run=bundle.run,
        commit=version.commit,
        tag=tags.registration(version.version, version.model),
        digest=bundle.digest,
        files=len(sizes),
        bytes=sum(sizes),
        metrics=bundle.facts["metrics"],
        path=bundle.path,
        remote=repository.remote,
        changed=False,
        unsigned=signature.is_file()
        and listed.get(SIGNATURE) != sha256(signature)
        and records.later_signature(repository, version) is None,
    )


def _code(record: Mapping[str, Any]) -> str | None:
    """The commit that the run was at."""
    git = record.get("git")
    commit = git.get("commit") if isinstance(git, dict) else None
    return str(commit) if commit else None


def _for_dvc(config: Path) -> dict[str, bytes]:
    """What DVC itself needs to read a version: `dvc get . models/NAME --rev NAME@VERSION`."""
    return {".dvc/config": config.read_bytes(), f"{records.FOLDER}/.gitignore": b"/*/\n"}
