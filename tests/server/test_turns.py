"""One piece of work after the other, and the event loop in between."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from helpers import Clock, wait_until
from qtpy import QtCore

from hdaemon.server import turns as module
from hdaemon.server.turns import Turn, Turns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(qapp: object, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Turns of the test's own, that nothing has worked in."""
    made = Turns(clock)
    monkeypatch.setattr(module, "_turns", made)
    return made


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def make(turns: Turns, done: list[str]) -> Callable[..., Turn]:
    """Make a turn that notes its name in `done` and calls what it was given."""

    def made(name: str, work: Callable[[], object] = bool, parent: QtCore.QObject | None = None) -> Turn:
        turn = Turn(parent)
        turn.begun.connect(lambda: (done.append(name), work()))
        return turn

    return made


def come_round() -> None:
    QtCore.QCoreApplication.processEvents()


def timer(slot: Callable[[], object]) -> QtCore.QTimer:
    """Return a timer that is due at once, as a late one is."""
    made = QtCore.QTimer()
    made.setSingleShot(True)
    made.timeout.connect(slot)
    made.start(0)
    return made


def test_it_is_at_once_where_nothing_has_worked(make: Callable[..., Turn], done: list[str]) -> None:
    make("one").ask()
    assert done == ["one"]


def test_the_next_waits_until_the_loop_has_come_round_and_what_was_due_has_had_its_turn(
    make: Callable[..., Turn], done: list[str]
) -> None:
    timers: list[QtCore.QTimer] = []
    become_due = lambda: timers.append(timer(lambda: done.append("timer")))  # noqa: E731
    pieces = [make(name, become_due) for name in ("one", "two", "three")]
    for piece in pieces:
        piece.ask()
    assert done == ["one"]
    wait_until(lambda: len(done) == 6)
    assert done == ["one", "timer", "two", "timer", "three", "timer"]


def test_what_was_drawn_counts(turns: Turns, make: Callable[..., Turn], done: list[str]) -> None:
    turns.worked()
    piece = make("one")
    piece.ask()
    piece.ask()
    assert done == []
    wait_until(lambda: bool(done))
    for _ in range(3):
        come_round()
    assert done == ["one"], "asked twice, and begun once"


def test_who_asks_again_comes_after_the_others(make: Callable[..., Turn], done: list[str]) -> None:
    greedy = make("greedy", lambda: greedy.ask())
    others = [make("two"), make("three")]
    greedy.ask()
    for other in others:
        other.ask()
    wait_until(lambda: len(done) >= 5)
    greedy.forget()
    assert done[:5] == ["greedy", "greedy", "two", "three", "greedy"]


def test_what_is_forgotten_or_gone_is_left_out(make: Callable[..., Turn], done: list[str]) -> None:
    parent = QtCore.QObject()
    make("first").ask()
    forgotten, destroyed, dropped, last = make("forgotten"), make("destroyed", parent=parent), make("x"), make("last")
    for turn in (forgotten, destroyed, dropped, last):
        turn.ask()
    forgotten.forget()
    parent.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(None, int(QtCore.QEvent.Type.DeferredDelete))
    del dropped, turn
    gc.collect()
    wait_until(lambda: len(done) == 2)
    assert done == ["first", "last"]


def test_a_piece_that_does_not_come_back_does_not_stop_the_others(make: Callable[..., Turn], done: list[str]) -> None:
    """A slot may open a dialog, whose event loop is inside of it."""
    inner = make("inner")

    def dialog() -> None:
        inner.ask()
        assert done == ["dialog"]
        wait_until(lambda: len(done) == 2)

    make("dialog", dialog).ask()
    assert done == ["dialog", "inner"]


def test_a_loop_that_has_ended_is_not_waited_for(
    turns: Turns, make: Callable[..., Turn], clock: Clock, done: list[str]
) -> None:
    turns.worked()
    turns._round.stop()  # as where a program's event loop has ended
    early, late = make("early"), make("late")
    early.ask()
    assert done == []
    clock.now += 0.2
    late.ask()
    assert done == ["late"]
    wait_until(lambda: len(done) == 2)
    assert done == ["late", "early"]
