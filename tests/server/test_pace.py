"""How often the main thread is told, on a clock of the test's own."""

from __future__ import annotations

import pytest
from helpers import Clock

from hdaemon.server.pace import BACKLOG_S, INTERVAL_S, LONGEST_S, Pace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    made = Pace(clock)
    made.asked()
    return made


def turn(pace: Pace, clock: Clock, took_s: float, *, late_s: float = 0.0, more: bool = False) -> float:
    """Let a turn pass; return when the next one is due."""
    clock.now += late_s
    pace.begin()
    clock.now += took_s
    wait = pace.end(more)
    clock.now += wait
    return wait


def test_a_main_thread_with_nothing_else_to_do_is_told_thirty_times_a_second(pace: Pace, clock: Clock) -> None:
    assert turn(pace, clock, 0.002) == INTERVAL_S


def test_slow_slots_are_told_less_often(pace: Pace, clock: Clock) -> None:
    assert turn(pace, clock, 0.020) == pytest.approx(0.060)
    assert turn(pace, clock, 10.0) == LONGEST_S
    assert turn(pace, clock, 0.001) == INTERVAL_S, "and often again once they are quick"


def test_a_busy_main_thread_is_told_less_often_and_asked_for_less(pace: Pace, clock: Clock) -> None:
    assert pace.begin() == pytest.approx(0.004)
    pace.end(False)
    clock.now += INTERVAL_S + 0.002
    assert pace.begin() == pytest.approx(0.002)
    clock.now += 0.008 - 0.002
    assert pace.end(False) == INTERVAL_S
    clock.now += INTERVAL_S + 0.030
    assert pace.begin() == pytest.approx(0.001)
    assert pace.end(False) == pytest.approx(0.090)


def test_one_long_cook_is_not_waited_for_again(pace: Pace, clock: Clock) -> None:
    assert turn(pace, clock, 0.001, late_s=5.0) <= 0.11
    assert turn(pace, clock, 0.001) == INTERVAL_S


def test_a_backlog_is_worked_on_sooner_and_leaves_two_thirds_to_others(pace: Pace, clock: Clock) -> None:
    assert turn(pace, clock, 0.004, more=True) == pytest.approx(BACKLOG_S)
    assert turn(pace, clock, 0.040, more=True) == pytest.approx(0.120)


def test_a_backlog_does_not_tell_more_often(pace: Pace, clock: Clock) -> None:
    told = 0
    began = clock.now
    while clock.now < began + 1:
        pace.begin()
        told += pace.tell()
        clock.now += 0.004
        clock.now += pace.end(True)
    assert 20 <= told <= 33


def test_a_turn_after_rest_tells_at_once(pace: Pace, clock: Clock) -> None:
    pace.begin()
    assert pace.tell()
    pace.end(False)
    clock.now += 60
    pace.asked()
    pace.begin()
    assert pace.tell()


def test_it_lags_when_a_turn_is_overdue(pace: Pace, clock: Clock) -> None:
    assert not pace.lags()
    clock.now += 0.010
    assert not pace.lags()
    clock.now += 0.005
    assert pace.lags(), "it was asked, and does not answer"
    pace.begin()
    wait = pace.end(False)
    clock.now += wait + 0.010
    assert not pace.lags()
    clock.now += 0.005
    assert pace.lags()
