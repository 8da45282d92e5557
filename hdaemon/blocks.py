"""What a log is made of: blocks as they were received, and the rows they become when somebody looks at them.

A block of ten thousand lines is the bytes that came and a count; its rows are made one by one, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hdaemon.content import JSON, TEXT, Payload
from hdaemon.errors import PayloadGone
from hdaemon.message import Message, preview

__all__ = [
    "Block",
    "DataBlock",
    "EventBlock",
    "GoneBlock",
    "LinesBlock",
    "PayloadBlock",
    "PayloadsBlock",
    "Row",
    "beginning",
    "data_row",
    "without_payload",
]

PREVIEW_CHARS = 200
"""What a preview shows: one line of the pane."""

_HEAD_BYTES, _ASCII_HEAD_BYTES = 4 * PREVIEW_CHARS + 1, PREVIEW_CHARS + 1
"""What stays of a payload that was let go. One byte more than a preview may show says that there was more."""


class Row(NamedTuple):
    """One row of the log.

    Attributes:
        number: its number since the log was made, from 0; never changes and never comes again.
        time: seconds since the epoch.
        client: the name of the client it is about; empty when it is about the server.
        message: the message of a data row; None for a lifecycle row.
        event: what happened (``"started"``, ``"connected"``, ``"refused"`` ...); None for a data row.
        text: a lifecycle row's text, or a data row's preview: one line.
        size: payload bytes of a data row; 0 for a lifecycle row.
        serial, channel, content_type, mode: of a data row; 0 and empty for a lifecycle row. `mode` is the one in
            which it was received.
        gone: a data row whose payload was let go; `message` is None and `text` still its preview.
    """

    number: int
    time: float
    client: str
    message: Message | None
    event: str | None
    text: str
    size: int = 0
    serial: int = 0
    channel: str = ""
    content_type: str = ""
    mode: str = ""
    gone: bool = False

    @property
    def payload(self) -> Payload:
        """The payload of a data row.

        Raises:
            PayloadGone: it was let go to keep the log within its limit.
        """
        if self.gone or self.message is None:
            raise PayloadGone(
                f"the payload of log row {self.number} ({self.size} bytes) was let go: the log keeps "
                "limited payload bytes; raise the log's limit in the settings, or read the store"
            )
        return self.message.payload


class EventBlock:
    """A lifecycle row."""

    __slots__ = ("client", "count", "event", "size", "start", "text", "time")

    def __init__(self, time: float, event: str, text: str, client: str = "") -> None:
        self.time, self.event, self.text, self.client = time, event, text, client
        self.start, self.count, self.size = 0, 1, 0

    def row(self, number: int) -> Row:
        """Return the block as the row it is."""
        return Row(number, self.time, self.client, None, self.event, self.text)


class _Messages:
    """What blocks of messages have in common; `start` is the number of their first row, once a log has them."""

    __slots__ = ("channel", "client", "content_type", "count", "mode", "serial", "start", "time")

    def __init__(
        self, time: float, serial: int, channel: str, content_type: str, client: str, mode: str, count: int
    ) -> None:
        self.time, self.serial, self.start, self.count = time, serial, 0, count
        self.channel, self.content_type, self.client, self.mode = channel, content_type, client, mode


class PayloadBlock(_Messages):
    """One message with a payload of any type."""

    __slots__ = ("payload",)

    def __init__(
        self, time: float, serial: int, channel: str, content_type: str, payload: Payload, client: str, mode: str
    ) -> None:
        super().__init__(time, serial, channel, content_type, client, mode, 1)
        self.payload = payload

    @property
    def size(self) -> int:
        """Payload bytes held."""
        return len(self.payload)

    def message(self) -> Message:
        """Return the block as the message it is."""
        return Message(self.serial, self.time, self.channel, self.content_type, self.payload, self.client)

    def row(self, number: int) -> Row:
        """Return the block as the row it is."""
        return data_row(number, self.message(), self.mode)


class LinesBlock(_Messages):
    r"""A run of text messages as they were received: complete lines, each with its end (``\n`` or ``\r\n``)."""

    __slots__ = ("data",)

    def __init__(self, time: float, serial: int, channel: str, data: bytes, count: int, client: str, mode: str) -> None:
        super().__init__(time, serial, channel, TEXT, client, mode, count)
        self.data = data

    @property
    def size(self) -> int:
        """Payload bytes held, line ends included."""
        return len(self.data)

    def lines(self) -> list[bytes]:
        """Return the payload of each line, without its end."""
        lines = self.data.split(b"\n")
        lines.pop()
        if b"\r" in self.data:  # to look for both took longer than to split
            lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
        return lines

    def some_lines(self, first: int, end: int, known: tuple[int, int] = (0, 0)) -> tuple[list[bytes], tuple[int, int]]:
        """Return the payloads of the lines `first` to before `end`, without making those of the others.

        `known` is a line at or before `first` and the offset at which it begins; returns the same of `end`, too.
        """
        data, find = self.data, self.data.find
        line, at = known
        for _ in range(first - line):
            at = find(b"\n", at) + 1
        lines: list[bytes] = []
        for _ in range(end - first):
            stop = find(b"\n", at)
            lines.append(data[at : stop - 1] if stop > at and data[stop - 1] == 13 else data[at:stop])
            at = stop + 1
        return lines, (end, at)

    def last(self) -> Message:
        """Return the newest line as a message, without splitting the others."""
        end = len(self.data) - 1
        begin = self.data.rfind(b"\n", 0, end) + 1
        if self.data[end - 1 : end] == b"\r" and end - 1 >= begin:
            end -= 1
        return self.message(self.count - 1, self.data[begin:end])

    def message(self, index: int, line: bytes) -> Message:
        """Return line number `index` of the block, whose payload is `line`, as a message."""
        return Message(self.serial + index, self.time, self.channel, TEXT, line, self.client)


class PayloadsBlock(_Messages):
    """A run of messages of one type that came on one channel at once, small ones."""

    __slots__ = ("payloads", "size")

    def __init__(
        self, time: float, serial: int, channel: str, content_type: str, payloads: list[bytes], client: str, mode: str
    ) -> None:
        super().__init__(time, serial, channel, content_type, client, mode, len(payloads))
        self.payloads, self.size = payloads, sum(map(len, payloads))

    def lines(self) -> list[bytes]:
        """Return the payload of each message."""
        return self.payloads

    def last(self) -> Message:
        """Return the newest message."""
        return self.message(self.count - 1, self.payloads[-1])

    def message(self, index: int, payload: bytes) -> Message:
        """Return message number `index` of the block, whose payload is `payload`."""
        return Message(self.serial + index, self.time, self.channel, self.content_type, payload, self.client)

    def row(self, number: int) -> Row:
        """Return row `number` of the log."""
        index = number - self.start
        return data_row(number, self.message(index, self.payloads[index]), self.mode)

    def each(self) -> Iterator[PayloadBlock]:
        """Yield a block for each message."""
        for number, payload in enumerate(self.payloads, self.serial):
            yield PayloadBlock(self.time, number, self.channel, self.content_type, payload, self.client, self.mode)


class GoneBlock(_Messages):
    """What stays of a data block whose payload was let go: the beginning of each row, for its preview, and its size."""

    __slots__ = ("beginnings", "size", "sizes")

    def __init__(self, block: DataBlock, beginnings: tuple[bytes, ...], sizes: tuple[int, ...]) -> None:
        super().__init__(
            block.time, block.serial, block.channel, block.content_type, block.client, block.mode, block.count
        )
        self.start, self.size = block.start, 0
        self.beginnings, self.sizes = beginnings, sizes  # tuples: the garbage collector does not visit them each time

    def preview(self, number: int) -> str:
        """Return the preview of row `number`."""
        return preview(self.content_type, self.beginnings[number - self.start], PREVIEW_CHARS)

    def row(self, number: int) -> Row:
        """Return row `number` with its preview."""
        index = number - self.start
        return Row(
            number,
            self.time,
            self.client,
            None,
            None,
            self.preview(number),
            self.sizes[index],
            self.serial + index,
            self.channel,
            self.content_type,
            self.mode,
            gone=True,
        )


def data_row(number: int, message: Message, mode: str) -> Row:
    """Return the row of a message that was received in `mode`."""
    return Row(
        number,
        message.time,
        message.client,
        message,
        None,
        message.preview(PREVIEW_CHARS),
        len(message.payload),
        message.serial,
        message.channel,
        message.content_type,
        mode,
    )


DataBlock = LinesBlock | PayloadsBlock | PayloadBlock
Block = EventBlock | DataBlock | GoneBlock


def beginning(content_type: str, payload: Payload) -> bytes:
    """Return as much of a payload as its preview is made of, which is made when somebody looks at it.

    Made when the payload goes, the previews of 100,000 lines, which one large message pushes out, kept the interpreter
    for 280 ms; their beginnings take 50.
    """
    head = bytes(payload[:_HEAD_BYTES])
    if len(head) > _ASCII_HEAD_BYTES and content_type in (TEXT, JSON) and head.isascii():
        return head[:_ASCII_HEAD_BYTES]
    return head


def without_payload(block: DataBlock, first: int) -> GoneBlock:
    """Return what stays of `block`; of its rows before `first`, which are dropped already, nothing."""
    payloads: Sequence[Any] = [block.payload] if isinstance(block, PayloadBlock) else block.lines()
    dropped = max(0, first - block.start)
    if isinstance(block, LinesBlock) and block.data.isascii():
        kept = [line[:_ASCII_HEAD_BYTES] for line in payloads[dropped:]]  # what follows does, four times as fast
    else:
        kept = [beginning(block.content_type, payload) for payload in payloads[dropped:]]
    return GoneBlock(block, tuple([b""] * dropped + kept), tuple(map(len, payloads)))
