"""An image without the time of its build in it, from engines that put it there."""

import hashlib
import io
import json
import subprocess
import tarfile
from contextlib import suppress
from typing import Any

from mlops_cli.packaging import docker
from mlops_cli.packaging.naming import iso


def settle(image: str, tag: str, epoch: int) -> tuple[str, bool]:
    """Takes the times of the build out of an image's configuration, where the engine put them.

    Engines older than BuildKit 0.11 can't be told a time. Their layers are the same from build to
    build, so it is enough to load the configuration again, with the layers that are there.

    Args:
        image: Its id.
        tag: Name and tag that it has, and keeps.
        epoch: The one time, in seconds.

    Returns:
        The id that it has now, and whether it holds the one time.
    """
    at = iso(epoch)
    known = docker.inspect(image)
    if known is None:
        return image, False
    config = _configuration(image, str(known["Id"]).partition(":")[2])
    if config is None or "rootfs" not in config:
        # Kept in another way, by an engine that could be told.
        return image, bool(known.get("Created") == at)
    history = [{**step, "created": at} for step in config.get("history", ())]
    wanted = {**config, "created": at, "history": history}
    if wanted == config:
        return image, True
    raw = json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()
    name = hashlib.sha256(raw).hexdigest()
    layers = [f"{diff.partition(':')[2]}/layer.tar" for diff in wanted["rootfs"]["diff_ids"]]
    manifest = [{"Config": f"{name}.json", "RepoTags": [tag], "Layers": layers}]
    loaded = docker.run(
        "load",
        "--quiet",
        content=_archive({f"{name}.json": raw, "manifest.json": json.dumps(manifest).encode()}),
    )
    settled = f"sha256:{name}"
    if loaded.returncode or docker.inspect(settled) is None:
        return image, False
    docker.run("image", "rm", str(known["Id"]))
    return settled, True


def _configuration(image: str, name: str) -> dict[str, Any] | None:
    """The configuration of an image as the engine keeps it, in a file of that name."""
    with (
        subprocess.Popen(
            ["docker", "save", image],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=docker.environment(),
        ) as process,
        # An engine that can't save ends the archive early.
        suppress(tarfile.TarError),
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if member.name in (f"{name}.json", f"blobs/sha256/{name}"):
                stream = archive.extractfile(member)
                process.kill()
                found: dict[str, Any] | None = json.load(stream) if stream else None
                return found
    return None


def _archive(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, raw in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    return content.getvalue()
