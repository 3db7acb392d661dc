"""The server: one process that listens, loads, answers, and stops in order."""

import asyncio
import contextlib
import errno
import importlib.util
import json
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import cast

import uvicorn

from mlops_cli.errors import MlopsError, UsageError
from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import app, auth, logs, memory, page, tls, traces
from mlops_cli.serving.auth import Keys
from mlops_cli.serving.connection import Connection
from mlops_cli.serving.pulse import Pulse
from mlops_cli.serving.service import Service
from mlops_cli.serving.startup import Starting
from mlops_cli.serving.traces import Tracing

_BACKLOG = 2048
_ACCEPTS = 32
"""New connections that are taken in one turn of the loop. Looking so often where one waits costs an
idle server 0.15 ms a connection."""
_KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept: longer than load balancers keep theirs (60), who
would else send a request over one that was just ended."""
_LAST_PORT = 65535
_FILES = 256
"""Files that are open beside connections: the model's, sockets that wait to be accepted."""


@dataclass(frozen=True)
class Listening:
    """A server that answers.

    Attributes:
        url: Where.
        model: Name of the first model.
        version: Name of its primary version.
        run: Id of the run it was made from.
        task: Name of the task.
        example: A body for `POST /predict`.
        models: The version that answers, by name of the model.
    """

    url: str
    model: str
    version: str
    run: str
    task: str
    example: str
    models: dict[str, str]


def run(
    starting: Starting,
    config: ServeConfig,
    *,
    on_ready: Callable[[Listening], None],
    warn: Callable[[str], None],
) -> None:
    """Serves bundles until SIGTERM or Ctrl-C; then requests under way are answered first.

    Args:
        starting: What is being loaded.
        config: Address and limits.
        on_ready: Told once, when requests are answered.
        warn: Told what a person should know, a line each.

    Raises:
        UsageError: The address can't be listened at.
        NotFoundError: There is no file of API keys.
        ConfigError: The API keys are none.
        MlopsError: See `Starting.loaded`.
    """
    keys = auth.load(config, pages=page.FILES)
    tls.check(config)
    if not keys and not tls.is_loopback(config.host):
        warn(f"{config.host} is no loopback address, and everybody may ask: see serve.api_keys")
    tracing = traces.configured(warn)
    listener = _listen(config)
    with contextlib.closing(listener):

        def ready() -> None:
            on_ready(_listening(listener, config, starting.operations.service))

        server = _Server(starting, keys, tracing, config, ready)
        logs.configure(config)
        server.run(sockets=listeners(listener))
    if tracing:
        tracing.close()
    if server.failure is not None:
        raise server.failure


class _Server(uvicorn.Server):
    """uvicorn that listens already while it loads, and for which SIGTERM is a normal end."""

    def __init__(
        self,
        starting: Starting,
        keys: Keys,
        tracing: Tracing | None,
        config: ServeConfig,
        ready: Callable[[], None],
    ) -> None:
        self.operations, self.service = starting.operations, starting.operations.service
        self.loaded, self.ready = starting.loaded, ready
        self.failure: MlopsError | None = None
        super().__init__(
            uvicorn.Config(
                app.build(self.service, keys, self.operations, tracing),
                http=_connections(config, self.service.pulse),
                log_level=logging.ERROR,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                ssl_certfile=config.tls_cert,
                ssl_keyfile=config.tls_key,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=max(1, round(config.drain_seconds)),
            )
        )

    async def main_loop(self) -> None:
        """Answers from the first moment, until all is loaded that it is starting."""
        loading = asyncio.create_task(self._load())
        await super().main_loop()
        self.service.draining = True
        await loading

    async def on_tick(self, counter: int) -> bool:
        """Looks how late the loop is and, once a second, ends connections whose time is over."""
        self.service.pulse.beat(asyncio.get_running_loop().time())
        if counter % 10 == 0:
            self._check_connections()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends connections once what they asked is answered."""
        checking = asyncio.create_task(self._keep_checking())
        await super().shutdown(sockets)
        checking.cancel()
        await self.operations.close()
        await asyncio.get_running_loop().run_in_executor(None, self.service.close)

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._check_connections()

    def _check_connections(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            cast(Connection, connection).check(now)

    async def _load(self) -> None:
        try:
            await asyncio.wrap_future(self.loaded)
            self.ready()
            await asyncio.get_running_loop().run_in_executor(None, memory.settle)
        except MlopsError as error:
            self.failure = error
        finally:
            # Whatever kept it from loading, it does not go on saying that it is starting.
            if not self.service.ready:
                self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends on SIGTERM and Ctrl-C, and does not raise them again afterwards."""
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal does not wait for requests under way."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _connections(config: ServeConfig, beats: Pulse) -> type[Connection]:
    """Connections with these limits and the loop's pulse, and as many open files as they need."""
    with contextlib.suppress(ImportError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = config.connections + _FILES
        if soft != resource.RLIM_INFINITY and soft < needed:
            most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))

    class Limited(Connection):
        limits = config
        pulse = beats

    return Limited


def listeners(listener: socket.socket) -> list[socket.socket]:
    """The socket so often that a loop takes many of those who wait in one turn.

    libuv takes one from each listener. Where refusals make a turn last 0.1 s, new clients would
    wait for seconds in a queue that nobody looks at. asyncio's own loop takes all who wait.
    """
    found = [listener]
    with contextlib.suppress(OSError):  # No more files may be open: it does with fewer.
        found += [listener.dup() for _ in range(_ACCEPTS - 1 if _has_libuv() else 0)]
    return found


def _has_libuv() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def _listen(config: ServeConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise _not_bound(config, error) from error
    listener.listen(_BACKLOG)
    return listener


def _not_bound(config: ServeConfig, error: OSError | UnicodeError) -> UsageError:
    """What is wrong with the address: its host or its port."""
    at = f"can't listen at {config.host}:{config.port}"
    host = "this machine alone: serve.host=127.0.0.1; every network: serve.host=0.0.0.0"
    if isinstance(error, socket.gaierror | UnicodeError):
        return UsageError(f"{at}: the host is no address that can be found", hint=host)
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL):
        return UsageError(f"{at}: the host is no address of this machine", hint=host)
    reason = (error.strerror or str(error)).lower()
    other = config.port + 1 if config.port < _LAST_PORT else config.port - 1
    return UsageError(f"{at}: {reason}", hint=f"serve.port={other}, or 0 for a free one")


def _listening(listener: socket.socket, config: ServeConfig, service: Service) -> Listening:
    version = service.find()
    port = listener.getsockname()[1]
    host = f"[{config.host}]" if ":" in config.host else config.host
    return Listening(
        url=f"http{'s' if config.tls_cert else ''}://{host}:{port}",
        model=version.model,
        version=version.name,
        run=version.bundle.run,
        task=version.task.name,
        example=json.dumps({"inputs": [version.contract.example_row()]}, ensure_ascii=False),
        models={name: entry.primary for name, entry in service.models.items()},
    )
