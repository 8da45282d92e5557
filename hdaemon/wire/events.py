"""What a door makes of the bytes it is fed: the whole vocabulary between `wire` and `server`.

A door is anything with the methods of `Door`. Events are facts about the client's bytes, in the order of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from hdaemon.message import DEFAULT_CHANNEL
from hdaemon.wire.heads import Head

__all__ = [
    "Door",
    "Event",
    "Goodbye",
    "Lines",
    "ModeWord",
    "Payload",
    "Payloads",
    "Refused",
    "Reply",
    "Request",
    "Requests",
    "Upgrade",
]


class Lines(NamedTuple):
    r"""`count` text messages, each a valid line of UTF-8 without NUL and with its end, ``\n`` or ``\r\n``."""

    data: bytes
    count: int  # type: ignore[assignment] # a tuple's own count() is of no use here


class Payload(NamedTuple):
    """One message."""

    content_type: str
    data: bytes | memoryview
    channel: str = DEFAULT_CHANNEL


class Payloads(NamedTuple):
    """Messages of one type on one channel, at least one."""

    content_type: str
    data: list[bytes]
    channel: str


class Request(NamedTuple):
    """A complete HTTP request, which the server answers before it looks at the next event."""

    head: Head
    body: bytes | memoryview


class Requests(NamedTuple):
    """Complete requests that came at once, alike but for their keys, lengths and bodies; each as a `Request` would be.

    Attributes:
        head: what they share: `headers` is without the key and the length, `length` is not theirs.
        keys: the Idempotency-Key of each, with its quotes; empty when they have none.
        lengths: the Content-Length of each, as sent.
        bodies: as many, none of them empty.
    """

    head: Head
    keys: list[bytes]
    lengths: list[bytes]
    bodies: list[bytes]

    def each(self) -> Iterator[Request]:
        """Yield them one by one."""
        shared = self.head.headers
        for number, (length, body) in enumerate(zip(self.lengths, self.bodies, strict=True)):
            more: tuple[tuple[str, str], ...] = (("content-length", length.decode("latin-1")),)
            if self.keys:
                more = (("idempotency-key", self.keys[number].decode("latin-1")), *more)
            yield Request(self.head._replace(headers=shared + more, length=len(body)), body)


class Upgrade(NamedTuple):
    """A complete request that the connection go on as a WebSocket: it is answered, and another door takes over.

    Attributes:
        head: the request, admitted.
        rest: what came after it and belongs to the next door.
    """

    head: Head
    rest: bytes


class Reply(NamedTuple):
    """Bytes to send to the client now."""

    data: bytes


class ModeWord(NamedTuple):
    """The client asked for a mode, ``"print"`` or ``"evaluate"``."""

    mode: str


class Refused(NamedTuple):
    """The client did what the door does not allow; the connection is to be closed.

    Attributes:
        reason: for the log: what, where, what to do next. Never quotes a secret.
        reply: for the client, sent before the connection is closed.
        wrong_token: the client has shown a token that is not the server's.
    """

    reason: str
    reply: bytes
    wrong_token: bool = False


class Goodbye(NamedTuple):
    """The client ended the conversation as the protocol has it; the connection is to be closed.

    Attributes:
        reason: for the log.
        reply: for the client, sent before the connection is closed.
    """

    reason: str
    reply: bytes


Event = Lines | Payload | Request | Requests | Upgrade | Reply | ModeWord | Goodbye | Refused


class Door(Protocol):
    """One connection's parser. After a `Refused` it returns nothing more, whatever it is fed.

    `framing` says how a raw door cuts bytes into messages; other doors have a name of their own there.
    """

    framing: str

    @property
    def waiting(self) -> bool:
        """Whether bytes are held that `silence` would deliver."""
        ...

    @property
    def admitted(self) -> bool:
        """Whether the client has shown what it must show (a token) before its data counts."""
        ...

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the connection; return the events they complete."""
        ...

    def silence(self) -> list[Event]:
        """Nothing has come for the time that ends a burst; return the events that this completes."""
        ...

    def end(self) -> list[Event]:
        """The client has closed its side; return the events that this completes."""
        ...
