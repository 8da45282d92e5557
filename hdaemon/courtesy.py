"""How the interface asks receiving threads for the interpreter while it draws.

Python lets one thread run at a time. A thread that draws calls into Qt some hundred times, lets go of the interpreter's
lock at each call, and may have to wait each time to get it back: four milliseconds of drawing took twenty while lines
flooded in. So from the moment the interface knows that it will draw until it has, server threads rest between two
receives. They never wait for it: a rest has a length of its own, and the asking ends by itself.
"""

from __future__ import annotations

import time

__all__ = ["REST_S", "ask", "done", "rest_s"]

REST_S = 0.0015
"""One rest: some tens of texts are drawn meanwhile. Thirty frames a second of four milliseconds cost a seventh of the
receiving speed; half a millisecond left the longest gaps of the main thread as they were."""

_ASKED_S = 0.015
"""How long an asking holds at most. A frame asks again from time to time: one that takes longer, on a machine that is
slow for a moment, would wait for the interpreter at each of its hundred texts."""

_until = 0.0


def ask() -> None:
    """Ask for the interpreter, until `done` or for 15 ms. Called on the main thread."""
    global _until
    _until = time.monotonic() + _ASKED_S


def done() -> None:
    """Say that it is no longer needed."""
    global _until
    _until = 0.0


def rest_s() -> float:
    """Return how long a server thread should rest now, in seconds; 0 when nobody asks."""
    return REST_S if _until and time.monotonic() < _until else 0.0
