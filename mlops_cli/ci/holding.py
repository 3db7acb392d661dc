"""Commands that a play tells and does not do: those that publish, or install into what is yours.

A folder at the head of PATH holds a small script for each. What reaches the world otherwise, as a
program of the project's own may, is not held back.
"""

import shlex
import shutil
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

HELD = "MLOPS_CI_HELD"
"""Variable that names the file of what was held back."""
_ALL = "*"
_OUTSIDE: Mapping[str, str] = {
    "sudo": _ALL,
    "apt": _ALL,
    "apt-get": _ALL,
    "brew": _ALL,
}
"""What changes the machine, by the patterns of its arguments."""
_PUBLISHING: Mapping[str, str] = {
    "mlops": "'push '*|'package '*'--push'*|'deploy '*",
    "dvc": "'push '*",
    "git": "'push '*://*|'push '*@*:*",
    "docker": "'login '*|'push '*|'buildx '*'--push'*|'image push '*",
    "twine": _ALL,
    "gh": _ALL,
    "aws": _ALL,
    "az": _ALL,
    "gcloud": _ALL,
    "kubectl": "'apply '*|'create '*|'delete '*|'replace '*|'set '*|'rollout '*|'patch '*",
    "helm": "'install '*|'upgrade '*|'uninstall '*|'push '*",
    "terraform": "'apply '*|'destroy '*",
}
_INSTALLING: Mapping[str, str] = {
    "pip": "'install '*|'uninstall '*",
    "pip3": "'install '*|'uninstall '*",
    "python": "'-m pip install '*|'-m pip uninstall '*",
    "python3": "'-m pip install '*|'-m pip uninstall '*",
    "uv": "'pip install '*|'pip sync '*|'sync '*|'tool '*",
    "conda": "'install '*|'env '*|'create '*",
    "poetry": "'install '*",
}
_SCRIPT = """\
#!/bin/sh
# Written by mlops ci run.
case "$* " in
{patterns}) printf '%s\\n' "{name} $*" >> "${held}"
    echo "held back: {name} $*" >&2
    exit 0 ;;
esac
{go_on}
"""
_FIND = """\
rest=$(printf %s "$PATH" | sed "s|$(dirname "$0"):||g")
real=$(PATH="$rest" command -v {name}) || {{ echo "{name}: command not found" >&2; exit 127; }}
exec "$real" "$@\""""


def scripts(folder: Path, *, install: bool, publish: bool) -> None:
    """Writes the scripts into a folder, which is to stand first in PATH.

    Args:
        folder: An empty one.
        install: Whether steps install: there is an environment of their own.
        publish: Whether steps may publish.
    """
    held = {**_OUTSIDE, **({} if publish else _PUBLISHING), **({} if install else _INSTALLING)}
    # Without an environment of its own, a step's Python is the one that runs us.
    python = shlex.quote(sys.executable)
    ours = {"python": python, "python3": python, "pip": f"{python} -m pip",
            "pip3": f"{python} -m pip", "mlops": f"{python} -m mlops_cli"}  # fmt: skip
    for name in {*held, *({} if install else ours)}:
        patterns = held.get(name, "'nothing is held'")
        own = None if install else ours.get(name)
        # What an environment of its own may bring is looked for when it is there.
        there = None if name in (*ours, *_INSTALLING) else shutil.which(name)
        own = own or (shlex.quote(there) if there else None)
        go_on = f'exec {own} "$@"' if own else _FIND.format(name=name)
        script = folder / name
        script.write_text(
            _SCRIPT.format(patterns=patterns, name=name, held=HELD, go_on=go_on), "utf-8"
        )
        script.chmod(0o755)


def programs(folder: Path, *, install: bool) -> list[Path]:
    """Where the programs of a job come from, before those of the machine.

    Args:
        folder: Of the job.
        install: Whether it gets an environment of its own.
    """
    if not install:
        return [Path(sys.executable).parent]
    made = folder / "python"
    venv.create(made, with_pip=True, symlinks=True)
    return [made / "bin"]
