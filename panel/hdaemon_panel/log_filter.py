"""Searching a log for rows that contain a text, block by block, so that it can be done a slice at a time."""

from __future__ import annotations

from collections.abc import Iterator

from hdaemon.blocks import EventBlock, LinesBlock, PayloadBlock, PayloadsBlock
from hdaemon.content import Payload
from hdaemon.gathered import GatheredBlock, GoneGatheredBlock
from hdaemon.log import Block

__all__ = ["Needle"]

_WINDOW = 256 * 1024
"""Bytes searched before the interface gets its turn: a fraction of a millisecond."""


class Needle:
    """A text to look for: in the whole payload or a lifecycle row's text, or as the name of a client or channel.

    Letters A to Z match in either case; other characters as they are. A name must be given whole: every letter of
    "default" would match every row otherwise.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lower = text.casefold()
        self._bytes = text.encode("utf-8", "replace").lower()

    def rows(self, block: Block, first: int) -> Iterator[int | None]:
        """Yield the numbers of the rows of `block`, from `first` on, that contain the text; None for "still at it"."""
        start = max(first, block.start)
        end = block.start + block.count
        if isinstance(block, EventBlock):
            text = f"{block.event} {block.text}".casefold()
            if self._lower in text or self._lower == block.client.casefold():
                yield start
        elif isinstance(block, (GatheredBlock, GoneGatheredBlock)):
            yield from self._gathered(block, start)
        elif self._lower in (block.client.casefold(), block.channel.casefold()):
            yield from range(start, end)
        elif isinstance(block, LinesBlock):
            yield from self._lines(block, start)
        elif isinstance(block, PayloadBlock):
            yield from self._payload(block.payload, start)
        elif isinstance(block, PayloadsBlock):
            for number in range(start, end):
                yield from self._payload(block.payloads[number - block.start], number)
        else:
            for number in range(start, end):
                if self._lower in block.preview(number).casefold():
                    yield number

    def _gathered(self, block: GatheredBlock | GoneGatheredBlock, start: int) -> Iterator[int | None]:
        for number in range(start, block.start + block.count):
            index = number - block.start
            channel, _, client, _ = block.kinds[index]
            if self._lower in (client.casefold(), channel.casefold()):
                yield number
            elif isinstance(block, GatheredBlock):
                yield from self._payload(block.payloads[index], number)
            elif self._lower in block.preview(number).casefold():
                yield number

    def _payload(self, payload: Payload, number: int) -> Iterator[int | None]:
        overlap = max(len(self._bytes) - 1, 0)
        for begin in range(0, len(payload), _WINDOW):
            if self._bytes in bytes(payload[begin : begin + _WINDOW + overlap]).lower():
                yield number
                return
            yield None

    def _lines(self, block: LinesBlock, start: int) -> Iterator[int | None]:
        data = block.data
        number, counted = block.start, 0
        begin = 0
        while begin < len(data):
            end = min(len(data), data.find(b"\n", min(begin + _WINDOW, len(data) - 1)) + 1) or len(data)
            window = data[begin:end].lower()
            at = window.find(self._bytes)
            while at >= 0:
                number += data.count(b"\n", counted, begin + at)
                counted = begin + at
                if number >= start:
                    yield number
                # On to the next line: one match a row is enough.
                line_end = window.find(b"\n", at)
                at = window.find(self._bytes, line_end) if line_end >= 0 else -1
            begin = end
            yield None
