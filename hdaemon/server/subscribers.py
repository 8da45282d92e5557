"""`Subscribers`: the clients that listen, and what they are sent. It belongs to the server thread."""

from __future__ import annotations

from collections.abc import Callable

from hdaemon.blocks import DataBlock, PayloadBlock, PayloadsBlock
from hdaemon.content import Payload
from hdaemon.server.client import Connection
from hdaemon.store import Store
from hdaemon.wire.events import Refused
from hdaemon.wire.frames import TRY_AGAIN_LATER, close_frame, lines_frames, message_frames

__all__ = ["Subscribers"]


class Subscribers:
    """Who has subscribed to what.

    Args:
        store: holds what a new subscriber is sent first.
        max_queued_bytes: what may wait for a subscriber that reads slowly; one message may always.
        flush: sends what fits now of what waits for a connection.
        refuse: ends a connection and says why.
    """

    def __init__(
        self,
        store: Store,
        max_queued_bytes: int,
        flush: Callable[[Connection], None],
        refuse: Callable[[Connection, Refused], None],
    ) -> None:
        self._store, self._most = store, max_queued_bytes
        self._flush, self._refuse = flush, refuse
        self._connections: dict[int, Connection] = {}

    def add(self, connection: Connection) -> None:
        """Send what the channels it listens to hold now, and from here on what comes in on them."""
        subscription = connection.subscription
        assert subscription is not None
        self._connections[connection.client.id] = connection
        for channel in self._store:
            entry = self._store.get(channel) if channel in subscription.wanted else None
            if entry is not None:
                self._push(connection, message_frames(entry.message, heads=subscription.heads))

    def discard(self, connection: Connection) -> None:
        """Send it nothing more."""
        self._connections.pop(connection.client.id, None)

    def publish(self, block: DataBlock) -> None:
        """Send what was just recorded to everyone who listens to its channel."""
        if not self._connections:
            return
        stored = block.mode == "evaluate"
        lines: list[bytes] | None = None
        joined = b""
        for connection in list(self._connections.values()):
            subscription = connection.subscription
            if subscription is None or block.channel not in subscription.wanted:
                continue
            if isinstance(block, PayloadBlock):
                self._push(connection, message_frames(block.message(), heads=subscription.heads, stored=stored))
                continue
            if lines is None:
                lines = block.lines()
            if subscription.heads or isinstance(block, PayloadsBlock):
                heads = subscription.heads
                for index, line in enumerate(lines):
                    self._push(connection, message_frames(block.message(index, line), heads=heads, stored=stored))
            else:
                joined = joined or lines_frames(lines)
                self._push(connection, [joined])

    def _push(self, connection: Connection, parts: list[Payload]) -> None:
        if connection.client.id not in self._connections:
            return  # it was ended a moment ago
        out = connection.out
        if out and out.queued + sum(map(len, parts)) > self._most:
            self.discard(connection)
            out.drop_what_is_not_begun()
            what = f"more than {self._most} bytes wait (max_queued_bytes)"
            said = f"you read too slowly: {what}; connect again"
            self._refuse(connection, Refused(f"it reads too slowly: {what}", close_frame(TRY_AGAIN_LATER, said)))
            return
        waiting = bool(out)
        out.put(parts, counts=True)
        if not waiting:
            self._flush(connection)
