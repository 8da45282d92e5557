"""What is sent again with the same key is handed over once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows

from hdaemon.server.acknowledged import Acknowledged, Answer, key_of
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


def test_the_oldest_are_forgotten() -> None:
    known = Acknowledged(max_keys=2)
    for number in range(3):
        known.remember(str(number), Answer(number, "a", "print"))
    assert [known.find(str(number), "a") for number in range(3)] == [None, (1, "a", "print"), (2, "a", "print")]


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
