"""Versions loaded while others answer, by name, run or folder, from where that is allowed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlops_cli.errors import GateError, MlopsError, NotFoundError
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import memory
from mlops_cli.serving import version as versions
from mlops_cli.serving.refusals import Conflict, Forbidden, Unknown, Unprocessable, Untrusted
from mlops_cli.serving.service import Model, Service
from mlops_cli.serving.version import Version

_ANOTHER = "load it as a model of its own, under another name"


@dataclass(frozen=True)
class Loader:
    """Loads versions.

    Attributes:
        service: Where they are to answer.
        find: The folder of a bundle by what a person calls it: a run, or a folder.
        folders: Only bundles below these are loaded.
    """

    service: Service
    find: Callable[[str], Path]
    folders: list[Path]

    async def load(self, model: str, words: str, *, digest: str | None = None) -> Version:
        """A version, loaded and warm, among those of its model; a new name makes a new model.

        Args:
            model: Name of the model.
            words: A version that is loaded, a run, or the folder of a bundle. A run that was
                exported again since it was loaded is the run as it is now.
            digest: What the bundle's content has to be; None takes any.

        Raises:
            Refusal: There is no such bundle, it is damaged or was changed, it lies where none may
                be loaded from, takes other columns than the model, is not signed as required, or
                is another one than `digest` says.
        """
        entry = self.service.models.get(model)
        before = dict(entry.versions) if entry else {}
        load = partial(self._find, model, words, digest, before.get(words))
        try:
            found = await asyncio.get_running_loop().run_in_executor(None, load)
        except NotFoundError as error:
            raise Unknown(error.message, hint=error.hint) from error
        except GateError as error:
            raise Untrusted(error.message, hint=error.hint) from error
        except MlopsError as error:
            raise Unprocessable(error.message, hint=error.hint) from error
        if entry is not None and before.get(found.name) is not entry.versions.get(found.name):
            raise Conflict(f"{found.name} was taken down meanwhile", hint="try again")
        if entry is None:
            self.service.models[model] = Model(model, found.name, {found.name: found})
        else:
            entry.versions[found.name] = found
        return found

    def prepare(self, model: str, folder: Path, *, digest: str | None = None) -> Version:
        """A version, loaded and warm, that is not among those of its model yet.

        Args:
            model: Name of the model.
            folder: The bundle.
            digest: What its content has to be; None takes any.

        Raises:
            NotFoundError: There is no bundle.
            DataError: It is damaged or was changed.
            GateError: It is not signed as it has to be.
            Conflict: It takes other columns than the model, or its content is another.
        """
        entry = self.service.models.get(model)
        reading = self.service.read(folder)
        read = reading.whole.result()
        if digest not in (None, read.digest):
            raise Conflict(
                f"{folder} holds another bundle by now, not the one that answered before",
                hint="promote the version that is to answer",
            )
        loaded = list(entry.versions.values()) if entry else []
        for known in loaded:
            if known.bundle.digest == read.digest:
                return known
        name = versions.name_of(read)
        if name in [one.name for one in loaded]:
            name = f"{name}-{read.digest[:8]}"  # The same run, exported another way.
        fresh = versions.load(reading, self.service.config, model=model, version=name)
        ours = fresh.task.encoder.cells
        if entry is not None and ours != entry.first.task.encoder.cells:
            fresh.engine.close()
            raise Conflict(
                f"{name} takes the columns {', '.join(ours)}, and model {model} takes "
                f"{', '.join(entry.first.task.encoder.cells)}",
                hint=_ANOTHER,
            )
        return fresh

    def _find(self, model: str, words: str, digest: str | None, loaded: Version | None) -> Version:
        """What the words mean: what is loaded by that name, or a bundle."""
        try:
            folder = self.find(words).resolve()
        except MlopsError:
            if loaded is None:
                raise
            return loaded
        if loaded is not None and not _exported_again(folder, loaded):
            return loaded
        if not any(folder.is_relative_to(one.resolve()) for one in self.folders):
            raise Forbidden(
                f"bundles may not be loaded from {words[:200]}",
                hint="name a run of the project, or a folder in it or below serve.bundles",
            )
        found = self.prepare(model, folder, digest=digest)
        memory.settle()
        return found


def _exported_again(folder: Path, loaded: Version) -> bool:
    """Whether a folder holds another bundle of the very run that a version was made from."""
    try:
        found = bundles.listed(folder)
    except MlopsError:
        return False
    return found.digest != loaded.bundle.digest and versions.name_of(found) == loaded.name


def check_beside(entry: Model, target: Version) -> None:
    """Refuses a version that can't be asked what the primary is asked, or answers something else.

    A canary reads its requests itself, and what it does not find there it refuses: that is no
    failure that the primary could make good.

    Args:
        entry: The model.
        target: What is to be its canary or its shadow.

    Raises:
        Conflict: Its columns are in another order, or clients call them otherwise; or its answers
            have other parts. Its labels may be others.
    """
    primary, named = entry.first, f"model {entry.name}"
    ours, theirs = target.task.encoder, primary.task.encoder
    for what, one, other in (
        ("takes the columns", list(ours.cells), list(theirs.cells)),
        ("predicts", [target.task.head.kind], [primary.task.head.kind]),
        ("answers with", target.task.head.columns(2), primary.task.head.columns(2)),
    ):
        if one != other:
            raise Conflict(
                f"{target.name} {what} {', '.join(one)}, and {named} {what} {', '.join(other)}",
                hint=_ANOTHER,
            )
    for column in theirs.columns:
        asked = primary.bundle.columns.get(column, column)
        if asked not in (column, target.bundle.columns.get(column)):
            raise Conflict(f"{target.name} has no column {asked}, as {named} has", hint=_ANOTHER)
    if theirs.optional and not ours.optional:
        raise Conflict(f"{target.name} takes no row that lacks a column", hint=_ANOTHER)
