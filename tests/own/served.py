"""A real `mlops serve` process on a free port."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from own.servers import free_port


@dataclass(frozen=True)
class Served:
    """A server that answers: its address, its process, and the file of what it says.

    `context` is what a client of https trusts; None for http.
    """

    port: int
    process: subprocess.Popen
    log: Path
    context: ssl.SSLContext | None = None

    @property
    def url(self):
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"

    def ask(self, path="/predict", body=None, *, method=None, headers=None, seconds=30):
        """Status, headers and JSON (or bytes) of one request; `body` is sent as JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        asked = urllib.request.Request(
            self.url + path, data=content, method=method, headers=headers or {}
        )
        try:
            with urllib.request.urlopen(asked, timeout=seconds, context=self.context) as answer:
                return _read(answer.status, answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return _read(answer.code, answer)


def _read(status, answer):
    content = answer.read()
    found = answer.headers.get_content_type() == "application/json"
    return status, answer.headers, json.loads(content) if found and content else content


@contextlib.contextmanager
def serving(bundle, folder, *words, stop=signal.SIGTERM, context=None):
    """Serves a bundle with the settings in `words`; it must end in order on `stop`.

    Args:
        bundle: The bundle; None where `words` or the project's config say what is served.
        folder: Where the project is, and where the server's log goes.
        words: More of the command line, such as `serve.queue=8`.
        stop: What ends it; None where the test ends it itself.
        context: What a client of https trusts.
    """
    script = Path(sys.executable).with_name("mlops")
    port, log = free_port(), folder / f"serve-{time.monotonic_ns()}.log"
    named = () if bundle is None else ("--bundle", bundle)
    command = [script, "serve", *named, "--port", str(port), *words]
    environment = {name: it for name, it in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        server = Served(port, process, log, context)
        try:
            _wait(server)
            yield server
            if stop is not None:
                process.send_signal(stop)
                assert process.wait(60) == 0, log.read_text("utf-8")
        finally:
            process.kill()


def _wait(server):
    for _ in range(600):
        assert server.process.poll() is None, server.log.read_text("utf-8")
        with contextlib.suppress(OSError):
            if server.ask("/readyz", seconds=5)[0] == 200:
                return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text("utf-8"))
