"""When a connection is looked at again: its deadline, and how much must have come before its thread is woken."""

from __future__ import annotations

import socket
import time

from hdaemon.server.client import Connection
from hdaemon.wire.events import Door
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits

__all__ = ["in_head", "set_deadline", "wake_late"]

_LOW_WATER_BYTES = 1024 * 1024
"""Of a large body, as much is received at once (where the system can wait for it)."""

_QUICK_BYTES = 128 * 1024
"""One receive of a body that comes quickly brings as much."""


def set_deadline(connection: Connection, limits: Limits) -> None:
    """Say when something is due, after something was received or sent."""
    now, door = time.monotonic(), connection.door
    if connection.refused:
        return  # it lingers for its time, whatever it still sends
    if connection.is_websocket:
        connection.deadline = now + limits.ping_s
    elif connection.out:
        connection.deadline = None  # it is not read from; `stalls_at` holds
    elif isinstance(door, HttpDoor):
        connection.deadline = now + (limits.stall_s if door.waiting else limits.idle_s)
    elif door.admitted:
        connection.deadline = now + limits.silence_s if door.waiting else None


def in_head(door: Door) -> bool:
    """Say whether a request has begun whose head is not complete: its time runs from the first byte."""
    return isinstance(door, HttpDoor) and door.waiting and not door.in_body


def wake_late(connection: Connection, door: HttpDoor, received: int) -> None:
    """Have the system wake this thread for a large part of a body that comes quickly, and not for every packet.

    Each time it wakes it waits for the interpreter's lock, up to 5 ms while the main thread runs Python. When the
    rest comes slowly after all, what is there is received at the deadline.
    """
    target = door.target
    quick = target is not None and received >= _QUICK_BYTES
    wanted = max(1, min(_LOW_WATER_BYTES, len(target))) if quick and target is not None else 1
    if wanted != connection.low_water:
        connection.low_water = wanted
        try:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
        except OSError:  # a system that has none: it wakes this thread more often, and that is all
            pass
