"""`ChannelsModel`: the channels of a server as lines of a tree.

Names are taken in slices, and of what arrives only the lines in sight are looked at: ten thousand channels cost no more
than the thirty that can be seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar, Protocol

from qtpy import QtCore

from hdaemon.channels import ChannelInfo
from hdaemon_panel.channel_tree import ChannelTree, Node
from hdaemon_panel.labels import age_text, short_type
from hdaemon_panel.lines_model import LinesModel
from hdaemon_panel.rates import human_bytes, human_count
from hdaemon_panel.slices import Slices

__all__ = ["CHANNEL_COLUMNS", "ChannelSource", "ChannelsModel"]

CHANNEL_COLUMNS = ("Channel", "Value", "Type", "Size", "Rate", "Age")
NAME, VALUE, TYPE, SIZE, RATE, AGE = range(6)

_BUDGET_S = 0.002
"""Half of what a turn may take: the other half is for the rows in sight."""

_NAMES_A_STEP = 16
"""Names taken between two looks at the clock."""


class ChannelSource(Protocol):
    """Where the channels are; both are asked on the main thread and must be quick."""

    def channel_names(self) -> list[str]:
        """Return the names of all channels, in any order."""

    def channel(self, name: str) -> ChannelInfo | None:
        """Return one channel, or None when it is not there (any more)."""


class ChannelsModel(LinesModel):
    """One row a line of the tree. Names are taken in by `sync`, values of rows in sight by `refresh`."""

    COLUMNS: ClassVar[tuple[str, ...]] = CHANNEL_COLUMNS
    NUMBERS: ClassVar[tuple[int, ...]] = (SIZE, RATE, AGE)
    FIXED: ClassVar[tuple[int, ...]] = (VALUE,)

    rows: list[Node]

    def __init__(self, source: ChannelSource, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._tree = ChannelTree()
        self._needle = ""
        self._job = Slices(self, _BUDGET_S)

    # -- what it shows ----------------------------------------------------------------------------------

    def row_of(self, path: str) -> int:
        """Return the row of the line with that path; -1 while it is not shown."""
        node = self._tree.find(path)
        try:
            return -1 if node is None else self.rows.index(node)
        except ValueError:
            return -1

    @property
    def channel_count(self) -> int:
        """How many channels there are, shown or not."""
        return len(self._tree.channels)

    @property
    def filter_text(self) -> str:
        """What the names of the shown channels contain; empty for all."""
        return self._needle

    @property
    def busy(self) -> bool:
        """Whether names are still being taken in."""
        return self._job.running

    def info(self, row: int) -> ChannelInfo | None:
        """Return what is known of the channel of a row, asked for now; None for a level that is no channel."""
        node = self.line(row)
        return self._source.channel(node.path) if node is not None and node.is_channel else None

    # -- following the server ---------------------------------------------------------------------------

    def sync(self) -> None:
        """Take in which channels have come and gone, a few milliseconds a turn."""
        if self._job.running:
            return
        names = self._source.channel_names()
        known = self._tree.channels
        if len(names) == len(known) and all(map(known.__contains__, names)):
            return
        self._job.start(self._taking(names))

    def set_filter(self, text: str) -> None:
        """Show the channels whose names contain `text`; empty: all."""
        if text != self._needle:
            self._needle = text
            for node in self.rows:
                if not node.is_channel:
                    node.cells = None
            self._job.start(self._arranging())

    def refresh(self, first: int, last: int) -> None:
        """Look at the channels of the rows `first` to `last`, and tell which have changed."""
        for row in range(max(first, 0), min(last + 1, len(self.rows))):
            node = self.rows[row]
            if node.is_channel:
                before = node.cells
                self._load(node)
                if node.cells != before:
                    self.changed(row, row)

    def _taking(self, names: list[str]) -> Iterator[None]:
        now = set(names)
        yield
        gone = self._tree.channels.keys() - now
        yield
        for count, name in enumerate(gone):
            self._tree.remove(name)
            if count % _NAMES_A_STEP == 0:
                yield
        for count, name in enumerate(names):
            if name not in self._tree.channels:
                self._tree.add(name)
                if count % _NAMES_A_STEP == 0:
                    yield
        yield from self._arranging()

    def _arranging(self) -> Iterator[None]:
        """Make the rows what the tree has open: by as few removals and insertions as there are runs of them."""
        wanted: list[Node] = []
        for count, node in enumerate(self._tree.shown(self._needle)):
            if node is not None:
                wanted.append(node)
            if count % 128 == 0:
                yield
        keep = set(wanted)
        yield
        row = len(self.rows)
        while row > 0:
            end = row
            while row > 0 and self.rows[row - 1] not in keep:
                row -= 1
            self.remove(row, end)
            yield
            row -= 1
        have = set(self.rows)
        yield
        at = 0
        while at < len(wanted):
            start = at
            while at < len(wanted) and wanted[at] not in have:
                at += 1
            self.insert(start, wanted[start:at])
            yield
            at += 1
        self.changed(0, len(self.rows) - 1)  # levels have other numbers of channels below them

    # -- opening and closing ----------------------------------------------------------------------------

    def set_expanded(self, row: int, expanded: bool) -> None:
        """Open or close the level of a row; while a filter is set all are open."""
        node = self.line(row)
        if node is None or not node.children or node.expanded == expanded or self._needle:
            return
        node.expanded = expanded
        node.cells = None
        if self._job.running:  # the rows are on their way to an order that is no longer wanted
            self._job.start(self._arranging())
            return
        if expanded:
            self.insert(row + 1, self._tree.shown_below(node))
        else:
            self.remove(row + 1, self.end_of(row))
        self.changed(row, row)

    def is_open(self, row: int) -> bool:
        """Return whether the level of a row is open; while a filter is set all are."""
        node = self.line(row)
        return node is not None and bool(node.children) and (node.expanded or bool(self._needle))

    def has_children(self, line: Node) -> bool:
        """Return whether there are channels below a line."""
        return bool(line.children)

    def depth(self, line: Node) -> int:
        """Return how many levels are above a line."""
        return line.depth

    # -- cells ------------------------------------------------------------------------------------------

    def cells(self, line: Node) -> tuple[str, ...]:
        """Return the texts of a line, as they were refreshed last."""
        if line.cells is None:
            self._load(line)
        assert line.cells is not None
        return line.cells

    def faint(self, line: Node, column: int) -> bool:
        """Return whether a cell is drawn paler: all but names and stored values."""
        return column != NAME and not (column == VALUE and line.info is not None and line.info.stored)

    def _load(self, node: Node) -> None:
        info = node.info = self._source.channel(node.path) if node.is_channel else None
        if info is None:
            closed = not (node.expanded or self._needle)
            node.cells = (node.name, _channels(node.below) if closed else "", "", "", "", "")
            return
        node.cells = (
            node.name,
            info.preview,
            short_type(info.content_type),
            human_bytes(info.size),
            f"{human_count(round(info.rate, 1))}/s",
            age_text(time.time() - info.time),
        )

    def tool_tip(self, line: Node, column: int) -> str:
        """Return all that is known of a channel."""
        del column
        info = self._source.channel(line.path) if line.is_channel else None
        if info is None:
            return f"{line.path}/: {_channels(line.below)}"
        kept = "stored" if info.stored else "not stored: it came in print mode"
        return (
            f"{info.channel}\n{info.content_type}, {info.size:,} bytes, from {info.client}, {kept}\n"
            f"{info.messages:,} messages, {info.bytes:,} bytes all together, {info.rate:,.1f} a second\n{info.preview}"
        )


def _channels(count: int) -> str:
    return f"{count:,} channel" if count == 1 else f"{count:,} channels"
