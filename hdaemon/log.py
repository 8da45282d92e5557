"""`RingLog`: what was received and what happened, oldest first, bounded by rows and by payload bytes.

It is fed blocks, not rows: a chunk of ten thousand lines is kept as the bytes that came, and a `Row` with its
`Message` is made when somebody looks at it. Appending a block costs the same whether it holds one line or ten thousand.

Plain Python: no Qt, no sockets. The server thread appends; any thread may read.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import overload

from hdaemon.blocks import Block, EventBlock, LinesBlock, PayloadBlock, PayloadsBlock, Row, data_row, without_payload
from hdaemon.message import one_line

__all__ = ["RingLog", "Row", "Snapshot"]

MAX_ROWS = 100_000
"""Rows kept: what a person can scroll through, at about 300 bytes a row of bookkeeping."""

MAX_PAYLOAD_BYTES = 256 * 1024 * 1024
"""Payload bytes kept: the log must not be what makes a session run out of memory."""

_SPLIT_BLOCKS_KEPT = 8
"""Blocks whose line offsets are kept: what a pane shows at once comes from a few."""


class _Rows:
    """Reading rows out of a list of blocks; shared by the live log and a snapshot of it."""

    _blocks: list[Block]
    _starts: list[int]
    _head: int
    first: int
    end: int

    def __init__(self) -> None:
        self._split: OrderedDict[int, list[bytes]] = OrderedDict()

    def __len__(self) -> int:
        return self.end - self.first

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Return the row at `index`, counted from the oldest that is kept; a slice gives a list."""
        first, end = self.first, self.end
        if isinstance(index, slice):
            rows = [self.row(first + i) for i in range(*index.indices(end - first))]
            return [row for row in rows if row is not None]
        if index < 0:
            index += end - first
        row = self.row(first + index) if 0 <= index < end - first else None
        if row is None:
            raise IndexError(f"log row {index} of {end - first}")
        return row

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows kept at the moment of the call."""
        for number in range(self.first, self.end):
            row = self.row(number)
            if row is not None:
                yield row

    def row(self, number: int) -> Row | None:
        """Return the row of that number, or None when it is not kept (any more, or yet)."""
        block = self.block_of(number)
        if block is None:
            return None
        if not isinstance(block, LinesBlock):
            return block.row(number)
        index = number - block.start
        return data_row(number, block.message(index, self._lines(block)[index]), block.mode)

    def block_of(self, number: int) -> Block | None:
        """Return the block that holds row `number`, or None when it is not kept."""
        if not self.first <= number < self.end:
            return None
        index = bisect_right(self._starts, number, self._head) - 1
        return self._blocks[index] if index >= self._head else None

    def blocks(self, number: int) -> Iterator[Block]:
        """Iterate over the blocks kept at the moment of the call, from the one that holds row `number`."""
        index = max(bisect_right(self._starts, max(number, self.first), self._head) - 1, self._head)
        return iter(self._blocks[index:])

    def _lines(self, block: LinesBlock) -> list[bytes]:
        key = block.start
        lines = self._split.get(key)
        if lines is None:
            lines = block.lines()
            self._split[key] = lines
            while len(self._split) > _SPLIT_BLOCKS_KEPT:
                self._split.popitem(last=False)
        return lines


class Snapshot(_Rows):
    """The log as it was at one moment; its rows stay while somebody looks at them."""

    def __init__(self, blocks: list[Block], starts: list[int], first: int, end: int) -> None:
        super().__init__()
        self._blocks, self._starts, self._head = blocks, starts, 0
        self.first, self.end = first, end

    def extended(self, later: Snapshot) -> Snapshot:
        """Return this snapshot with the rows of `later` after it, as far as they join up.

        Raises:
            ValueError: rows between the two are missing.
        """
        if later.first > self.end:
            raise ValueError(f"rows {self.end} to {later.first - 1} are in neither snapshot")
        keep = bisect_right(self._starts, later._starts[0] - 1) if later._starts else len(self._starts)
        return Snapshot(self._blocks[:keep] + later._blocks, self._starts[:keep] + later._starts, self.first, later.end)


class RingLog(_Rows):
    """A log that keeps the newest rows, within two limits.

    Args:
        max_rows: rows kept; past it the oldest go, counted in `rows_dropped`.
        max_payload_bytes: payload bytes kept; past it the oldest payloads go, counted in `payloads_dropped`
            (rows), while their previews stay.

    Attributes:
        first: number of the oldest row kept.
        end: one more than the number of the newest row.
    """

    def __init__(self, max_rows: int = MAX_ROWS, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._blocks, self._starts, self._head = [], [], 0
        self._whole = 0  # index of the oldest block that may still hold a payload
        self.first = self.end = 0
        self.max_rows, self.max_payload_bytes = max_rows, max_payload_bytes
        self.payload_bytes = 0
        self.rows_dropped = 0
        self.payloads_dropped = 0

    # -- writing ----------------------------------------------------------------------------------------

    def append(self, block: Block) -> int:
        """Add `block` as the newest rows; return the number of its first one. The log owns it from here on."""
        with self._lock:
            start = block.start = self.end
            self._blocks.append(block)
            self._starts.append(start)
            self.end = start + block.count
            self.payload_bytes += block.size
            if self.end - self.first > self.max_rows:
                self._drop_rows(self.end - self.max_rows)
            if self.payload_bytes > self.max_payload_bytes:
                self._drop_payloads()
        return start

    def event(self, time: float, event: str, text: str, client: str = "") -> int:
        """Add a lifecycle row; return its number."""
        return self.append(EventBlock(time, event, one_line(text), client))

    def set_limits(self, max_rows: int, max_payload_bytes: int) -> None:
        """Change both limits; what is past them goes at once."""
        with self._lock:
            self.max_rows, self.max_payload_bytes = max_rows, max_payload_bytes
            if self.end - self.first > max_rows:
                self._drop_rows(self.end - max_rows)
            if self.payload_bytes > max_payload_bytes:
                self._drop_payloads()

    def clear(self) -> None:
        """Forget every row; numbers go on from where they are. What is cleared does not count as dropped."""
        with self._lock:
            self._blocks, self._starts, self._head, self._whole = [], [], 0, 0
            self.first = self.end
            self.payload_bytes = 0
            self._split.clear()

    # -- reading ----------------------------------------------------------------------------------------

    def row(self, number: int) -> Row | None:
        """Return the row of that number, or None when it is not kept (any more, or yet)."""
        with self._lock:
            return super().row(number)

    def blocks(self, number: int) -> Iterator[Block]:
        """Iterate over the blocks kept at the moment of the call, from the one that holds row `number`."""
        with self._lock:
            return super().blocks(number)

    def span(self) -> tuple[int, int]:
        """Return `first` and `end` as they stand together."""
        with self._lock:
            return self.first, self.end

    def snapshot(self) -> Snapshot:
        """Return the rows kept now, as something that no longer changes (blocks are shared, not copied)."""
        with self._lock:
            return Snapshot(self._blocks[self._head :], self._starts[self._head :], self.first, self.end)

    # -- limits -----------------------------------------------------------------------------------------

    def _drop_rows(self, first: int) -> None:
        self.rows_dropped += first - self.first
        self.first = first
        head = self._head
        while head < len(self._blocks) and self._blocks[head].start + self._blocks[head].count <= first:
            self.payload_bytes -= self._blocks[head].size
            self._split.pop(self._starts[head], None)
            self._blocks[head] = _NOTHING  # let its payload go now, not at the next compaction
            head += 1
        self._head = head
        self._whole = max(self._whole, head)
        if head > 1024 and head * 2 > len(self._blocks):
            del self._blocks[:head], self._starts[:head]
            self._whole -= head
            self._head = 0

    def _drop_payloads(self) -> None:
        while self.payload_bytes > self.max_payload_bytes and self._whole < len(self._blocks):
            block = self._blocks[self._whole]
            if isinstance(block, (PayloadBlock, LinesBlock, PayloadsBlock)):
                self.payload_bytes -= block.size
                self.payloads_dropped += block.start + block.count - max(block.start, self.first)
                self._split.pop(block.start, None)
                # A new block takes its place: a snapshot that holds the old one keeps its payload.
                self._blocks[self._whole] = without_payload(block, self.first)
            self._whole += 1


_NOTHING = EventBlock(0.0, "", "")
