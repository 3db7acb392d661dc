"""What a person calls a version: NAME, NAME@VERSION, NAME@STAGE or NAME@latest."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from mlops_cli.errors import MlopsError, NotFoundError, UsageError
from mlops_cli.registry.repository import BRANCH, Repository
from mlops_cli.schemas.versions import Model, Version

LATEST = "latest"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:[-+].*)?")
"""A version, or the beginning of one."""
_LONGEST = 64


def proper(name: str, what: str = "model") -> str:
    """A name that a model or a stage can have.

    Raises:
        UsageError: It can't.
    """
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    like = slug(name)
    raise UsageError(
        f"{name!r} is no name of a {what}: lower-case letters, digits, - and _",
        hint=f"such as {like}" if like else "such as reviews",
    )


def slug(name: str) -> str:
    """A proper name that is like this one; empty where none is."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:_LONGEST].strip("-_")


def reason(message: str | None, otherwise: str = "") -> str:
    """What was given as the reason, in one line of text."""
    plain = (message or "").encode("utf-8", "replace").decode()
    return " ".join(plain.split()) or otherwise


def model(models: Mapping[str, Model], name: str, repository: Repository) -> Model:
    """The model of a name.

    Raises:
        NotFoundError: There is none.
    """
    if name in models:
        return models[name]
    if not models:
        if repository.partial:
            raise NotFoundError(
                "no model is registered in this clone, which has not got all tags and branches",
                hint=repository.fetching,
            )
        raise NotFoundError("no model is registered", hint="mlops models register")
    hint = near(name, models) or f"models: {shown(models)}"
    raise NotFoundError(f"no model {name!r} is registered", hint=hint)


def version(models: Mapping[str, Model], words: str, repository: Repository) -> Version:
    """The version that is meant; of a name alone the highest that is in use.

    Raises:
        NotFoundError: There is no such model, version or stage.
        UsageError: No model is named, or no version.
    """
    name, at, rest = words.partition("@")
    refuse_nameless(models, words)
    found = model(models, name, repository)
    if at and not rest:
        raise UsageError(f"{words!r} names no version", hint=f"{name}@{found.versions[0].version}")
    if rest in found.stages:
        return _of(found, found.stages[rest])
    if rest in ("", LATEST):
        for one in found.versions:
            if not one.deprecated:
                return one
        raise NotFoundError(f"{name} has no version in use", hint=f"mlops models history {name}")
    full, known = f"v{rest.removeprefix('v')}", [one.version for one in found.versions]
    if full in known:
        return _of(found, full)
    allowed = _stages(repository)
    if _VERSION.fullmatch(rest) and rest not in allowed:
        hint = near(full, known, f"{name}@") or f"versions: {shown(known)}"
        raise NotFoundError(f"{name} has no version {full}", hint=hint)
    places = [*found.stages, *known, LATEST]
    hint = "" if rest in allowed else near(rest, places, f"{name}@")
    raise NotFoundError(
        f"no version of {name} is in stage {rest!r}",
        hint=hint or filling(name, rest, allowed),
    )


def refuse_nameless(models: Iterable[str], words: str) -> None:
    """Refuses a version or a stage of no model.

    Raises:
        UsageError: There is none before the @.
    """
    if words.startswith("@"):
        name = next(iter(models), "NAME")
        raise UsageError(f"{words!r} names no model", hint=f"such as {name}{words}")


def filling(name: str, stage: str, allowed: Sequence[str]) -> str:
    """The hint where a stage is empty: how it gets a version, or which stages there are."""
    if allowed and stage not in allowed:
        return f"stages: {shown(allowed)}"
    return f"mlops models promote {name} {stage}"


def _stages(repository: Repository) -> list[str]:
    """The stages that are configured; none where the config can't be read, which is told later."""
    from mlops_cli import config as configs  # Only where something is wrong: it takes long.

    try:
        return list(configs.load_group("registry", [], root=repository.root).stages)
    except MlopsError:
        return []


def stage(stage: str, allowed: Sequence[str]) -> str:
    """A stage that a version may be promoted to.

    Raises:
        UsageError: It can't be the name of one.
        NotFoundError: The settings know no such stage.
    """
    if stage in allowed:
        return stage
    proper(stage, "stage")
    if not allowed:
        return stage
    listed = ",".join([*allowed, stage])
    raise NotFoundError(
        f"there is no stage {stage!r}",
        hint=near(stage, allowed) or f"stages: {shown(allowed)}; more: registry.stages=[{listed}]",
    )


def near(word: str, known: Iterable[str], before: str = "") -> str:
    """The hint that names the nearest; empty where none is near."""
    names, typed = list(known), word.lower()
    begun = [name for name in names if typed and name.startswith(typed)]
    found = begun or get_close_matches(typed, names, n=1)
    return f"did you mean {before}{found[0]}?" if found else ""


def shown(names: Iterable[str], most: int = 8) -> str:
    """Some names, and whether there are more."""
    listed = list(names)
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def pushing(remote: str | None) -> str:
    """What a person types next, so that others have it: bytes first, as a tag starts a release."""
    if remote is None:
        return "mlops push"
    return f"mlops push && git push --follow-tags {remote} {BRANCH}"


def _of(found: Model, version: str) -> Version:
    for one in found.versions:
        if one.version == version:
            return one
    raise NotFoundError(
        f"{found.name} has {version[:12]} in a stage, which was never registered",
        hint=f"mlops models promote {found.name} STAGE puts a version there",
    )
