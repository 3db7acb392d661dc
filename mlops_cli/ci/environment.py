"""Variables of the steps: what a runner sets, and of this environment only what a tool needs."""

import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_cli.ci.events import Event
from mlops_cli.ci.sandbox import Sandbox
from mlops_cli.errors import UsageError
from mlops_cli.scaffold import git

_KEPT = frozenset(
    {
        "HOME", "USER", "LOGNAME", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "COLUMNS",
        "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES",
    }
)  # fmt: skip
_KEPT_STARTS = ("LC_", "XDG_", "PYTHON", "PIP_", "UV_", "HF_HUB_OFFLINE", "HF_HOME", "GIT_CONFIG_",
                "DVC_", "DOCKER_", "OMP_", "COVERAGE_")  # fmt: skip
"""Where tools are, and how the network is reached. Nothing else: a runner has not got it either."""
FILES = {
    "GITHUB_ENV": "env",
    "GITHUB_PATH": "path",
    "GITHUB_OUTPUT": "output",
    "GITHUB_STATE": "state",
    "GITHUB_STEP_SUMMARY": "summary",
}
"""Files that a step may write to, by the variables that name them."""
_HEREDOC = re.compile(r"(?P<name>[^=]+?)<<(?P<end>\S+)\s*")


def base(asked: Sequence[str]) -> dict[str, str]:
    """Of this environment, what steps get.

    Args:
        asked: Further variables, as NAME or NAME=VALUE.

    Raises:
        UsageError: One is not set.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_STARTS)
    }
    for word in asked:
        name, given, value = word.partition("=")
        if not given and name not in os.environ:
            raise UsageError(f"--env {name}: it is not set here", hint=f"--env {name}=VALUE")
        kept[name] = value if given else os.environ[name]
    return kept


def repository_name(place: Path) -> str:
    """Owner and name on GitHub; where it is not there, as if it were."""
    url = git.ask(place, "config", "--get", "remote.origin.url") or ""
    found = re.search(r"github\.com[:/]([^/\s]+)/([^/\s]+?)(?:\.git)?/?$", url)
    return f"{found[1]}/{found[2]}" if found else f"local/{place.name}"


def github(box: Sandbox, event: Event, commit: str, workflow: str) -> dict[str, str]:
    """What a runner tells of the workflow, by the names in the context `github`."""
    repository = repository_name(box.repository)
    owner, _, _ = repository.partition("/")
    request = event.name.startswith("pull_request")
    actor = git.ask(box.repository, "config", "user.name") or owner
    return {
        "actor": actor,
        "api_url": "https://api.github.com",
        "base_ref": event.base if request else "",
        "event_name": event.name,
        "graphql_url": "https://api.github.com/graphql",
        "head_ref": event.branch if request else "",
        "ref": event.ref,
        "ref_name": event.tag or ("1/merge" if request else event.branch),
        "ref_protected": "false",
        "ref_type": "tag" if event.tag else "branch",
        "repository": repository,
        "repository_owner": owner,
        "run_attempt": "1",
        "run_id": "1",
        "run_number": "1",
        "server_url": "https://github.com",
        "sha": commit,
        "triggering_actor": actor,
        "workflow": workflow,
        "workflow_sha": commit,
    }


def runner(temporary: Path) -> dict[str, str]:
    """What a runner tells of itself, by the names in the context `runner`."""
    arch = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}
    return {
        "os": "macOS" if sys.platform == "darwin" else "Linux",
        "arch": arch.get(platform.machine().lower(), platform.machine()),
        "name": "mlops ci run",
        "environment": "self-hosted",
        "temp": str(temporary),
        "tool_cache": str(temporary / "tools"),
        "debug": "",
    }


def variables(prefix: str, told: Mapping[str, str]) -> dict[str, str]:
    """A context as the variables that a runner sets."""
    return {f"{prefix}_{name.upper()}": value for name, value in told.items()}


def write_event(folder: Path, payload: Mapping[str, object]) -> Path:
    """Writes what GitHub would send where steps find it."""
    file = folder / "event.json"
    file.write_text(json.dumps(payload, indent=2), "utf-8")
    return file


def assignments(text: str) -> dict[str, str]:
    """What a step wrote to a file of the runner's: NAME=VALUE, or NAME<<END with lines up to END.

    Raises:
        ValueError: A line is neither, or an END is missing.
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip():
            continue
        several = _HEREDOC.fullmatch(line)
        if several and "=" not in several["name"]:
            block: list[str] = []
            for inner in lines:
                if inner == several["end"]:
                    break
                block.append(inner)
            else:
                raise ValueError(f"{several['end']!r} ends no value")
            found[several["name"].strip()] = "\n".join(block)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name.strip()] = value
        else:
            raise ValueError(f"{line[:60]!r} is no NAME=VALUE")
    return found
