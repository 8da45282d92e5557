"""A message as a `Mesh`, so that every channel can be cooked. No hou: it may run on any thread.

What is geometry is taken as it is. An array becomes points, text and JSON become attributes of the whole.
docs/houdini.md has the table.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon import content
from hdaemon.content.mesh import CLASSES, Mesh
from hdaemon.errors import HdaemonError, UsageError
from hdaemon.message import Message

__all__ = ["AS_SENT", "Conventions", "mesh_of"]

Array = npt.NDArray[Any]

DATA = "data"
"""What the attribute is called that holds a value without a name of its own."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_GROUPS = ("point_groups", "prim_groups")


@dataclass(frozen=True, slots=True)
class Conventions:
    """What the artist says of a sender's units and axes, over what the message says of itself.

    Attributes:
        metres_per_unit: 0.01 for centimetres; None: as the message says, and metres where it says nothing.
        up: ``"Y"`` or ``"Z"``; None: as the message says, and Y where it says nothing.
    """

    metres_per_unit: float | None = None
    up: str | None = None

    def stated(self, mesh: Mesh) -> Mesh:
        """Return `mesh` with these conventions said of it; no number of it changes."""
        unit = mesh.metres_per_unit if self.metres_per_unit is None else self.metres_per_unit
        up = self.up or mesh.up
        if (unit, up) == (mesh.metres_per_unit, mesh.up):
            return mesh
        return _with(mesh, metres_per_unit=unit, up=up)


AS_SENT = Conventions()


def mesh_of(message: Message, conventions: Conventions = AS_SENT) -> Mesh:
    """Return what `message` is in a node, in Houdini's conventions: clockwise, Y up, metres, names Houdini takes.

    Raises:
        HdaemonError: it cannot be geometry, or does not decode; says why.
    """
    if message.error is not None:
        raise HdaemonError(message.error)
    data = message.data
    if isinstance(data, Mesh):
        made = data
    elif isinstance(data, np.ndarray):
        made = _of_array(data)
    elif isinstance(data, dict) and any(isinstance(value, np.ndarray) for value in data.values()):
        made = _of_arrays(data)
    elif isinstance(data, (bytes, bytearray, memoryview)):
        raise HdaemonError(
            f"{message.content_type} of {len(data)} bytes is no geometry, and no decoder is registered that makes some "
            "of it: send a mesh, an array, JSON or text, or register one with hdaemon.content.register"
        )
    else:
        made = _of_text(message, data)
    return _named(conventions.stated(made).converted())


def _of_array(array: Array) -> Mesh:
    """Return points: where they are when the last dimension is 3, else at the origin, with the attribute `data`."""
    if array.dtype.names:
        return _of_arrays({name: array[name] for name in array.dtype.names})
    if array.ndim == 0:
        return Mesh([], detail={DATA: array.reshape(1)})
    if _are_positions(array):
        return Mesh(array.reshape(-1, 3))
    rows = array if array.ndim < 3 else array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
    return Mesh(np.zeros((len(rows), 3), np.float32), point={DATA: rows})


def _are_positions(array: Array) -> bool:
    return array.ndim >= 2 and array.shape[-1] == 3 and array.dtype.kind in "fiu"


def _of_arrays(given: Mapping[str, Any]) -> Mesh:
    """Return points with P, or at the origin without one, and with every array that has one row for each of them."""
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    left_out = [f"{name!r} is no array and was left out" for name in given if name not in arrays]
    positions = arrays.pop("P", None)
    if positions is not None and not (positions.ndim == 2 and _are_positions(positions)):
        raise HdaemonError(f"the array 'P' has the shape {positions.shape}: give (n, 3), the positions of n points")
    if positions is None:
        counts = [value.shape[0] for value in arrays.values() if value.ndim]
        positions = np.zeros((counts[0] if counts else 0, 3), np.float32)
    point, detail = {}, {}
    for name, value in arrays.items():
        if value.ndim == 0:
            detail[name] = value.reshape(1)
        elif value.shape[0] == len(positions):
            point[name] = value
        else:
            rows = f"{value.shape[0]} rows for {len(positions)} points"
            left_out.append(f"the array {name!r} has {rows} and was left out")
    return Mesh(positions, point=point, detail=detail, notes=tuple(left_out))


def _of_text(message: Message, data: Any) -> Mesh:
    """Return no points, and the attributes of the whole `data`, `serial`, `channel` and `content_type`."""
    if message.content_type in (content.TEXT, content.JSON):
        text = str(message.payload, "utf-8")  # JSON as it was sent: its numbers keep all their digits
    elif isinstance(data, str):
        text = data
    else:
        text = _as_json(message, data)
    small = np.int32 if message.serial <= np.iinfo(np.int32).max else np.int64
    return Mesh(
        [],
        detail={
            DATA: text.replace("\0", "\ufffd"),  # Houdini's strings end at a zero
            "serial": np.array([message.serial], small),
            "channel": message.channel,
            "content_type": message.content_type,
        },
    )


def _as_json(message: Message, data: Any) -> str:
    def other(value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode("ascii")
        raise TypeError(f"{type(value).__name__} is not known to JSON")

    try:
        return json.dumps(data, default=other)
    except (TypeError, ValueError, RecursionError) as error:
        raise HdaemonError(
            f"the value of {message.content_type} can be no string for a node: {error}; send a mesh, arrays or JSON"
        ) from error


def _with(mesh: Mesh, **changes: Any) -> Mesh:
    given: dict[str, Any] = {
        name: getattr(mesh, name)
        for name in ("points", "counts", "indices", *CLASSES, *_GROUPS, "closed", "kinds")
        + ("winding", "up", "metres_per_unit", "notes")
    }
    return Mesh(**{**given, **changes})


def _named(mesh: Mesh) -> Mesh:
    """Return `mesh` with names of letters, digits and _ only, which is what Houdini's own nodes can ask for."""
    changes: dict[str, Any] = {}
    notes: list[str] = []
    kinds = dict(mesh.kinds)
    for what in (*CLASSES, *_GROUPS):
        values = getattr(mesh, what)
        names = _valid(values, ("P",) if what == "point" else ())
        if all(name == old for old, name in names.items()):
            continue
        changes[what] = {names[old]: value for old, value in values.items()}
        notes += [f"{what} {old!r} is called {new!r} here" for old, new in names.items() if old != new]
        kinds = {
            f"{what}/{names[key[len(what) + 1 :]]}" if key.startswith(f"{what}/") else key: kind
            for key, kind in kinds.items()
        }
    if not changes:
        return mesh
    try:
        return _with(mesh, **changes, kinds=kinds, notes=(*mesh.notes, *notes))
    except UsageError as error:
        raise HdaemonError(f"names that Houdini takes could not be given: {error}") from error


def _valid(names: Iterable[str], taken: tuple[str, ...]) -> dict[str, str]:
    """Return for each name one that Houdini takes, all different."""
    given = list(names)
    fine = {name for name in given if not _NOT_IN_A_NAME.search(name) and not name[0].isdigit()}
    used = {*fine, *taken}
    found: dict[str, str] = {}
    for name in given:
        new = name
        if name not in fine:
            stem = new = _NOT_IN_A_NAME.sub("_", f"_{name}" if name[0].isdigit() else name)
            number = 2
            while new in used:
                new, number = f"{stem}_{number}", number + 1
            used.add(new)
        found[name] = new
    return found
