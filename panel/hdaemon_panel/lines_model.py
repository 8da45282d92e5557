"""`LinesModel`: the base of the tables whose rows are lines of a tree, or of a plain list."""

from __future__ import annotations

from typing import Any, ClassVar

from qtpy import QtCore

__all__ = ["LinesModel"]

_Role = QtCore.Qt.ItemDataRole
_DISPLAY = int(_Role.DisplayRole)  # looking the enum up costs 4 us on PySide6 6.5, a call
_TOOL_TIP = int(_Role.ToolTipRole)
_ALIGNMENT = int(_Role.TextAlignmentRole)
_RIGHT = int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)


class LinesModel(QtCore.QAbstractTableModel):
    """Rows that are lines: each has a depth, and may be open and show the lines below it.

    A tree model under a QTreeView is laid out anew, line by line, whenever a row comes: with ten thousand of them that
    takes a hundred milliseconds. Here the lines that are shown are one flat list.

    Attributes:
        COLUMNS: the titles; the first column is the one that is indented.
        NUMBERS: columns that are right-aligned.
        FIXED: columns in a font whose characters are all as wide.
        rows: the lines that are shown.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ()
    NUMBERS: ClassVar[tuple[int, ...]] = ()
    FIXED: ClassVar[tuple[int, ...]] = ()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Any] = []

    # -- for those who derive from it -------------------------------------------------------------------

    def cells(self, line: Any) -> tuple[str, ...]:
        """Return the texts of a line, a column each."""
        raise NotImplementedError

    def faint(self, line: Any, column: int) -> bool:
        """Return whether a cell is drawn paler than text: it says something about the value, and is not it."""
        del line
        return column not in self.FIXED

    def depth(self, line: Any) -> int:
        """Return how many levels are above a line."""
        del line
        return 0

    def has_children(self, line: Any) -> bool:
        """Return whether a line can be opened."""
        del line
        return False

    def is_open(self, row: int) -> bool:
        """Return whether the line of a row is open."""
        del row
        return False

    def set_expanded(self, row: int, expanded: bool) -> None:
        """Open or close the line of a row."""

    def tool_tip(self, line: Any, column: int) -> str:
        """Return what is worth knowing of a line and does not fit into it."""
        return self.cells(line)[column]

    # -- lines ------------------------------------------------------------------------------------------

    def line(self, row: int) -> Any:
        """Return the line of a row; None where there is none."""
        return self.rows[row] if 0 <= row < len(self.rows) else None

    def parent_row(self, row: int) -> int:
        """Return the row of the line above in the tree; -1 for the first level."""
        line = self.line(row)
        if line is None:
            return -1
        depth = self.depth(line)
        while row >= 0 and self.depth(self.rows[row]) >= depth:
            row -= 1
        return row

    def end_of(self, row: int) -> int:
        """Return one more than the last row below the line of `row`."""
        depth, end = self.depth(self.rows[row]), row + 1
        while end < len(self.rows) and self.depth(self.rows[end]) > depth:
            end += 1
        return end

    def insert(self, row: int, lines: list[Any]) -> None:
        """Show `lines` from `row` on."""
        if lines:
            self.beginInsertRows(QtCore.QModelIndex(), row, row + len(lines) - 1)
            self.rows[row:row] = lines
            self.endInsertRows()

    def remove(self, row: int, end: int) -> None:
        """Show the lines from `row` to before `end` no longer."""
        if end > row:
            self.beginRemoveRows(QtCore.QModelIndex(), row, end - 1)
            del self.rows[row:end]
            self.endRemoveRows()

    def changed(self, first: int, last: int) -> None:
        """Tell that the cells of these rows have changed."""
        if 0 <= first <= last < len(self.rows):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.COLUMNS) - 1))

    # -- QAbstractTableModel ----------------------------------------------------------------------------

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Return how many lines are shown."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.COLUMNS)

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = _DISPLAY) -> Any:  # noqa: N802
        """Return a column's title and its alignment."""
        if orientation != QtCore.Qt.Orientation.Horizontal or not 0 <= section < len(self.COLUMNS):
            return None
        if role == _DISPLAY:
            return self.COLUMNS[section]
        return _RIGHT if role == _ALIGNMENT and section in self.NUMBERS else None

    def data(self, index: QtCore.QModelIndex, role: int = _DISPLAY) -> Any:
        """Return a cell's text, its tool tip or its alignment."""
        line = self.line(index.row()) if index.isValid() else None
        if line is None:
            return None
        if role == _DISPLAY:
            return self.cells(line)[index.column()]
        if role == _ALIGNMENT:
            return _RIGHT if index.column() in self.NUMBERS else None
        return self.tool_tip(line, index.column()) if role == _TOOL_TIP else None
