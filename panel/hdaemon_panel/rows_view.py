"""`RowsView`: a table whose rows are all alike in height, which paints the visible ones itself.

A view of Qt asks its model some thousand times for one repaint, and lays out every row it has when one comes: longer
than a frame while lines flood in or with thousands of rows (docs/performance.md). This one draws them in one go;
selection, keyboard and scrolling are QAbstractItemView's.
"""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.server.turns import turns
from hdaemon_panel.icons import mixed

__all__ = ["RowsView"]

_Hint = QtWidgets.QAbstractItemView.ScrollHint
_Move = QtWidgets.QAbstractItemView.CursorAction


class RowsView(QtWidgets.QAbstractItemView):
    """The base of the log's and the channels' tables.

    Who derives from it sets `row_height` before the first event and draws in `paint_rows`.
    """

    row_height = 16

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._moving = False  # the view itself moves the scroll bar
        self._hint = ""
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.header = QtWidgets.QHeaderView(QtCore.Qt.Orientation.Horizontal, self)
        self.header.setStretchLastSection(True)
        self.header.setHighlightSections(False)
        self.header.setDefaultAlignment(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.header.sectionResized.connect(self._on_section_resized)
        self.header.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)

    # -- for those who derive from it -------------------------------------------------------------------

    def paint_rows(self, painter: QtGui.QPainter, first: int, last: int) -> None:
        """Draw the rows `first` to `last` of the model, the first one at the upper edge."""
        raise NotImplementedError

    def fit_columns(self) -> None:
        """Show the columns that the width has room for; called when it changes."""

    def restyle(self) -> None:
        """Take over another font or style; called when it changes."""

    # -- model ------------------------------------------------------------------------------------------

    def setModel(self, model: QtCore.QAbstractItemModel) -> None:  # noqa: N802
        """Show `model`, a table."""
        super().setModel(model)
        self.header.setModel(model)
        model.modelReset.connect(self.update_range)

    def rowsInserted(self, parent: QtCore.QModelIndex, start: int, end: int) -> None:  # noqa: N802
        """Make room for new rows."""
        del parent, start, end  # all rows are alike: only how many there are matters
        self.update_range()

    def count(self) -> int:
        """Return how many rows there are."""
        model = self.model()
        return 0 if model is None else model.rowCount()

    def set_hint(self, text: str) -> None:
        """Show `text` while there are no rows."""
        if text != self._hint:
            self._hint = text
            self.viewport().update()

    # -- geometry ---------------------------------------------------------------------------------------

    def page(self) -> int:
        """Return how many whole rows fit."""
        return max(1, int(self.viewport().height() // self.row_height))

    def update_range(self) -> None:
        """Fit the scroll bar to the number of rows."""
        bar = self.verticalScrollBar()
        self._moving = True
        bar.setPageStep(self.page())
        bar.setRange(0, max(0, self.count() - self.page()))
        self._moving = False
        self.viewport().update()

    def visible_rows(self) -> range:
        """Return the rows that can be seen."""
        first = int(self.verticalScrollBar().value())
        return range(first, min(self.count(), first + self.viewport().height() // self.row_height + 1))

    def updateGeometries(self) -> None:  # noqa: N802
        """Lay out the header above the rows, and the scroll bar's range."""
        height = self.header.sizeHint().height()
        self.setViewportMargins(0, height, 0, 0)
        area = self.viewport().geometry()
        self.header.setGeometry(area.left(), area.top() - height, area.width(), height)
        self.fit_columns()
        self.update_range()
        super().updateGeometries()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Lay everything out anew."""
        super().resizeEvent(event)
        self.updateGeometries()

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another font or style."""
        super().changeEvent(event)
        if event.type() in (QtCore.QEvent.Type.FontChange, QtCore.QEvent.Type.StyleChange) and hasattr(self, "header"):
            self.restyle()
            self.updateGeometries()

    def _on_section_resized(self, *_: int) -> None:
        self.viewport().update()

    def visualRect(self, index: QtCore.QModelIndex) -> QtCore.QRect:  # noqa: N802
        """Return where a cell is in the viewport; an empty rectangle for none."""
        if not index.isValid():
            return QtCore.QRect()
        top = (index.row() - self.verticalScrollBar().value()) * self.row_height
        left = self.header.sectionViewportPosition(index.column())
        return QtCore.QRect(left, top, self.header.sectionSize(index.column()), self.row_height)

    def indexAt(self, point: QtCore.QPoint) -> QtCore.QModelIndex:  # noqa: N802
        """Return the cell at a point of the viewport."""
        model = self.model()
        row = self.verticalScrollBar().value() + point.y() // self.row_height
        column = self.header.logicalIndexAt(point.x())
        if model is None or point.y() < 0 or not 0 <= row < self.count() or column < 0:
            return QtCore.QModelIndex()
        return model.index(row, column)

    def scrollTo(
        self, index: QtCore.QModelIndex, hint: QtWidgets.QAbstractItemView.ScrollHint = _Hint.EnsureVisible
    ) -> None:  # noqa: N802
        """Scroll until the row of `index` can be seen."""
        if not index.isValid():
            return
        bar, row, page = self.verticalScrollBar(), index.row(), self.page()
        if hint == _Hint.PositionAtTop or (hint == _Hint.EnsureVisible and row < bar.value()):
            bar.setValue(row)
        elif hint == _Hint.PositionAtCenter:
            bar.setValue(row - page // 2)
        elif hint == _Hint.PositionAtBottom or row >= bar.value() + page:
            bar.setValue(row - page + 1)

    def horizontalOffset(self) -> int:  # noqa: N802
        """Return 0: the columns take the width that there is, so there is nothing to scroll to."""
        return 0

    def verticalOffset(self) -> int:  # noqa: N802
        """Return how far the rows are scrolled, in pixels."""
        return int(self.verticalScrollBar().value() * self.row_height)

    def isIndexHidden(self, index: QtCore.QModelIndex) -> bool:  # noqa: N802
        """Return whether a cell is in a hidden column."""
        return bool(self.header.isSectionHidden(index.column()))

    # -- keyboard and selection -------------------------------------------------------------------------

    def moveCursor(
        self, action: QtWidgets.QAbstractItemView.CursorAction, modifiers: QtCore.Qt.KeyboardModifiers
    ) -> QtCore.QModelIndex:  # noqa: N802
        """Return the cell that a key leads to."""
        del modifiers
        rows, model = self.count(), self.model()
        if model is None or rows == 0:
            return QtCore.QModelIndex()
        current = self.currentIndex()
        if not current.isValid():
            backwards = (_Move.MoveUp, _Move.MovePageUp, _Move.MoveEnd, _Move.MovePrevious)
            row = min(self.verticalScrollBar().value() + self.page(), rows) - 1
            return model.index(row if action in backwards else int(self.verticalScrollBar().value()), 0)
        steps = {
            _Move.MoveUp: -1,
            _Move.MovePrevious: -1,
            _Move.MoveDown: 1,
            _Move.MoveNext: 1,
            _Move.MovePageUp: -self.page(),
            _Move.MovePageDown: self.page(),
            _Move.MoveHome: -rows,
            _Move.MoveEnd: rows,
        }
        return model.index(min(max(current.row() + steps.get(action, 0), 0), rows - 1), current.column())

    def setSelection(  # noqa: N802
        self, rect: QtCore.QRect, command: QtCore.QItemSelectionModel.SelectionFlags
    ) -> None:
        """Select the rows that `rect` touches."""
        model, rows = self.model(), self.count()
        if model is None or rows == 0:
            return
        top = self.verticalScrollBar().value()
        rect = rect.normalized()
        first = max(top + rect.top() // self.row_height, 0)
        last = min(top + rect.bottom() // self.row_height, rows - 1)
        selection = QtCore.QItemSelection()
        if first <= last:
            selection.select(model.index(first, 0), model.index(last, model.columnCount() - 1))
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

    def selectionChanged(  # noqa: N802
        self, selected: QtCore.QItemSelection, deselected: QtCore.QItemSelection
    ) -> None:
        """Draw the selection anew."""
        super().selectionChanged(selected, deselected)
        self.viewport().update()

    def selected_rows(self) -> list[tuple[int, int]]:
        """Return the selected rows as ranges (first, last) of the model's rows, in order."""
        return sorted((part.top(), part.bottom()) for part in self.selectionModel().selection())

    # -- painting ---------------------------------------------------------------------------------------

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw the rows in sight, or the hint where there are none."""
        courtesy.ask()
        painter = QtGui.QPainter(self.viewport())
        rows = self.visible_rows()
        if rows:
            self.paint_rows(painter, rows[0], rows[-1])
        else:
            self._paint_hint(painter)
        painter.end()
        courtesy.done()
        turns().worked()

    def _paint_hint(self, painter: QtGui.QPainter) -> None:
        palette = self.palette()
        text, base = palette.color(QtGui.QPalette.ColorRole.Text), palette.color(QtGui.QPalette.ColorRole.Base)
        painter.setPen(mixed(text, base, 0.4))
        space = 2 * self.fontMetrics().height()
        area = self.viewport().rect().adjusted(space, space, -space, -space)
        flags = int(QtCore.Qt.AlignmentFlag.AlignCenter) | int(QtCore.Qt.TextFlag.TextWordWrap)
        painter.drawText(area, flags, self._hint)
