"""What the code of a receiver calls: `cook`. Its parameters and its code are made by `receiver`.

Everything here is in Houdini's main thread, within the cook of the node.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hdaemon.errors import UsageError
from hdaemon.houdini import recook
from hdaemon.houdini.from_message import Conventions
from hdaemon.houdini.geometry import put, still_there
from hdaemon.houdini.prepare import Prepared, of_bgeo
from hdaemon.houdini.worker import Key, worker
from hdaemon.message import check_channel
from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = ["BAKED", "CHANNEL", "UNITS", "UP", "Shown", "cook", "forget_shown", "shown_by"]

CHANNEL, UNITS, UP = "channel", "units", "upaxis"
"""Names of parameters; `recook` has those of the two others that a cook reads."""

BAKED = "hdaemon_baked"
"""The node's user data that hold what was baked: bgeo, zlib, base64. The code of saved nodes reads it too."""

_SHOWN = "hdaemon_shown"

METRES = {"metre": 1.0, "centimetre": 0.01, "millimetre": 0.001, "inch": 0.0254, "foot": 0.3048}
AXES = {"y": "Y", "z": "Z"}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a node shows, kept with the node and not saved.

    Attributes:
        prepared: what was put into its geometry.
        key: where it is from; None when it was baked.
        done: what the cook did: ``"nothing"``, ``"attributes"`` or ``"loaded"``.
    """

    prepared: Prepared
    key: Key | None
    done: str


def cook(node: hou.SopNode) -> None:
    """Fill the geometry of the cooking `node` with what its channel holds.

    Live, that is the newest message; nothing there: what was baked; nothing baked: an empty geometry, and a warning.
    Frozen, it is what the node shows already, else what was baked.

    Raises:
        hou.NodeError: the message can be no geometry; names the channel and the reason.
        hou.NodeWarning: there is nothing yet; what follows the node cooks all the same.
    """
    before = shown_by(node)
    box = [] if before is None else [before.prepared]
    del before
    try:
        with recook.cooking():
            _cook(node)
    finally:
        worker.bury(box)


def shown_by(node: hou.OpNode) -> Shown | None:
    """Return what `node` shows since its last cook in this session, or None."""
    found = node.cachedUserData(_SHOWN)
    return found if isinstance(found, Shown) else None


def forget_shown(node: hou.OpNode) -> None:
    """Have the next cook of `node` begin from nothing."""
    node.setCachedUserData(_SHOWN, None)


def _cook(node: hou.SopNode) -> None:
    import hou

    node.evalParm(recook.REQUEST)  # what a cook reads is what makes it cook again
    key = _key(node)
    before = shown_by(node)
    live = bool(node.evalParm(recook.LIVE))
    geometry = node.geometry()
    if geometry is None:
        raise hou.NodeError(f"channel {key[0]!r}: this node has no geometry that could be written to")
    shown = before.prepared if before is not None and still_there(node, geometry, before.prepared) else None
    worker.compare = worker.compare or shown is not None
    prepared: Prepared | None = None
    source: Key | None = None
    if live:
        worker.want(key)  # first: it keeps what this cook prepares, for the other nodes of the channel
        prepared, source = _received(key, before), key
        recook.register(node, key, 0 if prepared is None else prepared.serial)
    elif before is not None:
        prepared, source = before.prepared, before.key
    if prepared is None:
        prepared, source = _baked(node, before), None
    forget_shown(node)  # until all is done: what fails on its way leaves nobody knows what
    if prepared is None:
        geometry.clear()
        raise hou.NodeWarning(_nothing(key[0], live))
    if prepared.error is not None:
        geometry.clear()
        raise hou.NodeError(f"channel {key[0]!r}: {prepared.error}")
    try:
        done = put(geometry, prepared, shown)
    except hou.Error as error:
        raise hou.NodeError(f"channel {key[0]!r}: Houdini does not take this geometry: {error}") from error
    node.setCachedUserData(_SHOWN, Shown(prepared, source, done))
    if prepared.notes and hasattr(node, "addMessage"):  # Houdini 19.5 had none yet
        node.addMessage("\n".join(prepared.notes))


def _key(node: hou.OpNode) -> Key:
    import hou

    channel = str(node.evalParm(CHANNEL)).strip()
    try:
        check_channel(channel)
    except UsageError as error:
        raise hou.NodeError(f"parameter channel: {error}") from error
    units, up = str(node.evalParm(UNITS)), str(node.evalParm(UP))
    return channel, Conventions(METRES.get(units), AXES.get(up))


def _received(key: Key, before: Shown | None) -> Prepared | None:
    """Return what the channel holds, prepared; the newest that is ready when that is newer than what is shown."""
    import hou

    entry = store.get(key[0])
    if entry is None:
        return None
    mine = before.prepared if before is not None and before.key == key else None
    if mine is not None and mine.serial == entry.message.serial:
        return mine
    ready = worker.ready(key)
    # With an interface the newest follows as soon as it is ready; without one this cook may be the only one.
    follows = hou.isUIAvailable() and worker.coming(key) >= entry.message.serial
    if follows and ready is not None and (mine is None or mine.serial < ready.serial):
        return ready
    return worker.prepare_now(key, entry.message, mine)


def _baked(node: hou.OpNode, before: Shown | None) -> Prepared | None:
    import hou

    if before is not None and before.key is None:
        return before.prepared
    text = node.userData(BAKED)
    if text is None:
        return None
    try:
        return of_bgeo(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise hou.NodeError(f"what was baked into this node cannot be read ({error}): press Clear Bake") from error


def _nothing(channel: str, live: bool) -> str:
    if not live:
        return (
            f"frozen, and nothing of channel {channel!r} is baked into this node: switch Live on, or bake before saving"
        )
    return (
        f"nothing is stored on channel {channel!r} yet: send to it in evaluate mode; in print mode messages are only "
        "shown. Bake keeps a mesh in the node"
    )
