"""Send meshes from Maya to Houdini, once or live. For Maya 2022 and newer.

IT WAS NEVER RUN IN MAYA: it is checked against the published types of Maya's Python, and its logic with stand-ins for
Maya's classes. Tell us what breaks.

Put this file, `live_sender.py` (examples/python) and `client.py` (hdaemon) into Maya's script folder, and numpy into
Maya's Python once: ``mayapy -m pip install numpy``. Then, in the script editor or on a shelf button::

    import hdaemon_maya
    hdaemon_maya.show()            # a window: address, channel, token, Send, Live
    hdaemon_maya.add_to_shelf()    # a button for it on the current shelf
"""

from __future__ import annotations

import re
import time
from typing import Any

import maya.api.OpenMaya as om
import numpy as np
from live_sender import LiveSender
from maya import cmds

RATE = 30.0
"""Live updates a second at most."""

SHARE = 0.5
"""Of Maya's time that reading meshes may take: the next one waits for as long as the last one took."""

METRES_PER_UNIT = 0.01  # Maya's API speaks centimetres, whatever the scene shows

_WORLD: Any = om.MSpace.kWorld  # published as an int, and wanted as an MSpace
_WINDOW = "hdaemon_window"
_SHELF_COMMAND = "import hdaemon_maya\nhdaemon_maya.show()\n"


# -- a mesh as arrays ------------------------------------------------------------------------------------------------


def mesh_of(fn: om.MFnMesh, *, up: str = "Y", mirrored: bool = False) -> dict[str, Any]:
    """Return the arguments of `Client.send_mesh` for a mesh in the world's space.

    - ``vertex/N``: the normals of the corners.
    - ``vertex/uv``: the current uv set, the others by their names; 0 where a face has none.
    - ``vertex/Cd`` and, where it is not 1 everywhere, ``vertex/Alpha``: the current colour set, as Maya stores it.
    - ``prim/material``: the name of the surface shader, or of the shading group where it has none.

    Args:
        fn: an `MFnMesh` of a DAG path.
        up: the scene's up axis, ``"Y"`` or ``"Z"``.
        mirrored: the object's matrix turns left into right, so that polygons run clockwise.
    """
    counts, indices = (np.array(each, np.int32) for each in fn.getVertices())
    made: dict[str, Any] = {
        "points": _rows(fn.getFloatPoints(_WORLD), 4)[:, :3].copy(),
        "counts": counts,
        "indices": indices,
        "vertex": {},
        "prim": {},
        "kinds": {},
        "winding": "clockwise" if mirrored else "counterclockwise",
        "up": up,
        "metres_per_unit": METRES_PER_UNIT,
    }
    if not len(counts):
        return made
    normals = _rows(fn.getNormals(_WORLD), 3)
    _, ids = fn.getNormalIds()
    made["vertex"]["N"] = normals[np.array(ids, np.int64)]
    made["kinds"]["vertex/N"] = "normal"
    _add_uvs(made, fn, counts)
    _add_colours(made, fn)
    _add_materials(made, fn)
    return made


def _rows(array: Any, width: int) -> Any:
    """Return an array of Maya's as ``(n, width)`` float32."""
    return np.array([tuple(item)[:width] for item in array], np.float32).reshape(-1, width)


def _add_uvs(made: dict[str, Any], fn: om.MFnMesh, counts: Any) -> None:
    names = list(fn.getUVSetNames())
    current = fn.currentUVSetName() if names else ""
    # The current one first, so that no other takes its name.
    for name in sorted(names, key=lambda each: each != current):
        us, vs = fn.getUVs(name)
        face_counts, ids = (np.array(each, np.int64) for each in fn.getAssignedUVs(name))
        if not len(ids):
            continue
        values = np.zeros((len(made["indices"]), 2), np.float32)
        known = np.stack([np.array(us, np.float32), np.array(vs, np.float32)], axis=1)
        values[np.repeat(face_counts > 0, counts)] = known[ids]
        taken = _free(made["vertex"], "uv" if name == current else name)
        made["vertex"][taken] = values
        made["kinds"]["vertex/" + taken] = "texturecoord"


def _add_colours(made: dict[str, Any], fn: om.MFnMesh) -> None:
    names = list(fn.getColorSetNames())
    if not names:
        return
    current = fn.currentColorSetName() or names[0]
    values = _rows(fn.getFaceVertexColors(current, om.MColor((1.0, 1.0, 1.0, 1.0))), 4)
    if len(values) != len(made["indices"]):
        return
    made["vertex"]["Cd"] = values[:, :3].copy()
    made["kinds"]["vertex/Cd"] = "color"
    if (values[:, 3] != 1.0).any():
        made["vertex"]["Alpha"] = values[:, 3].copy()


def _add_materials(made: dict[str, Any], fn: om.MFnMesh) -> None:
    groups, ids = fn.getConnectedShaders(0)
    names = [_shader_of(groups[i]) for i in range(len(groups))]
    if names:
        # -1: a face without a shader; it takes the last name of the table, the empty one.
        table = np.array([*names, ""], object)
        made["prim"]["material"] = table[np.array(ids, np.int64)].tolist()


def _shader_of(group: om.MObject) -> str:
    """Return the name of a shading group's surface shader; its own when it has none."""
    node = om.MFnDependencyNode(group)
    if node.hasAttribute("surfaceShader"):
        source = node.findPlug("surfaceShader", False).source()
        if not source.isNull:
            return str(om.MFnDependencyNode(source.node()).name())
    return str(node.name())


def _free(taken: dict[str, Any], name: str) -> str:
    """Return a name that Houdini takes and that is not used yet."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:190] or "_"
    plain = "_" + plain if plain[0].isdigit() else plain
    made, number = plain, 1
    while made in taken:
        number += 1
        made = "%s_%d" % (plain, number)  # noqa: UP031 - as in the rest, nothing newer than Python 3.7
    return made


# -- sending ---------------------------------------------------------------------------------------------------------


class Link:
    """The connection of this Maya, and the shapes that are live; `link` is the one there is.

    Meshes are read on Maya's main thread and sent by another; while one is on its way no other is read.
    """

    def __init__(self) -> None:
        self.address, self.channel, self.token = "127.0.0.1:2000", "maya/{object}", ""
        self._sender: LiveSender | None = None
        self._made_for: tuple[str, int, str] | None = None
        self._shapes: list[str] = []
        self._changed = False
        self._callbacks: list[Any] = []
        self._next_at = 0.0
        self._told = 0

    @property
    def live(self) -> bool:
        """Whether shapes are sent as they change."""
        return bool(self._shapes)

    def send(self) -> int:
        """Send the selected meshes once; return how many.

        Raises:
            ValueError: nothing is selected, or the address is none.
        """
        shapes = selected()
        self._offer(shapes, retry=False)
        self._listen()
        return len(shapes)

    def start(self) -> int:
        """Send the selected meshes now, and whenever they change; return how many.

        Raises:
            ValueError: nothing is selected, or the address is none.
        """
        self.stop()
        shapes = selected()
        self._offer(shapes, retry=True)
        self._shapes = shapes
        self._listen()
        for shape in shapes:
            path = _path(shape)
            # The shape, and all above it: moving a group moves the mesh.
            while path.length() > 0:
                self._callbacks.append(om.MNodeMessage.addNodeDirtyCallback(path.node(), self._on_changed))
                path.pop()
        # While playing, the evaluation manager tells nothing else.
        self._callbacks.append(om.MDGMessage.addTimeChangeCallback(self._on_changed))
        for moment in (om.MSceneMessage.kBeforeNew, om.MSceneMessage.kBeforeOpen):
            self._callbacks.append(om.MSceneMessage.addCallback(moment, self._on_scene_closing))
        return len(shapes)

    def stop(self) -> None:
        """Send no more; what is on its way arrives."""
        self._shapes, self._changed = [], False
        callbacks, self._callbacks = self._callbacks, []
        if callbacks:
            om.MMessage.removeCallbacks(callbacks)

    def close(self) -> None:
        """Stop, and end the connection and its thread."""
        self.stop()
        sender, self._sender, self._made_for = self._sender, None, None
        if sender is not None:
            sender.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Be called when Maya has nothing else to do."""
        if not self._callbacks:
            self._callbacks.append(om.MEventMessage.addEventCallback("idle", self._on_idle))

    def _on_changed(self, *_: Any) -> None:
        self._changed = True  # nothing may be read inside the callback: the node is being changed

    def _on_scene_closing(self, *_: Any) -> None:
        self.stop()

    def _on_idle(self, *_: Any) -> None:
        sender = self._sender
        if sender is None:
            return
        self._tell(sender)
        begin = time.monotonic()
        if not self.live:
            if not sender.busy:
                self.stop()
            return
        if not self._changed or sender.busy or begin < self._next_at:
            return
        self._changed = False
        self._shapes = [shape for shape in self._shapes if cmds.objExists(shape)]
        try:
            self._offer(self._shapes, retry=True)
        except (RuntimeError, ValueError) as error:  # RuntimeError is what Maya raises
            self.stop()
            om.MGlobal.displayError("hdaemon: Live was ended: %s" % error)  # noqa: UP031
        self._next_at = begin + max(1 / RATE, (time.monotonic() - begin) / SHARE)

    def _tell(self, sender: LiveSender) -> None:
        """Show a new status in Maya's help line; while live only what is wrong."""
        status = sender.status
        if status.number == self._told:
            return
        self._told = status.number
        if cmds.text(_WINDOW + "_status", exists=True):
            cmds.text(_WINDOW + "_status", edit=True, label=status.text)
        if status.state == "failed":
            om.MGlobal.displayWarning("hdaemon: " + status.text)
        elif status.state == "sent" and not self.live:
            om.MGlobal.displayInfo("hdaemon: " + status.text)

    def _offer(self, shapes: list[str], *, retry: bool) -> None:
        channels = [channel_of(self.channel, shape) for shape in shapes]
        if len(set(channels)) < len(channels):
            raise ValueError("several meshes would go to one channel: write {object} in its name")
        sender = self._sender_to(self.address)
        up = str(cmds.upAxis(query=True, axis=True)).upper()
        for shape, channel in zip(shapes, channels):  # noqa: B905 - Python 3.7
            path = _path(shape)
            mirrored = path.inclusiveMatrix().det3x3() < 0
            sender.offer(channel, mesh_of(om.MFnMesh(path), up=up, mirrored=mirrored), retry=retry)

    def _sender_to(self, address: str) -> LiveSender:
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError("%r is not an address: write HOST:PORT, such as 127.0.0.1:2000" % address)  # noqa: UP031
        wanted = (host.strip("[]"), int(port), self.token)
        if self._sender is None or self._made_for != wanted:
            if self._sender is not None:
                self._sender.close(timeout_s=0.0)
            self._sender, self._made_for, self._told = LiveSender(wanted[0], wanted[1], self.token or None), wanted, 0
        return self._sender


link = Link()


def selected() -> list[str]:
    """Return the full paths of the selected mesh shapes, also of those below what is selected.

    Raises:
        ValueError: there is none.
    """
    found = cmds.ls(selection=True, dagObjects=True, noIntermediate=True, type="mesh", long=True) or []
    if not found:
        raise ValueError("nothing to send: select an object that has a mesh")
    return [str(path) for path in found]


def channel_of(pattern: str, shape: str) -> str:
    """Return the channel of a shape, whose full path is ``|group|body|bodyShape``: ``maya/group/body``."""
    name = "/".join(shape.split("|")[1:-1])
    made = (pattern.strip() or "maya/{object}").replace("{object}", name)
    return re.sub(r"[+#\x00-\x1f\x7f]", "_", made)


def _path(shape: str) -> om.MDagPath:
    found = om.MSelectionList()
    found.add(shape)
    return found.getDagPath(0)


# -- the window ------------------------------------------------------------------------------------------------------


def show() -> None:
    """Show the window; its fields are kept until Maya ends."""
    if cmds.window(_WINDOW, exists=True):
        cmds.deleteUI(_WINDOW)
    cmds.window(_WINDOW, title="hdaemon", widthHeight=(380, 170))
    cmds.columnLayout(adjustableColumn=True, rowSpacing=4)
    for label, name in (("Address", "address"), ("Channel", "channel")):
        cmds.textFieldGrp(label=label, text=getattr(link, name), changeCommand=_setter(name))
    cmds.textFieldGrp(label="Token (not shown again)", text="", changeCommand=_setter("token"))
    cmds.rowLayout(numberOfColumns=2, columnWidth2=(190, 190))
    cmds.button(label="Send selected", width=185, command=lambda *_: _try(link.send))
    cmds.button(_WINDOW + "_live", label=_live_label(), width=185, command=_on_live)
    cmds.setParent("..")
    cmds.text(_WINDOW + "_status", label="Nothing was sent yet", align="left", wordWrap=True)
    cmds.showWindow(_WINDOW)


def add_to_shelf() -> None:
    """Add a button that shows the window to the shelf that is in front."""
    shelf = cmds.tabLayout("ShelfLayout", query=True, selectTab=True)
    cmds.shelfButton(
        parent=str(shelf), label="hdaemon", imageOverlayLabel="hd", image="commandButton.png", command=_SHELF_COMMAND
    )


def _setter(name: str) -> Any:
    return lambda text: setattr(link, name, str(text).strip())


def _live_label() -> str:
    return "Stop live" if link.live else "Live"


def _on_live(*_: Any) -> None:
    _try(link.stop if link.live else link.start)
    cmds.button(_WINDOW + "_live", edit=True, label=_live_label())


def _try(action: Any) -> None:
    try:
        action()
    except ValueError as error:  # also what the client raises for a token that cannot be used
        om.MGlobal.displayError("hdaemon: %s" % error)  # noqa: UP031
