"""Whether the tags of git say what the entries of the audit log say."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlops_cli.schemas.audit import Problem, Signpost

Known = Mapping[str, tuple[int, Mapping[str, Any]]]
"""The entries of the log by their hash, each with its number."""

_PLACING = ("promote", "rollback", "deprecate")
"""Actions whose tag points to the commit of a version; that of any other points to its own."""


def tags(named: Sequence[Signpost], known: Known) -> Iterator[Problem]:
    """What is wrong with the tags.

    Args:
        named: The tags of the registry.
        known: The entries of the log.
    """
    passed = older(named, known)
    for one in named:
        if one.entry in known:
            yield from _told(one, known, named)
        elif one.entry:
            yield Problem(None, f"it has no entry of {one.tag}, as the tag knows it")
        elif one.tag not in passed:
            where = _where(one, known)
            said = f"it has no entry of {one.tag}, which points to {where}: not made by mlops"
            yield Problem(None, said, one.tag)
    there = {one.entry: one for one in named if _names(one, known)}
    for digest, (number, entry) in known.items():
        if digest not in there:
            yield Problem(number, f"the tag {entry.get('tag')} is gone, or another one")
    for model in {one.model for one in there.values() if one.model}:
        ours = [there[digest] for digest in known if digest in there]
        for before, after in pairwise(one for one in ours if one.model == model):
            if after.at <= before.at:
                said = f"the tag {after.tag} is not later than {before.tag}, as the entry is"
                yield Problem(known[after.entry][0], said, after.tag)


def older(named: Sequence[Signpost], known: Known) -> list[str]:
    """Tags that no entry knows, as another tool made them before the log began.

    The time of a tag is what its maker says: one that points to a commit of the log is never older.
    """
    first = min((one.at for one in named if one.entry in known), default=0)
    return [
        one.tag for one in named if not (one.entry or one.newest or one.stray) and one.at < first
    ]


def _told(one: Signpost, known: Known, named: Sequence[Signpost]) -> Iterator[Problem]:
    """What is wrong with a tag that names an entry."""
    number, entry = known[one.entry]
    if not _names(one, known):
        yield Problem(number, f"the tag {one.tag} says it is its entry", one.tag)
    elif not _right(one, known, named):
        version = _version(entry)
        meant = version if entry.get("action") in (*_PLACING, "register") else "its own"
        said = f"the tag {one.tag} points to {_where(one, known)}, where the entry says {meant}"
        yield Problem(number, said, one.tag)


def _names(one: Signpost, known: Known) -> bool:
    """Whether a tag and its entry name each other."""
    return one.entry in known and known[one.entry][1].get("tag") == one.tag


def _right(one: Signpost, known: Known, named: Sequence[Signpost]) -> bool:
    """Whether a tag points to the commit that its entry is of."""
    _, entry = known[one.entry]
    if one.stray:
        return False
    if entry.get("action") not in _PLACING:
        return one.newest == one.entry
    # Of a version that another tool registered there is no entry, but a tag.
    _, made = known.get(one.newest, (0, {}))
    found = {_version(made)} if made.get("action") == "register" else set()
    if not one.newest:
        found = {f"{tag.model}@{tag.version}" for tag in named if tag.target == one.target}
    if entry.get("version") is None:  # The whole model, by any of its versions.
        return any(version.startswith(f"{entry.get('model')}@") for version in found)
    return _version(entry) in found


def _where(one: Signpost, known: Known) -> str:
    """What a tag points to, in words."""
    number, made = known.get("" if one.stray else one.newest, (0, {}))
    if made.get("action") == "register":
        return _version(made)
    return (
        f"the commit of entry {number}" if number else f"{one.target[:12]}, which is not of the log"
    )


def _version(entry: Mapping[str, Any]) -> str:
    """The version that an entry is of, or the model where it is of a whole one."""
    version = entry.get("version")
    return f"{entry.get('model')}@{version}" if version else str(entry.get("model"))
