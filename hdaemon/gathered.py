"""Messages that came one by one, kept together: what the log makes of small blocks.

A block a message is a handful of objects, each of which Python's garbage collector visits in every full collection:
with 100,000 of them in a log it stopped all threads for 70 to 130 ms at a time. Here a message is its bytes and a place
in four columns, which hold nothing that the collector looks at: 0.02 objects a message instead of 2, a third of the
memory.
"""

from __future__ import annotations

from array import array

from hdaemon.blocks import PREVIEW_CHARS, DataBlock, LinesBlock, PayloadBlock, Row, beginning, data_row
from hdaemon.content import TEXT
from hdaemon.message import Message, preview

__all__ = ["GatheredBlock", "GoneGatheredBlock", "Kind", "kind_of", "small_payloads"]

_MOST_LINES, _MOST_PAYLOADS = 8, 64
"""Messages of a block that is gathered, at most: larger ones cost little a message as they are. Lines have to be cut
from each other for it. With payloads of up to 8 a flood of HTTP messages, 25 at a time, left 4,000 blocks in the log, a
full collection of the process every 20 s, and a gap of 45 ms."""

Kind = tuple[str, str, str, str]
"""What many messages have in common: channel, content type, client, mode."""


class GatheredBlock:
    """Small messages of any client, channel and type with consecutive rows. It grows while only the log knows it.

    Attributes:
        times, serials, kinds, payloads: of each message.
        start: the row of the first.
        count, size: messages and payload bytes.
    """

    __slots__ = ("count", "kinds", "payloads", "serials", "size", "start", "times")

    def __init__(self, start: int) -> None:
        self.times, self.serials = array("d"), array("Q")
        self.kinds: list[Kind] = []
        self.payloads: list[bytes] = []
        self.start, self.count, self.size = start, 0, 0

    def add(self, time: float, serial: int, kind: Kind, payloads: list[bytes]) -> None:
        """Take more messages in, which came at once; `serial` is that of the first."""
        count = len(payloads)
        self.times.extend([time] * count)
        self.serials.extend(range(serial, serial + count))
        self.kinds += [kind] * count
        self.payloads += payloads
        self.count += count
        self.size += sum(map(len, payloads))

    def row(self, number: int) -> Row:
        """Return row `number` of the log."""
        index = number - self.start
        channel, content_type, client, mode = self.kinds[index]
        payload = self.payloads[index]
        message = Message(self.serials[index], self.times[index], channel, content_type, payload, client)
        return data_row(number, message, mode)

    def without_payload(self, first: int) -> GoneGatheredBlock:
        """Return what stays without the payloads; of rows before `first`, which are dropped, nothing."""
        return GoneGatheredBlock(self, max(0, first - self.start))


class GoneGatheredBlock:
    """What stays of a `GatheredBlock` whose payloads were let go: the beginning and the size of each.

    Attributes:
        kinds, beginnings: of each message.
        start, count, size: as of any block; no payload bytes are held.
    """

    __slots__ = ("_serials", "_sizes", "_times", "beginnings", "count", "kinds", "size", "start")

    def __init__(self, whole: GatheredBlock, dropped: int) -> None:
        self._times, self._serials, self.kinds = whole.times, whole.serials, whole.kinds
        self._sizes = array("Q", map(len, whole.payloads))
        self.beginnings = [b""] * dropped
        for kind, payload in zip(whole.kinds[dropped:], whole.payloads[dropped:], strict=True):
            self.beginnings.append(beginning(kind[1], payload))
        self.start, self.count, self.size = whole.start, whole.count, 0

    def preview(self, number: int) -> str:
        """Return the preview of row `number`."""
        index = number - self.start
        return preview(self.kinds[index][1], self.beginnings[index], PREVIEW_CHARS)

    def row(self, number: int) -> Row:
        """Return row `number` with its preview."""
        index = number - self.start
        channel, content_type, client, mode = self.kinds[index]
        return Row(
            number,
            self._times[index],
            client,
            None,
            None,
            self.preview(number),
            self._sizes[index],
            self._serials[index],
            channel,
            content_type,
            mode,
            gone=True,
        )


def small_payloads(block: DataBlock) -> list[bytes] | None:
    """Return the payload of each message of a block that is worth gathering; None for others."""
    if isinstance(block, PayloadBlock):
        return [block.payload] if isinstance(block.payload, bytes) else None
    return block.lines() if block.count <= (_MOST_LINES if isinstance(block, LinesBlock) else _MOST_PAYLOADS) else None


def kind_of(block: DataBlock) -> Kind:
    """Return what its messages have in common."""
    content_type = TEXT if isinstance(block, LinesBlock) else block.content_type
    return (block.channel, content_type, block.client, block.mode)
