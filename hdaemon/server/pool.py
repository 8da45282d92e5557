"""`BufferPool`: buffers for large bodies, used again. It belongs to the server thread.

A fresh buffer of 256 MB costs more than the copy into it: the system hands it over page by page, each filled with
zeros. So a buffer that nobody holds any longer, no message, array or memoryview, is received into again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["BufferPool"]

MAX_BYTES = 768 * 1024 * 1024
"""Buffers the pool knows, in use or not: three of 256 MB go round (in the store, in the log, being received)."""

KEEP_S = 10.0
"""A free buffer that was not taken for so long is forgotten: memory nobody uses goes back to the system."""

_SLACK = 1.1
"""A buffer may be larger by this factor than what it is taken for."""


@dataclass(slots=True, eq=False)
class _Buffer:
    array: Any  # numpy, one dimension, uint8
    taken_at: float


class BufferPool:
    """Buffers that are used again.

    Args:
        max_bytes: how much memory the pool may know of; past it the buffer that was taken longest ago is forgotten.
        clock: the monotonic clock.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._max, self._clock = max_bytes, clock
        self._buffers: list[_Buffer] = []  # the one that was taken longest ago comes first

    def take(self, size: int) -> memoryview:
        """Return a buffer of `size` bytes, whatever is in it.

        It is free again when the returned view, and everything made from it, is gone.

        Raises:
            MemoryError: there is none.
        """
        import numpy

        for index in reversed(range(len(self._buffers))):  # what was used last is perhaps still in the cache
            buffer = self._buffers[index]
            if size <= buffer.array.nbytes <= size * _SLACK and _is_free(buffer):
                del self._buffers[index]
                break
        else:
            buffer = _Buffer(numpy.empty(size, numpy.uint8), 0.0)
        buffer.taken_at = self._clock()
        if buffer.array.nbytes <= self._max:
            self._buffers.append(buffer)
            while sum(known.array.nbytes for known in self._buffers) > self._max:
                del self._buffers[0]
        view: memoryview = buffer.array[:size].data
        return view

    def join(self, parts: Sequence[bytes | bytearray]) -> memoryview:
        """Return a buffer with the bytes of all parts in it, which cannot be changed.

        numpy copies without the interpreter's lock: 46 MB took 100 ms with it, and the main thread had it for a moment
        every 5 ms. Raises MemoryError when there is none.
        """
        import numpy

        buffer, end = self.take(sum(map(len, parts))), 0
        array = numpy.frombuffer(buffer, numpy.uint8)
        for part in parts:
            array[end : end + len(part)] = numpy.frombuffer(part, numpy.uint8)
            end += len(part)
        return buffer.toreadonly()

    def due(self) -> float | None:
        """Return when `trim` has something to do, on the monotonic clock; None while it has not."""
        return self._buffers[0].taken_at + KEEP_S if self._buffers else None

    def trim(self, now: float) -> None:
        """Forget the free buffers that were taken too long ago.

        Those in use stay known: forgetting them would free no memory, and the log may hold a message for a minute.
        """
        while self._buffers and self._buffers[0].taken_at + KEEP_S <= now:
            buffer = self._buffers.pop(0)
            if not _is_free(buffer):
                buffer.taken_at = now
                self._buffers.append(buffer)


def _is_free(buffer: _Buffer) -> bool:
    # Two references: the record's, and the argument's. An array, view or message made from it holds a third.
    return sys.getrefcount(buffer.array) == 2
