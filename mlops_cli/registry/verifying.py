"""Stage `models verify`: whether the bytes of versions are still those that were registered."""

from pathlib import Path

from mlops_cli.errors import DataError, GateError, NotFoundError
from mlops_cli.registry import names, records, storage, trusting
from mlops_cli.registry.reading import opened
from mlops_cli.registry.repository import Repository
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.verified import Verified, VerifyResult
from mlops_cli.schemas.versions import Version
from mlops_cli.serving.signatures import Trust


def run(root: Path, words: str | None, reporter: Reporter, *, every: bool) -> VerifyResult:
    """Reads every byte of versions; what is not here is pulled.

    Args:
        root: The project.
        words: The version, or the model; None for all.
        reporter: Told of progress.
        every: Every version of the model, not only the one that is named.

    Raises:
        NotFoundError: There is no such model or version.
    """
    repository, models = opened(root)
    trust = trusting.trusted(root)
    if words is not None and not every:
        wanted = [names.version(models, words, repository)]
    elif words is not None:
        wanted = names.model(models, words.partition("@")[0], repository).versions
    else:
        names.model(models, next(iter(models), ""), repository)  # There is one.
        wanted = [version for model in models.values() for version in model.versions]
    found = []
    with reporter.task("verifying", len(wanted)) as progress:
        for version in wanted:
            found.append(_one(repository, version, reporter, trust))
            progress.advance()
    return VerifyResult(found)


def require(result: VerifyResult) -> None:
    """Raises an error that names every version that is not whole, or not signed as required."""
    for kind, status in ((DataError, "damaged"), (NotFoundError, "missing")):
        wrong = [one for one in result.versions if one.status == status]
        if wrong:
            listed = ", ".join(one.version for one in wrong)
            raise kind(
                f"{listed}: {wrong[0].said}",
                hint="mlops push, where the right bytes are, sends them",
            )
    refused = [one for one in result.versions if one.signature == "refused"]
    if refused:
        more = f" (and {len(refused) - 1} more)" if refused[1:] else ""
        raise GateError(
            f"{refused[0].said}{more}", hint=f"mlops models history {refused[0].version}"
        )


def _one(repository: Repository, version: Version, reporter: Reporter, trust: Trust) -> Verified:
    try:
        record = records.read(repository, version)
    except DataError as error:
        return Verified(version.name, "damaged", 0, 0, error.message)
    return storage.verify(repository, version, record, reporter, trust)
