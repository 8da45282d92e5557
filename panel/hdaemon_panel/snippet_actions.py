"""`SnippetActions`: "Copy as curl" and "Copy as Python", for the menus of whatever can be sent again."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from qtpy import QtCore, QtWidgets

from hdaemon_panel.snippets import Target, curl_snippet, file_name, python_snippet
from hdaemon_panel.tools import add_action

__all__ = ["SnippetActions"]


class SnippetActions(QtCore.QObject):
    """Two actions of a widget that copy what would send a message.

    Args:
        owner: gets the actions, and owns this.
        target: a method that returns what is sent and where; None when nothing can be sent.
    """

    said = QtCore.Signal(str)
    """What was copied, or why nothing was."""

    def __init__(self, owner: QtWidgets.QWidget, target: Callable[[], Target | None]) -> None:
        super().__init__(owner)
        # Weakly: in a cycle the owner would be left to the garbage collector, which may run on another thread.
        self._target = weakref.WeakMethod(target)
        self.actions = [
            add_action(owner, "Copy as curl", self.copy_curl),
            add_action(owner, "Copy as Python", self.copy_python),
        ]

    def copy_curl(self) -> None:
        """Copy a command line."""
        self._copy(curl_snippet, "a curl command")

    def copy_python(self) -> None:
        """Copy a Python program."""
        self._copy(python_snippet, "a Python program")

    def _copy(self, write: Callable[[Target], str], what: str) -> None:
        wanted = self._target()
        target = None if wanted is None else wanted()
        if target is None:
            self.said.emit("Nothing to send: start the server, and select one message or channel")
            return
        text = write(target)
        QtWidgets.QApplication.clipboard().setText(text)
        notes = [f"Copied {what}"]
        if file_name(target) in text:
            notes.append(f"save the payload as {file_name(target)} beside it")
        if target.token:
            notes.append("put the server's token in place of TOKEN")
        self.said.emit("; ".join(notes))
