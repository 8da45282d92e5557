"""What the rows of the benchmarks are judged by: quantiles, slopes, and when the full rate is back."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    import judge

    yield judge
    for name in {"judge", "figure", "crowd", "pace"} - before:
        sys.modules.pop(name, None)


def arrivals(rate: int, *spans: tuple[float, float]) -> tuple[list[float], list[int]]:
    """Return times and counts of one message after another at `rate` within the spans."""
    times = [begin + number / rate for begin, end in spans for number in range(round((end - begin) * rate))]
    return times, list(range(1, len(times) + 1))


# -- quantiles -----------------------------------------------------------------------------------------


def test_a_quantile_is_one_of_the_values(judge: ModuleType) -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [judge.quantile(values, part) for part in (0, 0.2, 0.21, 0.5, 0.99, 1)] == [1, 1, 2, 3, 5, 5]
    hundred = [float(number) for number in range(1, 101)]
    assert judge.quantile(hundred, 0.99) == 99
    assert judge.quantile([7.0], 0.99) == 7


@pytest.mark.parametrize(("values", "part"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_quantile_of_nothing_is_an_error(judge: ModuleType, values: list[float], part: float) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        judge.quantile(values, part)


# -- growth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_slope_is_the_power(judge: ModuleType, power: int) -> None:
    loads = [1.0, 10.0, 100.0, 1000.0]
    costs = [3.0 * load**power for load in loads]
    assert judge.slope(loads, costs) == pytest.approx(power)
    assert judge.steepest(loads, costs) == pytest.approx(power)


def test_a_cost_that_turns_quadratic_at_the_end_is_seen(judge: ModuleType) -> None:
    loads = [1.0, 10.0, 100.0, 1000.0]
    costs = [100.0, 100.0, 100.0, 10_000.0]
    assert judge.slope(loads, costs) < 0.7, "the line through all is flat"
    assert judge.steepest(loads, costs) == pytest.approx(2)


@pytest.mark.parametrize("loads", [[], [1.0], [5.0, 5.0]])
def test_a_slope_needs_two_loads(judge: ModuleType, loads: list[float]) -> None:
    for function in (judge.slope, judge.steepest):
        with pytest.raises(ValueError, match="two different loads"):
            function(loads, [1.0] * len(loads))


# -- the full rate -------------------------------------------------------------------------------------


def test_the_full_rate_of_a_steady_flow_is_its_rate(judge: ModuleType) -> None:
    assert judge.full_rate(*arrivals(10_000, (0, 1))) == pytest.approx(10_000, rel=0.02)


def test_the_full_rate_of_a_jumping_flow_is_not_nothing(judge: ModuleType) -> None:
    times, counts = arrivals(10_000, (0, 0.3), (0.5, 1))  # a fifth of the windows is empty
    assert judge.full_rate(times, counts) == pytest.approx(8_000 / 2, rel=0.05)


def test_a_short_round_says_nothing_of_a_rate(judge: ModuleType) -> None:
    with pytest.raises(ValueError, match="say nothing"):
        judge.full_rate(*arrivals(10_000, (0, 0.1)))


def test_a_flow_that_goes_on_is_back_at_once(judge: ModuleType) -> None:
    times, counts = arrivals(10_000, (0, 1))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9000) == pytest.approx(0)


def test_it_is_back_when_the_flow_begins_again(judge: ModuleType) -> None:
    times, counts = arrivals(10_000, (0, 0.3), (0.512, 1))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9900) == pytest.approx(0.012, abs=0.0005)


def test_what_waited_in_buffers_is_not_the_full_rate(judge: ModuleType) -> None:
    """300 messages at once after the hold, nothing for 20 ms, then the flow: 10,000 a second over all of it."""
    times, counts = arrivals(10_000, (0, 0.3))
    flow, _ = arrivals(10_000, (0.52, 1))
    times += [0.5] * 300 + flow
    counts = list(range(1, len(times) + 1))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9900) == pytest.approx(0), "the burst makes up for the gap"
    times, counts = arrivals(10_000, (0, 0.3))
    times += [0.5] * 300
    counts = list(range(1, len(times) + 1))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9900) is None, "nothing followed"


def test_one_good_moment_is_not_the_full_rate(judge: ModuleType) -> None:
    times, counts = arrivals(10_000, (0, 0.3), (0.505, 0.526))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9000) is None


def test_what_begins_too_late_to_be_judged_is_not_back(judge: ModuleType) -> None:
    times, counts = arrivals(10_000, (0, 0.3), (0.54, 1))
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9000) is None


def test_nothing_received_is_never_back(judge: ModuleType) -> None:
    assert judge.back_to_full_rate([], [], 0.5, 0.55, 1) is None


# -- how quick the processor is -------------------------------------------------------------------------


class Machine:
    """A processor that takes `slowness` times as long, and the clocks that say so."""

    def __init__(self) -> None:
        self.spent, self.slowness = 0.0, 1.0

    def work(self) -> None:
        self.spent += 0.0001 * self.slowness


def flow_on(machine: Machine, pace: Any, slow: tuple[float, float], our_fault: bool) -> tuple[list[float], list[int]]:
    """Return 10,000 messages a second for a second, and half as many in `slow`: by the machine, or by our fault."""
    times, counts, count = [], [], 0
    for step in range(1000):
        now = step / 1000
        is_slow = slow[0] <= now < slow[1]
        machine.slowness = 2.0 if is_slow and not our_fault else 1.0
        count += 5 if is_slow else 10
        pace.look(now)
        times.append(now)
        counts.append(count)
    return times, counts


def test_what_a_slow_processor_takes_is_evened_out(judge: ModuleType) -> None:
    import pace

    machine = Machine()
    measured = pace.Pace(machine.work, lambda: machine.spent)
    times, counts = flow_on(machine, measured, (0.4, 0.7), our_fault=False)
    evened = measured.evened(times, counts, measured.usual(0, 1))
    assert len(measured.looks(0, 1)) == pytest.approx(250, abs=60), "every 4 ms"
    assert evened[-1] == pytest.approx(10_000, rel=0.01)
    assert pace.Pace.from_words(list(map(str, measured.words()))).evened(times, counts, measured.usual(0, 1)) == evened
    assert judge.back_to_full_rate(times, counts, 0.5, 0.55, 9000) is None
    assert judge.back_to_full_rate(times, evened, 0.5, 0.55, 9000) == pytest.approx(0)


def test_what_is_slow_on_a_quick_processor_is_not_evened_out(judge: ModuleType) -> None:
    import pace

    machine = Machine()
    measured = pace.Pace(machine.work, lambda: machine.spent)
    times, counts = flow_on(machine, measured, (0.4, 0.7), our_fault=True)
    evened = measured.evened(times, counts, measured.usual(0, 1))
    assert evened == pytest.approx(counts)
    assert judge.back_to_full_rate(times, evened, 0.5, 0.55, 9000) is None


def test_a_quick_moment_of_the_processor_makes_nothing_slow(judge: ModuleType) -> None:
    import pace

    machine = Machine()
    measured = pace.Pace(machine.work, lambda: machine.spent)
    times, counts = flow_on(machine, measured, (0, 0), our_fault=False)
    assert measured.evened(times, counts, 0.0002) == pytest.approx(counts), "it took half of the usual time"


def test_a_single_look_that_was_disturbed_changes_nothing(judge: ModuleType) -> None:
    import pace

    machine = Machine()
    measured = pace.Pace(machine.work, lambda: machine.spent)
    for look in range(100):
        machine.slowness = 50.0 if look == 40 else 1.0
        measured.look(look / 100)
    assert measured.evened([0.405, 0.5], [10, 20], measured.usual(0, 1)) == pytest.approx([10, 20])


def test_a_time_without_a_look_says_nothing(judge: ModuleType) -> None:
    import pace

    measured = pace.Pace()
    measured.look(1.0)
    with pytest.raises(ValueError, match="nothing was done"):
        measured.usual(2.0, 3.0)


# -- the crowd ------------------------------------------------------------------------------------------


class Stamped:
    """A message of a client of the crowd, as it arrives."""

    def __init__(self, pack: struct.Struct, client: int, number: int) -> None:
        self.payload = pack.pack(time.monotonic() - 1, client, number) + bytes(100)


def test_messages_of_a_crowd_have_to_come_once_and_in_order(judge: ModuleType) -> None:
    import crowd

    def out_of_order(*numbers: int) -> int:
        taken = crowd.Taken()
        for number in numbers:
            taken.take([Stamped(crowd.STAMP, 5, number), Stamped(crowd.STAMP, 6, number)])
        assert len(taken.latencies_ms) == 2 * len(numbers)
        assert min(taken.latencies_ms) >= 1000
        return int(taken.out_of_order)

    assert out_of_order(0, 1, 2) == 0
    assert out_of_order(0, 2) == 2, "one is missing"
    assert out_of_order(0, 1, 1) == 2, "one came twice"
    assert out_of_order(1, 0) == 4, "one overtook the other"


# -- what is printed -----------------------------------------------------------------------------------


def test_a_row_that_is_missed_ends_with_1(judge: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    from figure import Curve, Figure

    good = Figure("lines", 6.0, "M/s", "pyzmq", 2.0, 3.0, 2.0, 6.0, note="7 rounds")
    shown = Figure("to a callback", 40.0, "ms", value=40.0, better="less")
    curve = Curve("cost", "rows", "us", {"log": [(1, 2.0)]})
    assert judge.show(iter([good, shown, curve])) == 0
    said = capsys.readouterr().out
    assert "ok     lines: 6 M/s; pyzmq 2: 3 times (must be at least 2, wanted 6)\n       7 rounds\n" in said
    assert "shown  to a callback: 40 ms\n" in said
    assert "curve  cost, log (us): 1: 2\n" in said
    missed = Figure("gap", 60.0, "ms", value=60.0, must=50.0, better="less")
    assert judge.show(iter([missed, good])) == 1
    assert "MISSED gap: 60 ms (must be at most 50)\n" in capsys.readouterr().out
