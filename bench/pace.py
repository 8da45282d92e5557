"""`Pace`: how quick the processor is at the moment, so that a stream's rate can be told from the machine's.

A virtual machine's processors are not always as quick: where the host has two of them on one core, each takes up to
1.9 times as long while the other works, for some tenths of a second at a time. A loop of C by itself shows it, too.
"""

from __future__ import annotations

import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

__all__ = ["Pace"]

_EVERY_S = 0.004
_WORK = bytes(200_000)


def _work() -> None:
    """Look twice through what fits into the processor's own cache: some 0.1 to 0.2 ms, with the interpreter's lock."""
    _WORK.count(b"\1")
    _WORK.count(b"\2")


class Pace:
    """Takes the time of one and the same piece of work, on the thread that is measured.

    Args:
        work: the piece.
        clock: the processor time of the calling thread, in seconds: what it waits for is not counted.
    """

    def __init__(self, work: Callable[[], object] = _work, clock: Callable[[], float] = time.thread_time) -> None:
        self._work, self._clock = work, clock
        self._times: list[float] = []
        self._took: list[float] = []

    def look(self, now: float) -> None:
        """Do the piece of work, unless it was done a moment ago. `now`: on the clock of the arrivals, ascending."""
        if not self._times or now - self._times[-1] >= _EVERY_S:
            began = self._clock()
            self._work()
            self._took.append(self._clock() - began)
            self._times.append(now)

    def words(self) -> list[float]:
        """Return what another process makes the same pace of with `from_words`."""
        return [*self._times, *self._took]

    @classmethod
    def from_words(cls, words: Sequence[str]) -> Pace:
        """Return the pace that another process has taken."""
        pace, half = cls(), len(words) // 2
        pace._times, pace._took = list(map(float, words[:half])), list(map(float, words[half:]))
        return pace

    def looks(self, since: float, until: float) -> list[float]:
        """Return the seconds that the piece took each time in that time."""
        return self._took[bisect_left(self._times, since) : bisect_right(self._times, until)]

    def usual(self, since: float, until: float) -> float:
        """Return the seconds that the piece took in that time, the median.

        Raises:
            ValueError: it was never done in that time.
        """
        took = self.looks(since, until)
        if not took:
            raise ValueError("nothing was done in that time, so that nothing says how quick the processor was")
        return statistics.median(took)

    def evened(self, times: Sequence[float], counts: Sequence[int], usual: float) -> list[float]:
        """Return `counts` as they would be, had the processor never been slower than when the piece took `usual`.

        What came while it took half as long again counts half as much again; what came while it was quicker counts as
        it is, since a flow is not quicker by as much. Looks are disturbed by single events, so the median of three of
        them counts: of the last one, and of those before and after it.
        """
        smooth = [statistics.median(self._took[max(0, at - 1) : at + 2]) for at in range(len(self._took))]
        evened: list[float] = []
        total, before = 0.0, 0
        for moment, count in zip(times, counts, strict=True):
            at = max(0, bisect_right(self._times, moment) - 1)
            total += (count - before) * max(1.0, smooth[at] / usual)
            before = count
            evened.append(total)
        return evened
