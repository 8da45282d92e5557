"""`Placement`: the server's thread asks for another processor where it waits for the one it is on.

Linux puts who is woken beside who wakes, and leaves them there: on a machine with two processors a sender and the
server have shared one for 50 ms and more while the other had little to do (docs/performance.md). Whoever may run on
several processors can say that it wants any but this one (sched_setaffinity(2)), and right after it that all are
welcome again.

It belongs to the server thread. Only Linux tells a thread how long it has waited (proc(5), /proc/thread-self/schedstat;
its second number, in ns); elsewhere nothing is done.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Placement"]

_EVERY_S = 0.008
"""Shorter waits are usual: looked for twice as often, it was moved more often where nothing was wrong."""

_RECENT_S = 0.05
"""What was seen longer ago says nothing: the thread has slept since."""

_WAITS_PART = 0.3
"""Of the time that went by. Where sender and server have a processor each it is 0.01, and 0.4 on the same one."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.64
"""After a move, until the next: time to see what came of it. Twice as long each time that nothing did."""

_SCHEDSTAT = Path("/proc/thread-self/schedstat")


def _waited() -> float:
    """Return how many seconds the calling thread has been ready to run and was not running, since it began."""
    return int(_SCHEDSTAT.read_bytes().split()[1]) / 1e9


def _move() -> None:
    """Have the calling thread run on another processor, if it may; from there on it may go where it could before."""
    allowed = os.sched_getaffinity(0)
    here = int(Path("/proc/thread-self/stat").read_text().rpartition(")")[2].split()[36])  # the 39th field: proc(5)
    if len(allowed) > 1:
        try:
            os.sched_setaffinity(0, allowed - {here})
        finally:
            os.sched_setaffinity(0, allowed)


class Placement:
    """Moves a busy thread that waits for its processor to another one.

    Args:
        waited, move, clock: see above; the monotonic clock.
    """

    def __init__(
        self,
        waited: Callable[[], float] = _waited,
        move: Callable[[], None] = _move,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waited, self._move, self._clock = waited, move, clock
        self._works = sys.platform == "linux"
        self._next = self._seen_at = self._seen = 0.0
        self._pause = _PAUSE_S

    def busy(self) -> None:
        """The thread has had something to do: look whether it waits too long, every few milliseconds."""
        now = self._clock()
        if not self._works or now < self._next:
            return
        try:
            waited, before, since = self._waited(), self._seen, now - self._seen_at
            self._next, self._seen_at, self._seen = now + _EVERY_S, now, waited
            if since >= _RECENT_S:
                return
            if waited - before < _WAITS_PART * since:
                self._pause = _PAUSE_S
            else:
                self._next = now + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
                self._move()
        except (OSError, ValueError, IndexError):  # a kernel that does not tell, or does not allow it
            self._works = False
