"""The lock of a training image: what a project needs, in the versions that a run had.

Which packages those are is first taken from what is installed here, then from the wheels
themselves, until none is missing: a run of another day may have needed others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlops_cli.errors import ConfigError, MissingDependencyError, MlopsError
from mlops_cli.packaging import wheels
from mlops_cli.packaging.requirements import OWN, Pin, target
from mlops_cli.reporting import Reporter
from mlops_cli.wording import counted

_USUAL = ("train", "data")
"""Extras of ours where the project names none."""
_ROUNDS = 6


def roots(text: str | None, more: Iterable[str]) -> list[Requirement]:
    """What a project asks for by itself.

    Args:
        text: Its requirements.txt; None where it has none.
        more: Further packages, as pip takes them.

    Raises:
        ConfigError: A line is none that pip takes, or names no package of an index.
    """
    lines = [line.partition(" #")[0].strip() for line in (text or "").splitlines()]
    # Options say where packages come from, which the lock settles.
    asked = [line for line in lines if line and not line.startswith(("#", "-"))]
    found = [_requirement(line, "requirements.txt") for line in asked]
    found += [_requirement(word, "image.packages") for word in more]
    if not any(canonicalize_name(one.name) == OWN for one in found):
        found.append(Requirement(f"{OWN}[{','.join(_USUAL)}]"))
    return found


def collect(
    asked: Sequence[Requirement],
    versions: Mapping[str, str],
    machine: tuple[str, str],
    into: Path,
    reporter: Reporter,
) -> list[Path]:
    """Puts the wheels of what is asked for, and of all that it needs, into a folder.

    Args:
        asked: What is asked for.
        versions: Those that each package must have.
        machine: Version of the Python that is to run them, and the machines.
        into: An empty folder.
        reporter: Told of progress.

    Raises:
        MissingDependencyError: A package is needed, and no version of it was recorded.
        MlopsError: It can't be had.
    """
    environment = target(*machine)
    needed = _closure(asked, _installed, environment)
    for _ in range(_ROUNDS):
        pins = _pins(needed, versions)
        reporter.info(f"collecting {counted(len(pins), 'package')}")
        for old in into.iterdir():
            old.unlink()
        found = wheels.collect(pins, *machine, into, build=True)
        true = _closure(asked, _told_by(found), environment)
        if true == needed:
            return found
        needed = true
    raise MlopsError("the packages of the image need others without end")


def _pins(needed: Mapping[str, str], versions: Mapping[str, str]) -> list[Pin]:
    missing = sorted(name for name in needed if name not in versions)
    if missing:
        raise MissingDependencyError(
            f"{needed[missing[0]]} needs {missing[0]}, which was not installed",
            hint=f"pip install {missing[0]}, and train again",
        )
    return sorted(Pin(name, versions[name]) for name in needed)


def _closure(
    asked: Iterable[Requirement],
    needs: "wheels.Needs",
    environment: Mapping[str, str],
) -> dict[str, str]:
    """Every package that is needed but ours, with what needs it first."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(one, "requirements.txt") for one in asked if _applies(one, "", environment)]
    while waiting:
        wanted, whose = waiting.pop(0)
        name = canonicalize_name(wanted.name)
        if name != OWN:
            found.setdefault(name, whose)
        for kind in sorted({"", *wanted.extras}):
            if (name, kind) not in seen:
                seen.add((name, kind))
                waiting += [(one, name) for one in needs(name) if _applies(one, kind, environment)]
    return found


def _applies(one: Requirement, extra: str, environment: Mapping[str, str]) -> bool:
    return one.marker is None or one.marker.evaluate({**environment, "extra": extra})


def _told_by(found: Iterable[Path]) -> "wheels.Needs":
    by_name = {str(canonicalize_name(one.name.partition("-")[0])): one for one in found}

    def needs(name: str) -> list[Requirement]:
        return wheels.needs(by_name[name]) if name in by_name else _installed(name)

    return needs


def _installed(name: str) -> list[Requirement]:
    """What an installed package needs; nothing is known of one that is not installed."""
    try:
        return [Requirement(text) for text in metadata.requires(name) or ()]
    except metadata.PackageNotFoundError:
        return []


def _requirement(word: str, where: str) -> Requirement:
    try:
        wanted = Requirement(word)
    except InvalidRequirement as error:
        raise ConfigError(
            f"{where}: {word!r} names no package", hint="such as pillow, or pillow>=10"
        ) from error
    if wanted.url:
        raise ConfigError(
            f"{where}: {wanted.name} comes from {wanted.url}, which no lock can hold",
            hint="publish it to a package index, or put its code into the project",
        )
    return wanted


def unlike(versions: Mapping[str, str], asked: Iterable[Requirement]) -> Iterator[str]:
    """What is asked for in another version than there is, for people."""
    for one in asked:
        version = versions.get(canonicalize_name(one.name))
        if version is not None and not one.specifier.contains(version, prereleases=True):
            yield f"{one} (it had {version})"
