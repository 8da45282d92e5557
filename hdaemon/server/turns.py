"""`Turns`: what works for hdaemon on the main thread, one piece after the other.

Each piece keeps to a few milliseconds: callbacks, the log, the table of clients, a slice of a search. But Qt's event
loop handles in one go all that is due, and after a stall everything is: pieces of 4 ms made gaps of 30, and of 70
where the interpreter had to be waited for in between. So a piece that comes when another has just worked waits until
the event loop has come round: timers that were due and what the user did come first.

Qt's timers tell that it has come round: they also come in dialogs that hold back other events.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable

from qtpy import QtCore

__all__ = ["Turn", "Turns", "turns"]

_STALE_S = 0.1
"""A loop that has not come round for so long is not running, or another program's has taken its place. Whoever asks
then need not wait for it: nothing of ours has worked since."""


class Turn(QtCore.QObject):
    """The place of one piece of work among the others.

    Args:
        parent: who works; the place goes with it.
    """

    begun = QtCore.Signal()
    """It is its turn: work for a few milliseconds. Main thread."""

    waits = False
    """Whether it has asked, and its turn has not come."""

    def ask(self) -> None:
        """Have `begun` emitted: before this returns, where nothing of ours has just worked, or else soon. Main thread.

        Asking again while it waits changes nothing.
        """
        turns().ask(self)

    def forget(self) -> None:
        """Have it not emitted: there is nothing left to do."""
        self.waits = False


class Turns(QtCore.QObject):
    """Who works next on one thread. Get it by `turns`.

    Args:
        clock: the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._worked_at: float | None = None  # when something last worked; None once the loop has come round since
        self._waiting: deque[weakref.ref[Turn]] = deque()  # weakly: a widget must not be kept by what it waits for
        self._round = QtCore.QTimer(self)
        self._round.setSingleShot(True)
        self._round.setInterval(0)
        self._round.timeout.connect(self._on_round)

    def ask(self, turn: Turn) -> None:
        """Begin `turn` now or soon: see `Turn.ask`."""
        if self._worked_at is not None and self._clock() - self._worked_at < _STALE_S:
            if not turn.waits:
                turn.waits = True
                self._waiting.append(weakref.ref(turn))
            return
        self._begin(turn)

    def worked(self) -> None:
        """Something of ours has worked that does not ask: Qt has had it drawn. Who asks now waits."""
        self._worked_at = self._clock()
        self._round.start()

    def _begin(self, turn: Turn) -> None:
        turn.waits = False
        self.worked()  # before: a piece that opens a dialog does not come back, and its loop is the others' too
        turn.begun.emit()
        self.worked()

    def _on_round(self) -> None:
        self._worked_at = None
        while self._waiting:
            turn = self._waiting.popleft()()
            if turn is None or not turn.waits:
                continue
            try:
                self._begin(turn)
            except RuntimeError:  # Qt has destroyed it with its widget, and Python has not heard of it yet
                continue
            return


_turns: Turns | None = None


def turns() -> Turns:
    """Return the turns of the main thread."""
    global _turns
    if _turns is None:
        _turns = Turns()
    return _turns
