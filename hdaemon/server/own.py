"""`Own`: what a session itself publishes, on its way to who has subscribed."""

from __future__ import annotations

from collections import deque

from hdaemon.blocks import PayloadBlock
from hdaemon.content import Payload
from hdaemon.errors import HdaemonError
from hdaemon.message import check_channel
from hdaemon.server.recorder import Recorder

__all__ = ["MAX_WAITING", "Own"]

MAX_WAITING = 1000
"""Messages that may wait for the server thread; it takes them within a turn."""


class Own:
    """Records at once, on any thread; the server thread sends.

    Args:
        recorder: records what is published, and sends it to subscribers.
        max_bytes: of what waits for the server thread.
    """

    def __init__(self, recorder: Recorder, max_bytes: int) -> None:
        self._recorder, self._max_bytes = recorder, max_bytes
        self.waiting: deque[PayloadBlock] = deque()

    def publish(self, channel: str, content_type: str, payload: Payload, *, send: bool) -> int:
        """Store a message; `send`: there is a server thread that will `send_all`. Returns its serial number.

        Raises:
            UsageError: `channel` cannot name a channel.
            HdaemonError: `MAX_WAITING` messages or `max_bytes` wait already; nothing was published.
        """
        check_channel(channel)
        waiting = tuple(self.waiting)
        if len(waiting) >= MAX_WAITING or sum(block.size for block in waiting) > self._max_bytes:
            raise HdaemonError(f"channel {channel!r} was published to faster than the server sends: publish less often")
        if not isinstance(payload, bytes) and not memoryview(payload).readonly:
            payload = bytes(payload)  # what is changed later must not change what was published
        block = self._recorder.record_own(channel, content_type, payload)
        if send:
            self.waiting.append(block)
        return block.serial

    def send_all(self) -> None:
        """Send what waits; on the server thread."""
        while self.waiting:
            self._recorder.publish(self.waiting.popleft())
