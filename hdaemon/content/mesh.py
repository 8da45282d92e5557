"""`Mesh`: points, polygons and curves, with attributes and groups, as Houdini's geometry has them.

It is checked when it is made, and does not change after that. `converted` gives it in other conventions,
`to_safetensors` what travels, `hdaemon.content.bgeo` Houdini's own form. docs/mesh.md says the same in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hdaemon.content.buffers import short
from hdaemon.content.joined import joined
from hdaemon.content.mesh_arrays import Strings, check_name, first, indices32, mask, numbers, positions, vertices_of
from hdaemon.errors import UsageError

if TYPE_CHECKING:
    from hdaemon.content.safetensors import Tensors

__all__ = ["CLASSES", "UPS", "WINDINGS", "Attribute", "Mesh", "Strings"]

CLASSES = ("point", "vertex", "prim", "detail")
WINDINGS = ("clockwise", "counterclockwise")
UPS = ("Y", "Z")

Attribute = npt.NDArray[Any] | Strings
Attributes = Mapping[str, Attribute]

_OWNERS = {"point": "points", "vertex": "vertices", "prim": "polygons", "detail": "details"}
# What Houdini itself takes attributes of these names for (sidefx.com, "Geometry attributes").
_KINDS = {"N": ("normal", 3), "v": ("vector", 3), "Cd": ("color", 3), "uv": ("texturecoord", 2)}
_BLOCK = 3 * 1024


@dataclass(frozen=True, eq=False, repr=False, init=False, slots=True)
class Mesh:
    """Points, and polygons and curves between them.

    Every array is read-only, and a view of what was given where its type allows that: who gives an array does not
    write to it any more.

    Attributes:
        points: ``(n, 3)`` float32 or float64: the positions, Houdini's P.
        counts: ``(f,)`` int32: how many vertices each polygon has, at least 1.
        indices: ``(v,)`` int32: the point of each vertex, polygon after polygon; v is the sum of `counts`.
        closed: ``(f,)`` bool: whether it is a polygon (closed) or a curve (open).
        point: attributes of the points by name: ``(n,)`` or ``(n, k)`` int32, int64, float16, float32 or float64, or
            `Strings`. P is not among them.
        vertex: attributes of the vertices, ``(v,)`` or ``(v, k)``.
        prim: attributes of the polygons and curves, ``(f,)`` or ``(f, k)``.
        detail: attributes of the whole, ``(k,)``; also one number is an array, ``(1,)``.
        point_groups: ``(n,)`` bool by name.
        prim_groups: ``(f,)`` bool by name.
        kinds: what attributes mean, by ``"class/name"``: ``"normal"``, ``"vector"``, ``"color"``, ``"texturecoord"``,
            ``"point"``, ``"transform"``, ``"quaternion"`` and whatever else Houdini knows. `converted` goes by it.
        winding: ``"clockwise"`` (Houdini's) or ``"counterclockwise"``, seen from the front.
        up: ``"Y"`` (Houdini's) or ``"Z"``.
        metres_per_unit: 1.0 in Houdini, 0.01 where a unit is a centimetre.
        notes: what the sender had and this does not hold, a sentence each. No part of what makes two meshes equal.
    """

    points: npt.NDArray[Any]
    counts: npt.NDArray[Any]
    indices: npt.NDArray[Any]
    closed: npt.NDArray[Any]
    point: Attributes
    vertex: Attributes
    prim: Attributes
    detail: Attributes
    point_groups: Mapping[str, npt.NDArray[Any]]
    prim_groups: Mapping[str, npt.NDArray[Any]]
    kinds: Mapping[str, str]
    winding: str
    up: str
    metres_per_unit: float
    notes: tuple[str, ...]

    def __init__(
        self,
        points: npt.ArrayLike,
        counts: npt.ArrayLike | None = None,
        indices: npt.ArrayLike | None = None,
        *,
        point: Mapping[str, Any] | None = None,
        vertex: Mapping[str, Any] | None = None,
        prim: Mapping[str, Any] | None = None,
        detail: Mapping[str, Any] | None = None,
        point_groups: Mapping[str, npt.ArrayLike] | None = None,
        prim_groups: Mapping[str, npt.ArrayLike] | None = None,
        closed: bool | npt.ArrayLike = True,
        kinds: Mapping[str, str] | None = None,
        winding: str = "clockwise",
        up: str = "Y",
        metres_per_unit: float = 1.0,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Check everything; see the attributes of the class.

        Strings are given as `Strings`, or as a list of str, one an element; in `detail` as one str. Truth values and
        integers of 8 and 16 bits become int32. Without `kinds`, attributes named N, v, Cd and uv have Houdini's.

        Raises:
            UsageError: something does not fit; it names the array and the first element that is wrong.
        """
        given = {
            "points": positions(points),
            "counts": indices32("counts", [] if counts is None else counts),
            "indices": indices32("indices", [] if indices is None else indices),
            "winding": winding,
            "up": up,
            "metres_per_unit": metres_per_unit,
            "notes": tuple(notes),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)
        self._check_conventions()
        self._check_topology()
        polygons = len(self.counts)
        whole = np.full(polygons, closed) if isinstance(closed, (bool, np.bool_)) else closed
        object.__setattr__(self, "closed", mask("closed", whole, polygons, "polygons"))
        sizes = {"point": len(self.points), "vertex": len(self.indices), "prim": polygons, "detail": 1}
        for cls, values in zip(CLASSES, (point, vertex, prim, detail), strict=True):
            made = {
                check_name(f"{cls} attribute", name): _attribute(cls, name, value, sizes)
                for name, value in (values or {}).items()
            }
            object.__setattr__(self, cls, MappingProxyType(made))
        if "P" in self.point:
            raise UsageError("the point attribute 'P' is the points themselves: leave it out")
        for cls, groups in (("point", point_groups), ("prim", prim_groups)):
            masks = {
                check_name(f"{cls} group", name): mask(f"{cls} group {name!r}", value, sizes[cls], _OWNERS[cls])
                for name, value in (groups or {}).items()
            }
            object.__setattr__(self, f"{cls}_groups", MappingProxyType(masks))
        object.__setattr__(self, "kinds", MappingProxyType(self._usual_kinds() if kinds is None else dict(kinds)))
        self._check_kinds()

    def _check_conventions(self) -> None:
        if self.winding not in WINDINGS:
            raise UsageError(f"winding is {short(self.winding)}: use {' or '.join(map(repr, WINDINGS))}")
        if self.up not in UPS:
            raise UsageError(f"up is {short(self.up)}: use {' or '.join(map(repr, UPS))}")
        unit = self.metres_per_unit
        if isinstance(unit, bool) or not isinstance(unit, (int, float)) or not math.isfinite(unit) or unit <= 0:
            raise UsageError(f"metres_per_unit is {short(unit)}: use a number above 0, such as 0.01 for centimetres")
        object.__setattr__(self, "metres_per_unit", float(unit))
        if not all(isinstance(note, str) for note in self.notes):
            raise UsageError("notes are a tuple of str")

    def _check_topology(self) -> None:
        if len(self.counts) and int(self.counts.min()) < 1:
            at = first(self.counts < 1)
            raise UsageError(f"counts: polygon {at} has {self.counts[at]} vertices: give at least 1")
        total = vertices_of(self.counts)
        if total != len(self.indices):
            ends = np.cumsum(self.counts, dtype=np.int64)
            at = int(np.searchsorted(ends, len(self.indices), side="right"))
            where = f"; polygon {at} is the first without all its vertices" if at < len(ends) else ""
            raise UsageError(f"indices has {len(self.indices)} vertices, and counts add up to {total}{where}")
        # One look instead of two: without its sign, a negative number is larger than any that is allowed.
        if total and int(self.indices.view(np.uint32).max()) >= min(len(self.points), 1 << 31):
            at = first((self.indices < 0) | (self.indices >= len(self.points)))
            raise UsageError(
                f"indices: vertex {at} is at point {self.indices[at]}, and the mesh has {len(self.points)} points"
            )

    def _usual_kinds(self) -> dict[str, str]:
        found = {}
        for cls in CLASSES[:3]:
            for name, (kind, width) in _KINDS.items():
                value = getattr(self, cls).get(name)
                if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 2:
                    if value.shape[1] == width or (name == "uv" and value.shape[1] == 3):
                        found[f"{cls}/{name}"] = kind
        return found

    def _check_kinds(self) -> None:
        for key, kind in self.kinds.items():
            cls, slash, name = key.partition("/") if isinstance(key, str) else ("", "", "")
            if not slash or cls not in CLASSES or name not in getattr(self, cls):
                raise UsageError(f"kinds: {short(key)} is no attribute of the mesh: write 'point/N', 'vertex/uv' ...")
            check_name(f"kind of {key}", kind)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    def __bool__(self) -> bool:
        """A mesh is true, also without points."""
        return True

    def bounds(self) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
        """Return the smallest and the largest x, y, z of the points (NaN where one is NaN), or None without points."""
        if not len(self.points):
            return None
        # Many rows at once: numpy is slow along an axis of 3.
        flat = self.points.reshape(-1)
        whole = len(flat) // _BLOCK * _BLOCK
        ends = []
        for extreme in (np.minimum, np.maximum):
            rest = [flat[whole:].reshape(-1, 3)]
            if whole:
                rest.append(extreme.reduce(flat[:whole].reshape(-1, _BLOCK), axis=0).reshape(-1, 3))
            x, y, z = extreme.reduce(np.concatenate(rest), axis=0).tolist()
            ends.append((x, y, z))
        return ends[0], ends[1]

    def same_topology(self, other: Mesh) -> bool:
        """Return whether only values differ: the points are as many, and the polygons run between the same ones."""
        return len(self.points) == len(other.points) and all(
            mine is his or np.array_equal(mine, his)
            for mine, his in (
                (self.counts, other.counts),
                (self.indices, other.indices),
                (self.closed, other.closed),
            )
        )

    def converted(self, winding: str = "clockwise", up: str = "Y", metres_per_unit: float = 1.0) -> Mesh:
        """Return it in these conventions, which are Houdini's unless told otherwise; itself where nothing changes.

        Points turn and scale, and so does what `kinds` calls a point, vector or transform; a normal and a quaternion
        turn only. Texture coordinates stay. Where the winding changes, each closed polygon keeps its first vertex and
        has the others in the opposite order, with their vertex attributes; curves stay as they are.

        Raises:
            UsageError: a convention that does not exist.
        """
        from hdaemon.content.mesh_convert import converted

        return converted(self, winding, up, metres_per_unit)

    def to_safetensors(self) -> bytes:
        """Return it as application/vnd.safetensors.

        Raises:
            UsageError: more attributes, or longer names, than a receiver takes.
        """
        return joined(self.safetensors_parts())

    def safetensors_parts(self) -> list[bytes | memoryview]:
        """Return the buffers whose bytes, one after the other, are `to_safetensors()`; the arrays are not copied."""
        from hdaemon.content.mesh_wire import parts

        return parts(self)

    @staticmethod
    def from_tensors(tensors: Tensors) -> Mesh:
        """Return the mesh that `safetensors.decode` found; the arrays are not copied.

        Raises:
            DecodeError: the tensors are not a mesh; names the first that is wrong.
        """
        from hdaemon.content.mesh_wire import from_tensors

        return from_tensors(tensors)

    def __eq__(self, other: object) -> bool:
        """Equal are two with the same bits and types in all arrays, the same names in one order, and conventions."""
        if not isinstance(other, Mesh):
            return NotImplemented
        if (self.winding, self.up, self.metres_per_unit) != (other.winding, other.up, other.metres_per_unit):
            return False
        if dict(self.kinds) != dict(other.kinds):
            return False
        for name in ("points", "counts", "indices", "closed"):
            if not _same(getattr(self, name), getattr(other, name)):
                return False
        for name in (*CLASSES, "point_groups", "prim_groups"):
            mine, his = getattr(self, name), getattr(other, name)
            if list(mine) != list(his) or not all(_same(mine[key], his[key]) for key in mine):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        curves = int((~self.closed).sum())
        parts = [f"{len(self)} points", f"{len(self.counts) - curves} polygons"] + [f"{curves} curves"] * bool(curves)
        parts += [f"{cls}: {short(', '.join(getattr(self, cls)), 60)}" for cls in CLASSES if getattr(self, cls)]
        return f"<Mesh {', '.join(parts)}>"


def _attribute(cls: str, name: str, given: Any, sizes: Mapping[str, int]) -> Attribute:
    what, count = f"{cls} attribute {name!r}", sizes[cls]
    value = [given] if isinstance(given, str) else given
    if not isinstance(value, Strings):
        if not _has_strings(value):
            if cls != "detail":
                return numbers(what, value, count, _OWNERS[cls])
            # One element of k numbers: its row is what is kept.
            return numbers(what, _row(what, value), 1, "details").reshape(-1)
        try:
            value = Strings.of(value)
        except UsageError as error:
            raise UsageError(f"{what}: {error}") from error
    texts: Strings = value
    indices = texts.indices
    if cls == "detail":
        if not indices.size:
            raise UsageError(f"{what} has no string: give at least one")
        return Strings(texts.table, indices.reshape(-1)) if indices.ndim > 1 else texts
    if len(texts) != count or (indices.ndim > 1 and indices.shape[1] < 1):
        raise UsageError(f"{what} has {len(texts)} strings, and the mesh has {count} {_OWNERS[cls]}: give one for each")
    return Strings(texts.table, indices.reshape(-1)) if indices.ndim > 1 and indices.shape[1] == 1 else texts


def _row(what: str, value: Any) -> npt.NDArray[Any]:
    try:
        made: npt.NDArray[Any] = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"{what}: numpy makes no array of it ({error})") from error
    if not made.size:
        raise UsageError(f"{what} has no number: give at least one")
    return made.reshape(1, -1)


def _has_strings(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "U")
    head = value[0] if isinstance(value, (list, tuple)) and value else None
    return isinstance(head, str) or (isinstance(head, (list, tuple)) and bool(head) and isinstance(head[0], str))


def _same(mine: Attribute, his: Attribute) -> bool:
    if isinstance(mine, Strings) or isinstance(his, Strings):
        return isinstance(mine, Strings) and isinstance(his, Strings) and bool(mine == his)
    if mine.dtype != his.dtype or mine.shape != his.shape:
        return False
    # Bit by bit: a NaN is equal to itself, and 0.0 is not -0.0.
    width = mine.dtype.itemsize
    return bool(np.array_equal(mine.view(f"u{width}"), his.view(f"u{width}"))) if mine.size else True
