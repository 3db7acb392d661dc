"""Real servers on loopback that hold data for DVC: S3, SSH, WebDAV and HTTP."""

import asyncio
import contextlib
import functools
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import asyncssh
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp

USER, PASSWORD = "ada", "correct horse"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def s3():
    """An emulated S3; its URL. It takes any key and secret."""
    port = free_port()
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(f"{url}/moto-api/data.json", process)
            yield url
        finally:
            process.kill()


def _wait(url, process):
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


class _Password(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (USER, PASSWORD)


class _Folder(asyncssh.SFTPServer):
    """The file system below one folder."""

    def __init__(self, channel, *, folder):
        super().__init__(channel, chroot=os.fspath(folder))


@contextlib.contextmanager
def ssh(folder):
    """A real SSH server that shows `folder`; its URL without a path."""
    port, ready, loop = free_port(), threading.Event(), asyncio.new_event_loop()

    async def listen():
        return await asyncssh.create_server(
            _Password,
            "127.0.0.1",
            port,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=functools.partial(_Folder, folder=folder),
        )

    def serve():
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(listen())
        ready.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(server.wait_closed())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield f"ssh://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextlib.contextmanager
def webdav(folder):
    """A real WebDAV server that shows `folder`; its URL without a path."""
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": os.fspath(folder)},
            "http_authenticator": {"domain_controller": None},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )
    # wsgiref's server would do, but for uploads of a length that is not told before.
    server = wsgi.Server(("127.0.0.1", 0), app)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"webdav://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(10)


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web(folder):
    """A web server that shows `folder` and takes nothing; its URL."""
    handler = functools.partial(_Files, directory=os.fspath(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, _serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextlib.contextmanager
def _serving(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)


@contextlib.contextmanager
def silence():
    """A server that takes connections and never answers; its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener.getsockname()[1]


@contextlib.contextmanager
def forwarded(port, to):
    """What connects to `port` reaches `to`."""

    async def pump(reader, writer):
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
        writer.close()

    async def connect(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", to)
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    loop, ready = asyncio.new_event_loop(), threading.Event()

    def serve():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(asyncio.start_server(connect, "127.0.0.1", port))
        ready.set()
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
