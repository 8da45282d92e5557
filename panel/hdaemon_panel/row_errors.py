"""`RowErrors`: which of the rows in sight hold a payload that does not decode, found out a little at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable

from qtpy import QtCore

from hdaemon import content
from hdaemon.log import Row

__all__ = ["MAX_CHECKED_BYTES", "RowErrors"]

MAX_CHECKED_BYTES = 16 * 1024
"""Payloads above it are decoded only when their row is selected: decoding more would take over a millisecond each."""

_INTERVAL_MS = 30
_BUDGET_S = 0.002
"""Two milliseconds in thirty: a flood of typed messages must not cost the interface more."""

_KEPT = 4096

_NEVER_FAIL = ("", content.TEXT, content.OCTET_STREAM)
"""Types that are not checked: the raw door's lines are text for certain, and bytes are bytes."""


class RowErrors(QtCore.QObject):
    """Remembers why rows do not decode, by their number; checks those that somebody looks at."""

    found = QtCore.Signal()
    """There are rows whose error was not known before."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[int, str | None] = {}
        self._wanted: list[Row] = []
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.step)

    def get(self, row: Row) -> str | None:
        """Return why the payload of `row` does not decode, as far as that is known; None when it does."""
        return self._known.get(row.number)

    def put(self, number: int, error: str | None) -> None:
        """Remember what somebody else found out about the row of that number."""
        if len(self._known) >= _KEPT:
            self._known.clear()  # the rows in sight are asked for again
        new = error is not None and self._known.get(number) != error
        self._known[number] = error
        if new:
            self.found.emit()

    def want(self, rows: Iterable[Row]) -> None:
        """Check these rows, in place of those that were wanted before."""
        self._wanted = [
            row
            for row in rows
            if row.message is not None
            and row.content_type not in _NEVER_FAIL
            and row.size <= MAX_CHECKED_BYTES
            and row.number not in self._known
        ]
        if self._wanted and not self._timer.isActive():
            self._timer.start()

    def step(self) -> None:
        """Decode wanted rows for two milliseconds."""
        end = time.perf_counter() + _BUDGET_S
        any_error = False
        while self._wanted and time.perf_counter() < end:
            row = self._wanted.pop()
            assert row.message is not None
            error = row.message.error
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[row.number] = error
            any_error = any_error or error is not None
        if not self._wanted:
            self._timer.stop()
        if any_error:
            self.found.emit()
