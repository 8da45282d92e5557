"""`Store`: the latest message of every channel. In Houdini it is `hou.session.dataobject`.

Plain Python: no Qt, no sockets. The server thread sets it at once; any thread may read it at any time,
also a node's cook while the main thread is busy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from hdaemon.blocks import DataBlock, PayloadBlock
from hdaemon.consumers import MAX_BYTES, MAX_MESSAGES, Callback, Consumers, Queue, Taken
from hdaemon.errors import NoData
from hdaemon.message import DEFAULT_CHANNEL, Message

__all__ = ["Entry", "Store", "latest", "on", "queue", "store"]


class Entry(NamedTuple):
    """What a channel held at the moment it was asked for: `message`, and `data`, its decoded value."""

    message: Message

    @property
    def data(self) -> Any:
        """The value of the message: see `Message.data`."""
        return self.message.data


class _Held:
    """The newest message of a block, made when somebody asks: most are overtaken before."""

    __slots__ = ("_block", "_message", "serial")

    def __init__(self, block: DataBlock) -> None:
        self.serial = block.serial + block.count - 1
        self._block = block
        self._message: Message | None = None

    @property
    def message(self) -> Message:
        made = self._message
        if made is None:
            block = self._block
            # Two threads may make one at the same time: the same value twice, and the later one is kept.
            made = self._message = block.message() if isinstance(block, PayloadBlock) else block.last()
        return made


class Store:
    """The latest message of every channel; a read-only mapping from channel to `Entry` for its readers.

    Each read is one look-up in a dict or of an attribute, which CPython does without interruption, so readers
    take no lock and never wait for a writer.
    """

    def __init__(self) -> None:
        self._latest: dict[str, _Held] = {}
        self._newest: _Held | None = None
        self._lock = threading.Lock()
        self._next_serial = 1
        self.consumers = Consumers()

    # -- readers ----------------------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """The newest stored value of all channels, or None while there is none (the original contract)."""
        newest = self._newest
        return None if newest is None else newest.message.data

    @property
    def message(self) -> Message | None:
        """The newest stored message of all channels, or None while there is none."""
        newest = self._newest
        return None if newest is None else newest.message

    @property
    def serial(self) -> int:
        """The serial number of the newest stored message, 0 while there is none; grows with every store."""
        newest = self._newest
        return 0 if newest is None else newest.serial

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that hold a message, sorted."""
        return tuple(sorted(list(self._latest)))

    def __getitem__(self, channel: str) -> Entry:
        """Return what `channel` holds.

        Raises:
            NoData: nothing has been stored on it; says what to do.
        """
        try:
            return Entry(self._latest[channel].message)
        except KeyError:
            known = ", ".join(self.channels) or "none yet"
            raise NoData(
                f"nothing is stored on channel {channel!r} (stored channels: {known}); "
                "send to it in evaluate mode: in print mode messages are only shown"
            ) from None

    def get(self, channel: str = DEFAULT_CHANNEL) -> Entry | None:
        """Return what `channel` holds, or None when nothing has been stored on it."""
        held = self._latest.get(channel)
        return None if held is None else Entry(held.message)

    def queue(self, channel: str, maxlen: int = MAX_MESSAGES, *, max_bytes: int = MAX_BYTES) -> Queue:
        """Return a queue that is given every message stored on `channel` from here on: see `Queue`.

        Raises:
            UsageError: `channel` is no channel or filter, or a limit is not above 0.
        """
        made = Queue(channel, maxlen, max_bytes)
        self.consumers.add(made)
        return made

    def on(self, channel: str, callback: Taken, maxlen: int = MAX_MESSAGES, *, max_bytes: int = MAX_BYTES) -> Callback:
        """Have `callback` called on the main thread with the messages stored on `channel` from here on.

        A running server calls it, in Qt's event loop. Where there is none (hython), use `queue`.

        Args:
            channel: a channel, or a filter with ``+`` and ``#`` as MQTT has them.
            callback: called with a list of messages, oldest first: all that came since it was called last, at most
                a thousand at once. What it raises is a row in the log.
            maxlen: messages that may wait while the main thread is busy; past it the oldest go, counted in
                `overflowed` of what is returned.
            max_bytes: the same, for the sum of their payloads.

        Returns what ends it: ``.close()``.

        Raises:
            UsageError: `channel` is no channel or filter, or a limit is not above 0.
        """
        made = Callback(channel, callback, maxlen, max_bytes)
        self.consumers.add(made)
        return made

    def __contains__(self, channel: object) -> bool:
        return channel in self._latest

    def __iter__(self) -> Iterator[str]:
        return iter(self.channels)

    def __len__(self) -> int:
        """Return how many channels hold a message."""
        return len(self._latest)

    def __bool__(self) -> bool:
        """A store is true, also when it is empty: `if hou.session.dataobject:` asks whether it is attached."""
        return True

    def __repr__(self) -> str:
        return f"<hdaemon Store: {len(self)} channels, serial {self.serial}>"

    # -- writers ----------------------------------------------------------------------------------------

    def take_serials(self, count: int = 1) -> int:
        """Return the first of `count` new serial numbers; one call numbers a whole block of lines."""
        with self._lock:
            first = self._next_serial
            self._next_serial = first + count
        return first

    def put(self, block: DataBlock, to_wake: set[Queue] | None = None) -> None:
        """Make the newest message of `block` the latest of its channel; readers on every thread see it from here on.

        A message older than what the channel or the store holds (two servers may race) does not replace it. Queues and
        callbacks are given all messages of the block; threads that wait for one are woken, or left to the caller in
        `to_wake`: see `Consumers.offer`.
        """
        held = _Held(block)
        with self._lock:
            before = self._latest.get(block.channel)
            if before is None or before.serial < held.serial:
                self._latest[block.channel] = held
            if self._newest is None or self._newest.serial < held.serial:
                self._newest = held
        self.consumers.offer(block, to_wake)

    def clear(self) -> None:
        """Forget every message; serial numbers go on from where they are."""
        with self._lock:
            self._latest = {}
            self._newest = None


store = Store()
"""The process's store: every server puts into it unless it is given another."""


def latest(channel: str = DEFAULT_CHANNEL) -> Entry | None:
    """Return what `channel` of the process's store holds (`.data`, `.message`), or None while it holds nothing."""
    return store.get(channel)


def queue(channel: str, maxlen: int = MAX_MESSAGES, *, max_bytes: int = MAX_BYTES) -> Queue:
    """Return a queue of every message stored on `channel` from here on, in the process's store: see `Store.queue`."""
    return store.queue(channel, maxlen, max_bytes=max_bytes)


def on(channel: str, callback: Taken, maxlen: int = MAX_MESSAGES, *, max_bytes: int = MAX_BYTES) -> Callback:
    """Have `callback` called on the main thread with the messages stored on `channel`: see `Store.on`."""
    return store.on(channel, callback, maxlen, max_bytes=max_bytes)
