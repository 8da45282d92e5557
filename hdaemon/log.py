"""`RingLog`: what was received and what happened, oldest first, bounded by rows and by payload bytes.

It is fed blocks, not rows: a chunk of ten thousand lines is kept as the bytes that came, and a `Row` with its
`Message` is made when somebody looks at it. Appending a block costs the same whether it holds one line or ten thousand.
Blocks of a few small messages are kept together: see `GatheredBlock`.

Plain Python: no Qt, no sockets. The server thread appends; any thread may read.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import overload

from hdaemon import courtesy
from hdaemon.blocks import Block as ReceivedBlock
from hdaemon.blocks import (
    DataBlock,
    EventBlock,
    LinesBlock,
    PayloadBlock,
    PayloadsBlock,
    Row,
    data_row,
    without_payload,
)
from hdaemon.gathered import GatheredBlock, GoneGatheredBlock, Kind, kind_of, small_payloads
from hdaemon.message import one_line

__all__ = ["Block", "RingLog", "Row", "Snapshot"]

Block = ReceivedBlock | GatheredBlock | GoneGatheredBlock
"""What a log holds."""

MAX_ROWS = 100_000
"""Rows kept: what a person can scroll through, at about 300 bytes a row of bookkeeping."""

MAX_PAYLOAD_BYTES = 256 * 1024 * 1024
"""Payload bytes kept: the log must not be what makes a session run out of memory."""

_GATHERED_ROWS = 256
_GATHERED_PART = 256
"""Small blocks are gathered up to so many rows, and up to that part of the log's payload bytes: they go together."""

_MAX_KINDS = 1024

_WORK_S, _BREATH_S = 0.001, 0.00005
"""While many payloads go at once, whoever waits for the interpreter gets it after a millisecond, and not after five."""

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
        self._open: GatheredBlock | None = None  # the newest block while it may grow: nobody else has seen it
        self._kinds: dict[Kind, Kind] = {}
        self.first = self.end = 0
        self.max_rows, self.max_payload_bytes = max_rows, max_payload_bytes
        self.payload_bytes = 0
        self.rows_dropped = 0
        self.payloads_dropped = 0

    # -- writing ----------------------------------------------------------------------------------------

    def append(self, block: ReceivedBlock) -> int:
        """Add `block` as the newest rows; return the number of its first one. The log owns it from here on."""
        with self._lock:
            start = block.start = self.end
            if not isinstance(block, (LinesBlock, PayloadBlock, PayloadsBlock)) or not self._gather(block):
                self._open = None
                self._blocks.append(block)
                self._starts.append(start)
                self.payload_bytes += block.size
            self.end = start + block.count
            if self.end - self.first > self.max_rows:
                self._drop_rows(self.end - self.max_rows)
        if self.payload_bytes > self.max_payload_bytes:
            self._drop_payloads()
        return start

    def _gather(self, block: DataBlock) -> bool:
        """Add the messages of a small block to the newest block; return False, and do nothing, for a large one."""
        most = min(_GATHERED_ROWS, self.max_rows // _GATHERED_ROWS)
        room = self.max_payload_bytes // _GATHERED_PART - block.size
        if room <= 0 or block.count > most or (payloads := small_payloads(block)) is None:
            return False
        into = self._open
        if into is None or into.count + block.count > most or into.size > room:
            into = self._open = GatheredBlock(block.start)
            self._blocks.append(into)
            self._starts.append(block.start)
        kind = kind_of(block)
        if len(self._kinds) >= _MAX_KINDS:
            self._kinds.clear()
        kind = self._kinds.setdefault(kind, kind)  # one for all: 88 bytes a message less
        before = into.size
        into.add(block.time, block.serial, kind, payloads)
        self.payload_bytes += into.size - before
        return True

    def event(self, time: float, event: str, text: str, client: str = "") -> int:
        """Add a lifecycle row; return its number."""
        return self.append(EventBlock(time, event, one_line(text), client))

    def set_limits(self, max_rows: int, max_payload_bytes: int) -> None:
        """Change both limits; what is past them goes at once."""
        with self._lock:
            self.max_rows, self.max_payload_bytes = max_rows, max_payload_bytes
            self._open = None
            if self.end - self.first > max_rows:
                self._drop_rows(self.end - max_rows)
        if self.payload_bytes > max_payload_bytes:
            self._drop_payloads()

    def clear(self) -> None:
        """Forget every row; numbers go on from where they are. What is cleared does not count as dropped."""
        with self._lock:
            self._blocks, self._starts, self._head, self._whole = [], [], 0, 0
            self._open = None
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
            self._open = None  # what somebody has seen grows no more
            return super().blocks(number)

    def span(self) -> tuple[int, int]:
        """Return `first` and `end` as they stand together."""
        with self._lock:
            return self.first, self.end

    def snapshot(self) -> Snapshot:
        """Return the rows kept now, as something that no longer changes (blocks are shared, not copied)."""
        with self._lock:
            self._open = None  # what somebody has seen grows no more
            return Snapshot(self._blocks[self._head :], self._starts[self._head :], self.first, self.end)

    # -- limits -----------------------------------------------------------------------------------------

    def _drop_rows(self, first: int) -> None:
        self.rows_dropped += first - self.first
        self.first = first
        head = self._head
        while head < len(self._blocks) and self._blocks[head].start + self._blocks[head].count <= first:
            if head >= self._whole:  # of those before, the payload no longer counts
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
        """Let go of the oldest payloads; called without the lock.

        What stays of a block is made without it: a message of 50 MB pushes out a hundred thousand lines, which takes
        some 50 ms, and the interface asks for rows meanwhile.
        """
        rested = time.monotonic()
        while (block := self._oldest_payload()) is not None:
            # A new block takes its place: a snapshot that holds the old one keeps its payload.
            gone: Block
            if isinstance(block, GatheredBlock):
                gone = block.without_payload(self.first)
            else:
                gone = without_payload(block, self.first)
            with self._lock:
                index = bisect_right(self._starts, gone.start, self._head) - 1
                if index >= self._head and self._blocks[index] is block:
                    self._split.pop(gone.start, None)
                    self._blocks[index] = gone
            rest_s = courtesy.rest_s()  # who draws would wait 5 ms for each look at a row
            if rest_s or time.monotonic() - rested > _WORK_S:
                time.sleep(rest_s or _BREATH_S)
                rested = time.monotonic()

    def _oldest_payload(self) -> DataBlock | GatheredBlock | None:
        """Return the block whose payload goes next, which counts no longer; None when there is room enough."""
        with self._lock:
            while self.payload_bytes > self.max_payload_bytes and self._whole < len(self._blocks):
                block = self._blocks[self._whole]
                self._whole += 1
                if isinstance(block, (PayloadBlock, LinesBlock, PayloadsBlock, GatheredBlock)):
                    self.payload_bytes -= block.size
                    self.payloads_dropped += block.start + block.count - max(block.start, self.first)
                    if block is self._open:
                        self._open = None
                    return block
        return None


_NOTHING = EventBlock(0.0, "", "")
