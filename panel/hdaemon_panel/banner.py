"""`ExposedBanner`: says in red that other machines can reach the server."""

from __future__ import annotations

from qtpy import QtGui, QtWidgets

from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.link import ServerLink

__all__ = ["ExposedBanner"]

_GROUND, _INK = QtGui.QColor(0xA8, 0x1E, 0x1E), QtGui.QColor(0xFF, 0xFF, 0xFF)
"""White on it has a contrast of 7.5, on a light panel and on a dark one."""


class ExposedBanner(QtWidgets.QFrame):
    """One line, shown while a server listens on an address that is not this machine's alone. Never shows the token."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.setObjectName("exposedBanner")
        self.setAutoFillBackground(True)
        palette = QtGui.QPalette(self.palette())
        palette.setColor(QtGui.QPalette.ColorRole.Window, _GROUND)
        palette.setColor(QtGui.QPalette.ColorRole.WindowText, _INK)
        self.setPalette(palette)
        self.label = ElidedLabel(self)
        self.label.setObjectName("exposedLabel")
        self.label.setForegroundRole(QtGui.QPalette.ColorRole.WindowText)
        space = self.fontMetrics().averageCharWidth()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(space, space // 2, space, space // 2)
        layout.addWidget(self.label)
        self.hide()

    def sync(self) -> None:
        """Look again."""
        server = self._link.server
        exposed = server is not None and self._link.state == "listening" and server.exposed
        if exposed and server is not None:
            wrong = server.wrong_tokens
            tried = f"{wrong:,} wrong token{'s were' if wrong != 1 else ' was'} shown" if wrong else ""
            text = "Other machines can reach this server, with its token"
            self.label.set_texts(
                f"{text}; {tried}" if tried else text,
                f"Reachable from other machines; {tried}" if tried else "Reachable from other machines",
                f"Reachable; {tried}" if tried else "Reachable",
            )
        self.setVisible(exposed)
