"""The rows of connections: two of who sends something, one of who is only refused, none twice and all in order."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from helpers import RawClient, events, wait_until

from hdaemon import Limits
from hdaemon.log import RingLog
from hdaemon.server import visits
from hdaemon.server.thread import HPythonServer

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]

TOKEN = "0123456789abcdefghijklmnopqrstuvwxyz"


def rows(log: RingLog) -> list[str | None]:
    """Return the events of the rows of clients; None is a message."""
    return [row.event for row in log if row.client]


def head(server: HPythonServer, line: str = "PUT /channels/a", *headers: str, size: int = 0) -> bytes:
    lines = [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def all_gone(server: HPythonServer, log: RingLog) -> None:
    """Wait until no client is left, and the last row says so."""
    last = ["disconnected"], ["refused"]
    wait_until(lambda: rows(log)[-1:] in last and not server._loop._connections._open, "all connections are closed")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing is not told of, however slow this machine is."""
    monkeypatch.setattr(visits, "QUIET_S", 60.0)


def test_who_is_only_refused_is_one_row(start_server: Start, connect: Connect, log: RingLog, patient: None) -> None:
    server = start_server(limits=Limits(linger_s=0.1))
    client = connect(server)
    address = "{}:{}".format(*client.sock.getsockname())
    client.send(head(server, "PUT /channels/a", "Origin: http://evil.test"))
    assert client.read_all().startswith(b"HTTP/1.1 403")
    all_gone(server, log)
    (row,) = (row for row in log if row.client)
    assert (row.event, row.client) == ("refused", "client-1")
    assert row.text.startswith("PUT /channels/a: HTTP 403: a page from 'http://evil.test'")
    assert row.text.endswith(f" (from {address})")
    assert server.clients == ()
    assert server.bytes_received > 50


def test_a_refusal_after_something_was_taken(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(limits=Limits(linger_s=0.1))
    client = connect(server)
    client.send(head(server) + head(server, "PUT /channels/a", "Origin: http://evil.test"))
    client.read_all()
    all_gone(server, log)
    assert rows(log) == ["connected", None, "refused", "disconnected"]
    assert events(log, "refused")[0].startswith("PUT /channels/a: HTTP 403")  # the row before has the address
    assert events(log, "disconnected")[0].startswith("refused; 1 message, ")


@pytest.mark.parametrize(
    "sent",
    [b"one\n", b"one", b"\0", b"evaluate\n", "requests", "question"],
    ids=["line", "part", "bytes", "word", "requests", "question"],
)
def test_who_sends_is_told_of_before_it(
    start_server: Start, connect: Connect, log: RingLog, patient: None, sent: bytes | str
) -> None:
    server = start_server()
    client = connect(server)
    if isinstance(sent, str):
        sent = head(server) * 3 if sent == "requests" else head(server, "GET /channels/none")
    client.send_and_close(sent)
    all_gone(server, log)
    found = rows(log)
    assert (found[0], found[-1]) == ("connected", "disconnected")
    assert found.count("connected") == found.count("disconnected") == 1
    assert log[1].text.startswith("127.0.0.1:")


def test_who_says_nothing_is_told_of_when_it_goes(
    start_server: Start, connect: Connect, log: RingLog, patient: None
) -> None:
    server = start_server()
    client = connect(server)
    wait_until(lambda: server.clients)
    assert rows(log) == []
    client.close()
    all_gone(server, log)
    assert rows(log) == ["connected", "disconnected"]
    assert events(log, "disconnected") == ["closed by the client; 0 messages, 0 bytes"]


def test_who_says_nothing_for_a_while_is_told_of(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server()
    client = connect(server)
    began = time.monotonic()
    wait_until(lambda: rows(log) == ["connected"])
    assert time.monotonic() - began > 0.5 * visits.QUIET_S
    assert server._loop._connections.next_deadline() is None  # and nothing wakes the server for it any more
    client.send_and_close(b"x\n")
    all_gone(server, log)
    assert rows(log) == ["connected", None, "disconnected"]


def test_who_owes_a_token_or_a_head_is_not(
    start_server: Start, connect: Connect, log: RingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it was taken: when its time is over that is the one row."""
    monkeypatch.setattr(visits, "QUIET_S", 0.05)
    server = start_server(token=TOKEN, limits=Limits(admission_s=0.4, stall_s=0.4, linger_s=0.1))
    clients = [connect(server) for _ in range(3)]
    clients[1].send(b"tok")
    clients[2].send(b"PUT /channels/a HTTP/1.1\r\n")
    assert [client.read_all().split(b" ")[0] for client in clients] == [b"hdaemon:", b"hdaemon:", b"HTTP/1.1"]
    all_gone(server, log)
    assert rows(log) == ["refused"] * 3
    assert {row.client for row in log if row.client} == {"client-1", "client-2", "client-3"}


def test_a_body_is_taken_once_its_head_is(start_server: Start, connect: Connect, log: RingLog, patient: None) -> None:
    server = start_server()
    client = connect(server)
    client.send(head(server, size=5))
    wait_until(lambda: rows(log) == ["connected"])
    client.send_and_close(b"hello")
    all_gone(server, log)
    assert rows(log) == ["connected", None, "disconnected"]


def test_the_panel_learns_of_who_has_no_row(
    qapp: object, start_server: Start, connect: Connect, log: RingLog, patient: None
) -> None:
    """The table of clients is drawn again when `received` is emitted; nothing else says that somebody came or went."""
    server = start_server(limits=Limits(linger_s=0.1))
    told: list[int] = []
    server.received.connect(lambda: told.append(len(server.clients)))
    client = connect(server)
    wait_until(lambda: told[-1:] == [1])
    client.send(b"\x16\x03\x01 a TLS hello")
    wait_until(lambda: told[-1:] == [0])
    assert rows(log) == ["refused"]


def test_stopping_tells_of_who_has_no_row_yet(
    start_server: Start, connect: Connect, log: RingLog, patient: None
) -> None:
    server = start_server()
    client = connect(server)
    wait_until(lambda: server.clients)
    assert server.stop()
    client.close()
    assert [row.event for row in log] == ["started", "connected", "disconnected", "stopped"]
