"""The template: its version, what it renders, and the render that a project keeps.

A project carries the render it was made from, untouched, in `.copier-base.zip`. It is what
`mlops update` merges from: git has it after a clone, a squashed merge or a rebase, where a ref or
a merge parent would be lost, and the template of an older mlops is nowhere to be had.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import CopierError

from mlops_cli import __version__
from mlops_cli.errors import ConfigError, DataError

ANSWERS = ".copier-answers.yml"
BASE = ".copier-base.zip"
_FROM_HISTORY = "bring back the one from history: git log --oneline -- {}"
_NO_PART = ("__pycache__", ".DS_Store")


@dataclass(frozen=True)
class File:
    """One rendered file."""

    content: bytes
    executable: bool = False


Render = dict[str, File]
"""Rendered files by their path in the project, with forward slashes."""


def version(template: Path) -> str:
    """The version of mlops and a hash of the template's content."""
    digest = hashlib.sha256()
    for path in sorted(template.rglob("*")):
        relative = path.relative_to(template)
        if path.is_file() and not set(relative.parts) & set(_NO_PART):
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()}\0{len(content)}\0".encode() + content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


def render(template: Path, answers: Mapping[str, Any], folder: Path) -> Render:
    """Renders the template into `folder` and returns what it made.

    Args:
        template: Folder with a `copier.yml`.
        answers: Answers to its questions; those left out take their defaults.
        folder: An empty or missing folder.

    Raises:
        ConfigError: The template doesn't take an answer.
    """
    context = {"template_version": version(template), "requirement": _requirement()}
    try:
        copier.run_copy(
            str(template),
            folder,
            data={**answers, **context},
            defaults=True,
            quiet=True,
            settings=copier.Settings(),
        )
    except (CopierError, ValueError) as error:
        raise ConfigError(f"the template doesn't take these answers: {error}") from error
    return read(folder)


def read(folder: Path) -> Render:
    """All files below `folder`."""
    return {
        path.relative_to(folder).as_posix(): File(
            path.read_bytes(), bool(path.stat().st_mode & 0o100)
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def pack(render: Render) -> bytes:
    """A render as a zip archive, the same bytes for the same render; the answers are left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(render.items()):
            if name != ANSWERS:
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = (0o100755 if file.executable else 0o100644) << 16
                archive.writestr(entry, file.content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(path: Path) -> Render:
    """The render that `pack` wrote to `path`.

    Raises:
        DataError: There is none, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                entry.filename: File(archive.read(entry), bool(entry.external_attr >> 16 & 0o100))
                for entry in archive.infolist()
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"no usable {BASE}, which tells what the template once gave to this project",
            hint=_FROM_HISTORY.format(BASE),
        ) from error


def read_answers(path: Path) -> tuple[str, dict[str, Any]]:
    """The template version and the answers that a project records.

    Raises:
        DataError: The file is damaged.
    """
    try:
        recorded = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"{path.name} is not YAML", hint=_FROM_HISTORY.format(path.name)) from error
    if not isinstance(recorded, dict):
        raise DataError(f"{path.name} holds no answers", hint=_FROM_HISTORY.format(path.name))
    answers = {key: value for key, value in recorded.items() if not str(key).startswith("_")}
    return str(recorded.get("_commit", "unknown")), answers


def _requirement() -> str:
    """What a project needs: this version of mlops and its compatible successors."""
    major, minor = __version__.split(".")[:2]
    below = f"0.{int(minor) + 1}" if major == "0" else str(int(major) + 1)
    return f"mlops-cli[train,data,package]>={__version__},<{below}"
