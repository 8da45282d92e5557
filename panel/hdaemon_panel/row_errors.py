"""`RowErrors`: which of the rows in sight hold a payload that does not decode, found out a little at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib import import_module

from qtpy import QtCore

from hdaemon import content
from hdaemon.log import Row
from hdaemon_panel.worker import Worker

__all__ = ["MAX_CHECKED_BYTES", "RowErrors"]

MAX_CHECKED_BYTES = 16 * 1024
"""Payloads above it are decoded only when their row is selected: decoding more would take over a millisecond each."""

_CHECKED_BYTES = {content.MSGPACK: 4096, content.BGEO: 4096}
"""Less of what may hold a value a byte: 16 KiB of empty maps took 12 ms."""

_INTERVAL_MS = 30
_BUDGET_S = 0.002
"""Two milliseconds in thirty: a flood of typed messages must not cost the interface more."""

_KEPT = 4096

_NEVER_FAIL = ("", content.TEXT, content.OCTET_STREAM)
"""Types that are not checked: the raw door's lines are text for certain, and bytes are bytes."""


def _load_meshes() -> None:
    """Import what decodes meshes: 30 ms, which the first of them in sight would take on the main thread."""
    try:
        import_module("hdaemon.content.mesh_wire")
    except ImportError:  # no numpy: whoever decodes one says so
        pass


class RowErrors(QtCore.QObject):
    """Remembers why rows do not decode, by their number; checks those that somebody looks at."""

    found = QtCore.Signal()
    """There are rows whose error was not known before."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[int, str | None] = {}
        self._wanted: list[Row] = []
        self._later: list[Row] = []  # wanted, and what decodes them is not imported yet
        self._loaded = False
        self._loader = Worker(self)
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
            and row.size <= _CHECKED_BYTES.get(row.content_type, MAX_CHECKED_BYTES)
            and row.number not in self._known
        ]
        self._later = []
        if self._wanted and not self._timer.isActive():
            self._timer.start()

    def step(self) -> None:
        """Decode wanted rows for two milliseconds."""
        end = time.perf_counter() + _BUDGET_S
        any_error = False
        while self._wanted and time.perf_counter() < end:
            row = self._wanted.pop()
            if row.content_type == content.SAFETENSORS and not self._loaded:
                self._later.append(row)
                continue
            assert row.message is not None
            error = row.message.error
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[row.number] = error
            any_error = any_error or error is not None
        if not self._wanted:
            self._timer.stop()
        if self._later and not self._loader.busy:
            self._loader.start(_load_meshes, self._on_loaded, self._on_loaded)
        if any_error:
            self.found.emit()

    def _on_loaded(self, _: object = None) -> None:
        self._loaded = True
        self._wanted += self._later
        self._later = []
        if self._wanted:
            self._timer.start()
