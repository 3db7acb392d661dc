"""A real MLflow server on loopback, in an environment of its own: MLflow whole is large."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path

ENVIRONMENT = Path(__file__).resolve().parents[2] / "build" / "mlflow"


def installed():
    """The `mlflow` command of the version that the client has; installed the first time."""
    command = ENVIRONMENT / "bin" / "mlflow"
    ENVIRONMENT.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test processes may want it at once.
        if not command.exists():
            subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
            wanted = f"mlflow=={metadata.version('mlflow-skinny')}"
            pip = [ENVIRONMENT / "bin" / "pip", "install", "--quiet", wanted]
            subprocess.run(pip, check=True)
    return command


class Server:
    """A server that can be ended and started again on the same port and store."""

    def __init__(self, folder, port):
        self.url, self._folder, self.port = f"http://127.0.0.1:{port}", folder, port
        self._process = None

    def start(self):
        command = [
            *(installed(), "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{self._folder / 'store.db'}"),
            *("--artifacts-destination", self._folder / "artifacts", "--workers", "1"),
        ]
        environment = {
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        log = (self._folder / "server.log").open("a")
        self._process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        for _ in range(600):
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/health", timeout=1).close()
                return
            time.sleep(0.1)
        raise AssertionError("no MLflow server answers")

    def pause(self):
        """It goes on taking connections and answers no more."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self._process.pid, signal.SIGCONT)

    def kill(self):
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
