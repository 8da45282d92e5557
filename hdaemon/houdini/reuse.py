"""`BytesPool`: what Houdini is given, in memory that is used again. No hou: it may run on any thread.

Pages that are touched for the first time cost more than the copy into them: a mesh of 76 MB takes 8 ms where it was
42 (`hdaemon.content.joined`). On virtual machines that give free pages back to their host, new ones of any size cost 80
to 150 now and then.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hdaemon.content import Payload
from hdaemon.content.joined import LARGE_BYTES, Memory, flat_views, joined, memory

__all__ = ["KEEP_S", "MAX_BYTES", "BytesPool"]

MAX_BYTES = 512 * 1024 * 1024
"""What a pool knows, in use or not: of a mesh of 70 MB the shown one, the newest, and the one that is being made."""

KEEP_S = 10.0
"""What was not asked for so long goes back to the system."""


class BytesPool:
    """Joins as `joined` does, into objects that nobody else holds any longer. All methods may be called on any thread.

    That a `bytes` never changes is a promise to those who hold it. One that only the pool holds may be written again by
    the rule that CPython has for its own strings (`unicode_modifiable` in Objects/unicodeobject.c): one reference, and
    no hash taken. Whoever still looks at it (a view, an array, a call) holds a reference; what does not would look at
    freed memory otherwise. A Python without the interpreter lock counts references in other ways: there, and where the
    C API is missing, every object is new.

    Args:
        max_bytes: what the pool knows, in use or not; past it the object that was made longest ago is forgotten.
        clock: the monotonic clock.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._max, self._clock = max_bytes, clock
        self._lock = threading.Lock()
        self._known: list[_Known] = []  # the one that was made longest ago comes first

    def joined(self, parts: Sequence[Payload]) -> bytes:
        """Return what `joined` returns. The size must be the same, to the byte, for memory to be used again."""
        views = flat_views(parts)
        size = sum(map(len, views))
        found = memory()
        if size < LARGE_BYTES or found is None or not _counts_references():
            return joined(parts)
        known = self._free(size, found) or _Known(found.new(size))
        found.fill(known.data, views)
        known.made_at = self._clock()
        made = known.data  # held from before it can be found until the caller holds it
        with self._lock:
            if size <= self._max:
                self._known.append(known)
                while sum(len(one.data) for one in self._known) > self._max:
                    del self._known[0]
        return made

    def trim(self) -> None:
        """Forget what was made too long ago; what is in use lives on until it is let go."""
        until = self._clock() - KEEP_S
        with self._lock:
            gone = [one for one in self._known if one.made_at <= until]
            self._known = [one for one in self._known if one.made_at > until]
        del gone  # without the lock: it takes milliseconds

    def _free(self, size: int, found: Memory) -> _Known | None:
        with self._lock:
            for index, one in enumerate(self._known):
                # Two references: the record's, and the argument's.
                if len(one.data) == size and sys.getrefcount(one.data) == 2 and found.unhashed(one.data):
                    return self._known.pop(index)
        return None


@dataclass(slots=True, eq=False)
class _Known:
    data: bytes
    made_at: float = 0.0


def _counts_references() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())
