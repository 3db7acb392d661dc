"""A registered version as a folder to predict with or to serve."""

from pathlib import Path

from mlops_cli.registry import names, records, storage
from mlops_cli.registry.reading import opened
from mlops_cli.reporting import Reporter


def folder(root: Path, words: str, reporter: Reporter) -> Path:
    """The folder of a version, below the project's `.mlops`, with every byte verified.

    Args:
        root: The project.
        words: Such as reviews@production.
        reporter: Told of progress.

    Raises:
        NotFoundError: There is no such version, or its bytes are nowhere.
        UnreachableError: The remote that has them does not answer.
        DataError: They are damaged.
    """
    repository, models = opened(root)
    version = names.version(models, words, repository)
    return storage.ensure(repository, version, records.read(repository, version), reporter)
