"""Cooks of receivers when messages are large: the worker prepares them, and the cook takes what is ready."""

from __future__ import annotations

from types import ModuleType

import pytest
from helpers import wait_until
from receiving import grid, put_mesh

import hdaemon
from hdaemon import houdini
from hdaemon.blocks import LinesBlock
from hdaemon.houdini import cook as module
from hdaemon.houdini import recook
from hdaemon.houdini.worker import worker

LARGE = 100
KEY = ("c", module.Conventions())


def test_a_large_message_is_not_prepared_in_the_cook(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)
    monkeypatch.setattr("hdaemon.houdini.worker.prepare", None)
    assert recook.update() == 1
    assert scene._draw() == 1
    assert node.geometry()._mesh == grid(LARGE)


def test_one_that_is_not_ready_is_prepared_in_a_cook_that_is_forced(
    scene: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    monkeypatch.setattr(worker, "ready", lambda _: None)  # the thread does not get its turn
    put_mesh("c", grid(LARGE))
    assert recook.update() == 0
    node.cook(force=True)
    assert node.geometry()._mesh == grid(LARGE)


def test_with_an_interface_the_newest_that_is_ready_is_shown(
    scene: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_mesh("c", grid())
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)
    ready = worker.ready(KEY)
    monkeypatch.setattr(worker, "ready", lambda _: ready)
    put_mesh("c", grid(LARGE + 1))  # comes before the one before it is cooked
    assert recook.update() == 1
    scene._draw()
    assert node.geometry()._mesh == grid(LARGE)


def test_without_one_a_cook_shows_the_newest(scene: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    scene._gui = False
    put_mesh("c", grid())
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)
    ready = worker.ready(KEY)
    monkeypatch.setattr(worker, "ready", lambda _: ready)
    put_mesh("c", grid(LARGE + 1))
    node.cook(force=True)
    assert node.geometry()._mesh == grid(LARGE + 1)


def test_what_a_small_message_replaces_is_not_shown_again(scene: ModuleType) -> None:
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)
    put_mesh("c", grid())  # not prepared by the worker
    assert recook.update() == 1
    scene._draw()
    assert node.geometry()._mesh == grid()


def test_a_large_message_that_was_there_before_is_prepared_in_the_first_cook(scene: ModuleType) -> None:
    put_mesh("c", grid(LARGE))
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    assert node.geometry()._mesh == grid(LARGE)
    assert recook.update() == 0


def test_a_large_line_of_text_arrives_too(scene: ModuleType) -> None:
    node = houdini.create_receiver("/obj", "c")
    node.cook()
    line = b"x" * 300_000 + b"\n"  # lines are not prepared by the worker, however long
    hdaemon.store.put(LinesBlock(1.0, hdaemon.store.take_serials(), "c", line, 1, "client-1", "evaluate"))
    assert recook.update() == 1
    scene._draw()
    assert len(node.geometry()._mesh.detail["data"][0]) == 300_000
