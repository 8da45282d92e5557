"""WebSockets, end to end: publish, ping, the end, and what is refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

import pytest
from frames import BINARY, CLOSE, PING, PONG, TEXT, frame
from helpers import RawClient, data_rows, events, wait_until
from websocket_client import KEY, Open, message

from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]


# -- publishing ---------------------------------------------------------------------------------------------


def test_each_frame_is_a_message(evaluating: HPythonServer, opened: Open) -> None:
    sock = opened(evaluating, "/channels/rig/camera")
    assert sock.status == 101
    sock.send(TEXT, b"one")
    sock.send(BINARY, b"\0\1", fin=False)
    sock.send(0, b"\2")
    sock.round_trip()
    assert [(row.channel, row.content_type, bytes(row.payload)) for row in data_rows(evaluating.log)] == [
        ("rig/camera", "text/plain", b"one"),
        ("rig/camera", "application/octet-stream", b"\0\1\2"),
    ]
    assert message(evaluating, "rig/camera").data == b"\0\1\2"
    (client,) = evaluating.clients
    assert (client.framing, client.messages) == ("websocket", 2)


def test_the_type_and_a_name_in_any_script(evaluating: HPythonServer, opened: Open) -> None:
    sock = opened(evaluating, "/channels/Gr%C3%B6%C3%9Fe?type=application/json")
    sock.send(TEXT, b'{"x": 1}')
    sock.round_trip()
    assert message(evaluating, "Größe").data == {"x": 1}


def test_the_words_switch_the_mode_of_this_client(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(TEXT, b"evaluate")
    sock.send(TEXT, b"kept")
    sock.round_trip()
    assert message(server, "a").data == "kept"
    assert server.mode == "print"


def test_frames_that_come_with_the_handshake(evaluating: HPythonServer) -> None:
    client = RawClient(evaluating.host, evaluating.port)
    client.send(
        f"GET /channels/a HTTP/1.1\r\nHost: {evaluating.host}:{evaluating.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        + frame(TEXT, b"early")
        + frame(CLOSE, b"\x03\xe8")
    )
    assert client.read_all().endswith(b"\x88\x02\x03\xe8")
    client.close()
    assert message(evaluating, "a").data == "early"


def test_a_large_message(evaluating: HPythonServer, opened: Open) -> None:
    payload = bytes(range(256)) * 16_000
    sock = opened(evaluating, "/channels/a?type=application/x-thing")
    head = struct.pack("!BBQ", 0x82, 0x80 | 127, len(payload)) + b"\0\0\0\0"  # a mask of zeros leaves it as it is
    sock.raw.send(head + payload)
    sock.round_trip()
    assert bytes(message(evaluating, "a").payload) == payload


# -- ping, the end ------------------------------------------------------------------------------------------


def test_who_answers_pings_stays_and_who_does_not_goes(start_server: Start, opened: Open) -> None:
    server = start_server(limits=Limits(ping_s=0.2, stall_s=0.5))
    sock = opened(server, "/channels/a?subscribe=1")
    for _ in range(3):
        assert sock.receive() == (PING, b"")
        sock.send(PONG)
    assert sock.receive() == (PING, b"")
    code, reason = sock.closing()
    assert code == 1008
    assert "ping" in reason
    assert sock.rest() == b""
    assert "no answer to a ping within 0.5 s" in events(server.log, "refused")[0]


def test_closing_by_the_client(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(CLOSE, b"\x03\xe9done")
    assert sock.closing() == (1001, "done")
    assert sock.rest() == b""
    sock.close()
    wait_until(lambda: events(server.log, "disconnected"))
    assert events(server.log, "disconnected")[0].startswith("closed by the client (1001: done); 0 messages")
    assert not events(server.log, "refused")


def test_the_end_without_a_close_frame(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(TEXT, b"half", fin=False)
    sock.close()
    wait_until(lambda: events(server.log, "disconnected"))
    assert "inside a message" in events(server.log, "refused")[0]
    assert not data_rows(server.log)


def test_the_server_says_that_it_stops(start_server: Start, opened: Open) -> None:
    server = start_server()
    sock = opened(server, "/channels/a")
    sock.round_trip()
    server.stop()
    assert sock.closing() == (1001, "the server stopped")
    assert sock.rest() == b""


def test_a_message_past_the_limit(start_server: Start, opened: Open) -> None:
    server = start_server(limits=Limits(max_websocket_message_bytes=1000))
    sock = opened(server, "/channels/a")
    sock.send(BINARY, bytes(1000))
    sock.send(BINARY, bytes(1001))
    assert sock.closing()[0] == 1009
    assert len(data_rows(server.log)) == 1


# -- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "status", "says"),
    [
        ("/nothing", (), 404, "/channels/NAME"),
        ("/echo", (), 404, "/channels/NAME"),
        ("/channels/", (), 400, "1 to 256 bytes"),
        ("/channels/a%2B", (), 400, "wildcard"),
        ("/channels/a%2B?subscribe=1", (), 400, "stands alone"),
        ("/channels/%FF", (), 400, "UTF-8"),
        ("/channels/a?subscribe=yes", (), 400, "subscribe=1"),
        ("/channels/a?subscribe=1&subscribe=1", (), 400, "twice"),
        ("/channels/a?heads=1", (), 400, "for subscribers"),
        ("/channels/a?subcribe=1", (), 400, "no option"),
        ("/channels/a?subscribe", (), 400, "name=value"),
        ("/channels/a?type=json", (), 415, "media type"),
        ("/channels/a", ("Origin: https://evil.test",), 403, "evil.test"),
        ("/channels/a", ("Sec-Fetch-Site: cross-site",), 403, "another site"),
    ],
)
def test_refused(
    server: HPythonServer, opened: Open, target: str, headers: tuple[str, ...], status: int, says: str
) -> None:
    sock = opened(server, target, *headers)
    assert sock.status == status
    assert says in json.loads(sock.rest())["error"]
    assert any(f"HTTP {status}" in text for text in events(server.log, "refused"))


def test_the_token(start_server: Start, opened: Open) -> None:
    server = start_server(token="secret")
    assert opened(server, "/channels/a").status == 401
    sock = opened(server, "/channels/a", "Authorization: Bearer secret")
    assert sock.status == 101


def test_an_allowed_origin(start_server: Start, opened: Open) -> None:
    server = start_server(origins=("https://studio.example",))
    sock = opened(server, "/channels/a", "Origin: https://studio.example", "Sec-Fetch-Site: cross-site")
    assert sock.status == 101


def test_a_request_before_it_on_the_same_connection(server: HPythonServer) -> None:
    client = RawClient(server.host, server.port)
    host = f"Host: {server.host}:{server.port}\r\n"
    client.send(
        (
            f"GET /mode HTTP/1.1\r\n{host}\r\nGET /channels/a HTTP/1.1\r\n{host}Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        + frame(CLOSE)
    )
    received = client.read_all()
    client.close()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 101 " in received
    assert received.endswith(b"\x88\x00")
