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


def settle(tag: str, epoch: int) -> bool:
    """Takes the times of the build out of an image's configuration, where the engine put them.

    Engines older than BuildKit 0.11 can't be told a time. Their layers are the same from build to
    build, so it is enough to load the configuration again, with the layers that are there.

    Returns:
        Whether it holds the one time now.
    """
    at = iso(epoch)
    known = docker.inspect(tag)
    if known is None:
        return False
    config = _configuration(tag, str(known["Id"]).partition(":")[2])
    if config is None or "rootfs" not in config:
        # Kept in another way, by an engine that could be told.
        return bool(known.get("Created") == at)
    history = [{**step, "created": at} for step in config.get("history", ())]
    wanted = {**config, "created": at, "history": history}
    if wanted == config:
        return True
    raw = json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()
    name = hashlib.sha256(raw).hexdigest()
    layers = [f"{diff.partition(':')[2]}/layer.tar" for diff in wanted["rootfs"]["diff_ids"]]
    manifest = [{"Config": f"{name}.json", "RepoTags": [tag], "Layers": layers}]
    loaded = docker.run(
        "load",
        "--quiet",
        content=_archive({f"{name}.json": raw, "manifest.json": json.dumps(manifest).encode()}),
    )
    now = docker.inspect(tag)
    if loaded.returncode or now is None or now["Id"] != f"sha256:{name}":
        return False
    docker.run("image", "rm", str(known["Id"]))
    return True


def _configuration(tag: str, image: str) -> dict[str, Any] | None:
    """The configuration of an image as the engine keeps it."""
    with (
        subprocess.Popen(
            ["docker", "save", tag],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=docker.environment(),
        ) as process,
        # An engine that can't save ends the archive early.
        suppress(tarfile.TarError),
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            if member.name in (f"{image}.json", f"blobs/sha256/{image}"):
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
