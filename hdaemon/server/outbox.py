"""`Outbox`: what waits to be sent to one client. It belongs to the server thread."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable

from hdaemon.content import Payload

__all__ = ["Outbox"]

_SEND_BYTES = 1024 * 1024
"""One send: the other clients get their turn in between."""

_JOINED_BYTES = 64 * 1024
"""Small parts are sent together, up to so many bytes: a send costs more than a copy of them."""


class Outbox:
    """What is to be sent, oldest first, in units that are sent whole: an answer, a message with its frames.

    Attributes:
        queued: bytes that wait and count towards a limit.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[memoryview, int, bool]] = deque()  # the rest of a part, what it counts, ends a unit
        self._begun = False  # something of the oldest unit has been sent
        self.queued = 0

    def __bool__(self) -> bool:
        return bool(self._parts)

    def put(self, parts: Iterable[Payload], *, counts: bool) -> None:
        """Add one unit.

        Args:
            parts: its bytes; they are not copied.
            counts: count payloads too, which the store or the log may hold anyway; else only bytes objects.
        """
        views = [(memoryview(part).cast("B"), len(part) if counts or isinstance(part, bytes) else 0) for part in parts]
        for number, (view, count) in enumerate(views, 1):
            self._parts.append((view, count, number == len(views)))
            self.queued += count

    def send(self, sock: socket.socket) -> bool:
        """Send what fits now; return whether anything did.

        Raises:
            OSError: the connection is broken.
        """
        parts, moved = self._parts, False
        try:
            while parts:
                if len(parts) > 1 and len(parts[0][0]) < _JOINED_BYTES:
                    self._join()
                view, count, ends = parts[0]
                sent = sock.send(view[:_SEND_BYTES])
                moved = moved or sent > 0
                if sent < len(view):
                    parts[0] = (view[sent:], count, ends)
                    self._begun = self._begun or sent > 0
                else:
                    parts.popleft()
                    self.queued -= count
                    self._begun = not ends
        except (BlockingIOError, InterruptedError):
            pass
        return moved

    def _join(self) -> None:
        """Make one part of the small ones at the beginning, to send them at once.

        They are then one unit: when a part of it was sent, all of it is sent.
        """
        parts, joined, counted, size, ends = self._parts, [], 0, 0, True
        while parts and size + len(parts[0][0]) <= _JOINED_BYTES:
            view, count, ends = parts.popleft()
            joined.append(view)
            counted += count
            size += len(view)
        parts.appendleft((memoryview(b"".join(joined)), counted, ends))

    def drop_what_is_not_begun(self) -> None:
        """Forget every unit but the rest of the one that is being sent: what is put now comes right after it."""
        kept: list[tuple[memoryview, int, bool]] = []
        if self._begun:
            for part in self._parts:
                kept.append(part)
                if part[2]:
                    break
        self._parts = deque(kept)
        self.queued = sum(count for _, count, _ in kept)

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()
        self.queued, self._begun = 0, False
