"""`Figure`: one row of the table of `bench/run.py`, `Curve`: one plot, and how rounds are taken.

A benchmark is a module of this folder with a function ``figures(short)`` that yields rows and plots. What is compared
is measured in turns within one run, since between two runs a machine changes more than most of what is measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["Curve", "Figure", "interleaved", "medians", "number", "spread"]

LENIENT = 3.0
"""How far from `Figure.must` a ratio may be before a short run fails: machines of a CI are small and shared."""


Taken = TypeVar("Taken")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row.

    Attributes:
        work: what was done.
        ours: what hdaemon reached: a median, in `unit`.
        unit: ``"ms"``, ``"messages/s"``, ``"%"`` ...
        peer: what it is compared with in the same run; empty when it stands alone.
        theirs: what that reached, in `unit`; None when it stands alone.
        value: what is judged: a ratio to the peer, or `ours`.
        must: what `value` has to reach (at most it, where less is `better`).
        want: what we would like it to reach; None where nothing more is asked.
        better: ``"more"`` or ``"less"``.
        note: how many rounds, spread, anything a reader has to know.
    """

    work: str
    ours: float
    unit: str
    peer: str = ""
    theirs: float | None = None
    value: float = 0.0
    must: float = 0.0
    want: float | None = None
    better: str = "more"
    note: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether `value` is a ratio: then it may fail a run, absolute figures never do."""
        return self.theirs is not None

    @property
    def reached(self) -> bool:
        """Whether `value` is what it must be."""
        return self._within(self.must)

    @property
    def wanted(self) -> bool:
        """Whether `value` is what we want, too."""
        return self.reached and (self.want is None or self._within(self.want))

    @property
    def failed(self) -> bool:
        """Whether a short run fails for it: a ratio that is three times worse than it must be."""
        return self.is_ratio and not self._within(self.must / LENIENT if self.better == "more" else self.must * LENIENT)

    def _within(self, limit: float) -> bool:
        return self.value >= limit if self.better == "more" else self.value <= limit


@dataclass(frozen=True, slots=True)
class Curve:
    """How something grows: one plot, whose axes are logarithmic.

    Attributes:
        title: what was measured; also names the file.
        x, y: labels of the axes, with their units.
        series: by name, the points ``(x, y)``, x ascending.
        limit: a `y` that is asked for, drawn as a line; None where there is none.
        note: anything a reader has to know.
    """

    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    limit: float | None = None
    note: str = ""


def interleaved(ways: Mapping[str, Callable[[], Taken]], rounds: int, warm_up: int = 1) -> dict[str, list[Taken]]:
    """Take turns: each way once, `rounds` times over; return what each returned. The first `warm_up` do not count.

    Each turn begins with another way: none comes always after the same one, which leaves its data in the caches.
    """
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(warm_up + rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            value = ways[name]()
            if turn >= warm_up:
                found[name].append(value)
    return found


def medians(found: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the middle of each way's rounds."""
    return {name: statistics.median(values) for name, values in found.items()}


def number(value: float) -> str:
    """Return a number with three digits that say something, or all before the point."""
    if value == 0 or not 1e-4 < abs(value) < 1e15:
        return f"{value:g}"
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """Return how many rounds there were and how far they lie apart, for a note."""
    return f"{len(values)} rounds, {number(min(values))} to {number(max(values))}"
