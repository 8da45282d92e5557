"""When a connection is looked at again: its deadline, and how much must have come before its thread is woken."""

from __future__ import annotations

import socket
import time

from hdaemon.server.client import Connection
from hdaemon.wire.events import Door
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits

__all__ = ["filling", "in_head", "set_deadline", "set_low_water", "too_slow", "wake_late"]

BODY_GRACE_S = 10.0
"""A body's rate is judged from so long after its head on: until then a slow start is none."""

_LOW_WATER_BYTES = 128 * 1024
_LOW_WATER_CONTENDED_BYTES = 1024 * 1024
"""Of a large body, as much is received at once (where the system can wait for it): a little, so that sender and
receiver copy side by side, and more while each wake-up waits for the interpreter."""

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
        if door.in_body:
            if connection.body != door.bodies:
                connection.body, connection.body_at = door.bodies, now
            connection.deadline = min(connection.deadline, _slow_at(connection, door, limits))
    elif door.admitted:
        connection.deadline = now + limits.silence_s if door.waiting else None


def in_head(door: Door) -> bool:
    """Say whether a request has begun whose head is not complete: its time runs from the first byte."""
    return isinstance(door, HttpDoor) and door.waiting and not door.in_body


def filling(door: Door) -> bool:
    """Say whether a body of known length is on its way: receiving it takes next to nothing of the interpreter."""
    return isinstance(door, HttpDoor) and door.target is not None


def too_slow(connection: Connection, limits: Limits, now: float) -> bool:
    """Say whether a body has come more slowly than `min_body_bytes_per_s`, from `BODY_GRACE_S` after its head on."""
    door = connection.door
    if not isinstance(door, HttpDoor) or not door.in_body or connection.body != door.bodies:
        return False
    return now > _slow_at(connection, door, limits)


def _slow_at(connection: Connection, door: HttpDoor, limits: Limits) -> float:
    """Return until when what has come of the body is enough, on the monotonic clock."""
    return connection.body_at + max(BODY_GRACE_S, door.body_bytes / limits.min_body_bytes_per_s)


def wake_late(connection: Connection, door: HttpDoor, received: int, contended: bool) -> None:
    """Have the system wake this thread for a large part of a body that comes quickly, and not for every packet.

    Each time it wakes it waits for the interpreter's lock, up to 5 ms while the main thread runs Python. When the
    rest comes slowly after all, what is there is received at the deadline.
    """
    target = door.target
    quick = target is not None and received >= _QUICK_BYTES
    wanted = _LOW_WATER_CONTENDED_BYTES if contended else _LOW_WATER_BYTES
    set_low_water(connection, max(1, min(wanted, len(target))) if quick and target is not None else 1)


def set_low_water(connection: Connection, wanted: int) -> None:
    """Have the system wake this thread when `wanted` bytes have come."""
    if wanted != connection.low_water:
        connection.low_water = wanted
        try:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
        except OSError:  # a system that has none: it wakes this thread more often, and that is all
            pass
