"""`Printer`: what is received in print mode, written to standard output, at most so many lines a second.

The server thread offers blocks; the main thread (where there is one) flushes. Plain Python, no Qt.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from hdaemon.blocks import DataBlock, LinesBlock, PayloadBlock, PayloadsBlock
from hdaemon.message import preview

__all__ = ["LINES_A_SECOND", "Printer"]

LINES_A_SECOND = 200
"""Houdini's console takes longer over a line than the network; more than this nobody reads anyway."""

_MAX_WAITING = 1000
"""Lines that wait to be flushed: five seconds' worth; what a busy main thread does not fetch is counted instead."""

_MAX_BYTES = 1024 * 1024
"""Bytes of a message that are looked at: 200 lines of 1,000 characters are in there, whatever the script."""

_MAX_CHARS = 1000
"""Characters of one line: a console wraps what is longer over the whole window."""


def _to_stdout(text: str) -> None:
    out = sys.stdout
    if out is None:  # a program with a window and no console has none (Python, sys.stdout)
        return
    try:
        try:
            out.write(text)
        except UnicodeEncodeError:  # a console that is not UTF-8 (Windows, redirected)
            encoding = out.encoding or "ascii"
            out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        out.flush()
    except (OSError, ValueError):  # the reader of a pipe has gone, or the file is closed: nobody to tell
        pass


class Printer:
    """Writes messages as lines of text, and the number of those left out.

    Args:
        write: takes text that ends with a line end; called by `flush` only.
        lines_a_second: how many lines of messages are written in any second.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        write: Callable[[str], None] = _to_stdout,
        lines_a_second: int = LINES_A_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._rate, self._clock = write, lines_a_second, clock
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._second = -1.0  # when the running second began; negative: none runs
        self._used = 0
        self._left_out = 0

    def offer(self, block: DataBlock) -> None:
        """Take the messages of a block that was received in print mode; others are ignored."""
        if block.mode != "print":
            return
        with self._lock:
            now = self._clock()
            if self._second < 0 or now >= self._second + 1:
                self._sum_up()
                self._second, self._used = now, 0
            if not isinstance(block, PayloadsBlock):
                self._add(block)
                return
            for number, one in enumerate(block.each()):
                if self._room() <= 0:
                    self._left_out += block.count - number
                    break
                self._add(one)

    def _room(self) -> int:
        return min(self._rate - self._used, _MAX_WAITING - len(self._waiting))

    def _add(self, block: LinesBlock | PayloadBlock) -> None:
        room = self._room()
        lines = _texts(block, room) if room > 0 else []
        self._waiting += lines
        self._used += len(lines)
        if isinstance(block, LinesBlock):
            self._left_out += block.count - len(lines)
        elif not lines:
            self._left_out += 1

    def tick(self) -> float | None:
        """Count up what was left out, once its second is over; return when that will be, or None while nothing was."""
        if not self._left_out:
            return None
        with self._lock:
            if self._clock() < self._second + 1:
                return self._second + 1
            self._sum_up()
            self._second = -1.0
        return None

    @property
    def waiting(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._waiting)

    def flush(self) -> None:
        """Write what waits. Called on the main thread, or on the server's where there is no other."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if self._left_out and len(waiting) >= _MAX_WAITING:
                waiting.append(self._summary())
        if waiting:
            self._write("\n".join(waiting) + "\n")

    def _sum_up(self) -> None:
        if self._left_out and len(self._waiting) < _MAX_WAITING:  # else counted on; the next flush sums up
            self._waiting.append(self._summary())

    def _summary(self) -> str:
        left_out, self._left_out = self._left_out, 0
        return (
            f"hdaemon: {left_out:,} more messages were received and not printed "
            f"(at most {self._rate} lines a second are)"
        )


def _texts(block: LinesBlock | PayloadBlock, room: int) -> list[str]:
    """Return up to `room` lines for the console."""
    if isinstance(block, LinesBlock):
        lines = block.data.split(b"\n", room)
        return [preview("text/plain", line.removesuffix(b"\r"), _MAX_CHARS) for line in lines[: min(room, block.count)]]
    if block.content_type != "text/plain":
        size = f"<{block.content_type}, {len(block.payload):,} bytes> "
        return [size + preview(block.content_type, block.payload, 96)]
    head = bytes(block.payload[:_MAX_BYTES])
    lines = head.removesuffix(b"\n").split(b"\n", room)
    shown = [preview("text/plain", line.removesuffix(b"\r"), _MAX_CHARS) for line in lines[:room]]
    if len(head) < len(block.payload):
        shown[-1] = f"hdaemon: the message has {len(block.payload):,} bytes; the rest of it is not printed"
    elif len(lines) > room:
        count = head.removesuffix(b"\n").count(b"\n") + 1
        shown[-1] = f"hdaemon: the message has {count:,} lines; the rest of it is not printed"
    return shown
