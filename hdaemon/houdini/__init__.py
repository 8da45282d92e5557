"""Houdini: the only package of the library that imports `hou`, and only inside functions.

The functions here are for users and for the panel; each imports what it needs when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hou

__all__ = ["available", "blocked_reason", "create_receiver", "publish", "receive_in_sop", "update"]


def available() -> bool:
    """Return whether this program is Houdini: one in which nodes can be made."""
    import sys

    return sys.modules.get("hou") is not None


def create_receiver(parent: hou.Node | str, channel: str = "default", name: str | None = None) -> hou.SopNode:
    """Make a Python SOP that cooks what `channel` holds, and return it: see `receiver.create_receiver`."""
    from hdaemon.houdini import receiver

    return receiver.create_receiver(parent, channel, name)


def receive_in_sop(channel: str) -> str:
    """Make a receiver where the artist is, select it and return its path: see `here.receive_in_sop`."""
    from hdaemon.houdini import here

    return here.receive_in_sop(channel)


def publish(node_or_geometry: hou.Node | hou.Geometry | str, channel: str) -> int:
    """Put geometry on `channel` for other programs; return the message's serial: see `publishing.publish`."""
    from hdaemon.houdini import publishing

    return publishing.publish(node_or_geometry, channel)


def update() -> int:
    """Ask the receivers to cook that do not show the newest; for hython. Return how many: see `recook.update`."""
    from hdaemon.houdini import recook

    return recook.update()


def blocked_reason() -> str | None:
    """Return why receivers do not cook now, a sentence for people, or None: see `recook.blocked_reason`."""
    import sys

    recook = sys.modules.get("hdaemon.houdini.recook")  # not there: there is no receiver
    reason: str | None = None if recook is None else recook.blocked_reason()
    return reason
