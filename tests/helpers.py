"""What several test files use: waiting with a deadline, a raw client, and Python programs run beside the tests."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qtpy import QtCore

from hdaemon.log import RingLog, Row

ROOT = Path(__file__).resolve().parent.parent

_never = threading.Event()


def wait_until(condition: Callable[[], object], what: str = "", timeout_s: float = 10.0) -> None:
    """Return once `condition` holds; fail after `timeout_s`. Delivers Qt's events meanwhile, on the main thread."""
    deadline = time.monotonic() + timeout_s
    on_main = threading.current_thread() is threading.main_thread()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        app = QtCore.QCoreApplication.instance()
        if app is not None and on_main:
            app.processEvents()
        _never.wait(0.002)


def wait_until_passed(moment: float) -> None:
    """Return when the monotonic clock has passed `moment`, for tests of what time itself does."""
    wait_until(lambda: time.monotonic() > moment, timeout_s=max(1.0, 2 * (moment - time.monotonic()) + 1))


class Clock:
    """A clock that a test turns on; in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class RawClient:
    """A program that sends to a server; every wait of its socket has a deadline."""

    def __init__(self, host: str, port: int, timeout_s: float = 20.0) -> None:
        self.sock = socket.create_connection((host, port), timeout_s)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def send_and_close(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.close()

    def read_all(self) -> bytes:
        """Return what the server sends until it closes its side."""
        parts = []
        while True:
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            parts.append(part)
        return b"".join(parts)

    def reset(self) -> None:
        """Vanish: the server gets a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


@contextmanager
def dripping(client: RawClient) -> Iterator[None]:
    """Send a byte every 50 ms meanwhile, until the server has closed the connection."""
    stop = threading.Event()

    def drip() -> None:
        try:
            while not stop.wait(0.05):
                client.send(b"X")
        except OSError:
            pass

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


def data_rows(log: RingLog) -> list[Row]:
    """Return the rows of messages."""
    return [row for row in log if row.event is None]


def payloads(log: RingLog) -> list[bytes]:
    """Return the payloads of all messages kept."""
    return [row.payload for row in data_rows(log)]


def events(log: RingLog, *names: str) -> list[str]:
    """Return the texts of the lifecycle rows of these names."""
    return [row.text for row in log if row.event in names]


def run_python(
    code: str, *, timeout_s: float = 30.0, arguments: Iterable[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of its own with this interpreter and binding; fail when it does not end in time."""
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONUNBUFFERED": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )


def tries(usual: int) -> int:
    """Return how often processor time is taken of which the best counts.

    Another worker of the tests, on the other half of the same core, may double it: more often then. `nox -s faults`
    runs the tests that have such limits by themselves, as often as is `usual`.
    """
    return 10 if "PYTEST_XDIST_WORKER" in os.environ else usual
