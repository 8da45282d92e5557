"""`Pace`: how often the main thread is told of what came, and how long it may work on it then.

Plain Python, no Qt. Belongs to the main thread, but for `lags`, which the server thread asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["BACKLOG_S", "INTERVAL_S", "LONGEST_S", "Pace"]

INTERVAL_S = 0.033
"""`HPythonServer.received` is emitted at most this often: a queued signal a batch costs more than a tick of a 30 Hz
display."""

BACKLOG_S = 0.012
"""The next turn comes so soon while callbacks have something left: 4 ms of work, and twice as long for others."""

LONGEST_S = 0.25
"""However busy the main thread is, it is told four times a second."""

_SHARE = 3
"""What a turn took, it leaves to others at least so many times over."""

_MOST_S, _LEAST_S = 0.004, 0.001
"""A turn works on callbacks for 4 ms at the most (design.md), and for 1 ms where the main thread is behind."""

_LAG_S = 0.012
"""A turn that has not come so long after it was due: the main thread is busy with something else."""


class Pace:
    """The times of the turns of one server.

    Args:
        clock: the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._due = 0.0
        self._late = 0.0
        self._told = -INTERVAL_S  # when `received` was emitted last

    def asked(self) -> None:
        """The main thread was asked for a turn now, after a time of rest."""
        self._due = self._clock()

    def begin(self) -> float:
        """Begin a turn; return for how long it may work on callbacks, in seconds."""
        self._began = self._clock()
        late = max(0.0, self._began - self._due)
        self._late = min(late, INTERVAL_S)  # a cook of a second that is over is no reason to wait for seconds
        return max(_LEAST_S, _MOST_S - self._late)

    def has_worked(self) -> bool:
        """Return whether so much was done in this turn that what can wait should."""
        return self._clock() - self._began > _LEAST_S

    def tell(self) -> bool:
        """Return whether this turn emits `received`; with a backlog there are more turns than that."""
        if self._began - self._told < INTERVAL_S - 0.005:  # timers may be a few milliseconds early (Qt: 5 % of it)
            return False
        self._told = self._began
        return True

    def end(self, more: bool) -> float:
        """End the turn; return after how many seconds the next one comes. `more`: callbacks have something left."""
        now = self._clock()
        busy = now - self._began + self._late
        wait = min(max(BACKLOG_S if more else INTERVAL_S, _SHARE * busy), LONGEST_S)
        self._due = now + wait
        return wait

    def lags(self) -> bool:
        """Return whether the turn is overdue; on any thread."""
        return self._clock() - self._due > _LAG_S
