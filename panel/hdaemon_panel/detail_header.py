"""`DetailHeader`: what a message is, the views of it, what can be done with it, and a note about it."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.icons import RED, mixed, tinted
from hdaemon_panel.segments import Switch
from hdaemon_panel.snippet_actions import SnippetActions
from hdaemon_panel.tools import ToolBar

__all__ = ["DetailHeader"]


class DetailHeader(QtWidgets.QWidget):
    """The rows above a payload; the pane fills them and connects the buttons.

    Attributes:
        title, facts: where it came from, in bold, and the rest of what is known of it.
        views: value, text or hexadecimal.
        receive, snippets, copy, save, close_button: the tools.
        note, ask: an error or a remark, and a button that does what the remark offers.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = ElidedLabel(self)
        self.title.setObjectName("detailTitle")
        bold = self.title.font()
        bold.setBold(True)
        self.title.setFont(bold)
        self.facts = ElidedLabel(self)
        self.facts.setObjectName("detailFacts")
        self.views = Switch(
            (
                ("detailValueButton", "Value", "The decoded value"),
                ("detailTextButton", "Text", "The payload as text"),
                ("detailHexButton", "Hex", "The payload's bytes in hexadecimal"),
            ),
            self,
        )
        self._tools = ToolBar(self)
        button = self._tools.button
        self.receive = button("receiveButton", "receive", "Receive this channel in a SOP: make a node that cooks it")
        self.receive.hide()
        self.snippets = button("snippetsButton", "snippet", "Copy what would send this: as curl or as Python")
        self.copy = button("copyValueButton", "copy", "Copy the value")
        self.save = button("savePayloadButton", "save", "Save the payload as a file")
        self.close_button = button("closeDetailsButton", "disconnect", "Hide the details (Escape)")
        self.note = QtWidgets.QLabel(self)
        self.note.setObjectName("detailNote")
        self.note.setWordWrap(True)
        self.note.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.note.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.ask = QtWidgets.QPushButton(self)
        self.ask.setObjectName("detailAskButton")
        self.ask.setToolTip("Do what the note beside this tells of")
        self._is_error = False

        head = QtWidgets.QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self.views)
        head.addWidget(self._tools)
        notes = QtWidgets.QHBoxLayout()
        notes.addWidget(self.note, 1)
        notes.addWidget(self.ask, 0, QtCore.Qt.AlignmentFlag.AlignTop)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.facts)
        layout.addLayout(notes)
        self._tint()

    def set_note(self, text: str, is_error: bool = False, ask: str = "") -> None:
        """Show a note, in red where it is an error; `ask` is the text of a button that offers something."""
        self._is_error = is_error
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.ask.setText(ask)
        self.ask.setVisible(bool(ask))
        self._tint()

    def set_sendable(self, sendable: bool) -> None:
        """Say whether there is a payload that can be saved and sent."""
        self.save.setEnabled(sendable)
        self.snippets.setEnabled(sendable)

    def set_snippets(self, actions: SnippetActions) -> None:
        """Offer these actions in a menu."""
        menu = QtWidgets.QMenu(self.snippets)
        menu.addActions(actions.actions)
        self.snippets.setMenu(menu)
        self.snippets.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)

    def set_receivable(self, offered: bool, channel: str | None) -> None:
        """Say whether nodes can be made here, and whether there is a channel for one."""
        self.receive.setVisible(offered)
        self.receive.setEnabled(channel is not None)

    def _tint(self) -> None:
        role = QtGui.QPalette.ColorRole
        palette = self.palette()
        faint = mixed(palette.color(role.WindowText), palette.color(role.Window), 0.35)
        for label, color in (
            (self.facts, faint),
            (self.note, tinted(palette, RED, 0.7) if self._is_error else faint),
        ):
            own = QtGui.QPalette(palette)
            own.setColor(role.WindowText, color)
            label.setPalette(own)

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another palette."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "_is_error"):
            self._tint()
