"""Stage `doctor`: what commands will need, looked at before they do, each with its remedy."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from mlops_cli.doctor import packages
from mlops_cli.errors import ConfigError, MissingDependencyError, MlopsError, NotFoundError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.doctor import DoctorResult, Finding

_CLASSES = {one.exit_code: one for one in (ConfigError, MissingDependencyError, NotFoundError)}


def run(
    root: Path, reporter: Reporter, *, fix: bool = False, offline: bool = False
) -> DoctorResult:
    """Looks at everything, and at the rest where one thing is broken.

    Args:
        root: The project, or a folder that is none.
        reporter: Shown the progress.
        fix: Mend what can be mended without a choice: make the repository, let DVC into it,
            install hooks, keep secrets to their owner.
        offline: Ask no server, neither the DVC remote nor Docker.
    """
    findings = list(packages.look())
    # Without the packages of the base install, looking at the rest would fail itself.
    areas = {} if any(one.status == "error" for one in findings) else _areas(root, fix, offline)
    with reporter.task("looking", len(areas)) as progress:
        for name, look in areas.items():
            findings += look()
            progress.advance(1, at=name)
    counts = Counter(one.status for one in findings)
    return DoctorResult(findings, counts["error"], counts["warning"], counts["fixed"])


def _areas(root: Path, fix: bool, offline: bool) -> dict[str, Callable[[], Iterator[Finding]]]:
    """What looks at each area but that of the packages."""
    from mlops_cli.doctor import configuration, machine, repository, services

    ours = (root / "configs" / "config.yaml").is_file()
    return {
        "machine": lambda: machine.look(root),
        "git": lambda: repository.look_at_git(root, ours=ours, fix=fix),
        "dvc": lambda: repository.look_at_dvc(root, ours=ours, fix=fix),
        "config": lambda: configuration.look(root),
        "remote": lambda: services.look_at_remote(root, offline=offline),
        "credentials": lambda: services.look_at_credentials(root),
        "docker": lambda: services.look_at_docker(offline=offline),
    }


def require(result: DoctorResult, *, strict: bool = False) -> None:
    """Refuses a state in which commands fail.

    Args:
        result: What was found.
        strict: Refuse warnings too.

    Raises:
        MlopsError: With the exit code that those commands would end with; of several, the first's.
    """
    wanted = ("error", "warning") if strict else ("error",)
    wrong = [one for one in result.findings if one.status in wanted]
    if not wrong:
        return
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    kind = _CLASSES.get(first.exit_code, MlopsError)
    raise kind(f"{first.area}: {first.name}: {first.detail}{more}", hint=first.remedy)
