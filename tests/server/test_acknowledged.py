"""What is sent again with the same key is handed over once."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows

from hdaemon.server.acknowledged import MAX_OF_ONE, Acknowledged, Answer, key_of
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.heads import HttpError, parse_head


def head(*lines: str) -> bytes:
    return "\r\n".join(["PUT /channels/a HTTP/1.1", "Host: 127.0.0.1:2000", *lines, "", ""]).encode()


def test_the_key_of_a_request() -> None:
    assert key_of(parse_head(head())) is None
    assert key_of(parse_head(head('Idempotency-Key: "a/1"'))) == '"a/1"'


@pytest.mark.parametrize(
    "lines",
    [
        ("Idempotency-Key: a",),
        ('Idempotency-Key: ""',),
        ('Idempotency-Key: "' + "x" * 129 + '"',),
        ('Idempotency-Key: "a", "b"',),
        ('Idempotency-Key: "a"', 'Idempotency-Key: "a"'),
    ],
)
def test_what_is_no_key(lines: tuple[str, ...]) -> None:
    with pytest.raises(HttpError) as caught:
        key_of(parse_head(head(*lines)))
    assert caught.value.status == 400


def known_of(known: Acknowledged, keys: list[str]) -> list[str]:
    return [key for key in keys if known.find(key, "a") is not None]


def test_the_oldest_of_a_publisher_are_forgotten() -> None:
    known = Acknowledged(max_of_one=2)
    keys = [f'"me/{number}"' for number in range(3)]
    for number, key in enumerate(keys):
        known.remember(key, Answer(number, "a", "print"))
    assert [known.find(key, "a") for key in keys] == [None, (1, "a", "print"), (2, "a", "print")]


def test_what_others_send_meanwhile_pushes_nothing_out() -> None:
    """A client that tries to reach the server again for a second: the others send 100,000 messages in that time."""
    known = Acknowledged()
    mine = [f'"0123456789abcdef/{number}"' for number in range(MAX_OF_ONE)]
    for number, key in enumerate(mine):
        known.remember(key, Answer(number, "a", "evaluate"))
    for first in range(0, 200_000, 500):
        known.remember_all([b'"fedcba9876543210/%d"' % n for n in range(first, first + 500)], Answer(1, "a", "print"))
    assert known_of(known, mine) == mine
    assert len(known._answers) < 3 * MAX_OF_ONE


@pytest.mark.parametrize("sizes", [[1] * 3000, [500] * 9, [1000, 1, 100, 900, 24, 1000, 1], [2000, 1, 2000]])
def test_the_newest_1024_are_always_known_however_they_came(sizes: list[int]) -> None:
    known, keys = Acknowledged(), list[str]()
    for size in sizes:
        new = [f'"me/{len(keys) + number}"' for number in range(size)]
        known.remember_all([key.encode() for key in new], Answer(len(keys), "a", "print"))
        keys += new
        newest = keys[-MAX_OF_ONE:]
        assert known_of(known, newest) == newest
        assert len(known._answers) <= MAX_OF_ONE + max(sizes)


def test_messages_without_keys_leave_nothing() -> None:
    known = Acknowledged()
    known.remember_all([], Answer(1, "a", "print"))
    assert not known._answers
    assert not known._publishers


def test_of_too_many_publishers_the_one_that_was_silent_longest_is_forgotten() -> None:
    known = Acknowledged(max_keys=4, max_of_one=2)
    for number, key in enumerate(("a/1", "a/2", "b/1", "b/2", "a/3", "c/1")):
        known.remember(key, Answer(number, "a", "print"))
    assert known_of(known, ["a/1", "a/2", "a/3", "b/1", "b/2", "c/1"]) == ["a/2", "a/3", "c/1"]


def test_keys_of_another_form_are_one_publisher_s() -> None:
    known = Acknowledged(max_keys=40, max_of_one=2)
    keys = [f'"{number}"' for number in range(12)]
    for number, key in enumerate(keys):
        known.remember(key, Answer(number, "a", "print"))
    assert known_of(known, keys) == keys[2:]


def test_a_key_is_for_one_channel() -> None:
    known = Acknowledged()
    known.remember('"k"', Answer(1, "a", "print"))
    with pytest.raises(HttpError) as caught:
        known.find('"k"', "b")
    assert caught.value.status == 422


def put(server: HPythonServer, key: str, body: bytes, channel: str = "a") -> dict[str, object]:
    """Publish on a connection of its own, as after a break; return the status and the answer."""
    client = RawClient(server.host, server.port)
    client.send(
        f"PUT /channels/{channel} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nConnection: close\r\n"
        f'Idempotency-Key: "{key}"\r\nContent-Length: {len(body)}\r\n\r\n'.encode()
        + body
    )
    answer, _, value = client.read_all().partition(b"\r\n\r\n")
    client.close()
    return {"status": int(answer.split()[1]), **json.loads(value)}


def test_end_to_end(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    first = put(server, "me/1", b"one")
    second = put(server, "me/2", b"two")
    server.mode = "print"
    assert put(server, "me/1", b"one") == first  # with the mode and the serial of the first time
    assert put(server, "me/2", b"two") == second
    assert [bytes(row.payload) for row in data_rows(server.log)] == [b"one", b"two"]
    assert put(server, "me/3", b"three")["stored"] is False
    assert put(server, "me/3", b"three", channel="b")["status"] == 422
    assert len(data_rows(server.log)) == 3


def test_what_was_refused_may_be_sent_again(start_server: Callable[..., HPythonServer]) -> None:
    from hdaemon import Limits

    server = start_server(mode="evaluate", limits=Limits(max_channels=1))
    assert put(server, "me/1", b"x", "a")["status"] == 200
    assert put(server, "me/2", b"x", "b")["status"] == 507
    server.mode = "print"
    assert put(server, "me/2", b"x", "b")["status"] == 200


@pytest.mark.parametrize("count", [1, 2, 8, 9, 100])
def test_each_of_a_run_has_its_own_answer(count: int) -> None:
    known = Acknowledged()
    keys = [b'"me/%d"' % number for number in range(count)]
    known.remember_all(keys, Answer(5, "a", "evaluate"))
    assert [known.find(key.decode(), "a") for key in keys] == [
        Answer(5 + number, "a", "evaluate") for number in range(count)
    ]
    assert not known.are_new(keys[-1:])


@pytest.mark.parametrize("together", [0, 1, 8])
def test_keys_leave_nothing_to_the_garbage_collector(together: int) -> None:
    known = Acknowledged()
    gc.collect()
    before = len(gc.get_objects())
    gc.disable()
    try:
        young = gc.get_count()[0]
        for number in range(0, 1000, max(1, together)):
            if together:
                keys = [b'"me/%d"' % (number + index) for index in range(together)]
                known.remember_all(keys, Answer(number, "a", "print"))
                del keys
            else:
                known.remember(f'"me/{number}"', Answer(number, "a", "print"))
        assert gc.get_count()[0] - young < 20, "it would be called for them"
    finally:
        gc.enable()
    gc.collect()
    assert len(gc.get_objects()) - before < 20


@pytest.mark.parametrize("channel", ["a b  c", " a", "evaluate ", "a/b", "漢"])
def test_whatever_the_channel_is_called(channel: str) -> None:
    known = Acknowledged()
    known.remember('"me/1"', Answer(2**40, channel, "print"))
    known.remember_all([b'"me/2"', b'"me/3"'], Answer(7, channel, "evaluate"))
    assert known.find('"me/1"', channel) == (2**40, channel, "print")
    assert known.find('"me/3"', channel) == (8, channel, "evaluate")
