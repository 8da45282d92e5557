"""A window around a panel, for use without Houdini, in a palette like Houdini's dark one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.icons import icon
from hdaemon_panel.panel import ServerPanel

__all__ = ["application", "houdini_palette", "when_closing", "window", "without_screen"]

# Houdini 20's dark scheme, read off its interface: outside Houdini there is no palette to take them from.
_WINDOW, _BASE, _STRIPE, _BUTTON, _TEXT, _AMBER = "#3a3a3a", "#262626", "#2b2b2b", "#4a4a4a", "#cccccc", "#b8862b"


def houdini_palette() -> QtGui.QPalette:
    """Return a palette like that of Houdini's dark scheme."""
    role, group = QtGui.QPalette.ColorRole, QtGui.QPalette.ColorGroup
    palette = QtGui.QPalette(QtGui.QColor(_BUTTON), QtGui.QColor(_WINDOW))
    for which, color in (
        (role.WindowText, _TEXT),
        (role.Text, _TEXT),
        (role.ButtonText, _TEXT),
        (role.Base, _BASE),
        (role.AlternateBase, _STRIPE),
        (role.ToolTipBase, "#1e1e1e"),
        (role.ToolTipText, _TEXT),
        (role.Highlight, _AMBER),
        (role.HighlightedText, "#111111"),
        (role.PlaceholderText, "#808080"),
        (role.Link, "#d9a441"),
    ):
        palette.setColor(which, QtGui.QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, QtGui.QColor("#7a7a7a"))
    palette.setColor(group.Disabled, role.Base, QtGui.QColor("#303030"))
    return palette


def without_screen() -> bool:
    """Return whether this machine has no screen, so that Qt would abort the process: then it draws in memory."""
    if sys.platform in ("win32", "darwin") or "QT_QPA_PLATFORM" in os.environ:
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def application() -> QtWidgets.QApplication:
    """Return the process's QApplication; make one that looks like Houdini when there is none."""
    running = QtWidgets.QApplication.instance()
    if running is not None:
        return running
    if without_screen():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if QtCore.__version__.startswith("5."):  # Qt 6 does both by itself
        QtCore.QCoreApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
        QtCore.QCoreApplication.setAttribute(QtCore.Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QtWidgets.QApplication(sys.argv[:1])
    app.setApplicationName("hdaemon")
    app.setStyle("Fusion")
    app.setPalette(houdini_palette())
    return app


class _Closing(QtCore.QObject):
    """Calls a function when a widget is about to close, while everything is still as it was."""

    def __init__(self, widget: QtWidgets.QWidget, call: Callable[[], None]) -> None:
        super().__init__(widget)
        self._call = call
        widget.installEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:  # noqa: N802
        """Notice the close event; let it through."""
        if event.type() == QtCore.QEvent.Type.Close:
            self._call()
        return bool(super().eventFilter(watched, event))


def when_closing(panel: ServerPanel, call: Callable[[], None]) -> None:
    """Have `call` called when the panel's window is about to close."""
    _Closing(panel, call)


def window(server_name: str = "python_server") -> ServerPanel:
    """Return a panel that is a window of its own; the caller shows it and keeps it."""
    panel = ServerPanel(server_name)
    panel.setWindowIcon(icon("hdaemon", panel.palette()))
    return panel
