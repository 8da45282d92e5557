"""Faults that take no time to try: stops, clocks, ports, what users' own code raises. README.md has the whole list."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from helpers import RawClient, events, payloads, wait_until
from houdini.conftest import hou  # noqa: F401 - a fixture
from qtpy import QtCore

import hdaemon
from hdaemon import content
from hdaemon.houdini import session
from hdaemon.log import RingLog
from hdaemon.server.loop import ServerLoop
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def stop_s(server: HPythonServer) -> float:
    """Stop a server; return how long that took."""
    began = time.monotonic()
    assert server.stop()
    return time.monotonic() - began


def flood(client: RawClient, data: bytes) -> threading.Thread:
    """Send `data` again and again on a thread, until the connection is closed."""

    def send() -> None:
        try:
            while True:
                client.send(data)
        except OSError:
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


# -- stopping -----------------------------------------------------------------------------------------------


def test_stop_while_idle(start_server: Start, connect: Connect) -> None:
    took = []
    for _ in range(3):
        server = start_server()
        connect(server)
        wait_until(lambda server=server: server.clients)
        took.append(stop_s(server))
    assert min(took) < 0.1


def test_stop_while_500_mb_come(start_server: Start, connect: Connect) -> None:
    server = start_server(mode="evaluate")
    client = connect(server)
    head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: 500000000\r\n\r\n"
    client.send(head.encode())
    thread = flood(client, bytes(1_000_000))
    wait_until(lambda: server.bytes_received > 20_000_000)
    assert stop_s(server) < 0.5
    thread.join(10)
    assert not thread.is_alive()
    assert payloads(server.log) == []


def test_stop_while_a_send_is_blocked(start_server: Start, connect: Connect) -> None:
    server = start_server(mode="evaluate")
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        connection.request("PUT", "/channels/a", bytes(50_000_000))
        assert connection.getresponse().status == 200
    client = connect(server)
    client.send(f"GET /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())  # and never reads
    wait_until(lambda: any(c.out for c in server._loop._connections._open.values()))
    assert stop_s(server) < 0.5


def test_stop_while_a_callback_sleeps(qapp: object, start_server: Start, connect: Connect) -> None:
    """On the main thread: the server's own does not wait for it. What holds that up is in tests/test_exit.py."""
    server = start_server(mode="evaluate")
    inside, go_on = threading.Event(), threading.Event()
    took: list[float] = []

    def stopper() -> None:
        inside.wait(10)
        took.append(stop_s(server))
        go_on.set()

    def sleeps(_: object) -> None:
        inside.set()
        assert go_on.wait(10)

    callback = server.store.on("default", sleeps)
    thread = threading.Thread(target=stopper)
    thread.start()
    connect(server).send(b"x\n")
    wait_until(lambda: callback.calls)
    thread.join(10)
    assert took[0] < 0.5
    assert callback.error is None


# -- the clock ----------------------------------------------------------------------------------------------


def test_a_clock_that_is_put_back_an_hour_changes_what_is_shown_and_nothing_else(
    start_server: Start, connect: Connect, log: RingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = hdaemon.Limits(ping_s=0.2, stall_s=0.4, idle_s=0.4)
    server = start_server(mode="evaluate", limits=limits)
    client = connect(server)
    client.send(b"before\n")
    wait_until(lambda: payloads(log) == [b"before"])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    client.send(b"after\npart")  # a part is delivered after its silence, also now
    wait_until(lambda: payloads(log) == [b"before", b"after", b"part"])
    stalled, idle = connect(server), connect(server)
    stalled.send(b"PUT /channels/a HTTP/1.1\r\n")
    assert b" 408 " in stalled.read_all()
    idle.send(f"GET /status HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())
    assert b'"mode"' in idle.read_all()  # and closed, as it is idle
    first, last = log[2], [row for row in log if row.event is None][-1]
    assert -3601 < last.time - first.time < -3598
    serials = [row.serial for row in log if row.event is None]
    assert serials == sorted(serials)
    assert [info.channel for info in server.channels] == ["default"]
    assert 0 <= server.channels[0].rate < 1000
    assert stop_s(server) < 0.5


# -- ports --------------------------------------------------------------------------------------------------


def test_sessions_that_ask_for_one_port_at_once_each_get_their_own() -> None:
    with closing(ServerSocket()) as free:
        port = free.port
    loops = [ServerLoop(f"s{n}", "127.0.0.1", port, "print", log=RingLog(), store=Store()) for n in range(8)]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    try:
        for thread in threads:
            thread.start()
        for loop in loops:
            assert loop.listening.wait(10)
        assert [loop.state for loop in loops] == ["listening"] * 8
        assert len({loop.port for loop in loops}) == 8
        moved = [loop for loop in loops if loop.port != port]
        for loop in moved:
            assert events(loop._log, "started")[0].endswith(f"(port {port} is in use)")
    finally:
        for loop in loops:
            loop.stop()
        for thread in threads:
            thread.join(10)


class ServerSocket:
    """A port that is free once this is closed."""

    def __init__(self) -> None:
        import socket

        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]

    def close(self) -> None:
        self.sock.close()


# -- what users' own code raises ----------------------------------------------------------------------------


@pytest.fixture
def broken_type() -> Iterator[str]:
    """A studio's own content type whose decoder fails."""

    def broken(_: object) -> None:
        raise KeyError("no such rig")

    content.register("application/x-studio-rig", broken)
    yield "application/x-studio-rig"
    del content._decoders["application/x-studio-rig"]


def test_a_studio_s_content_type_that_raises(start_server: Start, broken_type: str, store: Store) -> None:
    server = start_server(mode="evaluate")
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        connection.request("PUT", "/channels/rig", b"bones", {"Content-Type": broken_type})
        assert json.loads(connection.getresponse().read())["stored"] is True
        message = store.get("rig").message
        assert message.data == b"bones"
        assert "KeyError: 'no such rig'" in message.error
        connection.request("PUT", "/channels/b", b"next", {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 200
    assert server.state == "listening"
    assert store["b"].data == "next"


def test_a_slot_that_raises(qtbot: object, start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server()
    calls: list[int] = []

    def slot() -> None:
        calls.append(1)
        raise RuntimeError("the studio's own mistake")

    server.received.connect(slot)
    with qtbot.captureExceptions() as raised:  # type: ignore[attr-defined]
        client = connect(server)
        for number in range(3):
            client.send(b"x\n")
            wait_until(lambda number=number: len(payloads(log)) == number + 1 and len(calls) > number)
        server.received.disconnect(slot)
    assert len(raised) >= 3
    assert server.state == "listening"


# -- the scene ----------------------------------------------------------------------------------------------

NEW = ("BeforeClear", "AfterClear")
OPEN = ("BeforeLoad", "BeforeClear", "AfterClear", "AfterLoad")


def test_new_and_open_while_receiving(
    hou: object,  # noqa: F811
    qapp: QtCore.QCoreApplication,
    server_name: str,
    process_store: Store,
) -> None:
    server = hdaemon.start(server_name, port=0, mode="evaluate")
    queue = process_store.queue("default", maxlen=10_000_000)
    client = RawClient(server.host, server.port)
    thread = flood(client, b"".join(b"%099d\n" % number for number in range(1000)))
    for turn in range(50):
        before = server.messages_received
        hou._new_scene(*(OPEN if turn % 2 else NEW))  # type: ignore[attr-defined]
        assert hou.session.dataobject is hdaemon.store  # type: ignore[attr-defined]
        wait_until(lambda before=before: server.messages_received > before)
        assert hou.session.dataobject.data.isdigit()  # type: ignore[attr-defined]
    assert server.stop()
    thread.join(10)
    client.close()
    received = [message.payload for message in queue]
    numbers = [int(payload) for payload in received[:-1]]  # the last may have been cut by the stop
    assert numbers == [number % 1000 for number in range(len(numbers))]
    assert len(received) == server.messages_received
    assert queue.overflowed == 0
    session.detach()
