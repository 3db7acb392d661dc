"""Terraform or OpenTofu: whether it is there, and one command of it in a folder, to its end."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.errors import MissingDependencyError, MlopsError, UnreachableError
from mlops_cli.reporting import Reporter

_HINT = (
    "https://developer.hashicorp.com/terraform/install, or https://opentofu.org/docs/intro/install"
)
_STEP = re.compile(r"aws_\S+: (Creation|Modifications|Destruction) complete after")
_GONE = re.compile(r"^(\S+): Destruction complete", re.MULTILINE)
_SAID = re.compile(r"^[\s│|]*Error: (.+)$", re.MULTILINE)
_CHECK = "mlops deploy check aws_lambda"
_CHANGING = ("-input=false", "-no-color", "-auto-approve", "-lock-timeout=60s")
_LAST = 40
"""Lines that tell why it failed."""
_DENIED = ("accessdenied", "not authorized", "unauthorizedoperation")
_LOGIN = ("expiredtoken", "no valid credential", "invalidclienttokenid", "unrecognizedclient")
_THERE = ("alreadyexists", "already exist", "conflictexception")
_OFFLINE = (
    "failed to query available provider", "could not connect", "connection refused",
    "no such host", "i/o timeout", "request send failed",
)  # fmt: skip


def there() -> str | None:
    """What it is called here; None where neither is installed."""
    return next((name for name in ("terraform", "tofu") if shutil.which(name)), None)


def require() -> str:
    """What it is called here.

    Raises:
        MissingDependencyError: Neither is installed.
    """
    found = there()
    if found is None:
        raise MissingDependencyError("neither terraform nor tofu is installed", hint=_HINT)
    return found


def missing() -> tuple[str, str]:
    """What is said where neither is installed, and the hint."""
    return "neither terraform nor tofu is installed, and the function is to be made", _HINT


@dataclass(frozen=True)
class Files:
    """Terraform files, and how they come true.

    Attributes:
        folder: Where they are.
        data: Gets what Terraform downloads for them.
        reporter: Told of progress.
    """

    folder: Path
    data: Path
    reporter: Reporter

    def apply(self, **variables: str) -> None:
        """Makes come true what they say.

        Args:
            variables: Values that stand in no file.

        Raises:
            MlopsError: It can't; what it has made it knows, and goes on from there.
        """
        self._prepare()
        self._run("applying", "apply", *_CHANGING, **variables)

    def destroy(self) -> list[str]:
        """Takes down what they say; the addresses of what was removed.

        Raises:
            MlopsError: It can't.
        """
        self._prepare()
        return _GONE.findall(self._run("taking down", "destroy", *_CHANGING))

    def outputs(self) -> dict[str, str]:
        """The outputs that have a value, by name."""
        said = self._run("reading", "output", "-json")
        told = json.loads(said[said.index("{") :])
        return {name: str(one["value"]) for name, one in told.items() if one["value"] is not None}

    def _prepare(self) -> None:
        """Gets the provider, and moves the state where the files say that it is elsewhere."""
        words = ("init", "-input=false", "-no-color", "-migrate-state", "-force-copy")
        self._run("preparing Terraform", *words)

    def _run(self, doing: str, *words: str, **variables: str) -> str:
        """One command, to its end; what it said."""
        said: list[str] = []
        self.data.mkdir(parents=True, exist_ok=True)
        given = {f"TF_VAR_{name}": value for name, value in variables.items()}
        with (
            self.reporter.task(doing, None) as task,
            subprocess.Popen(
                [require(), *words],
                cwd=self.folder,
                env={**_environment(self.data), **given},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    said.append(line)
                    if _STEP.match(line):
                        task.advance(1, step=line.strip()[:60])
            finally:
                # Ctrl-C reaches it as well: it ends what it has begun, and writes down what is.
                said.extend(process.stdout)
                process.wait()
        if process.returncode:
            raise refused("".join(said[-_LAST:]), words[0])
        return "".join(said)


def refused(said: str, what: str) -> MlopsError:
    """What Terraform has against a command, as an error of ours."""
    found = _SAID.findall(said)
    lines = [line.strip(" │|\t") for line in said.splitlines()]
    # What is first the matter stands behind the word Error, its reasons in the lines that follow.
    line = " ".join((found[0] if found else next(filter(None, reversed(lines)), "")).split())[:300]
    low = " ".join(said.lower().split())
    if "state lock" in low:
        return MlopsError(
            f"somebody else is changing it: {line}", hint="the same command again, a little later"
        )
    if any(word in low for word in _LOGIN):
        return MissingDependencyError(f"terraform {what}: {line}", hint=_CHECK)
    if any(word in low for word in _DENIED):
        return MissingDependencyError(
            f"AWS does not allow it: {line}", hint="a policy that allows what it names"
        )
    if any(word in low for word in _THERE):
        return MlopsError(
            f"it is there, and not in Terraform's state: {line}",
            hint="target.state where a team keeps the state, or another name: target.deployment",
        )
    if any(word in low for word in _OFFLINE):
        return UnreachableError(
            f"terraform {what}: {line}", hint="the same command again, once the network is there"
        )
    return MlopsError(f"terraform {what}: {line}", hint="the same command goes on from there")


def _environment(state: Path) -> dict[str, str]:
    variables = dict(os.environ)
    own = os.environ.get("TF_CLI_CONFIG_FILE") or Path.home() / ".terraformrc"
    if "TF_PLUGIN_CACHE_DIR" not in variables and not Path(own).is_file():
        # The provider is large, and each folder would get one of its own.
        below = variables.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        cache = Path(below, "mlops", "terraform")
        cache.mkdir(parents=True, exist_ok=True)
        variables["TF_PLUGIN_CACHE_DIR"] = str(cache)
    return {
        **variables,
        "TF_DATA_DIR": str(state.resolve()),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
