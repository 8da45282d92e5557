"""What is sent by WebSocket (RFC 6455): frames for messages, and who asks for them.

A server's frame is the payload with a head of 2 to 10 bytes; made here, a large payload is not copied. What comes in is
the work of `hdaemon.wire.websocket`, which is imported when somebody asks for a WebSocket.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable

from hdaemon.content import JSON, Payload
from hdaemon.message import Message
from hdaemon.wire.heads import Head

__all__ = [
    "SUBPROTOCOL",
    "SUBPROTOCOL_TOKEN",
    "WEBSOCKET",
    "close_frame",
    "frame",
    "is_text",
    "lines_frames",
    "message_frames",
    "wants_websocket",
]

WEBSOCKET = "websocket"
"""The `framing` of a WebSocket door."""

SUBPROTOCOL = "hdaemon"
"""What a page offers as its protocol beside the token, and is answered (RFC 6455, 1.9): the token never is."""

SUBPROTOCOL_TOKEN = "bearer."
"""How the protocol begins that is no protocol but the token: Kubernetes has its tokens shown in the same way."""

# Close codes: RFC 6455, 7.4.1, and the registry it set up.
GOING_AWAY = 1001
POLICY_VIOLATION = 1008
TOO_BIG = 1009
TRY_AGAIN_LATER = 1013

TEXT_FRAME, BINARY_FRAME, _CLOSE_FRAME = 0x81, 0x82, 0x88  # FIN and the opcode: RFC 6455, 5.2
_JOINED_BYTES = 4096
"""A smaller payload is sent in one piece with its frame's head; copying it costs less than a second send."""

_MAX_REASON_BYTES = 123  # RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code


def wants_websocket(head: Head) -> bool:
    """Say whether a request asks to go on as a WebSocket (RFC 6455, 4.2.1)."""
    return head.method == "GET" and "websocket" in head.words("upgrade") and "upgrade" in head.words("connection")


def close_frame(code: int, reason: str) -> bytes:
    """Return the frame that ends the conversation and says why (RFC 6455, 5.5.1); a long reason is cut."""
    said = reason.encode()[:_MAX_REASON_BYTES].decode("utf-8", "ignore").encode()
    return bytes([_CLOSE_FRAME, 2 + len(said)]) + struct.pack("!H", code) + said


def message_frames(message: Message, *, heads: bool, stored: bool = True) -> list[Payload]:
    """Return what a subscriber is sent for a message.

    Text and JSON become a text message, everything else a binary one. With `heads`, the payload is always binary, and
    a text message before it says what it is: JSON with ``serial``, ``channel``, ``type``, ``bytes``, ``time``,
    ``client`` and ``stored``: false when it was only shown (print mode).

    A large payload is a part of its own, and is not copied.
    """
    payload = message.payload
    if not heads:
        return frame(TEXT_FRAME if is_text(message.content_type) and _is_utf8(payload) else BINARY_FRAME, payload)
    described = {
        "serial": message.serial,
        "channel": message.channel,
        "type": message.content_type,
        "bytes": len(payload),
        "time": message.time,
        "client": message.client,
        "stored": stored,
    }
    (head,) = frame(TEXT_FRAME, json.dumps(described, ensure_ascii=False).encode())
    first, *rest = frame(BINARY_FRAME, payload)
    return [bytes(head) + bytes(first), *rest]


def lines_frames(lines: Iterable[bytes]) -> bytes:
    """Return one text message for each line, each valid UTF-8."""
    return b"".join([part for line in lines for part in (_frame_head(TEXT_FRAME, len(line)), line)])


def frame(opcode: int, payload: Payload) -> list[Payload]:
    """Return an unmasked, unfragmented frame, a large payload as a part of its own.

    Args:
        opcode: its first byte, `TEXT_FRAME` or `BINARY_FRAME`.
        payload: what is in it.
    """
    head = _frame_head(opcode, len(payload))
    return [head + payload] if len(payload) < _JOINED_BYTES else [head, payload]


def _frame_head(opcode: int, size: int) -> bytes:
    """Return the head of an unmasked, unfragmented frame (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((opcode, size))
    return struct.pack("!BBH", opcode, 126, size) if size < 1 << 16 else struct.pack("!BBQ", opcode, 127, size)


def is_text(content_type: str) -> bool:
    """Say whether payloads of that type are text, which a WebSocket tells apart from bytes."""
    return content_type.startswith("text/") or content_type == JSON or content_type.endswith("+json")


def _is_utf8(payload: Payload) -> bool:
    try:
        str(payload, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
