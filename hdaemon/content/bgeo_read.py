"""The tree of Houdini's geometry as a `Mesh`: the counts, the attributes of what is kept, and notes of what is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hdaemon.content.bgeo_polygons import polygons
from hdaemon.content.bgeo_values import (
    Budget,
    attribute,
    attribute_name,
    fail,
    field,
    group,
    integers,
    natural,
    pairs,
    skipped_type,
)
from hdaemon.content.buffers import short
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError, UsageError

__all__ = ["MAX_NOTES", "mesh"]

MAX_NOTES = 50
"""For people to read."""

_SECTIONS = {
    "vertexattributes": ("vertex", "vertexcount"),
    "pointattributes": ("point", "pointcount"),
    "primitiveattributes": ("prim", "primitivecount"),
    "globalattributes": ("detail", None),
}
_WITHOUT_LOSS = {"fileversion", "hasindex", "info", "index", "indexposition", "topology", "attributes", "primitives"}
_COUNTS = ("pointcount", "vertexcount", "primitivecount")
_CALLED = {"pointgroups": "point group", "primitivegroups": "primitive group"}


def mesh(tree: object, payload_bytes: int) -> Mesh:
    """Return the mesh of `tree`, which was a payload of that size.

    Raises:
        DecodeError: it does not fit itself, or unpacks to too much.
    """
    budget = Budget(payload_bytes)
    document = pairs(tree, "the geometry")
    counts = {name: natural(field(document, "the geometry", name), name) for name in _COUNTS}
    topology = pairs(document.get("topology", []), "topology")
    pointref = pairs(topology.get("pointref", []), "pointref")
    points_of = integers(pointref.get("indices", []), "the indices of pointref")
    if len(points_of) != counts["vertexcount"]:
        fail(f"pointref has {len(points_of)} indices, and vertexcount says {counts['vertexcount']}")
    found = polygons(document.get("primitives", []), counts["primitivecount"], counts["vertexcount"], budget)
    notes = [_left_out(kind, number) for kind, number in found.unknown.items() if number]
    picked = {"vertex": found.order, "prim": found.source}
    made, kinds = _attributes(document, counts, budget, notes, picked)
    points = _points(made["point"].pop("P", None), counts["pointcount"], notes)
    kinds.pop("point/P", None)
    groups = {
        "point": _groups(document, "pointgroups", counts["pointcount"], budget, notes),
        "prim": _groups(document, "primitivegroups", counts["primitivecount"], budget, notes),
    }
    if found.source is not None:
        budget.take(len(groups["prim"]) * len(found.source), "the primitive groups")
        groups["prim"] = {name: mask[found.source] for name, mask in groups["prim"].items()}
    known = _WITHOUT_LOSS | set(_COUNTS) | set(_CALLED)
    there = [key for key, value in document.items() if not (isinstance(value, list) and not value)]
    notes += [f"the section {short(key, 60)} was left out" for key in there if key not in known]
    if len(notes) > MAX_NOTES:
        notes[MAX_NOTES:] = [f"and {len(notes) - MAX_NOTES} more were left out"]
    try:
        return Mesh(
            points,
            found.counts,
            points_of if found.order is None else points_of[found.order],
            point=made["point"],
            vertex=made["vertex"],
            prim=made["prim"],
            detail=made["detail"],
            point_groups=groups["point"],
            prim_groups=groups["prim"],
            closed=found.closed,
            kinds=kinds,
            notes=tuple(notes),
        )
    except UsageError as error:
        raise DecodeError(f"not bgeo: {error}") from error


def _left_out(kind: str, number: int) -> str:
    called = kind if kind.isidentifier() and len(kind) < 60 else short(kind, 60)
    many = f"{number} primitives of type {called} were" if number > 1 else f"1 primitive of type {called} was"
    return f"{many} left out: a mesh holds polygons and curves of straight lines; the points were kept"


def _attributes(
    document: Mapping[str, Any], counts: Mapping[str, int], budget: Budget, notes: list[str], picked: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the attributes of each class, and what they mean; `picked` says which elements there are of a class."""
    made: dict[str, dict[str, Any]] = {cls: {} for cls, _ in _SECTIONS.values()}
    kinds: dict[str, str] = {}
    for section, entries in pairs(document.get("attributes", []), "attributes").items():
        if section not in _SECTIONS:
            notes.append(f"the attributes of {short(section, 60)} were left out")
            continue
        cls, counted = _SECTIONS[section]
        if not isinstance(entries, list):
            fail(f"{section} is {short(entries)}, and not a list")
        for entry in entries:
            name, reason = attribute_name(entry), skipped_type(entry)
            what = f"the {cls} attribute {short(name)}"
            if reason is not None:
                notes.append(f"{what} was left out: {reason}")
                continue
            if name in made[cls]:
                fail(f"{what} is there twice")
            values, kind = attribute(entry, counts[counted] if counted else 1, budget, notes, what)
            order = picked.get(cls)
            if order is not None:
                rows = values.indices if isinstance(values, Strings) else values
                budget.take(len(order) * (rows.itemsize * (rows.shape[1] if rows.ndim > 1 else 1)), what)
                values = Strings(values.table, rows[order]) if isinstance(values, Strings) else rows[order]
            made[cls][name] = values
            if kind:
                kinds[f"{cls}/{name}"] = kind
    return made, kinds


def _points(values: Any, count: int, notes: list[str]) -> Any:
    if values is None:
        if count:
            fail(f"there is no point attribute P, and pointcount says {count}")
        return np.empty((0, 3), np.float32)
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.shape[1] not in (3, 4):
        fail("the point attribute P is not of 3 numbers with a point")
    if values.shape[1] == 4:  # Houdini 13 and before: homogeneous
        if count and bool((values[:, 3] != 1).any()):
            notes.append("the weights of the points (the fourth number of P) were left out")
        values = values[:, :3]
    return values


def _groups(document: Mapping[str, Any], section: str, count: int, budget: Budget, notes: list[str]) -> dict[str, Any]:
    what, found = _CALLED[section], {}
    entries = document.get(section, [])
    if not isinstance(entries, list):
        fail(f"{section} is {short(entries)}, and not a list")
    for entry in entries:
        name, members, ordered = group(entry, count, budget, what)
        if name in found:
            fail(f"the {what} {short(name)} is there twice")
        if ordered:
            notes.append(f"the order of the {what} {short(name)} was left out; its members were kept")
        found[name] = members
    return found
