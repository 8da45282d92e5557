"""`LogView`: the log as a table that paints its visible rows straight from the log."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.message import DEFAULT_CHANNEL
from hdaemon_panel.log_model import COLUMNS, LogModel
from hdaemon_panel.log_painter import RowPainter
from hdaemon_panel.row_errors import RowErrors
from hdaemon_panel.rows_view import RowsView

__all__ = ["LogView"]

_WIDEST = ("00:00:00.000", "client-888", "rig/camera/left", "disconnected", "888.8 MB", "")
_NARROW = (3, 4, 2, 1)
"""Columns that go first when the pane is too narrow for the message: type, size, channel, client."""

_NARROW_WITH_CHANNELS = (3, 4, 1, 2)
"""The same where rows have channels: then these say more than the clients' numbers."""

_MESSAGE_CHARS = 26
"""A message column narrower than this many characters makes another column go."""


class LogView(RowsView):
    """The log's table. Follows the newest row until the reader scrolls up or selects."""

    following_changed = QtCore.Signal(bool)
    """The view began (True) or ceased (False) to follow the newest row."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._following = True
        self._narrow = _NARROW
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.errors = RowErrors(self)
        self.errors.found.connect(self.viewport().update)
        self._fit_soon = QtCore.QTimer(self)
        self._fit_soon.setSingleShot(True)
        self._fit_soon.timeout.connect(self.fit_columns)
        self._look = RowPainter(self, self.header)
        self.row_height = self._look.height

    # -- following --------------------------------------------------------------------------------------

    @property
    def following(self) -> bool:
        """Whether the view stays with the newest row."""
        return self._following

    def set_following(self, following: bool) -> None:
        """Stay with the newest row from now on, or stay where it is."""
        if following:
            self._to_end()
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)

    def _to_end(self) -> None:
        self._moving = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self._moving = False

    def _on_scrolled(self, value: int) -> None:
        self.viewport().update()
        if not self._moving:
            self.set_following(value >= self.verticalScrollBar().maximum())

    def selectionChanged(  # noqa: N802
        self, selected: QtCore.QItemSelection, deselected: QtCore.QItemSelection
    ) -> None:
        """Stop following when something is selected: it would move away under the reader's eyes."""
        super().selectionChanged(selected, deselected)
        if not selected.isEmpty() and not self._moving:
            self.set_following(False)

    # -- model ------------------------------------------------------------------------------------------

    def setModel(self, model: QtCore.QAbstractItemModel) -> None:  # noqa: N802
        """Show `model`, a `LogModel`."""
        old = self.model()
        if old is not None:
            old.rowsRemoved.disconnect(self._on_rows_removed)
        super().setModel(model)
        model.rowsRemoved.connect(self._on_rows_removed)
        self._set_widths()
        self.updateGeometries()

    def _on_rows_removed(self, parent: QtCore.QModelIndex, first: int, last: int) -> None:
        """Keep the same rows in sight when older ones go."""
        del parent
        bar = self.verticalScrollBar()
        self._moving = True
        if first == 0 and not self._following:
            bar.setValue(max(0, bar.value() - (last - first + 1)))
        self._moving = False
        self.update_range()

    # -- geometry ---------------------------------------------------------------------------------------

    def _width(self, column: int) -> int:
        advance = self._look.metrics.horizontalAdvance
        return int(max(advance(_WIDEST[column]), advance(COLUMNS[column])) + 3 * self._look.margin)

    def _set_widths(self) -> None:
        for column in range(len(COLUMNS) - 1):
            self.header.resizeSection(column, self._width(column))
        self.fit_columns()

    def fit_columns(self) -> None:
        """Show as many columns as leave the message its room."""
        if self.model() is None:
            return
        room = self.viewport().width() - _MESSAGE_CHARS * self._look.fixed_metrics.averageCharWidth()
        wanted = sum(self._width(column) for column in range(len(COLUMNS) - 1))
        for column in self._narrow:
            hide = wanted > room
            if hide:
                wanted -= self._width(column)
            if self.header.isSectionHidden(column) != hide:
                self.header.setSectionHidden(column, hide)

    def update_range(self) -> None:
        """Fit the scroll bar to the number of rows, and stay at its end while following."""
        super().update_range()
        if self._following:
            self._to_end()

    def restyle(self) -> None:
        """Take over another font or style."""
        if hasattr(self, "_look"):
            self._look.restyle()
            self.row_height = self._look.height
            if self.model() is not None:
                self._set_widths()

    # -- painting ---------------------------------------------------------------------------------------

    def paint_rows(self, painter: QtGui.QPainter, first: int, last: int) -> None:
        """Draw the rows: one look at the log a row, one call for each text, nothing else."""
        model = self.model()
        assert isinstance(model, LogModel)
        height = self.row_height
        rows = [(index, (index - first) * height, model.row_at(index)) for index in range(first, last + 1)]
        present = [(index, top, row) for index, top, row in rows if row is not None]
        self._look.paint(painter, present, self.errors)
        self.errors.want([row for _, _, row in present])
        if self._narrow is _NARROW and any(row.channel not in ("", DEFAULT_CHANNEL) for _, _, row in present):
            self._narrow = _NARROW_WITH_CHANNELS
            self._fit_soon.start()  # not while painting
