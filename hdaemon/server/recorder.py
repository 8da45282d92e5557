"""`Recorder`: what a client sent, put where it belongs: into the log, and in evaluate mode into the store."""

from __future__ import annotations

import time
from collections.abc import Callable

from hdaemon.blocks import DataBlock, LinesBlock, PayloadBlock, PayloadsBlock
from hdaemon.channels import Channels
from hdaemon.consumers import Queue
from hdaemon.content import Payload
from hdaemon.log import RingLog
from hdaemon.message import DEFAULT_CHANNEL
from hdaemon.server.client import Client
from hdaemon.store import Store
from hdaemon.wire.events import Lines, Payloads
from hdaemon.wire.events import Payload as Sent

__all__ = ["OWN", "DataBlock", "Recorder"]

OWN = "this session"
"""Who the client of a message is that this session has published."""

_LARGE_BYTES = 256 * 1024
"""Who waits for a message of as much is woken at once: that takes little beside receiving it, and what is still to be
done, as to answer the client, takes a tenth of a millisecond and more when others want the interpreter too."""


class Recorder:
    """Numbers what was received and records it; belongs to the server thread.

    Attributes:
        messages: recorded so far.
        on_block, publish: called with every block, after it is in the log and the store; the first for who looks on
            (the printer), the second for clients that have subscribed.
    """

    def __init__(self, log: RingLog, store: Store, channels: Channels) -> None:
        self.log, self.store, self.channels = log, store, channels
        self.on_block: Callable[[DataBlock], None] = _nothing
        self.publish: Callable[[DataBlock], None] = _nothing
        self.messages = 0
        self._to_wake: set[Queue] = set()

    def record(self, client: Client, received: Lines | Payloads | Sent, mode: str) -> int:
        """Record what `client` sent while `mode` held for it: readers of log and store see it from here on.

        Returns the serial number of the (first) message.
        """
        now = time.time()
        block: DataBlock
        if isinstance(received, Lines):
            count = received.count
            serial = self.store.take_serials(count)
            block = LinesBlock(now, serial, DEFAULT_CHANNEL, received.data, count, client.name, mode)
        elif isinstance(received, Payloads):
            data, channel, content_type = received.data, received.channel, received.content_type
            count = len(data)
            serial = self.store.take_serials(count)
            if count == 1:
                block = PayloadBlock(now, serial, channel, content_type, data[0], client.name, mode)
            else:
                block = PayloadsBlock(now, serial, channel, content_type, data, client.name, mode)
        else:
            count = 1
            serial = self.store.take_serials()
            block = PayloadBlock(now, serial, received.channel, received.content_type, received.data, client.name, mode)
        if mode == "evaluate":
            self.store.put(block, self._to_wake)
            if block.size >= _LARGE_BYTES:
                self.wake()
        self.log.append(block)
        client.messages += count
        self.messages += count
        self.channels.add(block)
        self.on_block(block)
        self.publish(block)
        return serial

    def wake(self) -> None:
        """Wake the threads that wait for what was recorded since the last call: once a turn, but for large messages.

        To wake one at each message took a sixth of the time of a server with 64 clients.
        """
        while self._to_wake:
            self._to_wake.pop().wake()

    def record_own(self, channel: str, content_type: str, payload: Payload) -> PayloadBlock:
        """Record what this session itself publishes, and store it, in any mode; may be called on any thread.

        It is not counted as received, and `publish` is left to the server thread.
        """
        block = PayloadBlock(time.time(), self.store.take_serials(), channel, content_type, payload, OWN, "evaluate")
        self.store.put(block)
        self.log.append(block)
        self.channels.add(block)
        return block


def _nothing(_: DataBlock) -> None:
    return None
