"""`HexView`: bytes in hexadecimal, of any size: only the lines in sight are formatted."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.content import Payload
from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.icons import mixed

__all__ = ["HexView"]

_COPY_LINES = 4096
"""Lines copied at once: 64 KiB of bytes; a file is better for more."""

_CHARACTERS = "".join(chr(code) if 0x20 <= code < 0x7F else "·" for code in range(256))


class HexView(QtWidgets.QAbstractScrollArea):
    """Offset, sixteen bytes (eight or four where it is narrow) and their ASCII characters, a line at a time.

    Arrows and a drag of the mouse select lines; Copy copies them as they are shown.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Bytes in hexadecimal")
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._payload: Payload = b""
        self._anchor = self._current = -1
        self.viewport().setBackgroundRole(QtGui.QPalette.ColorRole.Base)
        self.viewport().setAutoFillBackground(True)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)
        self._restyle()

    def set_payload(self, payload: Payload) -> None:
        """Show these bytes."""
        same = len(payload) == len(self._payload)
        self._payload = payload
        if not same:
            self._anchor = self._current = -1
        self._fit()

    # -- lines ------------------------------------------------------------------------------------------

    @property
    def width_bytes(self) -> int:
        """How many bytes are in a line."""
        return self._per_line

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        return -(-len(self._payload) // self._per_line)

    def line(self, number: int) -> tuple[str, str, str]:
        """Return offset, hexadecimal digits and characters of a line."""
        begin = number * self._per_line
        part = bytes(self._payload[begin : begin + self._per_line])
        half = self._per_line // 2
        digits = part[:half].hex(" ") + ("  " + part[half:].hex(" ") if len(part) > half else "")
        return f"{begin:0{self._digits}x}", digits, "".join(map(_CHARACTERS.__getitem__, part))

    def selected(self) -> range:
        """Return the selected lines."""
        if self._current < 0:
            return range(0)
        return range(min(self._anchor, self._current), max(self._anchor, self._current) + 1)

    def select(self, line: int, extend: bool = False) -> None:
        """Make a line the current one and scroll to it; with `extend`, select from where the selection began."""
        if not self._payload:
            return
        self._current = min(max(line, 0), self.line_count - 1)
        if not extend or self._anchor < 0:
            self._anchor = self._current
        bar, page = self.verticalScrollBar(), max(1, self.viewport().height() // self._height)
        if self._current < bar.value():
            bar.setValue(self._current)
        elif self._current >= bar.value() + page:
            bar.setValue(self._current - page + 1)
        self.viewport().update()

    def selected_text(self) -> str:
        """Return the selected lines as they are shown, 4096 at the most; all from the top when none is selected."""
        lines = self.selected() or range(self.line_count)
        digits = 3 * self._per_line
        rows = (self.line(number) for number in lines[:_COPY_LINES])
        return "\n".join(f"{offset}  {hexed:<{digits}}  {text}" for offset, hexed, text in rows)

    # -- geometry ---------------------------------------------------------------------------------------

    def _restyle(self) -> None:
        self._font = fixed_font(self.font())
        metrics = QtGui.QFontMetrics(self._font)
        self._height = metrics.height() + max(1, metrics.height() // 8)
        self._rise = (self._height + metrics.ascent() - metrics.descent()) // 2
        self._char = QtGui.QFontMetricsF(self._font).horizontalAdvance("0" * 100) / 100
        self._per_line, self._digits = 16, 4

    def _fit(self) -> None:
        room = self.viewport().width() / self._char
        self._digits = max(4, len(f"{len(self._payload):x}"))
        for self._per_line in (16, 8, 4):
            if room >= self._digits + 4 * self._per_line + 5:
                break
        page = max(1, self.viewport().height() // self._height)
        bar = self.verticalScrollBar()
        bar.setPageStep(page)
        bar.setRange(0, max(0, self.line_count - page))
        self.viewport().update()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Fit as many bytes into a line as the width allows."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another font."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.FontChange and hasattr(self, "_payload"):
            self._restyle()
            self._fit()

    # -- input ------------------------------------------------------------------------------------------

    def _line_at(self, event: QtGui.QMouseEvent) -> int:
        return int(self.verticalScrollBar().value() + event.pos().y() // self._height)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Select a line, or up to it with Shift."""
        self.select(self._line_at(event), bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier))

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Select lines by dragging."""
        if event.buttons() & QtCore.Qt.MouseButton.LeftButton:
            self.select(self._line_at(event), extend=True)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Take the end of a drag, which is nobody else's."""
        event.accept()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Move with arrows and pages, select with Shift."""
        key, page = QtCore.Qt.Key, max(1, self.viewport().height() // self._height)
        steps = {
            key.Key_Up: -1,
            key.Key_Down: 1,
            key.Key_PageUp: -page,
            key.Key_PageDown: page,
            key.Key_Home: -self.line_count,
            key.Key_End: self.line_count,
        }
        step = steps.get(event.key())
        if step is None:
            super().keyPressEvent(event)
            return
        current = self._current if self._current >= 0 else int(self.verticalScrollBar().value()) - (step > 0)
        self.select(current + step, bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier))

    # -- painting ---------------------------------------------------------------------------------------

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw the lines in sight."""
        role = QtGui.QPalette.ColorRole
        painter, palette = QtGui.QPainter(self.viewport()), self.palette()
        text, base = palette.color(role.Text), palette.color(role.Base)
        faint, chosen = mixed(text, base, 0.45), palette.color(role.HighlightedText)
        painter.setFont(self._font)
        selected, char = self.selected(), self._char
        at = (char / 2, char * (self._digits + 2.5), char * (self._digits + 4 + 3 * self._per_line))
        first = int(self.verticalScrollBar().value())
        last = min(self.line_count, first + self.viewport().height() // self._height + 1)
        for number in range(first, last):
            top = (number - first) * self._height
            on = number in selected
            if on:
                painter.fillRect(0, top, self.viewport().width(), self._height, palette.color(role.Highlight))
            for left, part, color in zip(at, self.line(number), (faint, text, faint), strict=True):
                painter.setPen(chosen if on else color)
                painter.drawText(QtCore.QPointF(left, top + self._rise), part)
        painter.end()
