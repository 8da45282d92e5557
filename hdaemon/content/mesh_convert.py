"""A `Mesh` in other conventions: which way polygons wind, which axis is up, how long a unit is.

Houdini keeps row vectors: a point p turned by R and scaled by s is ``s p R``. So a matrix M that an attribute holds is
``R' M R`` afterwards (R' is the transpose), and its translation scales.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.content.mesh import UPS, WINDINGS, Attribute, Mesh
from hdaemon.content.mesh_arrays import Strings
from hdaemon.errors import UsageError

__all__ = ["converted"]

Array = npt.NDArray[Any]

# Row vectors: (x, y, z) @ Z_TO_Y is (x, z, -y).
_Z_TO_Y = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)


def converted(mesh: Mesh, winding: str, up: str, metres_per_unit: float) -> Mesh:
    """Return what `Mesh.converted` promises."""
    number = isinstance(metres_per_unit, (int, float)) and 0 < metres_per_unit < float("inf")
    if winding not in WINDINGS or up not in UPS or not number:
        raise UsageError(
            f"winding {winding!r}, up {up!r} and metres_per_unit {metres_per_unit!r} are not all conventions: use "
            f"{' or '.join(WINDINGS)}, {' or '.join(UPS)}, and a number above 0"
        )
    turn = None if up == mesh.up else _Z_TO_Y if up == "Y" else _Z_TO_Y.T
    scale = mesh.metres_per_unit / metres_per_unit
    flip = winding != mesh.winding
    if turn is None and scale == 1 and not flip:
        return mesh
    moved = {
        cls: {name: _attribute(value, mesh.kinds.get(f"{cls}/{name}"), turn, scale) for name, value in values.items()}
        for cls, values in (
            ("point", mesh.point),
            ("vertex", mesh.vertex),
            ("prim", mesh.prim),
            ("detail", mesh.detail),
        )
    }
    indices = mesh.indices
    if flip:
        turned = _Reversed(mesh.counts, mesh.closed)
        indices = turned.array(indices)
        moved["vertex"] = {name: turned.attribute(value) for name, value in moved["vertex"].items()}
    return Mesh(
        _vectors(mesh.points, turn, scale),
        mesh.counts,
        indices,
        **moved,
        point_groups=mesh.point_groups,
        prim_groups=mesh.prim_groups,
        closed=mesh.closed,
        kinds=mesh.kinds,
        winding=winding,
        up=up,
        metres_per_unit=metres_per_unit,
        notes=mesh.notes,
    )


class _Reversed:
    """The vertices in the other direction: of closed polygons all but the first; open ones stay as they are."""

    def __init__(self, counts: Array, closed: Array) -> None:
        self.width: int | None = None
        self.order: Array | None = None
        if len(counts) and bool(closed.all()) and bool((counts == counts[0]).all()):
            self.width = int(counts[0])  # a table of rows is turned many times faster than by an index for each vertex
            return
        starts = np.repeat(np.cumsum(counts, dtype=np.int64) - counts, counts)
        within = np.arange(len(starts)) - starts
        sizes = np.repeat(counts.astype(np.int64), counts)
        self.order = starts + np.where(np.repeat(closed, counts), (sizes - within) % sizes, within)

    def array(self, value: Array) -> Array:
        made: Array
        if self.width is None:
            made = value[self.order]
            return made
        rows = value.reshape(-1, self.width, *value.shape[1:])
        made = np.empty_like(rows)
        for at in range(self.width):
            made[:, at] = rows[:, -at % self.width]
        return made.reshape(value.shape)

    def attribute(self, value: Attribute) -> Attribute:
        return Strings(value.table, self.array(value.indices)) if isinstance(value, Strings) else self.array(value)


def _vectors(value: Array, turn: Array | None, scale: float) -> Array:
    """Return rows of 3 (or more: the rest stays) turned and scaled, in their own type."""
    if turn is None and scale == 1:
        return value
    made = value.copy()
    if turn is not None:
        # The turn only swaps axes and changes signs: no multiplication, and no rounding.
        for axis in range(3):
            source = int(np.argmax(np.abs(turn[:, axis])))
            made[..., axis] = value[..., source] if turn[source, axis] > 0 else -value[..., source]
    if scale != 1:
        made[..., :3] *= np.asarray(scale, made.dtype)
    return made


def _attribute(value: Attribute, kind: str | None, turn: Array | None, scale: float) -> Attribute:
    if kind is None or isinstance(value, Strings) or value.dtype.kind != "f":
        return value
    width = value.shape[-1]
    if kind in ("point", "vector") and width == 3:
        return _vectors(value, turn, scale)
    if kind == "hpoint" and width == 4:
        return _vectors(value, turn, scale)
    if (kind == "normal" and width == 3) or (kind == "quaternion" and width == 4):
        return _vectors(value, turn, 1.0)
    if kind in ("transform", "matrix") and width in (9, 16):
        return _matrices(value, turn, scale, 3 if width == 9 else 4)
    return value


def _matrices(value: Array, turn: Array | None, scale: float, size: int) -> Array:
    made: Array = value.reshape(-1, size, size).astype(np.float64)
    if turn is not None:
        whole = np.eye(size)
        whole[:3, :3] = turn
        made = whole.T @ made @ whole
    if size == 4:
        made[:, 3, :3] *= scale
    return made.reshape(value.shape).astype(value.dtype)
