"""One change of the registry: an entry of the audit log, a commit and a tag, all or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_cli.registry import audit, tags
from mlops_cli.registry.repository import Repository
from mlops_cli.schemas.versions import Model


@dataclass(frozen=True)
class Change:
    """What is to be done.

    Attributes:
        action: register, promote, rollback, deprecate, sign, refuse, or one of a deployment.
        model: Name of the model.
        tag: The tag that will say so.
        why: What for.
        version: The version; None for the whole model.
        target: The commit that the tag points to; None for the one that is made now.
        facts: What else the log is to keep: stage, from, to, gates.
        said: The change in one line; empty where action and facts tell it.
    """

    action: str
    model: str
    tag: str
    why: str
    version: str | None = None
    target: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""


def write(
    repository: Repository,
    known: Model | None,
    change: Change,
    *,
    files: Mapping[str, bytes] | None = None,
    parents: Sequence[str] = (),
    committed: Sequence[str] = (),
) -> str:
    """Does it.

    Args:
        repository: Where.
        known: The model as it is; None where it is a new one.
        change: What is to be done.
        files: What the commit changes beside the log.
        parents: Commits that it comes from.
        committed: What the commit takes over from HEAD, files and folders of the project.

    Returns:
        The commit.

    Raises:
        MissingDependencyError: Git does not know who works here.
        MlopsError: Somebody else changed the registry meanwhile.
    """
    audit.require_writable(repository)
    log, by = audit.read(repository), repository.identity()
    what = {
        "model": change.model,
        "version": change.version,
        **change.facts,
        "why": change.why,
        "tag": change.tag,
    }
    made = audit.entry(log, by, change.action, what)
    text = tags.message(_said(change), change.why, change.action, made["hash"])
    tag = tags.new(change.tag, change.target, text, known)
    files = {**(files or {}), audit.FILE: audit.extended(log, made)}
    text = f"{_said(change)}\n\n{change.why}".strip()
    return repository.write(files, parents, text, tag, committed=committed)


def _said(change: Change) -> str:
    """The change in one line."""
    if change.said:
        return change.said
    name = f"{change.model}@{change.version}" if change.version else change.model
    verb = {
        "promote": "Promote",
        "rollback": "Roll back to",
        "register": "Register",
        "sign": "Sign",
        "refuse": "Refuse",
    }
    stage = f" to {change.facts['stage']}" if change.action in ("promote", "refuse") else ""
    if change.action == "rollback":
        stage = f" in {change.facts['stage']}"
    return f"{verb.get(change.action, 'Deprecate')} {name}{stage}"
