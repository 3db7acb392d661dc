"""Stage `audit verify`: whether the log is what was written, and says what the tags say."""

from pathlib import Path

from mlops_cli.errors import GateError, NotFoundError
from mlops_cli.registry import audit, tags
from mlops_cli.registry.reading import opened
from mlops_cli.schemas.audit import AuditResult


def run(root: Path) -> AuditResult:
    """Checks every entry of the audit log.

    Raises:
        NotFoundError: There is no log, or this clone has not got it.
    """
    repository, models = opened(root)
    log = audit.read(repository)
    named = [(event.entry, event.tag) for model in models.values() for event in model.events]
    named += [(entry, tag) for tag, entry in tags.notes(repository).items()]
    if not log and not any(entry for entry, _ in named):
        hint = repository.fetching if repository.partial else "mlops models register begins one"
        raise NotFoundError("there is no audit log: no model was ever registered", hint=hint)
    if repository.tip is None:
        raise NotFoundError(
            "the branch that the audit log is on is not in this clone", hint=repository.fetching
        )
    return audit.check(log, named)


def require(result: AuditResult) -> None:
    """Raises GateError naming the first entry that is wrong."""
    if not result.problems:
        return
    first = result.problems[0]
    where = f"entry {first.entry}" if first.entry else "the audit log"
    more = len(result.problems) - 1
    raise GateError(
        f"{where}: {first.said}" + (f" ({more} more)" if more else ""),
        hint="git log -p mlops-registry -- models/audit.jsonl shows who changed it",
    )
