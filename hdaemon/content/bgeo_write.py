"""A `Mesh` as the tree of Houdini's geometry: name for name what Houdini writes, so that it has nothing to forgive.

Held against files that Houdini 16.5 wrote, binary and ASCII (tests/data/bgeo); what it writes for curves is from
Houdini 22's ASCII. Where there is a choice:

- Numbers are written in one part and without constant pages, so that they are the array's own bytes. Houdini marks the
  one page of a detail attribute as constant, and so does this.
- ``info`` is optional (the HDK's GA_Detail): artist, host and date, which say nothing of the geometry, are left out.
- The index at the end has nothing in it, as in Houdini's own files without packed geometry. Its name
  ``integerkeyentires`` is spelled so. ``indexposition`` says how far before the end of itself the index begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.content.bgeo_encode import Plain, Wide
from hdaemon.content.mesh import Attribute, Mesh, Strings
from hdaemon.content.mesh_arrays import vertices_of

__all__ = ["FILE_VERSION", "tree"]

FILE_VERSION = "16.5.268"
"""The version whose form this is: what Houdini looks at to know how to read it."""

PAGE_SIZE = 1024

_Array = npt.NDArray[Any]
_STORAGES = {"<i4": "int32", "<i8": "int64", "<f2": "fpreal16", "<f4": "fpreal32", "<f8": "fpreal64"}
_SECTIONS = {
    "vertexattributes": "vertex",
    "pointattributes": "point",
    "primitiveattributes": "prim",
    "globalattributes": "detail",
}
# What new elements get. Houdini's own nodes give these defaults as integers.
_INTEGER_DEFAULT = {"N", "uv", "v"}
_DEFAULT_ONE = {"Cd", "Alpha", "pscale"}
_NO_BOUNDS = 1.7014117331926443e38
# In the file these begin 102 bytes before its last one: names of 5, 14, 13, 17, 16 and 13 bytes, and 8 of the number.
_INDEX_POSITION = 102


def tree(mesh: Mesh, *, binary: bool, bounds: bool = True) -> list[Any]:
    """Return the tree of `mesh`, which is in Houdini's conventions; for the binary or for the ASCII form."""
    document: list[Any] = [
        *("fileversion", FILE_VERSION),
        *("hasindex", binary),
        *("pointcount", len(mesh.points)),
        *("vertexcount", len(mesh.indices)),
        *("primitivecount", len(mesh.counts)),
        *("info", _info(mesh, bounds)),
        *("topology", ["pointref", ["indices", mesh.indices]]),
        *("attributes", list(_attributes(mesh, binary))),
        *("primitives", list(_primitives(mesh, binary))),
    ]
    for section, groups in (("pointgroups", mesh.point_groups), ("primitivegroups", mesh.prim_groups)):
        if groups:
            document += [section, [_group(name, members) for name, members in groups.items()]]
    if binary:
        names = ("integerentries", "stringentries", "integerkeyentires", "stringkeyentries")
        empty: list[Any] = []
        for name in names:
            empty += [Plain(name), {}]
        document += [Plain("index"), empty, Plain("indexposition"), Wide(_INDEX_POSITION)]
    return document


def _info(mesh: Mesh, with_bounds: bool) -> dict[str, Any]:
    info: dict[str, Any] = {}
    if len(mesh.counts):
        number = len(mesh.counts)
        info["primcount_summary"] = f"{number:11,} Polygon{'s' * (number != 1)}\n"
    if with_bounds:
        corners = mesh.bounds()
        axes = zip(*corners, strict=True) if corners else [(_NO_BOUNDS, -_NO_BOUNDS)] * 3
        ends = [end for axis in axes for end in axis]
        if np.isfinite(ends).all():  # ASCII cannot say it else, and it is of no use
            info["bounds"] = ends
    summary = ""
    for section, cls in _SECTIONS.items():
        names = [*(("P",) if cls == "point" else ()), *getattr(mesh, cls)]
        if names:
            summary += f"{len(names):6,} {section.removesuffix('attributes')} attributes:\t{', '.join(names)}\n"
    info["attribute_summary"] = summary
    groups = ""
    for called, found in (("point", mesh.point_groups), ("primitive", mesh.prim_groups)):
        if found:
            groups += f"{len(found):6,} {called} groups:\t" + "\n\t".join(found) + "\n"
    if groups:
        info["group_summary"] = groups
    info["software"] = "hdaemon"
    return info


def _attributes(mesh: Mesh, binary: bool) -> Iterator[Any]:
    for section, cls in _SECTIONS.items():
        entries = [_attribute("P", mesh.points, "point", False, binary)] if cls == "point" else []
        for name, value in getattr(mesh, cls).items():
            entries.append(_attribute(name, value, mesh.kinds.get(f"{cls}/{name}"), cls == "detail", binary))
        if entries:
            yield section
            yield entries


def _attribute(name: str, value: Attribute, kind: str | None, detail: bool, binary: bool) -> list[Any]:
    texts = isinstance(value, Strings)
    array = value.indices if isinstance(value, Strings) else value
    rows: _Array = array.reshape(1, -1) if detail else array.reshape(len(array), -1) if len(array) else array
    size = rows.shape[1] if rows.ndim > 1 else 1
    storage = _STORAGES[array.dtype.str]
    options = {"type": {"type": "string", "value": kind}} if kind else {}
    definition = ["scope", "public", "type", "string" if texts else "numeric", "name", name, "options", options]
    data: list[Any] = ["size", size, "storage", storage]
    if isinstance(value, Strings):
        data += ["strings", [Plain(text) for text in value.table], "indices"]
    else:
        data += ["defaults", _defaults(name), "values"]
    block: list[Any] = ["size", size, "storage", storage]
    if binary:
        block += ["pagesize", PAGE_SIZE, *(("constantpageflags", [[True]]) if detail else ())]
        block += ["rawpagedata", array.reshape(-1)]
    elif size == 1:
        block += ["arrays", [array.reshape(-1)]]
    else:
        block += ["tuples", rows]
    return [definition, [*data, block]]


def _defaults(name: str) -> list[Any]:
    if name in _INTEGER_DEFAULT:
        return ["size", 1, "storage", "int64", "values", np.zeros(1, "<i8")]
    return ["size", 1, "storage", "fpreal64", "values", np.array([1.0 if name in _DEFAULT_ONE else 0.0])]


def _primitives(mesh: Mesh, binary: bool) -> Iterator[Any]:
    """Yield a run for each stretch of polygons, and of curves; the names are shorter in the binary form."""
    if not len(mesh.counts):
        return
    begins = _run_starts(mesh.closed).tolist()
    ends = [*begins[1:], len(mesh.counts)]
    vertex = 0
    for begin, end in zip(begins, ends, strict=True):
        counts = mesh.counts[begin:end]
        kinds = ("p_r", "Polygon_run") if mesh.closed[begin] else ("c_r", "PolygonCurve_run")
        starts = _run_starts(counts)
        coded: npt.NDArray[Any]
        if 2 * len(starts) < len(counts):
            often = np.diff(starts, append=len(counts))
            coded, names = np.stack([counts[starts], often], axis=1).reshape(-1), ("r_v", "nvertices_rle")
        else:
            coded, names = counts, ("n_v", "nvertices")
        at = 0 if binary else 1
        head = [("s_v", "startvertex")[at], vertex, ("n_p", "nprimitives")[at], end - begin]
        yield [["type", kinds[at]], [*head, names[at], coded.astype("<i4", copy=False)]]
        vertex += vertices_of(counts)


def _run_starts(values: _Array) -> _Array:
    """Return where each run of equal values begins."""
    if not len(values) or values.min() == values.max():  # as most are; the search takes five times as long
        return np.zeros(min(len(values), 1), np.int64)
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])


MAX_PLAIN_GROUP = 20
"""Groups of fewer elements are written one by one; Houdini writes those of 6 and 10 so, and one of 24 as runs."""


def _group(name: str, members: _Array) -> list[Any]:
    starts = _run_starts(members)
    coded: list[Any]
    # Each run is some 3 bytes, and is read one by one; each member is a byte.
    if len(members) < MAX_PLAIN_GROUP or 4 * len(starts) > max(len(members), 64):
        coded = ["i8", members.astype("|i1")]
    else:
        lengths = np.diff(starts, append=len(members)).tolist()
        flags = members[starts].tolist()
        coded = ["boolRLE", [part for run in zip(lengths, flags, strict=True) for part in run]]
    return [["name", name], ["selection", ["unordered", coded]]]
