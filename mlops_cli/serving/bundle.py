"""The bundle: what leaves training and is predicted with, served and deployed.

    model.onnx       the network; weights inside (beside it beyond 2 GB)
    model_*.onnx     the same network made faster, where the export was asked for it
    tokenizer.json   or whatever files the task saves
    config.json      the network's own config, where it has one
    reference.json   the training distribution, which drift is measured against
    bundle.json      what it is, where it comes from, how good it is; SHA-256 of every other file
    model.sig        the signature of all of it, where it was signed: see `signatures`

`bundle.json` guards itself too: its `digest` is the SHA-256 of its own bytes with an empty digest.
Its `code`, where the task is the user's own, tells the files that the task is made of: see
`own_code`. Of its `graphs`, `preferred` is the one to answer with; a bundle without these parts has
one graph. The files of the others may be missing, as in an image that has no use for them. A
graph's `tables` are those that its sessions share: see `graph_tables`.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_cli.errors import DataError, NotFoundError, UsageError
from mlops_cli.files import sha256

FORMAT = 1
"""Version of the layout. A reader refuses newer ones."""
MANIFEST = "bundle.json"
SIGNATURE = "model.sig"
GRAPH = "model.onnx"
PLAIN = "plain"
"""Name of the graph in `GRAPH`: as it was exported, in float32."""
REFERENCE = "reference.json"
_READERS = 4
"""Files that are checked at once by a command that waits for it."""

_EXPORT_AGAIN = "make it again: mlops export --onnx"
_PARTS: dict[str, type] = {
    "task": dict,
    "labels": list,
    "columns": dict,
    "lineage": dict,
    "metrics": dict,
    "parity": dict,
    "files": dict,
    "digest": str,
}
"""What a reader relies on."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        path: Its folder.
        facts: What `bundle.json` says.
    """

    path: Path
    facts: dict[str, Any]

    @property
    def graph(self) -> Path:
        """The network that answers unless another graph is asked for."""
        return self.graph_file()

    @property
    def graphs(self) -> dict[str, dict[str, Any]]:
        """What is recorded of each graph, by its name; `file` is always there."""
        found: dict[str, dict[str, Any]] = self.facts.get("graphs") or {PLAIN: {"file": GRAPH}}
        missing = self.left_out
        return {name: one for name, one in found.items() if one["file"] not in missing}

    @cached_property
    def left_out(self) -> frozenset[str]:
        """Files of other graphs than the preferred one that are not there."""
        return frozenset(name for name in others(self.facts) if not (self.path / name).is_file())

    @property
    def preferred(self) -> str:
        """Name of the graph that was the fastest of those that passed the gates."""
        return str(self.facts.get("preferred", PLAIN))

    def graph_file(self, name: str | None = None) -> Path:
        """The file of a graph.

        Args:
            name: A key of `graphs`; None takes the preferred one.

        Raises:
            UsageError: There is no such graph.
        """
        name = name or self.preferred
        if name not in self.graphs:
            raise UsageError(
                f"the bundle {self.path} has no graph {name!r}",
                hint=f"it has {', '.join(self.graphs)}",
            )
        return self.path / str(self.graphs[name]["file"])

    @property
    def task(self) -> dict[str, Any]:
        """The spec that `tasks.load` takes."""
        spec: dict[str, Any] = self.facts["task"]
        return spec

    @property
    def columns(self) -> dict[str, str]:
        """What the training data called the task's input columns and the label."""
        names: dict[str, str] = self.facts["columns"]
        return names

    @property
    def run(self) -> str:
        """Id of the run it was made from."""
        return str(self.facts["lineage"].get("run", ""))

    @property
    def digest(self) -> str:
        """SHA-256 that stands for the whole content."""
        return str(self.facts["digest"])

    def reference(self) -> dict[str, Any]:
        """The training distribution."""
        content: dict[str, Any] = json.loads((self.path / REFERENCE).read_text("utf-8"))
        return content


def load(folder: Path, *, verify: bool = True) -> Bundle:
    """Reads a bundle.

    Args:
        folder: Where it lies.
        verify: Also check that no byte of any file changed since the export.

    Raises:
        NotFoundError: There is no bundle.
        DataError: It is damaged, was changed, or is of a newer format.
    """
    bundle = listed(folder, verify=verify)
    if verify:
        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(partial(verify_file, bundle), expected(bundle)))
    return bundle


def listed(folder: Path, *, verify: bool = True) -> Bundle:
    """A bundle of which nothing but `bundle.json` is looked at; see `load`."""
    file = folder / MANIFEST
    if not file.is_file():
        raise _not_found(folder)
    raw = _read(file)
    facts = _parse(file, raw)
    if verify and _digest(raw, facts["digest"]) != facts["digest"]:
        raise DataError(f"{file} was changed after the export", hint=_EXPORT_AGAIN)
    return Bundle(folder, facts)


def others(facts: dict[str, Any]) -> frozenset[str]:
    """Files of the graphs beside the one that is preferred."""
    graphs: dict[str, dict[str, Any]] = facts.get("graphs") or {}
    preferred = facts.get("preferred", PLAIN)
    found = {str(one["file"]) for name, one in graphs.items() if name != preferred}
    found -= {str(graphs[preferred]["file"])} if preferred in graphs else set()
    return frozenset(name for name in facts.get("files", ()) if name.removesuffix(".data") in found)


def expected(bundle: Bundle) -> list[str]:
    """The files that must be there, and those of other graphs that are."""
    optional = others(bundle.facts)
    files = bundle.facts["files"]
    return [name for name in files if name not in optional or (bundle.path / name).exists()]


def write(folder: Path, facts: dict[str, Any]) -> Bundle:
    """Writes `bundle.json` over the files that lie in `folder`.

    Args:
        folder: Holds every other file of the bundle.
        facts: What to record; format, file hashes and digest are added.
    """
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    files = {name: _sha256(folder / name) for name in names if name not in (MANIFEST, SIGNATURE)}
    facts = {"format": FORMAT, **facts, "files": files, "digest": ""}
    raw = (json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    facts["digest"] = hashlib.sha256(raw).hexdigest()
    sealed = raw.replace(_field(""), _field(facts["digest"]))
    (folder / MANIFEST).write_bytes(sealed)
    return Bundle(folder, facts)


def _not_found(folder: Path) -> NotFoundError:
    for near in (folder / "bundle", folder.parent):
        if (near / MANIFEST).is_file():
            return NotFoundError(f"no bundle in {folder}", hint=f"did you mean {near}?")
    what = f"no bundle in {folder}" if folder.is_dir() else f"no folder {folder}"
    if folder.is_file():
        what = f"{folder} is a file, not a bundle's folder"
    return NotFoundError(what, hint="make a bundle of a trained model: mlops export --onnx")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} can't be read ({error.strerror})") from error


def _parse(file: Path, raw: bytes) -> dict[str, Any]:
    """The facts, with every part that a reader relies on there and of its type."""
    try:
        facts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON", hint=_EXPORT_AGAIN) from error
    version = facts.get("format") if isinstance(facts, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DataError(f"{file} is no bundle.json of ours: it names no format", hint=_EXPORT_AGAIN)
    if version > FORMAT:
        raise DataError(
            f"{file} has format {version}; this mlops reads up to {FORMAT}",
            hint="pip install --upgrade mlops-cli",
        )
    for name, kind in _PARTS.items():
        if not isinstance(facts.get(name), kind):
            raise DataError(f"{file} is damaged: no proper {name!r} in it", hint=_EXPORT_AGAIN)
    if not isinstance(facts.get("code", {}), dict):
        raise DataError(f"{file} is damaged: no proper 'code' in it", hint=_EXPORT_AGAIN)
    for name, hashed in facts["files"].items():
        if not _is_inside(name) or not isinstance(hashed, str):
            raise DataError(
                f"{file} lists a file outside the bundle: {name!r}", hint="don't use this bundle"
            )
    if GRAPH not in facts["files"]:
        raise DataError(f"{file} is damaged: it lists no {GRAPH}", hint=_EXPORT_AGAIN)
    _check_graphs(file, facts)
    found: dict[str, Any] = facts
    return found


def _check_graphs(file: Path, facts: dict[str, Any]) -> None:
    """Refuses graphs that are no files of the bundle; older bundles list none."""
    graphs = facts.get("graphs", {})
    listed = list(graphs.values()) if isinstance(graphs, dict) else [None]
    files = [one.get("file") if isinstance(one, dict) else None for one in listed]
    if not all(name in list(facts["files"]) for name in files):
        raise DataError(f"{file} is damaged: no proper 'graphs' in it", hint=_EXPORT_AGAIN)
    if facts.get("preferred", PLAIN) not in list(graphs or (PLAIN,)):
        raise DataError(f"{file} is damaged: its preferred graph is none", hint=_EXPORT_AGAIN)


def _is_inside(name: str) -> bool:
    """Whether a listed name is a plain relative path below the bundle, on any system."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and path.as_posix() == name
    return plain and name not in (".", MANIFEST, SIGNATURE) and not set(name) & set("\\:\0")


def verify_file(bundle: Bundle, name: str) -> None:
    """Refuses a file that is not as it was exported.

    Raises:
        DataError: It is missing, was changed, or leads out of the bundle.
    """
    folder, file = bundle.path, bundle.path / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{file} is a link out of the bundle", hint=_EXPORT_AGAIN)
    if not file.is_file():
        raise DataError(f"{file} is missing from the bundle", hint=_EXPORT_AGAIN)
    if _sha256(file) != bundle.facts["files"][name]:
        raise DataError(f"{file} was changed after the export", hint=_EXPORT_AGAIN)


def _sha256(file: Path) -> str:
    try:
        return sha256(file)
    except OSError as error:
        raise DataError(f"{file} can't be read ({error.strerror})") from error


def _field(digest: str) -> bytes:
    """The last field of `bundle.json` as it stands there."""
    return f'\n  "digest": "{digest}"\n}}\n'.encode()


def _digest(raw: bytes, digest: str) -> str:
    """SHA-256 of the bytes of a `bundle.json` before it was sealed with `digest`."""
    return hashlib.sha256(raw.replace(_field(digest), _field(""))).hexdigest()
