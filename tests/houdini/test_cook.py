"""Cooks of receivers, run as Houdini runs them: what is done for each message, and what is shown when there is none."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from receiving import grid, put, put_array, put_mesh, put_text

import hdaemon
from hdaemon import content, houdini
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh
from hdaemon.houdini import recook
from hdaemon.houdini.cook import shown_by
from hdaemon.houdini.worker import worker


def make(scene: ModuleType, channel: str = "c"):
    return houdini.create_receiver("/obj", channel)


def calls(node) -> list[str]:
    """Return what the last cook did to the geometry."""
    return list(node._geometry._calls)


@pytest.fixture(params=[False, True], ids=["empty at each cook", "kept between cooks"])
def keeps(request: pytest.FixtureRequest, scene: ModuleType) -> bool:
    """Both things that Houdini may do with the geometry between two cooks."""
    scene._keeps_geometry = request.param
    return request.param


def test_a_mesh_arrives(scene: ModuleType, keeps: bool) -> None:
    put_mesh("c", grid(winding="counterclockwise", metres_per_unit=0.01))
    node = make(scene)
    node.cook()
    assert node.geometry()._mesh == grid(winding="counterclockwise", metres_per_unit=0.01).converted()
    assert calls(node) == ["clear", "load"]


def test_nothing_new_nothing_done(scene: ModuleType, keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    monkeypatch.setattr("hdaemon.houdini.worker.prepare", None)  # nothing is prepared a second time, in any case
    node.cook(force=True)
    assert calls(node) == ([] if keeps else ["clear", "load"])
    assert shown_by(node).done == ("nothing" if keeps else "loaded")
    assert worker.compare is keeps
    assert node.geometry()._mesh == grid()


def test_only_what_changed_is_set(scene: ModuleType, keeps: bool) -> None:
    def wavy(height: float, frame: int) -> Mesh:
        return grid(
            height=height,
            vertex={"uv": np.full((16, 2), height, "f8")},
            prim={"area": np.full(4, height, "f2"), "id": np.arange(4) + frame, "small": np.arange(4, dtype="i4")},
            detail={"frame": np.array([frame], "i4"), "shot": f"sq{frame}", "range": np.array([0.0, frame])},
        )

    put_mesh("c", wavy(0.0, 1))
    node = make(scene)
    node.cook()
    put_mesh("c", wavy(2.0, 2))
    node.cook(force=True)
    changed = ["point/P", "vertex/uv", "prim/area", "prim/id", "detail/frame", "detail/shot", "detail/range"]
    assert calls(node) == (changed if keeps else ["clear", "load"])
    assert node.geometry()._mesh == wavy(2.0, 2)


def test_another_topology_is_loaded(scene: ModuleType, keeps: bool) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    for other in (grid(4), Mesh(np.zeros((9, 3), "f4")), grid(prim={"name": ["other"] * 4})):
        put_mesh("c", other)
        node.cook(force=True)
        assert calls(node) == ["clear", "load"]
        assert node.geometry()._mesh == other


def test_many_messages_in_any_order_end_as_the_last_one(scene: ModuleType, keeps: bool) -> None:
    node = make(scene)
    for step in range(12):
        sent = grid(3 + (step // 4), height=float(step))
        put_mesh("c", sent)
        if step % 5 != 3:
            node.cook(force=True)
            assert node.geometry()._mesh == sent
    assert node._cook_count == 10


def test_with_an_input_it_begins_with_a_copy_of_that(scene: ModuleType, keeps: bool) -> None:
    """SideFX copies the first input: it may look like what was shown, and is not."""
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    other = node.parent().createNode("null", "other")
    other._dirty, other._geometry._mesh = False, grid(height=9.0)
    node.setInput(0, other)
    node.cook(force=True)
    assert calls(node) == ["clear", "load"]
    assert node.geometry()._mesh == grid()


def test_points_that_something_else_removed_come_again(scene: ModuleType) -> None:
    scene._keeps_geometry = True
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    for mesh in (None, grid(4), grid(detail={})):
        node._geometry._mesh = mesh
        node.cook(force=True)
        assert node.geometry()._mesh == grid()


def test_a_houdini_that_counts_by_another_name_loads_each_time(scene: ModuleType) -> None:
    scene._keeps_geometry = True
    scene._unknown_intrinsics.add("primitivecount")
    put_mesh("c", grid())
    node = make(scene)
    for _ in range(2):
        node.cook(force=True)
        assert calls(node) == ["clear", "load"]


@pytest.mark.parametrize("text", ["first", ""])
def test_text_comes_as_attributes(scene: ModuleType, keeps: bool, text: str) -> None:
    put_text("c", text)
    node = make(scene)
    node.cook()
    serial = put_text("c", "second")
    node.cook(force=True)
    assert calls(node) == (["detail/data", "detail/serial"] if keeps else ["clear", "load"])
    detail = node.geometry()._mesh.detail
    assert {name: value.tolist() for name, value in detail.items()} == {
        "data": ["second"],
        "serial": [serial],
        "channel": ["c"],
        "content_type": ["text/plain"],
    }


def test_units_and_axes_are_the_artist_s(scene: ModuleType, keeps: bool) -> None:
    put_array("c", np.array([[100, 200, 300]], "f4"))
    node = make(scene)
    node.cook()
    node.setParms({"units": "centimetre", "upaxis": "z"})
    assert scene._draw() == 1
    assert node.geometry()._mesh.points.tolist() == [[1, 3, -2]]
    node.setParms({"units": "inch", "upaxis": "y"})
    scene._draw()
    assert node.geometry()._mesh.points[0] == pytest.approx([2.54, 5.08, 7.62])


def test_another_channel_is_taken_at_once(scene: ModuleType, keeps: bool) -> None:
    put_mesh("c", grid())
    put_mesh("d", grid(4))
    node = make(scene)
    node.cook()
    node.parm("channel").set(" d ")
    scene._draw()
    assert node.geometry()._mesh == grid(4)


def test_two_nodes_of_a_channel_share_the_work(scene: ModuleType) -> None:
    one, two = make(scene), houdini.create_receiver("/obj", "c", name="two")
    put_mesh("c", grid())
    one.cook()
    two.cook()
    assert shown_by(one).prepared is shown_by(two).prepared


def test_the_store_is_asked_and_not_changed(scene: ModuleType) -> None:
    serial = put_mesh("c", grid())
    make(scene).cook()
    assert hdaemon.store["c"].message.serial == serial == hdaemon.store.serial


# -- nothing there, and what is no geometry -------------------------------------------------------------


def test_nothing_yet_is_a_warning_and_empty(scene: ModuleType, keeps: bool) -> None:
    node = make(scene, "maya/body")
    node.cook()  # no error: what follows the node cooks all the same
    assert node.geometry()._mesh is None
    (warning,) = node.warnings()
    assert warning.startswith("nothing is stored on channel 'maya/body' yet: send to it in evaluate mode")


@pytest.mark.parametrize(
    ("content_type", "payload", "said"),
    [
        ("image/png", b"\x89PNG", "channel 'c': image/png of 4 bytes is no geometry"),
        (content.SAFETENSORS, b"short", "channel 'c': not safetensors"),
        (content.BGEO, b"scf1", "channel 'c': not taken as bgeo: it is compressed by Blosc"),
    ],
)
def test_what_is_no_geometry_is_an_error_of_the_node(
    scene: ModuleType, keeps: bool, content_type: str, payload: bytes, said: str
) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    put("c", content_type, payload)
    with pytest.raises(scene.OperationFailed, match=said):
        node.cook(force=True)
    assert node._geometry._mesh is None
    put_mesh("c", grid(4))
    node.cook(force=True)
    assert node.geometry()._mesh == grid(4)


def test_an_error_goes_when_the_next_message_is_good(scene: ModuleType) -> None:
    put("c", "image/png", b"\x89PNG")
    node = make(scene)
    with pytest.raises(scene.OperationFailed):
        node.cook()
    assert recook.update() == 0  # the same message is not cooked again and again
    put_mesh("c", grid())
    assert recook.update() == 1
    scene._draw()
    assert node.errors() == ()


def test_a_channel_that_cannot_be_says_so(scene: ModuleType) -> None:
    node = make(scene)
    node.parm("channel").set("maya/#")
    with pytest.raises(scene.OperationFailed, match="parameter channel: '#' in channel name 'maya/#' is a wildcard"):
        node.cook(force=True)


def test_what_houdini_refuses_names_the_channel(scene: ModuleType, keeps: bool) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node._geometry._refuses = "Unable to load"
    with pytest.raises(scene.OperationFailed, match="channel 'c': Houdini does not take this geometry: Unable to load"):
        node.cook()
    node._geometry._refuses = ""
    node.cook(force=True)
    assert node.geometry()._mesh == grid()


def test_what_was_left_out_is_said_on_the_node(scene: ModuleType) -> None:
    put_mesh("c", grid(notes=("2 NURBS surfaces were left out",)))
    node = make(scene)
    node.cook()
    assert node.messages() == ("2 NURBS surfaces were left out",)
    put_mesh("c", grid())
    node.cook(force=True)
    assert node.messages() == ()


def test_houdini_s_own_bytes_are_loaded_as_they_came(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bgeo.write(grid())
    put("c", content.BGEO, data)
    node = make(scene)
    loaded: list[bytes] = []
    monkeypatch.setattr(node._geometry, "load", loaded.append)
    node.cook()
    assert loaded == [data]


# -- frozen ---------------------------------------------------------------------------------------------


def test_frozen_it_keeps_what_it_shows(scene: ModuleType, keeps: bool) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    node.parm("live").set(0)
    put_mesh("c", grid(4))
    for _ in range(2):
        node.cook(force=True)
        assert node.geometry()._mesh == grid()
    node.parm("channel").set("d")
    node.cook(force=True)
    assert node.geometry()._mesh == grid()
    node.setParms({"channel": "c", "live": 1})
    scene._draw()
    assert node.geometry()._mesh == grid(4)


def test_frozen_with_nothing_to_show_says_what_to_do(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.parm("live").set(0)
    node.cook()
    assert node.geometry()._mesh is None
    (warning,) = node.warnings()
    assert warning.startswith("frozen, and nothing of channel 'c' is baked into this node: switch Live on")


def test_frozen_in_a_scene_opened_again_it_shows_what_was_baked(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene)
    node.cook()
    node.parm("bake").pressButton()
    node.parm("live").set(0)
    put_mesh("c", grid(4))
    scene._reopen()
    node = scene.node("/obj/c/c")
    assert node.geometry()._mesh == grid()
    node.parm("live").set(1)
    scene._draw()
    assert node.geometry()._mesh == grid(4)
    node.parm("live").set(0)
    node.cook(force=True)
    assert node.geometry()._mesh == grid(4)
