"""Which bundle is meant: a folder, a run, a registered version, or the newest. Needs no numpy."""

from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import NotFoundError
from mlops_cli.extras import extra
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.pipeline import BUNDLE
from mlops_cli.serving import bundle as bundles
from mlops_cli.tracking import finding, record


def find(root: Path, bundle: Path | None, run: str | None) -> Path:
    """The folder of the bundle that is meant: given, of a run, the newest, or the pipeline's.

    Raises:
        NotFoundError: There is no such run, or it has no bundle, or none has.
    """
    if bundle is not None:
        return bundle
    if run is not None and "@" in run and "/" not in run:
        return registered(root, run)
    if run is not None:
        return _exported(finding.find(root, run))
    for candidate in reversed(finding.all_runs(root)):
        if (candidate.bundle / bundles.MANIFEST).is_file():
            return candidate.bundle
    # A fresh clone has what DVC holds, and no runs.
    if (root / BUNDLE / bundles.MANIFEST).is_file():
        return root / BUNDLE
    raise NotFoundError(
        f"no bundle in {record.runs_folder(root)}",
        hint="export a trained model first: mlops export --onnx; or name one: --bundle DIR",
    )


def registered(root: Path, name: str) -> Path:
    """The folder of a registered version, such as reviews@production, with every byte verified.

    Raises:
        NotFoundError: There is no such version, or its bytes are nowhere.
        DataError: They are damaged.
    """
    with extra("train", "a registered model"):
        from mlops_cli.registry import serving

    return serving.folder(root, name, SilentReporter())


def called(root: Path, words: str | None) -> Path:
    """The folder of a bundle by what a person calls it: a folder, a run, or a registered version.

    Args:
        root: The project.
        words: What it is called; None takes the newest, as `find` does.

    Raises:
        NotFoundError: There is none.
    """
    if words is None:
        return find(root, None, None)
    try:
        there = project.locate(words)
    except OSError as error:  # No file can be called so, or its folder can't be looked into.
        reason = (error.strerror or str(error)).lower()
        raise NotFoundError(
            f"no bundle in {words[:80]}: {reason}", hint="mlops runs list"
        ) from error
    for folder in (there, there / "bundle"):
        if (folder / bundles.MANIFEST).is_file():
            return folder.resolve()
    if there.is_dir() or Path(words).is_absolute() or "/" in words.strip("/"):
        raise NotFoundError(f"no bundle in {words}", hint="mlops runs list")
    if "@" in words:
        return registered(root, words).resolve()
    try:
        run = finding.find(root, words)
    except NotFoundError as error:
        what = "is a file, not a bundle's folder" if there.exists() else "is no folder either"
        raise NotFoundError(error.message, hint=f"{words} {what}; {error.hint}") from error
    return _exported(run).resolve()


def _exported(run: record.Run) -> Path:
    if not (run.bundle / bundles.MANIFEST).is_file():
        raise NotFoundError(f"run {run.id} has no bundle", hint=f"mlops export --onnx {run.id}")
    return run.bundle
