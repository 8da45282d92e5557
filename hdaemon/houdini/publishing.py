"""Geometry out of Houdini: `publish` puts it on a channel, where other programs read it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from hdaemon import content
from hdaemon.blocks import PayloadBlock
from hdaemon.errors import HdaemonError
from hdaemon.houdini import recook
from hdaemon.message import check_channel
from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = ["publish"]

OWN = "this session"
"""The client of what is published while no server runs; with one, the server says the same."""


def publish(node_or_geometry: hou.Node | hou.Geometry | str, channel: str) -> int:
    """Put geometry on `channel`, as Houdini's own bytes (application/x-houdini-bgeo); return the message's serial.

    Stored in either mode. ``GET /channels/NAME`` gives it, and who has subscribed is sent it; without a server it is
    only in this process's store. Main thread only: it cooks the node where that is due.

    Args:
        node_or_geometry: a SOP, an object (what it displays), the path of one, or a hou.Geometry.
        channel: see `hdaemon.message.check_channel`.

    Raises:
        UsageError: `channel` cannot name a channel.
        HdaemonError: there is no geometry, or it is published faster than the server sends.
        hou.Error: the node does not cook.
    """
    check_channel(channel)
    payload = _geometry(node_or_geometry).data()
    registry = sys.modules.get("hdaemon.server.registry")  # importing it imports Qt, which hython may do without
    for server in registry.servers() if registry is not None else ():
        if server.store is store:
            serial: int = server.publish(channel, content.BGEO, payload)
            return serial
    serial = store.take_serials()
    store.put(PayloadBlock(time.time(), serial, channel, content.BGEO, payload, OWN, "evaluate"))
    recook.update()  # no server delivers it
    return serial


def _geometry(given: hou.Node | hou.Geometry | str) -> hou.Geometry:
    import hou

    if isinstance(given, hou.Geometry):
        return given
    node = hou.node(given) if isinstance(given, str) else given
    if node is None:
        raise HdaemonError(f"there is no node {given!r}: give a SOP, an object or a hou.Geometry")
    if isinstance(node, hou.ObjNode):
        shown = node.displayNode()
        if shown is None:
            raise HdaemonError(f"{node.path()} displays no SOP: give one, or set its display flag")
        node = shown
    if not isinstance(node, hou.SopNode):
        raise HdaemonError(f"{node.path()} is no SOP and no object: only they have geometry")
    geometry = node.geometry()
    if geometry is None:
        raise HdaemonError(f"{node.path()} has no geometry: it does not cook")
    return geometry
