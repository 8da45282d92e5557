"""The WebSocket door (RFC 6455): messages in frames, over wsproto. No extension is negotiated.

Fed: the bytes of one connection after the opening handshake, cut anywhere. Returns events: `Payload` for each complete
message, however fragmented; `ModeWord` for the words ``print`` and ``evaluate``; `Reply` for what is to be sent at
once; `Goodbye` when the client ends the conversation; `Refused` for what breaks the protocol or a limit. Raises nothing
for anything a client may send.

`accept` answers the opening handshake.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Event as WebSocketEvent
from wsproto.handshake import H11Handshake

from hdaemon.content import OCTET_STREAM, TEXT
from hdaemon.message import MODES
from hdaemon.wire.events import Event, Goodbye, ModeWord, Payload, Refused, Reply
from hdaemon.wire.frames import (
    BINARY_FRAME,
    POLICY_VIOLATION,
    SUBPROTOCOL,
    TEXT_FRAME,
    TOO_BIG,
    WEBSOCKET,
    close_frame,
    frame,
    is_text,
    wants_websocket,
)
from hdaemon.wire.heads import Head, HttpError
from hdaemon.wire.limits import Limits

__all__ = ["WebSocketDoor", "accept"]

_SMALL_PART = 4096
"""Smaller parts are put together: kept one by one, 64 MiB in frames of two bytes would take a gigabyte."""

_LONG = 256 * 1024
"""A longer message is put together by `join`, without the interpreter's lock. Grown part by part, 2 MB kept the lock
for up to 26 ms: each time the system had to find memory for all of it."""


def accept(head: Head) -> bytes:
    """Return the answer that opens the WebSocket.

    Raises:
        HttpError: the handshake is not as RFC 6455, 4.2.1 has it.
    """
    key = head.all("sec-websocket-key")
    if len(key) != 1 or not _is_key(key[0]):
        raise HttpError(400, "Sec-WebSocket-Key must be there once: 16 random bytes in base64 (RFC 6455, 4.1)")
    versions = head.all("sec-websocket-version")
    if versions != ["13"]:
        raise HttpError(
            426, "only version 13 of the WebSocket protocol is spoken here", (("Sec-WebSocket-Version", "13"),)
        )
    if not wants_websocket(head):
        raise HttpError(400, "a WebSocket begins with GET, Upgrade: websocket and Connection: Upgrade (RFC 6455, 4.1)")
    offered = [word.strip() for value in head.all("sec-websocket-protocol") for word in value.split(",")]
    # wsproto is told what it answers, and no more: of a header with other letters than ASCII in it, it raises
    # UnicodeDecodeError. No extension is offered to it, so that it accepts none.
    headers = [
        (b"Host", b"hdaemon"),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Version", b"13"),
        (b"Sec-WebSocket-Key", key[0].encode()),
    ]
    chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
    if chosen is not None:
        headers.append((b"Sec-WebSocket-Protocol", chosen.encode()))
    handshake = H11Handshake(ConnectionType.SERVER)
    handshake.initiate_upgrade_connection(headers, "/")
    return bytes(handshake.send(AcceptConnection(subprotocol=chosen)))


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


class WebSocketDoor:
    """The WebSocket door of one connection.

    Args:
        limits: `max_websocket_message_bytes` holds here.
        channel: what is sent goes to it; None when the client may only listen.
        content_type: of binary messages, and of text ones where it is a text's; empty: text/plain and
            application/octet-stream.
        join: puts the parts of a long message together.
        echo: every message is sent back as it came and goes nowhere else: for conformance tests.

    Attributes:
        pinged: a ping was sent, and nothing has come since.
    """

    framing = WEBSOCKET
    admitted = True  # its opening handshake was
    waiting = False

    def __init__(
        self,
        limits: Limits,
        channel: str | None,
        content_type: str = "",
        *,
        join: Callable[[list[bytes | bytearray]], memoryview] = lambda parts: memoryview(b"".join(parts)),
        echo: bool = False,
    ) -> None:
        self._limits, self._channel, self._echo = limits, channel, echo
        self._text_type = content_type if is_text(content_type) else TEXT
        self._binary_type = content_type or OCTET_STREAM
        self._protocol = Connection(ConnectionType.SERVER)
        self._join = join
        self._parts: list[bytes | bytearray] = []  # of a message whose end has not come
        self._held = 0
        self._closed = False
        self.pinged = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete."""
        events: list[Event] = []
        if self._closed:
            return events
        self.pinged = False
        self._protocol.receive_data(data)
        for event in self._protocol.events():
            self._take(event, events)
            if self._closed:
                break
        return events

    def silence(self) -> list[Event]:
        """Nothing has come for a while: ask whether the client is there; or give it up when it was asked before."""
        events: list[Event] = []
        if self._closed:
            return events
        if self.pinged:
            self._refuse(POLICY_VIOLATION, f"no answer to a ping within {self._limits.stall_s:g} s", events)
        else:
            self.pinged = True
            events.append(Reply(bytes(self._protocol.send(Ping()))))
        return events

    def end(self) -> list[Event]:
        """The client has closed its side; a message that is not complete is not one."""
        events: list[Event] = []
        if not self._closed and self._held:
            text = f"the connection ended inside a message, after {self._held} bytes of it: it was not taken"
            events.append(Refused(text, b""))
        self._closed = True
        return events

    # -- inside -----------------------------------------------------------------------------------------

    def _take(self, event: WebSocketEvent, events: list[Event]) -> None:
        if isinstance(event, (TextMessage, BytesMessage)):
            as_text = isinstance(event, TextMessage)
            part = event.data.encode() if isinstance(event, TextMessage) else event.data
            limit = self._limits.max_websocket_message_bytes
            if self._held + len(part) > limit:
                text = f"a message is larger than the limit of {limit} bytes (max_websocket_message_bytes)"
                self._refuse(TOO_BIG, text, events)
                return
            self._hold(part)
            if event.message_finished:
                self._complete(self._taken(), as_text, events)
        elif isinstance(event, Ping):
            events.append(Reply(bytes(self._protocol.send(event.response()))))
        elif isinstance(event, CloseConnection) and self._protocol.state is not ConnectionState.REMOTE_CLOSING:
            # wsproto's word for what it cannot parse, with the code to close with.
            self._refuse(int(event.code), f"a frame is not as RFC 6455 has it: {event.reason}", events)
        elif isinstance(event, CloseConnection):
            self._closed = True
            said = f": {event.reason}" if event.reason else ""
            reply = bytes(self._protocol.send(event.response()))
            events.append(Goodbye(f"closed by the client ({int(event.code)}{said})", reply))

    def _hold(self, part: bytes | bytearray) -> None:
        self._held += len(part)
        last = self._parts[-1] if self._parts else None
        if len(part) < _SMALL_PART and isinstance(last, bytearray) and len(last) < _LONG:
            last += part
        else:
            self._parts.append(bytearray(part) if len(part) < _SMALL_PART else part)

    def _taken(self) -> bytes | memoryview:
        """Return what is held, a long message as a memoryview."""
        parts, size = self._parts, self._held
        self._parts, self._held = [], 0
        return self._join(parts) if size > _LONG else b"".join(parts)

    def _complete(self, payload: bytes | memoryview, as_text: bool, events: list[Event]) -> None:
        if self._echo:
            events.append(Reply(b"".join(frame(TEXT_FRAME if as_text else BINARY_FRAME, payload))))
        elif self._channel is None:
            text = "what subscribes to a pattern can only listen: open another connection to /channels/NAME to send"
            self._refuse(POLICY_VIOLATION, text, events)
        elif as_text and self._text_type == TEXT and len(payload) <= 8 and (word := str(payload, "utf-8")) in MODES:
            events.append(ModeWord(word))
        else:
            events.append(Payload(self._text_type if as_text else self._binary_type, payload, self._channel))

    def _refuse(self, code: int, text: str, events: list[Event]) -> None:
        self._closed = True
        self._parts, self._held = [], 0
        events.append(Refused(f"WebSocket {code}: {text}", close_frame(code, text)))
