"""A mesh as safetensors: the bytes of docs/mesh.md, both ways, and what is not a mesh."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from meshes import meshes, small

from hdaemon import content
from hdaemon.content import mesh_wire, safetensors
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError, UsageError
from hdaemon.message import Message

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mesh.md"
CONVENTIONS = {"winding": "clockwise", "up": "Y", "metres_per_unit": "1.0"}


def decoded(tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> Any:
    head = {"hdaemon.mesh": "1", **CONVENTIONS, **(metadata or {})}
    return content.decode(content.SAFETENSORS, b"".join(safetensors.encode(tensors, head)))


@given(meshes())
def test_there_and_back(mesh: Mesh) -> None:
    assert content.decode(content.SAFETENSORS, mesh.to_safetensors()) == mesh


def test_everything_at_once_keeps_its_conventions_and_notes() -> None:
    mesh = small()
    other = Mesh(
        [[1, 2, 3]], winding="counterclockwise", up="Z", metres_per_unit=0.01, notes=("a sphere was left out",)
    )
    for one in (mesh, other):
        back = content.decode(content.SAFETENSORS, one.to_safetensors())
        assert back == one
        assert back.notes == one.notes
    assert back.metres_per_unit == 0.01


def test_nothing_is_copied_either_way() -> None:
    points = np.zeros((1000, 3), "f4")
    mesh = Mesh(points, point={"N": points + 1})
    parts = mesh.safetensors_parts()
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), points) for part in parts)
    buffer = np.frombuffer(b"".join(parts), np.uint8)
    back = content.decode(content.SAFETENSORS, memoryview(buffer))
    assert np.shares_memory(back.points, buffer)
    assert np.shares_memory(back.point["N"], buffer)


def test_a_message_of_it_has_a_mesh_as_data() -> None:
    message = Message(1, 0.0, "maya/body", content.SAFETENSORS, small().to_safetensors(), "client-1")
    assert message.data == small()
    assert message.error is None
    plain = Message(1, 0.0, "a", content.SAFETENSORS, b"".join(safetensors.encode({"P": np.zeros(3)})), "client-1")
    assert list(plain.data) == ["P"], "who does not say that it is a mesh gets the arrays"


def test_the_least_and_what_a_script_may_write() -> None:
    assert decoded({"P": np.zeros((0, 3), "f4")}) == Mesh(np.zeros((0, 3), "f4"))
    mesh = decoded(
        {
            "P": np.zeros((3, 3), "f4"),
            "counts": np.array([3], "u1"),
            "indices": np.array([0, 1, 2], "i8"),
            "closed": np.array([0], "u1"),
            "point/N": np.zeros((3, 3), "f4"),
            "point/a/b": np.arange(3),
            "point/side": np.array([0, -1, 1], "i1"),
            "prim_group/g": np.array([1], "u1"),
            "strings/point/side": np.frombuffer("é\0b\0".encode(), "u1"),
        }
    )
    assert mesh.counts.dtype == np.int32
    assert mesh.closed.tolist() == [False]
    assert mesh.kinds == {"point/N": "normal"}, "without kinds the usual ones"
    assert mesh.point["a/b"].tolist() == [0, 1, 2]
    assert mesh.point["side"].tolist() == ["é", "", "b"]
    assert mesh.prim_groups["g"].tolist() == [True]


def test_large_tables_of_strings_travel_as_tensors() -> None:
    table = [f"/obj/geo{at}/{'x' * 30}é" for at in range(100_000)]
    mesh = Mesh(
        np.zeros((100_000, 3)), point={"path": Strings(table, np.arange(100_000))}, prim={"none": Strings([], [])}
    )
    tensors = safetensors.decode(mesh.to_safetensors())
    assert "strings" not in tensors.metadata
    assert tensors["strings/point/path"][-1] == 0
    assert Mesh.from_tensors(tensors) == mesh


@pytest.mark.parametrize(
    ("tensors", "metadata", "error"),
    [
        ({}, {"hdaemon.mesh": "2"}, "its hdaemon.mesh is '2', and '1' is known"),
        ({"P": None}, None, "it has no tensor P"),
        ({"Q": np.zeros(1)}, None, "the tensor 'Q' is none of P, counts"),
        ({"points/N": np.zeros(1)}, None, "the tensor 'points/N' is none of"),
        ({"P": np.zeros((1, 2), "f4")}, None, "points has the shape (1, 2)"),
        ({"P": np.zeros((1, 3), "i4"), "counts": np.array([1.0])}, None, "counts is of type float64"),
        ({"counts": np.array([3], "i4"), "indices": np.array([0, 1, 4], "i4")}, None, "vertex 2 is at point 4"),
        ({"point/N": np.zeros((5, 3), "f4")}, None, "point attribute 'N' has 5 rows, and the mesh has 4 points"),
        ({"point_group/g": np.array([0, 1, 2, 3], "u1")}, None, "point group 'g': element 2 is 2"),
        ({"point/": np.zeros(4)}, None, "'' cannot name a point attribute"),
        ({}, {"kinds": "[]"}, "kinds in the metadata is [], and not an object"),
        ({}, {"kinds": "{"}, "kinds in the metadata is not JSON"),
        ({}, {"kinds": '{"point/N":"normal"}'}, "'point/N' is no attribute"),
        ({}, {"strings": '{"point/a":["x"]}'}, "there are strings for 'point/a', and no tensor of that name"),
        ({"point/a": np.zeros(4, "i4")}, {"strings": '{"point/a":"x"}'}, "are 'x', and not a list"),
        ({"point/a": np.zeros(4, "i4")}, {"strings": '{"point/a":[]}'}, "index 0 of strings is 0"),
        ({"point/a": np.zeros(4, "f4")}, {"strings": '{"point/a":["x"]}'}, "is of type float32"),
        ({"point/a": np.zeros(4, "i4")}, {"strings": '{"point/a":[5]}'}, "string 0 of the table is 5"),
        ({"strings/point/a": np.zeros(1, "u1")}, None, "there are strings for 'point/a', and no tensor"),
        (
            {"point/a": np.zeros(4, "i4"), "strings/point/a": np.array([65], "u1")},
            None,
            "'strings/point/a' is not of U8, [n], with a 0 after each string",
        ),
        ({"point/a": np.zeros(4, "i4"), "strings/point/a": np.array([0], "i1")}, None, "is not of U8"),
        ({"point/a": np.zeros(4, "i4"), "strings/point/a": np.array([255, 0], "u1")}, None, "byte 0 of the tensor"),
        (
            {"point/a": np.zeros(4, "i4"), "strings/point/a": np.array([65, 0], "u1")},
            {"strings": '{"point/a":["x"]}'},
            "in the metadata and in a tensor",
        ),
        ({}, {"winding": "left"}, "winding is 'left'"),
        ({}, {"up": "x"}, "up is 'x'"),
        ({}, {"metres_per_unit": "1,0"}, "metres_per_unit in the metadata is not JSON"),
        ({}, {"metres_per_unit": '"1"'}, "metres_per_unit is '1'"),
        ({}, {"metres_per_unit": "-1"}, "metres_per_unit is -1"),
        ({}, {"notes": "{}"}, "notes in the metadata is {}"),
        ({}, {"notes": "[1]"}, "notes are a tuple of str"),
    ],
)
def test_what_is_no_mesh_is_refused(tensors: dict[str, Any], metadata: Any, error: str) -> None:
    given = {key: value for key, value in ({"P": np.zeros((4, 3), "f4")} | tensors).items() if value is not None}
    with pytest.raises(DecodeError) as caught:
        decoded(given, metadata)
    assert error in str(caught.value)
    assert "a mesh: " in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("key", CONVENTIONS)
def test_each_convention_must_be_said(key: str) -> None:
    metadata = {"hdaemon.mesh": "1", **CONVENTIONS}
    del metadata[key]
    payload = b"".join(safetensors.encode({"P": np.zeros((1, 3), "f4")}, metadata))
    with pytest.raises(DecodeError, match=f"have no {key}"):
        content.decode(content.SAFETENSORS, payload)


def test_other_metadata_become_a_note() -> None:
    mesh = decoded({"P": np.zeros((1, 3), "f4")}, {"take": "5"})
    assert mesh.notes == ("'take' in the metadata was left out: it is not known",)


def test_more_attributes_than_a_receiver_takes_are_refused() -> None:
    mesh = Mesh([], detail={f"a{at}": 1 for at in range(10_000)})
    with pytest.raises(UsageError, match="10001 arrays are over the limit"):
        mesh.to_safetensors()


def shape_of(mesh: Mesh) -> Any:
    """Return all but the values: what no byte of a value can change."""
    attributes = [
        sorted((value.indices if isinstance(value, Strings) else value).shape for value in getattr(mesh, cls).values())
        for cls in ("point", "vertex", "prim", "detail")
    ]
    return len(mesh), mesh.counts.tolist(), attributes, len(mesh.point_groups), len(mesh.prim_groups)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_byte_of_a_small_one_wrong(flip: int) -> None:
    """The head wrong: an error, a note, or another name. The data wrong: an error, or another value."""
    mesh = small()
    payload = mesh.to_safetensors()
    head = 8 + int.from_bytes(payload[:8], "little")
    for at in range(len(payload)):
        broken = bytearray(payload)
        broken[at] ^= flip
        try:
            made = content.decode(content.SAFETENSORS, bytes(broken))
        except DecodeError:
            continue
        if not isinstance(made, Mesh):
            assert at < head, "only the mark itself makes it something else"
            assert mesh_wire.MARK not in made.metadata
        elif not made.notes:
            assert shape_of(made) == shape_of(mesh), (at, payload[max(0, at - 20) : at + 20])


def test_every_length_of_a_small_one_cut_off() -> None:
    payload = small().to_safetensors()
    for length in range(len(payload)):
        with pytest.raises(DecodeError):
            content.decode(content.SAFETENSORS, payload[:length])


def test_the_example_in_the_docs_is_a_mesh_byte_for_byte() -> None:
    text = PAGE.read_text(encoding="utf-8")
    dump = re.search(r"```hex\n(.*?)```", text, re.DOTALL)
    assert dump is not None
    payload = bytes.fromhex("".join(line.split("|")[0].partition(":")[2] for line in dump[1].splitlines()))
    length = int.from_bytes(payload[:8], "little")
    assert json.loads(payload[8 : 8 + length])["__metadata__"]["hdaemon.mesh"] == "1"
    mesh = content.decode(content.SAFETENSORS, payload)
    assert mesh == Mesh(
        np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "f4"),
        [4],
        [0, 1, 2, 3],
        prim={"name": ["door"]},
        winding="counterclockwise",
    )
