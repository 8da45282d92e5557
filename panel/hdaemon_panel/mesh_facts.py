"""What is told of a mesh in words and numbers. No Qt, and no numpy of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from hdaemon.message import one_line
from hdaemon_panel.arrays_table import Extremes, first_values

if TYPE_CHECKING:
    from hdaemon.content.mesh import Mesh

__all__ = ["AttributeFacts", "MeshFacts", "arrays_of", "facts_of"]

_CLASSES = ("point", "vertex", "prim", "detail")
_STRINGS = 4


class AttributeFacts(NamedTuple):
    """One row of the table: an attribute or a group; `key` is ``"class/name"``."""

    key: str
    name: str
    owner: str
    type: str
    kind: str
    values: str

    def cells(self, found: Extremes) -> tuple[str, ...]:
        """Return the texts of the columns."""
        values = f"{found.nans:,} NaN   {self.values}" if found.nans else self.values
        return self.name, self.owner, self.type, self.kind, found.low, found.high, values


class MeshFacts(NamedTuple):
    """What is written about a mesh; `size` and `place` are of the box around its points, in metres."""

    counts: str
    size: str
    place: str
    conventions: str
    rows: list[AttributeFacts]


def facts_of(mesh: Mesh) -> MeshFacts:
    """Return what is written about `mesh`. It looks at every point: on a thread."""
    return MeshFacts(_counts(mesh), *_box(mesh), _conventions(mesh), _attributes(mesh))


def _counts(mesh: Mesh) -> str:
    """Return how much of everything there is."""
    curves = len(mesh.counts) - int(mesh.closed.sum())
    found = [_many(len(mesh.points), "point"), _many(len(mesh.counts) - curves, "polygon")]
    if curves:
        found.append(_many(curves, "curve"))
    if len(mesh.indices):
        found.append(f"{len(mesh.indices):,} {'vertex' if len(mesh.indices) == 1 else 'vertices'}")
    return "   ".join(found)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _box(mesh: Mesh) -> tuple[str, str]:
    """Return the box around the points, in metres: its size, and where it is; empty without points."""
    bounds = mesh.bounds()
    if bounds is None:
        return "", ""
    low, high = ([value * mesh.metres_per_unit for value in end] for end in bounds)
    if not all(map(math.isfinite, (*low, *high))):
        return "points that are no finite number", ""
    size = " × ".join(_length(b - a) for a, b in zip(low, high, strict=True))
    return f"{size} m", f"min {_place(low)}   max {_place(high)}"


def _length(value: float) -> str:
    return f"{value:.4g}"


def _place(values: list[float]) -> str:
    return f"({', '.join(map(_length, values))})"


def _conventions(mesh: Mesh) -> str:
    """Return how its sender builds meshes."""
    unit = "1 unit = 1 m" if mesh.metres_per_unit == 1 else f"1 unit = {mesh.metres_per_unit:g} m"
    return f"{mesh.winding}   {mesh.up} up   {unit}"


def arrays_of(mesh: Mesh) -> dict[str, Any]:
    """Return the arrays of numbers that have extremes, by ``"class/name"``."""
    found = {"point/P": mesh.points}
    for cls in _CLASSES:
        found |= {f"{cls}/{name}": value for name, value in getattr(mesh, cls).items() if hasattr(value, "dtype")}
    return found


def _attributes(mesh: Mesh) -> list[AttributeFacts]:
    """Return the rows: the attributes class by class, then the groups."""
    rows = [_of_numbers("point", "P", mesh.points, "point")]
    for cls in _CLASSES:
        for name, value in getattr(mesh, cls).items():
            kind = mesh.kinds.get(f"{cls}/{name}", "")
            if hasattr(value, "dtype"):
                rows.append(_of_numbers(cls, name, value, kind))
            else:
                rows.append(_of_strings(cls, name, value, kind))
    for cls in ("point", "prim"):
        for name, group in getattr(mesh, f"{cls}_groups").items():
            values = f"{int(group.sum()):,} of {len(group):,}"
            rows.append(AttributeFacts(f"{cls}_group/{name}", one_line(name), cls, "group", "", values))
    return rows


def _type(word: str, shape: tuple[int, ...], cls: str) -> str:
    width = (shape[0] if cls == "detail" else shape[1] if len(shape) > 1 else 1) if shape else 1
    return word if width == 1 else f"{word}[{width}]"


def _of_numbers(cls: str, name: str, value: Any, kind: str) -> AttributeFacts:
    kind_of = _type(str(value.dtype), value.shape, cls)
    return AttributeFacts(f"{cls}/{name}", one_line(name), cls, kind_of, one_line(kind), first_values(value))


def _of_strings(cls: str, name: str, value: Any, kind: str) -> AttributeFacts:
    some = ", ".join(repr(text[:40]) for text in value.table[:_STRINGS])
    more = ", …" if len(value.table) > _STRINGS else ""
    values = some if len(value.table) < 2 else f"{len(value.table):,} different: {some}{more}"
    kind_of = _type("string", value.indices.shape, cls)
    return AttributeFacts(f"{cls}/{name}", one_line(name), cls, kind_of, one_line(kind), one_line(values))
