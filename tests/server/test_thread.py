"""The life of a server: starting, stopping, telling the main thread, with and without an application."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, events, payloads, run_python, wait_until, wait_until_passed
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


# -- ports and hosts ----------------------------------------------------------------------------------------


def test_a_busy_port_takes_the_next_and_says_so(start_server: Start, log: RingLog) -> None:
    first = start_server(log=RingLog())
    if first.port > 65_000:
        pytest.skip("this system gave a port at the very end of the range")
    second = start_server(port=first.port)
    assert first.port < second.port <= first.port + 99
    assert events(log, "started") == [f"listening on 127.0.0.1:{second.port} (port {first.port} is in use)"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"port": 65_536}, r"port 65536 is out of range: use 1 to 65535"),
        ({"port": -1}, r"port -1 is out of range"),
        ({"port": "2000"}, r"port '2000' is out of range"),
        ({"host": "192.0.2.1", "token": "t"}, r"192\.0\.2\.1 is not an address of this machine: use 127\.0\.0\.1"),
        ({"host": "no-such-host.invalid", "token": "t"}, r"'no-such-host\.invalid' cannot be found"),
        ({"host": "a\0b", "token": "t"}, r"cannot be found"),
        ({"host": "a" * 300, "token": "t"}, r"cannot be found"),
        ({"host": "0.0.0.0"}, r"can be reached from other machines: give the server a token"),
        ({"host": "::"}, r"can be reached from other machines"),
        ({"host": ""}, r"give the server a token"),
    ],
)
def test_what_cannot_be_listened_on(log: RingLog, store: Store, options: dict[str, object], says: str) -> None:
    server = HPythonServer("unlucky", log=log, store=store, **{"port": 0, **options})  # type: ignore[arg-type]
    server.start()
    with pytest.raises(BindError, match=says):
        server.wait_until_listening(30)
    assert server.state == "failed"
    assert events(log, "error") == [server.error]
    assert server.stop()
    assert server.state == "failed"


@pytest.mark.parametrize("option", [{"mode": "exec"}, {"raw_framing": "packets"}])
def test_what_does_not_exist_is_refused_at_once(option: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        HPythonServer("x", port=0, **option)  # type: ignore[arg-type]


def test_other_machines_with_a_token(start_server: Start, log: RingLog) -> None:
    server = start_server(host="0.0.0.0", token="s3cret")
    assert "other machines can reach it" in events(log, "started")[0]
    assert server.host == "0.0.0.0"


def test_ipv6(start_server: Start, connect: Connect, log: RingLog) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    connect(start_server(host="::1")).send_and_close(b"over six")
    wait_until(lambda: payloads(log) == [b"over six"])


def test_no_permission() -> None:
    if os.name != "posix":
        pytest.skip("only POSIX systems reserve the ports below 1024")
    done = run_python(
        """
        import os, socket, hdaemon
        from hdaemon.server.thread import alive
        "x".encode("idna")  # imported now: another user may not be able to read this Python
        if os.geteuid() == 0:
            os.setegid(65534)
            os.seteuid(65534)
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 81))
            print("allowed")
        except PermissionError:
            try:
                hdaemon.start(port=80)
            except hdaemon.BindError as error:
                print(error, alive())
        """
    )
    assert done.returncode == 0, done.stderr
    if done.stdout.strip() == "allowed":
        pytest.skip("this system lets anybody bind ports below 1024")
    assert done.stdout.strip() == "no permission to listen on port 80 of 127.0.0.1: use a port from 1024 on ()"


def test_no_permission_as_the_system_says_it(monkeypatch: pytest.MonkeyPatch, log: RingLog, store: Store) -> None:
    def deny(_sock: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    class Denied(socket.socket):
        bind = deny  # type: ignore[assignment]

    monkeypatch.setattr(socket, "socket", Denied)
    server = HPythonServer("unlucky", port=80, log=log, store=store)
    server.start()
    with pytest.raises(BindError, match=r"no permission to listen on port 80 of 127\.0\.0\.1: use a port from 1024"):
        server.wait_until_listening()
    assert server.stop()


def test_no_descriptors_left() -> None:
    """Neither a server that starts then nor one that runs is stuck; the one that runs recovers, and does not spin."""
    resource = pytest.importorskip("resource")
    assert resource is not None
    done = run_python(
        """
        import os, resource, socket, threading, time
        import hdaemon
        from hdaemon.server.loop import ServerLoop
        def wait_until(condition):
            deadline = time.monotonic() + 15
            while not condition():
                assert time.monotonic() < deadline
                threading.Event().wait(0.005)
        server = hdaemon.start(port=0, mode="evaluate")
        early = socket.create_connection((server.host, server.port))
        wait_until(lambda: server.clients)
        waiting = [socket.socket() for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        fillers = []
        try:
            while True:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for sock in waiting:
            sock.connect((server.host, server.port))
            sock.sendall(b"waited\\n")
        wait_until(lambda: any(row.event == "error" for row in server.log))
        turns = []
        tick = server._loop.on_tick
        server._loop.on_tick = lambda: (turns.append(1), tick())[1]
        until = time.monotonic() + 0.5
        wait_until(lambda: time.monotonic() > until)
        assert len(turns) < 30, len(turns)
        early.sendall(b"still served\\n")
        wait_until(lambda: server.messages_received == 1)
        for _ in range(5):  # fails at a different call each time
            # On a plain thread: GLib, below Qt, aborts a process that starts a QThread now.
            other = ServerLoop("other", "127.0.0.1", 0, "print", log=hdaemon.RingLog(), store=hdaemon.Store())
            thread = threading.Thread(target=other.run)
            thread.start()
            assert other.listening.wait(10)
            other.stop()
            thread.join(10)
            assert other.state in ("failed", "stopped"), other.state
            os.close(fillers.pop())
            if any(row.event == "accepting" for row in server.log):
                break
        for filler in fillers:
            os.close(filler)
        wait_until(lambda: server.messages_received == 4)
        assert [row.event for row in server.log].count("error") == 1
        assert server.stop()
        print("recovered")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("recovered")


# -- telling the main thread --------------------------------------------------------------------------------


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


def test_stopped_before_the_port_was_open(qapp) -> None:
    server = HPythonServer("test_stopped_early", port=0)
    server._loop.stop()
    server.start()
    with pytest.raises(BindError, match="stopped before"):
        server.wait_until_listening()
    assert server.stop()
