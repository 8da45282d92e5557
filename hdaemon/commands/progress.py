"""What takes long, told on a terminal: how much of a large message is sent, and that a large file is being read."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from hdaemon.client import Client

__all__ = ["SHOWN_BYTES", "Line", "ShowingClient"]

SHOWN_BYTES = 4 * 1024 * 1024
"""What is larger takes long enough to be told about; told after as many bytes each."""


class ShowingClient(Client):
    """A client that shows on a terminal how much of a large message is sent; elsewhere it says nothing."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        super().__init__(host, port, **options)
        self._line = Line(sys.stderr)
        self._total = self._done = 0

    def _write(self) -> None:
        self._total, self._done = sum(map(len, self._out)), 0
        try:
            super()._write()
        finally:
            self._line.clear()

    def _write_one(self, part: Any) -> None:
        view = memoryview(part)
        for at in range(0, len(view), SHOWN_BYTES):
            piece = view[at : at + SHOWN_BYTES]
            super()._write_one(piece)
            self._done += len(piece)
            if self._total > SHOWN_BYTES:
                self._line.show(f"sent {self._done / 1e6:.0f} of {self._total / 1e6:.0f} MB")


class Line:
    """A line of a terminal that is written again and again; `shown` is False where there is no terminal."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._width = 0
        try:
            self.shown = stream is not None and stream.isatty()
        except ValueError:  # it is closed
            self.shown = False

    def show(self, text: str) -> None:
        """Write `text` in place of what the line says."""
        if self.shown:
            self._write("\r" + f"hdaemon: {text}".ljust(self._width))
            self._width = len(text) + 9

    def clear(self) -> None:
        """Leave the line empty for what is written next."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        try:
            print(text, end="", file=self._stream, flush=True)
        except (OSError, ValueError):  # the terminal has gone
            self.shown = False
