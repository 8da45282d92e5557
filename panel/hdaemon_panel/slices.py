"""Long work on the main thread, cut into slices so that the interface never waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from qtpy import QtCore

from hdaemon.server.turns import Turn, turns

__all__ = ["BUDGET_S", "Slices"]

BUDGET_S = 0.004
"""How long a turn of the main thread may work for us (design.md)."""


class Slices(QtCore.QObject):
    """Runs a generator a few milliseconds a turn, until it ends.

    The generator yields whenever it may be interrupted; it should do so at least every millisecond.

    Args:
        parent: the owner.
        budget_s: how long it works a turn, in seconds.
    """

    finished = QtCore.Signal()
    """The generator has come to its end; not emitted after `cancel`."""

    failed = QtCore.Signal(str)
    """The generator raised an OSError, whose text this is (a full disk, no permission)."""

    def __init__(self, parent: QtCore.QObject | None = None, budget_s: float = BUDGET_S) -> None:
        super().__init__(parent)
        self._budget_s = budget_s
        self._work: Iterator[None] | None = None
        self._turn = Turn(self)
        self._turn.begun.connect(self._on_turn)

    @property
    def running(self) -> bool:
        """Whether there is work left."""
        return self._work is not None

    def start(self, work: Iterator[None]) -> None:
        """Begin with `work`, in place of what was being done; the first slice is done at once."""
        self._work = work
        self._on_turn()

    def cancel(self) -> None:
        """Forget the work; what it has done so far stays done."""
        self._work = None
        self._turn.forget()

    def _on_turn(self) -> None:
        self.step()
        if self._work is not None:
            turns().worked()
            self._turn.ask()

    def step(self, budget_s: float | None = None) -> None:
        """Work for `budget_s` seconds; by default as long as it works a turn."""
        work = self._work
        if work is None:
            return
        end = time.perf_counter() + (self._budget_s if budget_s is None else budget_s)
        try:
            for _ in work:
                if time.perf_counter() >= end:
                    return
        except OSError as error:
            self.cancel()
            self.failed.emit(error.strerror or str(error))
            return
        if self._work is work:
            self.cancel()
            self.finished.emit()
