"""Stage `audit verify`: whether the log is what was written, and says what the tags say."""

import shlex
from dataclasses import replace
from pathlib import Path

from mlops_cli.errors import GateError, NotFoundError
from mlops_cli.project import run_git
from mlops_cli.registry import audit, records, tags
from mlops_cli.registry.repository import Repository, open_repository
from mlops_cli.schemas.audit import AuditResult, Signpost


def run(root: Path) -> AuditResult:
    """Checks every entry of the audit log.

    Raises:
        NotFoundError: There is no log, this clone has not got it, or it is another project's.
    """
    repository = open_repository(root)
    audit.require_ours(repository)
    log, found = audit.read(repository), tags.signposts(repository)
    if not log and not any(one.entry for one in found):
        hint = repository.fetching if repository.partial else "mlops models register begins one"
        raise NotFoundError("there is no audit log: no model was ever registered", hint=hint)
    if repository.tip is None:
        raise NotFoundError(
            "the branch that the audit log is on is not in this clone", hint=repository.fetching
        )
    listed = run_git(repository.top, "rev-list", repository.tip)
    ours = None if repository.shallow else frozenset((listed or b"").decode().split())
    return audit.check(log, [_followed(repository, one, ours) for one in found])


def require(result: AuditResult) -> None:
    """Raises GateError naming the first entry that is wrong."""
    if not result.problems:
        return
    first = result.problems[0]
    where = f"entry {first.entry}" if first.entry else "the audit log"
    more = len(result.problems) - 1
    raise GateError(
        f"{where}: {first.said}" + (f" ({more} more)" if more else ""),
        hint=f"git cat-file tag {shlex.quote(first.tag)} shows who made it"
        if first.tag
        else "git log -p mlops-registry -- models/audit.jsonl shows who changed it",
    )


def _followed(repository: Repository, one: Signpost, ours: frozenset[str] | None) -> Signpost:
    """A tag with what the commit that it points to says.

    Args:
        repository: Where.
        one: The tag.
        ours: The commits of the branch; None where this clone has not got all of them.
    """
    if newest := audit.newest(repository, one.target):
        return replace(one, newest=newest, stray=ours is not None and one.target not in ours)
    record = repository.read(one.target, f"{records.FOLDER}/{one.model}.json")
    return replace(one, stray=record is not None)
