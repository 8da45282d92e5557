"""What waits for a client: sent in order, counted, and forgotten without cutting what was begun."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from hdaemon.server.outbox import Outbox


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.settimeout(10)
        yield one, other


def read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += sock.recv(size - len(data))
    return data


def test_units_are_sent_in_order_and_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    out = Outbox()
    out.put([b"head", memoryview(b"payload")], counts=False)
    assert out
    assert out.queued == 4
    out.put([b"2", memoryview(b"34")], counts=True)
    assert out.queued == 7
    assert out.send(pair[0]) is True
    assert not out
    assert out.queued == 0
    assert read(pair[1], 14) == b"headpayload234"
    assert out.send(pair[0]) is False


def test_what_does_not_fit_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    out, payload = Outbox(), bytes(range(256)) * 40_000
    out.put([payload], counts=True)
    assert out.send(pair[0]) is True
    assert out
    assert out.queued == len(payload)  # until it is sent whole
    while out.send(pair[0]):
        pass
    received = b""
    while len(received) < len(payload):
        received += read(pair[1], min(100_000, len(payload) - len(received)))
        out.send(pair[0])
    assert received == payload
    assert not out


def test_what_is_begun_stays_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    out = Outbox()
    first = [b"h" * 10, bytes(3_000_000)]
    out.put(first, counts=True)
    out.put([b"second"], counts=True)
    while out.send(pair[0]):
        pass
    out.drop_what_is_not_begun()
    out.put([b"last"], counts=True)
    received = b""
    while len(received) < 3_000_014:
        received += read(pair[1], min(100_000, 3_000_014 - len(received)))
        out.send(pair[0])
    assert received == b"".join(first) + b"last"
    assert not out


def test_between_the_parts_of_a_unit_it_has_begun(pair: tuple[socket.socket, socket.socket]) -> None:
    out = Outbox()

    class Narrow:
        """A socket that takes the first part and then nothing more."""

        sent = 0

        def send(self, data: memoryview) -> int:
            if self.sent:
                raise BlockingIOError
            self.sent = len(data)
            return len(data)

    payload = bytes(range(250)) * 400
    out.put([b"head", payload], counts=True)
    out.put([b"next"], counts=True)
    assert out.send(Narrow()) is True  # type: ignore[arg-type]
    out.drop_what_is_not_begun()
    assert out.queued == len(payload)
    out.send(pair[0])
    assert read(pair[1], len(payload)) == payload
    assert not out


def test_small_parts_are_sent_at_once() -> None:
    sent: list[bytes] = []

    class Recording:
        """A socket that notes what each send was given."""

        def send(self, data: memoryview) -> int:
            sent.append(bytes(data))
            return len(data)

    out = Outbox()
    for _ in range(3):
        out.put([b"head", b"payload"], counts=True)
    large = bytes(100_000)
    out.put([b"head", large], counts=True)
    out.put([b"last"], counts=True)
    out.send(Recording())  # type: ignore[arg-type]
    assert sent == [b"headpayload" * 3 + b"head", large, b"last"]
    assert out.queued == 0


def test_nothing_begun_is_nothing_kept() -> None:
    out = Outbox()
    out.put([b"a"], counts=True)
    out.drop_what_is_not_begun()
    assert not out
    assert out.queued == 0


def test_clear() -> None:
    out = Outbox()
    out.put([b"a"], counts=True)
    out.clear()
    assert (bool(out), out.queued) == (False, 0)
