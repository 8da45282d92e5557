"""What rows are judged by: quantiles, growth, when the full rate is back. And `alone`, for one benchmark by itself."""

from __future__ import annotations

import argparse
import math
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from figure import Curve, Figure

__all__ = ["alone", "arrived", "back_to_full_rate", "full_rate", "quantile", "show", "slope", "steepest"]

WINDOW_S = 0.020
"""Over how long a rate is taken: some blocks of lines, some hundred messages."""


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` (0 to 1) of all are not greater than: the nearest rank, never an interpolation.

    Raises:
        ValueError: there are no values, or `part` is not within 0 and 1.
    """
    if not values or not 0 <= part <= 1:
        raise ValueError(f"no quantile {part} of {len(values)} values")
    return sorted(values)[max(0, math.ceil(len(values) * part) - 1)]


def slope(loads: Sequence[float], costs: Sequence[float]) -> float:
    """Return the slope of the straight line through the points on log-log axes (least squares).

    Of a total cost: 0 where it does not depend on the load, 1 where it grows with it, 2 where it is quadratic.

    Raises:
        ValueError: fewer than two loads, or a value that has no logarithm.
    """
    if len(loads) != len(costs) or len(set(loads)) < 2:
        raise ValueError("a slope needs a cost for each of two different loads")
    return statistics.linear_regression([math.log(one) for one in loads], [math.log(one) for one in costs]).slope


def steepest(loads: Sequence[float], costs: Sequence[float]) -> float:
    """Return the steepest `slope` between two neighbouring loads; `loads` ascend.

    A line through all loads would hide a cost that begins to grow at the last of them.
    """
    if len(loads) != len(costs) or len(loads) < 2:
        raise ValueError("a slope needs a cost for each of two different loads")
    return max(slope(loads[index : index + 2], costs[index : index + 2]) for index in range(len(loads) - 1))


def full_rate(times: Sequence[float], counts: Sequence[float]) -> float:
    """Return the messages a second that count as the full rate: what 19 in 20 undisturbed windows of 20 ms reach.

    Receiving varies by itself (the panel is painted, other programs run), so the mean would not be reached half of the
    time. It is at least half of the mean, so that a rate that jumps wildly cannot make anything count as full.

    Args:
        times: when something was received in an undisturbed round, ascending.
        counts: how many messages had been received then, in all.

    Raises:
        ValueError: the round is shorter than ten windows.
    """
    windows = int((times[-1] - times[0]) / WINDOW_S)
    if windows < 10:
        raise ValueError(f"{windows} windows of {WINDOW_S * 1000:g} ms say nothing of a rate")
    begins = [times[0] + number * WINDOW_S for number in range(windows)]
    rates = [arrived(times, counts, begin, begin + WINDOW_S) / WINDOW_S for begin in begins]
    return max(quantile(rates, 0.05), statistics.fmean(rates) / 2)


def back_to_full_rate(
    times: Sequence[float], counts: Sequence[float], since: float, until: float, rate: float
) -> float | None:
    """Return how many seconds after `since` messages came at their full rate again; None if not before `until`.

    The full rate is back at the first moment from which on, both over the next 20 ms and over all the time that is left
    until `until`, at least `rate` came. So what waited in buffers and comes at once, followed by nothing, does not
    count; nor does a single good moment.

    Args:
        times: when something was received, ascending.
        counts: how many messages had been received then, in all.
        since: the end of what held receiving up.
        until: the end of the free time after it.
        rate: the full rate, messages a second: see `full_rate`.
    """
    # The rate can come back only where something comes: just before an arrival.
    moments = [since, *times[bisect_left(times, since) : bisect_left(times, until)]]
    for moment in moments:
        if until - moment < WINDOW_S:
            return None
        soon = arrived(times, counts, moment, moment + WINDOW_S) / WINDOW_S
        later = arrived(times, counts, moment, until) / (until - moment)
        if min(soon, later) >= rate:
            return moment - since
    return None


def arrived(times: Sequence[float], counts: Sequence[float], since: float, until: float) -> float:
    """Return how many messages were received from `since` on and before `until`; the others as in `full_rate`."""

    def by(moment: float) -> float:
        index = bisect_left(times, moment)
        return counts[index - 1] if index else 0

    return by(until) - by(since)


def alone(figures: Callable[[bool], Iterator[Figure | Curve]], about: str | None) -> int:
    """Print the rows of a benchmark that is run by itself; return the exit status: 1 when a row is not what it must be.

    Args:
        figures: the benchmark's function.
        about: its docstring.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="less of everything: enough for CI, not for a table")
    return show(figures(parser.parse_args().short))


def show(rows: Iterator[Figure | Curve]) -> int:
    """Print rows as they come; return 1 when one is not what it must be, else 0."""
    missed = False
    for row in rows:
        if isinstance(row, Curve):
            for name, points in row.series.items():
                values = ", ".join(f"{x:,.6g}: {y:.3g}" for x, y in points)
                print(f"curve  {row.title}, {name} ({row.y}): {values}", flush=True)
            continue
        judged = bool(row.must)
        missed = missed or (judged and not row.reached)
        verdict = ("ok" if row.reached else "MISSED") if judged else "shown"
        text = f"{verdict:6} {row.work}: {row.ours:,.6g} {row.unit}"
        if row.theirs is not None:
            text += f"; {row.peer} {row.theirs:,.6g}: {row.value:.3g} times"
        if judged:
            text += f" (must be {'at least' if row.better == 'more' else 'at most'} {row.must:g}"
            text += ")" if row.want is None else f", wanted {row.want:g})"
        print(text + (f"\n       {row.note}" if row.note else ""), flush=True)
    return int(missed)
