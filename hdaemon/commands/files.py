"""Files for `hdaemon send`: what a file is by its name, what is sent of it, and sending it again when it changes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hdaemon import content
from hdaemon.client import Ack, Client, Rejected, Unauthorized
from hdaemon.commands.progress import SHOWN_BYTES, Line
from hdaemon.commands.telling import tell
from hdaemon.commands.watching import Watched
from hdaemon.content import json as strict_json
from hdaemon.errors import DecodeError, SendError

if TYPE_CHECKING:
    from hdaemon.commands.models import Model

__all__ = [
    "MODELS",
    "TYPES",
    "Sender",
    "channel_of",
    "checked",
    "is_geometry",
    "is_model",
    "type_of",
]

TYPES = {
    "text": "text/plain",
    "json": "application/json",
    "msgpack": "application/msgpack",
    "npy": "application/x-npy",
    "safetensors": "application/vnd.safetensors",
    "bgeo": "application/x-houdini-bgeo",
    "bytes": "application/octet-stream",
}
_JSON, _BYTES, _BGEO = TYPES["json"], TYPES["bytes"], TYPES["bgeo"]

_SUFFIXES = {
    ".txt": TYPES["text"],
    ".json": _JSON,
    ".msgpack": TYPES["msgpack"],
    ".npy": TYPES["npy"],
    ".safetensors": TYPES["safetensors"],
    ".bgeo": _BGEO,
    ".bgeo.sc": _BGEO,
    ".geo": _BGEO,
}

MODELS = (".obj", ".ply", ".stl", ".glb", ".off")
"""Files that are read, and sent as meshes."""

_CHECKED = (TYPES["msgpack"], TYPES["npy"], TYPES["safetensors"], _BGEO)
"""Of a watched file of these types it can be told whether it is complete."""

_NOT_IN_A_CHANNEL = re.compile(r"[+#/\x00-\x1f\x7f-\x9f]")
_MAX_STEM_BYTES = 200  # a channel's name has 256


def type_of(path: Path) -> str:
    """Return the media type that a file's name says; of a name that says none, bytes."""
    name = path.name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), _BYTES)


def is_model(path: Path) -> bool:
    """Say whether a file is read and sent as a mesh."""
    return path.suffix.lower() in MODELS


def is_geometry(path: Path) -> bool:
    """Say whether a file is geometry: a model, or Houdini's own, which is sent as it is."""
    return is_model(path) or type_of(path) == _BGEO


def channel_of(path: Path) -> str:
    """Return where geometry is sent to unless told otherwise: ``models/`` and the file's name without its suffix."""
    stem = path.name[: -len(".bgeo.sc")] if path.name.lower().endswith(".bgeo.sc") else path.stem
    stem = _NOT_IN_A_CHANNEL.sub("_", stem).encode("utf-8", "replace")[:_MAX_STEM_BYTES].decode("utf-8", "ignore")
    return f"models/{stem or '_'}"


def checked(payload: bytes, content_type: str | None, name: str) -> tuple[bytes, str]:
    """Return a message; of what was not said to be something, text where it is text.

    Raises:
        SendError: it is said to be JSON and is not.
    """
    if content_type == _JSON:
        try:
            strict_json.decode(payload)
        except DecodeError as error:
            more = " (each line of standard input is a message: `jq -c` makes them)" if name.startswith("line ") else ""
            raise SendError(f"{name} was not sent: {error}{more}") from error
    if content_type is not None:
        return payload, content_type
    try:
        payload.decode()
    except UnicodeDecodeError:
        return payload, _BYTES
    return payload, TYPES["text"]


class Sender:
    """Sends one file.

    Args:
        path: the file.
        channel: where to.
        content_type: what it is said to be; None: what its name says, and a model is sent as a mesh.
        up, metres_per_unit: what is said of a model's axes and unit; nothing is converted here.
    """

    def __init__(
        self, path: Path, channel: str, content_type: str | None, up: str = "Y", metres_per_unit: float = 1.0
    ) -> None:
        self.path, self.channel = path, channel
        self._type = content_type
        self._up, self._metres_per_unit = up, metres_per_unit

    def prepared(self, data: bytes) -> Callable[[Client], Ack]:
        """Return what sends `data`, which is what the file holds.

        Raises:
            SendError: it is not what it is said to be.
        """
        name = str(self.path)
        if self._type is None and is_model(self.path):
            from hdaemon.commands import models  # numpy: for those who use it

            line = Line(sys.stderr)
            if len(data) > SHOWN_BYTES:
                line.show(f"reading {len(data) / 1e6:.0f} MB")
            try:
                return self._of_model(models.read(data, self.path.suffix.lower(), name))
            finally:
                line.clear()
        payload, kind = checked(data, self._type or type_of(self.path), name)
        return lambda client: client.send(payload, self.channel, kind)

    def _of_model(self, model: Model) -> Callable[[Client], Ack]:
        for note in model.notes:
            tell(f"{self.path}: {note}")
        return lambda client: client.send_mesh(
            model.points,
            model.counts,
            model.indices,
            self.channel,
            point=model.point,
            vertex=model.vertex,
            prim=model.prim,
            winding="counterclockwise",
            up=self._up,
            metres_per_unit=self._metres_per_unit,
        )

    def watch(self, client: Client) -> None:
        """Send the file, and again whenever it has changed; does not return.

        Raises:
            ClientError: there is no server any more, or no token that it takes.
            KeyboardInterrupt: Ctrl-C.
        """
        watched = Watched(self.path)
        if not self.path.exists():
            tell(f"there is no {self.path} yet: it is sent when there is")
        said = False  # what is wrong with it, once until it is well again
        while True:
            try:
                data = watched.next()
                self._check(data)
                ack = self.prepared(data)(client)
                client.flush()
            except Unauthorized:
                raise
            except (OSError, SendError, Rejected) as error:
                if not said:
                    text = f"cannot read {self.path}: {error.strerror}" if isinstance(error, OSError) else str(error)
                    tell(f"{text}; it is tried again when it changes")
                said = True
            else:
                said = False
                tell(f"sent {self.path} to {self.channel}: {'stored' if ack.stored else 'shown'}, serial {ack.serial}")

    def _check(self, data: bytes) -> None:
        """Raise SendError when the file can be seen to be incomplete; a model is read anyway."""
        kind = self._type or type_of(self.path)
        if kind in _CHECKED and not self.path.name.lower().endswith(".sc"):
            try:
                content.decode(kind, data)
            except DecodeError as error:
                raise SendError(f"{self.path} was not sent: {error}") from error
