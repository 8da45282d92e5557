"""The primitives of Houdini's geometry: which of its vertices make which polygon, in all the ways that files have.

======================================  ==================================================================
``Polygon_run``, ``p_r``                closed polygons, one after the other; the short names are binary's
``PolygonCurve_run``, ``c_r``           the same, open
``Poly``, ``Polygon``, ``PolygonCurve`` one, with its vertices (Houdini 13 and before)
``run`` of ``Poly``                     many of them (Houdini 13 to 15)
``PolySoup``, and ``run`` of it         many closed polygons that are one primitive and can share vertices
======================================  ==================================================================

Others are counted and named, and left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.content.bgeo_values import Budget, fail, integers, natural, pairs
from hdaemon.content.bgeo_values import field as entry_of
from hdaemon.content.buffers import short

__all__ = ["Polygons", "polygons"]

Array = npt.NDArray[Any]

_RUNS = {"Polygon_run": True, "p_r": True, "PolygonCurve_run": False, "c_r": False}
_SINGLE = {"Poly": True, "Polygon": True, "PolygonCurve": False}
_RUN_FIELDS = ("startvertex", "nprimitives", "nvertices", "nvertices_rle", "s_v", "n_p", "n_v", "r_v")
_SOUP = "PolySoup"
_FEW = 64
"""Vertices, of a run that is taken together with those before and after it."""


@dataclass
class Polygons:
    """What the primitives are.

    Attributes:
        counts: vertices of each polygon.
        order: the vertex of the file that each vertex is; None where they are the same.
        closed: of each polygon.
        source: the primitive of the file that each polygon is of; None where they are the same.
        unknown: how many there are of each type that is left out.
    """

    counts: Array
    order: Array | None
    closed: Array
    source: Array | None
    unknown: Counter[str] = field(default_factory=Counter)


class _Collector:
    def __init__(self, vertex_count: int, budget: Budget) -> None:
        self.vertex_count = vertex_count
        self.budget = budget
        self.counts: list[Array] = []
        self.orders: list[Array] = []
        self.closed: list[Array] = []
        self.sources: list[Array] = []
        self.unknown: Counter[str] = Counter()
        self.primitives = 0
        self.shared = False
        self.used = 0
        self.few: tuple[list[int], list[int], list[bool]] = ([], [], [])  # counts, order and closed of what came singly

    def known(self, fields: dict[str, Any], what: str, *names: str) -> None:
        """Refuse a field that could change what the others say."""
        for name in fields:
            if name not in names:
                fail(f"{what} has the field {short(name)}, and {', '.join(names)} are known")

    def collect(self, order: object, counts: list[int], closed: bool, what: str) -> None:
        """Take a few polygons: there can be a million times a few, for which numpy is slow."""
        items = order.tolist() if isinstance(order, np.ndarray) else order
        if not isinstance(items, (list, range)) or not all(type(at) is int for at in items):
            fail(f"the vertices of {what} are {short(order)}, and not a list of integers")
        if min(counts) < 1:
            fail(f"{what} has a polygon of {min(counts)} vertices")
        self.use(len(items), what)
        self.few[0].extend(counts)
        self.few[1].extend(items)
        self.few[2].extend([closed] * len(counts))

    def use(self, vertices: int, what: str) -> None:
        """Count vertices; each is of one primitive, so that there are as many at most."""
        self.used += vertices
        if self.used > self.vertex_count:
            fail(f"with {what} the primitives have more vertices than the {self.vertex_count} that there are")

    def flush(self) -> None:
        """Take what was collected, before anything else is counted."""
        counts, order, closed = self.few
        if counts:
            self.few = ([], [], [])
            self.add(
                np.array(counts),
                integers(order, "a vertex"),
                np.array(closed),
                one=False,
                what=f"a part of {len(counts)}",
            )

    def add(self, counts: Array, order: Array, closed: Array, *, one: bool, what: str) -> None:
        """Take polygons of these counts; they are one primitive together, or one each."""
        if counts.size and int(counts.min()) < 1:
            fail(f"{what} has a polygon of {int(counts.min())} vertices")
        if int(counts.sum()) != len(order):
            fail(f"{what} has {len(order)} vertices, and its polygons need {int(counts.sum())}")
        if order.size and not 0 <= int(order.min()) <= int(order.max()) < self.vertex_count:
            fail(f"{what} has a vertex that does not exist: there are {self.vertex_count}")
        begin, number = self.primitives, len(counts)
        self.budget.take(32 * (number + len(order)), what)
        self.counts.append(counts)
        self.orders.append(order)
        self.closed.append(closed)
        self.sources.append(np.full(number, begin) if one else np.arange(begin, begin + number))
        self.primitives += 1 if one else number
        self.shared |= one

    def run(self, fields: dict[str, Any], closed: bool, what: str) -> None:
        self.known(fields, what, *_RUN_FIELDS)
        start = natural(entry_of(fields, what, "startvertex", "s_v"), f"the first vertex of {what}")
        number = natural(entry_of(fields, what, "nprimitives", "n_p"), f"the number of {what}")
        plain = fields.get("nvertices", fields.get("n_v"))
        if plain is not None:
            counts = integers(plain, f"the counts of {what}")
        else:
            coded = integers(entry_of(fields, what, "nvertices_rle", "r_v"), f"the counts of {what}")
            if len(coded) % 2:
                fail(f"the counts of {what} are {len(coded)} numbers, and not pairs of a count and how often")
            sizes, often = coded[::2].tolist(), coded[1::2].tolist()
            # In Python's integers, and before anything is made of it: a pair can say anything.
            if min(sizes + often, default=1) < 1 or sum(often) != number:
                fail(f"the counts of {what} are {short(coded.tolist())}, and {number} polygons are due")
            if sum(size * times for size, times in zip(sizes, often, strict=True)) > self.vertex_count:
                fail(f"{what} needs more vertices than the {self.vertex_count} that there are")
            counts = np.repeat(coded[::2], coded[1::2])
        if len(counts) != number:
            fail(f"{what} has {len(counts)} counts, and {number} polygons are due")
        if counts.size and (int(counts.min()) < 1 or int(counts.max()) > self.vertex_count):
            fail(f"{what} has a polygon that is not of 1 to {self.vertex_count} vertices")
        total = int(counts.sum())
        if start + total > self.vertex_count:
            fail(f"{what} ends at vertex {start + total}, and there are {self.vertex_count}")
        if 0 < total <= _FEW:
            self.collect(range(start, start + total), counts.tolist(), closed, what)
            return
        self.flush()
        self.use(total, what)
        self.add(counts, np.arange(start, start + total), np.full(number, closed), one=False, what=what)

    def polygon(self, fields: dict[str, Any], closed: bool, what: str) -> None:
        self.known(fields, what, "vertex", "closed")
        order = entry_of(fields, what, "vertex")
        flag = fields.get("closed", closed)
        if flag is not True and flag is not False:
            fail(f"closed of {what} is {short(flag)}, and not true or false")
        self.collect(order, [len(order) if isinstance(order, (list, np.ndarray)) else 1], flag, what)

    def soup(self, fields: dict[str, Any], what: str) -> None:
        self.known(fields, what, "vertex", "polyinfo")
        info = entry_of(fields, what, "polyinfo")
        if not isinstance(info, list) or len(info) != 3:
            fail(f"the polyinfo of {what} is {short(info)}, and not sizes, how often, and vertices")
        sizes, often, order = (integers(part, f"the polyinfo of {what}") for part in info)
        if len(sizes) != len(often) or (len(sizes) and min(int(sizes.min()), int(often.min())) < 1):
            fail(f"the polyinfo of {what} has {len(sizes)} sizes and {len(often)} numbers of polygons, each at least 1")
        if sum(size * times for size, times in zip(sizes.tolist(), often.tolist(), strict=True)) != len(order):
            fail(f"the polyinfo of {what} has {len(order)} vertices, and its polygons need another number")
        counts = np.repeat(sizes, often)
        self.flush()
        self.add(counts, order, np.full(len(counts), True), one=True, what=what)

    def many(self, definition: dict[str, Any], data: object, what: str) -> None:
        """Take a run of whole primitives: some fields are of all, the others in a list for each."""
        kind = definition.get("runtype")
        if not isinstance(data, list) or not isinstance(kind, str):
            fail(f"{what} is {short(data)}, and not a list of primitives of one type")
        uniform = pairs(definition.get("uniformfields", {}), f"the uniformfields of {what}")
        varying = definition.get("varyingfields", ["vertex"])
        if not isinstance(varying, list) or not all(isinstance(name, str) for name in varying):
            fail(f"the varyingfields of {what} are {short(varying)}, and not a list of names")
        if kind not in _SINGLE and kind != _SOUP:
            self.left_out(kind, len(data))
            return
        what = f"a {kind} in {what}"
        if kind in _SINGLE and varying == ["vertex"]:
            self.known(uniform, what, "closed")
            self.polygons(data, uniform.get("closed", _SINGLE[kind]), what)
            return
        for item in data:
            if not isinstance(item, list) or len(item) != len(varying):
                fail(f"{what} is {short(item)}, and not the fields {short(varying)}")
            self.one(kind, uniform | dict(zip(varying, item, strict=True)), what)

    def polygons(self, data: list[Any], closed: object, what: str) -> None:
        """Take what Houdini 13 to 15 write for all polygons: at once, as there can be a million of them."""
        lists = []
        for item in data:
            if not isinstance(item, list) or len(item) != 1 or not isinstance(item[0], (list, np.ndarray)):
                fail(f"{what} is {short(item)}, and not a list of vertices in a list")
            lists.append(item[0])
        if closed is not True and closed is not False:
            fail(f"closed of {what} is {short(closed)}, and not true or false")
        order = integers([at for vertices in lists for at in vertices], f"the vertices of {what}")
        counts = np.fromiter((len(vertices) for vertices in lists), np.int64, len(lists))
        self.flush()
        self.use(len(order), what)
        self.add(counts, order, np.full(len(lists), closed), one=False, what=what)

    def one(self, kind: str, fields: dict[str, Any], what: str) -> None:
        if kind in _RUNS:
            self.run(fields, _RUNS[kind], what)
        elif kind in _SINGLE:
            self.polygon(fields, _SINGLE[kind], what)
        elif kind == _SOUP:
            self.soup(fields, what)
        else:
            number = fields.get("nprimitives", fields.get("n_p")) if kind.endswith(("_run", "_r")) else 1
            self.left_out(kind, natural(number, f"the number of primitives of {what}"))

    def left_out(self, kind: str, number: int) -> None:
        self.flush()
        self.unknown[kind] += number
        self.primitives += number


def polygons(value: object, primitive_count: int, vertex_count: int, budget: Budget) -> Polygons:
    """Return the polygons and curves among the primitives of a file.

    Raises:
        DecodeError: something does not fit, or would unpack to more than the budget has.
    """
    if not isinstance(value, list):
        fail(f"primitives is {short(value)}, and not a list")
    collector = _Collector(vertex_count, budget)
    for at, entry in enumerate(value):
        if not isinstance(entry, list) or len(entry) != 2:
            fail(f"entry {at} of primitives is {short(entry)}, and not a definition and its data")
        definition = pairs(entry[0], f"the definition of entry {at} of primitives")
        kind = definition.get("type")
        if not isinstance(kind, str):
            fail(f"entry {at} of primitives has the type {short(kind)}")
        what = f"the {short(kind, 40)} at entry {at} of primitives"
        if kind == "run":
            collector.many(definition, entry[1], what)
        else:
            collector.one(kind, pairs(entry[1], what), what)
    collector.flush()
    if collector.primitives != primitive_count:
        fail(f"there are {short(collector.primitives, 30)} primitives, and primitivecount says {primitive_count}")
    empty = np.empty(0, np.int64)
    order = np.concatenate([empty, *collector.orders])
    if not _is_range(order, vertex_count):
        _check_uses(order, vertex_count, collector)
    counts = np.concatenate([empty, *collector.counts])
    source = np.concatenate([empty, *collector.sources])
    closed = np.concatenate([np.empty(0, np.bool_), *collector.closed])
    return Polygons(
        counts,
        None if _is_range(order, vertex_count) else order,
        closed,
        None if _is_range(source, primitive_count) else source,
        collector.unknown,
    )


def _check_uses(order: Array, vertex_count: int, collector: _Collector) -> None:
    """Refuse vertices that no primitive has, or that several have: a vertex is of one primitive."""
    collector.budget.take(8 * vertex_count, "the vertices")
    uses = np.bincount(order, minlength=vertex_count)
    if not collector.shared and (uses > 1).any():
        fail(f"vertex {int(np.argmax(uses > 1))} is of several primitives")
    if not collector.unknown and not uses.all():
        fail(f"vertex {int(np.argmin(uses != 0))} is of no primitive")


def _is_range(values: Array, length: int) -> bool:
    return len(values) == length and bool((values == np.arange(length)).all())
