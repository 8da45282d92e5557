"""Wavefront OBJ by trimesh, with what its reader alone does not keep: polygons, corners, names and the points' order.

trimesh makes triangles of polygons whose sides differ in number, and a point of its own for each pair of a position and
a texture coordinate. So it is asked for positions and for corners apart, and the lines of faces say where each begins.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.errors import HdaemonError

__all__ = ["read_obj"]

Array = npt.NDArray[Any]

_COMMENT = re.compile(rb"#[^\n]*")
_INDENT = re.compile(rb"(?m)^[ \t]+")
_VALUES = re.compile(rb"(?m)^(?:v|vt|vn|f)[ \t]+[^\n]*")
_STRUCTURE = re.compile(rb"(?m)^(f|usemtl|o)(?:[ \t]+([^\n]*))?$")
_REFERENCES = re.compile(rb"(?<=\d)/[^\s]*")
_RELATIVE = re.compile(rb"(?m)^f[^\n]*[ \t/]-\d")


def read_obj(data: bytes, load: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return the arrays of an OBJ file: `vertices`, and where there are any `counts`, `corners`, `colors`, `uv`, ...

    Args:
        data: the file.
        load: trimesh's reader.

    Raises:
        HdaemonError: it cannot be read rightly.
        Exception: whatever the reader raises for what is no OBJ file.
    """
    text = _INDENT.sub(b"", _COMMENT.sub(b"", data.replace(b"\r\n", b"\n").replace(b"\\\n", b" ")))
    values = b"\n".join(_VALUES.findall(text)).replace(b"\t", b" ")
    first, last = values.find(b"\nf "), values.rfind(b"\nv ")
    if 0 <= first < last and _RELATIVE.search(values):
        raise HdaemonError("its faces count points backwards from where they stand: save it with indices from 1")
    positions = _loaded(load, _REFERENCES.sub(b"", values))
    found: dict[str, Any] = {"vertices": positions["vertices"], "colors": positions.get("vertex_colors")}
    if positions.get("faces") is None:
        return found
    sides, materials, names = _structure(text)
    faces = np.asarray(positions["faces"])
    triangles = faces.shape[1] == 3 and bool((sides != 3).any())
    keep = _Polygons(faces, sides) if triangles else None
    found["corners"] = keep.corners(faces) if keep else faces.reshape(-1)
    found["counts"] = sides if keep else np.full(len(faces), faces.shape[1])
    if len(found["counts"]) == len(materials):
        found |= {"material": materials, "name": names}
    if b"/" in values:
        whole = _loaded(load, values)
        corner = np.asarray(whole["faces"])
        if corner.shape == faces.shape:
            order = keep.corners(corner) if keep else corner.reshape(-1)
            uv, normals = getattr(whole.get("visual"), "uv", None), whole.get("vertex_normals")
            found |= {
                "corner_uv": None if uv is None else np.asarray(uv)[order],
                "corner_normals": None if normals is None else np.asarray(normals)[order],
            }
    return found


def _loaded(load: Callable[..., dict[str, Any]], text: bytes) -> dict[str, Any]:
    ordered = b"/" not in text  # it keeps the order of points only where corners are nothing but points
    made = load(file_obj=io.BytesIO(text), file_type="obj", resolver=None, skip_materials=True, maintain_order=ordered)
    parts = made.get("geometry")
    if parts is None:
        return made
    if not parts:
        raise HdaemonError("it has no points")
    found: dict[str, Any] = next(iter(parts.values()))
    return found


def _structure(text: bytes) -> tuple[Array, list[str], list[str]]:
    """Return how many sides each face has, its material and its object's name; a line of less than 3 is no face."""
    sides, materials, names = [], [], []
    material = name = ""
    for match in _STRUCTURE.finditer(text):
        kind, rest = match.groups()
        if kind == b"f":
            count = len((rest or b"").split())
            if count >= 3:
                sides.append(count)
                materials.append(material)
                names.append(name)
        elif kind == b"usemtl":
            material = (rest or b"").decode("utf-8", "replace").strip()
        else:
            name = (rest or b"").decode("utf-8", "replace").strip()
    return np.asarray(sides, np.int64), materials, names


class _Polygons:
    """Puts the triangles of polygons together again.

    trimesh cuts four corners into 0 1 2 and 2 3 0, more into a fan: 0 1 2, 0 2 3, 0 3 4 ...

    Raises:
        HdaemonError: they are cut in another way.
    """

    def __init__(self, triangles: Array, sides: Array) -> None:
        self._starts = np.cumsum(sides) - sides
        self._at = np.cumsum(sides - 2) - (sides - 2)
        self._sides = sides
        if int((sides - 2).sum()) != len(triangles) or not self._as_expected(triangles):
            raise HdaemonError("this version of trimesh cuts polygons in a way that is not known: use another")

    def corners(self, triangles: Array) -> Array:
        """Return the corners of the polygons, one after the other."""
        made = np.empty(int(self._sides.sum()), triangles.dtype)
        for side in np.unique(self._sides).tolist():
            which = self._sides == side
            first, to = self._at[which], self._starts[which]
            for corner in range(side):
                cut, place = (0, corner) if corner < 3 else (corner - 2, 1 if side == 4 else 2)
                made[to + corner] = triangles[first + cut, place]
        return made

    def _as_expected(self, triangles: Array) -> bool:
        for side in np.unique(self._sides).tolist():
            first = self._at[self._sides == side]
            one = triangles[first]
            for cut in range(1, side - 2):
                other = triangles[first + cut]
                a, b = (other[:, 2], other[:, 0]) if side == 4 else (other[:, 0], other[:, 1])
                if not (np.array_equal(a, one[:, 0]) and np.array_equal(b, triangles[first + cut - 1][:, 2])):
                    return False
        return True
