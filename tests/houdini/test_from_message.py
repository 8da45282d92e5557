"""Every kind of message as geometry: what it becomes, and what is said when it cannot."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from receiving import grid, put, put_array, put_arrays, put_mesh, put_text

import hdaemon
from hdaemon import content
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh
from hdaemon.errors import HdaemonError
from hdaemon.houdini.from_message import Conventions, mesh_of
from hdaemon.message import Message

pytestmark = pytest.mark.usefixtures("process_store")


def newest(channel: str = "c") -> Message:
    return hdaemon.store[channel].message


def detail(mesh: Mesh) -> dict[str, object]:
    return {name: value.tolist() for name, value in mesh.detail.items()}


def test_a_mesh_is_converted_to_houdini() -> None:
    sent = grid(winding="counterclockwise", up="Z", metres_per_unit=0.01)
    put_mesh("c", sent)
    assert mesh_of(newest()) == sent.converted()


def test_houdinis_own_bytes_are_a_mesh_too() -> None:
    put("c", content.BGEO, bgeo.write(grid()))
    assert mesh_of(newest()) == grid()


def test_what_the_artist_says_of_units_and_axes_wins() -> None:
    put_array("c", np.array([[100.0, 200.0, 300.0]], "f4"))
    stated = Conventions(metres_per_unit=0.01, up="Z")
    assert mesh_of(newest(), stated).points.tolist() == [[1.0, 3.0, -2.0]]
    sent = grid(up="Z", metres_per_unit=0.01)
    put_mesh("c", sent)
    made = mesh_of(newest(), Conventions(1.0, "Y"))
    assert np.array_equal(made.points, sent.points)
    assert np.array_equal(made.indices, sent.indices)


@pytest.mark.parametrize(("dtype", "kept"), [("<f4", "<f4"), (">f8", "<f8"), ("<f2", "<f4"), ("<i2", "<f8")])
def test_rows_of_three_numbers_are_points(dtype: str, kept: str) -> None:
    put_array("c", np.array([[1, 2, 3], [4, 5, 6]], dtype))
    made = mesh_of(newest())
    assert made.points.dtype.str == kept
    assert made.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert len(made.counts) == 0


def test_a_map_of_positions_is_points_row_by_row() -> None:
    put_array("c", np.arange(24, dtype="f4").reshape(2, 4, 3))
    assert mesh_of(newest()).points.tolist() == np.arange(24).reshape(8, 3).tolist()


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 2), (5, 4)])
def test_other_arrays_are_points_at_the_origin_with_the_attribute_data(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    put_array("c", array)
    made = mesh_of(newest())
    assert made.points.tolist() == [[0, 0, 0]] * 5
    assert made.point["data"].reshape(shape).tolist() == array.tolist()


def test_one_number_is_an_attribute_of_the_whole() -> None:
    put_array("c", np.float32(2.5))
    assert detail(mesh_of(newest())) == {"data": [2.5]}


def test_fields_of_a_structured_array_are_attributes() -> None:
    put_array("c", np.array([((1, 2, 3), 7), ((4, 5, 6), 8)], [("P", "f4", 3), ("id", "i4")]))
    made = mesh_of(newest())
    assert made.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert made.point["id"].tolist() == [7, 8]


def test_arrays_with_p_are_points_with_attributes() -> None:
    put_arrays(
        "c",
        P=np.arange(6, dtype="f4").reshape(2, 3),
        pscale=np.array([0.1, 0.2], "f4"),
        bounds=np.arange(5.0),
        frame=np.array(12),
    )
    made = mesh_of(newest())
    assert made.points.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert list(made.point) == ["pscale"]
    assert detail(made) == {"frame": [12]}
    assert made.notes == ("the array 'bounds' has 5 rows for 2 points and was left out",)


def test_arrays_without_p_are_points_at_the_origin() -> None:
    put_arrays("c", density=np.array([1.0, 2.0, 3.0]), heat=np.array([4, 5, 6]))
    made = mesh_of(newest())
    assert made.points.tolist() == [[0, 0, 0]] * 3
    assert made.point["density"].tolist() == [1, 2, 3]
    assert made.point["heat"].tolist() == [4, 5, 6]


def test_text_is_an_attribute_of_the_whole() -> None:
    serial = put_text("c", "Hällo\0Houdini")
    made = mesh_of(newest())
    assert len(made) == 0
    assert detail(made) == {
        "data": ["Hällo\ufffdHoudini"],  # a string of Houdini ends at a zero
        "serial": [serial],
        "channel": ["c"],
        "content_type": ["text/plain"],
    }
    assert made.detail["serial"].dtype == np.int32


def test_json_stays_as_it_was_sent() -> None:
    put("c", content.JSON, memoryview(b'{"x": 0.10000000000000000555, "list": [1,2]}'))
    made = mesh_of(newest())
    assert detail(made)["data"] == ['{"x": 0.10000000000000000555, "list": [1,2]}']


def test_msgpack_becomes_json() -> None:
    put("c", content.MSGPACK, b"\x82\xa1x\x01\xa1b\xc4\x02\x00\xff")  # {"x": 1, "b": two bytes}
    assert detail(mesh_of(newest()))["data"] == ['{"x": 1, "b": "AP8="}']


def test_msgpack_that_json_has_no_word_for_says_so() -> None:
    put("c", content.MSGPACK, b"\xd6\xff\x00\x00\x00\x01")  # a timestamp
    with pytest.raises(HdaemonError, match="application/msgpack can be no string for a node: "):
        mesh_of(newest())


def test_bytes_say_what_to_do() -> None:
    put("c", "image/png", b"\x89PNG")
    with pytest.raises(HdaemonError, match=r"image/png of 4 bytes is no geometry.*hdaemon\.content\.register"):
        mesh_of(newest())


def test_what_does_not_decode_says_why() -> None:
    put("c", content.SAFETENSORS, struct.pack("<Q", 2) + b"{x")
    with pytest.raises(HdaemonError, match="not safetensors"):
        mesh_of(newest())


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([1j, 2j]), "complex128"),
        (np.array([b"ab"]), r"\|S2"),
        (np.zeros((2, 0), "f4"), "at least one number"),
    ],
)
def test_arrays_that_houdini_has_nothing_for_say_so(array: np.ndarray, said: str) -> None:
    put_array("c", array)
    with pytest.raises(HdaemonError, match=said):
        mesh_of(newest())


def test_p_that_is_no_positions_says_so() -> None:
    put_arrays("c", P=np.zeros((4, 2), "f4"))
    with pytest.raises(HdaemonError, match=r"'P' has the shape \(4, 2\): give \(n, 3\)"):
        mesh_of(newest())


def test_names_become_what_houdini_takes() -> None:
    put_mesh(
        "c",
        Mesh(
            np.zeros((1, 3), "f4"),
            point={"UVMap.001": np.zeros((1, 2), "f4"), "UVMap_001": np.ones(1), "2nd": np.ones(1), "fine": [1]},
            point_groups={"Körper": [True]},
            kinds={"point/UVMap.001": "texturecoord"},
        ),
    )
    made = mesh_of(newest())
    assert list(made.point) == ["UVMap_001_2", "UVMap_001", "_2nd", "fine"]
    assert dict(made.kinds) == {"point/UVMap_001_2": "texturecoord"}
    assert list(made.point_groups) == ["K_rper"]
    assert "point 'UVMap.001' is called 'UVMap_001_2' here" in made.notes
    assert len(made.notes) == 3
