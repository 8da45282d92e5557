"""Conventions: which way round, which way up, how large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import meshes, small

from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import UsageError


def area_vector(mesh: Mesh, polygon: int) -> Any:
    """Return the normal of a polygon by the right hand: it points to whom its vertices are counter-clockwise."""
    start = int(mesh.counts[:polygon].sum())
    corners = mesh.points[mesh.indices[start : start + int(mesh.counts[polygon])]]
    return sum(np.cross(corners[at] - corners[0], corners[at + 1] - corners[0]) for at in range(1, len(corners) - 1))


def test_nothing_to_do_is_the_mesh_itself() -> None:
    mesh = small()
    assert mesh.converted() is mesh


def test_a_blender_mesh_becomes_houdini_s() -> None:
    """Z up and counter-clockwise: what looks up in Blender looks up in Houdini, from its front clockwise."""
    corners = np.array([[0, 0, 2], [1, 0, 2], [1, 1, 2], [0, 1, 2]], "f4")
    up = np.tile(np.array([0, 0, 1], "f4"), (4, 1))
    mesh = Mesh(
        corners,
        [4],
        [0, 1, 2, 3],
        point={"N": up, "v": up * 3},
        vertex={"uv": corners[:, :2], "corner": ["a", "b", "c", "d"]},
        winding="counterclockwise",
        up="Z",
        metres_per_unit=0.5,
    )
    assert area_vector(mesh, 0).tolist() == [0, 0, 2]
    made = mesh.converted()
    assert (made.winding, made.up, made.metres_per_unit) == ("clockwise", "Y", 1.0)
    assert made.points.tolist() == [[0, 1, 0], [0.5, 1, 0], [0.5, 1, -0.5], [0, 1, -0.5]]
    assert made.points.dtype == np.float32
    assert made.indices.tolist() == [0, 3, 2, 1]
    assert made.vertex["uv"].tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]], (
        "they go with their vertices, and do not turn"
    )
    assert made.vertex["corner"].tolist() == ["a", "d", "c", "b"]
    assert made.point["N"].tolist() == [[0, 1, 0]] * 4, "a normal turns, and does not scale"
    assert made.point["v"].tolist() == [[0, 1.5, 0]] * 4
    assert area_vector(made, 0).tolist() == [0, -0.5, 0]
    assert not made.points.flags.writeable


@given(meshes(finite=True), st.sampled_from(["clockwise", "counterclockwise"]), st.sampled_from(["Y", "Z"]))
def test_there_and_back(mesh: Mesh, winding: str, up: str) -> None:
    # A transform is multiplied, and can be rounded.
    kinds = {key: kind for key, kind in mesh.kinds.items() if kind != "transform"}
    attributes = {cls: getattr(mesh, cls) for cls in ("point", "vertex", "prim", "detail")}
    plain = Mesh(mesh.points, mesh.counts, mesh.indices, **attributes, closed=mesh.closed, kinds=kinds)
    there = plain.converted(winding, up)
    assert (there.winding, there.up) == (winding, up)
    assert there.converted() == plain


@given(meshes(), st.data())
def test_vertices_keep_their_points_and_values(mesh: Mesh, data: st.DataObject) -> None:
    number = np.arange(len(mesh.indices), dtype="i4")
    marked = Mesh(
        mesh.points,
        mesh.counts,
        mesh.indices,
        vertex={"number": number, "text": Strings(["x", "y"], number % 2)},
        closed=mesh.closed,
    )
    made = marked.converted(winding="counterclockwise")
    order = made.vertex["number"]
    assert made.indices.tolist() == mesh.indices[order].tolist()
    assert made.vertex["text"].indices.tolist() == (order % 2).tolist()
    start = 0
    for count, closed in zip(mesh.counts.tolist(), mesh.closed.tolist(), strict=True):
        expected = list(range(start, start + count))
        if closed:
            expected[1:] = expected[:0:-1]
        assert order[start : start + count].tolist() == expected
        start += count


def test_transforms_turn_on_both_sides() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]  # row vectors: a quarter about z takes x to y
    matrix[3, :3] = [1, 2, 3]
    mesh = Mesh(
        [[1, 0, 0]], point={"m": matrix.reshape(1, 16)}, kinds={"point/m": "transform"}, up="Z", metres_per_unit=2
    )
    made = mesh.converted()
    for point in ([1.0, 0.0, 0.0], [0.3, -2.0, 5.0]):
        moved = np.array([*point, 1]) @ matrix
        asked = Mesh([point, moved[:3]], up="Z", metres_per_unit=2).converted().points
        assert np.allclose(np.array([*asked[0], 1]) @ made.point["m"].reshape(4, 4), [*asked[1], 1])
    three = Mesh([], detail={"m": matrix[:3, :3].reshape(-1)}, kinds={"detail/m": "transform"}, up="Z").converted()
    assert np.allclose(three.detail["m"].reshape(3, 3), [[0, 0, -1], [0, 1, 0], [1, 0, 0]])


def test_quaternions_turn_and_other_kinds_do_not() -> None:
    values = {
        "q": [[0.1, 0.2, 0.3, 0.9]],
        "c": [[0.1, 0.2, 0.3]],
        "i": np.array([[1, 2, 3]]),
        "w": [[1.0, 2.0, 3.0, 4.0]],
    }
    kinds = {"point/q": "quaternion", "point/c": "color", "point/i": "vector", "point/w": "vector"}
    made = Mesh([[0, 0, 0]], point=values, kinds=kinds, up="Z", metres_per_unit=3).converted()
    assert made.point["q"].tolist() == [[0.1, 0.3, -0.2, 0.9]]
    assert made.point["c"].tolist() == [[0.1, 0.2, 0.3]]
    assert made.point["i"].tolist() == [[1, 2, 3]], "integers are no direction"
    assert made.point["w"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    "wrong", [{"winding": "left"}, {"up": "X"}, {"metres_per_unit": 0.0}, {"metres_per_unit": "1"}]
)
def test_what_is_no_convention_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="are not all conventions"):
        small().converted(**wrong)
