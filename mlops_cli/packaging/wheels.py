"""The wheels of an image: those of its packages from the package index, and our own."""

import base64
import csv
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import mlops_cli
from mlops_cli.errors import MissingDependencyError, MlopsError, NotFoundError, UnreachableError
from mlops_cli.files import sha256
from mlops_cli.packaging.requirements import OWN, Pin, machine
from mlops_cli.packaging.shrink import TIME

_GLIBC = range(36, 16, -1)
"""Minor versions of the C library that wheels ask for: Debian 12 has the first."""
_DATE = (1980, 1, 1, 0, 0, 0)
_NO_WHEEL = re.compile(r"No matching distribution found for (\S+==\S+)")
_OFFLINE = (
    "NewConnectionError", "NameResolutionError", "ConnectTimeout", "ProxyError", "ReadTimeout",
    "Max retries exceeded", "Could not fetch URL", "Connection refused",
)  # fmt: skip


Needs = Callable[[str], list[Requirement]]
"""What a package needs, by its name."""


def collect(
    pins: Sequence[Pin], python: str, platform: str, into: Path, *, build: bool = False
) -> list[Path]:
    """Puts the wheel of each package into a folder; those of an earlier time need no network.

    Args:
        pins: The packages.
        python: Version of the Python that is to run them.
        platform: The machines.
        into: An empty folder.
        build: Whether a package without a wheel is built, where it has no machine code.

    Returns:
        The wheels, by name.

    Raises:
        UnreachableError: The package index does not answer.
        NotFoundError: It has no wheel of a package for that Python and these machines.
        MissingDependencyError: There is no pip.
    """
    kept = _cache()
    kept.mkdir(parents=True, exist_ok=True)
    words = [
        "--only-binary=:all:",
        "--no-deps",
        "--python-version",
        python,
        "--implementation",
        "cp",
    ]
    for minor in _GLIBC:
        words += ["--platform", f"manylinux_2_{minor}_{machine(platform)}"]
    words += ["--platform", f"manylinux2014_{machine(platform)}", *map(str, pins)]
    if _pip("download", "--no-index", "--find-links", kept, "--dest", into, *words).returncode:
        with tempfile.TemporaryDirectory(prefix=".coming-", dir=kept) as folder:
            for wheel in into.iterdir():
                wheel.unlink()
            _download(words, kept, Path(folder), (python, platform), build=build)
            for wheel in Path(folder).glob("*.whl"):
                wheel.replace(kept / wheel.name)
                shutil.copyfile(kept / wheel.name, into / wheel.name)
    return sorted(into.glob("*.whl"))


def _download(
    words: Sequence[str], kept: Path, into: Path, whose: tuple[str, str], *, build: bool
) -> None:
    built: set[str] = set()
    while True:
        done = _pip("download", "--find-links", kept, "--dest", into, *words)
        if not done.returncode:
            return
        found = _NO_WHEEL.search(done.stderr)
        if not build or found is None or found[1] in built:
            raise _refused(done.stderr, *whose)
        built.add(found[1])
        _build(found[1], kept)


def _build(pin: str, kept: Path) -> None:
    """Keeps the wheel of a package that has none, if it is one for every machine."""
    with tempfile.TemporaryDirectory(prefix=".coming-", dir=kept) as folder:
        # The same source gives the same wheel.
        time = {"SOURCE_DATE_EPOCH": str(TIME)}
        words = ("--no-deps", "--no-binary", pin.partition("==")[0], "--wheel-dir", folder, pin)
        _pip("wheel", *words, variables=time)
        for wheel in Path(folder).glob("*-none-any.whl"):
            wheel.replace(kept / wheel.name)


def needs(wheel: Path) -> list[Requirement]:
    """What a wheel says it needs."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        told = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))
    return [Requirement(text) for text in told.get_all("Requires-Dist") or ()]


def own(into: Path) -> Path:
    """Puts a wheel of this very `mlops` into a folder: what evaluated the model serves it.

    A checkout is built; of an installed package its files are put together again, wherever it
    came from.

    Raises:
        MlopsError: The checkout can't be built.
        MissingDependencyError: The installed package does not know its files.
    """
    into = into.resolve()
    source = Path(mlops_cli.__file__).resolve().parent.parent
    if not (source / "pyproject.toml").is_file():
        return _together(metadata.distribution(OWN), into)
    if importlib.util.find_spec("hatchling"):
        done = _python("hatchling", "build", "--target", "wheel", "--directory", into, cwd=source)
    else:
        done = _pip("wheel", "--no-deps", "--wheel-dir", into, source)
    if done.returncode:
        raise MlopsError(
            f"no wheel of mlops could be built from {source}: {_last(done.stderr)}",
            hint="pip install hatchling",
        )
    return next(into.glob("*.whl"))


def _together(installed: metadata.Distribution, into: Path) -> Path:
    """The wheel that an installed package came from, or would have."""
    library = Path(str(installed.locate_file(""))).resolve()
    record = f"{OWN.replace('-', '_')}-{installed.version}.dist-info/RECORD"
    left_out = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    files = sorted(
        str(file)
        for file in installed.files or ()
        if not str(file).startswith("..") and file.suffix != ".pyc" and file.name not in left_out
    )
    if not any(name.startswith("mlops_cli/") for name in files):
        raise MissingDependencyError(
            "this mlops does not know its own files", hint=f"pip install --force-reinstall {OWN}"
        )
    wheel = into / f"{OWN.replace('-', '_')}-{installed.version}-py3-none-any.whl"
    rows = io.StringIO()
    lines = csv.writer(rows, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            content = (library / name).read_bytes()
            archive.writestr(_entry(name), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            lines.writerow((name, f"sha256={digest.decode()}", len(content)))
        lines.writerow((record, "", ""))
        archive.writestr(_entry(record), rows.getvalue())
    return wheel


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def locked(wheels: Iterable[Path]) -> str:
    """Wheels as pip's lock: each version with the hash of its file."""
    lines = ["# The packages of the image, as mlops package found them. pip takes no other bytes."]
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{sha256(wheel)}")
    return "\n".join(lines) + "\n"


def _cache() -> Path:
    place = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(place, "mlops", "wheels")


def _pip(
    command: str, *words: object, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        # To look for the module would turn distutils into Python's own, in which setuptools fails.
        metadata.distribution("pip")
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            "mlops package needs pip, which this environment has not got",
            hint="python -m ensurepip, or: uv pip install pip",
        ) from error
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    return _python("pip", command, *quiet, *words, variables=variables)


def _python(
    module: str,
    *words: object,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _refused(said: str, python: str, platform: str) -> MlopsError:
    if any(word in said for word in _OFFLINE):
        return UnreachableError(
            "the package index does not answer, and not all wheels of the image are here",
            hint="try again with a network: what came once is kept",
        )
    missing = next((line for line in said.splitlines() if "No matching distribution" in line), "")
    if missing:
        return NotFoundError(
            f"there is no wheel of {missing.rpartition(' ')[2]} for Python {python} on {platform}",
            hint="image.python and image.base of another version, or install another one here",
        )
    return MlopsError(f"pip can't get the packages of the image: {_last(said)}")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it says nothing"])[-1][:300]
