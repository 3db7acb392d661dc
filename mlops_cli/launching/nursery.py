"""Jobs as children of one warm process, see `warm`."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mlops_cli.errors import MlopsError
from mlops_cli.launching import Ended, Job

_LOADED = (
    "mlops_cli.training.job",
    "mlops_cli.cli",
    "mlops_cli.config.compose",
    "mlops_cli.models.scratch",
    "mlops_cli.models.pretrained",
)
"""What nearly every job needs."""


class Nursery:
    """Starts jobs through a warm process, and that process when it is first needed.

    Args:
        loaded: The modules that it has loaded.
    """

    def __init__(self, loaded: Sequence[str] = _LOADED) -> None:
        self._loaded = loaded
        self._server: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as we live
        self._jobs: set[str] = set()
        self._rest, self._worked = b"", False

    def start(self, job: Job, environment: dict[str, str]) -> None:
        """Asks for a child."""
        if self._server is None:
            self._server = subprocess.Popen(
                # -P: a folder of the project never shadows an installed package.
                [sys.executable, "-P", "-m", f"{__package__}.warm", *self._loaded],
                # Threads that its libraries began would not be there after a fork.
                env={"OPENBLAS_NUM_THREADS": "1", **environment},
                cwd=job.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                # Ctrl-C is for us to pass on: a job saves itself before it stops.
                start_new_session=True,
            )
        self._jobs.add(job.id)
        self._order(
            {
                "id": job.id,
                "words": job.words,
                "folder": str(job.folder),
                "log": str(job.log.resolve()),
                "environment": environment,
            }
        )

    def wait(self, seconds: float) -> list[Ended]:
        """The jobs that ended; all of them are lost where the warm process is.

        Raises:
            MlopsError: The warm process can't even begin.
        """
        until = time.monotonic() + seconds
        while self._server is not None:
            assert self._server.stdout is not None
            left = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self._server.stdout], [], [], left)
            if not ready:
                break
            received = os.read(self._server.stdout.fileno(), 65536)
            if not received:
                return self._lost()
            *lines, self._rest = (self._rest + received).split(b"\n")
            found = [Ended(**json.loads(line)) for line in lines if line]
            self._jobs.difference_update(ended.id for ended in found)
            self._worked = True
            if found:
                return found
        return []

    def signal(self, job_id: str, number: int) -> None:
        """Sends a signal to a job's process."""
        self._order({"id": job_id, "signal": int(number)})

    def close(self) -> None:
        """Ends the warm process."""
        if self._server is not None:
            self._server.communicate()
            self._server = None

    def _order(self, order: dict[str, Any]) -> None:
        if self._server is None or self._server.stdin is None:
            return
        with suppress(BrokenPipeError):  # `wait` tells that the jobs are lost
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()

    def _lost(self) -> list[Ended]:
        """The warm process is gone, which ends its children too."""
        self.close()
        found = [Ended(job, None) for job in self._jobs]
        self._jobs.clear()
        self._rest = b""
        if not self._worked:
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
            raise MlopsError(f"jobs can't be started: {lines[-1] if lines else 'no reason told'}")
        return found
