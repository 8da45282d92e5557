"""`RowPainter`: draws rows of the log into a view, in as few calls into Qt as it can."""

from __future__ import annotations

import weakref
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.blocks import Row
from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.icons import AMBER, RED, mixed, tinted
from hdaemon_panel.log_model import cell_text
from hdaemon_panel.row_errors import RowErrors

__all__ = ["RowPainter"]

_RIGHT, _MIDDLE = QtCore.Qt.TextElideMode.ElideRight, QtCore.Qt.TextElideMode.ElideMiddle
"""Channels are cut in the middle: their beginnings are alike, and their ends say which it is."""


class RowPainter:
    """Draws the rows of one view, in its palette and under its header.

    Args:
        view: whose viewport is drawn into.
        header: says where each column is.

    Attributes:
        height: of a row, in pixels.
        margin: left and right of a cell's text, in pixels.
        metrics, fixed_metrics: of the view's font, and of the font of messages, where every character is as wide.
    """

    def __init__(self, view: QtWidgets.QAbstractItemView, header: QtWidgets.QHeaderView) -> None:
        # Weakly: in a cycle the view would be left to the garbage collector, which may run on another thread.
        self._view: Any = weakref.proxy(view)
        self._header = header
        self._fits: dict[tuple[str, int], tuple[str, int]] = {}
        self.restyle()

    def restyle(self) -> None:
        """Take over the view's font and style."""
        view = self._view
        self._fits.clear()
        self._font = view.font()
        self.metrics = view.fontMetrics()
        self._fixed = fixed_font(self._font)
        self.fixed_metrics = QtGui.QFontMetrics(self._fixed)
        # In fractions of a pixel, over many characters: rounded, the error grows with the line.
        self._fixed_advance = QtGui.QFontMetricsF(self._fixed).horizontalAdvance("x" * 100) / 100 or 1.0
        # The header indents its titles by this much; the cells below are indented alike.
        header_margin = view.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_HeaderMargin, None, self._header)
        self.margin: int = 1 + header_margin
        tallest = max(self.metrics.height(), self.fixed_metrics.height())
        self.height: int = tallest + max(2, self.metrics.height() // 6)

    def paint(self, painter: QtGui.QPainter, rows: list[tuple[int, int, Row]], errors: RowErrors) -> None:
        """Draw rows, each given with its index in the model and its upper edge, column by column.

        Rows that `errors` knows of show that in place of what they hold.

        Every call into Qt costs microseconds, and while lines flood in also a turn at the interpreter's lock: so fonts
        and pens change once a column and not once a cell, and texts are measured only where they may be too long.
        """
        view = self._view
        role = QtGui.QPalette.ColorRole
        palette, width = view.palette(), view.viewport().width()
        text, base = palette.color(role.Text), palette.color(role.Base)
        faint = mixed(text, base, 0.45)
        marked = {"refused": tinted(palette, AMBER), "error": tinted(palette, RED, 0.7)}
        selection, stripe = view.selectionModel(), palette.color(role.AlternateBase)
        selected: set[int] = set()
        if selection.hasSelection():
            selected = {top for index, top, _ in rows if selection.isRowSelected(index, QtCore.QModelIndex())}
        for _, top, row in rows:
            if top in selected:
                painter.fillRect(0, top, width, self.height, palette.color(role.Highlight))
            elif row.number % 2:
                painter.fillRect(0, top, width, self.height, stripe)

        plain = [(top, row) for _, top, row in rows if top not in selected]
        chosen = [(top, row) for _, top, row in rows if top in selected]
        self._names(painter, plain, faint)
        self._messages(painter, plain, text, faint, marked, errors)
        if chosen:
            color = palette.color(role.HighlightedText)
            self._names(painter, chosen, color)
            self._messages(painter, chosen, color, color, {}, errors)
        current = view.currentIndex().row()
        if view.hasFocus():
            painter.setPen(palette.color(role.Highlight))
            for index, top, _ in rows:
                if index == current:
                    painter.drawRect(0, top, width - 1, self.height - 1)

    def _names(self, painter: QtGui.QPainter, rows: list[tuple[int, Row]], color: QtGui.QColor) -> None:
        """Draw every column but the message."""
        painter.setFont(self._font)
        painter.setPen(color)
        rise = (self.height + self.metrics.ascent() - self.metrics.descent()) // 2
        for column in range(5):
            if self._header.isSectionHidden(column):
                continue
            courtesy.ask()  # again: an asking ends by itself, and a frame that takes longer than it needs it most
            left = self._header.sectionViewportPosition(column) + self.margin
            room = self._header.sectionSize(column) - 2 * self.margin
            for top, row in rows:
                text = cell_text(row, column)
                if column == 0:  # always new, and as wide as the column was made for
                    painter.drawText(left, top + rise, text)
                    continue
                text, advance = self._fitted(text, room, _MIDDLE if column == 2 else _RIGHT)
                painter.drawText(left + room - advance if column == 4 else left, top + rise, text)

    def _fitted(self, text: str, room: int, mode: QtCore.Qt.TextElideMode) -> tuple[str, int]:
        """Return `text`, cut to `room` pixels, and its width; remembered, as the same few texts fill the columns."""
        key = (text, room)
        found = self._fits.get(key)
        if found is None:
            if len(self._fits) > 2000:
                self._fits.clear()
            shown = self.metrics.elidedText(text, mode, room)
            found = self._fits[key] = (shown, self.metrics.horizontalAdvance(shown))
        return found

    def _messages(
        self,
        painter: QtGui.QPainter,
        rows: list[tuple[int, Row]],
        color: QtGui.QColor,
        faint: QtGui.QColor,
        marked: dict[str, QtGui.QColor],
        errors: RowErrors,
    ) -> None:
        """Draw the messages in the fixed font, and what happened in the other one."""
        view = self._view
        left = self._header.sectionViewportPosition(5) + self.margin
        room = view.viewport().width() - left - self.margin
        painter.setFont(self._fixed)
        painter.setPen(color)
        metrics = self.fixed_metrics
        rise = (self.height + metrics.ascent() - metrics.descent()) // 2
        fits = int(room / self._fixed_advance)
        plain, others = [], []
        for top, row in rows:
            error = errors.get(row)
            if row.event is not None or row.gone or error is not None:
                others.append((top, row, error))
            else:
                plain.append((top, row.text))
        for top, text in plain:
            courtesy.ask()
            if text.isascii():  # every character is as wide as the next
                if len(text) > fits:
                    text = text[: max(0, fits - 1)] + "…"
            else:
                text = metrics.elidedText(text[: 4 * fits + 4], QtCore.Qt.TextElideMode.ElideRight, room)
            painter.drawText(left, top + rise, text)
        painter.setFont(self._font)
        metrics = self.metrics
        rise = (self.height + metrics.ascent() - metrics.descent()) // 2
        for top, row, error in others:
            painter.setPen(marked.get("error" if error is not None else row.event or "", faint))
            text = row.text if error is None else error
            if row.event is not None and self._header.isSectionHidden(3):
                text = f"{row.event}: {row.text}"
            painter.drawText(
                left, top + rise, metrics.elidedText(text[:1000], QtCore.Qt.TextElideMode.ElideRight, room)
            )
