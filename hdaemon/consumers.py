"""Consumers of what is stored: `Queue`, which misses nothing within its limits, and `Callback`, for the main thread.

The store keeps the newest value of a channel; what came between two looks at it is gone. A consumer is given all of it.
Plain Python: no Qt, no sockets. The server thread offers; one thread of the consumer's takes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from hdaemon.blocks import DataBlock, LinesBlock, PayloadBlock, PayloadsBlock
from hdaemon.errors import UsageError
from hdaemon.filters import ChannelFilter
from hdaemon.message import Message

__all__ = ["BUDGET_S", "Callback", "Consumers", "Queue"]

BUDGET_S = 0.004
"""How long one turn of the main thread may go on calling callbacks (design.md: at most 4 ms a turn)."""

MAX_MESSAGES = 10_000
MAX_BYTES = 256 * 1024 * 1024
"""What one consumer may leave lying: as much as the log keeps."""

_BATCH = 256
"""Messages a callback is given at once at most: making them takes half a millisecond. With 1000 each batch was more
objects than Python makes between two collections (700); what was alive then counted as old, and a full collection of
the process followed every few seconds of a flood: 40 to 55 ms among 100,000 objects."""

_FIRST_BATCH = 16
"""What it is given at first. A batch that takes less than half of a turn is followed by one twice as large, and one
that takes longer than a turn by a smaller one: a callback of a millisecond a message is given four at once."""

_Part = tuple[LinesBlock | PayloadsBlock, int, int, tuple[int, int]]
"""A block, the first of its messages that was taken, one more than the last, and what `Queue._known` was."""

Taken = Callable[[list[Message]], object]
"""What `Consumers.on` calls: with the messages that came since the last call, oldest first, at least one."""


class Queue:
    """Every message stored on the channels of a filter, oldest first, until it is taken.

    Past its limits the oldest messages go, counted in `overflowed`. Messages are made from the received blocks when
    they are taken, so that a flood of lines costs the server next to nothing.

    Args:
        channel: a channel, or a filter with ``+`` and ``#``: see `ChannelFilter`.
        maxlen: messages kept.
        max_bytes: payload bytes kept; the newest message is kept however large.

    Attributes:
        overflowed: messages that went untaken.

    Raises:
        UsageError: `channel` is no filter, or a limit is not above 0.
    """

    def __init__(self, channel: str, maxlen: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        for name, limit in (("maxlen", maxlen), ("max_bytes", max_bytes)):
            if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
                raise UsageError(f"{name} is {limit!r}: give a whole number above 0")
        self.wanted = ChannelFilter(channel)
        self.maxlen, self.max_bytes = maxlen, max_bytes
        self.overflowed = 0
        self._blocks: deque[DataBlock] = deque()
        self._taken = 0  # messages of the oldest block that are gone already
        self._known = (0, 0)  # a line of the oldest block that is gone already or next, and its offset
        self._count = self._bytes = 0
        self._some = threading.Condition()
        self._waiting = 0  # threads that wait for a message
        self._closed = False

    def __len__(self) -> int:
        """Return how many messages wait."""
        return self._count

    def __bool__(self) -> bool:
        """A queue is true, also when it is empty."""
        return True

    def __iter__(self) -> Iterator[Message]:
        """Take messages until none is left; does not wait for more."""
        while (message := self.take()) is not None:
            yield message

    def __repr__(self) -> str:
        return f"<hdaemon Queue of {self.wanted.text!r}: {self._count} of {self.maxlen}, {self.overflowed} overflowed>"

    def take(self, timeout_s: float = 0.0) -> Message | None:
        """Take the oldest message; None when there is none, also after `timeout_s` seconds.

        A wait is for a thread of your own: Houdini's main thread should not wait.
        """
        taken = self.take_all(1, timeout_s)
        return taken[0] if taken else None

    def take_all(self, most: int | None = None, timeout_s: float = 0.0) -> list[Message]:
        """Take what waits, oldest first, at most `most` messages; wait up to `timeout_s` seconds for the first."""
        # Of a message by itself the block, and no more: a hundred that wait are not also a hundred tuples. Python looks
        # for garbage after each 700 objects more.
        parts: list[DataBlock | _Part] = []
        with self._some:
            if timeout_s > 0:
                self._waiting += 1
                try:
                    self._some.wait_for(lambda: self._count or self._closed, timeout_s)
                finally:
                    self._waiting -= 1
            left = self._count if most is None else min(most, self._count)
            while left:
                block = self._blocks[0]
                some = min(left, block.count - self._taken)
                if isinstance(block, PayloadBlock) or block.count == 1:
                    parts.append(block)
                else:
                    parts.append((block, self._taken, self._taken + some, self._known))
                self._forget(some)
                left -= some
        # The messages are made without the lock: the server thread would wait for it, with every client.
        messages: list[Message] = []
        parts.reverse()
        while parts:  # each goes as its messages come
            part = parts.pop()
            if not isinstance(part, tuple):
                messages.append(part.message() if isinstance(part, PayloadBlock) else part.last())
                continue
            block, begin, end, known = part
            if isinstance(block, LinesBlock) and end - begin < block.count:
                # Of a megabyte of lines only those that are taken are made: the others may overflow before, and memory
                # for all of them took the main thread 30 ms at a time where the system had to hand it over first.
                lines, known = block.some_lines(begin, end, known)
                messages += map(block.message, range(begin, end), lines)
                self._keep(block, known)
            else:
                messages += map(block.message, range(begin, end), block.lines()[begin:end])
        return messages

    def _keep(self, block: DataBlock, known: tuple[int, int]) -> None:
        """Keep where the next line begins of a block of which some are still to be taken."""
        with self._some:
            if self._blocks and self._blocks[0] is block:
                self._known = known

    def close(self) -> None:
        """Take nothing more in, and end a wait. What waits can still be taken; a callback is called no more."""
        with self._some:
            self._closed = True
            self._some.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def offer(self, block: DataBlock) -> bool:
        """Add what was stored, when it is wanted; called on the server thread, never waits for the consumer.

        Returns whether a thread waits for it, and is to be woken by `wake`.
        """
        if block.channel not in self.wanted:
            return False
        with self._some:
            if self._closed:
                return False
            self._blocks.append(block)
            self._count += block.count
            self._bytes += block.size
            while self._count > self.maxlen or (self._bytes > self.max_bytes and self._count > 1):
                oldest = self._blocks[0].count - self._taken
                # Of too many bytes a whole block goes, but never the newest message.
                over = self._count - self.maxlen if self._count > self.maxlen else min(oldest, self._count - 1)
                gone = min(oldest, over)
                self.overflowed += gone
                self._forget(gone)
                if gone < oldest and len(self._blocks) == 1:
                    break  # what is left is a part of one block, which is held whole
            return self._waiting > 0

    def wake(self) -> None:
        """Wake a thread that waits for a message."""
        with self._some:
            self._some.notify()

    def _forget(self, count: int) -> None:
        """Let go of the oldest `count` messages, all of one block."""
        self._count -= count
        self._taken += count
        if self._taken == self._blocks[0].count:
            self._bytes -= self._blocks.popleft().size
            self._taken, self._known = 0, (0, 0)


class Callback(Queue):
    """A queue whose messages are given to a function, on the main thread.

    Attributes:
        batch: messages that it is given at once next time, at most; follows the time that it takes.
        calls: how often the function was called.
        error: what it raised last, as text; None while it works.
    """

    def __init__(
        self,
        channel: str,
        function: Taken,
        maxlen: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(channel, maxlen, max_bytes)
        self.function = function
        self.batch = _FIRST_BATCH
        self._clock = clock
        self.calls = 0
        self.error: str | None = None

    def call(self) -> str | None:
        """Call the function with what waits, `batch` messages at most; return what it raised, when that is news.

        What it was given when it raised is not given again.
        """
        began = self._clock()
        messages = self.take_all(self.batch)
        if not messages:
            return None
        self.calls += 1
        try:
            return self._given(messages)
        finally:
            took = self._clock() - began
            if took > BUDGET_S:
                self.batch = max(1, int(len(messages) * BUDGET_S / took))
            elif took < BUDGET_S / 2 and len(messages) == self.batch:
                self.batch = min(2 * self.batch, _BATCH)

    def _given(self, messages: list[Message]) -> str | None:
        try:
            self.function(messages)
        except Exception as error:  # it is the user's: whatever it raises must not end the others' turn
            text = f"{type(error).__name__}: {error}"
            is_news, self.error = text != self.error, text
            if not is_news:
                return None
            name = getattr(self.function, "__qualname__", repr(self.function))
            import logging  # 5 ms of `import hdaemon` otherwise

            logging.getLogger(__name__).exception("the callback %s for channel %s failed", name, self.wanted.text)
            return f"the callback {name} for channel {self.wanted.text!r} raised {text}; the console has the traceback"
        self.error = None
        return None


class Consumers:
    """The queues and callbacks of one store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Queue, ...] = ()  # replaced, never changed: the server thread reads it without a lock
        self._next = 0  # the callback whose turn it is

    def add(self, queue: Queue) -> None:
        """Offer `queue` what is stored from here on."""
        with self._lock:
            self._all = (*(kept for kept in self._all if not kept.closed), queue)

    def offer(self, block: DataBlock, to_wake: set[Queue] | None = None) -> None:
        """Offer to every consumer what was stored.

        Args:
            block: what was stored.
            to_wake: takes the queues for which threads wait, which the caller is to wake soon; None: woken at once.
        """
        for queue in self._all:
            if queue.offer(block):
                if to_wake is None:
                    queue.wake()
                else:
                    to_wake.add(queue)

    def deliver(self, tell: Callable[[str], None], budget_s: float = BUDGET_S) -> bool:
        """Call callbacks that have something to take, in turn, until the budget is used up; on the main thread.

        Args:
            tell: called with a sentence for each new failure.
            budget_s: no further callback is begun after so long, in seconds.

        Returns whether something is left for the next turn.
        """
        until = time.monotonic() + budget_s
        while waiting := [
            queue for queue in self._all if isinstance(queue, Callback) and len(queue) and not queue.closed
        ]:
            for _ in waiting:
                self._next = (self._next + 1) % len(waiting)
                news = waiting[self._next].call()
                if news:
                    tell(news)
                if time.monotonic() > until:
                    return any(len(queue) for queue in waiting)
        return False
