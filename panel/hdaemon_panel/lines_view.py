"""`LinesView`: the view of a `LinesModel`: columns that share the width, levels that open and close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.icons import mixed
from hdaemon_panel.lines_model import LinesModel
from hdaemon_panel.rows_view import RowsView

__all__ = ["LinesView"]

_LEAST_NAME_CHARS = 8


class LinesView(RowsView):
    """Draws lines, column by column. Arrows move, open and close; Enter or a double click activates.

    Args:
        model: what is shown.
        widest: the longest text expected in each column of a fixed width; the others share what is left.
        narrow: columns in the order in which they go where there is no room.
        name_chars: characters that the first column has at least and at the most.
        parent: the owner.
    """

    line_activated = QtCore.Signal(int)
    """Enter was pressed on a row, or it was double-clicked."""

    REST_CHARS = 18
    """Characters that must be left for the columns that are not of a fixed width, besides the first."""

    TREE = True
    """Whether the first column leaves room for arrows."""

    NAME_SHARE = 0.3
    """How much of the width the first column takes, within its limits."""

    def __init__(
        self,
        model: LinesModel,
        widest: Mapping[int, str],
        narrow: tuple[int, ...] = (),
        name_chars: tuple[int, int] = (16, 40),
        parent: QtWidgets.QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._widest, self._narrow, self._name_chars = dict(widest), narrow, name_chars
        self._fits: dict[tuple[str, int], tuple[str, int]] = {}
        self._sized = False  # somebody has dragged a column: the widths are theirs
        self._fitting = False
        self.lines = model
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.header.setStretchLastSection(len(model.COLUMNS) - 1 not in self._widest)
        self.restyle()
        self.setModel(model)
        model.rowsRemoved.connect(self.update_range)
        self.header.sectionResized.connect(self._on_dragged)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)
        self.fit_columns()

    def dataChanged(self, first: QtCore.QModelIndex, last: QtCore.QModelIndex, roles: object = ()) -> None:  # noqa: N802
        """Draw the rows that have changed, when they can be seen."""
        del roles
        rows = self.visible_rows()
        top, bottom = max(first.row(), rows.start), min(last.row(), rows.stop - 1)
        if top <= bottom:
            height = self.row_height
            area = QtCore.QRect(0, (top - rows.start) * height, self.viewport().width(), (bottom - top + 1) * height)
            self.viewport().update(area)

    # -- look -------------------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take over another font or style."""
        self._fits = {}
        self._fixed = fixed_font(self.font())
        self._fixed_metrics = QtGui.QFontMetrics(self._fixed)
        # The header indents its titles by this much; the cells below are indented alike.
        self._margin = 1 + self.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_HeaderMargin, None, self.header)
        height = max(self.fontMetrics().height(), self._fixed_metrics.height())
        self.row_height = height + max(3, height // 5)
        self._indent = max(self.fontMetrics().height() * 7 // 8, 12)

    def fit_columns(self) -> None:
        """Share the width: columns of a fixed width get it, or go; the others get the rest."""
        if self.model() is None or self._sized:
            return
        self._fitting = True
        metrics, header, titles = self.fontMetrics(), self.header, self.lines.COLUMNS
        char, width = metrics.averageCharWidth(), self.viewport().width()
        needed = {}
        for column, widest in self._widest.items():
            own = self._fixed_metrics if column in self.lines.FIXED else metrics
            text = max(own.horizontalAdvance(widest), metrics.horizontalAdvance(titles[column]))
            needed[column] = text + 4 * self._margin
        least, most = self._name_chars
        others = [column for column in range(1, len(titles)) if column not in self._widest]
        for column in self._narrow:
            rest = self.REST_CHARS if others else 0
            hide = sum(needed.values()) > width - (least + rest) * char
            header.setSectionHidden(column, hide)
            if hide and column in others:
                others.remove(column)
            elif hide:
                del needed[column]
        shared = width - sum(needed.values())
        needed[0] = min(max(int(width * self.NAME_SHARE), least * char), most * char)
        if others:
            needed[0] = max(min(needed[0], shared - self.REST_CHARS * char), least * char)
        for column in others:
            needed[column] = (shared - needed[0]) // len(others)
        if not others:
            needed[0] = shared
        for column, size in needed.items():
            header.resizeSection(column, max(size, 2 * char))
        self._fitting = False

    def _on_dragged(self, *_: int) -> None:
        # A section also changes its size when another is hidden: only a hand on the header counts.
        if not self._fitting and QtWidgets.QApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton:
            self._sized = True

    # -- opening and closing ----------------------------------------------------------------------------

    def _arrow(self, row: int, line: Any) -> QtCore.QRect:
        """Return where the arrow of a line is."""
        least = _LEAST_NAME_CHARS * self.fontMetrics().averageCharWidth() + self._indent
        most = max(self.header.sectionSize(0) - 2 * self._margin - least, 0)
        left = self.header.sectionViewportPosition(0) + min(self.lines.depth(line) * self._indent, most)
        top = (row - self.verticalScrollBar().value()) * self.row_height
        return QtCore.QRect(left, top, self._indent + self._margin, self.row_height)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Open or close a level by its arrow; else select."""
        row = self.indexAt(event.pos()).row()
        line = self.lines.line(row)
        if line is not None and self.lines.has_children(line) and self._arrow(row, line).contains(event.pos()):
            self.lines.set_expanded(row, not self.lines.is_open(row))
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Activate the row; on the arrow, open or close."""
        row = self.indexAt(event.pos()).row()
        line = self.lines.line(row)
        if line is not None and self.lines.has_children(line) and self._arrow(row, line).contains(event.pos()):
            self.mousePressEvent(event)
        elif line is not None:
            self.activate(row)

    def activate(self, row: int) -> None:
        """Open or close the line of a row, and tell that it was activated."""
        line = self.lines.line(row)
        if line is None:
            return
        if self.lines.has_children(line):
            self.lines.set_expanded(row, not self.lines.is_open(row))
        self.line_activated.emit(row)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Open and close with the arrows, as trees do; Enter activates."""
        key, row = event.key(), self.currentIndex().row()
        line = self.lines.line(row)
        if line is None:
            super().keyPressEvent(event)
        elif key == QtCore.Qt.Key.Key_Right:
            if self.lines.has_children(line) and not self.lines.is_open(row):
                self.lines.set_expanded(row, True)
            elif self.lines.has_children(line):
                self.setCurrentIndex(self.lines.index(row + 1, 0))
        elif key == QtCore.Qt.Key.Key_Left:
            if self.lines.is_open(row):
                self.lines.set_expanded(row, False)
            elif self.lines.parent_row(row) >= 0:
                self.setCurrentIndex(self.lines.index(self.lines.parent_row(row), 0))
        elif key in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter):
            self.activate(row)
        else:
            super().keyPressEvent(event)

    # -- painting ---------------------------------------------------------------------------------------

    def paint_rows(self, painter: QtGui.QPainter, first: int, last: int) -> None:
        """Draw the lines column by column: fonts change once a column, and pens where they must."""
        role = QtGui.QPalette.ColorRole
        palette, width, height = self.palette(), self.viewport().width(), self.row_height
        selected = {index.row() for index in self.selectionModel().selectedRows()}
        shown = [(row, self.lines.line(row), row in selected) for row in range(first, last + 1)]
        for row, _, chosen in shown:
            if chosen:
                painter.fillRect(0, (row - first) * height, width, height, palette.color(role.Highlight))
            elif row % 2:
                painter.fillRect(0, (row - first) * height, width, height, palette.color(role.AlternateBase))
        self._arrows(painter, shown)
        for column in range(len(self.lines.COLUMNS)):
            if not self.header.isSectionHidden(column):
                self._column(painter, shown, column, first)
        current = self.currentIndex().row()
        if self.hasFocus() and first <= current <= last:
            painter.setPen(palette.color(role.Highlight))
            painter.drawRect(0, (current - first) * height, width - 1, height - 1)

    def _arrows(self, painter: QtGui.QPainter, shown: list[tuple[int, Any, bool]]) -> None:
        state = QtWidgets.QStyle.StateFlag
        option = QtWidgets.QStyleOption()
        option.palette = self.palette()
        for row, line, chosen in shown:
            if self.lines.has_children(line):
                option.rect = self._arrow(row, line)
                flags = state.State_Children | state.State_Enabled
                if self.lines.is_open(row):
                    flags |= state.State_Open
                option.state = flags | state.State_Selected if chosen else flags
                branch = QtWidgets.QStyle.PrimitiveElement.PE_IndicatorBranch
                self.style().drawPrimitive(branch, option, painter, self)

    def _column(self, painter: QtGui.QPainter, shown: list[tuple[int, Any, bool]], column: int, first: int) -> None:
        role, lines = QtGui.QPalette.ColorRole, self.lines
        palette, height, margin = self.palette(), self.row_height, self._margin
        text, on = palette.color(role.Text), palette.color(role.HighlightedText)
        pale = mixed(text, palette.color(role.Base), 0.25 if column in lines.FIXED else 0.45)
        fixed, right = column in lines.FIXED, column in lines.NUMBERS
        metrics = self._fixed_metrics if fixed else self.fontMetrics()
        painter.setFont(self._fixed if fixed else self.font())
        left = self.header.sectionViewportPosition(column) + margin
        room = self.header.sectionSize(column) - 2 * margin
        rise = (height + metrics.ascent() - metrics.descent()) // 2
        least = _LEAST_NAME_CHARS * metrics.averageCharWidth()
        pen = None
        for row, line, chosen in shown:
            cell = lines.cells(line)[column]
            if not cell:
                continue
            wanted = on if chosen else pale if lines.faint(line, column) else text
            if wanted is not pen:
                painter.setPen(wanted)
                pen = wanted
            indent = 0
            if column == 0 and self.TREE:  # however deep: some letters of the name are always seen
                indent = min((lines.depth(line) + 1) * self._indent + margin, max(room - least, 0))
            cut, advance = self._fitted(cell, room - indent, metrics, fixed)
            painter.drawText(left + (room - advance if right else indent), (row - first) * height + rise, cut)

    def _fitted(self, text: str, room: int, metrics: QtGui.QFontMetrics, fixed: bool) -> tuple[str, int]:
        """Return `text`, cut to `room` pixels, and its width; short ones are remembered, as they come again."""
        key = (text, -room if fixed else room)
        found = self._fits.get(key)
        if found is None:
            if len(self._fits) > 2000:
                self._fits.clear()
            text = text[: 4 * room // max(metrics.averageCharWidth(), 1) + 4]
            cut = metrics.elidedText(text, QtCore.Qt.TextElideMode.ElideRight, room)
            found = self._fits[key] = (cut, metrics.horizontalAdvance(cut))
        return found
