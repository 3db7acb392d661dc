"""What is kept of a version that was not let into a stage: an entry of the audit log."""

from collections.abc import Sequence
from dataclasses import asdict

from mlops_cli.errors import GateError, MlopsError
from mlops_cli.registry import audit, tags, writing
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.versions import Check, Model, Version

SIGNED = "signed"
"""The check that nothing passes over: what is refused here would not be served either."""


def refuse(
    repository: Repository,
    known: Model,
    version: Version,
    stage: str,
    *,
    checks: Sequence[Check],
    reporter: Reporter,
    why: str = "",
) -> GateError:
    """Writes down that a version was refused, and says why.

    Args:
        repository: Where the versions are.
        known: The model.
        version: The version.
        stage: Where it wanted to.
        checks: What every gate said.
        reporter: Told of each.
        why: What it was wanted there for.

    Returns:
        What to raise.
    """
    for check in checks:
        reporter.info(f"{'passed' if check.passed else 'failed'}: {check.name}: {check.said}")
    failed = [check for check in checks if not check.passed]
    said = [f"{check.name}: {check.said}" for check in failed]
    facts = {
        "stage": stage,
        "from": known.stages.get(stage),
        "to": version.version,
        "reasons": said,
        "gates": [asdict(check) for check in checks],
    }
    tag = tags.noted(audit.read(repository))
    change = writing.Change("refuse", known.name, tag, why, version.version, facts=facts)
    try:
        writing.write(repository, known, change)
    except MlopsError as error:
        reporter.warn(f"the audit log does not have this refusal: {error.message}")
    unsigned = any(check.name == SIGNED for check in failed)
    return GateError(
        f"{version.name} does not go to {stage}: {'; '.join(said)}",
        hint=f"mlops models sign {version.name} --key FILE, by somebody whom registry.trust lists"
        if unsigned
        else "another version, or --force --message WHY, which the log keeps",
    )
