"""bgeo: the files that Houdini wrote, read by eye; theirs against ours; any mesh there and back; what is refused."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import run_python
from hypothesis import given
from meshes import GEOMETRY, meshes, small

from hdaemon import content
from hdaemon.content import bgeo, bgeo_binary
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError, UsageError

PAIRS = sorted(path.stem for path in GEOMETRY.glob("*.bgeo"))
BY_16_5 = [name for name in PAIRS if name.endswith("_16_5") and name != "sphere_grid_16_5"]
BOX = [1, 5, 4, 0, 2, 6, 5, 1, 3, 7, 6, 2, 0, 4, 7, 3, 2, 1, 0, 3, 5, 6, 7, 4]


def of(name: str) -> Mesh:
    return bgeo.read((GEOMETRY / name).read_bytes())


def test_there_are_pairs() -> None:
    assert len(PAIRS) == 10
    assert len(BY_16_5) == 6


@pytest.mark.parametrize("name", PAIRS)
def test_both_files_of_a_pair_are_one_mesh(name: str) -> None:
    binary, text = of(f"{name}.bgeo"), of(f"{name}.geo")
    assert binary == text
    assert binary.notes == text.notes
    assert content.decode("application/x-houdini-bgeo", (GEOMETRY / f"{name}.bgeo").read_bytes()) == binary


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("as_text", [False, True])
def test_what_is_read_and_written_is_the_same(name: str, as_text: bool) -> None:
    mesh = of(f"{name}.bgeo")
    again = bgeo.read(bgeo.write(mesh, ascii=as_text))
    assert again == mesh
    assert again.notes == ()


# By eye, from the ASCII files.


def test_grid() -> None:
    mesh = of("grid_16_5.bgeo")
    assert mesh.points.tolist() == [[-0.5, 0, -0.5], [0.5, 0, -0.5], [-0.5, 0, 0.5], [0.5, 0, 0.5]]
    assert mesh.points.dtype == np.float32
    assert (mesh.counts.tolist(), mesh.indices.tolist(), mesh.closed.tolist()) == ([4], [0, 1, 3, 2], [True])
    assert mesh.vertex["uv"].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.vertex["uv"].dtype == np.float32
    assert mesh.kinds == {}, "Houdini 16.5 says of this uv nothing"
    assert (list(mesh.point), list(mesh.prim), list(mesh.detail), mesh.notes) == ([], [], [], ())
    assert (mesh.winding, mesh.up, mesh.metres_per_unit) == ("clockwise", "Y", 1.0)


def test_grid_and_tetrahedron() -> None:
    mesh = of("grid_tetra_16_5.bgeo")
    assert mesh.counts.tolist() == [4, 3, 3, 3, 3]
    assert mesh.indices.tolist() == [0, 1, 3, 2, 4, 7, 6, 4, 5, 7, 4, 6, 5, 5, 6, 7]
    assert mesh.points[5].tolist() == np.array([-0.942810297, -1.83332968, 0], "f4").tolist()
    assert mesh.vertex["uv"][0].tolist() == np.array([0.30690819, 0.193814188, 1], "f4").tolist()
    assert mesh.vertex["uv"].shape == (16, 3)


def test_box_with_a_string_for_each_face() -> None:
    mesh = of("cube_even_odd.bgeo")
    assert mesh.indices.tolist() == BOX
    assert mesh.counts.tolist() == [4] * 6
    assert mesh.prim["even_odd"] == Strings(["piece0", "piece1"], [0, 1, 0, 1, 0, 1])
    assert mesh.vertex["uv"][:2].tolist() == [[1, 0, 0], [1, 0, 1]]


def test_box_with_a_group() -> None:
    mesh = of("cube_primgroup_16_5.bgeo")
    assert {name: group.tolist() for name, group in mesh.prim_groups.items()} == {
        "faces": [False, False, True, True, True, False]
    }


def test_boxes_with_groups_of_runs() -> None:
    mesh = of("cube_multi_groups_16_5.bgeo")
    assert len(mesh) == 32
    faces = [False, False, True, True, True, False] * 4
    assert {name: group.tolist() for name, group in mesh.prim_groups.items()} == {"faces": faces, "all": [True] * 24}
    assert mesh.points[31].tolist() == [5.5, 0.5, 0.5]


def test_boxes_with_names_and_a_detail_attribute() -> None:
    mesh = of("cubes_connectivity.bgeo")
    assert mesh.prim["name"].tolist() == ["piece0"] * 6 + ["piece1"] * 6 + ["piece2"] * 6
    assert mesh.detail["varmap"].tolist() == ["name -> NAME"]
    assert mesh.points[8].tolist() == np.array([1.39999998, -0.5, -0.5], "f4").tolist()
    assert mesh.bounds() == ((-0.5, -0.5, -0.5), (np.float32(2.4), np.float32(1.9), 0.5))


def test_points_alone() -> None:
    mesh = of("points_noprim_16_5.bgeo")
    assert (len(mesh), len(mesh.counts), len(mesh.indices)) == (10, 0, 0)
    assert mesh.kinds == {"point/N": "normal"}
    assert mesh.point["N"][2].tolist() == np.array([0, -1, 1.50774852e-07], "f4").tolist()
    assert mesh.points[9].tolist() == np.array([0.235484302, -0.103837714, -0.471310914], "f4").tolist()


def test_empty() -> None:
    mesh = of("empty_16_5.bgeo")
    assert (len(mesh), len(mesh.counts)) == (0, 0)
    assert mesh == Mesh(np.empty((0, 3), "f4"))


def test_what_is_no_polygon_is_named_and_its_points_stay() -> None:
    mesh = of("sphere_grid_16_5.bgeo")
    assert len(mesh) == 5
    assert (mesh.counts.tolist(), mesh.indices.tolist()) == ([4], [1, 2, 4, 3])
    assert mesh.vertex["uv"][0].tolist() == [0, 0.1875, 0.5], "the grid's, and not the sphere's"
    assert mesh.notes == (
        "1 primitive of type Sphere was left out: a mesh holds polygons and curves of straight lines; "
        "the points were kept",
    )
    particles = of("points_partsys_16.bgeo")
    assert (len(particles), len(particles.counts)) == (10, 0)
    assert particles.point["N"].shape == (10, 3)
    assert "of type Part was left out" in particles.notes[0]


def test_a_polygon_soup() -> None:
    mesh = of("psoup_simple_16.geo")
    assert mesh.counts.tolist() == [4] * 5 + [3] * 2
    points_of = [1, 5, 4, 0, 3, 7, 6, 2]
    vertices = [0, 1, 2, 3, 4, 5, 6, 7, 3, 2, 5, 4, 7, 0, 3, 4, 1, 6, 5, 2, 6, 1, 0, 0, 7, 6]
    assert mesh.indices.tolist() == [points_of[at] for at in vertices]
    assert mesh.closed.all()
    assert mesh.notes == ()


# Theirs against ours.


def plain(value: Any) -> Any:
    """Return a tree without arrays, and its floats as float32 holds them: the ASCII files have 9 digits."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return float(np.float32(value))
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def without_the_maker(tree: list[Any]) -> list[Any]:
    info = tree[tree.index("info") + 1]
    for name in ("artist", "hostname", "date", "software"):
        info.pop(name, None)
    return tree


@pytest.mark.parametrize("name", BY_16_5)
def test_name_for_name_what_houdini_writes_in_binary(name: str) -> None:
    payload = (GEOMETRY / f"{name}.bgeo").read_bytes()
    theirs = bgeo_binary.decode(memoryview(payload))
    ours = bgeo_binary.decode(memoryview(bgeo.write(bgeo.read(payload))))
    theirs_, ours_ = without_the_maker(plain(theirs)), without_the_maker(plain(ours))
    assert ours_ == theirs_
    assert [type(item) for item in ours_] == [type(item) for item in theirs_]


@pytest.mark.parametrize("name", BY_16_5)
def test_name_for_name_what_houdini_writes_as_text(name: str) -> None:
    payload = (GEOMETRY / f"{name}.geo").read_bytes()
    ours = json.loads(bgeo.write(bgeo.read(payload), ascii=True))
    assert without_the_maker(plain(ours)) == without_the_maker(plain(json.loads(payload)))


@pytest.mark.parametrize("name", ["cube_even_odd", "cubes_connectivity"])
def test_the_attributes_of_15_5_are_written_as_they_were(name: str) -> None:
    """Later versions write polygons as runs, and one default for all numbers of a tuple; the rest is the same."""
    payload = (GEOMETRY / f"{name}.bgeo").read_bytes()
    trees = [bgeo_binary.decode(memoryview(data)) for data in (payload, bgeo.write(bgeo.read(payload)))]
    theirs, ours = (without_the_maker(plain(tree)) for tree in trees)
    assert ours[::2] == theirs[::2]
    for key in set(theirs[::2]) - {"fileversion", "attributes", "primitives"}:
        assert ours[ours.index(key) + 1] == theirs[theirs.index(key) + 1]

    def without_defaults(tree: Any) -> Any:
        if isinstance(tree, list):
            made = [without_defaults(item) for item in tree]
            at = made.index("defaults") if "defaults" in made else len(made)
            return made[:at] + made[at + 2 :]
        return tree

    attributes = [without_defaults(tree[tree.index("attributes") + 1]) for tree in (ours, theirs)]
    assert attributes[0] == attributes[1]


def test_the_end_is_where_indexposition_says() -> None:
    payload = bgeo.write(small())
    assert payload.endswith(b"\x14" + (102).to_bytes(8, "little") + b"]")
    begin = len(payload) - 1 - 102
    assert payload[begin - 7 : begin + 1] == b"\x27\x05index["


def test_large_arrays_are_not_copied() -> None:
    points = np.zeros((5000, 3), "f4")
    parts = bgeo.write_parts(Mesh(points, point={"N": points}))
    assert sum(np.shares_memory(np.frombuffer(part, np.uint8), points) for part in parts) == 2


def test_it_is_written_in_houdini_s_conventions() -> None:
    mesh = Mesh(
        [[0, 0, 1], [1, 0, 1], [1, 1, 1]], [3], [0, 1, 2], winding="counterclockwise", up="Z", metres_per_unit=2
    )
    assert bgeo.read(bgeo.write(mesh)) == mesh.converted()


# Any mesh.


@given(meshes())
def test_any_mesh_through_safetensors_and_binary(mesh: Mesh) -> None:
    travelled = content.decode(content.SAFETENSORS, mesh.to_safetensors())
    back = bgeo.read(bgeo.write(travelled))
    assert back == mesh
    assert back.notes == ()


@given(meshes(finite=True))
def test_any_mesh_through_safetensors_and_text(mesh: Mesh) -> None:
    travelled = content.decode(content.SAFETENSORS, mesh.to_safetensors())
    assert bgeo.read(bgeo.write(travelled, ascii=True)) == mesh


def test_a_large_one_of_every_run_and_group() -> None:
    counts = np.concatenate([np.full(3000, 4), [3, 5, 3, 5, 3, 5], np.full(70_000, 3)])
    random = np.random.default_rng(7)
    mesh = Mesh(
        random.normal(size=(1000, 3)).astype("f4"),
        counts,
        random.integers(0, 1000, counts.sum()),
        point={"id": np.arange(1000)},
        point_groups={"some": random.integers(0, 2, 1000), "few": np.arange(1000) < 3},
        prim_groups={"half": np.arange(len(counts)) % 2, "long": np.arange(len(counts)) > 300},
        closed=np.arange(len(counts)) % 10_000 != 0,
    )
    for as_text in (False, True):
        assert bgeo.read(bgeo.write(mesh, ascii=as_text)) == mesh


# What is refused.


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "it begins with b'', and neither with"),
        (b"{}", "it begins with b'{}'"),
        (b"hello", "begins with b'hello'"),
        (b"scf1\0\0\0\0", "compressed by Blosc (.bgeo.sc): decompress it"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"PGEOMETRY V5", "Houdini 11 and before"),
        (b"BgeoV\0\0\0\5", "Houdini 11 and before"),
        (b"[", "as ASCII geometry it is not JSON"),
        (b"[nan]", "as ASCII geometry it is not JSON"),
        (b"[1]", "the geometry is [1], and not a list of names"),
        (b"[1,2]", "has 1 where a name is due"),
        (b'["a",1,"a",2]', "the geometry has 'a' twice"),
        (b"[]", "the geometry has no pointcount"),
        (b"[" * 65, "nests deeper"),
        (bgeo_binary.MAGIC, "it is cut off: a value is missing at offset 5 of 5 bytes"),
    ],
)
def test_what_is_not_geometry_is_refused(payload: bytes, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        bgeo.read(payload)
    assert error in str(caught.value)
    assert "bgeo: " in str(caught.value)


def test_text_of_too_many_values_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgeo, "MAX_ASCII_VALUES", 1000)
    with pytest.raises(DecodeError, match="of 1001 values is over the limit of 1000: send the binary form"):
        bgeo.read(b"[" + b"[]," * 500 + b"0]")


def test_without_numpy_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(DecodeError, match="pip install numpy"):
        bgeo.read((GEOMETRY / "grid_16_5.bgeo").read_bytes())


def test_numpy_is_imported_with_the_first_mesh() -> None:
    done = run_python(
        """
        import sys
        import hdaemon
        from hdaemon import content
        from hdaemon.content import bgeo
        print("numpy" in sys.modules, "hdaemon.content.mesh" in sys.modules)
        """
    )
    assert (done.returncode, done.stdout.strip()) == (0, "False False"), done.stderr


def test_text_cannot_say_nan() -> None:
    with pytest.raises(UsageError, match="write the binary form"):
        bgeo.write(Mesh([[math.nan, 0, 0]]), ascii=True)


def test_files_are_in_the_tests() -> None:
    assert (Path(GEOMETRY) / "README.md").read_text(encoding="utf-8").startswith("# Geometry files")
