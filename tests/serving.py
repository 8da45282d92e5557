"""`hdaemon` run as a program of its own: one command to its end, or `hdaemon serve` while a test talks to it."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO

COMMAND = [sys.executable, "-m", "hdaemon"]


def hdaemon(*arguments: str, stdin: bytes = b"", timeout_s: float = 30.0) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, not from the checkout: `-m` would prefer it to what is installed."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        timeout=timeout_s,
        check=False,
        cwd=tempfile.gettempdir(),
        env=environment(),
    )


def environment() -> dict[str, str]:
    return {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"}


def started(*arguments: str, **pipes: int) -> subprocess.Popen[bytes]:
    """Start a command, with pipes (``stdin=``, ``stdout=``, ``stderr=``) as for Popen; who calls ends it."""
    return subprocess.Popen([*COMMAND, *arguments], cwd=tempfile.gettempdir(), env=environment(), **pipes)


class Serving:
    """A running `hdaemon serve` on any free port; leave the `with` block to have it ended."""

    def __init__(self, *arguments: str) -> None:
        self.process = started(
            *("serve", "--port", "0", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out = _Lines(self.process.stdout)
        self.err = _Lines(self.process.stderr)
        self.started = self.err.next()
        found = re.fullmatch(rb"hdaemon: listening on 127\.0\.0\.1:(\d+)", self.started)
        self.port = int(found[1]) if found else 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def end(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 10.0) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        self.out.close()
        self.err.close()


class _Lines:
    """The lines of a pipe, read by a thread so that each can be waited for with a deadline."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._queue: queue.Queue[bytes] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._pipe:
            self._queue.put(line.rstrip(b"\r\n"))

    def next(self, timeout_s: float = 15.0) -> bytes:
        """Return the next line; fail when none comes."""
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"no line within {timeout_s} s") from None

    def until(self, wanted: bytes) -> bytes:
        """Return the next line that contains `wanted`."""
        line = self.next()
        while wanted not in line:
            line = self.next()
        return line

    def rest(self) -> list[bytes]:
        """Return what is left when the program has ended."""
        self._thread.join(15)
        assert not self._thread.is_alive()
        return list(self._queue.queue)

    def close(self) -> None:
        self._thread.join(15)
        self._pipe.close()
