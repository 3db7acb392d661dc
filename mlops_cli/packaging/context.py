"""The build context: every file of it the same, byte by byte, whenever it is written."""

import hashlib
import os
import shutil
import stat
from collections.abc import Container, Iterable, Mapping
from pathlib import Path, PurePosixPath

import yaml

from mlops_cli.errors import ConfigError, NotFoundError
from mlops_cli.files import sha256
from mlops_cli.packaging import shrink
from mlops_cli.packaging.dockerfile import HOME, MODEL
from mlops_cli.project import from_home
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.schemas.plain import plain
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.secret_files import is_secret
from mlops_cli.serving import own_code
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle

_NOT_SERVED = (
    # Of this machine, or secrets: an image has them from whoever runs it.
    "host", "port", "api_keys", "tls_cert", "tls_key", "models", "canary", "shadow", "bundles",
    "state",
)  # fmt: skip
_STATE = "/tmp/mlops-serving.json"


def bundle(found: Bundle, names: Iterable[str], folder: Path) -> None:
    """Puts the files of a bundle where the image has them.

    Args:
        found: The bundle.
        names: Of its files, those to take; `bundle.json` and a signature come along.
        folder: The context.
    """
    signature = [SIGNATURE] if (found.path / SIGNATURE).is_file() else []
    for name in (MANIFEST, *signature, *names):
        _copy(found.path / name, _inside(folder / "model", f"{MODEL}/{name}"))


def settings(config: ServeConfig, image: ImageConfig, folder: Path) -> None:
    """Writes the settings of the server, without what belongs to this machine.

    Args:
        config: Those of the project.
        image: The port, and files to add.
        folder: The context.

    Raises:
        ConfigError: A file to add would lie outside the server's folder, or holds a secret.
        NotFoundError: It is not there.
    """
    served = {name: value for name, value in plain(config).items() if name not in _NOT_SERVED}
    served |= {"host": "0.0.0.0", "port": image.port, "state": _STATE}
    text = "# As mlops package found them.\n" + yaml.safe_dump(
        {"defaults": ["base", "_self_"], "serve": served}, sort_keys=False, allow_unicode=True
    )
    place = _inside(folder / "settings", f"{HOME}/configs/config.yaml")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")
    for target, source in sorted(image.files.items()):
        _add(target, from_home(source), folder)


def scripts(folder: Path) -> None:
    """Puts in what the Dockerfile runs, as it stands here."""
    for name in ("shrink.py", "system.py"):
        shutil.copyfile(Path(__file__).with_name(name), folder / name)


def own_modules(found: Bundle, root: Path, folder: Path) -> bool:
    """Puts in the user's own Python packages that a task is made of.

    Args:
        found: The bundle.
        root: The project.
        folder: The context.

    Returns:
        Whether it is made of any.
    """
    for name in own_code.files(found, root):
        _copy(root / name, _inside(folder / "settings", f"{HOME}/{name}"))
    return bool(own_code.packages(found.task))


def _add(target: str, source: Path, folder: Path) -> None:
    path = PurePosixPath(target)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] in ((), ("configs",), ("model",)):
        raise ConfigError(
            f"image.files: {target!r} is no place for a file of yours",
            hint=f"a name below {HOME}, such as image.files={{words.txt: {source}}}",
        )
    if not source.exists():
        raise NotFoundError(f"image.files: there is no {source}", hint="seen from the project")
    found = (
        [source] if source.is_file() else sorted(one for one in source.rglob("*") if one.is_file())
    )
    for file in found:
        _refuse_secret(file)
        below = path if source.is_file() else path / file.relative_to(source).as_posix()
        _copy(file, _inside(folder / "settings", f"{HOME}/{below}"))


def _refuse_secret(file: Path) -> None:
    if is_secret(file):
        raise ConfigError(
            f"image.files: {file} looks like a secret, and whoever has an image has all its files",
            hint="give it to the container: docker run --env-file FILE, or --mount",
        )


def seal(folder: Path, programs: Container[str] = ()) -> str:
    """Gives every file of a context its mode, and a time that its content tells; sums them up.

    An engine takes a file of the same name, size and time for the one that it was sent before, and
    a model that was trained again has the size that it had. In the image everything has one time.

    Args:
        folder: The context.
        programs: Files that can be run, seen from it.

    Returns:
        SHA-256 over path, mode and content of each.
    """
    sums = {}
    for place, names, files in os.walk(folder, topdown=False):
        for path in (Path(place, name) for name in (*files, *names)):
            if path.is_symlink():
                os.utime(path, (shrink.TIME, shrink.TIME), follow_symlinks=False)
                continue
            if path.is_dir():
                continue
            path.chmod(0o755 if path.relative_to(folder).as_posix() in programs else 0o644)
            sums[path] = sha256(path)
            time = shrink.TIME + int(sums[path][:7], 16)  # Within nine years.
            os.utime(path, (time, time))
        Path(place).chmod(0o755)
        os.utime(place, (shrink.TIME, shrink.TIME))
    return digest(folder, sums)


def digest(folder: Path, sums: Mapping[Path, str] | None = None) -> str:
    """SHA-256 over path, mode and content of every file, and over what every link says.

    Args:
        folder: The folder.
        sums: SHA-256 of the files' content, where it is known.
    """
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file()):
        name, mode = file.relative_to(folder).as_posix(), file.lstat().st_mode
        if stat.S_ISLNK(mode):  # Its mode is the system's.
            total.update(f"{name} link {file.readlink()}\n".encode())
        else:
            content = sums[file] if sums else sha256(file)
            total.update(f"{name} {mode:o} {content}\n".encode())
    return total.hexdigest()


def _inside(layer: Path, path: str) -> Path:
    """Where a file lies in the context that the image has at `path`."""
    return layer / path.lstrip("/")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
