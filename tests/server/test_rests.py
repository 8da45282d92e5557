"""Rests of the server thread while the interface lags."""

from __future__ import annotations

import pytest

from hdaemon.server.rests import LAG_REST_S, Rests


class Time:
    """A clock that goes on while somebody sleeps, by `late_s` longer than asked for."""

    def __init__(self) -> None:
        self.now, self.late_s, self.rests = 0.0, 0.0, 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.rests += 1
        self.now += seconds + self.late_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def rests(time: Time) -> Rests:
    return Rests(time.clock, time.sleep)


def turns(rests: Rests, count: int) -> None:
    for _ in range(count):
        rests.lagging()


def test_while_python_runs_elsewhere_every_turn_rests(time: Time, rests: Rests) -> None:
    time.late_s = 0.004
    turns(rests, 100)
    assert time.rests == 100


def test_where_nobody_waits_rests_become_rare_and_do_not_end(time: Time, rests: Rests) -> None:
    turns(rests, 63)  # 1 + 1 skipped, 1 + 3, 1 + 7, 1 + 15, 1 + 31
    assert time.rests == 6
    turns(rests, 320)
    assert time.rests == 16


def test_a_rest_that_helped_brings_them_back(time: Time, rests: Rests) -> None:
    turns(rests, 63)
    time.late_s = 0.005
    before = time.rests
    turns(rests, 31 + 10)
    assert time.rests >= before + 9


def test_an_interface_that_answered_is_looked_at_anew(time: Time, rests: Rests) -> None:
    turns(rests, 10)
    rests.answering()
    before = time.rests
    turns(rests, 1)
    assert time.rests == before + 1
    assert time.now == pytest.approx(time.rests * LAG_REST_S)
