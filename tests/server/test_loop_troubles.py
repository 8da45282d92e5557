"""The loop and bad input, clients past the limits, tokens that do not come, and errors of our own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, events, payloads, wait_until, wait_until_passed

from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


# -- bad input ----------------------------------------------------------------------------------------------


def test_bytes_that_are_not_text(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    connect(server).send_and_close(b"\xff\xfe invalid\n")
    connect(server).send_and_close(b"a\0b")
    wait_until(lambda: server.messages_received == 2)
    assert {row.content_type for row in data_rows(log)} == {"application/octet-stream"}
    assert sorted(payloads(log)) == [b"a\0b", b"\xff\xfe invalid\n"]
    assert server.state == "listening"


@pytest.mark.slow
def test_a_line_of_100_mb_is_refused_and_told(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    piece = b"x" * 1_000_000
    for _ in range(100):
        client.send(piece)
    reply = client.read_all()
    assert reply.startswith(b"hdaemon: refused: a message on the raw door is larger than the limit of 67108864 bytes")
    assert len(events(log, "refused")) == 1
    assert data_rows(log) == []
    assert server.state == "listening"
    client.close()
    connect(server).send_and_close(b"small")
    wait_until(lambda: payloads(log) == [b"small"])


def test_a_refused_client_that_stays_is_closed(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(limits=Limits(linger_s=0.1))
    client = connect(server)
    client.send(b"Host: localhost\n")
    assert client.read_all().startswith(b"HTTP/1.1 400 ")
    wait_until(lambda: not server.clients)
    assert len(events(log, "refused")) == 1


def test_a_browser_gets_nothing_through(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nevaluate\n")
    assert client.read_all().startswith(b"HTTP/1.1 400 ")
    (text,) = events(log, "refused")
    host, port = client.sock.getsockname()
    assert text.startswith("POST /: HTTP 400: Host 'x'")
    assert text.endswith(f" (from {host}:{port})")
    assert data_rows(log) == []


def test_nor_after_a_first_line_of_text(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"text\nPOST / HTTP/1.1\r\nHost: x\r\n\r\nevaluate\n")
    assert client.read_all().startswith(b"HTTP/1.1 400 ")
    (text,) = events(log, "refused")
    assert "web page" in text
    assert payloads(log) == [b"text"]


# -- limits -------------------------------------------------------------------------------------------------


def test_the_sixty_fifth_client_is_told(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    clients = [connect(server) for _ in range(64)]
    wait_until(lambda: len(server.clients) == 64)
    extra = connect(server)
    extra.send(b"evaluate\ndata that was on its way already\n")  # must not cost it the reply
    assert extra.read_all() == b"hdaemon: refused: 64 clients are connected, which is the limit max_clients\n"
    assert len(server.clients) == 64
    (text,) = events(log, "refused")
    assert "limit max_clients" in text
    clients[0].close()
    wait_until(lambda: len(server.clients) == 63)
    connect(server).send(b"there is room again\n")
    wait_until(lambda: payloads(log) == [b"there is room again"])


def test_token(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(token="s3cret")
    right, wrong = connect(server), connect(server)
    right.send(b"token s3")
    right.send(b"cret\r\nhello\n")
    wrong.send(b"hello\n")
    assert wrong.read_all().startswith(b"hdaemon: refused: the first line must be 'token THE_TOKEN'")
    wait_until(lambda: payloads(log) == [b"hello"])
    assert len(events(log, "refused")) == 1
    assert not any("s3cret" in row.text for row in log)


def test_a_late_token(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(token="s3cret", limits=Limits(admission_s=0.2))
    idle, slow = connect(server), connect(server)
    slow.send(b"token s3")
    for client in (idle, slow):
        assert client.read_all() == b"hdaemon: refused: no token came in time\n"
    assert len(events(log, "refused")) == 2


def test_a_client_that_was_admitted_may_be_idle(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(token="s3cret", limits=Limits(admission_s=0.2))
    client = connect(server)
    client.send(b"token s3cret\n")
    wait_until(lambda: server.bytes_received == 13)
    wait_until_passed(time.monotonic() + 0.4)
    client.send(b"later\n")
    wait_until(lambda: payloads(log) == [b"later"])


# -- errors of our own --------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"line\n", b"part"])
def test_an_error_while_recording_ends_in_failed(
    server: HPythonServer, connect: Connect, log: RingLog, data: bytes
) -> None:
    """Not in a dead thread behind an open port: whatever it is, connections are closed and the log says why."""

    def broken(_: object) -> None:
        raise RuntimeError("broken on purpose")

    others = [connect(server) for _ in range(3)]
    for other in others:
        other.send(b"held")  # delivering these fails too
    wait_until(lambda: server.bytes_received == 12)
    server._loop.set_on_block(broken)
    connect(server).send(data)
    wait_until(lambda: server.state == "failed")
    assert "broken on purpose" in server.error
    assert "broken on purpose" in events(log, "error")[-1]
    assert all(other.read_all() == b"" for other in others)
    assert server.clients == ()
    assert server.stop()
    assert server.state == "failed", "stopping what has failed does not hide it"
    with pytest.raises(OSError, match=r".*"):
        socket.create_connection((server.host, server.port), 5).close()


class BrokenDoor:
    """A door whose `method` raises; the rest is as that of another."""

    def __init__(self, door: object, method: str) -> None:
        self._door, self._method = door, method

    def __getattr__(self, name: str) -> object:
        return self._broken if name == self._method else getattr(self._door, name)

    def _broken(self, *_: object) -> None:
        raise RuntimeError("broken on purpose")


@pytest.mark.parametrize("method", ["feed", "silence", "end"])
def test_an_error_in_a_door_ends_its_connection_alone(
    server: HPythonServer, connect: Connect, log: RingLog, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """What nobody foresaw in one client's bytes is no reason to send the others away."""
    other, bad = connect(server), connect(server)
    other.send(b"before\n")
    bad.send(b"fine\n")
    wait_until(lambda: server.messages_received == 2)
    connection = server._loop._connections.find(server.clients[1].id)
    assert connection is not None
    monkeypatch.setattr(connection, "door", BrokenDoor(connection.door, method))
    if method == "end":
        bad.close()
    else:
        bad.send(b"a part")
    wait_until(lambda: events(log, "refused"))
    assert "broken on purpose" in events(log, "refused")[0]
    wait_until(lambda: len(server.clients) == 1)
    other.send(b"after\n")
    wait_until(lambda: b"after" in payloads(log))
    assert server.state == "listening"


def test_an_error_at_stop_does_not_keep_connections_open(server: HPythonServer, connect: Connect) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("broken on purpose")

    clients = [connect(server) for _ in range(3)]
    for client in clients:
        client.send(b"held")
    wait_until(lambda: server.bytes_received == 12)
    server._loop.set_on_block(broken)
    assert server.stop(5.0)
    assert server.state == "failed"
    assert all(client.read_all() == b"" for client in clients)
