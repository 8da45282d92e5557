"""A label that says less where there is less room."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

__all__ = ["ElidedLabel"]


class ElidedLabel(QtWidgets.QLabel):
    """One line of text; where it does not fit, shorter texts, and where that does not either, an ellipsis.

    The whole text is the label's `text`, its tool tip and its accessible name.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._shorter: tuple[str, ...] = ()
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)

    def set_texts(self, text: str, *shorter: str, accessible: str = "") -> None:
        """Show `text`, or where it does not fit the first of `shorter` that does."""
        if text != self.text() or shorter != self._shorter:
            self._shorter = shorter
            self.setText(text)
            self.setToolTip(text)
            self.setAccessibleName(accessible or text)

    def shown_text(self) -> str:
        """Return the text as it is drawn at the present width."""
        metrics, width = self.fontMetrics(), self.width()
        text = self.text()
        for shorter in self._shorter:
            if metrics.horizontalAdvance(text) > width:
                text = shorter or text
        return str(metrics.elidedText(text, QtCore.Qt.TextElideMode.ElideRight, width))

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw `shown_text`."""
        painter = QtGui.QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment()), self.shown_text())
        painter.end()
