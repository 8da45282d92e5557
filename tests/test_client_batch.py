"""`Client.batch`: many small messages, written and acknowledged together; none is lost, none comes twice."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from client_fakes import Connection, number_of, serving
from helpers import data_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from hdaemon.client import Ack, BadValue, Client, Disconnected, Rejected, Timeout, _Broken, _wait
from hdaemon.log import RingLog
from hdaemon.server.loop import ServerLoop
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits


@contextlib.contextmanager
def running(limits: Limits | None = None) -> Iterator[tuple[ServerLoop, RingLog]]:
    """A server without Qt."""
    log = RingLog()
    loop = ServerLoop("batch", "127.0.0.1", 0, "evaluate", log=log, store=Store(), limits=limits or Limits())
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        assert loop.listening.wait(10)
        yield loop, log
    finally:
        loop.stop()
        thread.join(10)


@contextlib.contextmanager
def cutting(port: int, after: list[int]) -> Iterator[int]:
    """A way to the server that breaks: connection n ends when so many bytes of the server's have come through."""
    listener = socket.create_server(("127.0.0.1", 0))
    left, pairs = list(after), []

    def carry(come: socket.socket, go: socket.socket, most: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := come.recv(65536):
                if most is not None:
                    data, most = data[:most], most - len(data[:most])
                go.sendall(data)
                if most == 0:
                    break
        for sock in (come, go):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port), 10)
                most = left.pop(0) if left else None
                threads = [
                    threading.Thread(target=carry, args=(near, far, None)),
                    threading.Thread(target=carry, args=(far, near, most)),
                ]
                pairs.append((near, far, threads))
                for thread in threads:
                    thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)
        for near, far, threads in pairs:
            for sock in (near, far):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
            near.close()
            far.close()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(3000, 30000), max_size=3),
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 60)), max_size=10),
    st.integers(1, 100),
)
def test_each_is_handed_over_once_whatever_breaks(after: list[int], kinds: list[tuple[str, int]], window: int) -> None:
    with (
        running() as (loop, log),
        cutting(loop.port, after) as port,
        pytest.MonkeyPatch.context() as patch,
        Client(port=port, window=window) as client,
    ):
        patch.setattr("hdaemon.client._host_header", lambda _: f"127.0.0.1:{loop.port}")
        sent: list[tuple[str, str]] = []
        acks: list[Ack] = []
        with client.batch():
            for channel, count in kinds:
                for _ in range(count):
                    sent.append((channel, f"{len(sent)}" * (1 + len(sent) % 3)))
                    acks.append(client.send(sent[-1][1], channel))
                client.mode  # noqa: B018 - a question in between
        flushed = client.flush()
        got = {row.serial: (row.channel, bytes(row.payload).decode()) for row in data_rows(log)}
        assert [got[ack.serial] for ack in acks] == sent
        assert list(got.values()) == sent
        assert (flushed.count, flushed.stored, client.unacknowledged) == (len(sent), len(sent), 0)
        assert all(ack.done and ack.stored and ack.mode == "evaluate" and ack._parts == () for ack in acks)


def test_many_are_one_request() -> None:
    requests: list[tuple[dict[str, str], bytes]] = []

    def script(connection: Connection) -> None:
        connection.hello()
        while True:
            _, _, headers, body = connection.request()
            requests.append((headers, body))
            connection.acknowledge(10 * len(requests), headers=headers)

    with serving(script) as port, Client(port=port, window=6) as client:
        client.connect()
        with client.batch():
            acks = [client.send(value) for value in ("one", "", "trois ½", "four", "five")]
            acks.append(client.send(b"six"))
        flushed = client.flush()
    assert [body for _, body in requests] == [b"3 0 8\none" + "trois ½".encode(), b"4 4\nfourfive", b"six"]
    assert [headers.get("hdaemon-messages") for headers, _ in requests] == ["3", "2", None]
    assert [number_of(headers) for headers, _ in requests] == [1, 2, 3]
    assert [ack.serial for ack in acks] == [10, 11, 12, 20, 21, 30]
    assert (flushed.count, flushed.stored) == (6, 6)
    assert flushed.last is acks[-1]


@pytest.mark.parametrize(
    ("limits", "most"),
    [(Limits(), 50), (Limits(max_together_messages=3), 3), (Limits(max_http_message_bytes=1000), 1)]
    + [(Limits(max_together_bytes=1000), 1)],
)
def test_never_more_than_the_server_takes(limits: Limits, most: int) -> None:
    sizes: list[int] = []
    with running(limits) as (loop, log), Client(port=loop.port, window=100) as client:
        loop.set_on_block(lambda block: sizes.append(block.count))
        client.connect()
        with client.batch():
            acks = [client.send(f"{number:040}") for number in range(200)]
        assert client.flush().count == 200
    assert [bytes(row.payload) for row in data_rows(log)] == [b"%040d" % number for number in range(200)]
    assert [ack.serial for ack in acks] == list(range(1, 201))
    assert most == 1 or max(sizes) == most


def test_refused_ones_among_them() -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        while True:
            _, _, headers, _ = connection.request()
            number = number_of(headers)
            if number % 5:
                connection.acknowledge(number * 10, stored=number % 3 > 0, headers=headers)
            else:
                connection.answer(507, {"error": "it is full"})

    with serving(script) as port, Client(port=port) as client:
        client.connect()
        with client.batch():
            acks = [client.send(f"{number}", f"channel {number // 10}") for number in range(100)]
        with pytest.raises(Rejected, match="19 more messages were refused") as caught:
            client.flush()
        assert caught.value.status == 507
        runs = [acks[begin : begin + 10] for begin in range(0, 100, 10)]
        for number, run in enumerate(runs, 1):
            refused = number % 5 == 0
            assert [ack.serial for ack in run] == [0 if refused else number * 10 + place for place in range(10)]
            assert {ack.error is not None for ack in run} == {refused}
            assert {ack.stored for ack in run} == {not refused and number % 3 > 0}
        flushed = client.flush()
        assert (flushed.count, flushed.stored) == (80, 50)
        assert flushed.last is acks[89]


MANY = st.lists(
    st.one_of(st.text(max_size=4), st.binary(max_size=4), st.integers(), st.text("x", min_size=3000)), max_size=99
)


@settings(max_examples=25, deadline=None)
@given(MANY, st.integers(1, 30), st.sampled_from([None, "text/csv"]))
def test_many_leave_what_each_leaves(values: list[object], window: int, content_type: str | None) -> None:
    if content_type:
        values = [value for value in values if not isinstance(value, int)]
    with running() as (loop, log), Client(port=loop.port, window=window) as client:
        assert client.send_many(iter(values), "a", content_type) == len(values)
        assert client.flush().count == len(values)
        for value in values:
            client.send(value, "a", content_type)
        assert client.flush().count == len(values)
        left = [(row.channel, row.content_type, bytes(row.payload)) for row in data_rows(log)]
        assert left[: len(values)] == left[len(values) :]
        assert len(left) == 2 * len(values)


def test_many_are_some_requests_and_the_last_one_is_known() -> None:
    sizes: list[int] = []
    with running() as (loop, _), Client(port=loop.port) as client:
        loop.set_on_block(lambda block: sizes.append(block.count))
        client.connect()
        assert client.send_many((f"{number}" for number in range(1000)), "a") == 1000
        flushed = client.flush()
    assert sizes == [256, 256, 256, 232]
    assert (flushed.count, flushed.stored) == (1000, 1000)
    assert flushed.last is not None
    assert (flushed.last.serial, flushed.last.channel, flushed.last.stored) == (1000, "a", True)


def test_acks_beside_many_have_their_own_numbers() -> None:
    with running() as (loop, log), Client(port=loop.port) as client:
        client.connect()
        with client.batch():
            first = client.send("first")
            client.send_many(["a", "b", "c"])
            last = client.send("last")
        client.flush()
        assert (first.serial, last.serial) == (1, 5)
        assert [bytes(row.payload) for row in data_rows(log)] == [b"first", b"a", b"b", b"c", b"last"]


@pytest.mark.parametrize("before", [0, 1, 5, 300])
def test_what_cannot_be_sent_ends_many(before: int) -> None:
    with running() as (loop, log), Client(port=loop.port) as client:
        client.connect()
        with pytest.raises(BadValue) as caught:
            client.send_many(["x"] * before + ["\ud800"] + ["y"] * 5)
        assert caught.value.taken == before
        assert client.flush().count == before
        assert [bytes(row.payload) for row in data_rows(log)] == [b"x"] * before


def test_many_that_nobody_takes_are_kept_and_counted() -> None:
    release = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        if connection.number == 1:
            release.wait(20)
            return
        while True:
            _, _, headers, _ = connection.request()
            connection.acknowledge(number_of(headers), headers=headers)

    with serving(script) as port, Client(port=port, timeout_s=0.3, window=8) as client:
        client.connect()
        with pytest.raises(Timeout) as caught:
            client.send_many(f"{number}" for number in range(100))
        assert caught.value.taken == client.unacknowledged == 8
        client._drop()
        release.set()
        assert client.flush().count == 8


def test_many_that_are_refused() -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        while True:
            connection.request()
            connection.answer(507, {"error": "it is full"})

    with serving(script) as port, Client(port=port) as client:
        client.connect()
        client.send_many(["x"] * 10)
        with pytest.raises(Rejected, match="9 more messages were refused"):
            client.flush()
        assert client.flush().count == 0


def test_a_server_that_knows_nothing_of_many_in_a_request() -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        while True:
            connection.acknowledge(number_of(connection.request()[2]))

    with serving(script) as port, Client(port=port, reconnect_s=0.1) as client:
        client.connect()
        with client.batch():
            client.send("one")
            client.send("two")
        with pytest.raises(Disconnected, match="acknowledged 1 messages of 2 in one request: is it an older hdaemon"):
            client.flush()
        assert client.discard() == 2


def test_what_is_only_shown(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="print")
    with Client(server.host, server.port) as client:
        with client.batch():
            acks = [client.send("x") for _ in range(300)]
        flushed = client.flush()
    assert (flushed.count, flushed.stored, flushed.shown) == (300, 0, 300)
    assert {(ack.mode, ack.stored) for ack in acks} == {("print", False)}


def test_what_cannot_be_sent_is_not_counted() -> None:
    with running() as (loop, log), Client(port=loop.port) as client:
        with client.batch():
            client.send("one")
            client.send("two")
            with pytest.raises(BadValue):
                client.send("\ud800")
            assert client.unacknowledged == 1  # the first was waited for
            client.send(b"three")
            client.send({"four": 4})
            client.send("five", content_type="text/csv")
        assert client.flush().count == 5
        payloads = [bytes(row.payload) for row in data_rows(log)]
        assert payloads == [b"one", b"two", b"three", b'{"four":4}', b"five"]
        assert [row.content_type for row in data_rows(log)][2:] == [
            "application/octet-stream",
            "application/json",
            "text/csv",
        ]


def test_a_server_that_takes_nothing_leaves_what_was_taken() -> None:
    """What `send` raised for is not sent again; what it took is."""
    release = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        if connection.number == 1:
            release.wait(20)
            return
        while True:
            _, _, headers, _ = connection.request()
            connection.acknowledge(number_of(headers), headers=headers)

    with serving(script) as port, Client(port=port, timeout_s=0.3, window=4) as client:
        client.connect()
        took: list[Ack] = []
        with pytest.raises(Timeout), client.batch():
            took += [client.send(f"{number}") for number in range(10)]
        assert client.unacknowledged == 4
        client._drop()
        release.set()
        assert client.flush().count == 4


def test_an_answer_before_it_was_asked_for() -> None:
    held_back = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        held_back.wait(10)
        connection.acknowledge(1)
        connection.more()

    with serving(script) as port, Client(port=port, reconnect_s=0.1) as client, client.batch():
        client.connect()
        client.send("x")
        held_back.set()
        assert _wait(client._sock, False, 10)[0]
        with pytest.raises(_Broken, match="without being asked"):
            client._read()
        client.discard()


def test_subscribers_are_sent_each(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server()
    with Client(server.host, server.port) as client, client.subscribe("a", timeout_s=10) as subscription:
        with client.batch():
            for number in range(200):
                client.send(f"{number}", "a")
        client.flush()
        assert [next(subscription).data for _ in range(200)] == [f"{number}" for number in range(200)]
