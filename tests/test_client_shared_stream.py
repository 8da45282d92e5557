"""`hdaemon.client` in a stream of large messages of one size: memory for the next is asked for with each."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from client_fakes import STATUS, Connection, serving, until_end
from shared_memory import Memory, needed, none_left

from hdaemon import client as client_module
from hdaemon.client import Client, Rejected, Timeout
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

pytestmark = needed

MIB = 1024 * 1024
ALIKE = client_module._ALIKE


class Lender:
    """A scripted server that lends memory, notes what it is asked, and answers what it is told to.

    Attributes:
        asked: of each request what it was: ``"lend 9"``, ``"publish s1"``, ``"publish s1 and ask"`` when more came with
            it, or ``"body"``.
        status: of the answers to who asks for memory.
        refused: segments whose messages are refused.
        held: until it is set, who asks for memory is not answered.
        break_off: when it closes the connection, once: ``"before it lends"`` or ``"when it has lent"`` what was asked
            for together with the second message.
        silent_at: a segment whose message is not answered, nor anything after it.
        contents: how each message began that lay in memory when it was published.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.refused: set[str] = set()
        self.held: threading.Event | None = None
        self.break_off = ""
        self.silent_at = "none"
        self._stack, self._serial = stack, 0
        self._memory: list[Memory] = []
        self.contents: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        assert connection.request()[:2] == ("GET", "/status")
        connection.answer(200, {**STATUS, "shared_memory": True})
        while True:
            method, path, headers, body = connection.request()
            if path == "/segments":
                self._lend(connection, json.loads(body)["bytes"])
                if self.break_off == "when it has lent" and "publish s2 and ask" in self.asked:
                    self.break_off = ""
                    return
                continue
            assert (method, path) == ("PUT", "/channels/a")
            name = headers.get("hdaemon-segment", "").partition(";")[0]
            asks = " and ask" if connection.has_more else ""
            self.asked.append((f"publish {name}" if name else "body") + asks)
            if name in self.refused:
                connection.answer(507, {"error": "no room"})
                continue
            if name:
                self.contents.append(os.pread(self._memory[int(name[1:]) - 1].fd, 4, 0))
            if name == self.silent_at:
                until_end(connection)  # the client gives up
            self._serial += 1
            connection.acknowledge(self._serial, "a")
            if self.break_off == "before it lends" and name == "s2":
                self.break_off = ""
                return

    def _lend(self, connection: Connection, size: int) -> None:
        self.asked.append(f"lend {size // MIB}")
        if self.held is not None:
            assert self.held.wait(20)
        if self.status != 200:
            connection.answer(self.status, {"error": "all of it is in use"})
            return
        memory = self._stack.enter_context(Memory(f"s{len(self._memory) + 1}"))
        self._memory.append(memory)
        connection.answer(200, memory.lent)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """What is lent in a test, in which the second message of a size is already one of a stream."""
    monkeypatch.setattr(client_module, "_ALIKE", 1)
    monkeypatch.setattr(client_module, "_STREAM_S", 60.0)  # however slow the machine is
    monkeypatch.setattr(client_module, "_LENT_S", 60.0)
    with ExitStack() as stack:
        yield stack


def data(number: int, size: int = 9 * MIB) -> bytes:
    return b"%4d" % number + bytes(size - 4)


def test_in_a_stream_memory_is_asked_for_with_the_message_before(memory: ExitStack) -> None:
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        for number in range(4):
            assert client.send(data(number), "a").serial == number + 1
            assert client.unacknowledged == 0
        assert client.flush().count == 4
    # The second is the first of a stream: of the same size, and soon.
    assert lender.asked == [
        *("lend 9", "publish s1"),
        *("lend 9", "publish s2 and ask", "lend 9"),
        *("publish s3 and ask", "lend 9"),
        *("publish s4 and ask", "lend 9"),
    ]
    assert lender.contents == [b"   0", b"   1", b"   2", b"   3"]


def test_it_takes_some_messages_of_a_size_to_be_a_stream(memory: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame's points and normals, before its texture coordinates, are none."""
    monkeypatch.setattr(client_module, "_ALIKE", ALIKE)
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        for size in (9, 9, 10, 9, 9, 10, 10, 10):
            client.send(data(0, size * MIB), "a")
        client.flush()
        assert lender.asked[::2] == [f"lend {size}" for size in (9, 9, 10, 9, 9, 10, 10, 10)]
        assert lender.asked[1::2] == [f"publish s{number}" for number in range(1, 9)]
        client.send(data(0, 10 * MIB), "a")
        client.flush()
        assert lender.asked[16:] == ["lend 10", "publish s9 and ask", "lend 10"]


def test_what_was_asked_for_in_vain_makes_it_wait(memory: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server throws it away, and new memory is slow."""
    monkeypatch.setattr(client_module, "_AFTER_WASTE", 3)
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        for size in (9, 9, 10, 10, 9, 10, 10, 10, 10):
            client.send(data(0, size * MIB), "a")
    assert lender.asked == [
        *("lend 9", "publish s1"),
        *("lend 9", "publish s2 and ask", "lend 9"),
        *("lend 10", "publish s4"),  # it was 3 messages too early
        *("lend 10", "publish s5"),
        *("lend 9", "publish s6"),  # counts for none
        *("lend 10", "publish s7"),
        *("lend 10", "publish s8"),
        *("lend 10", "publish s9"),
        *("lend 10", "publish s10 and ask", "lend 10"),
    ]


def test_what_comes_late_takes_what_is_lent_and_asks_for_no_more(
    memory: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        for _ in range(2):
            client.send(data(0), "a")
        monkeypatch.setattr(client_module, "_STREAM_S", 0.0)
        for _ in range(2):
            client.send(data(0), "a")
    assert lender.asked[2:] == ["lend 9", "publish s2 and ask", "lend 9", "publish s3", "lend 9", "publish s4"]


def test_what_was_lent_long_ago_is_not_written_to(memory: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        for _ in range(2):
            client.send(data(0), "a")
        monkeypatch.setattr(client_module, "_LENT_S", 0.0)
        client.send(data(0), "a")
    assert lender.asked[2:] == ["lend 9", "publish s2 and ask", "lend 9", "lend 9", "publish s4"]


def test_where_there_is_none_ahead_it_is_asked_for_again(memory: ExitStack) -> None:
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port) as client:
        client.send(data(1), "a")
        client.send(data(2), "a")
        client.flush()  # what was lent ahead is there
        lender.status = 503
        client.send(data(3), "a")  # takes it; the next is refused
        client.send(data(4), "a")
        lender.status = 200
        client.send(data(5), "a")
    assert lender.asked[5:] == [
        "publish s3 and ask",
        "lend 9",
        "lend 9",
        "body",
        "lend 9",
        "publish s4 and ask",
        "lend 9",
    ]
    assert lender.contents == [b"   1", b"   2", b"   3", b"   5"]


def test_a_message_is_acknowledged_before_the_next_memory_is_lent(memory: ExitStack) -> None:
    """Who waits for the message does not wait for that; the next message does."""
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port, timeout_s=20.0) as client:
        client.send(data(1), "a")
        client.send(data(2), "a")
        assert client.flush().count == 2
        lender.held = threading.Event()
        try:
            assert client.send(data(3), "a").serial == 3
            assert client.unacknowledged == 0
            client.timeout_s = 0.3
            with pytest.raises(Timeout, match="0 messages are not acknowledged"):
                client.send(data(4), "a")
            assert client.unacknowledged == 0
        finally:
            lender.held.set()
        client.timeout_s = 20.0
        assert client.send(data(5), "a").serial == 4
        assert client.flush().count == 2
    assert lender.contents == [b"   1", b"   2", b"   3", b"   5"]


@pytest.mark.parametrize("when", ["before it lends", "when it has lent"])
def test_what_was_lent_goes_with_the_connection(memory: ExitStack, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    monkeypatch.setattr(Client, "_poll", lambda self, now: None)  # else it may be seen before the third is sent
    lender = Lender(memory)
    with serving(lender) as port, Client(port=port, on_event=lambda word, text: events.append((word, text))) as client:
        lender.break_off = when
        client.send(data(1), "a")
        client.send(data(2), "a")
        client.flush()
        assert client.send(data(3), "a").serial == 3
        assert client.flush().count == 1
    assert [word for word, _ in events] == ["connected", "lost", "reconnected"]
    if when == "before it lends":
        # s3 was lent when it was asked for again, and nobody waited for it any more.
        assert lender.asked[4:] == ["lend 9", "lend 9", "publish s4 and ask", "lend 9"]
        assert lender.contents == [b"   1", b"   2", b"   3"]
        assert "sent again" not in events[-1][1], "only memory was asked for"
    else:  # it was written to before anybody could know
        assert lender.asked[4:] == ["lend 9", "body and ask", "lend 9"]
        assert lender.contents == [b"   1", b"   2"]
        assert events[-1][1].endswith("; 1 messages are sent again")


def test_a_message_that_is_not_answered_is_taken_back(memory: ExitStack) -> None:
    """And so is what was asked for with it: nothing of either is sent again."""
    lender = Lender(memory)
    lender.silent_at = "s2"
    with serving(lender) as port, Client(port=port, timeout_s=20.0) as client:
        client.send(data(1), "a")
        client.timeout_s = 1.0
        with pytest.raises(Timeout, match="1 messages are not acknowledged"):
            client.send(data(2), "a")
        assert client.unacknowledged == 0
        client.timeout_s = 20.0
        assert client.send(data(3), "a").serial == 2
        assert client.flush().count == 2
    assert lender.asked == [
        "lend 9",
        "publish s1",
        "lend 9",
        "publish s2 and ask",
        "lend 9",
        "publish s3 and ask",
        "lend 9",
    ]


def test_a_refused_message_in_a_stream_is_told_and_the_next_is_taken(memory: ExitStack) -> None:
    lender = Lender(memory)
    lender.refused = {"s3"}
    with serving(lender) as port, Client(port=port) as client:
        for number in (1, 2):
            client.send(data(number), "a")
        with pytest.raises(Rejected, match="no room"):
            client.send(data(3), "a")
        assert client.unacknowledged == 0
        client.send(data(4), "a")
        assert client.flush().count == 3
    assert lender.contents == [b"   1", b"   2", b"   4"]


def test_a_stream_to_a_real_server(
    start_server: Any, store: Store, log: RingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pieces of its memory are used in turns, and one is lent ahead; all is given back."""
    monkeypatch.setattr(client_module, "_STREAM_S", 60.0)
    server: HPythonServer = start_server(mode="evaluate")
    array = np.zeros(3 * MIB, "f4")
    queue = store.queue("a")
    with Client(server.host, server.port) as client:
        for number in range(20):
            array[:] = number
            client.send(array, "a")
            message = queue.take(timeout_s=10)
            assert message is not None
            assert (float(message.data[0]), float(message.data[-1])) == (number, number)
            del message
            log.clear()
        assert client.flush().count == 20
        segments = server._loop._segments
        assert segments.bytes_received > 20 * array.nbytes
        assert len(segments._segments) <= 3
        assert sum(segment.client_id != 0 for segment in segments._segments) == 1
    queue.close()
    assert server.stop(timeout_s=5.0)
    none_left(store, log)
