"""Model files as arrays: what is in the file is in the mesh."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
import pytest

from hdaemon.commands import models
from hdaemon.commands.models_obj import _Polygons
from hdaemon.errors import HdaemonError, SendError

trimesh = pytest.importorskip("trimesh")

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "f4")
EPSILON = 1e-6


def exported(mesh: Any, suffix: str) -> bytes:
    data = mesh.export(file_type=suffix[1:])
    return data if isinstance(data, bytes) else data.encode()


def corners(points: np.ndarray, indices: np.ndarray) -> list[tuple[float, ...]]:
    return [tuple(np.round(points[at].astype("f8"), 4).tolist()) for at in indices]


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb", ".off"])
def test_a_cube_in_each_format(suffix: str) -> None:
    cube = trimesh.creation.box()
    model = models.read(exported(cube, suffix), suffix, "cube")
    assert len(model.points) == 8
    assert model.points.dtype == np.float32
    assert model.counts.tolist() == [3] * 12
    assert corners(model.points, model.indices) == corners(cube.vertices, cube.faces.reshape(-1))


WALL = b"""# a wall, with CRLF and tabs below
mtllib nowhere.mtl
o wall one
v 0 0 0
v 1 0 0   # a comment
\tv 1 1 0
v 0 1 0
v 0.5 1.5 0
v 9 9 9
vt 0 0
vt 1 0
vt 1 1
vt 0 1
vn 0 0 1
vn 0 0 -1
usemtl brick/red
s off
f 1/1/1 2/2/1 3/3/1 4/4/1
usemtl glass
f 1/4/2 2/3/2 3/2/2
o roof
f 1/1/1 2/2/1 3/3/1 5/4/1 \\
4/1/2
f 1 2
"""


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_obj_keeps_points_polygons_corners_and_names(ends: bytes) -> None:
    model = models.read(WALL.replace(b"\n", ends), ".obj", "wall.obj")
    assert model.points.tolist() == [*SQUARE.tolist(), [0.5, 1.5, 0], [9, 9, 9]]
    assert model.counts.tolist() == [4, 3, 5]
    assert model.indices.tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 4, 3]
    assert model.prim == {
        "name": ["wall one", "wall one", "roof"],
        "material": ["brick/red", "glass", "glass"],
    }
    table = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    assert model.vertex["uv"].tolist() == table[[0, 1, 2, 3, 3, 2, 1, 0, 1, 2, 3, 0]].tolist()
    assert model.vertex["N"][:, 2].tolist() == [1] * 4 + [-1] * 3 + [1] * 4 + [-1]
    assert model.point == {}


def test_obj_with_quads_only_and_colours() -> None:
    text = b"v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 1 1 1\nf -4 -3 -2 -1\nf 4 3 2 1\n"
    model = models.read(text, ".obj", "x")
    assert model.counts.tolist() == [4, 4]
    assert model.indices.tolist() == [0, 1, 2, 3, 3, 2, 1, 0]
    assert model.point["Cd"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]


def test_obj_of_points_alone() -> None:
    model = models.read(b"v 0 0 0\nv 1 2 3\n", ".obj", "x")
    assert model.points.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert len(model.counts) == len(model.indices) == 0


def test_obj_with_points_at_the_same_place_keeps_them() -> None:
    model = models.read(b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 0 0\nvt 0 0\nf 1/1 2/1 3/1\nf 4/1 3/1 2/1\n", ".obj", "x")
    assert len(model.points) == 4
    assert model.indices.tolist() == [0, 1, 2, 3, 2, 1]


def test_obj_counting_backwards_between_its_points_is_refused() -> None:
    block = b"v 0 0 0\nv 1 0 0\nv 1 1 0\nf -3 -2 -1\n"
    with pytest.raises(SendError, match=r"x\.obj cannot be sent as a mesh: its faces count points backwards"):
        models.read(block + block, ".obj", "x.obj")


def test_polygons_cut_in_another_way_are_refused() -> None:
    sides = np.array([4, 3])
    assert _Polygons(np.array([[5, 6, 7], [7, 8, 5], [1, 2, 3]]), sides).corners(
        np.array([[5, 6, 7], [7, 8, 5], [1, 2, 3]])
    ).tolist() == [5, 6, 7, 8, 1, 2, 3]
    for wrong in ([[5, 6, 7], [5, 7, 8], [1, 2, 3]], [[5, 6, 7], [7, 8, 5]]):
        with pytest.raises(HdaemonError, match="this version of trimesh"):
            _Polygons(np.array(wrong), sides)


def ply(vertex: str, rows: str, face: str = "", faces: str = "") -> bytes:
    head = f"ply\nformat ascii 1.0\nelement vertex {rows.count(chr(10))}\n{vertex}"
    head += f"element face {faces.count(chr(10))}\n{face}" if faces else ""
    return (head + "end_header\n" + rows + faces).encode()


XYZ = "property float x\nproperty float y\nproperty float z\n"
LIST = "property list uchar int vertex_indices\n"


def test_ply_with_everything() -> None:
    vertex = XYZ + "".join(f"property float {name}\n" for name in ("nx", "ny", "nz", "s", "t"))
    vertex += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "alpha"))
    rows = "".join(
        f"{x} {y} 0 0 0 1 {x} {y} 255 0 {51 * (x + y)} {51 * 5}\n" for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    model = models.read(ply(vertex, rows, LIST, "4 0 1 2 3\n4 3 2 1 0\n"), ".ply", "x")
    assert model.points.tolist() == SQUARE.tolist()
    assert model.counts.tolist() == [4, 4]
    assert model.indices.tolist() == [0, 1, 2, 3, 3, 2, 1, 0]
    assert model.point["N"].tolist() == [[0, 0, 1]] * 4
    assert model.point["uv"].tolist() == SQUARE[:, :2].tolist()
    assert np.allclose(model.point["Cd"], [[1, 0, 0], [1, 0, 0.2], [1, 0, 0.4], [1, 0, 0.2]])
    assert "Alpha" not in model.point


def test_ply_with_colours_of_faces_and_alpha() -> None:
    face = LIST + "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "alpha"))
    rows = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"
    model = models.read(ply(XYZ, rows, face, "3 0 1 2 255 0 0 255\n3 0 2 3 0 255 0 0\n"), ".ply", "x")
    assert model.prim["Cd"].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert model.prim["Alpha"].tolist() == [1, 0]


def test_ply_with_texture_coordinates_at_corners() -> None:
    face = LIST + "property list uchar float texcoord\n"
    faces = "3 0 1 2 6 0 0 1 0 1 1\n3 0 2 3 6 0.5 0.5 0.25 0.25 0 1\n"
    model = models.read(ply(XYZ, "0 0 0\n1 0 0\n1 1 0\n0 1 0\n", face, faces), ".ply", "x")
    assert len(model.points) == 4
    assert model.vertex["uv"].tolist() == [[0, 0], [1, 0], [1, 1], [0.5, 0.5], [0.25, 0.25], [0, 1]]
    assert "uv" not in model.point


def test_stl_triangles_share_points_where_they_meet() -> None:
    grid = trimesh.creation.icosphere(subdivisions=2)
    model = models.read(exported(grid, ".stl"), ".stl", "x")
    assert len(model.points) == len(grid.vertices)
    assert corners(model.points, model.indices) == corners(grid.vertices, grid.faces.reshape(-1))
    assert model.point == {}


def glb(**changes: Any) -> bytes:
    """Return a triangle with normals and uv, shown twice: as it is under `left`, mirrored and moved under `right`."""
    data = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    data += np.array([[0.6, 0, 0.8]] * 3, "<f4").tobytes() + np.array([[0, 0], [1, 0], [0, 1]], "<f4").tobytes()
    data += np.array([0, 1, 2], "<u2").tobytes() + b"\0\0"
    primitive = {"attributes": {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}, "indices": 3}
    head = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [
            {"mesh": 0, "name": "left"},
            {"name": "right", "scale": [-1, 1, 2], "translation": [10, 0, 0], "children": [2]},
            {"mesh": 0, "name": "leaf", "translation": [1, 0, 0]},
        ],
        "meshes": [{"name": "leaf", "primitives": [primitive]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC2"},
            {"bufferView": 3, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": at, "byteLength": size} for at, size in ((0, 36), (36, 36), (72, 24), (96, 6))
        ],
        "buffers": [{"byteLength": len(data)}],
        **changes,
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    whole = 12 + 8 + len(text) + 8 + len(data)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, whole) + chunks


def test_glb_parts_are_where_the_scene_puts_them() -> None:
    model = models.read(glb(), ".glb", "x")
    assert model.counts.tolist() == [3, 3]
    plain, moved = (0, 1) if model.points[0, 0] == 0 else (1, 0)
    points, normals = model.points.reshape(2, 3, 3), model.point["N"].reshape(2, 3, 3)
    assert points[plain].tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert points[moved].tolist() == [[9, 0, 0], [8, 0, 0], [9, 1, 0]]
    assert np.allclose(normals[plain], [0.6, 0, 0.8])
    turned = np.array([-0.6, 0, 0.4])
    assert np.allclose(normals[moved], turned / np.linalg.norm(turned), atol=EPSILON)
    indices = model.indices.reshape(2, 3)
    assert (indices[plain] - 3 * plain).tolist() == [0, 1, 2]
    assert (indices[moved] - 3 * moved).tolist() == [2, 1, 0], "a mirror turns the faces"
    # glTF counts v from the top, Houdini from the bottom; what has no material has its uv all the same.
    assert model.point["uv"].reshape(2, 3, 2)[plain].tolist() == [[0, 1], [1, 1], [0, 0]]
    assert model.prim["name"] == ["leaf", "leaf"]
    assert "material" not in model.prim


def test_glb_materials_by_name_and_no_pictures() -> None:
    data = glb(
        materials=[{"name": "steel", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        textures=[{"source": 0}],
        images=[{"uri": "no such file.png"}],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "indices": 3, "material": 0}]}],
    )
    assert models.read(data, ".glb", "x").prim["material"] == ["steel", "steel"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "compressed .* export it without compression"),
        (
            {"accessors": [{"componentType": 5126, "count": 3, "type": "VEC3", "sparse": {}}]},
            "sparse accessors",
        ),
    ],
)
def test_glb_that_trimesh_would_fill_with_zeros_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SendError, match=says):
        models.read(glb(**changes), ".glb", "x")


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".obj", b""),
        (".obj", b"hello\n"),
        (".obj", b"v 0 0 0\nv 1 0 0\nf 1 2 3\n"),
        (".obj", b"v 0 0 0\nv 1 0 zero\n"),
        (".ply", b"ply\n"),
        (".ply", ply(XYZ, "0 0 0\n1 0 0\n", LIST, "3 0 1 2\n")),
        (".stl", b"solid x\n"),
        (".stl", b"\0" * 83),
        (".glb", b""),
        (".glb", b"glTF" + b"\0" * 40),
        (".off", b""),
        (".off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(suffix: str, data: bytes) -> None:
    with pytest.raises(SendError, match=f"^the file (is broken, not complete, or not a \\{suffix}|cannot be sent)"):
        models.read(data, suffix, "the file")


@pytest.mark.parametrize("suffix", [".stl", ".glb"])
def test_a_file_cut_anywhere_is_an_error(suffix: str) -> None:
    whole = exported(trimesh.creation.box(), suffix)
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises(SendError):
            models.read(whole[:size], suffix, "x")


def test_without_trimesh_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trimesh.exchange.load", None)
    with pytest.raises(SendError, match=r'pip install "hdaemon\[models\]"; nothing was sent'):
        models.read(b"v 0 0 0\n", ".obj", "x.obj")


def test_a_large_quad_mesh_comes_back_whole() -> None:
    side = 60
    number = np.arange(side * side).reshape(side, side)
    quads = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], -1).reshape(-1, 4)
    points = np.random.default_rng(1).random((side * side, 3)).round(4)
    text = io.StringIO()
    np.savetxt(text, points, "v %.4f %.4f %.4f")
    np.savetxt(text, quads + 1, "f %d %d %d %d")
    model = models.read(text.getvalue().encode(), ".obj", "x")
    assert np.allclose(model.points, points, atol=EPSILON)
    assert np.array_equal(model.indices, quads.reshape(-1))
