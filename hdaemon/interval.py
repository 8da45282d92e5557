"""How long a thread that waits for the interpreter's lock waits before it asks for it (`sys.setswitchinterval`).

It is 5 ms in every Python, and of the whole process. A thread that has received waits that long each time, while the
main thread runs Python. So it is made shorter for the moments of a receive, and while a thread waits in `Queue.take`;
then it is again what it was. Nothing is taken from the main thread but the turns that others would have got anyway.
"""

from __future__ import annotations

import sys
import threading

__all__ = ["SHORT_S", "short_waits"]

SHORT_S = 0.0005

_HALF_UNIT_S = 0.0000005
"""Python cuts an interval to whole microseconds: 0.0001, once read, would be put back as 0.000099."""

_lock = threading.Lock()  # several servers may receive at once; held for a few instructions
_inside = 0
_before = _set = 0.0


class short_waits:  # noqa: N801 - used like a function
    """Have threads wait at most half a millisecond for the interpreter's lock inside a ``with`` block.

    Blocks of several threads may overlap: the last to end puts back what was before the first. An interval that was
    short already, or that somebody else sets meanwhile, is left alone.
    """

    def __enter__(self) -> None:
        _begin()

    def __exit__(self, *_: object) -> None:
        _end()


def _begin() -> None:
    global _inside, _before, _set
    with _lock:
        _inside += 1
        if _inside == 1:
            _before = sys.getswitchinterval()
            if _before > SHORT_S:
                sys.setswitchinterval(SHORT_S)
            _set = sys.getswitchinterval()


def _end() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside and _set != _before and sys.getswitchinterval() == _set:
            sys.setswitchinterval(_before + _HALF_UNIT_S)
