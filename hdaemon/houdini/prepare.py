"""`Prepared`: a message made ready to be cooked, and what of it is new. No hou: it may run on any thread.

Writing a million points as bgeo takes some 15 ms, and comparing them with those before some 10. Both are done here,
away from the main thread; the cook compares a few numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon import content
from hdaemon.content import bgeo
from hdaemon.content.bgeo_binary import MAGIC
from hdaemon.content.joined import joined
from hdaemon.content.mesh import CLASSES, Attribute, Mesh, Strings
from hdaemon.errors import HdaemonError
from hdaemon.houdini.from_message import AS_SENT, Conventions, mesh_of
from hdaemon.message import Message

__all__ = ["Prepared", "attributes", "of_bgeo", "prepare"]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A message as Houdini takes it.

    Attributes:
        serial: of the message; 0 of what was baked.
        mesh: what it is, in Houdini's conventions; None where that is not known, or there is an error.
        bgeo: the same as the bytes that `hou.Geometry.load` is given.
        error: why it can be no geometry; None when it can.
        notes: what of it was left out or renamed, a sentence each.
        layout: equal numbers stand for equal points, polygons, groups, names and types: only values may differ.
        versions: a number for each attribute by ``"class/name"``; equal numbers stand for equal values.
    """

    serial: int
    mesh: Mesh | None = None
    bgeo: bytes = b""
    error: str | None = None
    notes: tuple[str, ...] = ()
    layout: int = field(default_factory=lambda: next(_numbers))
    versions: Mapping[str, int] = field(default_factory=dict)


def prepare(
    message: Message,
    conventions: Conventions = AS_SENT,
    previous: Prepared | None = None,
    join: Callable[[Sequence[content.Payload]], bytes] = joined,
) -> Prepared:
    """Return `message` prepared, compared with what was prepared before it; what is wrong with it is in `error`.

    Args:
        message: of any content type.
        conventions: what the artist says of the sender's units and axes.
        previous: of the same channel; what both have in common keeps its numbers. None: nothing is compared, and all
            of it has numbers of its own.
        join: what makes one `bytes` of its parts.
    """
    try:
        mesh = mesh_of(message, conventions)
    except HdaemonError as error:
        return Prepared(message.serial, error=str(error))
    made, notes = _own_bytes(message, conventions), mesh.notes
    if made is None:
        made = join(bgeo.write_parts(mesh, bounds=False))
    elif notes:
        # Houdini takes also what a mesh does not hold, so nothing is left out; but whether that is new is not known.
        return Prepared(message.serial, mesh, made)
    old = previous.mesh if previous is not None else None
    if previous is None or old is None or not _same_layout(old, mesh):
        return Prepared(message.serial, mesh, made, None, notes, versions={key: next(_numbers) for key in _keys(mesh)})
    before, now = dict(attributes(old)), dict(attributes(mesh))
    versions = {
        key: previous.versions[key] if _equal(before[key], value) else next(_numbers) for key, value in now.items()
    }
    return Prepared(message.serial, mesh, made, None, notes, previous.layout, versions)


def of_bgeo(data: bytes) -> Prepared:
    """Return Houdini's own bytes as they are; they are like nothing else."""
    return Prepared(0, bgeo=data)


def attributes(mesh: Mesh) -> list[tuple[str, Attribute]]:
    """Return every attribute by ``"class/name"``, with the points as ``"point/P"``."""
    found: list[tuple[str, Attribute]] = [("point/P", mesh.points)]
    for cls in CLASSES:
        found += [(f"{cls}/{name}", value) for name, value in getattr(mesh, cls).items()]
    return found


def _keys(mesh: Mesh) -> list[str]:
    return [key for key, _ in attributes(mesh)]


def _own_bytes(message: Message, conventions: Conventions) -> bytes | None:
    """Return the payload when Houdini can take it as it came: with volumes and all else that a `Mesh` does not hold."""
    if message.content_type != content.BGEO or conventions not in (AS_SENT, Conventions(1.0, "Y")):
        return None
    head = bytes(message.payload[: len(MAGIC)])
    return bytes(message.payload) if head == MAGIC else None


def _same_layout(old: Mesh, new: Mesh) -> bool:
    before, now = attributes(old), attributes(new)
    return (
        old.same_topology(new)
        and [(key, _type(key, value)) for key, value in before] == [(key, _type(key, value)) for key, value in now]
        and dict(old.kinds) == dict(new.kinds)
        and all(
            list(mine) == list(his) and all(np.array_equal(mine[name], his[name]) for name in mine)
            for mine, his in ((old.point_groups, new.point_groups), (old.prim_groups, new.prim_groups))
        )
        and all(_settable(key, value) or _equal(value, now[at][1]) for at, (key, value) in enumerate(before))
    )


def _type(key: str, value: Attribute) -> tuple[Any, ...]:
    if isinstance(value, Strings):
        return ("string", value.indices.shape)
    return (value.dtype.str, value.shape)


def _settable(key: str, value: Attribute) -> bool:
    """Say whether hou has a call that sets this attribute quickly: numbers by their bytes, the whole's by value."""
    if key.startswith("detail/"):
        return isinstance(value, Strings) or value.dtype.str != "<i8"  # hou takes an int of 32 bits there
    return not isinstance(value, Strings)


def _equal(mine: Attribute, his: Attribute) -> bool:
    if isinstance(mine, Strings) or isinstance(his, Strings):
        return isinstance(mine, Strings) and isinstance(his, Strings) and bool(mine == his)
    if not mine.size:
        return True
    bits = f"u{mine.dtype.itemsize}"  # a NaN is equal to itself
    return mine is his or bool(np.array_equal(_flat(mine).view(bits), _flat(his).view(bits)))


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.reshape(-1)
