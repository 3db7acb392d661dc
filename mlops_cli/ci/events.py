"""What is to have happened: the event, its branch or tag, its inputs, and what is told of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.ci.evaluation import Open
from mlops_cli.ci.workflows import Workflow
from mlops_cli.config.suggest import nearest
from mlops_cli.errors import ConfigError, NotFoundError, UsageError
from mlops_cli.reporting import Reporter

_PREFERRED = ("push", "pull_request", "workflow_dispatch", "schedule")
DISPATCH = "workflow_dispatch"


@dataclass(frozen=True)
class Event:
    """What is to have happened.

    Attributes:
        name: GitHub's name of it.
        branch: The branch that it is about; empty where a tag is pushed.
        tag: The tag; empty where there is none.
        base: The branch that a pull request goes to.
        inputs: Of a dispatch, by name.
        payload: What GitHub would send, as far as that is known.
    """

    name: str
    branch: str
    tag: str
    base: str
    inputs: Mapping[str, Any]
    payload: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """The ref, as git writes it in full."""
        if self.tag:
            return f"refs/tags/{self.tag}"
        request = self.name.startswith("pull_request")
        return "refs/pull/1/merge" if request else f"refs/heads/{self.branch}"


def choose(workflow: Workflow, asked: str | None, *, dispatched: bool = False) -> str:
    """The event to play.

    Args:
        workflow: The workflow.
        asked: What was asked for.
        dispatched: Inputs were typed, which only a dispatch has.

    Raises:
        UsageError: The workflow does not answer to it.
    """
    if asked is None:
        order = (DISPATCH, *_PREFERRED) if dispatched else _PREFERRED
        return [*(one for one in order if one in workflow.events), *workflow.events][0]
    if asked not in workflow.events:
        raise UsageError(
            f"{workflow.file} does not answer to {asked!r}",
            hint="it answers to " + ", ".join(workflow.events),
        )
    return asked


def tag_for(workflow: Workflow, event: str, asked: str | None, tags: Sequence[str]) -> str:
    """The tag that is to have been pushed; empty where a branch is.

    Args:
        workflow: The workflow.
        event: What is to have happened.
        asked: The tag that was asked for.
        tags: Those that there are, the newest first.

    Raises:
        NotFoundError: There is no such tag.
        UsageError: The workflow is for tags, and there is none that it takes.
    """
    if asked is not None:
        if asked not in tags:
            raise NotFoundError(f"there is no tag {asked!r}", hint="git tag --list")
        return asked
    filters = workflow.events[event]
    if event != "push" or "tags" not in filters or "branches" in filters:
        return ""
    found = next((tag for tag in tags if matches(tag, filters["tags"])), None)
    if found is None:
        said = ", ".join(map(str, _listed(filters["tags"])))
        raise UsageError(
            f"{workflow.file} is for tags like {said}, and there is none",
            hint="make one here, then --tag NAME",
        )
    return found


def inputs(workflow: Workflow, event: str, typed: Sequence[str]) -> dict[str, Any]:
    """The inputs of a dispatch: those that were typed, and defaults.

    Raises:
        UsageError: One is unknown, missing, or of another kind.
    """
    declared: Mapping[str, Any] = workflow.events.get(DISPATCH, {}).get("inputs") or {}
    given = pairs(typed, "--input")
    if given and event != DISPATCH:
        raise UsageError(
            f"inputs go with --event {DISPATCH}, and this is {event}",
            hint=f"--event {DISPATCH}" if DISPATCH in workflow.events else "leave --input out",
        )
    for name in given:
        if name not in declared:
            raise UsageError(f"{workflow.file} has no input {name!r}", hint=_alike(name, declared))
    if event != DISPATCH:
        return {}
    return {name: _input(name, told or {}, given.get(name)) for name, told in declared.items()}


def payload(event: Event, file: Path | None, repository: str, sha: str) -> Mapping[str, Any]:
    """What GitHub would send: what a file says, else what is known here.

    Raises:
        ConfigError: The file holds no JSON object.
        NotFoundError: It is not there.
    """
    if file is not None:
        try:
            told = json.loads(file.read_text("utf-8"))
        except OSError as error:
            raise NotFoundError(f"{file} can't be read", hint="--payload FILE") from error
        except ValueError as error:
            raise ConfigError(f"{file} holds no JSON: {error}") from error
        if not isinstance(told, dict):
            raise ConfigError(f"{file} holds no JSON object")
        return told
    owner, _, name = repository.partition("/")
    place = Open(
        "github.event.repository",
        {
            "name": name,
            "full_name": repository,
            "default_branch": event.base,
            "owner": Open("github.event.repository.owner", {"login": owner}),
        },
    )
    known: dict[str, Any] = {"repository": place}
    if event.name == "push":
        known |= {"ref": event.ref, "after": sha, "deleted": False, "forced": False}
    elif event.name == DISPATCH:
        known |= {"ref": event.ref, "inputs": dict(event.inputs)}
    elif event.name.startswith("pull_request"):
        about = "github.event.pull_request"
        head = Open(f"{about}.head", {"ref": event.branch, "sha": sha})
        known["pull_request"] = Open(
            about, {"head": head, "base": Open(f"{about}.base", {"ref": event.base})}
        )
    return Open("github.event", known)


def tell_filters(workflow: Workflow, event: Event, reporter: Reporter) -> None:
    """Says where GitHub would not run a workflow that is played all the same."""
    filters = workflow.events[event.name]
    kind, name = ("tags", event.tag) if event.tag else ("branches", event.branch)
    name = event.base if event.name.startswith("pull_request") else name
    wanted, ignored = filters.get(kind), filters.get(f"{kind}-ignore")
    if (wanted is not None and not matches(name, wanted)) or (
        ignored is not None and matches(name, ignored)
    ):
        reporter.warn(f"GitHub would not run {workflow.file}: its {kind} do not take {name}")


def matches(name: str, patterns: Any) -> bool:
    """Whether a branch or tag is among those of a filter, whose last match counts.

    Raises:
        ConfigError: A pattern is none.
    """
    taken = False
    for pattern in map(str, _listed(patterns)):
        try:
            found = re.fullmatch(_expression(pattern.removeprefix("!")), name)
        except re.error as error:
            raise ConfigError(f"{pattern!r} is no pattern of names: {error}") from error
        if found:
            taken = not pattern.startswith("!")
    return taken


def pairs(typed: Sequence[str], option: str) -> dict[str, str]:
    """What was typed as NAME=VALUE.

    Raises:
        UsageError: There is no `=`.
    """
    for one in typed:
        if "=" not in one or one.startswith("="):
            raise UsageError(f"{option} {one!r} has no value", hint=f"{option} NAME=VALUE")
    return {name: value for name, _, value in (one.partition("=") for one in typed)}


def _input(name: str, told: Mapping[str, Any], given: str | None) -> Any:
    value = given if given is not None else told.get("default")
    kind = told.get("type", "string")
    if value is None and told.get("required"):
        raise UsageError(f"the input {name!r} has to be given", hint=f"--input {name}=VALUE")
    if kind == "boolean":
        if str(value).lower() not in ("true", "false", "none"):
            raise UsageError(f"the input {name!r} is true or false", hint=f"--input {name}=true")
        return str(value).lower() == "true"
    if kind == "choice" and value is not None and value not in told.get("options", ()):
        options = ", ".join(map(str, told.get("options", ())))
        raise UsageError(f"the input {name!r} is none of its options", hint=f"there are {options}")
    return "" if value is None else value


def _alike(name: str, declared: Mapping[str, Any]) -> str:
    if not declared:
        return "it has none"
    close = nearest(name, declared)
    return f"did you mean {close}?" if close else "it has " + ", ".join(declared)


def _listed(patterns: Any) -> Sequence[Any]:
    return patterns if isinstance(patterns, list) else [patterns]


def _expression(pattern: str) -> str:
    """A filter of GitHub's as a regular expression: `*` stops at a slash, `+` and `?` repeat."""
    found = ""
    for part in re.findall(r"\*\*|\[[^\]]+\]|\\.|.", pattern):
        if part in ("*", "**"):
            found += ".*" if part == "**" else "[^/]*"
        elif part in "?+" or part[0] in "[\\":
            found += part
        else:
            found += re.escape(part)
    return found
