"""Making receivers: Python SOPs whose geometry is what a channel holds. What they do is in `cook`.

SideFX, "hou.ParmTemplateGroup" and "Python SOP". Main thread only.
"""

from __future__ import annotations

import base64
import re
import time
import zlib
from typing import TYPE_CHECKING

from hdaemon.errors import HdaemonError
from hdaemon.houdini import recook
from hdaemon.houdini.cook import BAKED, CHANNEL, UNITS, UP, forget_shown, shown_by
from hdaemon.message import DEFAULT_CHANNEL, check_channel
from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = ["MAX_BAKED_BYTES", "NODE_CODE", "bake", "channel_menu", "clear_bake", "create_receiver", "is_receiver"]

MAX_BAKED_BYTES = 64 * 1024 * 1024
"""Of what is baked, as the hip file holds it: a hip file is loaded whole. A File Cache is for what is larger."""

BAKE_NOTE = "baked"

NODE_CODE = """\
try:
    from hdaemon.houdini.cook import cook
except ImportError as error:  # what was baked is there also where hdaemon is not
    import base64, zlib
    baked = hou.pwd().userData("hdaemon_baked")
    if baked is None:
        raise hou.NodeError("hdaemon cannot be imported (%s): run `hdaemon install`, then start Houdini again" % error)
    hou.pwd().geometry().clear()
    hou.pwd().geometry().load(zlib.decompress(base64.b64decode(baked)))
else:
    cook(hou.pwd())
"""
"""The code of each receiver. It is saved with the scene: it holds no more than what must be there without hdaemon."""

_CALL = "from hdaemon.houdini import receiver; receiver.{}(kwargs['node'])"

_UNIT_LABELS = {
    "sender": "As the Sender Says",
    "metre": "Metres",
    "centimetre": "Centimetres",
    "millimetre": "Millimetres",
    "inch": "Inches",
    "foot": "Feet",
}
_UP_LABELS = {"sender": "As the Sender Says", "y": "Y Up", "z": "Z Up"}


def create_receiver(parent: hou.Node | str, channel: str = DEFAULT_CHANNEL, name: str | None = None) -> hou.SopNode:
    """Make a node that receives `channel`, show it, and return it; one step of undo.

    The node that is there already is returned when it has that name and receives that channel.

    Args:
        parent: a network of SOPs, such as a geometry object; or one of objects, such as /obj, where a geometry object
            is made for it. A node, or its path.
        channel: see `hdaemon.message.check_channel`. It need not hold anything yet.
        name: by default made of the channel: ``maya/body`` is ``maya_body``. Where another node has it, Houdini
            appends a number.

    Raises:
        UsageError: `channel` cannot name a channel.
        HdaemonError: there is no such parent, or it holds neither SOPs nor objects.
        hou.Error: Houdini does not make a node there, such as in a locked asset.
    """
    import hou

    check_channel(channel)
    name = _node_name(channel if name is None else name)
    network = hou.node(parent) if isinstance(parent, str) else parent
    if network is None:
        raise HdaemonError(f"there is no node {parent!r}: give a geometry object, or /obj")
    kind = _kind(network)
    if kind not in ("Sop", "Object"):
        raise HdaemonError(f"{network.path()} holds neither SOPs nor objects: give a geometry object, or /obj")
    there = network.node(name) if kind == "Sop" else network.node(f"{name}/{name}")
    if isinstance(there, hou.SopNode) and is_receiver(there) and there.evalParm(CHANNEL) == channel:
        return there
    with hou.undos.group(f"Receive {channel}"):
        if kind == "Object":
            network = network.createNode("geo", name, run_init_scripts=False)
            network.moveToGoodPosition()
        node = network.createNode("python", name)
        assert isinstance(node, hou.SopNode)  # what a network of SOPs makes
        _set_up(node, channel)
        node.moveToGoodPosition()
        node.setDisplayFlag(True)
        node.setRenderFlag(True)
    return node


def is_receiver(node: hou.OpNode) -> bool:
    """Return whether `node` was made by `create_receiver`, or is a copy of one that was."""
    return node.parm(recook.REQUEST) is not None


def bake(node: hou.SopNode) -> None:
    """Write the geometry that `node` shows into the node, where the scene file keeps it; what its button calls.

    It is shown where the channel holds nothing, such as in a scene opened without the sender.

    Raises:
        HdaemonError: there is no geometry, or it is larger than `MAX_BAKED_BYTES`.
    """
    geometry = node.geometry()
    if geometry is None or node.errors():
        raise HdaemonError(f"nothing was baked: {node.path()} has no geometry now, see its error")
    points = geometry.intrinsicValue("pointcount")
    text = base64.b64encode(zlib.compress(geometry.data(), 1)).decode("ascii")
    if len(text) > MAX_BAKED_BYTES:
        raise HdaemonError(
            f"nothing was baked: {node.path()} would put {len(text)} bytes into the scene file, over the limit of "
            f"{MAX_BAKED_BYTES}: write it to a file, with a File Cache behind it"
        )
    node.setUserData(BAKED, text)
    when = time.strftime("%Y-%m-%d %H:%M")
    _set_note(node, f"{points} points, {len(text):,} bytes, {when}")
    if _shows_bake(node):
        _begin_anew(node)


def clear_bake(node: hou.SopNode) -> None:
    """Take what was baked out of `node`; what its button calls."""
    node.destroyUserData(BAKED, must_exist=False)
    _set_note(node, "")
    if _shows_bake(node):
        _begin_anew(node)


def bake_pressed(node: hou.SopNode) -> None:
    """Bake, and tell the artist when it cannot be done."""
    import hou

    try:
        bake(node)
    except HdaemonError as error:
        if not hou.isUIAvailable():
            raise
        hou.ui.displayMessage(str(error), severity=hou.severityType.Warning)


def channel_menu() -> list[str]:
    """Return the channels that hold something, twice each: value and label, as menus of Houdini are given them."""
    return [text for channel in store.channels for text in (channel, channel)]


def _set_up(node: hou.SopNode, channel: str) -> None:
    import hou

    code = node.parm("python")
    if code is None:
        raise HdaemonError(f"{node.path()} has no parameter python: this Houdini has another Python SOP than is known")
    code.set(NODE_CODE)
    group = hou.ParmTemplateGroup()
    group.append(hou.FolderParmTemplate("hdaemon", "hdaemon", _templates(), folder_type=hou.folderType.Simple))
    for entry in node.parmTemplateGroup().entries():
        group.append(entry)
    node.setParmTemplateGroup(group)
    node.setParms({CHANNEL: channel})


def _templates() -> tuple[hou.ParmTemplate, ...]:
    import hou

    python = hou.scriptLanguage.Python
    return (
        hou.StringParmTemplate(
            CHANNEL,
            "Channel",
            1,
            default_value=(DEFAULT_CHANNEL,),
            item_generator_script="from hdaemon.houdini import receiver\nreturn receiver.channel_menu()",
            item_generator_script_language=python,
            menu_type=hou.menuType.StringReplace,
            help="What is received. The menu has the channels that hold something.",
        ),
        hou.ToggleParmTemplate(
            recook.LIVE, "Live", True, help="Cook whenever something new comes. Off: keep what is shown."
        ),
        _menu(
            UNITS,
            "Units",
            _UNIT_LABELS,
            "How long one unit of the sender is, where the message says none or a wrong one.",
        ),
        _menu(UP, "Up Axis", _UP_LABELS, "Which axis of the sender is up, where the message says none or a wrong one."),
        hou.ButtonParmTemplate(
            "bake",
            "Bake",
            join_with_next=True,
            script_callback=_CALL.format("bake_pressed"),
            script_callback_language=python,
            help="Write what is shown into this node: it is there when the scene is opened without the sender.",
        ),
        hou.ButtonParmTemplate(
            "clearbake", "Clear Bake", script_callback=_CALL.format("clear_bake"), script_callback_language=python
        ),
        hou.StringParmTemplate(BAKE_NOTE, "Baked", 1, help="What was baked, and when."),
        hou.IntParmTemplate(recook.REQUEST, "Requests", 1, is_hidden=True),
    )


def _menu(name: str, label: str, labels: dict[str, str], help_text: str) -> hou.ParmTemplate:
    import hou

    return hou.StringParmTemplate(
        name,
        label,
        1,
        default_value=("sender",),
        menu_items=tuple(labels),
        menu_labels=tuple(labels.values()),
        help=help_text,
    )


def _kind(network: hou.Node) -> str:
    category = network.childTypeCategory()
    return category.name() if category is not None else ""


def _node_name(text: str) -> str:
    """Return what Houdini takes as a node's name: letters, digits and _, not beginning with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "receive"
    return f"_{name}" if name[0].isdigit() else name


def _set_note(node: hou.SopNode, text: str) -> None:
    parm = node.parm(BAKE_NOTE)
    if parm is not None:
        parm.set(text)


def _shows_bake(node: hou.SopNode) -> bool:
    shown = shown_by(node)
    return shown is None or shown.key is None


def _begin_anew(node: hou.SopNode) -> None:
    forget_shown(node)
    recook.bump(node)
