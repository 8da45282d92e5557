"""Which door a connection wants: decided by its first bytes, for good (design.md, One port, three doors).

What starts like an HTTP method never becomes raw data, so that no request of a browser can be taken for text.
"""

from __future__ import annotations

from collections.abc import Callable

from hdaemon.wire.events import Door, Event

__all__ = ["OpeningDoor", "sniff"]

_METHODS = tuple(f"{method} ".encode() for method in "GET HEAD POST PUT DELETE OPTIONS PATCH TRACE CONNECT PRI".split())
_LONGEST = max(map(len, _METHODS))


def sniff(head: bytes) -> str:
    """Return ``"http"`` or ``"raw"`` for the first bytes of a connection; empty while they can still be either."""
    if head.startswith(_METHODS):
        return "http"
    if len(head) < _LONGEST and any(method.startswith(head) for method in _METHODS):
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
        self._head += data
        kind = sniff(self._head)
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
        return events + (self.chosen.end() if self.chosen is not None else [])

    def _choose(self, kind: str) -> list[Event]:
        self.chosen = self._http() if kind == "http" else self._raw(self.framing)
        return self.chosen.feed(self._head)
