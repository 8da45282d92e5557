"""Pages of large buffers: touched and given back, and nothing else changes."""

from __future__ import annotations

import mmap
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import wait_until

from hdaemon.server.pages import MIN_BYTES, TOUCH_BYTES, give_back, touch

linux = pytest.mark.skipif(sys.platform != "linux", reason="what the system says of memory is Linux's")


def resident() -> int:
    """Return the bytes of this process that have a page."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def fresh(size: int) -> np.ndarray:
    """Return an array on pages of its own that nobody has touched: `numpy.empty` may use memory again."""
    return np.frombuffer(mmap.mmap(-1, size), np.uint8)


@linux
def test_what_is_touched_has_pages() -> None:
    array = fresh(2 * TOUCH_BYTES)
    before = resident()
    touch(array.data[:TOUCH_BYTES])
    assert resident() - before > TOUCH_BYTES * 0.9
    assert resident() - before < TOUCH_BYTES * 1.5, "no more than that"


def test_only_the_part_is_written() -> None:
    array = np.full(3 * MIN_BYTES, 7, np.uint8)
    touch(array.data[MIN_BYTES : 2 * MIN_BYTES])
    assert set(array[:MIN_BYTES]) == set(array[2 * MIN_BYTES :]) == {7}


@linux
def test_what_is_given_back_has_none_and_its_neighbours_stay() -> None:
    block = fresh(3 * TOUCH_BYTES + 100)
    block[:] = 7
    part = block[50 : 50 + TOUCH_BYTES * 2]  # not where a page begins
    before = resident()
    give_back(part)
    assert before - resident() > TOUCH_BYTES * 1.9
    assert set(block[:50]) == {7}
    assert set(block[50 + TOUCH_BYTES * 2 :]) == {7}
    block[:] = 3  # it is memory as before


def test_a_small_array_is_left_alone() -> None:
    array = np.full(MIN_BYTES - 1, 7, np.uint8)
    give_back(array)
    assert array.min() == 7


@linux
@pytest.mark.parametrize("what", [lambda array: touch(array.data), give_back])
def test_other_threads_run_meanwhile(what: Callable[[np.ndarray], None]) -> None:
    """Whoever holds the interpreter's lock for it keeps the main thread waiting."""
    array = np.empty(8 * TOUCH_BYTES, np.uint8)
    turns, done = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            done.wait(0.0001)  # lets go of the lock; takes it again where nobody holds it

    def turns_during() -> int:
        touch(array.data)  # what is given back is there
        before = turns
        what(array)
        return turns - before

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody is made to let go of it
    thread = threading.Thread(target=count)
    thread.start()
    try:
        wait_until(lambda: turns_during() > 0)
    finally:
        sys.setswitchinterval(interval)
        done.set()
        thread.join(10)
