"""`BufferPool`: buffers for large bodies, used again. It belongs to the server thread.

A fresh buffer of 256 MB costs more than the copy into it: the system hands it over page by page, each filled with
zeros. So a buffer that nobody holds any longer, no message, array or memoryview, is received into again.

The pool knows every large buffer until nobody else does: it is freed here, on the server thread and while others run
(see `pages`), and not by whoever happens to hold it last, the main thread perhaps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hdaemon.server.pages import MIN_BYTES, give_back

__all__ = ["BufferPool"]

MAX_BYTES = 768 * 1024 * 1024
"""Buffers that go round, in use or not: three of 256 MB (in the store, in the log, being received)."""

KEEP_S = 10.0
"""A free buffer that was not taken for so long is forgotten: memory nobody uses goes back to the system."""

_SLACK = 1.1
"""A buffer may be larger by this factor than what it is taken for."""


@dataclass(slots=True, eq=False)
class _Buffer:
    array: Any  # numpy, one dimension, uint8
    taken_at: float = 0.0
    fresh: bool = True  # taken for the first time: no page of it has been touched


class BufferPool:
    """Buffers that are used again.

    Args:
        max_bytes: how much memory there may be for going round; past it the buffers that were taken longest ago and
            are free are freed, and large ones that are in use are kept only to be freed once they are.
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
                buffer.fresh = False
                break
        else:
            if size <= self._max:
                self._make_room(size)
            buffer = _Buffer(numpy.empty(size, numpy.uint8))
        buffer.taken_at = self._clock()
        if size <= self._max or size >= MIN_BYTES:
            self._buffers.append(buffer)
        view: memoryview = buffer.array[:size].data
        return view

    def untouched(self, view: memoryview) -> int:
        """Return how many bytes of a view of a buffer, its last ones, were never touched; nothing was received yet."""
        if len(view) < MIN_BYTES:
            return 0
        base = getattr(view.obj, "base", None)
        return next((len(view) for known in reversed(self._buffers) if known.array is base and known.fresh), 0)

    def _make_room(self, size: int) -> None:
        """Free buffers that are free and forget small ones that are not, oldest first, until `size` bytes more fit."""
        known = sum(buffer.array.nbytes for buffer in self._buffers)
        index = 0
        while known + size > self._max and index < len(self._buffers):
            buffer = self._buffers[index]
            if _is_free(buffer):
                give_back(buffer.array)
            elif buffer.array.nbytes >= MIN_BYTES:
                index += 1
                continue
            known -= buffer.array.nbytes
            del self._buffers[index]

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
            if _is_free(buffer):
                give_back(buffer.array)
            else:
                buffer.taken_at = now
                self._buffers.append(buffer)


def _is_free(buffer: _Buffer) -> bool:
    # Two references: the record's, and the argument's. An array, view or message made from it holds a third.
    return sys.getrefcount(buffer.array) == 2
