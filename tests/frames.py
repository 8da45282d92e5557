"""Frames as a WebSocket client sends and reads them, written from RFC 6455, 5.2."""

from __future__ import annotations

import struct

from hdaemon.wire.heads import Head, parse_head

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes | None = b"\x01\x02\x03\x04") -> bytes:
    """Return a frame as a client sends it (RFC 6455, 5.2)."""
    first = (0x80 if fin else 0) | opcode
    flag = 0x80 if mask is not None else 0
    if len(payload) < 126:
        head = bytes([first, flag | len(payload)])
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, flag | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, flag | 127, len(payload))
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def head(*lines: str, target: str = "/channels/a") -> Head:
    text = "\r\n".join([f"GET {target} HTTP/1.1", "Host: 127.0.0.1:2000", *lines, "", ""])
    return parse_head(text.encode())
