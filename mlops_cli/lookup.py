"""Modules that a config names: ours by a plain name, the user's own by a dotted one."""

import importlib
import inspect
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from mlops_cli import project
from mlops_cli.errors import ConfigError, MissingDependencyError, MlopsError


def choices(group: str) -> list[str]:
    """Names of the choices of a config group that ship with us."""
    return sorted(path.stem for path in (project.packaged_configs() / group).glob("*.yaml"))


def find(
    name: str, *, room: str, kind: str, known: Sequence[str], offers: Sequence[str]
) -> ModuleType:
    """The module of a room called `name`, or the user's own when the name is dotted.

    Modules of the user's own need no installing: they are found in the project and in the
    current folder.

    Args:
        name: What the config says.
        room: The package of ours that holds such modules.
        kind: What such a module is called in messages: "data source".
        known: The names to suggest.
        offers: Functions it must have, as they are written in messages: "load(folder)".

    Raises:
        ConfigError: There is no such module, or it lacks a function, or another of the user's own.
        MissingDependencyError: The user's own module needs a package that is not installed.
    """
    hint = _instead_of(name, kind, known)
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"no {kind} {name!r}", hint=hint)
    qualified = name if "." in name else f"{room}.{name}"
    if "." in name:
        _let_own_modules_be_found()
    try:
        module = importlib.import_module(qualified)
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{qualified}.".startswith(f"{missing}."):
            raise ConfigError(f"no {kind} {name!r}", hint=hint) from error
        if "." not in name:
            raise  # A package that a module of ours lacks is another matter.
        raise _unfit(error, f"{kind} {name!r}", name.partition(".")[0], hint) from error
    for function in offers:
        if qualified == room or not _has(module, function):
            raise ConfigError(f"{qualified} is no {kind}: it has no {function}", hint=hint)
    return module


def _unfit(error: ImportError, what: str, own: str, hint: str) -> MlopsError:
    """Why a module of the user's own can't be imported."""
    told = f"{what} can't be imported: {str(error).splitlines()[0]}"
    package = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and package not in ("", own):
        return MissingDependencyError(told, hint=f"pip install {package}, if it is none of yours")
    return ConfigError(told, hint=hint)


def _has(module: ModuleType, function: str) -> bool:
    """Whether the module has a function that can be called as it is written."""
    name, _, parameters = function.rstrip(")").partition("(")
    try:
        inspect.signature(getattr(module, name)).bind(*parameters.split(", "))
    except (AttributeError, TypeError):
        return False
    return True


def _instead_of(name: str, kind: str, known: Sequence[str]) -> str:
    if "." in name:
        return f"modules of your own are looked for in {project.find_root()}"
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"{kind}s: {', '.join(known)}"


def _let_own_modules_be_found() -> None:
    # At the end of the path: a folder of the project never shadows an installed package.
    for folder in (str(project.find_root()), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.append(folder)
