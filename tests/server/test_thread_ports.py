"""Where a server listens: ports, hosts, and what the system does not allow."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from helpers import RawClient, events, payloads, run_python, wait_until

from hdaemon.errors import BindError, UsageError
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


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
