"""What is deployed where: entries of the audit log, and what they come to.

A deployment is recorded once the target has it. Its entries tell, the newest last:

    deploy    a version answers there from now on
    canary    one is on trial with a share of the requests
    withdraw  the trial is over
    revert    the version before answers again
    destroy   nothing answers there
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_cli.errors import NotFoundError
from mlops_cli.registry import audit, tags, writing
from mlops_cli.registry.repository import Repository
from mlops_cli.schemas.deploy import Deployment

_SAID = {
    "deploy": "Deploy {} to {}",
    "canary": "Try {} on {}",
    "withdraw": "End the trial of {} on {}",
    "revert": "Go back to {} on {}",
    "destroy": "Take {} down from {}",
}


@dataclass(frozen=True)
class Now:
    """What one deployment has.

    Attributes:
        current: The entry of what answers; None where nothing does.
        canary: The entry of what is on trial; None where nothing is.
        before: What answered there before, the newest last; what was gone back from is not in it.
    """

    current: Deployment | None
    canary: Deployment | None
    before: Sequence[Deployment]


def read(repository: Repository) -> list[Deployment]:
    """Every entry of the record, the oldest first."""
    return [_parsed(one) for one in audit.entries(audit.read(repository), audit.DEPLOYING)]


def require_record(repository: Repository) -> None:
    """Refuses to take it for a record without an entry that a clone has not got it.

    Raises:
        NotFoundError: It has not, as a shallow one.
    """
    if repository.tip is None and repository.partial:
        raise NotFoundError(
            "what is deployed is not in this clone, which has not got all tags and branches",
            hint=repository.fetching,
        )


def now(entries: Iterable[Deployment], target: str, name: str) -> Now:
    """What a deployment comes to.

    Args:
        entries: The record.
        target: The target.
        name: Name of the deployment there.
    """
    stack: list[Deployment] = []
    canary: Deployment | None = None
    for one in entries:
        if (one.target, one.name) != (target, name):
            continue
        canary = one if one.action == "canary" else None
        if one.action == "destroy":
            stack.clear()
        elif one.action == "revert":
            # The newest entry says since when, and it lies where the one gone back to lay.
            stack.pop()
            while stack and stack[-1].bundle != one.bundle:
                stack.pop()
            stack[-1:] = [one]
        elif one.action == "deploy":
            # The same with other settings is nothing to go back to.
            same = stack and (stack[-1].bundle, stack[-1].image) == (one.bundle, one.image)
            stack[len(stack) - bool(same) :] = [one]
    return Now(stack[-1] if stack else None, canary, stack[:-1])


def places(entries: Iterable[Deployment]) -> list[tuple[str, str]]:
    """Target and name of every deployment that there ever was, in order."""
    return sorted({(one.target, one.name) for one in entries})


def spans(entries: Iterable[Deployment], model: str, version: str) -> list[dict[str, Any]]:
    """Where a version is deployed and was, the oldest first.

    Returns:
        Of each: target, name, where, share, since when, and until when.
    """
    found: list[dict[str, Any]] = []
    for one in entries:
        for span in found:
            same = (span["target"], span["name"]) == (one.target, one.name)
            # A trial beside it leaves what answers where it is.
            over = span["share"] is not None or one.action in ("deploy", "revert", "destroy")
            if same and over and span["until"] is None:
                span["until"] = one.at
        if (one.model, one.version) == (model, version) and one.action not in (
            "destroy",
            "withdraw",
        ):
            found.append(
                {
                    "target": one.target,
                    "name": one.name,
                    "where": one.where,
                    "share": one.share,
                    "since": one.at,
                    "until": None,
                }
            )
    return found


def write(repository: Repository, what: Deployment) -> Deployment:
    """Adds an entry to the record; who, when and its hash are filled in.

    Raises:
        MissingDependencyError: Git does not know who works here.
        MlopsError: The registry was changed by somebody else meanwhile.
    """
    repository.look()
    facts = {
        "target": what.target,
        "deployment": what.name,
        "where": what.where,
        "run": what.run,
        "bundle": what.bundle,
        "image": what.image,
        "image_digest": what.image_digest,
        "share": what.share,
        "before": what.before,
        "settings": what.settings,
    }
    place = f"{what.target} ({what.name})"
    change = writing.Change(
        what.action,
        what.model,
        tags.noted(audit.read(repository)),
        what.why,
        what.version or None,
        facts=facts,
        said=_SAID[what.action].format(what.called, place),
    )
    writing.write(repository, None, change)
    return read(repository)[-1]


def _parsed(one: dict[str, Any]) -> Deployment:
    share = one.get("share")
    words = {
        name: str(one.get(name) or "")
        for name in (
            "at", "by", "action", "target", "where", "model", "version", "run", "bundle", "image",
            "image_digest", "before", "why",
        )
    }  # fmt: skip
    return Deployment(
        **words,
        name=str(one.get("deployment") or ""),
        settings=[str(word) for word in one.get("settings") or ()],
        share=float(share) if isinstance(share, int | float) else None,
        entry=str(one.get("hash") or ""),
    )
