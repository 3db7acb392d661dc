"""The list of an image's parts, as CycloneDX: packages, the base, the model, with their hashes."""

import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from mlops_cli.files import sha256
from mlops_cli.serving.bundle import Bundle


@dataclass(frozen=True)
class Parts:
    """What an image is made of.

    Attributes:
        name: Name and tag of the image.
        base: The image it is built on.
        wheels: Its packages.
        context: Digest of the build context.
        epoch: The time that the image says it was made at.
        content: What all the rest is for: a model, or code.
    """

    name: str
    base: str
    wheels: Iterable[Path]
    context: str
    epoch: int
    content: Component


def text(parts: Parts) -> str:
    """The list as JSON, the same for the same parts."""
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, parts.context))
    bom.metadata.timestamp = datetime.fromtimestamp(parts.epoch, UTC)
    name, _, tag = parts.name.partition(":")
    image = Component(
        type=ComponentType.CONTAINER, name=name, version=tag, bom_ref=f"image:{parts.name}"
    )
    bom.metadata.component = image
    listed = [_base(parts.base), parts.content, *map(_package, parts.wheels)]
    for component in listed:
        bom.components.add(component)
    bom.register_dependency(image, listed)
    return (
        make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"
    )


def _base(base: str) -> Component:
    name, _, digest = base.partition("@")
    named = name.rpartition("/")[2]
    name, tag = (
        (name.rpartition(":")[0], named.partition(":")[2]) if ":" in named else (name, "latest")
    )
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=digest or tag,
        bom_ref=f"base:{base}",
        purl=PackageURL(
            "oci",
            name=name.rpartition("/")[2],
            version=digest or None,
            qualifiers={"tag": tag, "repository_url": name},
        ),
        hashes=[_hash(digest.partition(":")[2])] if digest else None,
    )


def code(name: str, commit: str, files: Mapping[str, Path]) -> Component:
    """Code as a part.

    Args:
        name: What it is called.
        commit: Its commit.
        files: Its files, by where the image has them.
    """
    return Component(
        type=ComponentType.APPLICATION,
        name=name,
        version=commit,
        bom_ref=f"code:{commit}",
        components=[
            Component(
                type=ComponentType.FILE,
                name=file,
                bom_ref=f"code:{file}",
                hashes=[_hash(sha256(path))],
            )
            for file, path in sorted(files.items())
        ],
    )


def model(bundle: Bundle, names: Iterable[str]) -> Component:
    """A model as a part.

    Args:
        bundle: The bundle.
        names: Of its files, those that are in the image.
    """
    hashes = bundle.facts["files"]
    files = [
        Component(
            type=ComponentType.FILE,
            name=name,
            bom_ref=f"model:{name}",
            hashes=[_hash(hashes[name])],
        )
        for name in names
    ]
    lineage = bundle.facts["lineage"]
    told = {
        "mlops:run": bundle.run,
        "mlops:task": bundle.task.get("name"),
        "mlops:config-sha256": lineage.get("config_sha256"),
        "mlops:git-commit": (lineage.get("git") or {}).get("commit"),
        **{
            f"mlops:data-sha256:{name}": value
            for name, value in (lineage.get("data") or {}).items()
        },
    }
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=str(lineage.get("model") or "model"),
        version=bundle.digest,
        bom_ref=f"model:{bundle.digest}",
        properties=[Property(name=name, value=str(value)) for name, value in told.items() if value],
        components=files,
    )


def _package(wheel: Path) -> Component:
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        told = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))
    # Some packages have the whole text of their licence there; its first line tells which it is.
    known = (told["License-Expression"] or told["License"] or "").strip().partition("\n")[0][:100]
    purl = PackageURL("pypi", name=told["Name"].lower().replace("_", "-"), version=told["Version"])
    return Component(
        type=ComponentType.LIBRARY,
        name=told["Name"],
        version=told["Version"],
        description=told["Summary"],
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[_hash(sha256(wheel))],
        licenses=[_license(known)] if known else None,
    )


def _license(known: str) -> License:
    declared = LicenseAcknowledgement.DECLARED
    return LicenseFactory().make_from_string(known, license_acknowledgement=declared)


def _hash(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)
