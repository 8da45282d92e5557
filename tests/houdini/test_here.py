"""Receiving where the artist is: the panel's button and the shelf's tool."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from helpers import wait_until
from receiving import put_text

from hdaemon import houdini
from hdaemon.errors import HdaemonError
from hdaemon.houdini import here
from hdaemon.server.thread import HPythonServer


def open_network(scene: ModuleType, path: str) -> None:
    scene._editor = scene.NetworkEditor()
    scene._editor._network = scene.node(path)


def test_without_an_open_network_it_is_made_in_obj(scene: ModuleType) -> None:
    assert houdini.receive_in_sop("maya/body") == "/obj/maya_body/maya_body"
    assert scene.node("/obj/maya_body/maya_body").isCurrent()
    assert houdini.receive_in_sop("maya/body") == "/obj/maya_body/maya_body"


def test_it_is_made_in_the_network_that_is_open(scene: ModuleType) -> None:
    scene.node("/obj").createNode("geo", "set")
    open_network(scene, "/obj/set")
    assert houdini.receive_in_sop("c") == "/obj/set/c"
    open_network(scene, "/obj")
    assert houdini.receive_in_sop("d") == "/obj/d/d"
    open_network(scene, "/")
    assert houdini.receive_in_sop("e") == "/obj/e/e"
    scene._gui = False
    assert houdini.receive_in_sop("f") == "/obj/f/f"


def test_in_another_program_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hou", None)
    assert not houdini.available()
    with pytest.raises(HdaemonError, match="a node is made in Houdini only"):
        houdini.receive_in_sop("c")


def test_in_houdini_it_is_available(scene: ModuleType) -> None:
    assert houdini.available()


def test_what_houdini_refuses_is_told(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:
        raise scene.OperationFailed("inside a locked asset")

    monkeypatch.setattr(scene.node("/obj"), "createNode", locked)
    with pytest.raises(HdaemonError, match="Houdini made no receiver of channel 'c': inside a locked asset"):
        houdini.receive_in_sop("c")


def test_the_tool_offers_the_channels_that_are_known(
    scene: ModuleType, start_server: Callable[..., HPythonServer], connect: Callable
) -> None:
    server = start_server(mode="evaluate")  # with a store of its own: the process's has nothing of it
    connect(server).send(b"hello\n")
    wait_until(lambda: server.messages_received == 1)
    put_text("stored", "x")
    assert here.known_channels() == ["default", "stored"]
    scene._answers = [(1,), ()]
    assert here.receive_asked() == "/obj/stored/stored"
    assert here.receive_asked() is None  # cancelled
    assert scene._messages == ["default|stored"] * 2


def test_the_tool_asks_when_nothing_has_come(scene: ModuleType) -> None:
    scene._answers = [(0, " maya/body "), (1, "c"), (0, " ")]
    assert here.receive_asked() == "/obj/maya_body/maya_body"
    assert here.receive_asked() is None
    assert here.receive_asked() is None


def test_the_tool_tells_what_is_wrong(scene: ModuleType) -> None:
    scene._answers = [(0, "maya/#")]
    assert here.receive_asked() is None
    assert "'#' in channel name 'maya/#' is a wildcard" in scene._messages[-1]
