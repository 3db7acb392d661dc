"""The audit log: one entry a line, each chained to the last by hash, and named by its tag of git.

An entry's `hash` is the SHA-256 of the entry without it, and `previous` is the hash of the one
before. Whoever edits, removes or moves an entry breaks the chain; whoever writes the chain anew, or
cuts off its end, has the tags against them, each of which names the hash of its entry. Whoever lets
a tag point elsewhere has the commits against them, each of which has the log up to its own entry.
"""

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlops_cli.errors import MlopsError, NotFoundError
from mlops_cli.project import run_git
from mlops_cli.registry import checking
from mlops_cli.registry.repository import BRANCH, Repository
from mlops_cli.schemas.audit import AuditResult, Problem, Signpost
from mlops_cli.schemas.versions import Event
from mlops_cli.tracking.record import now

FILE = "models/audit.jsonl"
"""Where the log is, on the branch of the registry."""
DEPLOYING = ("deploy", "canary", "withdraw", "revert", "destroy")
"""Actions of deployments; see `deployments`."""
_BESIDE = ("sign", "refuse", *DEPLOYING)
"""Actions that no tag of a version or a stage tells."""


def read(repository: Repository) -> bytes:
    """The log as the registry has it; empty where there is none."""
    return (repository.tip and repository.read(repository.tip, FILE)) or b""


def newest(repository: Repository, commit: str) -> str:
    """Hash of the newest entry in the log of a commit; empty where it has none."""
    lines = (repository.read(commit, FILE) or b"").splitlines()
    return str(((lines and _parsed(lines[-1])) or {}).get("hash", ""))


def entry(log: bytes, by: str, action: str, what: Mapping[str, Any]) -> dict[str, Any]:
    """The next entry.

    Args:
        log: The log so far.
        by: Who does it.
        action: What is done.
        what: Model, version and whatever else is to be known of it.
    """
    lines = log.splitlines()
    last = _parsed(lines[-1]) if lines else None
    made = {"seq": len(lines) + 1, "at": now(), "by": by, "action": action, **what}
    made["previous"] = str(last["hash"]) if last and "hash" in last else ""
    return {**made, "hash": _hash(made)}


def extended(log: bytes, made: Mapping[str, Any]) -> bytes:
    """The log with one entry more."""
    return log + _line(made) + b"\n"


def entries(log: bytes, actions: Iterable[str]) -> list[dict[str, Any]]:
    """The entries of some actions, the oldest first."""
    wanted = frozenset(actions)
    found = map(_parsed, log.splitlines())
    return [one for one in found if one and one.get("action") in wanted]


def events(log: bytes, model: str) -> list[Event]:
    """What happened to a model without changing a version or a stage, the oldest first."""
    found = [one for one in entries(log, _BESIDE) if one.get("model") == model]
    return [
        Event(
            **{name: str(one.get(name) or "") for name in ("at", "by", "action", "version")},
            stage=str(one.get("stage") or ""),
            before=str(one.get("before") or ""),
            why=str(one.get("why") or "; ".join(one.get("reasons") or ())),
            tag=str(one.get("tag")),
            entry=str(one.get("hash")),
            where=" ".join(str(one[name]) for name in ("target", "where") if one.get(name)),
        )
        for one in found
    ]


def places(log: bytes) -> dict[str, int]:
    """The place of each entry in the log, by its hash."""
    found = (_parsed(line) for line in log.splitlines())
    return {str(one.get("hash")): number for number, one in enumerate(found) if one}


def check(log: bytes, named: Sequence[Signpost]) -> AuditResult:
    """Holds every entry against its hash, the one before it, and the tags.

    Args:
        log: The log.
        named: The tags of the registry.
    """
    problems: list[Problem] = []
    previous, known = "", dict[str, tuple[int, dict[str, Any]]]()
    lines = log.splitlines()
    for number, line in enumerate(lines, 1):
        found = _parsed(line)
        if found is None:
            problems.append(Problem(number, "it can't be read"))
            previous = ""
            continue
        problems += [Problem(number, said) for said in _wrong(found, line, number, previous)]
        previous = str(found.get("hash", ""))
        known[previous] = number, found
    problems += checking.tags(named, known)
    ordered = sorted(problems, key=lambda one: one.entry or len(lines) + 1)
    told = sum(bool(one.entry) for one in named)
    return AuditResult(len(lines), told, previous, ordered, checking.older(named, known))


def require_ours(repository: Repository) -> None:
    """Refuses a repository that keeps another project's registry: tags are of all of it.

    Raises:
        NotFoundError: It does.
    """
    if repository.tip is None or repository.read(repository.tip, FILE) is not None:
        return
    words = ("ls-tree", "-rz", "--full-tree", "--name-only", repository.tip)
    names = (run_git(repository.top, *words) or b"").decode("utf-8", "replace").split("\0")
    for name in names:
        if name == FILE or name.endswith(f"/{FILE}"):
            raise NotFoundError(
                f"this repository keeps the registry of another project, that in "
                f"{repository.top / name.removesuffix(FILE)}",
                hint="give each project a repository of its own; a project that has models "
                "registered keeps its place in it",
            )


def require_writable(repository: Repository) -> None:
    """Refuses to go on with a log that went another way at the git remote.

    Raises:
        MlopsError: It did, or the branch is checked out, where it would move below its files.
    """
    if repository.checked_out:
        raise MlopsError(f"{BRANCH} is checked out, and is not worked on", hint="git switch -")
    if repository.apart is None:
        return
    ours, theirs = ((repository.read(tip, FILE) or b"").splitlines() for tip in repository.apart)
    own = [str((_parsed(line) or {}).get("tag")) for line in ours if line not in theirs]
    branch = f"git branch -f {BRANCH} {repository.remote}/{BRANCH}"
    raise MlopsError(
        f"{BRANCH} here and at the git remote went different ways",
        hint=f"take theirs, then do it again: {branch} && {shlex.join(['git', 'tag', '-d', *own])}",
    )


def _wrong(found: Mapping[str, Any], line: bytes, number: int, previous: str) -> list[str]:
    """What is wrong with one entry."""
    said = []
    rest = {name: value for name, value in found.items() if name != "hash"}
    if found.get("hash") != _hash(rest) or _line(found) != line:
        said.append("it was changed: its content has another hash")
    if found.get("seq") != number:
        said.append(f"it is entry {found.get('seq')}, out of its place")
    if found.get("previous") != previous:
        said.append("it does not follow the entry before it")
    return said


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _line(made: Mapping[str, Any]) -> bytes:
    return json.dumps(made, ensure_ascii=False, allow_nan=False).encode()


def _hash(made: Mapping[str, Any]) -> str:
    plain = json.dumps(made, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()
