"""Pages of large buffers: touched, and given back to the system, while other threads run.

On Linux a process has one lock for all its memory. Who receives into pages that were never touched holds it while the
system finds and clears them, 2 MB at a time; the main thread, which needs it for every larger piece of memory that it
asks for or frees, waited for it up to 40 ms, with the interpreter's lock in its hands. Touched from outside of the
system's calls, pages take only the lock of their own buffer (Linux 6.4). And memory that Python frees is given back
with the interpreter's lock held: 500 MB keep every thread for 60 ms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["MIN_BYTES", "TOUCH_BYTES", "give_back", "touch"]

MIN_BYTES = 4 * 1024 * 1024
"""Smaller buffers are soon touched and soon freed."""

TOUCH_BYTES = 16 * 1024 * 1024
"""As much is touched at once: 2 ms, or 20 where the machine's host has to find the pages (docs/performance.md)."""

_PAGE = 4096
_GIVEN_BACK_BYTES = 16 * 1024 * 1024
_MADV_DONTNEED = 4  # madvise(2)


def touch(part: memoryview) -> None:
    """Have pages for a part of a buffer, whose bytes are nobody's yet: some are set to 0."""
    import numpy

    numpy.frombuffer(part, numpy.uint8)[::_PAGE] = 0  # it lets go of the interpreter's lock from 500 items on


def give_back(array: Any) -> None:
    """Give the pages of an array that is about to be freed back to the system. What was in it is lost.

    Where that is not known to work this does nothing: the pages go when the array does.
    """
    madvise = _madvise()
    begin = -(-array.ctypes.data // _PAGE) * _PAGE
    end = (array.ctypes.data + array.nbytes) // _PAGE * _PAGE
    if madvise is None or array.nbytes < MIN_BYTES:
        return
    for address in range(begin, end, _GIVEN_BACK_BYTES):  # in parts, as each holds the lock on memory
        madvise(address, min(_GIVEN_BACK_BYTES, end - address), _MADV_DONTNEED)


@cache
def _madvise() -> Callable[[int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        found = ctypes.CDLL(None).madvise
    except (ImportError, OSError, AttributeError):  # a Python without ctypes, a C library without it
        return None
    found.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    found.restype = ctypes.c_int
    call: Callable[[int, int, int], int] = found
    return call
