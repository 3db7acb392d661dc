"""`mlops config eject`: a packaged file as the project's own."""

from dataclasses import dataclass
from pathlib import Path

from mlops_cli.config.catalogue import packaged_file
from mlops_cli.config.tree import open_tree
from mlops_cli.errors import ConfigError
from mlops_cli.files import write_text


@dataclass(frozen=True)
class Ejected:
    """A file that now belongs to the project.

    Attributes:
        path: The project's file.
        packaged: What it was copied from.
        replaced: Whether it took the place of an older one.
    """

    path: Path
    packaged: Path
    replaced: bool


def eject(reference: str, *, root: Path, force: bool = False) -> Ejected:
    """Copies the packaged file of a choice into the project's `configs/`.

    Args:
        reference: The choice as `model/bert`.
        root: The project.
        force: Replace a file that is there.

    Raises:
        ConfigError: There is no such choice, no project, or the file is there already.
    """
    tree = open_tree(root)
    source = packaged_file(reference, tree)
    if tree.project is None:
        raise ConfigError(
            f"{root} is no project: it has no configs/config.yaml of its own", hint="mlops init"
        )
    target = tree.project / source.relative_to(tree.packaged)
    replaced = target.exists()
    if replaced and not force:
        raise ConfigError(
            f"{target.relative_to(root)} is there already",
            hint=f"mlops config eject {reference} --force replaces it",
        )
    write_text(target, source.read_text("utf-8"))
    return Ejected(target, source, replaced)
