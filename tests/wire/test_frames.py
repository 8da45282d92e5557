"""What is sent by WebSocket, and who asks for one."""

from __future__ import annotations

import json

import pytest
from frames import BINARY, TEXT, frame, head

from hdaemon.message import Message
from hdaemon.wire.frames import close_frame, lines_frames, message_frames, wants_websocket


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (("Upgrade: websocket", "Connection: Upgrade"), True),
        (("Upgrade: WebSocket", "Connection: keep-alive, upgrade"), True),
        (("Upgrade: h2c", "Connection: Upgrade"), False),
        (("Upgrade: websocket",), False),
        (("Connection: Upgrade",), False),
        ((), False),
    ],
)
def test_who_wants_a_websocket(lines: tuple[str, ...], wanted: bool) -> None:
    assert wants_websocket(head(*lines)) is wanted


def sent(content_type: str, payload: bytes, heads: bool = False) -> bytes:
    message = Message(7, 1.5, "a/b", content_type, payload, "client-1")
    return b"".join(map(bytes, message_frames(message, heads=heads)))


@pytest.mark.parametrize("size", [0, 125, 126, 4095, 4096, 65535, 65536])
def test_frames_of_every_length(size: int) -> None:
    assert sent("application/octet-stream", b"x" * size) == frame(BINARY, b"x" * size, mask=None)


@pytest.mark.parametrize(
    ("content_type", "payload", "opcode"),
    [
        ("text/plain", b"a", TEXT),
        ("application/json", b"{}", TEXT),
        ("text/plain", b"\xff", BINARY),  # a text message must be UTF-8: RFC 6455, 5.6
        ("application/x-npy", b"a", BINARY),
    ],
)
def test_text_is_sent_as_text(content_type: str, payload: bytes, opcode: int) -> None:
    assert sent(content_type, payload) == frame(opcode, payload, mask=None)


def test_heads() -> None:
    data = sent("text/plain", b"abc", heads=True)
    assert data[0] == 0x81
    head = json.loads(data[2 : 2 + data[1]])
    assert head == {
        "serial": 7,
        "channel": "a/b",
        "type": "text/plain",
        "bytes": 3,
        "time": 1.5,
        "client": "client-1",
        "stored": True,
    }
    assert data[2 + data[1] :] == frame(BINARY, b"abc", mask=None)


def test_a_large_payload_is_not_copied() -> None:
    payload = memoryview(bytearray(100_000))
    parts = message_frames(Message(1, 0.0, "a", "application/x-npy", payload, "c"), heads=True)
    assert any(part is payload for part in parts)


def test_lines() -> None:
    assert lines_frames([b"a", b"", b"c" * 300]) == b"".join(
        frame(TEXT, line, mask=None) for line in (b"a", b"", b"c" * 300)
    )


def test_a_long_reason_is_cut_between_characters() -> None:
    data = close_frame(1008, "é" * 100)
    assert len(data) <= 127
    data[4:].decode()
