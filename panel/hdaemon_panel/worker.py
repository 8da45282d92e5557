"""`Worker`: one thing at a time done on a thread of its own, and told on the main thread."""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from qtpy import QtCore

__all__ = ["DEADLINE_S", "Worker"]

_POLL_MS = 10

DEADLINE_S = 20.0
"""After this the answer is no longer waited for. A thread cannot be ended; it ends when its work is done."""


class _Answer:
    """What the thread fills in."""

    def __init__(self) -> None:
        self.value: Any = None
        self.done = threading.Event()


class _Job:
    """Work, and who is told. Lives on the main thread: a widget must not be let go on another."""

    def __init__(
        self, work: Callable[[], Any], then: Callable[..., None], late: Callable[..., None], about: tuple[Any, ...]
    ) -> None:
        self.work, self.then, self.late, self.about = work, _weakly(then), _weakly(late), about
        self.answer = _Answer()
        self.thread: threading.Thread | None = None
        self.deadline = 0.0


def _weakly(call: Callable[..., None]) -> Callable[[], Callable[..., None] | None]:
    """Return what returns `call`; a method without its object, whose life is its own."""
    return weakref.WeakMethod(call) if inspect.ismethod(call) else lambda: call


def _run(work: Callable[[], Any], answer: _Answer) -> None:
    try:
        answer.value = work()
    finally:
        answer.done.set()


class Worker(QtCore.QObject):
    """Does the newest work it was given; work that was not begun when newer comes is dropped.

    The answer is looked for by a timer that runs while there is work. Of the thread's answers only that of the newest
    work is told; after `cancel` none is. At most one thread runs, whatever is asked.
    """

    def __init__(self, parent: QtCore.QObject | None = None, deadline_s: float = DEADLINE_S) -> None:
        super().__init__(parent)
        self._deadline_s = deadline_s
        self._running: _Job | None = None
        self._next: _Job | None = None
        self._newest: _Job | None = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._newest is not None

    def start(
        self,
        work: Callable[[], Any],
        then: Callable[..., None],
        late: Callable[..., None] = lambda *_: None,
        about: tuple[Any, ...] = (),
    ) -> None:
        """Do `work` on the thread, in place of all that was asked before.

        Args:
            work: called on the thread; must not raise, and must neither touch nor hold anything of Qt.
            then: called with `about` and the answer, on the main thread. Methods are held weakly.
            late: called with `about` on the main thread when there is no answer in time.
            about: what the two are told besides.
        """
        job = _Job(work, then, late, about)
        self._newest = job
        job.deadline = time.monotonic() + self._deadline_s
        if self._running is None:
            self._begin(job)
        else:
            self._next = job
        self._timer.start()

    def cancel(self) -> None:
        """Forget what was asked; what is under way ends unheard."""
        self._newest = self._next = None

    def _begin(self, job: _Job) -> None:
        self._running = job
        # A daemon: it must not keep the program from ending.
        job.thread = threading.Thread(target=_run, args=(job.work, job.answer), name="hdaemon panel", daemon=True)
        job.thread.start()

    def _look(self) -> None:
        running, newest = self._running, self._newest
        if running is not None and running.answer.done.is_set():
            assert running.thread is not None
            running.thread.join(1.0)
            self._running = None
            following, self._next = self._next, None
            if following is not None:
                self._begin(following)
            if running is newest:
                self._newest = None
                then = running.then()
                if then is not None:
                    then(*running.about, running.answer.value)
        elif newest is not None and time.monotonic() > newest.deadline:
            self._newest = self._next = None
            late = newest.late()
            if late is not None:
                late(*newest.about)
        if self._running is None and self._newest is None:
            self._timer.stop()
