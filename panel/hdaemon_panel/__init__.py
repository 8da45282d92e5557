"""hdaemon's pane: a view of one server, for Houdini and for the desktop.

Widgets, models and views over the library; it knows nothing of sockets. Any number of panels may show the same server:
closing one leaves the server running.
"""

from __future__ import annotations

from qtpy import QtWidgets

from hdaemon_panel.panel import ServerPanel

__all__ = ["ServerPanel", "create_panel"]


def create_panel(server_name: str = "python_server", parent: QtWidgets.QWidget | None = None) -> ServerPanel:
    """Return a new pane that shows the server of that name, whether it runs yet or not.

    Called by `onCreateInterface` of the Python panel; the caller owns the widget.
    """
    return ServerPanel(server_name, parent)
