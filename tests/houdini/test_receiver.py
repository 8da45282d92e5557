"""Making receivers: where, under which name, with which parameters; baking."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from receiving import grid, put_mesh, put_text

import hdaemon
from hdaemon import houdini
from hdaemon.errors import HdaemonError, UsageError
from hdaemon.houdini import receiver
from hdaemon.houdini.cook import BAKED, METRES


def make(scene: ModuleType, channel: str = "maya/body", **options: object):
    return houdini.create_receiver("/obj", channel, **options)


def test_in_a_network_of_objects_an_object_is_made_for_it(scene: ModuleType) -> None:
    node = houdini.create_receiver(scene.node("/obj"), "maya/body")
    assert node.path() == "/obj/maya_body/maya_body"
    assert scene.node("/obj/maya_body").displayNode() is node
    assert node.evalParm("channel") == "maya/body"
    assert node.evalParm("live") == 1
    assert (node.evalParm("units"), node.evalParm("upaxis")) == ("sender", "sender")


def test_in_a_network_of_sops_it_is_made_there(scene: ModuleType) -> None:
    geo = scene.node("/obj").createNode("geo", "set")
    other = geo.createNode("null", "other")
    other.setDisplayFlag(True)
    node = houdini.create_receiver("/obj/set", "maya/body", name="body in")
    assert node.path() == "/obj/set/body_in"
    assert geo.displayNode() is node


def test_one_step_of_undo(scene: ModuleType) -> None:
    make(scene)
    assert scene._undone == ["Receive maya/body"]


def test_again_is_the_same_node(scene: ModuleType) -> None:
    node = make(scene)
    assert make(scene) is node
    geo = node.parent()
    assert houdini.create_receiver(geo, "maya/body") is node
    assert len(scene.node("/obj").children()) == 1


def test_another_node_of_that_name_is_left_alone(scene: ModuleType) -> None:
    geo = scene.node("/obj").createNode("geo", "set")
    for kind in ("null", "python"):
        geo.createNode(kind, f"a_{kind}")
        made = houdini.create_receiver(geo, "c", name=f"a_{kind}")
        assert made.path() == f"/obj/set/a_{kind}1"
    first = houdini.create_receiver(geo, "one", name="same")
    second = houdini.create_receiver(geo, "two", name="same")
    assert (first.name(), second.name()) == ("same", "same1")


@pytest.mark.parametrize(
    ("channel", "name"),
    [("maya/body", "maya_body"), ("2nd/cam", "_2nd_cam"), ("Körper", "K_rper"), ("/", "receive"), ("a-b.c", "a_b_c")],
)
def test_names_are_made_of_channels(scene: ModuleType, channel: str, name: str) -> None:
    assert make(scene, channel).name() == name


def test_what_is_no_place_or_no_channel_says_so(scene: ModuleType) -> None:
    with pytest.raises(HdaemonError, match="there is no node '/obj/nothing': give a geometry object, or /obj"):
        houdini.create_receiver("/obj/nothing", "c")
    with pytest.raises(HdaemonError, match="holds neither SOPs nor objects"):
        houdini.create_receiver(make(scene), "c")
    with pytest.raises(UsageError, match="wildcard"):
        houdini.create_receiver("/obj", "maya/#")
    assert len(scene.node("/obj").children()) == 1


def test_the_parameters_of_the_node_come_after_ours(scene: ModuleType) -> None:
    folder, code = make(scene).parmTemplateGroup().entries()
    assert folder._options["folder_type"] is scene.folderType.Simple
    assert code.name() == "python"
    names = [parm.name() for parm in folder._parms()]
    assert names == ["channel", "live", "units", "upaxis", "bake", "clearbake", "baked", "hdaemon_request"]
    assert folder._parms()[-1]._options["is_hidden"]


def test_the_menus_have_what_a_cook_knows(scene: ModuleType) -> None:
    parms = {parm.name(): parm for parm in make(scene).parmTemplateGroup().entries()[0]._parms()}
    assert set(parms["units"]._options["menu_items"]) == {"sender", *METRES}
    assert len(parms["units"]._options["menu_labels"]) == len(METRES) + 1


def test_the_menu_of_channels_has_what_is_stored(scene: ModuleType) -> None:
    put_text("b", "x")
    put_text("a", "x")
    menu = make(scene).parmTemplateGroup().entries()[0]._parms()[0]
    assert menu._options["item_generator_script_language"] is scene.scriptLanguage.Python
    body = "\n    ".join(menu._options["item_generator_script"].splitlines())
    scope: dict = {}
    exec(f"def menu():\n    {body}", scope)
    assert scope["menu"]() == ["a", "a", "b", "b"]


def test_it_works_without_an_interface(scene: ModuleType) -> None:
    scene._gui = False
    put_mesh("c", grid())
    node = make(scene, "c")
    assert node.geometry()._mesh == grid()
    assert not scene._idle


# -- baking ---------------------------------------------------------------------------------------------


def test_what_is_baked_is_there_when_the_scene_is_opened_without_the_sender(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene, "c")
    node.parm("bake").pressButton()
    assert node.parm("baked").evalAsString().startswith("9 points, ")
    hdaemon.store.clear()
    scene._reopen()
    node = scene.node("/obj/c/c")
    assert node.geometry()._mesh == grid()
    assert (node.errors(), node.warnings()) == ((), ())
    put_mesh("c", grid(4))
    node.cook(force=True)
    assert node.geometry()._mesh == grid(4)  # what comes is newer


def test_what_is_baked_is_unpacked_once(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mesh("c", grid())
    make(scene, "c").parm("bake").pressButton()
    hdaemon.store.clear()
    scene._reopen()
    node = scene.node("/obj/c/c")
    node.cook()
    monkeypatch.setattr("zlib.decompress", None)
    node.cook(force=True)
    assert node.geometry()._mesh == grid()


def test_baked_again_it_shows_the_new_one(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene, "c")
    node.parm("bake").pressButton()
    put_mesh("c", grid(4))
    node.cook(force=True)
    node.parm("bake").pressButton()
    hdaemon.store.clear()
    node.cook(force=True)
    assert node.geometry()._mesh == grid(4)


def test_clearing_shows_at_once(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene, "c")
    node.parm("bake").pressButton()
    hdaemon.store.clear()
    node.cook(force=True)
    node.parm("clearbake").pressButton()
    assert node.userData(BAKED) is None
    assert node.parm("baked").evalAsString() == ""
    assert scene._draw() == 1
    assert node.geometry()._mesh is None
    assert "nothing is stored on channel 'c' yet" in node.warnings()[0]
    node.parm("clearbake").pressButton()


def test_clearing_leaves_what_came_from_the_channel(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = make(scene, "c")
    node.parm("bake").pressButton()
    node.parm("clearbake").pressButton()
    assert scene._draw() == 0
    assert node.geometry()._mesh == grid()


def test_a_receiver_with_an_error_is_not_baked(scene: ModuleType) -> None:
    node = make(scene, "c")
    node.parm("channel").set("no/#")
    node.parm("bake").pressButton()
    assert scene._messages == ["nothing was baked: /obj/c/c has no geometry now, see its error"]
    assert node.userData(BAKED) is None
    scene._gui = False
    with pytest.raises(HdaemonError, match="nothing was baked"):
        node.parm("bake").pressButton()


def test_too_much_for_a_scene_file_says_what_to_do(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_BAKED_BYTES", 500)
    put_mesh("c", grid(20, point={"r": np.random.default_rng(1).random(400)}))
    with pytest.raises(HdaemonError, match="over the limit of 500: write it to a file, with a File Cache"):
        receiver.bake(make(scene, "c"))


def test_a_broken_bake_says_what_to_press(scene: ModuleType) -> None:
    node = make(scene, "c")
    for text in ("no base64 \u00e4", "AAAA"):
        node.setUserData(BAKED, text)
        with pytest.raises(scene.OperationFailed, match=r"cannot be read .*: press Clear Bake"):
            node.cook(force=True)


# -- where hdaemon is not -------------------------------------------------------------------------------


def without_hdaemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hdaemon.houdini.cook", None)


def test_without_hdaemon_the_node_says_what_to_do(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make(scene, "c")
    without_hdaemon(monkeypatch)
    with pytest.raises(scene.OperationFailed, match=r"hdaemon cannot be imported \(.*\): run `hdaemon install`"):
        node.cook()


def test_without_hdaemon_what_was_baked_is_there(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mesh("c", grid())
    node = make(scene, "c")
    node.parm("bake").pressButton()
    without_hdaemon(monkeypatch)
    node.cook(force=True)
    assert node.geometry()._mesh == grid()
