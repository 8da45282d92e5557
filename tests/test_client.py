"""`hdaemon.client` and a real server: what is sent arrives, is acknowledged, and can be asked for."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest
from helpers import data_rows, events, payloads, wait_until
from serving import Serving

from hdaemon.client import Ack, BadValue, Client, Rejected, Unauthorized
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]


@pytest.fixture
def client(start_server: Start) -> Iterator[Client]:
    """A client of a server in evaluate mode."""
    server = start_server(mode="evaluate")
    with Client(server.host, server.port) as made:
        yield made


POINTS = numpy.arange(12, dtype="f4").reshape(4, 3)


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        ("W\u00f6rld", "text/plain"),
        ("", "text/plain"),
        (b"\0\xff", "application/octet-stream"),
        (bytearray(b"abc"), "application/octet-stream"),
        ({"a": [1, 2.5, None, True, "x"]}, "application/json"),
        ([], "application/json"),
        ({}, "application/json"),
        ((1, 2), "application/json"),
        (None, "application/json"),
        (7, "application/json"),
        (False, "application/json"),
        (POINTS, "application/x-npy"),
        ({"P": POINTS, "id": numpy.arange(4)}, "application/vnd.safetensors"),
    ],
)
def test_a_value_arrives_as_what_it_is(client: Client, store: Store, value: Any, content_type: str) -> None:
    client.send(value, "some/channel", wait=True)
    message = store["some/channel"].message
    assert (message.content_type, message.error) == (content_type, None)
    mine = client.latest("some/channel")
    assert mine is not None
    assert (mine.serial, mine.content_type, mine.error) == (message.serial, content_type, None)
    for data in (message.data, mine.data):
        if isinstance(value, dict) and "P" in value:
            assert data.keys() == value.keys()
            assert all(numpy.array_equal(data[name], value[name]) for name in value)
        elif isinstance(value, numpy.ndarray):
            assert numpy.array_equal(data, value)
        else:
            assert data == (list(value) if isinstance(value, tuple) else value)


def test_a_type_of_one_s_own_is_sent_as_it_is(client: Client, store: Store) -> None:
    client.send(b"\x01\x02", "cam", "application/x-studio-camera", wait=True)
    message = store["cam"].message
    assert (message.content_type, message.payload) == ("application/x-studio-camera", b"\x01\x02")
    client.send('{"x": 1}', "cam", "text/csv", wait=True)
    assert (store["cam"].message.content_type, store["cam"].message.payload) == ("text/csv", b'{"x": 1}')


def test_an_acknowledgement_says_whether_it_was_stored_or_only_shown(server: HPythonServer) -> None:
    with Client(server.host, server.port) as client:
        shown = client.send("one", "a")
        assert (shown.done, shown.serial) in ((False, 0), (True, shown.serial))
        first = client.flush()
        assert (shown.done, shown.mode, shown.stored, shown.channel) == (True, "print", False, "a")
        assert (first.count, first.stored, first.shown, first.last) == (1, 0, 1, shown)
        client.mode = "evaluate"
        stored = client.send("two", "a", wait=True)
        assert (stored.mode, stored.stored, stored.serial > shown.serial) == ("evaluate", True, True)
        assert (client.flush().stored, client.flush().count) == (1, 0)


def test_many_are_pipelined_in_order(client: Client, log: RingLog) -> None:
    acks = [client.send(str(number), f"channel/{number % 3}") for number in range(5000)]
    assert client.unacknowledged <= 512
    flushed = client.flush()
    assert (flushed.count, flushed.last, client.unacknowledged) == (5000, acks[-1], 0)
    serials = [ack.serial for ack in acks]
    assert serials == list(range(serials[0], serials[0] + 5000))
    assert payloads(log) == [b"%d" % number for number in range(5000)]
    assert [row.channel for row in data_rows(log)[:3]] == ["channel/0", "channel/1", "channel/2"]


@pytest.mark.parametrize("options", [{"window": 1}, {"window": 7}, {"window_bytes": 1}, {"window_bytes": 5000}])
def test_the_window_is_bounded(server: HPythonServer, log: RingLog, options: dict[str, int]) -> None:
    with Client(server.host, server.port, **options) as client:  # type: ignore[arg-type]
        for number in range(200):
            client.send(b"%4d" % number + b"x" * 500)
            assert client.unacknowledged <= options.get("window", 1 + options.get("window_bytes", 0) // 504)
        assert client.flush().count == 200
    assert [payload[:4] for payload in payloads(log)] == [b"%4d" % number for number in range(200)]


def test_a_batch_is_written_at_its_end_at_the_latest(client: Client, server_log: Callable[[], int]) -> None:
    client.send("first", wait=True)
    with client.batch():
        for _ in range(100):
            client.send("held")
        client._poll(0.0)
        assert client.unacknowledged == 100  # none was written, so none was answered
    assert client.flush().count == 101
    with client.batch():
        for _ in range(3000):
            client.send("x" * 100)
        assert server_log() > 101  # it does not grow without a bound
    assert client.flush().count == 3000


@pytest.fixture
def server_log(log: RingLog) -> Callable[[], int]:
    return lambda: len(payloads(log))


@pytest.mark.parametrize("count", [10, 300_000])
def test_what_is_sent_may_be_changed_at_once(client: Client, store: Store, count: int) -> None:
    array = numpy.zeros(count)
    client.send(array, "array")
    array[:] = 1
    client.send({"a": array}, "arrays")
    array[:] = 2
    memory = bytearray(count)
    client.send(memory, "memory")
    memory[:] = b"x" * count
    client.flush()
    assert not store["array"].data.any()
    assert (store["arrays"].data["a"] == 1).all()
    assert store["memory"].data == bytes(count)


def test_what_may_have_to_be_sent_again_is_no_memory_of_the_caller(client: Client) -> None:
    client.send("first", wait=True)
    for value in (numpy.zeros(20_000), bytearray(200_000), memoryview(bytearray(10))):
        with client.batch():
            assert all(isinstance(part, bytes) for part in client.send(value)._parts)


def test_a_refused_message_is_told_by_a_later_send(start_server: Start) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_channels=1))
    client = Client(server.host, server.port)
    client.send("a", "a", wait=True)
    client.send("b", "b")
    told: list[Rejected] = []

    def sends() -> bool:
        try:
            client.send("c", "a")
        except Rejected as error:
            told.append(error)
        return bool(told) or client.unacknowledged > 300

    wait_until(sends)
    assert [error.channel for error in told] == ["b"]
    client.close()


def test_large_arrays_are_not_copied() -> None:
    array = numpy.ones((5_000_000, 3), "f4")
    with Serving("--mode", "evaluate") as serving, Client(port=serving.port) as client:
        client.send("first", wait=True)
        tracemalloc.start()
        try:
            ack = client.send({"P": array}, "mesh")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert ack.stored
        assert peak < 1_000_000
        status = client.status()
        assert status["bytes"] > array.nbytes
        got = client.latest("mesh")
        assert got is not None
        assert numpy.array_equal(got.data["P"], array)


@pytest.mark.parametrize("name", ["a", "a/b c", "100%/%2F", "\u00e9\u4e2d/?x=1", "a//b", "~.-_", "x" * 256])
def test_channel_names(client: Client, store: Store, name: str) -> None:
    client.send("value", name, wait=True)
    assert store[name].data == "value"
    latest = client.latest(name)
    assert latest is not None
    assert (latest.channel, latest.data) == (name, "value")
    assert [row["channel"] for row in client.channels()] == [name]


def test_nothing_is_stored(client: Client) -> None:
    assert client.latest("no/such/channel") is None
    assert client.channels() == []


def test_what_was_sent_can_be_read_at_once(client: Client) -> None:
    for number in range(100):
        client.send(number, "n")
        latest = client.latest("n")
        assert latest is not None
        assert latest.data == number
    assert client.flush().count == 100


def test_a_large_answer_arrives_whole(client: Client) -> None:
    data = numpy.random.default_rng(7).bytes(20_000_000)
    client.send(data, "large")
    client.send("after", "small")
    latest = client.latest("large")
    assert latest is not None
    assert latest.data == data
    assert client.status()["mode"] == "evaluate"


def test_an_answer_over_the_limit_is_refused(start_server: Start) -> None:
    server = start_server(mode="evaluate")
    with Client(server.host, server.port, max_message_bytes=1000, reconnect_s=0) as client:
        client.send(b"x" * 2000, "large", wait=True)
        with pytest.raises(Exception, match="Content-Length '2000', of at most 1000"):
            client.latest("large")
        assert client.latest("small") is None  # and it goes on


def test_mode(server: HPythonServer) -> None:
    with Client(server.host, server.port) as client:
        assert client.mode == "print"
        client.mode = "evaluate"
        assert server.mode == client.mode == "evaluate"
        server.locked = True
        with pytest.raises(Rejected, match="the mode is locked") as caught:
            client.mode = "print"
        assert caught.value.status == 409
        with pytest.raises(BadValue, match="use 'print' or 'evaluate'"):
            client.mode = "exec"


def test_token(start_server: Start, log: RingLog, as_another_user: Callable[[], None]) -> None:
    server = start_server(token="s3cret")
    as_another_user()
    with Client(server.host, server.port, token="s3cret") as client:
        client.send("hi")
    assert payloads(log) == [b"hi"]
    for token in (None, "wrong"):
        stranger = Client(server.host, server.port, token=token)
        with pytest.raises(Unauthorized, match="asks for its token") as caught:
            stranger.send("no")
        assert caught.value.status == 401
        with pytest.raises(Unauthorized):
            stranger.connect()
    assert payloads(log) == [b"hi"]


def test_a_refused_message_is_told_by_a_later_call(start_server: Start, store: Store) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_channels=2))
    client = Client(server.host, server.port)
    client.send("a", "a", wait=True)
    client.send("b", "b")
    refused = client.send("c", "c")
    fine = client.send("d", "a")
    with pytest.raises(Rejected, match=r"channel 'c' \(507\): the store holds 2 channels") as caught:
        client.flush()
    assert (caught.value.status, caught.value.channel, caught.value.said[:9]) == (507, "c", "the store")
    assert refused.error is caught.value
    assert (fine.stored, store["a"].data) == (True, "d")
    assert client.flush().count == 3  # what was acknowledged is still told
    with pytest.raises(Rejected, match="channel 'e'"):
        client.send("e", "e", wait=True)
    client.send("f", "f")
    client.send("g", "g")
    with pytest.raises(Rejected, match=r"channel 'f' .*\(and 1 more messages were refused\)"):
        client.close()
    assert client._sock is None
    client.close()


def test_one_that_is_too_large_takes_no_other_with_it(start_server: Start, log: RingLog) -> None:
    server = start_server(limits=Limits(max_http_message_bytes=1_000_000))
    with Client(server.host, server.port) as client:
        client.send("before")
        with pytest.raises(Rejected, match="larger than the limit of 1000000") as caught:
            client.send(b"x" * 30_000_000, "large", wait=True)
        assert caught.value.status == 413
        client.send("after")
        assert client.flush().count == 2
    assert payloads(log) == [b"before", b"after"]


def test_an_idle_connection_that_the_server_closed(start_server: Start, log: RingLog) -> None:
    server = start_server(limits=Limits(idle_s=0.1))
    with Client(server.host, server.port) as client:
        for number in range(3):
            client.send(str(number), wait=True)
            closed = number + 1
            wait_until(lambda closed=closed: len(events(log, "disconnected")) == closed, "closed")
    assert payloads(log) == [b"0", b"1", b"2"]


def test_a_server_that_starts_again(start_server: Start, log: RingLog) -> None:
    told: list[tuple[str, str]] = []
    server = start_server()
    with Client(server.host, server.port, on_event=lambda event, text: told.append((event, text))) as client:
        client.send("one", wait=True)
        port = server.port
        server.stop()
        start_server(port=port)
        client.send("two", wait=True)
    assert payloads(log) == [b"one", b"two"]
    # Whether the end was seen before "two" was written or after, is a matter of time.
    assert [event for event, _ in told if event != "lost"] == ["connected", "reconnected"]


def test_a_block_that_fails_still_delivers(server: HPythonServer, log: RingLog) -> None:
    def fails() -> None:
        with Client(server.host, server.port) as client:
            client.send("one", wait=True)
            client.send("two")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert payloads(log) == [b"one", b"two"]


def test_a_closed_client_opens_again(client: Client, log: RingLog) -> None:
    client.send("one")
    client.close()
    client.send("two")
    client.close()
    assert payloads(log) == [b"one", b"two"]


def test_every_message_has_a_key_of_its_own(server: HPythonServer) -> None:
    with Client(server.host, server.port) as client:
        client.connect()
        template = client._template("100%/a", "text/plain")
    head = (template % (7, 3)).decode()
    assert head.startswith("PUT /channels/100%25/a HTTP/1.1\r\nHost: 127.0.0.1:")
    assert f'\r\nIdempotency-Key: "{client._id}/7"\r\nContent-Length: 3\r\n\r\n' in head
    assert client._id != Client()._id


def test_what_is_shown_of_an_acknowledgement(client: Client) -> None:
    ack = Ack("a", 1, ())
    assert repr(ack) == "<Ack a: not yet>"
    assert repr(client.send(1, wait=True)).startswith("<Ack default: stored, serial ")
    assert repr(client.flush()) == "<Flushed 1: 1 stored, 0 shown>"
    assert repr(client.latest()).endswith(" default: application/json, 1 bytes>")
    assert json.dumps(client.status())


@pytest.mark.parametrize("give_way", [None, lambda: None])
def test_waiting_for_an_answer(
    give_way: Callable[[], None] | None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hdaemon.client._give_way", give_way)
    for number in range(1, 4):
        ack = client.send("x", "a", wait=True)
        assert (ack.done, ack.serial, client.unacknowledged) == (True, number, 0)


def test_an_answer_that_does_not_come_soon_is_slept_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.connect()
    looked = []
    monkeypatch.setattr("hdaemon.client._give_way", lambda: looked.append(1))
    monkeypatch.setattr("hdaemon.client._LOOK_S", 0.0)
    assert client.send("x", "a", wait=True).done
    assert not looked, "the time to look was over at once"
