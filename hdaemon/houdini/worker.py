"""The thread that prepares large messages for receivers, so that a cook finds them ready.

One thread for all channels, started by the first receiver. For each channel and the conventions it is received with
there is one slot: the newest message that waits, and the newest that is ready. Nothing of hou is held or touched here.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from hdaemon.blocks import DataBlock, PayloadBlock
from hdaemon.consumers import Queue
from hdaemon.content import JSON, MSGPACK
from hdaemon.houdini.from_message import Conventions
from hdaemon.houdini.prepare import Prepared, prepare
from hdaemon.houdini.reuse import BytesPool
from hdaemon.message import Message
from hdaemon.store import Store
from hdaemon.store import store as process_store

__all__ = ["LARGE_BYTES", "LARGE_TREE_BYTES", "Key", "Worker", "worker"]

_logger = logging.getLogger(__name__)

LARGE_BYTES = 256 * 1024
"""Payloads from here on are worth a thread: what is smaller is prepared in a cook within about a millisecond."""

LARGE_TREE_BYTES = 8 * 1024
"""The same of JSON and MessagePack, of which every few bytes are an object: 256 KiB of it took a cook 10 to 190 ms."""

MAX_BURIED = 8
"""What may wait to be let go of while the thread is busy: it is memory that nobody uses."""

STOP_TIMEOUT_S = 0.5

Key = tuple[str, Conventions]
"""A channel, and what is said of its units and axes."""


@dataclass(slots=True, eq=False)
class _Slot:
    tap: Queue
    offered: int = 0  # the serial of the newest that came; it is ready, waits, or is worked on
    waiting: PayloadBlock | None = None
    ready: Prepared | None = None


@dataclass(slots=True, eq=False)
class _State:
    slots: dict[Key, _Slot] = field(default_factory=dict)
    buried: list[list[Prepared]] = field(default_factory=list)
    thread: threading.Thread | None = None
    stopping: bool = False


class _Tap(Queue):
    """Gives the worker what is stored on one channel. Nothing is queued: the newest replaces what waits."""

    def __init__(self, owner: Worker, key: Key) -> None:
        super().__init__(key[0], maxlen=1)
        self._owner, self._key = owner, key

    def offer(self, block: DataBlock) -> bool:
        """Hand over what is large; called on the server thread."""
        if isinstance(block, PayloadBlock) and block.channel in self.wanted:
            trees = block.content_type in (JSON, MSGPACK)
            if block.size >= (LARGE_TREE_BYTES if trees else LARGE_BYTES):
                self._owner._offer(self._key, block)
        return False


class Worker:
    """Prepares the newest message of each wanted channel; all methods may be called on any thread.

    Args:
        store: whose messages; by default the process's.

    Attributes:
        on_ready: called on the thread when something has become ready; must return quickly.
        compare: whether each message is compared with the one before it: 10 ms for a million points, which only help
            where a cook finds the geometry that the one before it left (`geometry.still_there`). A cook that does says
            so here.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = process_store if store is None else store
        self._state = _State()
        self._wake = threading.Condition()
        self.on_ready: Callable[[], None] = _nothing
        self.compare = False
        self._pool = BytesPool()

    def want(self, key: Key) -> None:
        """Prepare what is stored on this channel from here on; starts the thread. May be called again."""
        with self._wake:
            if key in self._state.slots:
                return
            tap = _Tap(self, key)
            self._state.slots[key] = _Slot(tap)
            if self._state.thread is None:
                self._state.stopping = False
                # A daemon: Python would wait at exit for any other before `stop` is called.
                self._state.thread = threading.Thread(
                    target=self._run, args=(self._state,), name="hdaemon receivers", daemon=True
                )
                self._state.thread.start()
                atexit.register(self.stop)
        self._store.consumers.add(tap)

    def drop(self, key: Key) -> None:
        """Forget a channel that nobody receives any more."""
        with self._wake:
            slot = self._state.slots.pop(key, None)
        if slot is not None:
            slot.tap.close()

    def ready(self, key: Key) -> Prepared | None:
        """Return the newest message of it that is prepared, or None."""
        slot = self._state.slots.get(key)
        return None if slot is None else slot.ready

    def coming(self, key: Key) -> int:
        """Return the serial of the newest message of it that is ready or will be; 0 when none was large enough."""
        slot = self._state.slots.get(key)
        return 0 if slot is None else slot.offered

    def bury(self, box: list[Prepared]) -> None:
        """Let go of what is in `box` on the thread: to free 100 MB takes a main thread 7 ms.

        The caller holds it by nothing but the box, which is emptied some time after.
        """
        with self._wake:
            if self._state.thread is not None and len(self._state.buried) < MAX_BURIED:
                self._state.buried.append(box)
                self._wake.notify_all()

    def prepare_now(self, key: Key, message: Message, previous: Prepared | None = None) -> Prepared:
        """Return `message` prepared: at once when it is, else on this thread."""
        ready = self.ready(key)
        if ready is not None and ready.serial == message.serial:
            return ready
        made = prepare(message, key[1], (ready or previous) if self.compare else None, self._pool.joined)
        self._keep(key, made)
        return made

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Forget every channel and end the thread; return whether it ended in time. May be called again.

        What it is preparing at that moment it finishes first. A later `want` starts another.
        """
        with self._wake:
            state, self._state = self._state, _State()
            state.stopping, self.compare = True, False
            self._pool = BytesPool()
            self._wake.notify_all()
        atexit.unregister(self.stop)
        for slot in state.slots.values():
            slot.tap.close()
        if state.thread is None or state.thread is threading.current_thread():
            return True
        state.thread.join(timeout_s)
        return not state.thread.is_alive()

    def _offer(self, key: Key, block: PayloadBlock) -> None:
        with self._wake:
            slot = self._state.slots.get(key)
            if slot is not None and (slot.waiting is None or slot.waiting.serial < block.serial):
                slot.waiting, slot.offered = block, block.serial
                self._wake.notify_all()

    def _keep(self, key: Key, made: Prepared) -> None:
        with self._wake:
            slot = self._state.slots.get(key)
            if slot is not None and (slot.ready is None or slot.ready.serial < made.serial):
                slot.ready = made

    def _run(self, state: _State) -> None:
        while (found := self._next(state)) is not None:
            buried, state.buried = state.buried, []
            for box in buried:
                box.clear()
            self._pool.trim()
            if not found:
                continue
            key, block, previous = found
            try:
                made = prepare(block.message(), key[1], previous, self._pool.joined)
            except Exception as error:  # whatever a payload does to it, the thread serves the other channels
                _logger.exception("message %d of channel %s could not be prepared", block.serial, key[0])
                made = Prepared(block.serial, error=f"it could not be prepared: {type(error).__name__}: {error}")
            self._keep(key, made)
            self.on_ready()
            del found, block, previous, made  # nothing large is held while it rests

    def _next(self, state: _State) -> tuple[Key, PayloadBlock, Prepared | None] | tuple[()] | None:
        """Wait for what is to be prepared; return () where there is only something to let go of, None at the end.

        There may be something to let go of whenever nothing has come for a while.
        """
        with self._wake:
            while not state.stopping:
                for key, slot in state.slots.items():
                    block = slot.waiting
                    if block is not None:
                        slot.waiting = None
                        # To the end, so that every channel has its turn.
                        state.slots[key] = state.slots.pop(key)
                        return key, block, slot.ready if self.compare else None
                if state.buried or not self._wake.wait(_CHECK_S):
                    return ()
        return None


def _nothing() -> None:
    return None


_CHECK_S = 5.0
"""How long the thread rests without being woken; then it looks whether memory that is kept has become old."""

worker = Worker()
"""The process's worker."""
