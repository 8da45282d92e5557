"""A busy server thread asks for another processor where it waits long for its own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import RawClient, wait_until

from hdaemon.server import placement
from hdaemon.server.placement import Placement
from hdaemon.server.thread import HPythonServer

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a thread how long it has waited")


class Processor:
    """What a thread sees: a clock, how long it has waited for it, and how often it was moved."""

    def __init__(self) -> None:
        self.now, self.waited, self.moves = 100.0, 7.0, 0
        self.looks = 0
        self.fails: Exception | None = None

    def look(self) -> float:
        self.looks += 1
        if self.fails is not None:
            raise self.fails
        return self.waited

    def move(self) -> None:
        self.moves += 1

    def pass_by(self, seconds: float, waiting: float, place: Placement, step: float = 0.0005) -> None:
        """Let time go by in turns of half a millisecond, of which a part is spent waiting."""
        for _ in range(round(seconds / step)):
            self.now += step
            self.waited += step * waiting
            place.busy()


@pytest.fixture
def processor() -> Processor:
    return Processor()


@pytest.fixture
def place(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> Placement:
    monkeypatch.setattr(sys, "platform", "linux")
    return Placement(processor.look, processor.move, lambda: processor.now)


def test_who_hardly_waits_stays(processor: Processor, place: Placement) -> None:
    processor.pass_by(1.0, 0.29, place)
    assert processor.moves == 0
    assert processor.looks == pytest.approx(125, abs=15), "every 8 ms, not in every turn"


def test_who_waits_is_moved_within_some_milliseconds(processor: Processor, place: Placement) -> None:
    processor.pass_by(0.1, 0.01, place)
    processor.pass_by(0.018, 0.4, place)
    assert processor.moves == 1


def test_as_long_as_it_does_not_help_it_is_tried_less_often(processor: Processor, place: Placement) -> None:
    processor.pass_by(0.1, 0.5, place)
    first = processor.moves
    processor.pass_by(10.0, 0.5, place)
    assert 2 <= first <= 4
    assert processor.moves - first == pytest.approx(10.0 / 0.64, abs=5)


def test_once_it_has_helped_it_is_tried_at_once_again(processor: Processor, place: Placement) -> None:
    processor.pass_by(10.0, 0.5, place)
    processor.pass_by(0.7, 0.01, place)
    before = processor.moves
    processor.pass_by(0.04, 0.5, place)
    assert processor.moves == before + 2


def test_what_was_seen_before_a_sleep_says_nothing(processor: Processor, place: Placement) -> None:
    processor.pass_by(0.1, 0.0, place)
    processor.now += 0.2
    processor.waited += 0.19
    place.busy()
    assert processor.moves == 0


@pytest.mark.parametrize(
    "error", [FileNotFoundError("schedstat"), PermissionError("affinity"), ValueError("no number")]
)
def test_where_it_does_not_work_it_is_not_tried_again(processor: Processor, place: Placement, error: Exception) -> None:
    processor.fails = error
    processor.pass_by(0.1, 1.0, place)
    assert processor.looks == 1
    assert processor.moves == 0


def test_elsewhere_nothing_is_looked_at(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    processor.pass_by(0.1, 1.0, Placement(processor.look, processor.move, lambda: processor.now))
    assert processor.looks == 0


@linux
def test_linux_tells_how_long_this_thread_has_waited() -> None:
    before = placement._waited()
    assert 0 <= before <= placement._waited()


def test_of_what_linux_tells_the_second_number_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """proc(5), /proc/[pid]/schedstat: time on the processor, time waiting for it, how often; the times in ns."""
    told = tmp_path / "schedstat"
    told.write_text("9000000000 1500000000 77\n")
    monkeypatch.setattr(placement, "_SCHEDSTAT", told)
    assert placement._waited() == 1.5


@linux
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_a_move_is_to_another_processor_and_all_are_allowed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[int]] = []
    setting = os.sched_setaffinity

    def noted(who: int, processors: set[int]) -> None:
        setting(who, processors)
        asked.append(os.sched_getaffinity(0))

    monkeypatch.setattr(os, "sched_setaffinity", noted)
    allowed = os.sched_getaffinity(0)
    thread = threading.Thread(target=placement._move)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert asked[1:] == [allowed]
    assert len(asked[0]) == len(allowed) - 1
    assert os.sched_getaffinity(0) == allowed, "of other threads nothing is changed"


@linux
def test_a_thread_bound_to_one_processor_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda who: {0})
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, processors: asked.append(processors))
    placement._move()
    assert asked == []


@linux
def test_when_it_may_not_be_moved_all_are_allowed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[int]] = []

    def refuse_first(who: int, processors: set[int]) -> None:
        asked.append(processors)
        if len(asked) == 1:
            raise PermissionError

    monkeypatch.setattr(os, "sched_getaffinity", lambda who: {0, 1, 2})
    monkeypatch.setattr(os, "sched_setaffinity", refuse_first)
    with pytest.raises(PermissionError):
        placement._move()
    assert asked[1] == {0, 1, 2}


def test_the_servers_thread_looks_when_it_has_received_something(
    start_server: Callable[..., HPythonServer],
    connect: Callable[[HPythonServer], RawClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(Placement, "busy", lambda self: looked.append(threading.current_thread().name))
    server = start_server()
    client = connect(server)
    wait_until(lambda: server.clients)
    assert looked == [], "a client that says nothing is no work"
    client.send(b"something\n")
    wait_until(lambda: server.messages_received == 1)
    wait_until(lambda: looked)
    assert threading.current_thread().name not in looked
