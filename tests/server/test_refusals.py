"""Who is refused is told why, in the words of its door, and then the connection ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from hdaemon.server import refusals as refusals_module
from hdaemon.server.client import Client, Connection
from hdaemon.server.refusals import Refusals
from hdaemon.server.sending import Sender
from hdaemon.server.visits import Visits
from hdaemon.wire.events import Refused
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

LIMITS = Limits(max_clients=8, silence_s=3.0, linger_s=2.0)
WRONG = Refused("a wrong token", b"no: wrong token\n", wrong_token=True)


class Gate:
    """What the refusals of a server with some connections do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.rows, self.left, self.closed = 100.0, list[str](), list[int](), list[tuple[int, str]]()
        self.open: dict[int, Connection] = {}
        self._sockets: list[socket.socket] = []
        monkeypatch.setattr(refusals_module.time, "monotonic", lambda: self.now)
        sender = Sender(
            LIMITS,
            is_open=lambda connection: connection.client.id in self.open,
            wait_for=lambda *_: None,
            note=lambda _: None,
            give_up=lambda connection, why: self.closed.append((connection.client.id, why)),
        )
        self.refusals = Refusals(
            LIMITS,
            sender,
            Visits(lambda event, text, _: self.rows.append(f"{event}: {text}")),
            self.open,
            leave=lambda connection: self.left.append(connection.client.id),
            close=lambda connection, why: self.closed.append((connection.client.id, why)),
        )

    def connect(self, address: str = "10.0.0.1:5") -> tuple[Connection, socket.socket]:
        ours, theirs = socket.socketpair()
        self._sockets += ours, theirs
        ours.setblocking(False)
        theirs.settimeout(10)
        number = len(self.open) + 1
        connection = Connection(Client(number, "a", address, "lines"), ours, RawDoor(LIMITS, "lines", None))
        self.open[number] = connection
        return connection, theirs

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.close()


def said(theirs: socket.socket) -> bytes:
    """Return all that a client is told, to the end of the stream."""
    data = b""
    while part := theirs.recv(1000):
        data += part
    return data


def test_it_is_told_why_and_then_nothing_more(gate: Gate) -> None:
    connection, theirs = gate.connect()
    gate.refusals.refuse(connection, Refused("that is no way to begin", b"no\n"))
    assert said(theirs) == b"no\n"
    assert gate.rows == ["refused: that is no way to begin (from 10.0.0.1:5)"]
    assert (connection.refused, gate.left) == (True, [1])
    assert connection.deadline == 100.0 + LIMITS.linger_s
    assert gate.refusals.wrong_tokens.count == 0
    assert gate.closed == [], "what it still sends is read for a while: a reset would lose the answer"


def test_the_answer_to_who_guesses_waits(gate: Gate) -> None:
    for number in range(1, 5):
        connection, theirs = gate.connect()
        gate.refusals.refuse(connection, WRONG)
        assert said(theirs) == WRONG.reply
        assert gate.refusals.wrong_tokens.count == number
    connection, theirs = gate.connect("10.0.0.1:77")
    gate.refusals.refuse(connection, WRONG)
    assert (connection.refused, connection.late_reply) == (True, WRONG.reply)
    assert connection.deadline is not None
    assert 100.0 < connection.deadline < 102.0
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    other, other_end = gate.connect("10.0.0.2:5")
    gate.refusals.refuse(other, WRONG)
    assert said(other_end) == WRONG.reply, "another address does not wait for that one"
    theirs.settimeout(10)
    gate.refusals.answer_late(connection)
    assert said(theirs) == WRONG.reply
    assert not connection.late_reply


def test_of_those_who_wait_a_quarter_of_the_places_at_most_is_taken(gate: Gate) -> None:
    for _ in range(4):
        gate.refusals.refuse(gate.connect()[0], WRONG)
    waiting = [gate.connect()[0] for _ in range(3)]
    for connection in waiting[:2]:
        gate.refusals.refuse(connection, WRONG)
    assert gate.closed == []
    gate.refusals.refuse(waiting[2], WRONG)
    assert gate.closed == [(waiting[0].client.id, "refused")], "the one that has waited longest"
    assert waiting[2].late_reply


@pytest.mark.parametrize(
    ("first", "begins", "ends"),
    [
        (b"hello\n", b"hdaemon: refused: 8 clients are connected, which is the limit max_clients\n", b""),
        (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 503 ", b"max_clients"),
    ],
)
def test_one_too_many_is_told_so_when_it_has_said_how(gate: Gate, first: bytes, begins: bytes, ends: bytes) -> None:
    connection, theirs = gate.connect()
    connection.counted = False
    gate.refusals.one_too_many(connection)
    assert (connection.refused, connection.deadline) == (True, 100.0 + LIMITS.silence_s)
    assert gate.rows == ["refused: 8 clients are connected, which is the limit max_clients (from 10.0.0.1:5)"]
    gate.refusals.answer_one_too_many(connection, first)
    answer = said(theirs)
    assert answer.startswith(begins)
    assert ends in answer
    assert (b"Retry-After: 1\r\n" in answer) == answer.startswith(b"HTTP")


def test_what_is_over_ends_once_all_is_sent(gate: Gate) -> None:
    connection, theirs = gate.connect()
    connection.held = True
    connection.out.put([b"the answer"], counts=False)
    gate.refusals.finish(connection, "answered, as it asked")
    assert (connection.refused, connection.why, connection.deadline) == (True, "answered, as it asked", None)
    gate.refusals.finish(connection, "another reason")
    assert connection.why == "answered, as it asked"
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    del gate.open[connection.client.id]
    connection.out.clear()
    gate.refusals.finish(connection)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)  # it is gone: its socket is left alone
