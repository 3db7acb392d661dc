"""`mlops push`: send what the project tracks to a remote.

What the remote holds is asked each time, with its size, and never remembered: a push that was
killed is completed by the next one, and a file that arrived only in part is sent again. What is
about to be sent is read and hashed first, so that no wrong bytes travel under a right name.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from dvc.repo import Repo

from mlops_cli.errors import DataError, MlopsError
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.remotes import PushResult
from mlops_cli.schemas.versions import Held
from mlops_cli.versioning import objects
from mlops_cli.versioning.connection import Connection, connect
from mlops_cli.versioning.failures import understood
from mlops_cli.versioning.objects import Object, Tracked
from mlops_cli.versioning.repository import opened
from mlops_cli.versioning.transfer import send
from mlops_cli.wording import counted


def run(
    root: Path,
    reporter: Reporter,
    *,
    targets: Sequence[str] = (),
    remote: str | None = None,
    beside: Sequence[Held] = (),
) -> PushResult:
    """Sends tracked files that the remote lacks.

    Args:
        root: The project.
        reporter: Hears the progress, and of changes that are not sent.
        targets: Files, folders, .dvc files or stages; everything if empty.
        remote: Name of the remote; the default one's if None.
        beside: Folders that DVC holds and no .dvc file of the project names, to be sent as well.

    Raises:
        NotFoundError: There is no DVC project, a target is not tracked, or the bucket is missing.
        ConfigError: There is no such remote.
        MissingDependencyError: A package, a credential or a permission is missing.
        UnreachableError: The remote does not answer.
        DataError: Files are missing or damaged in the cache; all others were sent.
    """
    began = time.monotonic()
    with opened(root, locked=True) as repo:
        tracked = objects.collect(repo, targets, remote)
        tracked += [objects.not_laid_out(repo, held) for held in beside]
        connection = connect(repo, remote)
        connection.reach()
        differing, _ = objects.changed(tracked)
        if differing:
            reporter.warn(
                f"{objects.shown(differing)}: changed since DVC took it, and sent without the "
                "change (dvc commit takes it)"
            )
        plan = _Plan(repo, connection, tracked)
        sizes = {item.oid: objects.size_in_cache(repo, item) for item in plan.to_send}
        plan.drop_damaged_in_remote()
        if plan.to_send:
            connection.make_folder()
            sent, failures = send(repo, connection, plan.to_send, sizes, reporter)
            plan.require_sent(sent, failures)
        plan.require_whole()
        return PushResult(
            remote=connection.remote.name,
            url=connection.remote.url,
            files=len(plan.wanted),
            sent=len(plan.to_send),
            bytes=sum(sizes.values()),
            repaired=len(plan.damaged_there),
            changed=differing,
            seconds=time.monotonic() - began,
        )


class _Plan:
    """What is to be sent, and what can't be.

    Attributes:
        wanted: Every object that the targets are made of.
        to_send: Those that the remote lacks, or holds in part, and that the cache holds.
        damaged_there: Those of `to_send` that the remote holds with the wrong size.
        damaged_here: Those that the cache holds with wrong bytes.
        lost: Those that neither holds.
    """

    def __init__(self, repo: Repo, connection: Connection, tracked: Sequence[Tracked]) -> None:
        self._connection = connection
        unread = [item for item in tracked if not item.read_list()]
        every = {piece.oid: piece for item in tracked for piece in item.objects}
        self.wanted = list(every.values())
        there = connection.sizes(self.wanted)
        here, wrong = objects.present(repo, self.wanted)
        self.damaged_there = [
            piece
            for piece in self.wanted
            if piece.oid in here and objects.is_partial(repo, piece, there)
        ]
        again = {piece.oid for piece in self.damaged_there}
        lacking = [piece for piece in self.wanted if piece.oid not in there or piece.oid in again]
        candidates = [piece for piece in lacking if piece.oid in here]
        rotten = {piece.oid for piece in candidates if not objects.read_again(repo, piece)} | wrong
        self.damaged_here = [piece for piece in lacking if piece.oid in rotten]
        self.lost = [piece for piece in lacking if piece.oid not in here and piece.oid not in wrong]
        # A list in the remote promises that all of its files are there.
        broken = rotten | {piece.oid for piece in self.lost}
        held_back = {
            item.list_object.oid
            for item in tracked
            if item.list_object
            and (item in unread or any(piece.oid in broken for piece in item.files))
        }
        # Part of a folder is no reason to promise the whole.
        held_back |= {item.list_object.oid for item in tracked if item.list_object and item.only}
        self.to_send = [
            piece for piece in candidates if piece.oid not in rotten and piece.oid not in held_back
        ]
        sending = {piece.oid for piece in self.to_send}
        self.damaged_there = [piece for piece in self.damaged_there if piece.oid in sending]

    def drop_damaged_in_remote(self) -> None:
        """Makes room: some copies leave alone what is there."""
        for piece in self.damaged_there:
            store = self._connection.store(piece.hash_name)
            try:
                store.fs.remove(store.oid_to_path(piece.oid))
            except understood() as error:
                raise self._connection.explain(error) from error

    def require_sent(self, sent: int, failures: dict[str, BaseException]) -> None:
        """Raises an error when something could not be sent."""
        if failures:
            told = self._connection.explain(next(iter(failures.values())))
            raise type(told)(
                f"{told.message} ({sent} of {counted(len(self.to_send), 'file')} sent)",
                hint=told.hint or "mlops push goes on where it stopped",
            )

    def require_whole(self) -> None:
        """Raises an error when the cache lacks something that the remote lacks, too."""
        name = self._connection.remote.name
        if self.damaged_here:
            raise _unsent(self.damaged_here, "damaged in the cache", f"mlops pull --remote {name}")
        if self.lost:
            raise _unsent(
                self.lost, "in neither the cache nor the remote", "dvc add or dvc repro makes them"
            )


def _unsent(pieces: Sequence[Object], state: str, hint: str) -> MlopsError:
    names = [piece.name for piece in pieces]
    return DataError(f"{objects.shown(names)}: {state}; all else was sent", hint=hint)
