"""Versions of the function, and the alias that says which of them answers, and on trial."""

import json
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from mlops_cli.errors import GateError, MissingDependencyError, MlopsError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.deploy import Live, Trial
from mlops_cli.serving import auth
from mlops_cli.serving.auth import ENVIRONMENT, Key
from mlops_cli.targets import Order, Place, keys
from mlops_cli.targets.aws_lambda.session import asked, client, found

LIVE = "live"
"""Name of the alias that the API asks."""
APPLIED, URL = "mlops:terraform", "mlops:url"
"""Tags of the function: what Terraform was given last, and where the API is."""
_QUESTION = b'{"mlops": "version"}'
_DESCRIBED = re.compile(r"(?P<model>\S+) bundle:(?P<bundle>\S+) image:(?P<image>\S*)")
_EVERY = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Function:
    """What AWS knows of the function.

    Attributes:
        config: The configuration of what was changed last.
        tags: Its tags.
    """

    config: dict[str, Any]
    tags: dict[str, str]

    @property
    def keys(self) -> list[Key]:
        """The API keys that it takes."""
        return [*auth.parsed(_variables(self.config).get(ENVIRONMENT, ""))]


def described(order: Order) -> str:
    """What a version is described with: what it answers with."""
    digest = order.image.digest if order.image else ""
    model = re.sub(r"\s+", "-", order.model)[:90]
    return f"{model} bundle:{order.bundle.digest} image:{digest}"


def function(place: Place) -> Function | None:
    """The function; None where there is none.

    Raises:
        MlopsError: AWS does not tell.
    """
    asking = client(place, "lambda")
    with asked(place):
        told = found(asking.get_function, FunctionName=place.name)
    return Function(told["Configuration"], told.get("Tags") or {}) if told else None


def keys_of(place: Place, known: Function | None) -> list[Key]:
    """The API keys of the function: those that are given, else those that it has."""
    return keys.listed(place.serve, known.keys if known else ())


def publish(order: Order, given: str, reporter: Reporter) -> str:
    """The version that answers with what was ordered, by its number; made unless it is there.

    Args:
        order: What to answer with.
        given: The API keys, as the environment has them.
        reporter: Told of progress.

    Raises:
        MlopsError: AWS refuses, or the image does not get ready.
    """
    place = order.place
    asking = client(place, "lambda")
    environment = {ENVIRONMENT: given} if given else {}
    with asked(place):
        now = asking.get_function_configuration(FunctionName=place.name)
        wanted = _kind(now) | {"Description": described(order), "Environment": environment}
        for one in _listed(asking, place):
            if _kind(one) == wanted:
                _settle(place, one["Version"])
                return str(one["Version"])
        assert order.image is not None
        reporter.info(f"giving {place.name} the image of {order.model}")
        _settle(place)
        asking.update_function_code(
            FunctionName=place.name,
            ImageUri=order.image.reference,
            Architectures=now["Architectures"],
        )
        now = _settle(place)
        if _variables(now) != environment:
            asking.update_function_configuration(
                FunctionName=place.name, Environment={"Variables": environment}
            )
            now = _settle(place)
        # Of a revision: what somebody else has changed meanwhile is not what was ordered.
        made = asking.publish_version(
            FunctionName=place.name, Description=described(order), **_revision(now)
        )
    _settle(place, made["Version"])
    return str(made["Version"])


def prove(order: Order, number: str, reporter: Reporter) -> None:
    """Asks a version what it answers with, before anybody else asks it.

    Raises:
        GateError: It is another bundle.
        MlopsError: It does not answer.
    """
    place = order.place
    began = time.monotonic()
    try:
        with asked(place):
            told = client(place, "lambda").invoke(
                FunctionName=place.name, Qualifier=number, Payload=_QUESTION
            )
    except MissingDependencyError as error:
        reporter.warn(f"version {number} can't be asked what it answers with: {error.message}")
        return
    said = told["Payload"].read()
    if told.get("FunctionError") or told["StatusCode"] != HTTPStatus.OK:
        raise MlopsError(
            f"version {number} does not answer: {_reason(said)}",
            hint=f"its log tells more: aws logs tail /aws/lambda/{place.name}",
        )
    digest = str(_read(said).get("digest"))
    if digest != order.bundle.digest:
        raise GateError(
            f"version {number} answers with the bundle {digest[:12]}, not "
            f"{order.bundle.digest[:12]}"
        )
    reporter.info(f"version {number} answers with {digest[:12]}, {time.monotonic() - began:.1f} s")


def lead(place: Place, number: str | None, trial: tuple[str, float] | None = None) -> bool:
    """Has the alias lead to a version, and a share of the requests to another one.

    Args:
        place: Where.
        number: The version; None leaves the one that answers.
        trial: Another version and its share.

    Returns:
        Whether it was otherwise before.

    Raises:
        MlopsError: AWS refuses, or somebody else moves it at the same time.
    """
    asking = client(place, "lambda")
    with asked(place):
        now = asking.get_alias(FunctionName=place.name, Name=LIVE)
        weights = {trial[0]: trial[1]} if trial else {}
        wanted = (number or now["FunctionVersion"], weights)
        if wanted == (now["FunctionVersion"], _weights(now)):
            return False
        asking.update_alias(
            FunctionName=place.name,
            Name=LIVE,
            FunctionVersion=wanted[0],
            RoutingConfig={"AdditionalVersionWeights": weights},
            **_revision(now),
        )
    return True


def look(place: Place, where: str) -> Live:
    """What answers, and what is on trial, as the alias says.

    Raises:
        MlopsError: AWS does not tell.
    """
    known = function(place)
    if known is None:
        return Live("absent", where)
    asking = client(place, "lambda")
    with asked(place):
        alias = found(asking.get_alias, FunctionName=place.name, Name=LIVE)
        if alias is None:
            return Live("stopped", where, said="no alias leads to the function")
        told = {one["Version"]: one for one in _listed(asking, place)}
    number, canary = alias["FunctionVersion"], None
    for other, share in _weights(alias).items():
        facts = _told(told.get(other, {}))
        canary = Trial(share, facts.get("bundle"), f"version {other}, {facts.get('model', '?')}")
    facts, said = _told(told.get(number, {})), f"version {number}"
    if URL in known.tags:
        said = f"{known.tags[URL]} asks version {number}"
    state = "failing" if told.get(number, {}).get("State") == "Failed" else "running"
    return Live(state, where, facts.get("bundle"), facts.get("image") or None, canary, said)


def note(place: Place, known: Function, tags: dict[str, str]) -> None:
    """Writes tags of ours on the function."""
    with asked(place):
        client(place, "lambda").tag_resource(Resource=known.config["FunctionArn"], Tags=tags)


def _settle(place: Place, number: str | None = None) -> dict[str, Any]:
    """Waits until a version, or what was changed last, is ready; its configuration."""
    asking, until = client(place, "lambda"), time.monotonic() + place.config.seconds
    which = {"Qualifier": number} if number else {}
    while True:
        now: dict[str, Any] = asking.get_function_configuration(FunctionName=place.name, **which)
        state, update = now.get("State", "Active"), now.get("LastUpdateStatus", "Successful")
        if "Failed" in (state, update):
            reason = now.get("LastUpdateStatusReason") or now.get("StateReason") or "no reason told"
            raise MlopsError(f"Lambda could not take it: {reason}")
        if state in ("Active", "Inactive") and update == "Successful":
            return now
        if time.monotonic() > until:
            raise MlopsError(
                f"it was not ready within {place.config.seconds:g} s",
                hint="target.seconds gives it more time",
            )
        time.sleep(_EVERY)


def _listed(asking: Any, place: Place) -> list[dict[str, Any]]:
    """The published versions, the newest first."""
    pages = asking.get_paginator("list_versions_by_function").paginate(FunctionName=place.name)
    found = [one for page in pages for one in page["Versions"] if one["Version"].isdigit()]
    return sorted(found, key=lambda one: -int(one["Version"]))


def _revision(now: dict[str, Any]) -> dict[str, str]:
    """What AWS refuses a change by, where somebody else was quicker; an emulator has none."""
    return {"RevisionId": now["RevisionId"]} if now.get("RevisionId") else {}


def _kind(one: dict[str, Any]) -> dict[str, Any]:
    """What makes two versions the same."""
    return {
        "Description": one.get("Description", ""),
        "Environment": _variables(one),
        "MemorySize": one.get("MemorySize"),
        "Timeout": one.get("Timeout"),
    }


def _variables(config: dict[str, Any]) -> dict[str, str]:
    return dict((config.get("Environment") or {}).get("Variables") or {})


def _weights(alias: dict[str, Any]) -> dict[str, float]:
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})


def _told(one: dict[str, Any]) -> dict[str, str]:
    """What the description of a version tells."""
    said = _DESCRIBED.fullmatch(one.get("Description") or "")
    return said.groupdict() if said else {}


def _read(said: bytes) -> dict[str, Any]:
    try:
        told = json.loads(said)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _reason(said: bytes) -> str:
    told = _read(said)
    words = told.get("errorMessage") or said.decode("utf-8", "replace")
    return " ".join(str(words).split())[:300] or "it says nothing"
