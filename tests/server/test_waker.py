"""A byte wakes the thread: from any thread, any number of times, and without waiting."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator

import pytest

from hdaemon.server.waker import Waker


@pytest.fixture
def waiting() -> Iterator[tuple[Waker, selectors.BaseSelector]]:
    with Waker() as waker, selectors.DefaultSelector() as selector:
        selector.register(waker.receiver, selectors.EVENT_READ)
        yield waker, selector


def test_it_is_woken_once_however_often_that_was_asked_for(waiting: tuple[Waker, selectors.BaseSelector]) -> None:
    waker, selector = waiting
    assert not selector.select(0)
    thread = threading.Thread(target=lambda: [waker.wake() for _ in range(3)])
    thread.start()
    assert selector.select(10)
    thread.join(10)
    waker.drain()
    assert not selector.select(0)
    waker.wake()
    assert selector.select(10)


def test_nobody_waits_for_a_thread_that_does_not_come(waiting: tuple[Waker, selectors.BaseSelector]) -> None:
    waker, selector = waiting
    asking = threading.Thread(
        target=lambda: [waker.wake() for _ in range(20_000)], daemon=True
    )  # more than there is room
    asking.start()
    asking.join(30)
    assert not asking.is_alive()
    while selector.select(0):
        waker.drain()
    waker.wake()
    assert selector.select(10), "it can be woken again"


def test_there_may_be_nothing_to_forget_and_nobody_to_wake() -> None:
    with Waker() as waker:
        waker.drain()
    waker.wake()
    assert waker.receiver.fileno() == -1
