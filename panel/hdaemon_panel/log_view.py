"""`LogView`: the log as a table that paints its visible rows itself, straight from the log.

A QTableView asks its model some thousand times for one repaint, which takes longer than a frame while lines flood in
(docs/performance.md); this view asks for one row at a time and draws it. Selection, keyboard and scrolling are
QAbstractItemView's.
"""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon_panel.icons import mixed
from hdaemon_panel.log_model import COLUMNS, LogModel
from hdaemon_panel.log_painter import RowPainter

__all__ = ["LogView"]

_Hint = QtWidgets.QAbstractItemView.ScrollHint
_Move = QtWidgets.QAbstractItemView.CursorAction

_WIDEST = ("00:00:00.000", "client-888", "maya/camera", "application/json", "888.8 MB", "")
_NARROW = (3, 2, 4, 1)
"""Columns that go first when the pane is too narrow for the message: type, channel, size, client."""

_MESSAGE_CHARS = 26
"""A message column narrower than this many characters makes another column go."""


class LogView(QtWidgets.QAbstractItemView):
    """The log's table. Follows the newest row until the reader scrolls up or selects."""

    following_changed = QtCore.Signal(bool)
    """The view began (True) or ceased (False) to follow the newest row."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._following = True
        self._moving = False  # the view itself moves the scroll bar
        self._hint = ""
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.header = QtWidgets.QHeaderView(QtCore.Qt.Orientation.Horizontal, self)
        self.header.setStretchLastSection(True)
        self.header.setHighlightSections(False)
        self.header.setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.header.sectionResized.connect(self._on_section_resized)
        self.header.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self._look = RowPainter(self, self.header)

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

    def set_hint(self, text: str) -> None:
        """Show `text` while there are no rows."""
        if text != self._hint:
            self._hint = text
            self.viewport().update()

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
        self.viewport().update()
        if not selected.isEmpty() and not self._moving:
            self.set_following(False)

    # -- model ------------------------------------------------------------------------------------------

    def setModel(self, model: QtCore.QAbstractItemModel) -> None:  # noqa: N802
        """Show `model`, a `LogModel`."""
        old = self.model()
        if old is not None:
            old.rowsRemoved.disconnect(self._on_rows_removed)
        super().setModel(model)
        self.header.setModel(model)
        model.rowsRemoved.connect(self._on_rows_removed)
        model.modelReset.connect(self._on_reset)
        self._set_widths()
        self.updateGeometries()

    def rowsInserted(self, parent: QtCore.QModelIndex, start: int, end: int) -> None:  # noqa: N802
        """Make room for new rows, and go to them while following."""
        del parent, start, end  # all rows are alike: only how many there are matters
        self._update_range()
        self.viewport().update()

    def _on_rows_removed(self, parent: QtCore.QModelIndex, first: int, last: int) -> None:
        """Keep the same rows in sight when older ones go."""
        del parent
        bar = self.verticalScrollBar()
        self._moving = True
        if first == 0 and not self._following:
            bar.setValue(max(0, bar.value() - (last - first + 1)))
        self._moving = False
        self._update_range()
        self.viewport().update()

    def _on_reset(self) -> None:
        self._update_range()
        self.viewport().update()

    def _rows(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount()

    # -- geometry: every row is as high as the next -----------------------------------------------------

    def _set_widths(self) -> None:
        for column, widest in enumerate(_WIDEST[:-1]):
            width = max(
                self._look.metrics.horizontalAdvance(widest),
                self._look.metrics.horizontalAdvance(COLUMNS[column]),
            )
            self.header.resizeSection(column, width + 3 * self._look.margin)
        self._hide_columns()

    def _hide_columns(self) -> None:
        """Show as many columns as leave the message its room."""
        room = self.viewport().width() - _MESSAGE_CHARS * self._look.fixed_metrics.averageCharWidth()
        wanted = sum(self._look.metrics.horizontalAdvance(widest) + 3 * self._look.margin for widest in _WIDEST[:-1])
        for column in _NARROW:
            hide = wanted > room
            if hide:
                wanted -= self._look.metrics.horizontalAdvance(_WIDEST[column]) + 3 * self._look.margin
            if self.header.isSectionHidden(column) != hide:
                self.header.setSectionHidden(column, hide)

    def _page(self) -> int:
        return max(1, int(self.viewport().height() // self._look.height))

    def _update_range(self) -> None:
        bar = self.verticalScrollBar()
        self._moving = True
        bar.setPageStep(self._page())
        bar.setRange(0, max(0, self._rows() - self._page()))
        self._moving = False
        if self._following:
            self._to_end()

    def updateGeometries(self) -> None:  # noqa: N802
        """Lay out the header above the rows, and the scroll bar's range."""
        height = self.header.sizeHint().height()
        self.setViewportMargins(0, height, 0, 0)
        area = self.viewport().geometry()
        self.header.setGeometry(area.left(), area.top() - height, area.width(), height)
        self._hide_columns()
        self._update_range()
        super().updateGeometries()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Lay everything out anew."""
        super().resizeEvent(event)
        self.updateGeometries()

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another font or style."""
        super().changeEvent(event)
        if event.type() in (QtCore.QEvent.Type.FontChange, QtCore.QEvent.Type.StyleChange) and hasattr(self, "_look"):
            self._look.restyle()
            self._set_widths()
            self.updateGeometries()

    def _on_section_resized(self, *_: int) -> None:
        self.viewport().update()

    def visualRect(self, index: QtCore.QModelIndex) -> QtCore.QRect:  # noqa: N802
        """Return where a cell is in the viewport; an empty rectangle for none."""
        if not index.isValid():
            return QtCore.QRect()
        top = (index.row() - self.verticalScrollBar().value()) * self._look.height
        left = self.header.sectionViewportPosition(index.column())
        return QtCore.QRect(left, top, self.header.sectionSize(index.column()), self._look.height)

    def indexAt(self, point: QtCore.QPoint) -> QtCore.QModelIndex:  # noqa: N802
        """Return the cell at a point of the viewport."""
        model = self.model()
        row = self.verticalScrollBar().value() + point.y() // self._look.height
        column = self.header.logicalIndexAt(point.x())
        if model is None or point.y() < 0 or not 0 <= row < self._rows() or column < 0:
            return QtCore.QModelIndex()
        return model.index(row, column)

    def scrollTo(
        self, index: QtCore.QModelIndex, hint: QtWidgets.QAbstractItemView.ScrollHint = _Hint.EnsureVisible
    ) -> None:  # noqa: N802
        """Scroll until the row of `index` can be seen."""
        if not index.isValid():
            return
        bar, row, page = self.verticalScrollBar(), index.row(), self._page()
        if hint == _Hint.PositionAtTop or (hint == _Hint.EnsureVisible and row < bar.value()):
            bar.setValue(row)
        elif hint == _Hint.PositionAtCenter:
            bar.setValue(row - page // 2)
        elif hint == _Hint.PositionAtBottom or row >= bar.value() + page:
            bar.setValue(row - page + 1)

    def horizontalOffset(self) -> int:  # noqa: N802
        """Return 0: the message takes the width that is left, so there is nothing to scroll to."""
        return 0

    def verticalOffset(self) -> int:  # noqa: N802
        """Return how far the rows are scrolled, in pixels."""
        return int(self.verticalScrollBar().value() * self._look.height)

    def isIndexHidden(self, index: QtCore.QModelIndex) -> bool:  # noqa: N802
        """Return whether a cell is in a hidden column."""
        return bool(self.header.isSectionHidden(index.column()))

    # -- keyboard and selection -------------------------------------------------------------------------

    def moveCursor(
        self, action: QtWidgets.QAbstractItemView.CursorAction, modifiers: QtCore.Qt.KeyboardModifiers
    ) -> QtCore.QModelIndex:  # noqa: N802
        """Return the cell that a key leads to."""
        del modifiers
        rows, model = self._rows(), self.model()
        if model is None or rows == 0:
            return QtCore.QModelIndex()
        current = self.currentIndex()
        if not current.isValid():
            backwards = (_Move.MoveUp, _Move.MovePageUp, _Move.MoveEnd, _Move.MovePrevious)
            row = min(self.verticalScrollBar().value() + self._page(), rows) - 1
            return model.index(row if action in backwards else int(self.verticalScrollBar().value()), 0)
        steps = {
            _Move.MoveUp: -1,
            _Move.MovePrevious: -1,
            _Move.MoveDown: 1,
            _Move.MoveNext: 1,
            _Move.MovePageUp: -self._page(),
            _Move.MovePageDown: self._page(),
            _Move.MoveHome: -rows,
            _Move.MoveEnd: rows,
        }
        return model.index(min(max(current.row() + steps.get(action, 0), 0), rows - 1), current.column())

    def setSelection(  # noqa: N802
        self, rect: QtCore.QRect, command: QtCore.QItemSelectionModel.SelectionFlags
    ) -> None:
        """Select the rows that `rect` touches."""
        model, rows = self.model(), self._rows()
        if model is None or rows == 0:
            return
        top = self.verticalScrollBar().value()
        rect = rect.normalized()
        first = max(top + rect.top() // self._look.height, 0)
        last = min(top + rect.bottom() // self._look.height, rows - 1)
        selection = QtCore.QItemSelection()
        if first <= last:
            selection.select(model.index(first, 0), model.index(last, len(COLUMNS) - 1))
        self.selectionModel().select(selection, command)

    def visualRegionForSelection(self, selection: QtCore.QItemSelection) -> QtGui.QRegion:  # noqa: N802
        """Return the part of the viewport that a selection covers."""
        region = QtGui.QRegion()
        width = self.viewport().width()
        for part in selection:
            top = self.visualRect(part.topLeft()).top()
            bottom = self.visualRect(part.bottomRight()).bottom()
            region += QtCore.QRect(0, top, width, bottom - top + 1)
        return region

    def selected_rows(self) -> list[tuple[int, int]]:
        """Return the selected rows as ranges (first, last) of the model's rows, in order."""
        return sorted((part.top(), part.bottom()) for part in self.selectionModel().selection())

    # -- painting ---------------------------------------------------------------------------------------

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw the rows in sight: one look at the log a row, one call for each text, nothing else."""
        courtesy.ask()
        painter = QtGui.QPainter(self.viewport())
        model, count = self.model(), self._rows()
        if not isinstance(model, LogModel) or count == 0:
            self._paint_hint(painter)
        else:
            first = int(self.verticalScrollBar().value())
            last = min(count - 1, first + self.viewport().height() // self._look.height)
            rows = [(index, model.row_at(index)) for index in range(first, last + 1)]
            height = self._look.height
            self._look.paint(painter, [(i, (i - first) * height, row) for i, row in rows if row is not None])
        painter.end()
        courtesy.done()

    def _paint_hint(self, painter: QtGui.QPainter) -> None:
        palette = self.palette()
        text, base = palette.color(QtGui.QPalette.ColorRole.Text), palette.color(QtGui.QPalette.ColorRole.Base)
        painter.setPen(mixed(text, base, 0.4))
        space = 4 * self._look.margin
        area = self.viewport().rect().adjusted(space, space, -space, -space)
        flags = int(QtCore.Qt.AlignmentFlag.AlignCenter) | int(QtCore.Qt.TextFlag.TextWordWrap)
        painter.drawText(area, flags, self._hint)
