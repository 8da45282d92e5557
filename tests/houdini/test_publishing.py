"""Geometry out of Houdini: what other programs read is what the node has."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from types import ModuleType

import pytest
from helpers import wait_until
from receiving import grid, put_mesh

import hdaemon
from hdaemon import houdini
from hdaemon.content import bgeo
from hdaemon.errors import HdaemonError, UsageError
from hdaemon.server.thread import HPythonServer


def geometry(scene: ModuleType):
    made = scene.Geometry()
    made.load(bgeo.write(grid()))
    return made


def test_geometry_is_stored_as_houdini_s_bytes(scene: ModuleType) -> None:
    serial = houdini.publish(geometry(scene), "out/set")
    message = hdaemon.store["out/set"].message
    assert (message.serial, message.content_type, message.client) == (
        serial,
        "application/x-houdini-bgeo",
        "this session",
    )
    assert message.data == grid()


def test_nodes_objects_and_paths_are_taken(scene: ModuleType) -> None:
    put_mesh("c", grid())
    node = houdini.create_receiver("/obj", "c")
    for given in (node, node.parent(), node.path(), "/obj/c"):
        serial = houdini.publish(given, "out")
        assert hdaemon.store["out"].message.serial == serial
        assert hdaemon.store["out"].data == grid()


def test_what_has_no_geometry_says_so(scene: ModuleType) -> None:
    scene.node("/obj").createNode("geo", "empty")
    broken = houdini.create_receiver("/obj", "c")
    broken.parm("channel").set("#")
    for given, said in (
        ("/obj/nothing", "there is no node '/obj/nothing'"),
        ("/obj/empty", "/obj/empty displays no SOP"),
        ("/obj", "/obj is no SOP and no object"),
        (broken, "/obj/c/c has no geometry: it does not cook"),
    ):
        with pytest.raises(HdaemonError, match=said):
            houdini.publish(given, "out")
    with pytest.raises(UsageError, match="wildcard"):
        houdini.publish(geometry(scene), "out/+")
    assert hdaemon.store.get("out") is None


def test_a_receiver_in_the_same_session_shows_it(scene: ModuleType) -> None:
    node = houdini.create_receiver("/obj", "out")
    node.cook()
    houdini.publish(geometry(scene), "out")
    assert scene._draw() == 1
    assert node.geometry()._mesh == grid()


@pytest.mark.usefixtures("qapp")
def test_other_programs_read_it_equal(scene: ModuleType, start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(store=hdaemon.store)  # in print mode: what the session gives is stored all the same
    node = houdini.create_receiver("/obj", "out")
    node.cook()
    serial = houdini.publish(geometry(scene), "out")
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.request("GET", "/channels/out")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-houdini-bgeo")
    assert answer.headers["ETag"] == f'"{serial}"'
    assert bgeo.read(answer.read()) == grid()
    connection.close()
    assert [row.client for row in server.log if row.serial == serial] == ["this session"]
    wait_until(lambda: scene._draw() == 1)
    assert node.geometry()._mesh == grid()


def test_a_server_with_a_store_of_its_own_is_left_alone(
    scene: ModuleType, start_server: Callable[..., HPythonServer], store: hdaemon.Store
) -> None:
    start_server()
    houdini.publish(geometry(scene), "out")
    assert "out" in hdaemon.store
    assert "out" not in store


def test_round_trip(scene: ModuleType) -> None:
    """Out of one node, into another."""
    put_mesh("in", grid(20))
    first = houdini.create_receiver("/obj", "in")
    houdini.publish(first, "out")
    second = houdini.create_receiver("/obj", "out")
    assert second.geometry()._mesh == first.geometry()._mesh == grid(20)
