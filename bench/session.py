"""What receives in the benchmarks, `Session`, and what sends, `Sender`.

A session is a Qt program with a server and its panel open, as Houdini is. A sender is a process of its own that is
started once and does a round each time it is told to: a process that starts takes longer than most rounds.

In a benchmark::

    with Session() as session, Sender(__file__, "--sender", str(session.server.port)) as sender:
        sender.begin()
        session.until(lambda: sender.done)  # Qt's events are handled meanwhile
        began, *said = sender.told()

and in the sender::

    def one_round(*words: str) -> tuple[object, ...]:
        prepare()
        began = time.monotonic()  # one clock for all processes of a machine
        send()
        return (began,)

    in_rounds(one_round)
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["Gaps", "Sender", "Session", "in_rounds", "own_settings", "python_cook"]

ROUND_S = 60.0
"""No round takes longer, unless a benchmark says so."""

TICK_MS = 5
_LOOK_MS = 5


def python_cook() -> None:
    """Run Python for some microseconds, without letting go of the interpreter: what a cook repeats."""
    total = 0
    for number in range(500):
        total += number * number


class Gaps:
    """How late the main thread is: the times between ticks of a precise 5 ms timer, in ms. See `Session.gaps`.

    Attributes:
        all: the gaps.
        collections: how often the garbage collector looked through young, older and all objects meanwhile; it stops
            every thread.
    """

    def __init__(self) -> None:
        from qtpy import QtCore

        self.all: list[float] = []
        self.collections = [0, 0, 0]
        self._last = 0.0
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._on_tick)

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self.all.append((now - self._last) * 1000)
        self._last = now

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        self.collections[info["generation"]] += phase == "stop"

    def start(self) -> None:
        """Begin, or go on after a pause, which does not count."""
        if not self._timer.isActive():
            gc.callbacks.append(self._on_collection)
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """End; what lasts at this moment is a gap too."""
        if self._timer.isActive():
            self._timer.stop()
            self._on_tick()
            gc.callbacks.remove(self._on_collection)

    def __enter__(self) -> Gaps:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    def quantile(self, part: float) -> float:
        """Return the gap that `part` (0 to 1) of all are not longer than, in ms."""
        found = sorted(self.all)
        return found[min(len(found) - 1, int(len(found) * part))]

    @property
    def p99(self) -> float:
        """The 99th percentile, in ms."""
        return self.quantile(0.99)

    @property
    def longest(self) -> float:
        """The longest, in ms."""
        return max(self.all)


def own_settings() -> None:
    """Have Qt keep settings in a folder of this process's own: the panel remembers there what it shows.

    (Not on Windows and macOS, where Qt has another place for them.)
    """
    from qtpy import QtCore

    folder = tempfile.mkdtemp(prefix="hdaemon-bench-settings-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for kind in (QtCore.QSettings.Format.NativeFormat, QtCore.QSettings.Format.IniFormat):
        QtCore.QSettings.setPath(kind, QtCore.QSettings.Scope.UserScope, folder)


class Session:
    """A Qt program with a server on a free port of 127.0.0.1, and its panel open at 900 x 700.

    Args:
        name: of the server.
        mode: ``"print"`` or ``"evaluate"``.
        panel: whether a panel is open.
        more: further arguments of `hdaemon.start`.

    Attributes:
        app: the QApplication. server: the `HPythonServer`. panel: the `ServerPanel`, or None.
    """

    def __init__(self, name: str = "bench", *, mode: str = "evaluate", panel: bool = True, **more: Any) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from hdaemon_panel import standalone
        from qtpy import QtCore

        import hdaemon

        self._core = QtCore
        own_settings()
        self.app: Any = standalone.application()
        self.server = hdaemon.start(name, port=0, mode=mode, **more)
        self.panel: Any = None
        if panel:
            self.panel = standalone.window(name)
            self.panel.resize(900, 700)
            self.panel.show()
        self.run_for(0.2)  # until all is painted once

    def gaps(self) -> Gaps:
        """Return a meter of the main thread's gaps: a context, in which `until` is called."""
        return Gaps()

    def run_for(self, seconds: float) -> None:
        """Handle events for so long."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + ROUND_S)

    def until(
        self, predicate: Callable[[], bool], timeout_s: float = ROUND_S, cook: Callable[[], None] | None = None
    ) -> None:
        """Return when `predicate` is true; Qt's own event loop runs meanwhile, and asks every 5 ms.

        With a `cook` no event is handled: it is called again and again, and the predicate is asked in between.

        Raises:
            TimeoutError: it did not become true in time.
        """
        deadline = time.monotonic() + timeout_s

        def is_over() -> bool:
            if predicate():
                return True
            if time.monotonic() > deadline:
                raise TimeoutError(f"what was waited for did not happen within {timeout_s:g} s")
            return False

        if cook is not None:
            while not is_over():
                cook()
            return
        if is_over():
            return
        loop = self._core.QEventLoop()
        failed: list[BaseException] = []

        def look() -> None:
            try:
                if is_over():
                    loop.quit()
            except BaseException as error:  # Qt would print it and go on; it is raised below
                failed.append(error)
                loop.quit()

        timer = self._core.QTimer()
        timer.setInterval(_LOOK_MS)
        timer.timeout.connect(look)
        timer.start()
        loop.exec_()
        timer.stop()
        if failed:
            raise failed[0]

    def clear(self) -> None:
        """Forget all that was received."""
        self.server.log.clear()
        self.server.store.clear()

    def close(self) -> None:
        """End everything."""
        self.server.stop()
        if self.panel is not None:
            self.panel.close()
            self.panel = None
        self.clear()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Sender:
    """A process that does a round each time it is told to.

    Args:
        script: the Python file it runs; it calls `in_rounds`.
        args: its arguments.
        start_s: how long it may take until it is ready.

    Raises:
        RuntimeError: it ended before it was ready; what it said stands on standard error.
        TimeoutError: it was not ready in time.
    """

    def __init__(self, script: str, *args: str, start_s: float = 30.0) -> None:
        self._lines: deque[str] = deque()
        self._some = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, script, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, name="bench sender's answers", daemon=True)
        self._reader.start()
        try:
            self._line(start_s)
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._some:
                self._lines.append(line.strip())
                self._some.notify_all()
        with self._some:
            self._lines.append("ended")
            self._some.notify_all()

    def _line(self, timeout_s: float) -> str:
        with self._some:
            if not self._some.wait_for(lambda: self._lines, timeout_s):
                raise TimeoutError(f"the sender said nothing for {timeout_s:g} s: {self.process.args!r}")
            line = self._lines.popleft()
        if line == "ended":
            raise RuntimeError(f"the sender ended, its error is above: {self.process.args!r}")
        return line

    def begin(self, what: str = "go") -> None:
        """Have it do a round; `what` is one line, whose words its function is called with."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    @property
    def done(self) -> bool:
        """Whether it has said something that `told` would return at once: it ended its round, or itself."""
        return bool(self._lines)

    def told(self, timeout_s: float = ROUND_S) -> list[str]:
        """Return the words it said of its round, which is over; the first is when it began, on the monotonic clock."""
        return self._line(timeout_s).split()

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self._reader.join(5)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def in_rounds(one_round: Callable[..., tuple[object, ...]]) -> None:
    """In a sender: call `one_round` with the words of each line that comes, and say what it returned."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(*one_round(*line.split()), flush=True)
