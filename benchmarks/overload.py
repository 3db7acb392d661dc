"""A server that is offered three times what it can do: who gets an answer, when, and at what cost.

    python benchmarks/overload.py BUNDLE [--seconds 300] [--factor 3] [--deadline-ms 2000]

Measures the capacity with clients that wait for their answers; then sends requests at a fixed rate
whether or not answers come (each latency counts from when the request was due), and last at half
the capacity, to see how soon all is well again.
"""

import argparse
import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_WORDS = ["the", "boy", "quiet", "queen", "blamed", "himself", "and", "watered", "every", "plant"]
_CLIENTS = 32
_MOST_CONNECTIONS = 1000


@dataclass
class Counted:
    """What came of the requests of one phase."""

    statuses: Counter[str] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def percentile(self, share: float, times: list[float]) -> float:
        """A percentile of times in ms; 0 without any."""
        found = sorted(times)
        return found[min(len(found) - 1, int(len(found) * share))] * 1000 if found else 0.0


class Connections:
    """Connections to a server that are used again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self.open = 0

    async def ask(self, request: bytes) -> tuple[str, bool]:
        """The status of a request, and whether it says when to try again."""
        used = None
        try:
            reader, writer = used = self._open_one() or await self._connect()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        except (OSError, asyncio.IncompleteReadError):
            if used:
                used[1].close()
            self.open -= 1
            return "lost", False
        self.idle.append((reader, writer))
        return head.split()[1].decode(), b"retry-after: " in head

    def _open_one(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The connection that was used last, of those that the server has not ended."""
        while self.idle:
            found = self.idle.pop()
            if not found[0].at_eof():
                return found
            found[1].close()
            self.open -= 1
        return None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.open += 1
        return await asyncio.open_connection("127.0.0.1", self.port)


def requests(count: int = 500) -> list[bytes]:
    """Requests of one sentence each, of unlike lengths."""
    drawn = random.Random(7)
    made = []
    for _ in range(count):
        text = " ".join(drawn.choices(_WORDS, k=drawn.randint(3, 25)))
        body = json.dumps({"inputs": [text]}).encode()
        made.append(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
    return made


async def one(connections: Connections, request: bytes, due: float, counted: Counted) -> None:
    """Sends a request and counts what came of it."""
    status, retry = await connections.ask(request)
    took = time.perf_counter() - due
    counted.statuses[status] += 1
    if status == "200":
        counted.accepted.append(took)
    elif status in ("429", "503", "504"):
        counted.refused.append(took)
        counted.without_retry_after += not retry


async def capacity(port: int, seconds: float) -> float:
    """Answers a second to clients that wait for each."""
    connections, counted = Connections(port), Counted()
    ends = time.perf_counter() + seconds

    async def client(number: int) -> None:
        drawn, asked = random.Random(number), requests()
        while time.perf_counter() < ends:
            await one(connections, drawn.choice(asked), time.perf_counter(), counted)

    await asyncio.gather(*(client(number) for number in range(_CLIENTS)))
    return counted.statuses["200"] / seconds


async def offer(port: int, rate: float, seconds: float, memory: Callable[[], float]) -> Counted:
    """Sends `rate` requests a second, come what may."""
    connections, counted, asked = Connections(port), Counted(), requests()
    drawn, tasks = random.Random(1), set()
    began = time.perf_counter()
    due, looked = began, began - 1
    while due - began < seconds:
        now = time.perf_counter()
        if now - looked >= 1:
            looked = now
            counted.memory.append((now - began, memory()))
        while due <= now and due - began < seconds:
            if len(connections.idle) or connections.open < _MOST_CONNECTIONS:
                task = asyncio.create_task(one(connections, drawn.choice(asked), due, counted))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            else:
                counted.statuses["not sent"] += 1
            due += drawn.expovariate(rate)
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return counted


@contextlib.asynccontextmanager
async def serving(bundle: Path, deadline_ms: int) -> AsyncIterator[tuple[int, psutil.Process]]:
    """A server of a bundle: its port and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(sys.executable).with_name("mlops")
    words = [
        "--bundle",
        str(bundle),
        "--port",
        str(port),
        "--quiet",
        f"serve.deadline_ms={deadline_ms}",
    ]
    with subprocess.Popen([script, "serve", *words]) as process:
        try:
            while (await Connections(port).ask(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"))[
                0
            ] != "200":
                await asyncio.sleep(0.1)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


def told(name: str, counted: Counted, seconds: float, deadline_ms: int) -> None:
    """Prints what came of a phase."""
    count = counted.statuses.total()
    print(f"{name}: {count / seconds:.0f} requests/s for {seconds:g} s: {dict(counted.statuses)}")
    for word, times in (("answered", counted.accepted), ("refused", counted.refused)):
        p50, p99 = (counted.percentile(share, times) for share in (0.5, 0.99))
        print(f"  {word}: {len(times) / seconds:.0f}/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms", end="")
        print(f" (deadline {deadline_ms} ms)" if word == "answered" else "")
    print(f"  refused without Retry-After: {counted.without_retry_after}")
    if counted.memory:
        last = counted.memory[-1][0]
        first = [mb for at, mb in counted.memory if at <= min(60, last / 3)]
        end = [mb for at, mb in counted.memory if at >= last - min(60, last / 3)]
        print(f"  memory: {max(first):.0f} MB at first, {max(end):.0f} MB at last")


async def measure(bundle: Path, seconds: float, factor: float, deadline_ms: int) -> None:
    """The whole story of one server."""
    async with serving(bundle, deadline_ms) as (port, process):

        def memory() -> float:
            return float(process.memory_info().rss) / 1e6

        await capacity(port, 2)
        most = await capacity(port, 10)
        print(f"capacity: {most:.0f} requests/s with {_CLIENTS} clients")
        over = await offer(port, most * factor, seconds, memory)
        told(f"{factor:g} x capacity", over, seconds, deadline_ms)
        began = time.perf_counter()
        while (await Connections(port).ask(requests(1)[0]))[0] != "200":
            await asyncio.sleep(0.01)
        print(f"first answer {(time.perf_counter() - began) * 1000:.0f} ms after the last request")
        told("half the capacity", await offer(port, most / 2, 10, memory), 10, deadline_ms)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--factor", type=float, default=3)
    parser.add_argument("--deadline-ms", type=int, default=2000)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.bundle.resolve(), chosen.seconds, chosen.factor, chosen.deadline_ms))
