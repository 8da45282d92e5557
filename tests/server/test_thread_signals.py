"""Telling the main thread of what happens, with and without an application."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from helpers import RawClient, data_rows, run_python, wait_until, wait_until_passed

from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def test_received_comes_on_the_main_thread_without_arguments(
    qtbot: object, server: HPythonServer, connect: Connect
) -> None:
    calls: list[tuple[object, ...]] = []
    server.received.connect(lambda *args: calls.append((threading.current_thread(), args)))
    with qtbot.waitSignal(server.received, timeout=5000):  # type: ignore[attr-defined]
        connect(server).send(b"x\n")
    wait_until(lambda: server.messages_received == 1)
    assert calls
    assert set(calls) == {(threading.main_thread(), ())}


def test_a_flood_is_told_of_now_and_then(qtbot: object, start_server: Start, connect: Connect) -> None:
    server = start_server(mode="evaluate")
    calls: list[int] = []
    server.received.connect(lambda: calls.append(server.messages_received))
    client = connect(server)
    sent: list[int] = []
    began = time.monotonic()

    def flood() -> None:
        while time.monotonic() < began + 0.5:
            client.send(b"x\n" * 10)
            sent.append(10)

    thread = threading.Thread(target=flood)
    thread.start()
    wait_until(lambda: not thread.is_alive() and bool(calls) and calls[-1] == sum(sent))
    took = time.monotonic() - began
    assert len(calls) <= took / 0.030 + 3, "at once, then every 33 ms at the most"
    assert calls == sorted(calls)
    rest = len(calls)
    wait_until_passed(time.monotonic() + 0.2)
    assert len(calls) <= rest + 1, "nothing happens, nothing is told"


def test_the_last_change_is_always_told(qtbot: object, start_server: Start, connect: Connect) -> None:
    """However the wake-up and the interval fall: no change may stay untold."""
    server = start_server(mode="evaluate")
    seen: list[int] = []
    server.received.connect(lambda: seen.append(server.messages_received))
    client = connect(server)
    for number in range(1, 60):
        client.send(b"x\n")
        wait_until(lambda number=number: bool(seen) and seen[-1] == number, timeout_s=5)
        wait_until_passed(time.monotonic() + (number % 7) * 0.008)


def test_state_changes_are_told(qtbot: object, log: RingLog, store: Store) -> None:
    server = HPythonServer("told", port=0, log=log, store=store)
    told: list[tuple[str, bool]] = []
    server.state_changed.connect(
        lambda: told.append((server.state, threading.current_thread() is threading.main_thread()))
    )
    with qtbot.waitSignal(server.state_changed, timeout=5000):  # type: ignore[attr-defined]
        server.start()
    wait_until(lambda: server.state == "listening" and told[-1][0] == "listening")
    server.stop()
    wait_until(lambda: told[-1][0] == "stopped")
    assert all(on_main for _, on_main in told)


def test_what_happened_at_the_end_is_told_too(
    qtbot: object, start_server: Start, connect: Connect, log: RingLog
) -> None:
    server = start_server()
    connect(server).send(b"held at the end")
    wait_until(lambda: server.bytes_received == 15)
    wait_until_passed(time.monotonic() + 0.15)
    seen: list[int] = []
    server.received.connect(lambda: seen.append(log.end))
    server.stop()
    wait_until(lambda: bool(seen) and seen[-1] == log.end)
    assert log[-1].event == "stopped"


def test_nothing_is_lost_while_the_main_thread_is_busy(
    qtbot: object, start_server: Start, connect: Connect, log: RingLog
) -> None:
    server = start_server(mode="evaluate")
    told: list[int] = []
    server.received.connect(lambda: told.append(server.messages_received))
    client = connect(server)

    def send() -> None:
        for _ in range(20):
            client.send(b"x" * 99 + b"\n" + b"y\n" * 100)

    thread = threading.Thread(target=send)
    thread.start()
    busy_until = time.monotonic() + 0.4
    while time.monotonic() < busy_until:
        pass
    assert len(told) == 0
    thread.join(10)
    wait_until(lambda: bool(told) and told[-1] == 20 * 101)
    assert len(data_rows(log)) == 20 * 101


def test_without_an_application_everything_works_and_prints() -> None:
    """As in hython."""
    done = run_python(
        """
        import socket, threading, time
        import hdaemon
        from qtpy import QtCore
        def wait_until(condition):
            deadline = time.monotonic() + 15
            while not condition():
                assert time.monotonic() < deadline
                threading.Event().wait(0.005)
        server = hdaemon.start(port=0)
        assert QtCore.QCoreApplication.instance() is None
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(b"printed\\n" * 500)
            wait_until(lambda: server.messages_received == 500)
            until = time.monotonic() + 1.3
            wait_until(lambda: time.monotonic() > until)
            print("nothing came since")
            client.sendall(b"evaluate\\nstored\\n")
            wait_until(lambda: hdaemon.store.data == "stored")
            client.sendall(b"print\\nat the end")
            wait_until(lambda: server.bytes_received == 4000 + 16 + 16)
            assert server.stop()
        assert server.state == "stopped"
        """
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:200] == ["printed"] * 200
    assert lines[200].startswith("hdaemon: 300 more messages"), "counted though nothing more came in that second"
    assert lines[201:] == ["nothing came since", "at the end"]


def test_a_reader_of_the_output_that_goes_does_not_stop_the_server() -> None:
    done = run_python(
        """
        import os, socket, sys, threading, time
        import hdaemon
        server = hdaemon.start(port=0)
        read, write = os.pipe()
        os.close(read)
        sys.stdout = open(write, "w")
        with socket.create_connection((server.host, server.port)) as client:
            for _ in range(2):
                client.sendall(b"x\\n")
            deadline = time.monotonic() + 10
            while server.messages_received < 2 and time.monotonic() < deadline:
                threading.Event().wait(0.005)
        assert server.messages_received == 2
        assert server.state == "listening", server.error
        server.stop()
        os._exit(0)
        """
    )
    assert done.returncode == 0, done.stderr
