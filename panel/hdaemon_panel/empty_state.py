"""`EmptyState`: what a view shows while nothing has come in: how to send something, ready to be copied."""

from __future__ import annotations

import weakref
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.icons import mixed
from hdaemon_panel.link import ServerLink
from hdaemon_panel.rows_view import RowsView
from hdaemon_panel.snippet_actions import SnippetActions
from hdaemon_panel.snippets import curl_snippet

__all__ = ["EmptyState"]


class EmptyState(QtWidgets.QWidget):
    """Lies over the empty rows of a view.

    Args:
        link: the server that would be sent to.
        view: the view; owns this.
        title: what is missing.
    """

    said = QtCore.Signal(str)
    """Something a person should read in the status line."""

    def __init__(self, link: ServerLink, view: RowsView, title: str) -> None:
        super().__init__(view.viewport())
        self._link = link
        self._view: Any = weakref.proxy(view)  # which owns this: else they would be a cycle
        self._title = QtWidgets.QLabel(title, self)
        self._title.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._title.setWordWrap(True)
        self.code = QtWidgets.QLabel(self)
        self.code.setObjectName("snippetLabel")
        self.code.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.code.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.code.setWordWrap(True)
        self.code.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self._snippets = SnippetActions(self, link.target)
        self._snippets.said.connect(self.said)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addStretch(1)
        for name, action in zip(("copyCurlButton", "copyPythonButton"), self._snippets.actions, strict=True):
            button = QtWidgets.QPushButton(action.text(), self)
            button.setObjectName(name)
            button.setToolTip(f"{action.text()}: what sends a first message to this server")
            button.clicked.connect(action.trigger)
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addStretch(1)
        for widget in (self._title, self.code):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addStretch(1)
        layout.setSpacing(self.fontMetrics().height() * 2 // 3)
        below = QtWidgets.QVBoxLayout(view.viewport())
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self)
        self.hide()
        self._tint()

    def sync(self, wanted: bool) -> None:
        """Show or hide it, with the server's address as it is now."""
        target = self._link.target() if wanted and self._view.count() == 0 else None
        if target is not None:
            text = curl_snippet(target)
            if text != self.code.text():
                self.code.setText(text)
        if self.isHidden() != (target is None):
            self.setVisible(target is not None)

    def _tint(self) -> None:
        role = QtGui.QPalette.ColorRole
        palette = self._view.palette()
        faint = QtGui.QPalette(palette)
        for which in (role.WindowText, role.Text):  # a label on a viewport takes the second
            faint.setColor(which, mixed(palette.color(role.Text), palette.color(role.Base), 0.4))
        self._title.setPalette(faint)
        code = QtGui.QPalette(palette)
        code.setColor(role.WindowText, palette.color(role.Text))
        self.code.setPalette(code)
        self.code.setFont(fixed_font(self.font()))

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another palette or font."""
        super().changeEvent(event)
        if event.type() in (QtCore.QEvent.Type.PaletteChange, QtCore.QEvent.Type.FontChange) and hasattr(self, "code"):
            self._tint()
