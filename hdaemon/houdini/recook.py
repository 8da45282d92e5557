"""Asking receivers to cook when their channel holds something new.

A receiver is asked by setting a hidden integer that its cook reads; Houdini then cooks it when somebody looks. All of
it is on the main thread. Nodes are known by their session id, which stays when one is renamed; no HOM object is kept.
"""

from __future__ import annotations

import logging
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hdaemon.blocks import DataBlock
from hdaemon.consumers import Callback
from hdaemon.houdini.worker import Key, worker
from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = [
    "LIVE",
    "REQUEST",
    "blocked_reason",
    "bump",
    "cooking",
    "receivers",
    "register",
    "requests",
    "stop",
    "update",
]

_logger = logging.getLogger(__name__)

REQUEST = "hdaemon_request"
"""The hidden parameter whose change makes a receiver cook."""

LIVE = "live"

_WRAP = 1 << 30
"""The parameter has 32 bits; at 30 cooks a second it begins anew after a year."""


@dataclass(slots=True, eq=False)
class _Receiver:
    key: Key
    path: str  # for people; it may be renamed
    shown: int  # the serial that it cooked last
    asked: int  # the serial that it was asked to cook
    failure: str = ""


class _Bell(Callback):
    """Rings on the main thread when something was stored; keeps nothing of what it is offered.

    A queue of one message would do, but splits a block of a hundred thousand lines to find the last of them.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        super().__init__("#", lambda _: None)
        self._ring, self._rung = ring, False

    def offer(self, block: DataBlock) -> bool:
        """Note that there is something; called on the server thread."""
        self._rung = True
        return False

    def __len__(self) -> int:
        return int(self._rung)

    def call(self) -> str | None:
        """Ring."""
        self._rung = False
        self._ring()
        return None


@dataclass(slots=True, eq=False)
class _State:
    cooks: int = 0
    requests: int = 0
    held: int = 0
    on_idle: bool = False
    bell: _Bell | None = None
    failure: str = ""


_receivers: dict[int, _Receiver] = {}
_servers: weakref.WeakSet[Any] = weakref.WeakSet()
_state = _State()


def register(node: hou.OpNode, key: Key, serial: int) -> None:
    """Say that `node` receives `key` and shows message `serial` of it; called in each of its cooks."""
    import hou

    known = _receivers.get(node.sessionId())
    if known is not None and known.key == key:
        known.shown, known.path, known.failure = serial, node.path(), ""
    else:
        _receivers[node.sessionId()] = _Receiver(key, node.path(), serial, serial)
        if known is not None:
            _forget_unused(known.key)
    worker.want(key)
    worker.on_ready = _wake
    if _state.bell is None:
        _state.bell = _Bell(_on_stored)
        store.consumers.add(_state.bell)
    if not _state.on_idle and hou.isUIAvailable():
        # Some 20 times a second while Houdini rests: for what was held back, or was not ready, when it came.
        hou.ui.addEventLoopCallback(_on_turn)
        _state.on_idle = True


@contextmanager
def cooking() -> Iterator[None]:
    """Hold requests back: parameters are not set while a receiver cooks (SideFX, "Define a geometry node")."""
    _state.cooks += 1
    try:
        yield
    finally:
        _state.cooks -= 1


def update() -> int:
    """Ask the receivers to cook whose channel holds something they do not show; return how many were asked.

    Main thread only. Called by itself in Houdini's interface; in hython, where no events are delivered, call it before
    you read a receiver's geometry. What it holds back, in manual update mode and while a node is frozen, is asked for
    by a later call.
    """
    if not _receivers or _state.cooks:
        return 0
    newest = ((id_, found, _newest(found.key)) for id_, found in _receivers.items())
    due = [(id_, found, new) for id_, found, new in newest if new > max(found.asked, found.shown)]
    _state.held = 0
    if not due:
        return 0
    import hou

    if hou.updateModeSetting() == hou.updateMode.Manual:
        _state.held = len(due)
        return 0
    asked = 0
    for id_, found, new in due:
        try:
            asked += _ask(id_, found, new)
        except Exception as error:  # whatever hou raises for one node, the others are asked, and this one not at once
            found.asked = new
            _tell(found, error)
    _state.requests += asked
    return asked


def bump(node: hou.OpNode) -> None:
    """Make `node` cook when somebody looks, without an entry in the list of undos."""
    import hou

    parm = node.parm(REQUEST)
    if parm is not None:
        with hou.undos.disabler():
            parm.set((parm.evalAsInt() + 1) % _WRAP)


def blocked_reason() -> str | None:
    """Return why receivers do not cook what has come, a sentence for people; None when nothing holds them back."""
    if not _receivers or "hou" not in sys.modules:
        return None
    import hou

    if hou.updateModeSetting() != hou.updateMode.Manual:
        return None
    waiting = f" ({_state.held} of {len(_receivers)} have something new)" if _state.held else ""
    return f"Houdini is in manual update mode: receivers do not cook until it is left, or an update is forced{waiting}"


def requests() -> int:
    """Return how many cooks were asked for, all together."""
    return _state.requests


def receivers() -> dict[str, str]:
    """Return the channel of each receiver that has cooked, by the path that it had then."""
    return {found.path: found.key[0] for found in _receivers.values()}


def stop() -> None:
    """Forget every receiver and end the worker's thread; a receiver that cooks afterwards is known again."""
    _receivers.clear()
    _leave()
    for server in tuple(_servers):
        server.received.disconnect(_on_turn)
        _servers.discard(server)
    worker.stop()


def _newest(key: Key) -> int:
    """Return the serial of the newest message that could be cooked at once; 0 when there is none."""
    entry = store.get(key[0])
    if entry is None:
        return 0
    if not _state.on_idle or worker.coming(key) < entry.message.serial:
        return entry.message.serial  # the cook prepares it
    ready = worker.ready(key)
    return 0 if ready is None else ready.serial


def _ask(session_id: int, found: _Receiver, serial: int) -> bool:
    import hou

    try:
        node = hou.nodeBySessionId(session_id)
        if not isinstance(node, hou.SopNode) or node.parm(REQUEST) is None:
            _forget(session_id)  # it was deleted, or its scene closed
            return False
        if not node.evalParm(LIVE):
            return False
        bump(node)
    except hou.ObjectWasDeleted:
        _forget(session_id)
        return False
    found.asked = serial
    return True


def _tell(found: _Receiver, error: Exception) -> None:
    text = f"{found.path} could not be asked to cook channel {found.key[0]!r}: {type(error).__name__}: {error}"
    if text == found.failure:
        return
    found.failure = text
    _logger.warning(text)
    for server in _running():
        server.log.event(time.time(), "error", text)


def _forget(session_id: int) -> None:
    found = _receivers.pop(session_id, None)
    if found is not None:
        _forget_unused(found.key)
    if not _receivers:
        _leave()


def _forget_unused(key: Key) -> None:
    if key not in {found.key for found in _receivers.values()}:
        worker.drop(key)


def _leave() -> None:
    if _state.bell is not None:
        _state.bell.close()
        _state.bell = None
    if _state.on_idle:
        import hou

        _state.on_idle = False
        if _on_turn in hou.ui.eventLoopCallbacks():
            hou.ui.removeEventLoopCallback(_on_turn)


def _running() -> tuple[Any, ...]:
    # Only what is there already: importing it imports Qt, and hython may do without.
    registry = sys.modules.get("hdaemon.server.registry")
    return () if registry is None else tuple(registry.servers())


def _wake() -> None:
    """Have the main thread look soon; called on the worker's thread."""
    for server in _running():
        server.notify()


def _on_stored() -> None:
    """Have receivers asked at the end of this turn; the store may call this several times in one."""
    servers = _running()
    for server in servers:
        if server not in _servers:
            server.received.connect(_on_turn)
            _servers.add(server)
    if not servers:  # somebody else delivers
        _on_turn()


def _on_turn() -> None:
    """Once in a turn of the main thread that delivered something, and some 20 times a second while it rests."""
    try:
        update()
    except Exception as error:  # it comes again and again: one line is enough
        text = f"{type(error).__name__}: {error}"
        if text != _state.failure:
            _state.failure = text
            _logger.exception("receivers cannot be asked to cook")
