"""`TreeModel` and `TreeView`: JSON and its like as a tree whose lines are made when they are opened."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from qtpy import QtCore, QtWidgets

from hdaemon.message import one_line
from hdaemon_panel.lines_model import LinesModel
from hdaemon_panel.lines_view import LinesView

__all__ = ["LEVEL_LINES", "TreeModel", "TreeView", "as_json", "preview"]

LEVEL_LINES = 1000
"""Lines of one level that are made at once; the rest is behind a line that says how many more there are."""

_PREVIEW_CHARS = 160
_TOOL_TIP_CHARS = 2000

_INTEGER_BITS = 512
"""Whole numbers larger than this are told by their size: writing one out takes a time that grows with its square."""


def preview(value: Any, chars: int = _PREVIEW_CHARS, depth: int = 2) -> str:
    """Return one line that stands for `value`, of about `chars` characters at the most, in a time to match."""
    if isinstance(value, str):
        text = json.dumps(value[: chars + 1], ensure_ascii=False)
        return one_line(text if len(value) <= chars else text[:-1] + "…")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        bits = value.bit_length()
        return str(value) if bits <= _INTEGER_BITS else f"a whole number of {bits:,} bits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (bytes, bytearray)):
        more = " …" if len(value) > 16 else ""
        return f"{len(value):,} bytes  {bytes(value[:16]).hex(' ')}{more}"
    if isinstance(value, (list, tuple)):
        return _joined((preview(item, chars // 2, depth - 1) for item in value), len(value), "[]", chars, depth)
    if isinstance(value, dict):
        pairs = (f"{_key(key)}: {preview(item, chars // 2, depth - 1)}" for key, item in value.items())
        return _joined(pairs, len(value), "{}", chars, depth)
    return one_line(reprlib.repr(value))


def _joined(parts: Iterator[str], count: int, brackets: str, chars: int, depth: int) -> str:
    if count == 0:
        return brackets
    if depth <= 0:
        return f"{brackets[0]}…{brackets[1]}"
    text = ""
    for part in parts:
        if text and len(text) + len(part) > chars:
            text += ", …"
            break
        text += f", {part}" if text else part
    return f"{brackets[0]}{text}{brackets[1]}"


def _key(key: Any) -> str:
    return one_line(key[:_PREVIEW_CHARS]) if isinstance(key, str) else preview(key, 60, 1)


_WHOLE, _REST = (None, "whole"), (None, "rest")
"""The last step of a path that leads to no item."""


_CUT = ("…]", "…}")


class _Line:
    """One line: an item of a dict or a list, or what is left of a level."""

    __slots__ = ("depth", "end", "first", "key", "open", "path", "rest", "shown", "value")

    def __init__(self, depth: int, key: Any, value: Any, path: tuple[Any, ...]) -> None:
        self.depth, self.key, self.value, self.path = depth, key, value, path
        self.open = False
        self.rest: Iterator[tuple[Any, Any]] | None = None  # a line "… n more": the items it stands for,
        self.first = self.end = 0  # and their numbers
        self.shown: tuple[str, str] | None = None


class TreeModel(LinesModel):
    """The lines of a tree of dicts and lists. A line's children are made when it is opened."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("Name", "Value")
    FIXED: ClassVar[tuple[int, ...]] = (1,)

    rows: list[_Line]

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.value: Any = None

    def set_value(self, value: Any) -> None:
        """Show `value`; levels that are open stay open, and as long as they were, where they are still there."""
        is_open = {line.path for line in self.rows if line.open}
        shown: dict[tuple[Any, ...], int] = {}
        for line in self.rows:
            if line.rest is not None:
                shown[line.path[:-1]] = line.first
        self.value = value
        fresh: list[_Line] = []
        stack = [iter(self._children(value, 0, (), shown))]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
                continue
            fresh.append(following)
            if following.path in is_open and self.has_children(following):
                following.open = True
                stack.append(iter(self._children(following.value, following.depth + 1, following.path, shown)))
        if [line.path for line in fresh] == [line.path for line in self.rows]:
            self.rows[:] = fresh
            self.changed(0, len(fresh) - 1)
            return
        self.beginResetModel()
        self.rows[:] = fresh
        self.endResetModel()

    def _children(
        self, value: Any, depth: int, path: tuple[Any, ...], shown: dict[tuple[Any, ...], int]
    ) -> list[_Line]:
        items: Iterator[tuple[Any, Any]]
        if isinstance(value, dict):
            items = iter(value.items())
        elif isinstance(value, (list, tuple)):
            items = iter(enumerate(value))
        else:  # the whole value is no level: it is the only line
            return [_Line(depth, "", value, (_WHOLE,))]
        return self._some(items, 0, len(value), depth, path, max(shown.get(path, 0), LEVEL_LINES))

    def _some(
        self, items: Iterator[tuple[Any, Any]], first: int, end: int, depth: int, path: tuple[Any, ...], most: int
    ) -> list[_Line]:
        """Return the next `most` lines of a level, of which `first` are there, and one for the rest."""
        # A path is told from another by type too: 1 and True are the same key for Python.
        lines = [_Line(depth, key, item, (*path, (type(key), key))) for key, item in islice(items, most)]
        first += len(lines)
        if first < end:
            more = _Line(depth, f"… {end - first:,} more", None, (*path, _REST))
            more.rest, more.first, more.end = items, first, end
            lines.append(more)
        return lines

    # -- lines ------------------------------------------------------------------------------------------

    def cells(self, line: _Line) -> tuple[str, ...]:
        """Return name and value of a line."""
        if line.shown is None:
            whole = line.path == (_WHOLE,)
            name = line.key if line.rest is not None or whole else _key(line.key)
            line.shown = (name, "" if line.rest is not None else preview(line.value))
        return line.shown

    def faint(self, line: _Line, column: int) -> bool:
        """Return whether a cell is drawn paler: what stands for more than it shows."""
        return line.rest is not None or (column == 1 and self.has_children(line) and self.cells(line)[1][-2:] in _CUT)

    def depth(self, line: _Line) -> int:
        """Return how many levels are above a line."""
        return line.depth

    def has_children(self, line: _Line) -> bool:
        """Return whether a line is a level that is not empty."""
        return line.rest is None and isinstance(line.value, (dict, list, tuple)) and bool(line.value)

    def is_open(self, row: int) -> bool:
        """Return whether the level of a row is open."""
        line = self.line(row)
        return line is not None and bool(line.open)

    def set_expanded(self, row: int, expanded: bool) -> None:
        """Open or close a level."""
        line = self.line(row)
        if line is None or line.open == expanded or not self.has_children(line):
            return
        line.open = expanded
        if expanded:
            self.insert(row + 1, self._children(line.value, line.depth + 1, line.path, {}))
        else:
            self.remove(row + 1, self.end_of(row))
        self.changed(row, row)

    def show_more(self, row: int) -> bool:
        """Show a thousand more where a row says that there are; return whether it said so."""
        line = self.line(row)
        if line is None or line.rest is None:
            return False
        lines = self._some(line.rest, line.first, line.end, line.depth, line.path[:-1], LEVEL_LINES)
        self.remove(row, row + 1)
        self.insert(row, lines)
        return True

    def tool_tip(self, line: _Line, column: int) -> str:
        """Return the beginning of a value, or the whole name."""
        if line.rest is not None:
            return "Double-click, or press Enter, to see the next thousand"
        if column == 0:
            return self.path_text(line)
        return preview(line.value, _TOOL_TIP_CHARS, 3)

    def path_text(self, line: _Line) -> str:
        """Return how Python gets from the whole value to that of a line: ``["lens"]["near"]``."""
        return "".join(f"[{key!r}]" for kind, key in line.path if kind is not None)


def as_json(value: Any) -> Iterator[str]:
    """Yield `value` as JSON, part by part; what JSON has no way to say becomes text."""
    if isinstance(value, dict):
        yield "{"
        for count, (key, item) in enumerate(value.items()):
            name = json.dumps(key if isinstance(key, str) else preview(key), ensure_ascii=False)
            yield f", {name}: " if count else f"{name}: "
            yield from as_json(item)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for count, item in enumerate(value):
            if count:
                yield ", "
            yield from as_json(item)
        yield "]"
    elif value is None or isinstance(value, (str, bool, int, float)):
        yield json.dumps(value, ensure_ascii=False)
    elif isinstance(value, (bytes, bytearray)):
        yield json.dumps(bytes(value).hex())
    else:
        yield json.dumps(repr(value), ensure_ascii=False)


class TreeView(LinesView):
    """The view of a `TreeModel`: Enter or a double click opens a level, or shows more of one."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        self.tree = TreeModel()
        super().__init__(self.tree, {}, name_chars=(12, 36), parent=parent)
        self.tree.setParent(self)
        self._path: tuple[Any, ...] | None = None
        self.line_activated.connect(self.tree.show_more)
        self.tree.modelAboutToBeReset.connect(self._on_about_to_be_reset)
        self.tree.modelReset.connect(self._on_reset)

    def _on_about_to_be_reset(self) -> None:
        line = self.tree.line(self.currentIndex().row())
        self._path = None if line is None else line.path

    def _on_reset(self) -> None:
        """Select the line that was selected, where it is still there."""
        for row, line in enumerate(self.tree.rows):
            if line.path == self._path:
                self.setCurrentIndex(self.tree.index(row, 0))
                return
