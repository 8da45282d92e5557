"""`Bodies`: receives bodies of known length straight into their buffers. It belongs to the server thread.

Usually it takes what is there, and the system wakes the thread for each large part (`readiness.wake_late`). While the
main thread runs Python, each call of the system may cost 5 ms of waiting for the interpreter's lock: then one call
waits for a large part of the body, without the lock, for a bounded time.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable

from hdaemon.interval import short_waits
from hdaemon.server.client import Connection
from hdaemon.server.pages import TOUCH_BYTES, touch
from hdaemon.server.pool import BufferPool
from hdaemon.server.readiness import set_low_water

__all__ = ["HEAD_BYTES", "Bodies"]

HEAD_BYTES = 4096
"""After a large body another is likely: no more than its head is received with it. The rest goes straight into its
buffer; and from so short a call the thread mostly comes back before the main thread has seen that the lock was free."""

PART_BYTES = 32 * 1024 * 1024
"""What one call waits for: the other clients' turn comes after `PART_S` and the time of the copy, some 35 ms. While the
main thread ran Python 256 MB took 368 ms without waiting (a prototype), 196 with parts of 8 MB and 144 with these."""

PART_S = 0.02
"""How long one call waits in all. A client that is slower is not waited for again until a body of its comes quickly."""

AT_ONCE_BYTES = 1024 * 1024
"""A body comes quickly when so much of it, or all, is there at its first receive."""

SLOW_S = 0.0004
"""A receive of what is there took longer by this much than its bytes take: something held the interpreter's lock. While
data comes threads wait half a millisecond for it, if they must (`hdaemon.interval`)."""

_BYTES_PER_S = 2e9

CONTENDED_S = 0.25
"""For so long after such a receive the main thread is taken to be busy. It may only have painted once."""

_CAN_WAIT = sys.platform == "linux"
"""Measured there. Elsewhere SO_RCVTIMEO may be of another form, and a call that waited for ever would be the end."""


class Bodies:
    """What is known of how bodies come.

    Args:
        pool: what they are received into.
        clock: the monotonic clock.
    """

    def __init__(self, pool: BufferPool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._contended_until = 0.0

    @property
    def contended(self) -> bool:
        """Whether another thread was lately seen to keep the interpreter's lock to itself."""
        return self._contended_until > 0.0 and self._clock() < self._contended_until

    def receive(self, connection: Connection, target: memoryview) -> int:
        """Receive into `target`; return how many bytes, 0 at the end of the stream.

        Raises:
            OSError: as `socket.recv_into`; BlockingIOError when there is nothing.
        """
        is_first = not connection.had_body
        if is_first:
            connection.had_body, connection.untouched = True, self._pool.untouched(target)
        if connection.untouched:
            target = _touched(connection, target)
        if self.contended and not connection.slow and _can_wait(connection):
            return self._wait_for(connection, target)
        size = self._timed(connection, target)
        if is_first and size >= min(AT_ONCE_BYTES, len(target)):
            connection.slow = False
        return size

    def receive_head(self, connection: Connection, view: memoryview) -> int:
        """Receive into `view`, of which no more than a head is used after a large body."""
        if not connection.had_body:
            return connection.sock.recv_into(view)
        connection.had_body = False
        if not self.contended:
            return self._timed(connection, view[:HEAD_BYTES])
        with short_waits():
            return self._timed(connection, view[:HEAD_BYTES])

    def _timed(self, connection: Connection, target: memoryview) -> int:
        """Receive what is there, and see whether the lock was kept from this thread."""
        began = self._clock()
        size = connection.sock.recv_into(target)
        over = self._clock()
        if over - began > SLOW_S + size / _BYTES_PER_S:
            self._contended_until = over + CONTENDED_S
        return size

    def _wait_for(self, connection: Connection, target: memoryview) -> int:
        sock, part = connection.sock, target[:PART_BYTES]
        set_low_water(connection, 1)  # what is less than that would not end the wait
        with short_waits():
            sock.setblocking(True)
            try:
                size = sock.recv_into(part, 0, socket.MSG_WAITALL)
            finally:
                sock.setblocking(False)
        connection.slow = size < len(part)
        return size


def _touched(connection: Connection, target: memoryview) -> memoryview:
    """Return the beginning of `target` whose pages are there, after more of them were touched where they run out."""
    ahead = len(target) - connection.untouched
    if ahead < TOUCH_BYTES // 2:
        part = target[ahead : ahead + TOUCH_BYTES]
        with short_waits():
            touch(part)
        connection.untouched -= len(part)
        ahead += len(part)
    return target[:ahead]


def _can_wait(connection: Connection) -> bool:
    """Bound the time of a receive that waits; return whether that was possible."""
    if not connection.bounded and _CAN_WAIT:
        try:
            connection.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(PART_S * 1_000_000))
            )
            connection.bounded = True
        except OSError:
            connection.slow = True
    return connection.bounded
