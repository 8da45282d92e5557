"""When a body is too slow: on the average since its head, to the byte."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator

import pytest
from helpers import RawClient, dripping

from hdaemon.server import readiness
from hdaemon.server.client import Client, Connection
from hdaemon.server.readiness import BODY_GRACE_S, set_deadline, too_slow, wake_late
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.access import Access
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits

RATE = 1000
LIMITS = Limits(min_body_bytes_per_s=RATE, stall_s=15.0)
HEAD = b"PUT /channels/a HTTP/1.1\r\nHost: 127.0.0.1:2000\r\n%s\r\n\r\n"
SIZED = HEAD % b"Content-Length: 500000"
CHUNKED = HEAD % b"Transfer-Encoding: chunked"


class Body:
    """A connection whose body comes; `at` seconds after its head."""

    def __init__(self, sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
        self.door = HttpDoor(LIMITS, Access(("127.0.0.1",), 2000, None, ()))
        self.connection = Connection(Client(1, "a", "b", "http"), sock, self.door)
        self.now = 100.0
        monkeypatch.setattr(readiness.time, "monotonic", lambda: self.now)

    def feed(self, data: bytes, at: float) -> None:
        self.now = 100.0 + at
        assert self.door.feed(data) == []
        set_deadline(self.connection, LIMITS)

    def is_slow(self, at: float) -> bool:
        return too_slow(self.connection, LIMITS, 100.0 + at)

    @property
    def due(self) -> float:
        assert self.connection.deadline is not None
        return self.connection.deadline - 100.0


@pytest.fixture
def body(monkeypatch: pytest.MonkeyPatch) -> Iterator[Body]:
    with socket.socket() as sock:
        yield Body(sock, monkeypatch)


@pytest.mark.parametrize(("head", "part"), [(SIZED, b"%s"), (CHUNKED, b"%x\r\n%s\r\n")])
def test_at_the_limit_and_a_byte_below(body: Body, head: bytes, part: bytes) -> None:
    def send(size: int, at: float) -> None:
        data = b"x" * size
        body.feed(part % data if part == b"%s" else part % (size, data), at)

    body.feed(head, 0.0)
    assert body.due == BODY_GRACE_S
    send(20 * RATE - 1, at=9.0)
    assert body.due == pytest.approx(20 - 1 / RATE)
    assert not body.is_slow(at=19.9)
    assert body.is_slow(at=20.0)
    send(1, at=19.95)
    assert not body.is_slow(at=20.0)
    assert body.is_slow(at=20.0001)


def test_a_byte_now_and_then_buys_no_time(body: Body) -> None:
    body.feed(SIZED, 0.0)
    for at in (2.0, 4.0, 6.0, 8.0, 9.9):
        body.feed(b"x", at)
        assert not body.is_slow(at)
        assert body.due == BODY_GRACE_S
    assert body.is_slow(at=10.1)


def test_one_that_stands_still_is_not_waited_for_longer_than_before(body: Body) -> None:
    body.feed(SIZED, 0.0)
    body.feed(b"x" * 400_000, 1.0)
    assert body.due == 1.0 + LIMITS.stall_s


def test_the_time_of_the_next_body_runs_from_its_own_head(body: Body) -> None:
    head = HEAD % b"Content-Length: 70000"
    body.feed(head, 0.0)
    body.now = 109.0
    assert len(body.door.feed(b"x" * 70_000 + head)) == 1
    set_deadline(body.connection, LIMITS)
    assert body.due == 9.0 + BODY_GRACE_S
    assert not body.is_slow(at=18.9)


def test_between_two_requests_nothing_is_slow(body: Body) -> None:
    assert not body.is_slow(at=1000.0)


def test_it_is_told_and_closed(
    start_server: Callable[..., HPythonServer],
    connect: Callable[[HPythonServer], RawClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "BODY_GRACE_S", 0.3)
    server = start_server()
    client = connect(server)
    host = f"Host: {server.host}:{server.port}".encode()
    client.send(SIZED.replace(b"Host: 127.0.0.1:2000", host))
    with dripping(client):  # a byte now and then does not buy more time
        assert client.read_all().startswith(b"HTTP/1.1 408 ")


@pytest.mark.skipif(sys.platform == "win32", reason="sockets have no low-water mark there")
@pytest.mark.parametrize(("contended", "wanted"), [(False, 128 * 1024), (True, 1024 * 1024)])
def test_the_system_wakes_the_thread_for_a_part_of_a_body_that_comes_quickly(
    body: Body, contended: bool, wanted: int
) -> None:
    size = 3_000_000
    body.door.feed(HEAD % b"Content-Length: %d" % size)

    def low_water(received: int) -> int:
        wake_late(body.connection, body.door, received, contended)
        found = body.connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
        assert found == body.connection.low_water
        return found

    assert low_water(128 * 1024 - 1) == 1
    assert low_water(128 * 1024) == wanted
    assert body.door.received(size - 1000) == []
    assert low_water(128 * 1024) == 1000, "more than what is left would never come"
    assert low_water(10) == 1
