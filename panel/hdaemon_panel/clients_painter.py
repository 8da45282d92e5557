"""`ClientsPainter`: draws the rows of the clients' table, in as few calls into Qt as it can."""

from __future__ import annotations

import weakref
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon_panel.clients_model import CLIENT_COLUMNS, DISCONNECT, NUMBERS, ClientsModel
from hdaemon_panel.icons import icon, mixed

__all__ = ["ClientsPainter"]

_MIDDLE = int(QtCore.Qt.AlignmentFlag.AlignVCenter) | int(QtCore.Qt.TextFlag.TextSingleLine)
_LEFT = _MIDDLE | int(QtCore.Qt.AlignmentFlag.AlignLeft)
_RIGHT = _MIDDLE | int(QtCore.Qt.AlignmentFlag.AlignRight)


class ClientsPainter:
    """Draws the rows of one table, whose selection, editors and header stay Qt's.

    Qt's own painting asks the model nine times a cell: 600 calls from Qt into Python and 6 ms for eight clients, and
    while lines flood in as many turns at the interpreter's lock, 20 ms. This takes 80 calls and less than 1 ms.

    Args:
        view: whose viewport is drawn into; it shows a `ClientsModel`.
    """

    def __init__(self, view: QtWidgets.QTableView) -> None:
        # Weakly: in a cycle the view would be left to the garbage collector, which may run on another thread.
        self._view = weakref.ref(view)
        self._margin: int = 1 + view.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_FocusFrameHMargin)

    def paint(self, painter: QtGui.QPainter, model: ClientsModel, widths: list[int]) -> None:
        """Draw what can be seen. Texts are measured only in columns narrower than `widths`, in pixels."""
        view: Any = self._view()
        palette, width, height = view.palette(), view.viewport().width(), view.viewport().height()
        role = QtGui.QPalette.ColorRole
        if not model.rowCount():
            painter.setPen(mixed(palette.color(role.Text), palette.color(role.Base), 0.4))
            painter.drawText(view.viewport().rect(), int(QtCore.Qt.AlignmentFlag.AlignCenter), "No client is connected")
            return
        columns, metrics = self._columns(view, widths), view.fontMetrics()
        selected = {index.row() for index in view.selectionModel().selectedRows()}
        row, row_height = max(view.rowAt(0), 0), view.rowHeight(0)
        top = view.rowViewportPosition(row)
        plain, chosen = palette.color(role.Text), palette.color(role.HighlightedText)
        painter.setPen(plain)
        while row < model.rowCount() and top < height:
            courtesy.ask()  # again, as in `RowPainter`
            ground = role.Highlight if row in selected else role.AlternateBase if row % 2 else None
            if ground is not None:
                painter.fillRect(0, top, width, row_height, palette.color(ground))
            if row in selected:
                painter.setPen(chosen)
            for (column, left, room, narrow), text in zip(columns, model.texts(row), strict=True):
                if column == DISCONNECT:
                    icon("disconnect", palette).paint(painter, left, top, room, row_height)
                elif room > 0:
                    shown = metrics.elidedText(text, QtCore.Qt.TextElideMode.ElideRight, room) if narrow else text
                    flags = _RIGHT if column in NUMBERS else _LEFT
                    painter.drawText(left, top, room, row_height, flags, shown)
            if row in selected:
                painter.setPen(plain)
            row, top = row + 1, top + row_height
        self._frame(painter, view)

    def _columns(self, view: QtWidgets.QTableView, widths: list[int]) -> list[tuple[int, int, int, bool]]:
        """Return each column's number, left edge of the text, room for it, and whether it may be too little.

        A hidden column has no room.
        """
        found = []
        for column in range(len(CLIENT_COLUMNS)):
            pad = 0 if column == DISCONNECT else self._margin
            left, size = view.columnViewportPosition(column), view.columnWidth(column)
            found.append((column, left + pad, size - 2 * pad, size < widths[column]))
        return found

    def _frame(self, painter: QtGui.QPainter, view: QtWidgets.QTableView) -> None:
        """Show where the keyboard is."""
        current = view.currentIndex()
        if current.isValid() and view.hasFocus():
            option = QtWidgets.QStyleOptionFocusRect()
            option.initFrom(view)
            option.rect = view.visualRect(current)
            option.state |= QtWidgets.QStyle.StateFlag.State_KeyboardFocusChange
            option.backgroundColor = view.palette().color(QtGui.QPalette.ColorRole.Base)
            primitive = QtWidgets.QStyle.PrimitiveElement.PE_FrameFocusRect
            view.style().drawPrimitive(primitive, option, painter, view)
