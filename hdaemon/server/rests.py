"""`Rests`: how the server thread leaves the interpreter to an interface that lags, and only where that helps.

It belongs to the server thread. No Qt.
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["LAG_REST_S", "Rests"]

LAG_REST_S = 0.001
"""One rest: whoever waits for the interpreter's lock has it then."""

_LATE_S = 0.001
"""A rest that ends so much later than asked for: somebody else held the lock, for up to 5 ms."""

_MOST_SKIPPED = 31


class Rests:
    """Rests between two receives.

    The interface may lag because it waits for the interpreter, or because it cooks in C and wants nothing of it: a
    rest cannot tell before, and can after. Where nobody held the lock meanwhile the next rests are left out, twice as
    many each time; without that a cook in C cost half of the lines received meanwhile.

    Args:
        clock, sleep: the monotonic clock, and what rests.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._skipped = self._to_skip = 0

    def lagging(self) -> None:
        """The interface lags: rest, where the last rest has helped, or a while after it has not."""
        if self._to_skip:
            self._to_skip -= 1
            return
        began = self._clock()
        self._sleep(LAG_REST_S)
        helped = self._clock() - began - LAG_REST_S > _LATE_S
        self._skipped = 0 if helped else min(2 * self._skipped + 1, _MOST_SKIPPED)
        self._to_skip = self._skipped

    def answering(self) -> None:
        """The interface answers: when it lags again, nothing is known of why."""
        self._skipped = self._to_skip = 0
