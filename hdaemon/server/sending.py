"""`Sender`: sends to clients what their outboxes hold, as far as there is room. It belongs to the server thread."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from hdaemon.server.client import Connection
from hdaemon.server.readiness import set_deadline
from hdaemon.server.routes import Parts
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits

__all__ = ["Sender", "send_now", "shut"]

_HELD_BYTES = 256 * 1024
"""Answers to requests that came at once are sent at once, up to so many bytes."""


class Sender:
    """Sends, and says what a connection waits for.

    Args:
        limits: see `Limits`.
        is_open: says whether a connection is still one of the server's.
        wait_for: has the loop wait for these events of a connection.
        note: takes note of a connection's deadlines.
        give_up: closes a connection, for that reason; what it left without an end is not delivered.
    """

    def __init__(
        self,
        limits: Limits,
        is_open: Callable[[Connection], bool],
        wait_for: Callable[[Connection, int], object],
        note: Callable[[Connection], None],
        give_up: Callable[[Connection, str], None],
    ) -> None:
        self.limits, self.is_open, self.wait_for = limits, is_open, wait_for
        self.note, self.give_up = note, give_up

    def send(self, connection: Connection, parts: Parts) -> None:
        """Send what fits now, and the rest when there is room."""
        out = connection.out
        out.put(parts, counts=False)
        if connection.stalls_at is None and (not connection.held or out.queued > _HELD_BYTES):
            self.flush(connection)
        if not connection.refused and out.queued > self.limits.max_queued_bytes:
            text = f"more than {self.limits.max_queued_bytes} bytes of answers wait for it (max_queued_bytes)"
            self.give_up(connection, text)

    def flush(self, connection: Connection) -> None:
        """Send what waits, as far as there is room."""
        out = connection.out
        if not self.is_open(connection):
            return
        try:
            moved = out.send(connection.sock)
        except OSError as error:
            out.clear()
            self.give_up(connection, f"connection lost: {error.strerror or error}")
            return
        if not out:
            connection.stalls_at = None
        elif moved or connection.stalls_at is None:
            connection.stalls_at = time.monotonic() + self.limits.stall_s
            self.note(connection)
        waits = selectors.EVENT_WRITE if out else selectors.EVENT_READ
        if connection.is_websocket:
            waits |= selectors.EVENT_READ
        waited = connection.awaited != waits
        if waited:
            connection.awaited = waits
            self.wait_for(connection, waits)
        if out:
            if not connection.is_websocket:
                connection.deadline = None  # nothing is read from it meanwhile
        elif connection.refused:
            self.linger(connection)
        elif waited and isinstance(connection.door, HttpDoor):
            set_deadline(connection, self.limits)  # else who has received does it

    def linger(self, connection: Connection) -> None:
        """Say that nothing more will be sent, and read for a while what still comes."""
        connection.deadline = time.monotonic() + self.limits.linger_s
        self.note(connection)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it is gone already; the next receive finds that out
            pass


def send_now(sock: socket.socket, data: bytes) -> bool:
    """Send what fits without waiting; return whether all of it did."""
    try:
        return sock.send(data) == len(data)
    except OSError:
        return False


def shut(sock: socket.socket) -> None:
    """Close a socket, whoever else holds it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)  # close() alone leaves it open where a child process holds it too
    except OSError:
        pass
    sock.close()
