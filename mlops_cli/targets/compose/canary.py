"""A version on trial in the running server, which judges it: see `mlops rollout`."""

import shutil
from pathlib import Path
from typing import Any

from mlops_cli import admin_client
from mlops_cli.errors import GateError, MlopsError
from mlops_cli.files import atomic_folder
from mlops_cli.schemas.deploy import Trial
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle
from mlops_cli.targets import Order
from mlops_cli.targets.compose import needs
from mlops_cli.targets.compose.spec import BUNDLES, SEEN
from mlops_cli.wording import counted

_MODEL = "model"
"""What the server of an image calls its one model."""


def put(order: Order) -> None:
    """Puts the bundle of an order on trial, and looks whether that is what is on trial then.

    Raises:
        MlopsError: The server does not answer, or refuses it.
    """
    share, bundle = order.share, order.bundle
    assert share is not None
    lay_out(bundle, order.place.state / BUNDLES / bundle.digest)
    at = needs.running(order.place)
    admin_client.change(at, _MODEL, "canary", bundle=f"{SEEN}/{bundle.digest}", share=share)
    found, said = on_trial(at)
    if found is None or found.digest != bundle.digest:
        raise GateError(
            f"{order.model} is not what is on trial{f': {said}' if said else ''}",
            hint="mlops deploy status",
        )


def on_trial(url: str) -> tuple[Trial | None, str]:
    """What is on trial, and how the last trial ended where nothing is.

    Raises:
        MlopsError: The server does not answer, or not to this admin.
    """
    state = admin_client.state(url)
    (model,) = (one for one in state["models"] if one["name"] == _MODEL)
    canary = model["canary"]
    if canary is None:
        ended = [one for one in state["events"] if one["change"] == "rolled back"]
        reason = str(ended[-1]["reason"]) if ended else ""
        return None, f"the last trial was ended: {reason}" if reason else ""
    digests = {one["name"]: one["digest"] for one in model["versions"]}
    return Trial(canary["share"], digests.get(canary["version"]), _how(canary)), ""


def end(url: str) -> None:
    """Ends a trial, if there is one.

    Raises:
        MlopsError: The server does not answer, or not to this admin.
    """
    if on_trial(url)[0] is not None:
        admin_client.change(url, _MODEL, "rollback")


def clear(folder: Path) -> None:
    """Removes the bundles of trials that are over: the container that had them is gone."""
    for one in folder.iterdir():
        shutil.rmtree(one, ignore_errors=True)


def lay_out(bundle: Bundle, folder: Path) -> None:
    """Copies a bundle where the server sees it; what was copied is what was verified."""
    if (folder / MANIFEST).is_file():
        return
    with atomic_folder(folder) as made:
        own = [name for name in (MANIFEST, SIGNATURE) if (bundle.path / name).is_file()]
        for name in (*own, *bundle.facts["files"]):
            if name in bundle.left_out:
                continue
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.path / name, made / name)
            (made / name).chmod(0o644)  # The server is another user.
        if bundles.load(made).digest != bundle.digest:
            raise MlopsError(f"{bundle.path} changes while it is deployed", hint="try again")


def _how(canary: dict[str, Any]) -> str:
    told = f"{counted(canary['requests'], 'request')}, {canary['errors']} failed"
    told += f"; {canary['differing']} of {canary['compared']} rows differ"
    return told + ("; passed" if canary["passed"] else "")
