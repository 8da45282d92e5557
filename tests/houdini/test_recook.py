"""Requests to cook: one a turn, only where there is something new, none while frozen or in manual mode, no loops."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable
from types import ModuleType

import pytest
from helpers import wait_until
from receiving import grid, put_mesh, put_text

import hdaemon
from hdaemon import houdini
from hdaemon.houdini import recook
from hdaemon.houdini.worker import worker
from hdaemon.server.thread import HPythonServer

StartServer = Callable[..., HPythonServer]


def receiver(scene: ModuleType, channel: str = "c", name: str | None = None):
    """A receiver that is displayed and has cooked."""
    node = houdini.create_receiver("/obj", channel, name)
    node.cook()
    return node


def asked(node) -> int:
    return node.parm(recook.REQUEST)._value


def test_only_nodes_whose_channel_has_something_new_are_asked(scene: ModuleType) -> None:
    one, two, other = receiver(scene), receiver(scene, "c", "two"), receiver(scene, "d")
    put_text("c", "new")
    assert recook.update() == 2
    assert [asked(node) for node in (one, two, other)] == [1, 1, 0]
    assert recook.update() == 0
    assert scene._draw() == 2
    assert recook.update() == 0
    assert recook.receivers() == {"/obj/c/c": "c", "/obj/two/two": "c", "/obj/d/d": "d"}


def test_messages_of_one_turn_are_one_request(scene: ModuleType) -> None:
    node = receiver(scene)
    for number in range(100):
        put_text("c", str(number))
    before = recook.requests()
    assert recook.update() == 1
    assert recook.requests() == before + 1
    scene._draw()
    assert node.geometry()._mesh.detail["data"].tolist() == ["99"]


def test_a_node_that_nobody_looks_at_does_not_cook(scene: ModuleType) -> None:
    node = receiver(scene)
    node.setDisplayFlag(False)
    put_text("c", "1")
    recook.update()
    assert scene._draw() == 0
    put_text("c", "2")
    recook.update()
    node.setDisplayFlag(True)
    assert scene._draw() == 1
    assert node.geometry()._mesh.detail["data"].tolist() == ["2"]


def test_a_request_is_no_step_of_undo(scene: ModuleType) -> None:
    receiver(scene)
    undone = list(scene._undone)
    put_text("c", "new")
    assert recook.update() == 1
    assert scene._undone == undone


def test_frozen_none_is_asked(scene: ModuleType) -> None:
    node = receiver(scene)
    node.parm("live").set(0)
    put_text("c", "new")
    assert recook.update() == 0
    assert asked(node) == 0
    node.parm("live").set(1)  # cooks by itself: the cook reads it
    assert scene._draw() == 1
    assert recook.update() == 0


def test_in_manual_mode_none_is_asked_and_it_says_so(scene: ModuleType) -> None:
    node = receiver(scene)
    receiver(scene, "d")
    assert houdini.blocked_reason() is None
    scene.setUpdateMode(scene.updateMode.Manual)
    put_text("c", "new")
    assert recook.update() == 0
    assert houdini.blocked_reason() == (
        "Houdini is in manual update mode: receivers do not cook until it is left, or an update is forced "
        "(1 of 2 have something new)"
    )
    assert asked(node) == 0
    scene.setUpdateMode(scene.updateMode.AutoUpdate)
    assert houdini.blocked_reason() is None
    scene._rest()  # nothing has to come to make up for it
    assert asked(node) == 1


def test_without_receivers_nothing_is_blocked(scene: ModuleType) -> None:
    scene.setUpdateMode(scene.updateMode.Manual)
    assert houdini.blocked_reason() is None


def test_none_is_asked_within_a_cook(scene: ModuleType) -> None:
    node = receiver(scene)
    put_text("c", "new")
    with recook.cooking():
        assert recook.update() == 0
    assert asked(node) == 0
    assert recook.update() == 1


def test_what_comes_while_a_node_cooks_is_cooked_next(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    put_mesh("c", grid())
    node = houdini.create_receiver("/obj", "c")
    load = node._geometry.load

    def slow_load(data: bytes) -> None:
        put_mesh("c", grid(4))
        scene._rest()  # Houdini's events may be delivered within a long cook
        load(data)

    with monkeypatch.context() as patch:
        patch.setattr(node._geometry, "load", slow_load)
        node.cook()
    assert asked(node) == 0
    scene._rest()
    assert scene._draw() == 1
    assert node.geometry()._mesh == grid(4)


# -- nodes that go and change -----------------------------------------------------------------------------


def test_a_deleted_node_is_forgotten(scene: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    node = receiver(scene)
    node.parent().destroy()
    put_text("c", "new")
    assert recook.update() == 0
    assert recook.receivers() == {}
    assert scene._idle == []  # with the last one, all that listened goes
    assert not caplog.records


def test_deleted_in_between_it_is_forgotten_too(scene: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    node = receiver(scene)
    node._deleted = True  # still found by its id, and gone when it is used
    put_text("c", "new")
    assert recook.update() == 0
    assert recook.receivers() == {}
    assert not caplog.records


def test_a_renamed_node_is_followed(scene: ModuleType) -> None:
    node = receiver(scene)
    node.setName("renamed")
    node.parent().setName("moved")
    put_text("c", "new")
    assert recook.update() == 1
    scene._draw()
    assert recook.receivers() == {"/obj/moved/renamed": "c"}


def test_a_node_that_became_another_is_forgotten(scene: ModuleType) -> None:
    node = receiver(scene)
    node.setParmTemplateGroup(scene.ParmTemplateGroup())
    put_text("c", "new")
    assert recook.update() == 0
    assert recook.receivers() == {}


def test_another_channel_is_listened_to(scene: ModuleType) -> None:
    node = receiver(scene)
    node.parm("channel").set("d")
    scene._draw()
    put_text("c", "old channel")
    assert recook.update() == 0
    put_text("d", "new channel")
    assert recook.update() == 1
    assert {key[0] for key in worker._state.slots} == {"d"}


def test_in_a_scene_opened_again_receivers_are_known_by_their_first_cook(scene: ModuleType) -> None:
    receiver(scene)
    scene._reopen()
    put_text("c", "new")
    assert recook.update() == 0  # those of the old scene are gone
    assert recook.receivers() == {}
    assert scene._draw() == 1
    put_text("c", "newer")
    assert recook.update() == 1
    assert scene._draw() == 1
    assert scene.node("/obj/c/c").geometry()._mesh.detail["data"].tolist() == ["newer"]


# -- what hou raises --------------------------------------------------------------------------------------


def test_what_hou_raises_is_one_line_and_no_loop(
    scene: ModuleType, start_server: StartServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server()
    one, two = receiver(scene), receiver(scene, "c", "two")

    tries: list[object] = []

    def locked(*values: object) -> None:
        tries.append(values)
        raise scene.OperationFailed("The parameter is locked")

    monkeypatch.setattr(one.parm(recook.REQUEST), "set", locked)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            put_text("c", str(number))
            assert recook.update() == 1  # the other one
            assert recook.update() == 0
    said = "/obj/c/c could not be asked to cook channel 'c': OperationFailed: The parameter is locked"
    assert [record.getMessage() for record in caplog.records] == [said]
    assert [row.text for row in server.log if row.event == "error"] == [said]
    assert (len(tries), asked(two)) == (3, 3)


def test_a_houdini_that_answers_nothing_is_one_line(
    scene: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver(scene)
    monkeypatch.delattr(scene, "updateModeSetting")
    put_text("c", "new")
    for _ in range(3):
        scene._rest()
    assert [record.getMessage() for record in caplog.records] == ["receivers cannot be asked to cook"]


# -- who calls it -----------------------------------------------------------------------------------------


def test_while_houdini_rests_what_became_ready_is_asked_for(scene: ModuleType) -> None:
    node = receiver(scene)
    serial = put_mesh("c", grid(100))
    wait_until(lambda: any(slot.ready and slot.ready.serial == serial for slot in worker._state.slots.values()))
    scene._rest()
    assert asked(node) == 1


def test_without_an_interface_it_is_called_by_hand(scene: ModuleType) -> None:
    scene._gui = False
    node = receiver(scene)
    put_mesh("c", grid(100))
    assert houdini.update() == 1
    assert node.needsToCook()
    assert node.geometry()._mesh == grid(100)


def test_stopping_forgets_all_and_a_cook_begins_anew(scene: ModuleType) -> None:
    node = receiver(scene)
    recook.stop()
    recook.stop()
    put_text("c", "new")
    assert recook.update() == 0
    assert scene._idle == []
    node.cook(force=True)
    put_text("c", "newer")
    assert recook.update() == 1


@pytest.mark.usefixtures("qapp")
class TestWithAServer:
    """A message by HTTP makes a node cook, in a turn of the main thread."""

    @pytest.fixture
    def server(self, scene: ModuleType, start_server: StartServer) -> HPythonServer:
        return start_server(mode="evaluate", store=hdaemon.store)

    def send(self, server: HPythonServer, channel: str, *payloads: bytes) -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        for payload in payloads:
            connection.request("PUT", f"/channels/{channel}", payload, {"Content-Type": "application/vnd.safetensors"})
            assert connection.getresponse().read()
        connection.close()

    def test_a_mesh_makes_its_receiver_cook(self, scene: ModuleType, server: HPythonServer) -> None:
        node, other = receiver(scene), receiver(scene, "d")
        self.send(server, "c", grid().to_safetensors())
        wait_until(lambda: asked(node) == 1)
        assert asked(other) == 0
        assert scene._draw() == 1
        assert node.geometry()._mesh == grid()

    def test_at_most_one_request_a_turn(self, scene: ModuleType, server: HPythonServer) -> None:
        node = receiver(scene)
        turns: list[int] = []
        before = recook.requests()
        server.received.connect(lambda: turns.append(recook.requests()))
        self.send(server, "c", *(grid(height=float(step)).to_safetensors() for step in range(60)))
        wait_until(lambda: scene._draw() and node.geometry()._mesh == grid(height=59.0))
        assert 0 < recook.requests() - before <= len(turns)

    def test_a_flood_of_lines_is_not_split_for_it(
        self, scene: ModuleType, server: HPythonServer, connect: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node = receiver(scene, "default")
        monkeypatch.setattr("hdaemon.blocks.LinesBlock.lines", None)
        connect(server).send(b"line\n" * 50_000 + b"last\n")
        wait_until(lambda: scene._draw() and node.geometry()._mesh.detail["data"].tolist() == ["last"])

    def test_a_server_started_later_is_heard_too(
        self, scene: ModuleType, server: HPythonServer, start_server: StartServer
    ) -> None:
        node = receiver(scene)
        self.send(server, "c", grid().to_safetensors())
        wait_until(lambda: asked(node) == 1)
        second = start_server(mode="evaluate", store=hdaemon.store)
        self.send(second, "c", grid(4).to_safetensors())
        wait_until(lambda: asked(node) == 2)
        recook.stop()
        self.send(second, "c", grid(5).to_safetensors())
        wait_until(lambda: second.messages_received == 2)
        assert asked(node) == 2
