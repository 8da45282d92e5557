"""Which door a connection wants: decided by its first bytes, for good (design.md, One port, three doors).

What starts like an HTTP method, a TLS hello or a STUN message never becomes raw data: these are what a web page can
make a browser send to a port of its own machine.
"""

from __future__ import annotations

from collections.abc import Callable

from hdaemon.wire.events import Door, Event, Refused

__all__ = ["OpeningDoor", "sniff"]

_METHODS = tuple(f"{method} ".encode() for method in "GET HEAD POST PUT DELETE OPTIONS PATCH TRACE CONNECT PRI".split())
_LONGEST = max(map(len, _METHODS))

_TLS_HELLO = b"\x16\x03"  # handshake record, version 3.x: RFC 8446, 5.1
_STUN_COOKIE = b"\x21\x12\xa4\x42"  # RFC 8489, 5
_STUN_COOKIE_AT = (4, 6)
"""What WebRTC sends to a TURN server by TCP (RFC 8656), and to another peer, with the length before it (RFC 6544)."""

_FOREIGN = {
    "tls": Refused(
        "a TLS hello came in: hdaemon does not speak TLS; connect without it (to another machine, through an SSH "
        "tunnel)",
        b"",
    ),
    "stun": Refused(
        "a STUN message came in: it looks like a web page whose WebRTC was made to talk to this port, so the "
        "connection was closed",
        b"",
    ),
}


def sniff(head: bytes) -> str:
    """Return ``"http"``, ``"tls"``, ``"stun"`` or ``"raw"`` for the first bytes of a connection.

    Empty while it can still be one or the other.
    """
    if head.startswith(_METHODS):
        return "http"
    if head.startswith(_TLS_HELLO):
        return "tls"
    if head[:1] < b"\x08" and any(head[at : at + 4] == _STUN_COOKIE for at in _STUN_COOKIE_AT):
        return "stun"
    if len(head) < _LONGEST and any(method.startswith(head) for method in _METHODS):
        return ""
    if _TLS_HELLO.startswith(head):
        return ""
    # A type or a length of 16 bits whose first byte is small: text begins otherwise, and is not held back.
    if head[:1] < b"\x08" and any(_STUN_COOKIE.startswith(head[at : at + 4]) for at in _STUN_COOKIE_AT):
        return ""
    return "raw"


class OpeningDoor:
    """A door that holds back the first few bytes until it knows which door they are for, and then is that one.

    Args:
        raw: makes the raw door, with the framing it is given.
        http: makes the HTTP door.
        framing: of the raw door; may be set while nothing is decided.
        admitted: whether data counts without a token.

    Attributes:
        chosen: the door; None while undecided.
    """

    def __init__(self, raw: Callable[[str], Door], http: Callable[[], Door], framing: str, admitted: bool) -> None:
        self._raw, self._http = raw, http
        self.framing, self.admitted = framing, admitted
        self._head = b""
        self._closed = False
        self.chosen: Door | None = None

    @property
    def waiting(self) -> bool:
        """Whether bytes are held that `silence` would deliver."""
        if self.chosen is not None:
            return self.chosen.waiting
        return self.admitted and bool(self._head)

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete."""
        if self.chosen is not None:
            return self.chosen.feed(data)
        if self._closed:
            return []
        self._head += data
        kind = sniff(self._head)
        if kind in _FOREIGN:
            self._head, self._closed = b"", True
            return [_FOREIGN[kind]]
        return self._choose(kind) if kind else []

    def silence(self) -> list[Event]:
        """Nothing more has come: it is no request."""
        if not self.waiting:
            return []
        events = self._choose("raw") if self.chosen is None else []
        return events + (self.chosen.silence() if self.chosen is not None else [])

    def end(self) -> list[Event]:
        """The client has closed its side after a few bytes: they are raw data."""
        events = self._choose("raw") if self.chosen is None and self._head else []
        self._closed = True
        return events + (self.chosen.end() if self.chosen is not None else [])

    def _choose(self, kind: str) -> list[Event]:
        self.chosen = self._http() if kind == "http" else self._raw(self.framing)
        return self.chosen.feed(self._head)
