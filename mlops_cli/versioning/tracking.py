"""Files that DVC holds: their new content taken up."""

from pathlib import Path

from mlops_cli.versioning.repository import opened


def track(path: Path) -> Path:
    """Lets DVC hold the present content of a file; the `.dvc` file beside it that then says so.

    Raises:
        NotFoundError: The file lies in no DVC project.
        MlopsError: DVC refuses.
    """
    with opened(path.parent, locked=False) as repo:
        repo.add(str(path))
    return path.with_name(path.name + ".dvc")
