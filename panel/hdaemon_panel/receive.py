"""`ReceiveAction`: "Receive in a SOP", for the menus of whatever has a channel; and why receivers do not cook."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import ModuleType

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.errors import HdaemonError
from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.icons import AMBER, tinted
from hdaemon_panel.tools import add_action

__all__ = ["BlockedLine", "ReceiveAction", "houdini"]


def houdini() -> ModuleType | None:
    """Return `hdaemon.houdini` where this program is Houdini, else None."""
    import hdaemon.houdini  # here, because the panel is mostly loaded where there is none

    return hdaemon.houdini if hdaemon.houdini.available() else None


class ReceiveAction(QtCore.QObject):
    """An action of a widget that makes a node which receives a channel; hidden where there is no Houdini.

    Args:
        owner: gets the action, and owns this.
        channel: a method that returns the channel's name; None when none is selected.
    """

    said = QtCore.Signal(str)
    """The node that was made, or why there is none."""

    def __init__(self, owner: QtWidgets.QWidget, channel: Callable[[], str | None]) -> None:
        super().__init__(owner)
        # Weakly: in a cycle the owner would be left to the garbage collector, which may run on another thread.
        self._channel = weakref.WeakMethod(channel)
        self.action = add_action(owner, "Receive in a SOP", self.receive)
        self.sync()

    def sync(self) -> bool:
        """Offer it where this is Houdini; return whether it is."""
        offered = houdini() is not None
        self.action.setVisible(offered)
        return offered

    def receive(self) -> None:
        """Make a node for the channel, and select it."""
        module, wanted = houdini(), self._channel()
        channel = None if wanted is None else wanted()
        if module is None or channel is None:
            self.said.emit("Nothing to receive: select one message or channel")
            return
        try:
            path = module.receive_in_sop(channel)
        except HdaemonError as error:
            self.said.emit(f"Not received: {error}")
            return
        self.said.emit(f"{path} receives {channel}")


class BlockedLine(ElidedLabel):
    """Says why receivers do not cook; hidden while nothing holds them back."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("blockedLabel")
        self.hide()
        self._tint()

    def sync(self) -> None:
        """Look again; called a few times a second."""
        module = houdini()
        reason = None if module is None else module.blocked_reason()
        self.set_texts(reason or "")
        self.setVisible(reason is not None)

    def _tint(self) -> None:
        own = QtGui.QPalette(self.palette())
        wanted = tinted(own, AMBER)
        if own.color(QtGui.QPalette.ColorRole.WindowText) != wanted:  # setting it comes back here
            own.setColor(QtGui.QPalette.ColorRole.WindowText, wanted)
            self.setPalette(own)

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another palette."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange:
            self._tint()
