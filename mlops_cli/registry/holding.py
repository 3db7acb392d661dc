"""The bytes of versions, which `mlops push` sends, `pull` brings and `mlops status` looks for."""

from pathlib import Path

from mlops_cli import project
from mlops_cli.registry.repository import open_repository
from mlops_cli.schemas.versions import Held


def held(root: Path, *, staged: bool = False) -> list[Held]:
    """The bytes of every version as DVC holds them; none outside git.

    Args:
        root: The project.
        staged: Only of versions that are in a stage now.

    Raises:
        DataError: Git refuses to work here: what is registered is not known.
        MlopsError: The tags can't be read.
    """
    if project.repository(root) is None:
        if refusal := project.refused_by_git(root):
            raise refusal
        return []
    repository = open_repository(root)
    if repository.tip is None:
        return []
    # GTO and onnxruntime take half a second to import: not where nothing is registered.
    from mlops_cli.registry import records, tags

    listed = [version for model in tags.read(repository).values() for version in model.versions]
    return [
        records.held(repository, version)
        for version in listed
        if (version.stages or not staged)
        and repository.read(version.commit, f"{records.FOLDER}/{version.model}.dvc") is not None
    ]
