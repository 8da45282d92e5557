"""Putting a `Prepared` message into the geometry of a cooking node; the calls of hou.Geometry that a receiver makes.

SideFX, "hou.Geometry": `load` takes bgeo bytes, and the ...FromString calls the bytes of one attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hdaemon.content.mesh import Attribute, Strings
from hdaemon.houdini.prepare import Prepared, attributes

if TYPE_CHECKING:
    import hou

__all__ = ["put", "still_there"]


def put(geometry: hou.Geometry, prepared: Prepared, shown: Prepared | None) -> str:
    """Make `geometry` what `prepared` says; return what was done: ``"nothing"``, ``"attributes"`` or ``"loaded"``.

    Called in the cook of the node whose geometry it is, on the main thread.

    Args:
        geometry: what `hou.pwd().geometry()` gives in a cook: writable.
        prepared: what it is to be.
        shown: what is in it (`still_there`); None when that is not known.

    Raises:
        hou.Error: Houdini does not take it; what is in `geometry` then is not known.
    """
    if shown is not None:
        if shown is prepared:
            return "nothing"
        if shown.layout == prepared.layout:
            _set_changed(geometry, prepared, shown)
            return "attributes"
    geometry.clear()
    geometry.load(prepared.bgeo)
    return "loaded"


def still_there(node: hou.OpNode, geometry: hou.Geometry, shown: Prepared) -> bool:
    """Return whether a cook finds what the one before it left behind.

    Not verified in a Houdini, and the one place that asks. SideFX's page "Define a geometry node (SOP) using Python"
    says that a node without inputs begins with an empty geometry; then this is False, and what was prepared is loaded
    again at each cook. With an input connected, it begins with a copy of that. Should a Houdini keep the geometry, it
    is recognised by its counts and attributes, and nothing is done that is done already.
    """
    mesh = shown.mesh
    if mesh is None or any(node.inputs()):
        return False
    counts = (len(mesh.points), len(mesh.indices), len(mesh.counts))
    if tuple(_intrinsic(geometry, name) for name in ("pointcount", "vertexcount", "primitivecount")) != counts:
        return False
    finders = {
        "point": geometry.findPointAttrib,
        "vertex": geometry.findVertexAttrib,
        "prim": geometry.findPrimAttrib,
        "detail": geometry.findGlobalAttrib,
    }
    named = [key.split("/", 1) for key, _ in attributes(mesh)]
    # P is there in an empty geometry too: a mesh of nothing is put there again, which costs nothing.
    return any(counts) + len(named) > 1 and all(finders[cls](name) is not None for cls, name in named)


def _intrinsic(geometry: hou.Geometry, name: str) -> object:
    """Return a count; None where this Houdini has none of that name. `pointCount()` is there from 21 on only."""
    import hou

    try:
        return geometry.intrinsicValue(name)
    except hou.OperationFailed:
        return None


def _set_changed(geometry: hou.Geometry, prepared: Prepared, shown: Prepared) -> None:
    mesh = prepared.mesh
    assert mesh is not None  # equal layouts are those of meshes
    for key, value in attributes(mesh):
        if prepared.versions[key] != shown.versions[key]:
            cls, name = key.split("/", 1)
            if cls == "detail":
                _set_detail(geometry, name, value)
            else:
                _set_numbers(geometry, cls, name, value)


def _set_detail(geometry: hou.Geometry, name: str, value: Attribute) -> None:
    items = value.tolist()
    geometry.setGlobalAttribValue(name, items[0] if len(items) == 1 else tuple(items))


def _set_numbers(geometry: hou.Geometry, cls: str, name: str, value: Attribute) -> None:
    import hou

    assert not isinstance(value, Strings)  # such a change is another layout
    data = np.ascontiguousarray(value).tobytes()
    if value.dtype.kind == "f":
        floats = {2: hou.numericData.Float16, 4: hou.numericData.Float32, 8: hou.numericData.Float64}
        set_floats = {
            "point": geometry.setPointFloatAttribValuesFromString,
            "vertex": geometry.setVertexFloatAttribValuesFromString,
            "prim": geometry.setPrimFloatAttribValuesFromString,
        }[cls]
        set_floats(name, data, floats[value.dtype.itemsize])
        return
    set_integers = {
        "point": geometry.setPointIntAttribValuesFromString,
        "vertex": geometry.setVertexIntAttribValuesFromString,
        "prim": geometry.setPrimIntAttribValuesFromString,
    }[cls]
    set_integers(name, data, hou.numericData.Int32 if value.dtype.itemsize == 4 else hou.numericData.Int64)
