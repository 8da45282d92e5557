"""`DetailBody`: the payload of one message, as text, as a tree, as arrays, as a mesh or in hexadecimal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.content import Payload
from hdaemon_panel.arrays_table import ArraysView
from hdaemon_panel.examine import AT_ONCE_BYTES, Examined, dismantling, text_head
from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.hex_view import HexView
from hdaemon_panel.json_tree import TreeView, as_json
from hdaemon_panel.mesh_detail import MeshView
from hdaemon_panel.slices import Slices
from hdaemon_panel.tools import add_action

__all__ = ["DetailBody"]

VALUE, TEXT, HEX = 0, 1, 2

_COPY_CHARS = 4_000_000
"""Characters of a value that are copied at the most: a clipboard is not a file."""

_MANY_LINES = 400
"""A tree of that many lines is brought up to a changing value only every second time, of twice as many every third."""


class DetailBody(QtWidgets.QStackedWidget):
    """Shows one `Examined` payload; `view` says as what."""

    said = QtCore.Signal(str)
    """Something a person should read in the status line."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QtWidgets.QPlainTextEdit(self)
        self.text.setObjectName("detailText")
        self.text.setAccessibleName("Text of the message")
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setTabChangesFocus(True)
        flags = QtCore.Qt.TextInteractionFlag
        self.text.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
        self.tree = TreeView(self)
        self.tree.setObjectName("detailTree")
        self.tree.setAccessibleName("Value of the message")
        self.arrays = ArraysView(self)
        self.arrays.setObjectName("detailArrays")
        self.mesh = MeshView(self)
        self.hex = HexView(self)
        self.hex.setObjectName("detailHex")
        self.wait = QtWidgets.QLabel(self)
        self.wait.setObjectName("detailWait")
        self.wait.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self.wait.setWordWrap(True)
        for widget in (self.text, self.tree, self.arrays, self.mesh, self.hex, self.wait):
            self.addWidget(widget)
        for view, slot in (
            (self.tree, self.copy_tree),
            (self.arrays, self.copy_arrays),
            (self.mesh, self.copy_mesh),
            (self.hex, self.copy_hex),
        ):
            add_action(view, "Copy", slot, QtGui.QKeySequence.StandardKey.Copy)
            view.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.ActionsContextMenu)
        add_action(self.tree, "Copy Path", self.copy_path)
        self._payload: Payload = b""
        self._examined: Examined | None = None
        self._skipped = 0
        self._copying = Slices(self)
        self._letting_go = Slices(self)
        self._restyle()

    def _restyle(self) -> None:
        self.text.setFont(fixed_font(self.font()))

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another font."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.FontChange and hasattr(self, "text"):
            self._restyle()

    # -- showing ----------------------------------------------------------------------------------------

    def tired(self) -> bool:
        """Return whether a changing value should be left alone this time: its tree is large."""
        self._skipped += 1
        if self.currentWidget() is self.tree and self._skipped <= self.tree.count() // _MANY_LINES:
            return True
        self._skipped = 0
        return False

    def show_payload(self, payload: Payload, examined: Examined | None, view: int, follows: bool = False) -> None:
        """Show a payload: its value, where `examined` has one, its text or its bytes.

        `follows` says that it is what the payload before has become.
        """
        follows = follows and self.currentWidget() is self.mesh
        self._let_go(examined)
        self._payload, self._examined = payload, examined
        kind = "bytes" if examined is None else examined.kind
        if view == HEX or (view == VALUE and kind == "bytes"):
            self.hex.set_payload(payload)
            self.setCurrentWidget(self.hex)
        elif view == TEXT or kind == "text":
            self._set_text(examined.value if examined is not None and kind == "text" else text_head(payload))
        elif kind == "tree":
            assert examined is not None
            self.tree.tree.set_value(examined.value)
            self.setCurrentWidget(self.tree)
        elif kind == "mesh":
            assert examined is not None
            assert examined.facts is not None
            self.mesh.set_mesh(examined.value, examined.facts, follows)
            self.setCurrentWidget(self.mesh)
        else:
            assert examined is not None
            self.arrays.arrays.set_arrays(examined.value)
            self.setCurrentWidget(self.arrays)

    def show_text(self, text: str) -> None:
        """Show a text that is no payload."""
        self._let_go(None)
        self._payload, self._examined = b"", None
        self._set_text(text)

    def show_wait(self, text: str) -> None:
        """Show why there is nothing to see yet."""
        self.wait.setText(text)
        self.setCurrentWidget(self.wait)

    def clear(self) -> None:
        """Let go of what is shown: a payload may be large."""
        self._let_go(None)
        self._payload, self._examined = b"", None
        self.hex.set_payload(b"")
        self.text.clear()
        self.arrays.arrays.set_arrays({})
        self.mesh.clear()
        self.show_wait("")

    def _set_text(self, text: str) -> None:
        if text != self.text.toPlainText():
            bar = self.text.verticalScrollBar()
            position = bar.value()
            self.text.setPlainText(text)
            bar.setValue(position)  # a value that changes stays where it is read
        self.setCurrentWidget(self.text)

    def _let_go(self, following: Examined | None) -> None:
        """Take a large tree apart when it is no longer shown, a little at a time."""
        old = self._examined
        if old is not None and old.kind == "mesh" and (following is None or following.kind != "mesh"):
            self.mesh.clear()
        if old is None or old is following or old.kind != "tree":
            return
        if following is None or following.kind != "tree":
            self.tree.tree.set_value({})
        if len(self._payload) > AT_ONCE_BYTES:
            self._letting_go.start(dismantling([old.value]))

    # -- copying ----------------------------------------------------------------------------------------

    def copy_value(self) -> None:
        """Copy what is shown: the selected part of it, or all."""
        shown = self.currentWidget()
        if shown is self.text:
            cursor = self.text.textCursor()
            self._copied(cursor.selection().toPlainText() if cursor.hasSelection() else self.text.toPlainText())
        elif shown is self.tree:
            self.copy_tree()
        elif shown is self.arrays:
            self.copy_arrays()
        elif shown is self.mesh:
            self.copy_mesh()
        elif shown is self.hex:
            self.copy_hex()

    def copy_tree(self) -> None:
        """Copy the selected part of the tree as JSON, or a text as it is; the whole where nothing is selected."""
        line = self.tree.tree.line(self.tree.currentIndex().row())
        value = self.tree.tree.value if line is None or line.rest is not None else line.value
        if isinstance(value, str):
            self._copied(value[:_COPY_CHARS])
            return
        parts: list[str] = []

        def work() -> Iterator[None]:
            length = 0
            for part in as_json(value):
                parts.append(part)
                length += len(part)
                if length > _COPY_CHARS:
                    self.said.emit("Too large to be copied: save it as a file, or select a part of it")
                    return
                yield
            self._copied("".join(parts))

        self._copying.start(work())

    def copy_path(self) -> None:
        """Copy how Python gets to the selected part of the tree."""
        line = self.tree.tree.line(self.tree.currentIndex().row())
        if line is not None:
            self._copied(self.tree.tree.path_text(line))

    def copy_arrays(self) -> None:
        """Copy the table, or its selected row, as tab-separated text."""
        model = self.arrays.arrays
        line = model.line(self.arrays.currentIndex().row())
        rows: list[Any] = model.rows if line is None else [line]
        titles = [] if line is not None else ["\t".join(model.COLUMNS)]
        self._copied("\n".join(titles + ["\t".join(model.cells(row)) for row in rows]))

    def copy_mesh(self) -> None:
        """Copy what is known of the mesh, or the selected row of its table, as tab-separated text."""
        self._copied(self.mesh.as_text())

    def copy_hex(self) -> None:
        """Copy the selected lines."""
        self._copied(self.hex.selected_text())

    def _copied(self, text: str) -> None:
        QtWidgets.QApplication.clipboard().setText(text)
        self.said.emit(f"Copied {len(text):,} characters")
