"""How fast counters grow, over the last second or so."""

from __future__ import annotations

from collections import deque

__all__ = ["Rate", "human_bytes", "human_count"]

_WINDOW_S = 1.5


class Rate:
    """Counts per second of one or more counters that only grow, over the last second and a half."""

    def __init__(self) -> None:
        # A time and the counters, of nothing but numbers: the garbage collector leaves such a tuple alone.
        self._samples: deque[tuple[float, ...]] = deque()

    def update(self, now: float, *counters: int) -> tuple[float, ...]:
        """Take the counters as they stand at `now` (monotonic seconds); return their rates per second.

        Counters that have become smaller belong to a new server: their rates begin at 0 again.
        """
        samples = self._samples
        if samples and any(new < old for new, old in zip(counters, samples[-1][1:], strict=True)):
            samples.clear()
        samples.append((now, *counters))
        while len(samples) > 2 and samples[1][0] <= now - _WINDOW_S:
            samples.popleft()
        then, *before = samples[0]
        if now <= then:
            return (0.0,) * len(counters)
        return tuple((new - old) / (now - then) for new, old in zip(counters, before, strict=True))


def human_bytes(size: float) -> str:
    """Return `size` bytes in a few characters: ``"512 B"``, ``"1.5 kB"``, ``"64 MB"`` (1 kB is 1000 bytes)."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.3g} {unit}" if size < 100 else f"{size:.0f} {unit}"
    return f"{size:.0f} PB"


def human_count(count: float) -> str:
    """Return a count in a few characters: ``"999"``, ``"12.3 k"``, ``"5.9 M"``."""
    if count < 10 and count != int(count):
        return f"{count:.1f}"
    if count < 10_000:
        return f"{count:,.0f}"
    for unit in ("k", "M", "G"):
        count /= 1000
        if count < 999.5:
            return f"{count:.3g} {unit}" if count < 100 else f"{count:.0f} {unit}"
    return f"{count:.0f} T"
