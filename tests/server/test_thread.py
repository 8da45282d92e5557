"""The life of a server: starting and stopping."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable

import pytest
from helpers import RawClient, events, payloads, wait_until
from qtpy import QtCore

from hdaemon.errors import BindError, UsageError
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer, alive
from hdaemon.store import Store

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def test_a_started_server(server: HPythonServer, log: RingLog, store: Store) -> None:
    assert isinstance(server, QtCore.QThread)
    assert server.objectName() == server.name
    assert server.state == "listening"
    assert server.host == "127.0.0.1"
    assert server.port > 0
    assert (server.mode, server.locked, server.raw_framing, server.error) == ("print", False, "lines", "")
    assert server.clients == ()
    assert server.log is log
    assert server.store is store
    assert server in alive()
    assert events(log, "started") == [f"listening on 127.0.0.1:{server.port}"]


def test_lifecycle_rows(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server()
    connect(server).send_and_close(b"x")
    wait_until(lambda: events(log, "disconnected"))
    assert server.stop()
    assert [row.event for row in log] == ["started", "connected", None, "disconnected", "stopped"]
    assert events(log, "disconnected") == ["closed by the client; 1 message, 1 byte"]
    assert log[1].text.startswith("127.0.0.1:")
    assert log[1].client == log[2].client == log[3].client == "client-1"


def test_it_is_destroyed_on_its_own_thread(qtbot: object) -> None:
    """Not by the garbage collector on some other: Qt crashes then."""
    destroyed: list[object] = []

    def start_and_stop() -> weakref.ref[HPythonServer]:
        server = HPythonServer("garbage", port=0, store=Store())
        server.start()
        server.wait_until_listening()
        server.mode = "evaluate"
        told: list[int] = []
        server.received.connect(lambda: told.append(1))
        wait_until(lambda: told)
        assert server.stop()
        return weakref.ref(server, lambda _: destroyed.append(threading.current_thread()))

    first = start_and_stop()
    collector = threading.Thread(target=gc.collect)
    collector.start()
    collector.join(10)
    assert first() is not None
    assert destroyed == []
    second = start_and_stop()
    assert first() is None, "the next one lets it go"
    assert destroyed == [threading.main_thread()]
    assert second() is not None


# -- stopping -----------------------------------------------------------------------------------------------


def timed_stop(server: HPythonServer) -> float:
    began = time.monotonic()
    assert server.stop(), "joined within 500 ms"
    return time.monotonic() - began


def check_stopped(server: HPythonServer) -> None:
    assert server.state == "stopped"
    assert server.clients == ()
    assert server.isFinished()
    assert server not in alive()
    with socket.socket() as again:  # no waiting: it can be bound at once
        if os.name == "posix":
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((server.host, server.port))
        again.listen()


def test_stop_with_clients_that_never_read_and_are_mid_message(
    start_server: Start, connect: Connect, log: RingLog
) -> None:
    server = start_server()
    idle, middle = connect(server), connect(server)
    middle.send(b"mid-message")
    wait_until(lambda: server.bytes_received == 11)
    assert timed_stop(server) < 0.5
    check_stopped(server)
    assert payloads(log) == [b"mid-message"], "what came is delivered"
    assert idle.read_all() == b""
    assert len(events(log, "disconnected")) == 2


@pytest.mark.parametrize(
    "data", [b"flood of lines\n" * 10_000, b"x" * 100_000, b"print\nevaluate\n" * 10_000, b"\n" * 100_000]
)
def test_stop_while_clients_flood(start_server: Start, connect: Connect, data: bytes) -> None:
    server = start_server(mode="evaluate")
    clients = [connect(server) for _ in range(3)]

    def flood(client: RawClient) -> None:
        try:
            while True:
                client.send(data)
        except OSError:
            pass  # the server has closed it

    threads = [threading.Thread(target=flood, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.bytes_received > 2_000_000, timeout_s=30)
    stopped = server.stop()
    for thread in threads:
        thread.join(10)
    assert stopped
    assert not any(thread.is_alive() for thread in threads)
    check_stopped(server)


def test_stop_is_idempotent(server: HPythonServer, log: RingLog) -> None:
    assert server.stop()
    assert server.stop()
    assert events(log, "stopped") == [f"no longer listening on 127.0.0.1:{server.port}"]
    check_stopped(server)


def test_stop_before_start_is_no_error(log: RingLog) -> None:
    server = HPythonServer("never_started", port=0, log=log)
    assert server.stop()
    assert server.state == "stopped"


def test_stop_from_several_threads(start_server: Start) -> None:
    for _ in range(20):
        server = start_server()
        results: list[bool] = []
        arguments = (server, results)
        threads = [threading.Thread(target=lambda s, r: r.append(s.stop(5.0)), args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert results == [True] * 4
        assert server.state == "stopped"


def test_stop_during_start(log: RingLog, store: Store) -> None:
    for _ in range(50):
        server = HPythonServer("hasty", port=0, log=log, store=store)
        server.start()
        assert server.stop(5.0)
        assert server.state == "stopped"
    assert alive() == ()


def test_restart_on_the_same_port(start_server: Start, connect: Connect) -> None:
    server = start_server()
    for _ in range(5):
        connect(server).send(b"x\n")
        wait_until(lambda s=server: s.messages_received == 1)
        assert server.stop()
        again = start_server(port=server.port)
        assert again.port == server.port
        server = again


def test_starting_again_what_runs_or_has_ended(server: HPythonServer, connect: Connect) -> None:
    server.start()
    assert server.state == "listening", "it goes on as it was"
    connect(server).send(b"x\n")
    wait_until(lambda: server.messages_received == 1)
    assert server.stop()
    with pytest.raises(UsageError, match=r"has ended: make another"):
        server.start()
    assert server.state == "stopped"


def test_stopped_before_the_port_was_open(qapp) -> None:
    server = HPythonServer("test_stopped_early", port=0)
    server._loop.stop()
    server.start()
    with pytest.raises(BindError, match="stopped before"):
        server.wait_until_listening()
    assert server.stop()
