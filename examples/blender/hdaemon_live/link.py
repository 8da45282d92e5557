"""What the panel's buttons do: send objects once, or again and again as they change.

Meshes are read on Blender's main thread, as they must be, and sent by a thread that knows nothing of Blender. While
one is on its way no other is read, so that a slow network costs frames and not the artist's time.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from typing import Any

import bpy

from .client import ClientError
from .extract import KINDS, mesh_of
from .live_sender import LiveSender

RATE = 30.0
"""Updates a second at most."""

SHARE = 0.5
"""Of the main thread's time that reading meshes may take: the next one waits for as long as the last one took."""

Settings = Any  # the settings of a scene, ui.HdaemonSettings


class Trouble(Exception):
    """The artist can mend it; the text says how."""


class Link:
    """The connection of this Blender, and the objects that are live.

    Attributes:
        live: whether objects are sent as they change.
    """

    def __init__(self) -> None:
        self.live = False
        self._names: dict[int, str] = {}  # of the live objects, by their session_uid: a name may change
        self._changed: set[int] = set()
        self._sender: LiveSender | None = None
        self._made_for: tuple[str, int, str] | None = None
        self._said = ""
        self._next_at = 0.0
        self._flushing = False

    @property
    def status(self) -> tuple[str, str]:
        """A state (see `live_sender.Status`; also ``"trouble"``) and a sentence."""
        if self._said:
            return "trouble", self._said
        if self._sender is None:
            return "idle", "Nothing was sent yet"
        state, text, _ = self._sender.status
        return state, text

    @property
    def busy(self) -> bool:
        """Whether a mesh is on its way."""
        return self._sender is not None and self._sender.busy

    def wait(self, timeout_s: float) -> bool:
        """Return whether all is sent, after waiting for that for so long at most. For scripts and tests."""
        return self._sender is None or self._sender.wait(timeout_s)

    def send(self, context: bpy.types.Context, settings: Settings, token: str) -> int:
        """Send the selected objects once; return how many. Returns before they have arrived.

        Raises:
            Trouble: there is nothing to send, or no way to.
        """
        objects = selected(context)
        self._offer(objects, self.up_to_date(context, objects), settings, token, retry=False)
        return len(objects)

    def start(self, context: bpy.types.Context, settings: Settings, token: str) -> int:
        """Send the selected objects now, and whenever they change from now on; return how many.

        Raises:
            Trouble: there is nothing to send, or no way to.
        """
        objects = selected(context)
        self._offer(objects, self.up_to_date(context, objects), settings, token, retry=True)
        self._names = {obj.session_uid: obj.name for obj in objects}
        self._changed.clear()
        self.live = True
        return len(objects)

    def stop(self) -> None:
        """Send no more; what is on its way arrives."""
        self.live = False
        self._names.clear()
        self._changed.clear()

    def close(self) -> None:
        """Stop, and end the connection and its thread."""
        self.stop()
        sender, self._sender, self._made_for = self._sender, None, None
        if sender is not None:
            sender.close()

    def noticed(self, updates: Iterable[Any]) -> None:
        """Take note of what a depsgraph has updated. May be called by any thread of Blender, as while it renders."""
        if not self.live or self._flushing:
            return
        for update in updates:
            changed = update.id.original
            if isinstance(changed, bpy.types.Object):
                uid = changed.session_uid
                if uid in self._names and (update.is_updated_geometry or update.is_updated_transform):
                    self._changed.add(uid)

    def tick(self, context: bpy.types.Context, settings: Settings, token: str) -> bool:
        """Send what has changed, if nothing is on its way; return whether something was.

        Called `RATE` times a second while live.
        """
        begin = time.monotonic()
        if not self.live or not self._changed or self.busy or begin < self._next_at:
            return False
        try:
            context.evaluated_depsgraph_get()  # first: bringing the scene up to date may change more of them
            uids, self._changed = self._changed, set()
            objects = [obj for obj in map(self._find, uids) if obj is not None]
            if objects:
                self._offer(objects, self.up_to_date(context, objects), settings, token, retry=True)
            if not self._names:
                self.stop()
                self._said = "The live objects are gone: Live was ended"
        except Trouble as trouble:
            self._said = str(trouble)
        took = time.monotonic() - begin
        self._next_at = begin + max(1 / RATE, took / SHARE)
        return True

    def up_to_date(self, context: bpy.types.Context, objects: list[bpy.types.Object]) -> bpy.types.Depsgraph:
        """Return the depsgraph with what is being edited in it: else an object in edit mode is as it was before."""
        depsgraph = context.evaluated_depsgraph_get()
        edited = [obj for obj in objects if obj.mode == "EDIT"]
        if edited:
            for obj in edited:
                obj.update_from_editmode()
            # It says again that they have changed, which would be sent again, and so on without end.
            self._flushing = True
            try:
                depsgraph.update()
            finally:
                self._flushing = False
        return depsgraph

    # -- inside -------------------------------------------------------------------------------------------------------

    def _find(self, uid: int) -> bpy.types.Object | None:
        """Return a live object; forget it when it is gone."""
        obj = bpy.data.objects.get(self._names[uid])
        if obj is None or obj.session_uid != uid:  # renamed, or deleted
            obj = next((each for each in bpy.data.objects if each.session_uid == uid), None)
        if obj is None or not obj.users_scene:
            del self._names[uid]
            return None
        self._names[uid] = obj.name
        return obj

    def _offer(
        self,
        objects: list[bpy.types.Object],
        depsgraph: bpy.types.Depsgraph,
        settings: Settings,
        token: str,
        *,
        retry: bool,
    ) -> None:
        self._said = ""
        channels = [channel_of(settings.channel, obj.name) for obj in objects]
        if len(set(channels)) < len(channels):
            raise Trouble(f"{len(objects)} objects would go to one channel: write {{object}} in its name")
        sender = self._sender_to(settings.address, token)
        for obj, channel in zip(objects, channels, strict=True):
            try:
                mesh = mesh_of(
                    obj, depsgraph, world=settings.space == "WORLD", vertex_groups=settings.send_vertex_groups
                )
                sender.offer(channel, mesh, retry=retry)
            except (ValueError, RuntimeError) as error:
                raise Trouble(f"Not sent: {error}") from error

    def _sender_to(self, address: str, token: str) -> LiveSender:
        host, port = address_of(address)
        if self._sender is None or self._made_for != (host, port, token):
            if not bpy.app.online_access and not _is_this_computer(host):
                raise Trouble(f"{host} is another computer: allow online access in Preferences > System > Network")
            if self._sender is not None:
                self._sender.close(timeout_s=0.0)
            try:
                self._sender = LiveSender(host, port, token or None)
            except ClientError as error:
                self._sender = self._made_for = None
                raise Trouble(f"Not sent: {error}") from error
            self._made_for = (host, port, token)
        return self._sender


def selected(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected objects that have a mesh.

    Raises:
        Trouble: there is none.
    """
    objects = [obj for obj in context.view_layer.objects.selected if obj.type in KINDS]
    if not objects:
        raise Trouble("Nothing to send: select an object that has a mesh")
    return objects


def address_of(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``.

    Raises:
        Trouble: it is not that.
    """
    host, _, port = text.strip().rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Trouble(f"{text!r} is not an address: write HOST:PORT, such as 127.0.0.1:2000")
    return host, int(port)


def channel_of(pattern: str, name: str) -> str:
    """Return the channel of an object; what no channel's name may have is written as ``_``."""
    made = (pattern.strip() or "blender/{object}").replace("{object}", name.replace("/", "_"))
    made = "".join("_" if char in "+#" or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 else char for char in made)
    while len(made.encode()) > 256:
        made = made[:-1]
    return made


def _is_this_computer(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
