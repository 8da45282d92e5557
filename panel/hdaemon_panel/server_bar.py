"""`ServerBar`: start and stop, where to listen, the state told plainly, the mode and its lock."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.icons import AMBER, GREEN, RED, icon, mixed, tinted
from hdaemon_panel.link import ServerLink
from hdaemon_panel.segments import Segment

__all__ = ["ServerBar"]


class _Dot(QtWidgets.QWidget):
    """A round light that shows the state by its colour; the label beside it says it in words."""

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self.color = QtGui.QColor()
        size = self.fontMetrics().height() * 2 // 3
        self.setFixedSize(size, size)

    def set_color(self, color: QtGui.QColor) -> None:
        if color != self.color:
            self.color = color
            self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(self.color)
        painter.drawEllipse(QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()


class ServerBar(QtWidgets.QWidget):
    """The upper rows of the panel."""

    start_wanted = QtCore.Signal(str, int)
    """The artist asked for a server at this host and port."""

    settings_wanted = QtCore.Signal()
    """The artist asked for the settings."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.mode = "print"  # what the next server starts with
        self.locked = False
        self.button = QtWidgets.QPushButton("Start", self)
        self.button.setObjectName("startStopButton")
        self.button.clicked.connect(self._on_button)
        width = max(self.button.fontMetrics().horizontalAdvance(text) for text in ("Start", "Stop", "Stopping"))
        self.button.setMinimumWidth(width + 4 * self.button.fontMetrics().averageCharWidth() + 32)
        self.host = QtWidgets.QLineEdit("127.0.0.1", self)
        self.host.setObjectName("hostEdit")
        self.host.setAccessibleName("Host")
        self.host.setToolTip("The address to listen on. 127.0.0.1: only programs on this machine can send")
        self.host.setMinimumWidth(self.host.fontMetrics().horizontalAdvance("127.0.0.1") + 24)
        self.host.returnPressed.connect(self._on_return)
        self.port = QtWidgets.QSpinBox(self)
        self.port.setObjectName("portEdit")
        self.port.setAccessibleName("Port")
        self.port.setToolTip("The port to listen on; when it is in use, the next free one is taken. 0: any free one")
        self.port.setRange(0, 65535)
        self.port.setValue(2000)
        self.port.setButtonSymbols(QtWidgets.QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.port.setFixedWidth(self.port.fontMetrics().horizontalAdvance("65535") + 28)
        self.port.lineEdit().returnPressed.connect(self._on_return)
        self.settings = self._tool("settingsButton", "Settings")
        self.settings.clicked.connect(self.settings_wanted)

        self.dot = _Dot(self)
        self.status = ElidedLabel(self)
        self.status.setObjectName("statusLabel")
        self.print = self._segment("printButton", "Print", True, "Messages are shown and printed, not stored")
        self.evaluate = self._segment(
            "evaluateButton",
            "Evaluate",
            False,
            "Messages are placed in hou.session.dataobject, where nodes read them",
        )
        group = QtWidgets.QButtonGroup(self)
        for button in (self.print, self.evaluate):
            group.addButton(button)
        self.print.setChecked(True)
        group.buttonClicked.connect(self._on_mode)
        self.lock = self._tool(
            "lockButton", "Lock the mode: clients cannot switch it with the words print and evaluate"
        )
        self.lock.setCheckable(True)
        self.lock.clicked.connect(self._on_lock)

        spacing = self.fontMetrics().averageCharWidth()
        upper = QtWidgets.QHBoxLayout()
        upper.setSpacing(spacing)
        upper.addWidget(self.button)
        upper.addWidget(self.host, 1)
        upper.addWidget(self.port)
        upper.addWidget(self.settings)
        modes = QtWidgets.QHBoxLayout()
        modes.setSpacing(0)
        modes.addWidget(self.print)
        modes.addWidget(self.evaluate)
        lower = QtWidgets.QHBoxLayout()
        lower.setSpacing(spacing)
        lower.addWidget(self.dot)
        lower.addWidget(self.status, 1)
        lower.addLayout(modes)
        lower.addWidget(self.lock)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(spacing)
        layout.addLayout(upper)
        layout.addLayout(lower)
        self.sync()

    def _tool(self, name: str, tip: str) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setAutoRaise(True)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        return button

    def _segment(self, name: str, text: str, left: bool, tip: str) -> Segment:
        button = Segment(text, left, not left, self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(f"{text} mode")
        return button

    # -- what the panel calls ---------------------------------------------------------------------------

    def sync(self) -> None:
        """Show the state as it is now."""
        link, server = self._link, self._link.server
        state = link.state
        running = link.running
        self.button.setText({"listening": "Stop", "starting": "Stop", "stopping": "Stopping"}.get(state, "Start"))
        self.button.setEnabled(state != "stopping")
        self.button.setToolTip("Close the port and all connections" if running else "Open the port")
        editable = not running and state != "stopping"
        self.host.setEnabled(editable)
        self.port.setEnabled(editable)
        if running and server is not None:
            if self.host.text() != server.host:
                self.host.setText(server.host)
            if self.port.value() != server.port:
                self.port.setValue(server.port)
            self.mode, self.locked = server.mode, server.locked
        chosen = self.evaluate if self.mode == "evaluate" else self.print
        if not chosen.isChecked():
            chosen.setChecked(True)
        if self.lock.isChecked() != self.locked:
            self.lock.setChecked(self.locked)
        text = {
            "stopped": "Stopped",
            "starting": "Starting",
            "listening": f"Listening on {server.host}:{server.port}" if server is not None else "",
            "stopping": "Stopping",
            "failed": f"Failed: {link.error}",
        }[state]
        exposed = state == "listening" and server is not None and server.exposed
        if exposed:
            text += ": other machines can reach it"
        short = "Listening" if state == "listening" and not exposed else ""  # the fields above say where
        self.status.set_texts(text, short, accessible=f"Server state: {text}")
        palette = self.palette()
        stopped = mixed(
            palette.color(QtGui.QPalette.ColorRole.WindowText), palette.color(QtGui.QPalette.ColorRole.Window), 0.5
        )
        hue = RED if exposed else {"listening": GREEN, "failed": RED, "starting": AMBER, "stopping": AMBER}.get(state)
        self.dot.set_color(stopped if hue is None else tinted(palette, hue, 0.6))
        self._draw_icons()

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Draw dot and icons anew when the palette changes."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "lock"):
            self.sync()

    def _draw_icons(self) -> None:
        palette = self.palette()
        key = (palette.cacheKey(), self._link.running, self.lock.isChecked())
        if key == getattr(self, "_drawn", None):
            return
        self._drawn = key
        self.button.setIcon(icon("stop" if self._link.running else "start", palette))
        self.lock.setIcon(icon("lock" if self.lock.isChecked() else "unlock", palette))
        self.settings.setIcon(icon("settings", palette))

    # -- slots ------------------------------------------------------------------------------------------

    def _on_button(self) -> None:
        if self._link.running:
            self._link.stop()
            self.sync()
        else:
            self.start_wanted.emit(self.host.text().strip() or "127.0.0.1", self.port.value())

    def _on_return(self) -> None:
        if not self._link.running and self.button.isEnabled():
            self._on_button()

    def _on_mode(self) -> None:
        self.mode = "evaluate" if self.evaluate.isChecked() else "print"
        server = self._link.server
        if server is not None and self._link.running:
            server.set_mode(self.mode, "the panel")

    def _on_lock(self) -> None:
        self.locked = self.lock.isChecked()
        if self._link.server is not None and self._link.running:
            self._link.server.locked = self.locked
        self._draw_icons()
