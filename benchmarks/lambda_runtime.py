"""The runtime client of AWS Lambda with a function in it, asked by a stand-in of Lambda's side.

The client is the real one (`awslambdaric`), in a process of its own; the stand-in speaks the
Runtime API that it asks: the next event, where to put its answer, and where to tell what failed.
"""

import contextlib
import json
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import installed

from mlops_cli.packaging import context
from mlops_cli.packaging.dockerfile import HOME, MODEL
from mlops_cli.schemas.image import ImageConfig
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import bundle as bundles

CLIENT = (sys.executable, "-m", "awslambdaric", "mlops_cli.serving.aws_lambda.handler")
TOLD = {
    "AWS_LAMBDA_RUNTIME_API": "",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "1",
    "AWS_REGION": "eu-west-1",
}
"""What Lambda tells a function."""
_VERSION = "/2018-06-01/runtime"
_SECONDS = 60.0


def lay_out(bundle: Path, home: Path) -> None:
    """Lays a bundle and settings out in a new folder as the image of a function has them."""
    found, laid = bundles.load(bundle), home.with_name(f"{home.name}.context")
    context.settings(ServeConfig(), ImageConfig(), laid)
    context.bundle(found, found.facts["files"], laid)
    shutil.move(laid / "settings" / HOME[1:], home)
    shutil.move(laid / "model" / MODEL[1:], home / "model")
    shutil.rmtree(laid)


def request(
    method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A request as API Gateway's HTTP APIs hand it on (payload format 2.0)."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example.com", "content-type": "application/json"},
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
        },
        "isBase64Encoded": False,
    }
    event["headers"] |= headers or {}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


@dataclass
class FunctionError(Exception):
    """The function, or the loading of it, ended with an error, which Lambda is told."""

    kind: str
    message: str


@dataclass(frozen=True)
class Post:
    """What goes to the client, and what came from it.

    Attributes:
        events: Name and content of those that wait for it.
        answers: Kind and content, by the event's name; `init` is an error of loading.
        came: Told whenever something came.
        asked: Whether it asked for an event, or told that it can't.
    """

    events: "queue.Queue[tuple[str, bytes]]" = field(default_factory=queue.Queue)
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    came: threading.Condition = field(default_factory=threading.Condition)
    asked: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Runtime:
    """A function that waits for events.

    Attributes:
        process: The runtime client.
        log: What it writes.
        init: Seconds from its start until it asked for its first event.
        post: Between it and us.
    """

    process: subprocess.Popen[bytes]
    log: Path
    init: float
    post: Post

    def invoke(self, event: Any) -> Any:
        """What the function says of an event.

        Raises:
            FunctionError: It ended with an error.
        """
        name = str(uuid.uuid4())
        self.post.events.put((name, json.dumps(event).encode()))
        return self._answer(name)

    def ask(self, *words: Any, **more: Any) -> tuple[int, Any]:
        """Status and answer of a `request`."""
        told = self.invoke(request(*words, **more))
        try:
            return told["statusCode"], json.loads(told["body"])
        except ValueError:
            return told["statusCode"], told["body"]

    def _answer(self, name: str) -> Any:
        post, until = self.post, time.monotonic() + _SECONDS
        with post.came:
            while not {name, "init"} & post.answers.keys():
                if self.process.poll() is not None and not post.came.wait(1.0):
                    raise FunctionError("Exit", self.log.read_text("utf-8", "replace")[-2000:])
                if time.monotonic() > until:
                    raise TimeoutError(self.log.read_text("utf-8", "replace")[-2000:])
                post.came.wait(0.2)
            kind, body = post.answers.get(name) or post.answers["init"]
        told = json.loads(body)
        if kind == "error":
            raise FunctionError(told["errorType"], told["errorMessage"])
        return told


def _serve(post: Post) -> type[BaseHTTPRequestHandler]:
    """What answers the client."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # An answer goes out as one packet, and is not waited for.
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def do_GET(self) -> None:
            """The next event, as soon as there is one."""
            post.asked.set()
            name, body = post.events.get()
            self._send(
                body,
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": name,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + _SECONDS) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:f",
                    "Lambda-Runtime-Trace-Id": "Root=1-0",
                },
            )

        def do_POST(self) -> None:
            """An answer, or an error."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = re.fullmatch(rf"{_VERSION}/invocation/([^/]+)/(response|error)", self.path)
            with post.came:
                if found:
                    post.answers[found[1]] = (found[2], body)
                else:
                    post.answers["init"] = ("error", body)
                post.came.notify_all()
            post.asked.set()
            self._send(b"{}", {}, 202)

        def _send(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Door


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: a client that is ended hangs up."""


@contextlib.contextmanager
def running(
    home: Path, log: Path, command: Sequence[str] = CLIENT, **variables: str
) -> Iterator[Runtime]:
    """A function in the real runtime client.

    Args:
        home: The folder that has its settings and its model.
        log: Gets what it writes.
        command: Starts the client.
        variables: More of its environment.
    """
    post = Post()
    with _Server(("127.0.0.1", 0), _serve(post)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            **installed.environment(),
            **TOLD,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "LAMBDA_TASK_ROOT": str(home),
            "MLOPS_HOME": str(home),
            **variables,
        }
        with log.open("wb") as written:
            began = time.monotonic()
            process = subprocess.Popen(
                command,
                cwd=home,
                env=environment,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            while not post.asked.wait(0.05) and process.poll() is None:
                if time.monotonic() - began > _SECONDS:
                    raise TimeoutError(log.read_text("utf-8", "replace")[-2000:])
            yield Runtime(process, log, time.monotonic() - began, post)
        finally:
            process.terminate()
            process.wait(20)
            server.shutdown()
