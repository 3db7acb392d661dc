"""The config tree of the project: every mistake in it, as `mlops config check` finds them."""

from collections.abc import Iterator
from pathlib import Path

from mlops_cli import config
from mlops_cli.schemas.doctor import Finding

_AREA = "config"


def look(root: Path) -> Iterator[Finding]:
    """One finding for each mistake, or one that says there is none."""
    if not (root / "configs" / "config.yaml").is_file():
        yield Finding(
            _AREA, "project", "absent", f"{root} is no project of ours", "mlops init FOLDER"
        )
        return
    wrong = config.problems([], root=root)
    for error in wrong:
        yield Finding(_AREA, "tree", "error", error.message, error.hint, error.exit_code)
    if not wrong:
        files = len(config.own_files(root))
        yield Finding(_AREA, "tree", "ok", f"{files} file{'s' if files != 1 else ''}, no mistake")
