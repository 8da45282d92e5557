"""`Segment` and `Switch`: a choice of a few, side by side, that shows plainly what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.icons import mixed

__all__ = ["Segment", "Switch"]


class Segment(QtWidgets.QAbstractButton):
    """One part of a switch.

    Drawn here, because styles show a checked push button too faintly for a state that decides where data goes.

    Args:
        text: what it says.
        first, last: whether it is at the left and at the right end of its switch.
        parent: the owner.
        quiet: drawn without the highlight's colour: for a switch that only decides what is shown.
    """

    def __init__(self, text: str, first: bool, last: bool, parent: QtWidgets.QWidget, quiet: bool = False) -> None:
        super().__init__(parent)
        self._first, self._last, self._quiet = first, last, quiet
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return the room of the text and a little around it."""
        metrics = self.fontMetrics()
        around = (2 if self._quiet else 3) * metrics.averageCharWidth()
        return QtCore.QSize(metrics.horizontalAdvance(self.text()) + around, metrics.height() * 3 // 2)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return the same: a word cut short chooses nothing."""
        return self.sizeHint()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw the part, in the highlight's colour when it is chosen."""
        role = QtGui.QPalette.ColorRole
        palette, on = self.palette(), self.isChecked()
        if self._quiet:
            ground = mixed(palette.color(role.Button), palette.color(role.ButtonText), 0.28 if on else 0.0)
            ink = palette.color(role.ButtonText)
            ink = ink if on else mixed(ink, palette.color(role.Button), 0.3)
        else:
            ground = palette.color(role.Highlight if on else role.Button)
            ink = palette.color(role.HighlightedText if on else role.ButtonText)
        if self.underMouse() and not on:
            ground = mixed(ground, palette.color(role.ButtonText), 0.12)
        area = QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        # A rounded rectangle, pushed past the edges where other parts begin, and cut there.
        shape = area.adjusted(0 if self._first else -6, 0, 0 if self._last else 6, 0)
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtGui.QPen(mixed(palette.color(role.Window), palette.color(role.Base), 0.8), 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(shape, 3, 3)
        if self.hasFocus():
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.setPen(QtGui.QPen(ink if on and not self._quiet else palette.color(role.Highlight), 1))
            painter.drawRoundedRect(area.adjusted(2, 2, -2, -2), 2, 2)
        painter.setPen(ink)
        painter.drawText(self.rect(), int(QtCore.Qt.AlignmentFlag.AlignCenter), self.text())
        painter.end()


class Switch(QtWidgets.QWidget):
    """Chooses one of a few views.

    Args:
        choices: object name, text and tool tip of each.
        parent: the owner.
    """

    chosen = QtCore.Signal(int)
    """Somebody chose the part at this index."""

    def __init__(self, choices: Sequence[tuple[str, str, str]], parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._group = QtWidgets.QButtonGroup(self)
        self.parts: list[Segment] = []
        for index, (name, text, tip) in enumerate(choices):
            part = Segment(text, index == 0, index == len(choices) - 1, self, quiet=True)
            part.setObjectName(name)
            part.setToolTip(tip)
            part.setAccessibleName(text)
            part.clicked.connect(self._on_clicked)
            self._group.addButton(part, index)
            self.parts.append(part)
            layout.addWidget(part)
        self.parts[0].setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Fixed, QtWidgets.QSizePolicy.Policy.Fixed)

    @property
    def index(self) -> int:
        """Which part is chosen."""
        return int(self._group.checkedId())

    def choose(self, index: int) -> None:
        """Choose a part; `chosen` is not emitted."""
        self.parts[index].setChecked(True)

    def _on_clicked(self) -> None:
        self.chosen.emit(self.index)
