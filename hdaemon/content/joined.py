"""Buffers joined into one `bytes`: without keeping the interpreter, and on large pages where the system has them.

`hou.Geometry.load` takes `bytes`, so every large mesh is copied once into such an object. Most of what that costs is
not the copy but the pages that are touched for the first time. 76 MB, in ms: `bytes.join` 42, and no other thread runs
meanwhile; into a new object on pages of 2 MB, as numpy has its arrays, 11 to 16; into one that is used again 8
(`hdaemon.houdini.reuse`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hdaemon.content.buffers import Payload

__all__ = ["LARGE_BYTES", "Memory", "flat_views", "joined", "memory"]

LARGE_BYTES = 4 * 1024 * 1024
"""From here on large pages are asked for, as numpy does; what is smaller is joined within a millisecond or two."""

_PAGE = 2 * 1024 * 1024
_STEP = 1 << 20
"""Bytes copied before other threads get a turn, where numpy does not copy."""


def joined(parts: Sequence[Payload]) -> bytes:
    """Return the bytes of `parts`, one after the other; each is contiguous. Other threads run meanwhile.

    Raises:
        MemoryError: there is not as much memory.
    """
    views = flat_views(parts)
    size = sum(map(len, views))
    found = memory()
    if size < LARGE_BYTES:
        return b"".join(views)
    if found is None:
        return _in_steps(views)
    made = found.new(size)
    found.fill(made, views)
    return made


def flat_views(parts: Sequence[Payload]) -> list[memoryview]:
    """Return what has bytes of `parts`, as one dimension of unsigned bytes."""
    # cast() refuses a shape with a zero in it.
    views = [memoryview(part) for part in parts]
    return [view if view.format == "B" and view.ndim == 1 else view.cast("B") for view in views if view.nbytes]


def _in_steps(views: Sequence[memoryview]) -> bytes:
    whole = io.BytesIO()
    for view in views:
        for at in range(0, len(view), _STEP):
            whole.write(view[at : at + _STEP])
    return whole.getvalue()


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of `bytes`, by Python's C API."""

    make: Callable[[None, int], bytes]
    where: Callable[[bytes], int]
    at: Callable[[int, int], Any]
    hash_at: Callable[[int], int]
    advise: Callable[[int, int], int] | None

    def new(self, size: int) -> bytes:
        """Return an object of `size` bytes, whatever is in it; on large pages where there are some."""
        made = self.make(None, size)
        begin = self.where(made)
        first, end = -(-begin // _PAGE) * _PAGE, (begin + size) // _PAGE * _PAGE  # whole pages within it
        if self.advise is not None and first < end:
            self.advise(first, end - first)  # a wish: what it returns does not matter
        return made

    def fill(self, made: bytes, views: Sequence[memoryview]) -> None:
        """Write `views` into `made`, which nobody else has (C API, PyBytes_AsString: "just created").

        Without the interpreter lock: numpy lets go of it while it copies.
        """
        import numpy

        target, at = numpy.frombuffer(self.at(self.where(made), len(made)), numpy.uint8), 0
        for view in views:
            target[at : at + len(view)] = numpy.frombuffer(view, numpy.uint8)
            at += len(view)

    def unhashed(self, made: bytes) -> bool:
        """Return whether no hash of `made` is kept: -1 in the word before its bytes (PyBytesObject.ob_shash)."""
        return self.hash_at(self.where(made)) == -1


@cache
def memory() -> Memory | None:
    """Return how `bytes` are written to here; None where the C API, ctypes or numpy is missing."""
    try:
        import ctypes

        import numpy  # noqa: F401 - what copies

        # Prototypes of our own: types set on `ctypes.pythonapi` itself would be everybody's.
        make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_char_p, ctypes.c_ssize_t)(
            ("PyBytes_FromStringAndSize", ctypes.pythonapi)
        )
        where = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyBytes_AsString", ctypes.pythonapi))
    except (ImportError, AttributeError):  # no C API, as in PyPy; or no ctypes
        return None
    advise: Callable[[int, int], int] | None = None
    try:
        from mmap import MADV_HUGEPAGE  # Linux only

        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        madvise = prototype(("madvise", ctypes.CDLL(None)))
        advise = lambda begin, size: int(madvise(begin, size, MADV_HUGEPAGE))  # noqa: E731 - there may be none
    except (ImportError, OSError, AttributeError):  # there are no large pages to ask for
        pass
    word = ctypes.sizeof(ctypes.c_ssize_t)
    return Memory(
        make,
        where,
        lambda begin, size: (ctypes.c_ubyte * size).from_address(begin),
        lambda begin: ctypes.c_ssize_t.from_address(begin - word).value,
        advise,
    )
