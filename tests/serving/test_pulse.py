"""A loop that is late: what a request has left of its time, and who gets in."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest
import uvicorn
import uvloop

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import exchange, server
from mlops_cli.serving.connection import Connection
from mlops_cli.serving.jobs import Question
from mlops_cli.serving.pulse import WAITED, Pulse
from mlops_cli.serving.service import Service


def test_a_loop_on_time_has_no_delay_and_a_late_one_calms_down_slowly():
    pulse = Pulse(0.1)
    for now in (5.0, 5.1, 5.2):
        pulse.beat(now)
    assert pulse.delay == pytest.approx(0)
    pulse.beat(5.8)
    assert pulse.delay == pytest.approx(0.5)
    delays = []
    for beat in range(1, 11):
        pulse.beat(5.8 + beat / 10)
        delays.append(pulse.delay)
    assert delays[0] > 0.3
    assert delays == sorted(delays, reverse=True)
    assert delays[-1] < 0.02


@pytest.fixture
def asked(trained, monkeypatch):
    """Asks a service, and tells how much time its engine was given."""
    service = Service(ServeConfig(sessions=1, deadline_ms=2000))
    version = service.load(trained.path / "bundle", model="model")
    given = []

    async def ask(question, *, deadline):
        given.append(deadline - time.monotonic())

    monkeypatch.setattr(version.engine, "ask", ask)

    def found(*, delay=0.0, waited=None, deadline=None):
        service.pulse.delay = delay
        scope = {} if waited is None else {WAITED: waited}
        token = exchange.current.set(exchange.Exchange(scope, b"id"))
        asyncio.run(service.ask(Question({"text": ["a"]}), version, deadline=deadline))
        exchange.current.reset(token)
        return given[-1]

    yield found
    service.close()


def test_what_a_request_waited_and_its_answer_will_wait_is_taken_off_its_time(asked):
    assert asked() == pytest.approx(2, abs=0.1)
    assert asked(waited=0.8) == pytest.approx(1.2, abs=0.1)
    assert asked(waited=0.2, deadline=0.5) == pytest.approx(0.3, abs=0.1)
    assert asked(delay=0.3) == pytest.approx(1.4, abs=0.1)
    assert asked(delay=9) == pytest.approx(0.5, abs=0.1)  # Some are answered at any rate.
    assert asked(waited=2.5) < 0


@contextlib.contextmanager
def listening(app, pulse):
    """A uvicorn of our connections in a thread: its loop and its port."""

    class Beating(Connection):
        pass

    Beating.pulse = pulse
    config = uvicorn.Config(app, port=0, http=Beating, lifespan="off", log_config=None)
    running = uvicorn.Server(config)
    loops = []

    async def serve():
        loops.append(asyncio.get_running_loop())
        await running.serve()

    thread = threading.Thread(target=uvloop.run, args=(serve(),), daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield loops[0], running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    thread.join()


@pytest.mark.parametrize(("delay", "told"), [(0.5, True), (0.0, False)])
def test_a_late_loop_is_told_for_how_long_a_request_was_not_read(delay, told):
    waits = []

    async def app(scope, receive, send):
        waits.append(scope.get(WAITED))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    pulse = Pulse(0.1)
    pulse.delay = delay
    with (
        listening(app, pulse) as (loop, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100)
        loop.call_soon_threadsafe(time.sleep, 0.6)
        time.sleep(0.1)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100)
    if told:
        assert waits[0] < 0.3
        assert 0.3 < waits[1] < 5
    else:
        assert waits == [None, None]


def test_who_comes_at_once_gets_in_within_a_few_turns_of_the_loop():
    accepted, clients = [], 96

    class Guest(asyncio.Protocol):
        def connection_made(self, transport):
            accepted.append(transport)

    async def turns():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0), backlog=clients) as listener:
            guests = [socket.create_connection(listener.getsockname()) for _ in range(clients)]
            doors = [
                await loop.create_server(Guest, sock=one) for one in server.listeners(listener)
            ]
            count = 0
            while len(accepted) < clients:
                await asyncio.sleep(0)
                count += 1
            for end in (*accepted, *guests, *doors):
                end.close()
            return count

    assert uvloop.run(turns()) < clients / 4
