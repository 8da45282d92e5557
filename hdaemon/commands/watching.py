"""`Watched`: a file that is looked at until it has changed and is whole, for `hdaemon send --watch`.

It is asked for by its name, so that it may be written anew or replaced by another that is renamed to it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["LOOK_S", "Watched"]

LOOK_S = 0.2
"""How often the file is looked at. It is ready when two looks see the same."""

State = tuple[int, ...]


class Watched:
    """One file.

    Args:
        path: where it is, or will be.
        wait: waits for so many seconds.
    """

    def __init__(self, path: Path, wait: Callable[[float], None] = time.sleep) -> None:
        self._path, self._wait = path, wait
        self._taken: State | None = None

    def next(self) -> bytes:
        """Return what is in the file, once it is another than was returned last and nothing changes it any more.

        Raises:
            OSError: it cannot be read; the next call waits for another change.
        """
        while True:
            self._taken = self._settled()
            data = self._path.read_bytes()
            if self._state() == self._taken:
                return data

    def _settled(self) -> State:
        before: State | None = None
        while True:
            now = self._state()
            if now is not None and now == before and now != self._taken:
                return now
            before = now
            self._wait(LOOK_S)

    def _state(self) -> State | None:
        """Return what a change would change; None while there is no such file."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - the same, and no Path is made each time
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
