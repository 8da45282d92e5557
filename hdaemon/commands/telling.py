"""What commands share: telling on standard error, and ending at a signal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hdaemon.message import one_line

__all__ = ["at_signals", "tell"]


def tell(text: str) -> None:
    """Say something on standard error, in one line."""
    try:
        print(f"hdaemon: {one_line(text)}", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # standard error is closed: what it would say must not end the command
        pass


@contextmanager
def at_signals(end: Callable[[], object]) -> Iterator[None]:
    """Have SIGINT and SIGTERM call `end`, until the end of the block."""
    before = {number: signal.signal(number, lambda *_: end()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
