"""Every limit of the port: its name, its default, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hdaemon.errors import UsageError

__all__ = ["Limits"]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server allows. Sizes are in bytes, times in seconds.

    Attributes:
        max_clients: connections at once; the next one is told so and closed. Far above any real set-up, far below
            the descriptors a process may have.
        max_raw_message_bytes: one message on the raw door; it has no length in front, so the whole is held while
            it arrives.
        silence_s: how long nothing must come before a part without a line end counts as whole. Longer than a
            pause between packets, shorter than a person notices.
        max_token_line_bytes: the first line of a connection that must show a token.
        admission_s: how long a connection may take to show it.
        log_rows: rows the log keeps.
        log_payload_bytes: payload bytes the log keeps.
        max_head_bytes: the head of an HTTP request; browsers and proxies send a few kilobytes.
        max_http_message_bytes: one body; its length is known before, so it may be large.
        max_together_messages, max_together_bytes: messages in one HTTP request, and its body. They are recorded in one
            go, and each is copied out of the body: 15 ms for so many; larger ones gain nothing by coming together.
        max_websocket_message_bytes: one message by WebSocket; how long it is, is known when it has come.
        max_queued_bytes: answers made for one client that it does not read, or messages for a subscriber; then it is
            disconnected. One message is sent however large.
        max_shared_bytes: shared memory lent to programs of this machine, in use or kept for the next message: as much
            as three messages of 256 MB, in the store, in the log and under way. What does not fit comes by TCP.
        max_channels: channels of the store; each holds its latest message for as long as the session lives.
        stall_s: how long a head may take, a body or an answer may stand still.
        min_body_bytes_per_s: how fast a body must come on the average, from 10 s after its head on; else a byte now and
            then would hold a connection for ever. Slower than any network that people still send data by.
        idle_s: how long an HTTP connection may stay open between two requests.
        ping_s: how long a WebSocket may be silent before it is asked (a ping) whether the client is still there.
        linger_s: how long a refused client is read from (and its bytes thrown away), so that the reply
            reaches it before the connection is reset (RFC 1122, 4.2.2.13; RFC 9112, 9.6).

    Raises:
        UsageError: a limit that is not a positive number; names it.
    """

    max_clients: int = 64
    max_raw_message_bytes: int = 64 * MIB
    silence_s: float = 0.05
    max_token_line_bytes: int = 1024
    admission_s: float = 10.0
    log_rows: int = 100_000
    log_payload_bytes: int = 256 * MIB
    max_head_bytes: int = 16 * 1024
    max_http_message_bytes: int = 1024 * MIB
    max_together_messages: int = 65_536
    max_together_bytes: int = MIB
    max_websocket_message_bytes: int = 64 * MIB
    max_queued_bytes: int = 64 * MIB
    max_shared_bytes: int = 768 * MIB
    max_channels: int = 10_000
    stall_s: float = 10.0
    min_body_bytes_per_s: int = 1024
    idle_s: float = 60.0
    ping_s: float = 20.0
    linger_s: float = 2.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            kinds = int if item.type == "int" else (int, float)
            if not isinstance(value, kinds) or isinstance(value, bool) or not value > 0:
                what = "a whole number" if kinds is int else "a number"
                raise UsageError(f"limit {item.name} is {value!r}: give {what} above 0")
