"""A small geometry with any byte wrong, or cut off anywhere: an error with a reason, and never a wrong mesh."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import GEOMETRY, small

from hdaemon.content import bgeo, bgeo_binary, bgeo_encode
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError

pytestmark = pytest.mark.exhaustive


def paged() -> bytes:
    """Return three points and an attribute in parts, one of them with one value for all."""
    first = ["size", 3, "storage", "fpreal32", "pagesize", 1024, "rawpagedata", np.arange(9, dtype="<f4")]
    parts: list[Any] = ["size", 3, "storage", "int32", "packing", np.array([1, 2], "u1"), "pagesize", 1024]
    parts += ["constantpageflags", [[], [True]], "rawpagedata", np.arange(5, dtype="<i4")]
    attributes = [
        [["type", "numeric", "name", name], ["size", 3, "values", block]]
        for name, block in (("P", first), ("a", parts))
    ]
    tree = ["pointcount", 3, "vertexcount", 0, "primitivecount", 0, "attributes", ["pointattributes", attributes]]
    return b"".join(bgeo_encode.binary_parts(tree))


PAYLOADS = {
    "paged": paged(),
    "ours": bgeo.write(small()),
    "text": bgeo.write(small(), ascii=True),
    "houdini's": (GEOMETRY / "cube_primgroup_16_5.bgeo").read_bytes(),
    "soup": (GEOMETRY / "psoup_simple_16.geo").read_bytes(),
}


def shape_of(mesh: Mesh) -> Any:
    """Return all but the values: what no wrong byte of a value can change."""
    attributes = [
        sorted((value.indices if isinstance(value, Strings) else value).shape for value in getattr(mesh, cls).values())
        for cls in ("point", "vertex", "prim", "detail")
    ]
    return len(mesh), mesh.counts.tolist(), attributes, len(mesh.point_groups), len(mesh.prim_groups)


def payload_with(name: str, at: int, byte: int) -> bytes:
    payload = bytearray(PAYLOADS[name])
    payload[at] = byte
    return bytes(payload)


def check(name: str, at: int, byte: int) -> None:
    try:
        made = bgeo.read(payload_with(name, at, byte))
    except DecodeError as error:
        if not str(error):
            raise AssertionError(at) from error
        return
    right = bgeo.read(PAYLOADS[name])
    if made != right and not made.notes:
        around = PAYLOADS[name][max(0, at - 20) : at + 20]
        assert shape_of(made) == shape_of(right), (at, byte, around)


@pytest.mark.parametrize("flip", [0x01, 0x20, 0xFF])
@pytest.mark.parametrize("name", PAYLOADS)
def test_every_byte_wrong(name: str, flip: int) -> None:
    for at, byte in enumerate(PAYLOADS[name]):
        check(name, at, byte ^ flip)


@given(st.sampled_from(sorted(PAYLOADS)), st.floats(0, 1, exclude_max=True), st.integers(0, 255))
def test_any_byte_anywhere(name: str, where: float, byte: int) -> None:
    check(name, int(where * len(PAYLOADS[name])), byte)


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_length_cut_off(name: str) -> None:
    payload = PAYLOADS[name].rstrip()
    for length in range(len(payload)):
        with pytest.raises(DecodeError):
            bgeo.read(payload[:length])


@pytest.mark.parametrize("name", PAYLOADS)
def test_something_after_it(name: str) -> None:
    with pytest.raises(DecodeError):
        bgeo.read(PAYLOADS[name] + b"x")


OTHERS: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    3,
    2**31,
    2**63 - 1,
    1.5,
    "",
    "P",
    "vertex",
    "fpreal32",
    [],
    {},
    [[0]],
    [0, 1],
]
ARRAYS = [np.zeros(0, "i4"), np.zeros(3, "f4"), np.ones(4, "i1"), np.array([True, False]), np.array([2**62] * 2)]
TREES = {
    "ours": bgeo_binary.decode(memoryview(PAYLOADS["ours"])),
    "paged": bgeo_binary.decode(memoryview(PAYLOADS["paged"])),
    "soup": json.loads(PAYLOADS["soup"]),
    "houdini 15": bgeo_binary.decode(memoryview((GEOMETRY / "cubes_connectivity.bgeo").read_bytes())),
}


def places(tree: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = enumerate(tree) if isinstance(tree, list) else tree.items() if isinstance(tree, dict) else ()
    for key, item in items:
        yield (*way, key)
        yield from places(item, (*way, key))


PLACES = {name: list(places(tree)) for name, tree in TREES.items()}


@settings(max_examples=1000)
@given(st.data(), st.sampled_from(sorted(TREES)))
def test_any_other_value_anywhere(data: st.DataObject, name: str) -> None:
    tree = copy.deepcopy(TREES[name])
    *way, last = data.draw(st.sampled_from(PLACES[name]))
    holder = tree
    for key in way:
        holder = holder[key]
    if data.draw(st.integers(0, 4)):
        holder[last] = data.draw(st.sampled_from(OTHERS + ARRAYS))
    else:
        del holder[last]
    payload = b"".join(bgeo_encode.binary_parts(tree))
    try:
        made = bgeo.read(payload)
    except DecodeError:
        return
    assert bgeo.read(bgeo.write(made)) == made


def test_a_part_left_out_anywhere() -> None:
    payload = PAYLOADS["ours"]
    right = bgeo.read(payload)
    for size in (1, 2, 9):
        for at in range(0, len(payload) - size):
            try:
                made = bgeo.read(payload[:at] + payload[at + size :])
            except DecodeError:
                continue
            # What is left out whole are bytes inside of a string, or a name and its value; both show.
            assert made == right or made.notes or shape_of(made) == shape_of(right), (size, at)


def test_what_the_paged_one_is() -> None:
    assert bgeo.read(PAYLOADS["paged"]).point["a"].tolist() == [[0, 3, 4], [1, 3, 4], [2, 3, 4]]


def test_a_memoryview_is_taken() -> None:
    buffer = np.frombuffer(PAYLOADS["ours"], np.uint8).copy()
    assert bgeo.read(memoryview(buffer)) == small()
