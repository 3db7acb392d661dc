"""Python, and whether the packages that `mlops` declares are there in versions it takes."""

import platform
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from mlops_cli.errors import MissingDependencyError
from mlops_cli.schemas.doctor import Finding

_AREA = "python"
_DISTRIBUTION = "mlops-cli"


def look() -> Iterator[Finding]:
    """The interpreter, the base install, and each extra."""
    in_venv = sys.prefix != sys.base_prefix
    place = "in a virtual environment" if in_venv else "not in a virtual environment"
    yield Finding(_AREA, "python", "ok", f"{platform.python_version()}, {place}")
    yield Finding(_AREA, _DISTRIBUTION, "ok", metadata.version(_DISTRIBUTION))
    declared = _declared()
    yield _base(declared.pop("", []))
    yield from _extras(declared)


def _base(requirements: list[Requirement]) -> Finding:
    absent = [f"{one.name} is missing" for one in requirements if _version(one.name) is None]
    wrong = [*absent, *filter(None, map(_unfit, requirements))]
    if not wrong:
        return Finding(_AREA, "packages", "ok", "all that the base install declares")
    remedy = f"pip install --upgrade {_DISTRIBUTION}"
    code = MissingDependencyError.exit_code
    return Finding(_AREA, "packages", "error", ", ".join(wrong), remedy, exit_code=code)


def _extras(declared: dict[str, list[Requirement]]) -> Iterator[Finding]:
    """Which extras are whole. A package of one belongs to others too: half of one is no mistake."""
    whole, others = [], []
    for name, requirements in declared.items():
        if unfit := ", ".join(filter(None, map(_unfit, requirements))):
            remedy = f"pip install '{_DISTRIBUTION}[{name}]'"
            yield Finding(_AREA, f"extra {name}", "warning", unfit, remedy)
        elif all(_version(one.name) for one in requirements):
            whole.append(name)
        else:
            others.append(name)
    if whole:
        yield Finding(_AREA, "extras", "ok", ", ".join(whole))
    if others:
        remedy = f"pip install '{_DISTRIBUTION}[{others[0]}]'"
        yield Finding(_AREA, "other extras", "absent", ", ".join(others), remedy)


def _declared() -> dict[str, list[Requirement]]:
    """What our package's metadata asks for here, by extra; the base install's under ''."""
    found: dict[str, list[Requirement]] = defaultdict(list)
    extras = metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
    for line in metadata.requires(_DISTRIBUTION) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            found[""].append(requirement)
            continue
        for extra in extras:
            if marker.evaluate({"extra": extra}):
                found[extra].append(requirement)
    return dict(found)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _unfit(requirement: Requirement) -> str:
    """What is wrong with the installed version; empty where it fits, or there is none."""
    version = _version(requirement.name)
    if version is None or requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} is {version}, not {requirement.specifier}"
