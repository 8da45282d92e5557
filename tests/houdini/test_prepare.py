"""What is prepared away from the main thread: the bytes, and which of its values are new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from receiving import grid, put, put_json, put_mesh

import hdaemon
from hdaemon import content
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh
from hdaemon.houdini.from_message import Conventions
from hdaemon.houdini.prepare import Prepared, prepare

pytestmark = pytest.mark.usefixtures("process_store")


def prepared(mesh: Mesh, previous: Prepared | None = None) -> Prepared:
    put_mesh("c", mesh)
    return prepare(hdaemon.store["c"].message, previous=previous)


def written(mesh: Mesh) -> bytes:
    return b"".join(bgeo.write_parts(mesh, bounds=False))


def changed(first: Mesh, second: Mesh) -> set[str] | None:
    """Return the attributes that are new in `second`, or None when it is another layout."""
    one = prepared(first)
    two = prepared(second, one)
    if one.layout != two.layout:
        assert not set(one.versions.values()) & set(two.versions.values())
        return None
    return {key for key, version in two.versions.items() if version != one.versions[key]}


def test_the_bytes_are_those_of_the_mesh() -> None:
    made = prepared(grid(40))
    assert made.bgeo == written(grid(40))
    assert bgeo.read(made.bgeo) == grid(40)
    assert made.mesh == grid(40)
    assert (made.error, made.notes) == (None, ())


def test_equal_meshes_have_nothing_new() -> None:
    nan = np.full((9, 3), np.nan, "f4")
    assert changed(grid(), grid()) == set()
    assert changed(grid(point={"N": nan}), grid(point={"N": nan.copy()})) == set()


def test_only_what_changes_is_new() -> None:
    assert changed(grid(), grid(height=1.0)) == {"point/P"}
    other = grid(detail={"frame": np.array([2], "i4"), "shot": "sq020"})
    assert changed(grid(), other) == {"detail/frame", "detail/shot"}
    assert changed(grid(vertex={"uv": np.zeros((16, 2))}), grid(vertex={"uv": np.ones((16, 2))})) == {"vertex/uv"}


@pytest.mark.parametrize(
    "other",
    [
        grid(4),
        grid(closed=False),
        grid(prim_groups={"all": [1, 1, 1, 0]}),
        grid(prim_groups={}),
        grid(point={"N": np.zeros((9, 3), "f8"), "id": np.arange(9)}),
        grid(point={"id": np.arange(9), "N": np.zeros((9, 3), "f4")}),
        grid(kinds={}),
        grid(prim={"name": ["other"] * 4, "area": np.ones(4, "f2")}),  # no call of hou sets many strings quickly
        grid(detail={"frame": np.array([1], "i8"), "shot": "sq010"}),
        Mesh(np.zeros((9, 3), "f4")),
    ],
)
def test_another_layout_shares_nothing(other: Mesh) -> None:
    assert changed(grid(), other) is None


def test_a_large_integer_of_the_whole_is_another_layout() -> None:
    assert changed(grid(detail={"id": np.array([2**40])}), grid(detail={"id": np.array([2**41])})) is None
    assert changed(grid(detail={"id": np.array([2**40])}), grid(detail={"id": np.array([2**40])})) == set()


def test_what_is_wrong_is_said_and_not_raised() -> None:
    serial = put("c", content.OCTET_STREAM, b"\0\1")
    made = prepare(hdaemon.store["c"].message)
    assert made.serial == serial
    assert "is no geometry" in str(made.error)
    assert (made.mesh, made.bgeo) == (None, b"")


def test_after_an_error_all_is_new() -> None:
    put("c", content.OCTET_STREAM, b"\0\1")
    failed = prepare(hdaemon.store["c"].message)
    assert prepared(grid(), failed).versions.keys() == prepared(grid()).versions.keys()


def test_bytes_of_houdini_are_handed_on_as_they_are() -> None:
    data = bgeo.write(grid())
    put("c", content.BGEO, memoryview(data))
    message = hdaemon.store["c"].message
    assert prepare(message).bgeo == data
    assert prepare(message, Conventions(1.0, "Y")).bgeo == data
    assert bgeo.read(prepare(message, Conventions(0.01)).bgeo).points.max() == pytest.approx(0.02)


def test_ascii_of_houdini_becomes_the_binary_form() -> None:
    put("c", content.BGEO, bgeo.write(grid(), ascii=True))
    assert prepare(hdaemon.store["c"].message).bgeo == written(grid())


def test_of_what_a_mesh_does_not_hold_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Houdini takes volumes from its own bytes; that they stay equal cannot be told, so each is another layout."""
    data = bgeo.write(grid())
    put("c", content.BGEO, data)
    message = hdaemon.store["c"].message
    volumes = Mesh(np.zeros((1, 3), "f4"), notes=("1 Volume was left out",))
    monkeypatch.setattr("hdaemon.houdini.prepare.mesh_of", lambda *_: volumes)
    one = prepare(message)
    assert (one.bgeo, one.notes) == (data, ())
    assert prepare(message, previous=one).layout != one.layout


def test_text_after_text_changes_two_values() -> None:
    put_json("c", {"x": 1})
    one = prepare(hdaemon.store["c"].message)
    put_json("c", {"x": 2})
    two = prepare(hdaemon.store["c"].message, previous=one)
    assert one.layout == two.layout
    assert {key for key in two.versions if two.versions[key] != one.versions[key]} == {"detail/data", "detail/serial"}


def test_a_prepared_message_does_not_change() -> None:
    with pytest.raises(AttributeError):
        prepared(grid()).serial = 2  # type: ignore[misc]
    assert replace(prepared(grid()), serial=7).serial == 7
