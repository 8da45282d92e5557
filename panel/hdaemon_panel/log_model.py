"""`LogModel`: a `RingLog` as a Qt table. It follows the log in batches: never a signal a message."""

from __future__ import annotations

import itertools
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from qtpy import QtCore

from hdaemon.log import RingLog, Row, Snapshot
from hdaemon_panel.labels import short_type
from hdaemon_panel.log_filter import Needle
from hdaemon_panel.rates import human_bytes
from hdaemon_panel.slices import Slices

__all__ = ["COLUMNS", "LogModel", "clock_text"]

COLUMNS = ("Time", "Client", "Channel", "Type", "Size", "Message")

_DISPLAY = int(QtCore.Qt.ItemDataRole.DisplayRole)  # looking the enum up costs 4 us on PySide6 6.5, a call
_TOOL_TIP = int(QtCore.Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT = int(QtCore.Qt.ItemDataRole.TextAlignmentRole)
_RIGHT = int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)

_TOOL_TIP_CHARS = 2000

_HELD_TIMES = 2
"""A view that does not follow keeps its rows and takes new ones, up to this many times the log's own limit."""

_SLICE_S = 0.002
_ANNOUNCE_S = 0.033

_seconds: tuple[int, str] = (-1, "")


def clock_text(moment: float) -> str:
    """Return a time of day to the millisecond, in local time: ``"19:43:01.123"``."""
    global _seconds
    second = int(moment)
    if second != _seconds[0]:
        _seconds = (second, time.strftime("%H:%M:%S", time.localtime(second)))
    return f"{_seconds[1]}.{int(moment * 1000) % 1000:03d}"


class LogModel(QtCore.QAbstractTableModel):
    """The rows of a log that a view shows: all, or those that contain the filter's text.

    It changes in `sync` and while a filter searches, and then by one removal and one insertion of many rows.

    While `held`, rows that the log lets go stay in the model. While `paused`, `sync` does nothing.
    """

    filtering = QtCore.Signal(bool)
    """The search for the filter's text began (True) or is done (False)."""

    def __init__(self, log: RingLog, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self._source: RingLog | Snapshot = log
        self._first, self._end = log.first, log.end
        self._needle: Needle | None = None
        self._numbers: array[int] = array("q")  # with a filter: the rows shown
        self._found: array[int] = array("q")  # found, not announced yet
        self._searched = 0  # with a filter: the first row not searched yet
        self._paused = self._held = False
        self._search = Slices(self)
        self._search.finished.connect(self._on_searched)

    # -- what it shows ----------------------------------------------------------------------------------

    @property
    def log(self) -> RingLog:
        """The log behind it."""
        return self._log

    @property
    def end(self) -> int:
        """One more than the number of the last log row that has been taken in, shown or filtered out."""
        return self._end

    def number_at(self, index: int) -> int:
        """Return the log's number of the row shown at `index`."""
        return self._first + index if self._needle is None else self._numbers[index]

    def row_at(self, index: int) -> Row | None:
        """Return the row shown at `index`; None when the log has let it go since the last `sync`."""
        if not 0 <= index < self.rowCount():
            return None
        return self._source.row(self.number_at(index))

    def numbers(self) -> Sequence[int]:
        """Return the log's numbers of all rows shown, oldest first; a copy that no longer changes."""
        return range(self._first, self._end) if self._needle is None else self._numbers[:]

    def rows_from(self, number: int) -> int:
        """Return how many of the shown rows have that number or a later one."""
        if self._needle is None:
            return max(0, self._end - max(number, self._first))
        return len(self._numbers) - bisect_left(self._numbers, number)

    def snapshot(self) -> Snapshot:
        """Return the rows behind the view as they are now, for work that takes a while."""
        return self._source if isinstance(self._source, Snapshot) else self._source.snapshot()

    # -- following the log ------------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether the view stands still; receiving goes on."""
        return self._paused

    def set_paused(self, paused: bool) -> None:
        """Stand still, or catch up."""
        self._paused = paused
        self._pin()
        if not paused:
            self.sync()

    def set_held(self, held: bool) -> None:
        """Keep the rows that are shown although the log lets them go (somebody is reading them), or stop doing so."""
        self._held = held
        self._pin()
        if not held:
            self.sync()

    def _pin(self) -> None:
        if self._paused or self._held:
            if self._source is self._log:
                self._source = self._log.snapshot()
        else:
            self._source = self._log

    def sync(self) -> None:
        """Take in what the log has received since, and let go what it has let go."""
        if self._paused:
            return
        log = self._log
        if isinstance(self._source, Snapshot):
            source = self._source
            if len(source) >= _HELD_TIMES * log.max_rows:
                return
            later = log.snapshot()
            if later.first > source.end or later.end < source.end:
                return  # it ran on too far to join up: the view stays as it is until it follows again
            self._source = source.extended(later)
            first, end = self._source.first, self._source.end
        else:
            first, end = log.span()
        self._let_go(first)
        if self._needle is None:
            self._take_in(first, end)
        else:
            self._end = max(self._end, end)
            if not self._search.running and self._searched < end:
                self._search.start(self._searching(self._needle))

    def _let_go(self, first: int) -> None:
        if self._needle is None:
            gone = min(max(first - self._first, 0), self._end - self._first)
        else:
            gone = bisect_left(self._numbers, first)
        if gone:
            self.beginRemoveRows(QtCore.QModelIndex(), 0, gone - 1)
            if self._needle is None:
                self._first += gone
            else:
                del self._numbers[:gone]
            self.endRemoveRows()

    def _take_in(self, first: int, end: int) -> None:
        if self._first < first:  # everything shown was let go, and rows that were never shown too
            self._first = self._end = first
        shown = self._end - self._first
        if end > self._end:
            self.beginInsertRows(QtCore.QModelIndex(), shown, end - self._first - 1)
            self._end = end
            self.endInsertRows()

    # -- filtering --------------------------------------------------------------------------------------

    @property
    def filter_text(self) -> str:
        """What the shown rows contain; empty for all rows."""
        return "" if self._needle is None else self._needle.text

    def set_filter(self, text: str) -> None:
        """Show the rows that contain `text`: found ones appear as the search goes on. Empty: show all."""
        if text == self.filter_text:
            return
        self._search.cancel()
        self.beginResetModel()
        self._numbers, self._found = array("q"), array("q")
        self._needle = Needle(text) if text else None
        source = self._source
        self._first = self._searched = source.first
        self._end = source.end
        self.endResetModel()
        if self._needle is not None:
            self.filtering.emit(True)
            self._search.start(self._searching(self._needle))

    def _searching(self, needle: Needle) -> Iterator[None]:
        """Search the rows not searched yet, a millisecond or two at a time.

        What was found is announced thirty times a second: each time the view is drawn, which takes longer than a slice.
        """
        announced, worked = 0.0, time.perf_counter()
        for block in self._source.blocks(self._searched):
            if block.start + block.count <= self._searched:
                continue
            rows = needle.rows(block, self._searched)
            for number in itertools.chain(rows, (None,)):
                if number is not None:
                    self._found.append(number)
                now = time.perf_counter()
                if now - worked > _SLICE_S:
                    if now - announced > _ANNOUNCE_S:
                        self._announce()
                        announced = now
                    yield
                    worked = time.perf_counter()
            self._searched = block.start + block.count
        self._announce()

    def _announce(self) -> None:
        if self._found:
            shown = len(self._numbers)
            self.beginInsertRows(QtCore.QModelIndex(), shown, shown + len(self._found) - 1)
            self._numbers.extend(self._found)
            self._found = array("q")
            self.endInsertRows()

    def _on_searched(self) -> None:
        self.filtering.emit(False)

    # -- QAbstractTableModel ----------------------------------------------------------------------------

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Return how many rows are shown."""
        if parent.isValid():
            return 0
        return self._end - self._first if self._needle is None else len(self._numbers)

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: QtCore.Qt.Orientation, role: int = _DISPLAY
    ) -> Any:
        """Return a column's title and its alignment."""
        if orientation != QtCore.Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == _DISPLAY:
            return COLUMNS[section]
        return _RIGHT if role == _ALIGNMENT and section == 4 else None

    def data(self, index: QtCore.QModelIndex, role: int = _DISPLAY) -> Any:
        """Return a cell's text, its tool tip (the message's first 2,000 characters) or its alignment."""
        if role == _ALIGNMENT:
            return _RIGHT if index.column() == 4 else None
        if role not in (_DISPLAY, _TOOL_TIP) or not index.isValid():
            return None
        row = self.row_at(index.row())
        if row is None:
            return ""
        if role == _TOOL_TIP:
            whole = {1: row.client, 2: row.channel, 3: row.content_type}.get(index.column())
            return whole or self.tool_tip(row)
        return cell_text(row, index.column())

    def tool_tip(self, row: Row) -> str:
        """Return what is worth knowing of a row and does not fit into its line."""
        if row.event is not None:
            return row.text
        if row.message is None:
            return f"{row.text}\n(the payload of {row.size:,} bytes was let go to keep the log within its limit)"
        return row.message.preview(_TOOL_TIP_CHARS)


def cell_text(row: Row, column: int) -> str:
    """Return the text of a row in one of `COLUMNS`."""
    if column == 0:
        return clock_text(row.time)
    if column == 1:
        return row.client
    if column == 2:
        return row.channel
    if column == 3:
        return short_type(row.content_type) if row.event is None else row.event
    if column == 4:
        return human_bytes(row.size) if row.event is None else ""
    return row.text
