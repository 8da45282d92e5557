"""What a door makes of the bytes it is fed: the whole vocabulary between `wire` and `server`.

A door is anything with the methods of `Door`. Events are facts about the client's bytes, in the order of the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hdaemon.message import DEFAULT_CHANNEL
from hdaemon.wire.heads import Head

__all__ = ["Door", "Event", "Goodbye", "Lines", "ModeWord", "Payload", "Refused", "Reply", "Request", "Upgrade"]


@dataclass(frozen=True, slots=True)
class Lines:
    r"""`count` text messages, each a valid line of UTF-8 without NUL and with its end, ``\n`` or ``\r\n``."""

    data: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Payload:
    """One message."""

    content_type: str
    data: bytes | memoryview
    channel: str = DEFAULT_CHANNEL


@dataclass(frozen=True, slots=True)
class Request:
    """A complete HTTP request, which the server answers before it looks at the next event."""

    head: Head
    body: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A complete request that the connection go on as a WebSocket: it is answered, and another door takes over.

    Attributes:
        head: the request, admitted.
        rest: what came after it and belongs to the next door.
    """

    head: Head
    rest: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send to the client now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ModeWord:
    """The client asked for a mode, ``"print"`` or ``"evaluate"``."""

    mode: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The client did what the door does not allow; the connection is to be closed.

    Attributes:
        reason: for the log: what, where, what to do next. Never quotes a secret.
        reply: for the client, sent before the connection is closed.
    """

    reason: str
    reply: bytes


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The client ended the conversation as the protocol has it; the connection is to be closed.

    Attributes:
        reason: for the log.
        reply: for the client, sent before the connection is closed.
    """

    reason: str
    reply: bytes


Event = Lines | Payload | Request | Upgrade | Reply | ModeWord | Goodbye | Refused


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
