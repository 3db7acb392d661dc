"""Who keeps what is served in a file: one server at a time.

The lock ends with the process that holds it, however that ends: a server that is started again
after a kill keeps its state at once.
"""

from pathlib import Path
from typing import IO

from mlops_cli import lock
from mlops_cli.errors import MlopsError
from mlops_cli.serving import state as states
from mlops_cli.serving.plan import Wanted
from mlops_cli.serving.state import State


class Keeper:
    """Keeps what a server serves in its file, unless another server does so already.

    Args:
        file: Where the state is kept.
        wanted: What the server was asked to serve.
    """

    def __init__(self, file: Path, wanted: Wanted) -> None:
        self.file, self.wanted = file, wanted
        self.other: str | None = None
        self._lock: IO[str] | None = None

    def take(self) -> bool:
        """Whether the file is this server's from now on; else `other` is the process it belongs to.

        Where no lock can be made, because the disk is read-only or knows none, it is.
        """
        if self._lock is not None:
            return True
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            found = lock.take(self.file.with_name(f"{self.file.name}.lock"))
        except OSError:
            return True
        if isinstance(found, str):
            self.other = found
            return False
        self._lock, self.other = found, None
        return True

    def write(self, state: State) -> bool:
        """Writes the state; False where the file is another server's.

        One that another server kept until it ended is taken over, as by a restart that did not
        wait for the end, but not where it tells of something else that was asked for.

        Raises:
            OSError: It can't be written.
        """
        other = self.other
        if not self.take():
            return False
        if other is not None and not self._is_of_the_same():
            self.close()
            self.other = other
            return False
        states.write(self.file, state)
        return True

    def close(self) -> None:
        """Leaves the file to others."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _is_of_the_same(self) -> bool:
        try:
            kept = states.read(self.file)
        except MlopsError:
            return True
        return kept is None or kept.wanted == self.wanted
