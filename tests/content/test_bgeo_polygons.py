"""Primitives in all the ways that files have them; each that does not fit is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hdaemon.content import bgeo, bgeo_encode
from hdaemon.content.bgeo_polygons import Polygons, polygons
from hdaemon.content.bgeo_values import Budget
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError


def found(entries: Any, primitives: int, vertices: int) -> Polygons:
    return polygons(entries, primitives, vertices, Budget(1000))


def shown(entries: Any, primitives: int, vertices: int) -> Any:
    made = found(entries, primitives, vertices)
    order = range(vertices) if made.order is None else made.order.tolist()
    return made.counts.tolist(), list(order), made.closed.tolist()


def run(kind: str = "Polygon_run", **fields: Any) -> list[Any]:
    return [["type", kind], [part for pair in fields.items() for part in pair]]


def of_kind(kind: str, data: Any, **definition: Any) -> list[Any]:
    return [["type", "run", "runtype", kind, *(part for pair in definition.items() for part in pair)], data]


TWO = ([3, 3], [0, 1, 2, 3, 4, 5], [True, True])


@pytest.mark.parametrize(
    "entries",
    [
        [run(startvertex=0, nprimitives=2, nvertices=[3, 3])],
        [run(startvertex=0, nprimitives=2, nvertices_rle=[3, 2])],
        [run("p_r", s_v=0, n_p=2, n_v=np.array([3, 3], "i4"))],
        [run("p_r", s_v=0, n_p=2, r_v=[3, 1, 3, 1])],
        [run("p_r", s_v=0, n_p=1, n_v=[3]), run("p_r", s_v=3, n_p=1, n_v=[3])],
        [run("Poly", vertex=[0, 1, 2]), run("Polygon", vertex=[3, 4, 5], closed=True)],
        [of_kind("Poly", [[[0, 1, 2]], [[3, 4, 5]]], varyingfields=["vertex"], uniformfields={"closed": True})],
        [of_kind("Poly", [[[0, 1, 2]], [[3, 4, 5]]])],
        [of_kind("Poly", [[[0, 1, 2], True], [[3, 4, 5], True]], varyingfields=["vertex", "closed"])],
    ],
)
def test_two_triangles(entries: Any) -> None:
    assert shown(entries, 2, 6) == TWO
    assert found(entries, 2, 6).order is None
    assert found(entries, 2, 6).source is None


def test_few_and_many_between_others_keep_their_order() -> None:
    """Runs of a few are collected, longer ones are not; soups, curves and others come in between."""
    entries = [
        run("p_r", s_v=0, n_p=1, n_v=[3]),
        run("Sphere", vertex=3),
        run("Poly", vertex=[4, 5], closed=False),
        run("p_r", s_v=6, n_p=40, r_v=[3, 40]),
        run("c_r", s_v=126, n_p=2, n_v=[1, 2]),
        run("PolySoup", vertex=[], polyinfo=[[3], [2], [129, 130, 131, 131, 130, 129]]),
        run("p_r", s_v=132, n_p=1, n_v=[4]),
    ]
    made = found(entries, 47, 136)
    assert made.counts.tolist() == [3, 2, *[3] * 40, 1, 2, 3, 3, 4]
    assert made.closed.tolist() == [True, False, *[True] * 40, False, False, True, True, True]
    assert made.source is not None
    assert made.source.tolist() == [0, *range(2, 45), 45, 45, 46]
    assert made.order is not None
    assert made.order.tolist() == [0, 1, 2, *range(4, 129), 129, 130, 131, 131, 130, 129, 132, 133, 134, 135]


def test_curves() -> None:
    for entries in (
        [run("PolygonCurve_run", startvertex=0, nprimitives=2, nvertices=[3, 3])],
        [run("c_r", s_v=0, n_p=2, r_v=[3, 2])],
        [run("Poly", vertex=[0, 1, 2], closed=False), run("PolygonCurve", vertex=[3, 4, 5])],
        [of_kind("Poly", [[[0, 1, 2]], [[3, 4, 5]]], uniformfields={"closed": False})],
        [of_kind("Poly", [[[0, 1, 2], False], [[3, 4, 5], False]], varyingfields=["vertex", "closed"])],
    ):
        assert shown(entries, 2, 6) == (TWO[0], TWO[1], [False, False])


def test_vertices_in_another_order() -> None:
    assert shown([run("Poly", vertex=[5, 4, 3]), run("Poly", vertex=[0, 1, 2])], 2, 6)[1] == [5, 4, 3, 0, 1, 2]
    made = found([run("p_r", s_v=3, n_p=1, n_v=[3]), run("p_r", s_v=0, n_p=1, n_v=[3])], 2, 6)
    assert made.order is not None
    assert made.order.tolist() == [3, 4, 5, 0, 1, 2]


def test_soups_share_vertices_and_are_one_primitive_each() -> None:
    info = [[4, 3], [1, 2], [0, 1, 2, 3, 0, 1, 2, 1, 2, 3]]
    entries = [run("PolySoup", vertex=[0, 1, 2, 3], polyinfo=info), run("p_r", s_v=4, n_p=1, n_v=[3])]
    made = found(entries, 2, 7)
    assert made.counts.tolist() == [4, 3, 3, 3]
    assert made.source is not None
    assert made.source.tolist() == [0, 0, 0, 1]
    parts = [[[0, 1, 2], [[3], [1], [0, 1, 2]]], [[3, 4, 5], [[3], [1], [3, 4, 5]]]]
    assert shown([of_kind("PolySoup", parts, varyingfields=["vertex", "polyinfo"], uniformfields={})], 2, 6) == TWO


def test_a_soup_gives_its_values_to_each_of_its_polygons() -> None:
    info = [[3], [2], [0, 1, 2, 0, 2, 3]]
    points = np.arange(12, dtype="<f4")
    number = np.arange(4, dtype="<i4")

    def block(size: int, storage: str, data: Any) -> list[Any]:
        return ["size", size, "storage", storage, "pagesize", 1024, "rawpagedata", data]

    def numeric(name: str, size: int, storage: str, data: Any) -> list[Any]:
        return [["type", "numeric", "name", name], ["values", block(size, storage, data)]]

    name = [["type", "string", "name", "name"], ["strings", ["soup"], "indices", block(1, "int32", [0])]]
    tree = {
        "pointcount": 4,
        "vertexcount": 4,
        "primitivecount": 1,
        "topology": ["pointref", ["indices", [3, 2, 1, 0]]],
        "attributes": [
            *("vertexattributes", [numeric("corner", 1, "int32", number)]),
            *("pointattributes", [numeric("P", 3, "fpreal32", points)]),
            *("primitiveattributes", [name, numeric("Cd", 3, "fpreal32", np.array([1, 0.5, 0], "<f4"))]),
        ],
        "primitives": [run("PolySoup", vertex=[0, 1, 2, 3], polyinfo=info)],
        "primitivegroups": [[["name", "g"], ["selection", ["unordered", ["i8", [1]]]]]],
    }
    payload = b"".join(bgeo_encode.binary_parts([part for pair in tree.items() for part in pair]))
    assert bgeo.read(payload) == Mesh(
        points.reshape(4, 3),
        [3, 3],
        [3, 2, 1, 3, 1, 0],
        vertex={"corner": np.array([0, 1, 2, 0, 2, 3], "i4")},
        prim={"name": Strings(["soup"], [0, 0]), "Cd": np.array([[1, 0.5, 0]] * 2, "f4")},
        prim_groups={"g": [True, True]},
        kinds={},
    )


def test_others_are_counted_by_type() -> None:
    entries = [
        run("Sphere", vertex=0, transform=[]),
        run("Tetrahedron_run", startvertex=1, nprimitives=5),
        of_kind("NURBCurve", [[[6, 7]], [[8, 9]]], varyingfields=["vertex"]),
        run("p_r", s_v=10, n_p=1, n_v=[3]),
        run("Sphere", vertex=13),
    ]
    made = found(entries, 10, 14)
    assert made.unknown == {"Sphere": 2, "Tetrahedron_run": 5, "NURBCurve": 2}
    assert (made.counts.tolist(), made.order.tolist(), made.source.tolist()) == ([3], [10, 11, 12], [8])  # type: ignore[union-attr]


def test_runs_over_the_same_vertices_again_and_again_are_not_collected() -> None:
    for entry in (
        run("p_r", s_v=0, n_p=1, n_v=[6]),
        run("p_r", s_v=0, n_p=2, n_v=[3, 3]),
        run("Poly", vertex=[0, 1, 2, 3, 4, 5]),
        of_kind("Poly", [[[0, 1, 2]], [[3, 4, 5]]]),
        run("p_r", s_v=0, n_p=1, n_v=[6000]),
    ):
        with pytest.raises(DecodeError, match="more vertices than the"):
            found([entry] * 1000, 1000, 6000 if "6000" in str(entry) else 6)


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        (5, "primitives is 5, and not a list"),
        ([5], "entry 0 of primitives is 5"),
        ([[["type", "Poly"]]], "entry 0 of primitives is [['type', 'Poly']]"),
        ([[["type", 5], []]], "entry 0 of primitives has the type 5"),
        ([[[], []]], "has the type None"),
        ([run("p_r", s_v=0, n_p=2)], "has no nvertices_rle or r_v"),
        ([run("p_r", n_p=2, n_v=[3, 3])], "has no startvertex or s_v"),
        ([run("p_r", s_v=0, n_v=[3, 3])], "has no nprimitives or n_p"),
        ([run("p_r", s_v=1, n_p=2, n_v=[3, 3])], "ends at vertex 7, and there are 6"),
        ([run("p_r", s_v=-1, n_p=2, n_v=[3, 3])], "is -1, and not a number from 0"),
        ([run("p_r", s_v=0, n_p=3, n_v=[3, 3])], "has 2 counts, and 3 polygons are due"),
        ([run("p_r", s_v=0, n_p=2, n_v=[6, 0])], "a polygon that is not of 1 to 6 vertices"),
        ([run("p_r", s_v=0, n_p=2, n_v=[7, -1])], "a polygon that is not of 1 to 6"),
        ([run("p_r", s_v=0, n_p=2, n_v=[2**62, 2**62])], "a polygon that is not of 1 to 6"),
        ([run("p_r", s_v=0, n_p=2, r_v=[3])], "are 1 numbers, and not pairs"),
        ([run("p_r", s_v=0, n_p=2, r_v=[3, 3])], "2 polygons are due"),
        ([run("p_r", s_v=0, n_p=10**12, r_v=[3, 10**12])], "needs more vertices than the 6"),
        ([run("p_r", s_v=0, n_p=10**12, r_v=[0, 10**12])], "polygons are due"),
        ([run("p_r", s_v=0, n_p=2, r_v=[3, 2**63 - 1, 3, 2**63 - 1])], "2 polygons are due"),
        ([run("p_r", s_v=0, n_p=2, n_v=[3, 3], closed=False)], "has the field 'closed'"),
        ([run("p_r", s_v=0, n_p=1, n_v=[3])], "there are 1 primitives, and primitivecount says 2"),
        ([run("p_r", s_v=0, n_p=2, n_v=[3, 2])], "vertex 5 is of no primitive"),
        ([run("p_r", s_v=0, n_p=1, n_v=[3]), run("p_r", s_v=2, n_p=1, n_v=[3])], "vertex 2 is of several primitives"),
        ([run("Poly", vertex=[0, 1, 2]), run("Poly", vertex=[3, 4, 6])], "a vertex that does not exist: there are 6"),
        ([run("Poly", vertex=[0, 1, 2]), run("Poly", vertex=[3, 4, -1])], "a vertex that does not exist"),
        ([run("Poly", vertex=[])], "a polygon of 0 vertices"),
        ([run("Poly", vertex=[0] * 7)], "the primitives have more vertices than the 6 that there are"),
        ([run("Poly", vertex=5)], "are 5, and not a list of integers"),
        ([run("Poly", vertex=[0, 1.0, 2])], "are [0, 1.0, 2], and not a list of integers"),
        ([run("Poly", vertex=[0, True, 2])], "are [0, True, 2], and not a list of integers"),
        ([run("Poly", vertex=[0, 1, 2], closed=1)], "closed of the 'Poly' at entry 0 of primitives is 1"),
        ([run("Poly", vertex=[0, 1, 2], basis=1)], "has the field 'basis', and vertex, closed are known"),
        ([run("Poly", closed=True)], "has no vertex"),
        ([of_kind("Poly", 5)], "is 5, and not a list of primitives"),
        ([[["type", "run"], []]], "and not a list of primitives of one type"),
        ([of_kind("Poly", [], varyingfields=5)], "the varyingfields of"),
        ([of_kind("Poly", [[0, 1, 2]])], "is [0, 1, 2], and not a list of vertices in a list"),
        ([of_kind("Poly", [[0]])], "is [0], and not a list of vertices in a list"),
        ([of_kind("Poly", [[["a"]]])], "and not a list of numbers"),
        ([of_kind("Poly", [[[0, 1, 2]]], uniformfields={"closed": 5})], "closed of a Poly"),
        ([of_kind("Poly", [[[0, 1, 2]]], uniformfields={"open": True})], "has the field 'open'"),
        ([of_kind("Poly", [[[0]]], varyingfields=["vertex", "closed"])], "and not the fields ['vertex', 'closed']"),
        ([run("PolySoup", vertex=[0])], "has no polyinfo"),
        ([run("PolySoup", polyinfo=5)], "is 5, and not sizes, how often, and vertices"),
        ([run("PolySoup", polyinfo=[[3], [2], [0]])], "has 1 vertices, and its polygons need another number"),
        ([run("PolySoup", polyinfo=[[3], [2, 1], [0]])], "has 1 sizes and 2 numbers of polygons"),
        ([run("PolySoup", polyinfo=[[3, 0], [2, 5], [0] * 6])], "each at least 1"),
        ([run("PolySoup", polyinfo=[[2**62], [4], []])], "its polygons need another number"),
        ([run("PolySoup", polyinfo=[[3], [2], [0, 1, 2, 3, 4, 6]])], "a vertex that does not exist"),
        ([run("Sphere_run")], "is None, and not a number from 0"),
        ([run("Sphere_run", nprimitives=10**30)], "and primitivecount says 2"),
    ],
)
def test_refused(entries: Any, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        found(entries, 2, 6)
    assert error in str(caught.value)
    assert len(str(caught.value)) < 300
