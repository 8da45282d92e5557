"""`ChannelsPane`: the channels' view with its tools: filter, copy, open and close all levels."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.channels import ChannelInfo
from hdaemon_panel.channels_model import ChannelsModel
from hdaemon_panel.channels_view import ChannelsView
from hdaemon_panel.link import ServerLink
from hdaemon_panel.tools import ToolBar, add_action, filter_edit

__all__ = ["ChannelsPane"]


class ChannelsPane(QtWidgets.QWidget):
    """The channels; `tools` is placed by who makes the pane."""

    said = QtCore.Signal(str)
    """Something a person should read in the status line."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ChannelsModel(link, self)
        self.view = ChannelsView(self.model, self)
        self.view.setObjectName("channelsView")
        self.view.setAccessibleName("Channels")
        self.tools = ToolBar(self)
        self.filter = filter_edit(
            self.tools, "channelFilterEdit", "Filter channels", "Show only channels whose name contains this (Ctrl+F)"
        )
        self.filter.textChanged.connect(self._on_filter)
        self.copy = self.tools.button(
            "copyChannelButton", "copy", "Copy the name of the selected channel (Ctrl+C)", self.copy_name
        )
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        for owner in (self, self.tools):
            add_action(owner, "Filter", self.filter.setFocus, QtGui.QKeySequence.StandardKey.Find)
        add_action(self.view, "Copy Channel Name", self.copy_name, QtGui.QKeySequence.StandardKey.Copy)

    def sync(self) -> None:
        """Bring the view up to the server: the names, and the channels in sight."""
        courtesy.ask()
        self.model.sync()
        self.view.refresh()

    def selected(self) -> ChannelInfo | None:
        """Return the selected channel; None where a level is selected that is no channel, or nothing."""
        rows = self.view.selected_rows()
        return self.model.info(rows[0][0]) if rows else None

    def copy_name(self) -> None:
        """Copy the selected line's name, whole."""
        rows = self.view.selected_rows()
        node = self.model.line(rows[0][0]) if rows else None
        if node is None:
            self.said.emit("Nothing is selected: click a channel first")
            return
        QtWidgets.QApplication.clipboard().setText(node.path)
        self.said.emit(f"Copied {node.path}")

    def _on_filter(self, text: str) -> None:
        self.model.set_filter(text)
