"""What lies outside: the DVC remote, credentials (told as there or not, never shown), Docker."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from mlops_cli import project
from mlops_cli.errors import MissingDependencyError, MlopsError
from mlops_cli.extras import extra
from mlops_cli.packaging import docker
from mlops_cli.schemas.doctor import Finding
from mlops_cli.tracking.credentials import has_wandb_key


def look_at_remote(root: Path, *, offline: bool) -> Iterator[Finding]:
    """The default remote: set, complete, and reached with what is here.

    Args:
        root: The project.
        offline: Only look at what is written.
    """
    area = "remote"
    if project.dvc_project(root) is None:
        return
    try:
        with extra("train", "the DVC remote"):
            from mlops_cli.versioning import connection, remotes, repository
        known = remotes.list_all(root)
        if not known:
            yield Finding(
                area,
                "default",
                "warning",
                "none: data and models are on this machine alone",
                "mlops remote add storage URL --default",
            )
            return
        name = remotes.find(repository.open_config(root), None)
        if offline:
            yield Finding(area, name, "ok", "set; not asked")
            return
        checked = connection.check(root, name, writing=False)
    except MlopsError as error:
        yield Finding(area, "default", "error", error.message, error.hint, error.exit_code)
        return
    yield Finding(area, name, "ok", f"{checked.remote.url} answers in {checked.seconds:.1f} s")


def look_at_credentials(root: Path) -> Iterator[Finding]:
    """Which credentials are on this machine."""
    area = "credentials"
    places = {
        "Weights & Biases": (has_wandb_key(), "wandb login, or WANDB_API_KEY"),
        "Hugging Face": (_any(("HF_TOKEN",), _hub_token()), "hf auth login, or HF_TOKEN"),
        "AWS": (_any(_AWS, _aws_file()) or _aws_login(), "aws configure, or AWS_PROFILE"),
        "Kubernetes": (_kubeconfig(), "a kubeconfig: ~/.kube/config, or KUBECONFIG"),
        "Docker registry": (_docker_login(), "docker login REGISTRY"),
        "MLflow": (_any(("MLFLOW_TRACKING_URI",)), "MLFLOW_TRACKING_URI=URL of the server"),
    }
    for name, (there, remedy) in places.items():
        if there:
            yield Finding(area, name, "ok", "there")
        else:
            yield Finding(area, name, "absent", "none", remedy)
    key_file = root / ".env"
    if key_file.is_file() and os.name == "posix" and key_file.stat().st_mode & 0o077:
        yield Finding(area, ".env", "warning", "others can read it", f"chmod 600 {key_file}")


_AWS_LOGINS = (
    "sso_session", "sso_start_url", "role_arn", "credential_process", "aws_access_key_id",
)  # fmt: skip
"""What the config file of AWS has where one can log in by it."""
_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""What a pod has."""
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")


def _any(variables: tuple[str, ...], file: Path | None = None) -> bool:
    return any(os.environ.get(name) for name in variables) or bool(file and file.is_file())


def _hub_token() -> Path:
    home = os.environ.get("HF_HOME")
    base = Path(home) if home else Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_TOKEN_PATH") or base / "token")


def _aws_file() -> Path:
    return Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws/credentials")


def _aws_login() -> bool:
    """Whether the config file has a way to log in, as SSO; the region alone is none."""
    file = Path(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws/config")
    lines = _text(file).splitlines()
    return any(line.partition("=")[0].strip() in _AWS_LOGINS for line in lines)


def _kubeconfig() -> bool:
    listed = (os.environ.get("KUBECONFIG") or "").split(os.pathsep)
    files = [Path(name) for name in listed if name] or [Path.home() / ".kube/config"]
    return _IN_CLUSTER.is_file() or any(_text(file).strip() for file in files)


def _docker_login() -> bool:
    """Whether Docker is logged in anywhere: with what it keeps itself, or has a helper keep."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        found = json.loads(_text(folder / "config.json") or "{}")
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.get("auths") or found.get("credHelpers"))


def _text(file: Path) -> str:
    """What a file says; nothing where it is not there, or can't be read."""
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def look_at_docker(*, offline: bool) -> Iterator[Finding]:
    """The client, and the engine behind it.

    Args:
        offline: Do not ask the engine.
    """
    area = "docker"
    if not docker.there():
        remedy = "https://docs.docker.com/engine/install"
        yield Finding(area, "client", "absent", "not installed; images are built with it", remedy)
    elif offline:
        yield Finding(area, "client", "ok", "installed; the engine is not asked")
    else:
        try:
            yield Finding(area, "engine", "ok", docker.require())
        except MissingDependencyError as error:
            yield Finding(area, "engine", "warning", error.message, error.hint)
