"""`Channels`: what has come in on each channel of a server, in either mode: newest, totals, rate.

Plain Python: no Qt, no sockets. The server thread counts; any thread may read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from hdaemon.blocks import PREVIEW_CHARS, DataBlock, PayloadBlock

__all__ = ["ChannelInfo", "Channels"]

_WINDOW_S = 1.0
"""A rate is that of the window at hand and the one before it: it follows a change within two seconds."""

_KEPT_BYTES = 1024 * 1024
"""A newest block that is larger is kept by its beginning: log and store may have let the payload go."""


class ChannelInfo(NamedTuple):
    """One channel, as it was when it was asked for.

    Attributes:
        channel: its name.
        serial, time, content_type, size, client: of the newest message; time in seconds since the epoch, size in bytes.
        messages, bytes: received on it, all together.
        rate: messages a second, over the last one or two seconds.
        stored: whether the newest message went into the store; False when it was only shown (print mode).
        preview: one line that stands for the newest payload.
    """

    channel: str
    serial: int
    time: float
    content_type: str
    size: int
    messages: int
    bytes: int
    rate: float
    client: str
    stored: bool
    preview: str


class _Count:
    """What is counted of one channel; times are monotonic."""

    __slots__ = ("before", "bytes", "count", "count_before", "messages", "newest", "window")

    def __init__(self, now: float) -> None:
        self.window = now  # when the window at hand began; `count` came in it
        self.before = now  # when the window before it began; `count_before` came in that
        self.count = self.count_before = 0
        self.newest: DataBlock | ChannelInfo | None = None
        self.messages = self.bytes = 0

    def rate(self, now: float) -> float:
        """Return messages a second, over the window at hand and the one before it."""
        if now - self.window > 2 * _WINDOW_S:
            return 0.0
        return (self.count + self.count_before) / max(now - self.before, _WINDOW_S)


class Channels:
    """The channels of one server, at most `max_channels`: past it the one that was silent longest is forgotten.

    Args:
        max_channels: see `Limits`.
        clock: the monotonic clock.
    """

    def __init__(self, max_channels: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max, self._clock = max_channels, clock
        self._counts: dict[str, _Count] = {}  # the one that was silent longest comes first
        self._lock = threading.Lock()

    def add(self, block: DataBlock) -> None:
        """Count what was received."""
        now, size = self._clock(), block.size
        newest = block if size <= _KEPT_BYTES else _described(block)
        with self._lock:
            count = self._counts.pop(block.channel, None)
            if count is None:
                count = _Count(now)
                if len(self._counts) >= self._max:
                    del self._counts[next(iter(self._counts))]
            elif now - count.window >= _WINDOW_S:
                if now - count.window > 2 * _WINDOW_S:  # it was silent: the rate begins anew
                    count.before, count.count_before = now, 0
                else:
                    count.before, count.count_before = count.window, count.count
                count.window, count.count = now, 0
            self._counts[block.channel] = count
            count.newest = newest
            count.count += block.count
            count.messages += block.count
            count.bytes += size

    def infos(self) -> tuple[ChannelInfo, ...]:
        """Return every channel, sorted by name."""
        now = self._clock()
        with self._lock:
            # A count may go on changing meanwhile: its numbers are then a moment apart, each true by itself.
            counts = sorted(self._counts.items())
        return tuple(_info(count, now) for _, count in counts)

    def names(self) -> list[str]:
        """Return the names of the channels, in no order; costs little also where there are thousands."""
        with self._lock:
            return list(self._counts)

    def info(self, channel: str) -> ChannelInfo | None:
        """Return one channel, or None when nothing has come in on it."""
        count = self._counts.get(channel)
        return None if count is None else _info(count, self._clock())

    def __len__(self) -> int:
        return len(self._counts)


def _info(count: _Count, now: float) -> ChannelInfo:
    newest = count.newest
    assert newest is not None  # set before the count was made known
    described = newest if isinstance(newest, ChannelInfo) else _described(newest)
    return described._replace(messages=count.messages, bytes=count.bytes, rate=count.rate(now))


def _described(block: DataBlock) -> ChannelInfo:
    """Return what there is to say of the newest message of `block`; its totals are left out."""
    message = block.message() if isinstance(block, PayloadBlock) else block.last()
    return ChannelInfo(
        message.channel,
        message.serial,
        message.time,
        message.content_type,
        len(message.payload),
        0,
        0,
        0.0,
        message.client,
        block.mode == "evaluate",
        message.preview(PREVIEW_CHARS),
    )
