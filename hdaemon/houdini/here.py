"""Receiving where the artist is: what the panel's button and the shelf's tool do. Main thread only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hdaemon.errors import HdaemonError
from hdaemon.houdini.receiver import create_receiver
from hdaemon.message import DEFAULT_CHANNEL
from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = ["known_channels", "receive_asked", "receive_in_sop"]


def receive_in_sop(channel: str) -> str:
    """Make a receiver of `channel` in the network that is open, or else in /obj; select it and return its path.

    Raises:
        HdaemonError: there is no Houdini in this program, no network to make it in, or Houdini refuses; says why.
    """
    try:
        import hou
    except ImportError as error:
        raise HdaemonError(f"a node is made in Houdini only, and this program is none ({error})") from error
    try:
        node = create_receiver(_open_network(), channel)
        node.setCurrent(True, clear_all_selected=True)
    except hou.Error as error:
        raise HdaemonError(f"Houdini made no receiver of channel {channel!r}: {error}") from error
    return node.path()


def receive_asked() -> str | None:
    """Ask the artist for a channel, then do as `receive_in_sop`; what the shelf's tool calls.

    Returns the node's path; None when the artist chose nothing, or was told why there is no node.
    """
    import hou

    channel = _asked_channel()
    if channel is None:
        return None
    try:
        return receive_in_sop(channel)
    except HdaemonError as error:
        hou.ui.displayMessage(str(error), severity=hou.severityType.Warning)
        return None


def known_channels() -> list[str]:
    """Return every channel that something came in on, stored or only shown, sorted."""
    found = set(store.channels)
    registry = sys.modules.get("hdaemon.server.registry")
    if registry is not None:
        for server in registry.servers():
            found |= {info.channel for info in server.channels}
    return sorted(found)


def _asked_channel() -> str | None:
    import hou

    channels = known_channels()
    if channels:
        chosen = hou.ui.selectFromList(
            channels, default_choices=(0,), exclusive=True, message="Receive which channel?", title="hdaemon"
        )
        return channels[chosen[0]] if chosen else None
    button, text = hou.ui.readInput(
        "Nothing has come in yet. Receive which channel?",
        buttons=("Receive", "Cancel"),
        close_choice=1,
        title="hdaemon",
        initial_contents=DEFAULT_CHANNEL,
    )
    return text.strip() or None if button == 0 else None


def _open_network() -> hou.Node:
    import hou

    if hou.isUIAvailable():
        editor = hou.ui.paneTabOfType(hou.paneTabType.NetworkEditor)
        if isinstance(editor, hou.NetworkEditor):
            network = editor.pwd()
            category = network.childTypeCategory()
            if category is not None and category.name() in ("Sop", "Object"):
                return network
    objects = hou.node("/obj")
    if objects is None:
        raise HdaemonError("this scene has no /obj to make a node in")
    return objects
