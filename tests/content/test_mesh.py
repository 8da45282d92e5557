"""Mesh: what is taken, what it becomes, and each thing that is refused, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import meshes, small

from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import UsageError

SQUARE: Any = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]


def square(**more: Any) -> Mesh:
    return Mesh(np.array(SQUARE, "f4"), [4], [0, 1, 2, 3], **more)


def test_arrays_are_views_that_cannot_be_written() -> None:
    points, normals = np.zeros((4, 3), "f4"), np.ones((4, 3), "f4")
    mesh = Mesh(points, np.array([4], "i4"), np.arange(4, dtype="i4"), point={"N": normals})
    assert np.shares_memory(mesh.points, points)
    assert np.shares_memory(mesh.point["N"], normals)
    for array in (mesh.points, mesh.counts, mesh.indices, mesh.closed, mesh.point["N"]):
        assert not array.flags.writeable
    assert points.flags.writeable, "the caller's own array stays as it was"
    with pytest.raises(AttributeError):
        mesh.points = points
    with pytest.raises(TypeError):
        mesh.point["N"] = normals


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("i4", "<i4"),
        ("i8", "<i8"),
        ("f2", "<f2"),
        ("f4", "<f4"),
        ("f8", "<f8"),
        ("?", "<i4"),
        ("i1", "<i4"),
        ("u1", "<i4"),
        ("i2", "<i4"),
        ("u2", "<i4"),
        ("u4", "<i8"),
        ("u8", "<i8"),
        (">f4", "<f4"),
        (">i8", "<i8"),
        (">u2", "<i4"),
    ],
)
def test_what_types_become(given: str, kept: str) -> None:
    values = np.array([0, 1, 1, 0], given)
    mesh = square(point={"a": values})
    assert mesh.point["a"].dtype.str == kept
    assert mesh.point["a"].tolist() == [0, 1, 1, 0]


def test_shapes() -> None:
    mesh = square(
        point={
            "one": np.zeros((4, 1)),
            "matrix": np.arange(36.0).reshape(4, 3, 3),
            "strided": np.zeros((4, 6))[:, ::2],
        },
        detail={"frame": 5, "shot": "a", "range": [1.5, 2.5], "two": ["x", "y"]},
    )
    assert mesh.point["one"].shape == (4,)
    assert mesh.point["matrix"].shape == (4, 9)
    assert mesh.point["strided"].flags.c_contiguous
    assert mesh.detail["frame"].tolist() == [5]
    assert mesh.detail["range"].shape == (2,)
    assert mesh.detail["shot"].tolist() == ["a"]
    assert mesh.detail["two"].tolist() == ["x", "y"]


def test_points_take_lists_and_halves() -> None:
    assert Mesh(SQUARE).points.dtype == np.float64
    assert Mesh(np.zeros((2, 3), "f2")).points.dtype == np.float32
    assert Mesh([]).points.shape == (0, 3)
    assert len(Mesh([])) == 0
    assert Mesh([])


def test_strings() -> None:
    mesh = square(point={"side": ["l", "r", "l", ""]}, prim={"layers": [("a", "b")]})
    assert mesh.point["side"] == Strings(["l", "r", ""], [0, 1, 0, 2])
    assert mesh.point["side"].tolist() == ["l", "r", "l", ""]
    assert mesh.prim["layers"].tolist() == [["a", "b"]]
    assert mesh.prim["layers"][0] == ["a", "b"]
    assert Strings(["x"], [-1, 0])[0] == ""
    assert Strings.of(np.array(["b", "a", "b"])).table == ("b", "a")
    assert len(Strings.of([])) == 0
    assert Strings(["a"], [0]) != Strings(["a"], [-1])
    assert Strings(["a"], [0]) != "a"


def test_usual_kinds_unless_they_are_said() -> None:
    normals, uv = np.zeros((4, 3), "f4"), np.zeros((4, 2), "f4")
    assert square(point={"N": normals, "Cd": normals}, vertex={"uv": uv, "v": uv}).kinds == {
        "point/N": "normal",
        "point/Cd": "color",
        "vertex/uv": "texturecoord",
    }
    assert square(point={"N": normals}, kinds={}).kinds == {}
    assert square(point={"N": np.zeros(4)}).kinds == {}


def test_bounds() -> None:
    assert Mesh([]).bounds() is None
    assert square().bounds() == ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0))
    points = np.random.default_rng(1).normal(size=(5000, 3)).astype("f4")
    assert Mesh(points).bounds() == (tuple(points.min(axis=0).tolist()), tuple(points.max(axis=0).tolist()))


@given(meshes(), meshes())
def test_equality(one: Mesh, other: Mesh) -> None:
    assert one == one  # noqa: PLR0124 - also with NaN in it
    assert (one == other) == (other == one)


def test_what_makes_them_unequal() -> None:
    normals = np.zeros((4, 3), "f4")
    same = square(point={"N": normals})
    assert same == square(point={"N": normals.copy()}, notes=("something was left out",))
    assert same != square()
    assert same != square(point={"N": -normals}), "bit by bit: -0.0 is another value"
    assert same != square(point={"N": normals.astype("f8")})
    assert same != square(point={"N": normals}, kinds={})
    assert same != square(point={"N": normals}, up="Z")
    assert same != square(point={"N": normals}, closed=False)
    assert same != 5
    assert same.same_topology(square())
    assert not same.same_topology(square(closed=False))
    assert not same.same_topology(Mesh(SQUARE, [3], [0, 1, 2]))


def test_repr() -> None:
    assert repr(small()) == (
        "<Mesh 7 points, 2 polygons, 1 curves, point: 'N, id, side', vertex: 'uv, half', prim: 'name, layers', "
        "detail: 'frame, shot, range'>"
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"points": [1, 2, 3]}, "points has the shape (3,): give (n, 3)"),
        ({"points": [[1, 2]]}, "points has the shape (1, 2)"),
        ({"points": [[1, 2], [3]]}, "points: numpy makes no array of it"),
        ({"points": np.zeros((1, 3), complex)}, "points is of type complex128"),
        ({"counts": [4], "indices": None}, "indices has 0 vertices, and counts add up to 4; polygon 0 is the first"),
        ({"counts": None}, "indices has 4 vertices, and counts add up to 0"),
        ({"counts": [2, 0, 2]}, "counts: polygon 1 has 0 vertices"),
        ({"counts": [2, -1, 3]}, "counts: polygon 1 has -1 vertices"),
        ({"counts": [2, 1, 3]}, "counts add up to 6; polygon 2 is the first without all its vertices"),
        ({"counts": [2.0, 2.0]}, "counts is of type float64"),
        ({"counts": [2**31 - 1] * 3}, "counts add up to 6442450941"),
        ({"counts": [2**31]}, "counts: number 0 is 2147483648, and more than 32 bits hold"),
        ({"counts": [[4]]}, "counts has the shape (1, 1)"),
        ({"indices": [0, 1, 4, 3]}, "indices: vertex 2 is at point 4, and the mesh has 4 points"),
        ({"indices": [0, 1, 2, -1]}, "indices: vertex 3 is at point -1"),
        ({"points": []}, "indices: vertex 0 is at point 0, and the mesh has 0 points"),
        ({"point": {"a": [1, 2, 3]}}, "point attribute 'a' has 3 rows, and the mesh has 4 points"),
        ({"vertex": {"a": np.zeros((5, 2))}}, "vertex attribute 'a' has 5 rows, and the mesh has 4 vertices"),
        ({"prim": {"a": 5}}, "prim attribute 'a' has one number, and the mesh has 1 polygons"),
        ({"point": {"a": np.zeros((4, 0))}}, "point attribute 'a' has the shape (4, 0)"),
        ({"point": {"a": np.zeros(4, complex)}}, "point attribute 'a' is of type complex128"),
        ({"point": {"a": np.array([None] * 4)}}, "point attribute 'a' is of type object"),
        ({"point": {"a": [[1], [2], [3], [4, 5]]}}, "point attribute 'a': numpy makes no array of it"),
        ({"point": {"a": [10**30] * 4}}, "point attribute 'a' is of type object"),
        ({"point": {"a": np.array([0, 0, 2**63, 0], "u8")}}, "'a': number 2 is 9223372036854775808"),
        ({"point": {"P": np.zeros((4, 3))}}, "the point attribute 'P' is the points themselves"),
        ({"point": {"": [0] * 4}}, "'' cannot name a point attribute"),
        ({"point": {5: [0] * 4}}, "5 cannot name a point attribute"),
        ({"point": {"a" * 201: [0] * 4}}, "use a str of 1 to 200 characters"),
        ({"point": {"a\n": [0] * 4}}, "has a control character"),
        ({"point": {"\ud800": [0] * 4}}, "cannot name"),
        ({"point": {"a": ["x", "y", "z"]}}, "point attribute 'a' has 3 strings, and the mesh has 4 points"),
        ({"point": {"a": ["x", "y", "z", 5]}}, "point attribute 'a': element 3 is 5, and not one str"),
        ({"point": {"a": [["x"], ["y", "z"], [""], [""]]}}, "point attribute 'a': element 1 is ['y', 'z']"),
        ({"point": {"a": ["x", "\0", "y", "z"]}}, "string 1 of the table is '\\x00'"),
        ({"detail": {"a": []}}, "detail attribute 'a' has no number"),
        ({"detail": {"a": Strings([], [])}}, "detail attribute 'a' has no string"),
        ({"detail": {"a": [[1], [2, 3]]}}, "detail attribute 'a': numpy makes no array"),
        ({"point_groups": {"g": [True]}}, "point group 'g' has the shape (1,), and the mesh has 4 points"),
        ({"point_groups": {"g": [0, 1, 2, 3]}}, "point group 'g': element 2 is 2, and not 0 or 1"),
        ({"prim_groups": {"g": [0.5]}}, "prim group 'g' is of type float64"),
        ({"closed": [True, True]}, "closed has the shape (2,), and the mesh has 1 polygons"),
        ({"kinds": {"point/N": "normal"}}, "kinds: 'point/N' is no attribute of the mesh"),
        ({"kinds": {"N": "normal"}}, "kinds: 'N' is no attribute"),
        ({"point": {"a": [0] * 4}, "kinds": {"point/a": 5}}, "5 cannot name a kind of point/a"),
        ({"winding": "left"}, "winding is 'left': use 'clockwise' or 'counterclockwise'"),
        ({"up": "X"}, "up is 'X': use 'Y' or 'Z'"),
        ({"metres_per_unit": 0}, "metres_per_unit is 0: use a number above 0"),
        ({"metres_per_unit": float("nan")}, "metres_per_unit is nan"),
        ({"metres_per_unit": True}, "metres_per_unit is True"),
        ({"metres_per_unit": "1"}, "metres_per_unit is '1'"),
        ({"notes": (5,)}, "notes are a tuple of str"),
    ],
)
def test_refused(arguments: dict[str, Any], error: str) -> None:
    good: dict[str, Any] = {"points": SQUARE, "counts": [4], "indices": [0, 1, 2, 3]}
    with pytest.raises(UsageError) as caught:
        Mesh(**(good | arguments))
    assert error in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("table", "indices", "error"),
    [
        (["a"], [0, 1], "index 1 of strings is 1, and the table has 1 strings"),
        (["a"], [-2], "index 0 of strings is -2"),
        (["a"], [[[0]]], "shape (1, 1, 1)"),
        ("a", [0], "not one str"),
        (["a", 5], [0], "string 1 of the table is 5"),
        (["\ud800"], [0], "string 0 of the table"),
    ],
)
def test_strings_refused(table: Any, indices: Any, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        Strings(table, indices)
    assert error in str(caught.value)


@given(st.lists(st.integers(1, 64), max_size=8), st.integers(-70, 70), st.integers(1, 3))
def test_counts_and_indices_that_do_not_fit_are_refused(counts: list[int], off: int, points: int) -> None:
    indices = np.zeros(max(0, sum(counts) + off), "i4")
    if len(indices) == sum(counts):
        assert len(Mesh(np.zeros((points, 3)), counts, indices).counts) == len(counts)
    else:
        with pytest.raises(UsageError, match="counts add up to"):
            Mesh(np.zeros((points, 3)), counts, indices)
