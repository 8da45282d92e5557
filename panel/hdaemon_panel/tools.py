"""What the rows of tools above the log, the channels and the details are made of."""

from __future__ import annotations

from collections.abc import Callable

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.icons import icon

__all__ = ["ToolBar", "add_action", "filter_edit"]


class ToolBar(QtWidgets.QWidget):
    """A row of flat buttons, with icons in the palette's colours, and other widgets between them."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons: list[tuple[QtWidgets.QToolButton | QtWidgets.QAction, str]] = []
        self.row = QtWidgets.QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(2)

    def button(
        self, name: str, icon_name: str, tip: str, slot: Callable[..., object] | None = None, checkable: bool = False
    ) -> QtWidgets.QToolButton:
        """Add a button and return it; `slot` is connected to its click."""
        button = QtWidgets.QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(checkable)
        button.setAutoRaise(True)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        if slot is not None:
            button.clicked.connect(slot)
        self._icons.append((button, icon_name))
        self.row.addWidget(button)
        button.setIcon(icon(icon_name, self.palette()))
        return button

    def dress(self, action: QtWidgets.QAction, icon_name: str) -> None:
        """Give an action an icon that follows the palette too."""
        self._icons.append((action, icon_name))
        action.setIcon(icon(icon_name, self.palette()))

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Draw the icons anew when the palette changes."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "row"):
            for target, name in self._icons:
                target.setIcon(icon(name, self.palette()))


def filter_edit(bar: ToolBar, name: str, prompt: str, tip: str) -> QtWidgets.QLineEdit:
    """Add a field for a text to look for to `bar`, taking the room that is left, and return it."""
    edit = QtWidgets.QLineEdit(bar)
    edit.setObjectName(name)
    edit.setPlaceholderText(prompt)
    edit.setAccessibleName(prompt)
    edit.setToolTip(tip)
    edit.setClearButtonEnabled(True)
    edit.setMinimumWidth(8 * edit.fontMetrics().averageCharWidth())
    bar.dress(edit.addAction(QtGui.QIcon(), QtWidgets.QLineEdit.ActionPosition.LeadingPosition), "search")
    bar.row.addWidget(edit, 1)
    return edit


def add_action(
    owner: QtWidgets.QWidget,
    title: str,
    slot: Callable[..., object],
    key: QtGui.QKeySequence.StandardKey | None = None,
) -> QtWidgets.QAction:
    """Give `owner` an action, for its context menu and, with `key`, for the keyboard; return it."""
    # QAction lives in QtWidgets in Qt 5 and in QtGui in Qt 6; QtPy has it in both.
    action = QtWidgets.QAction(title, owner)
    if key is not None:
        action.setShortcut(QtGui.QKeySequence(key))
        action.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
    action.triggered.connect(slot)
    owner.addAction(action)
    return action
