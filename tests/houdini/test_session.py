"""hou.session.dataobject: there at once, there again after File > New and Open, and never a reason to fail."""

from __future__ import annotations

import logging
import sys
from types import ModuleType

import pytest

import hdaemon
from hdaemon.houdini import session


def test_attach_places_the_store(hou: ModuleType) -> None:
    assert not session.attached()
    assert session.attach()
    assert hou.session.dataobject is hdaemon.store
    assert session.attached()


def test_attaching_twice_registers_one_callback(hou: ModuleType) -> None:
    session.attach()
    session.attach()
    assert len(hou.hipFile.eventCallbacks()) == 1


@pytest.mark.parametrize(
    "events",
    [
        ("BeforeClear", "AfterClear"),  # File > New
        ("BeforeLoad", "BeforeClear", "AfterClear", "AfterLoad"),  # File > Open
    ],
)
def test_the_store_is_there_after_a_new_scene(hou: ModuleType, events: tuple[str, ...]) -> None:
    session.attach()
    hou._new_scene(*events)
    assert hou.session.dataobject is hdaemon.store


def test_after_load_alone_places_it_too(hou: ModuleType) -> None:
    session.attach()
    hou.session.dataobject = "what the hip file's own session module set"
    hou._new_scene("AfterLoad")
    assert hou.session.dataobject is hdaemon.store


def test_saving_does_not_touch_it(hou: ModuleType) -> None:
    session.attach()
    hou.session.dataobject = "the user's own"
    hou._new_scene("AfterSave")
    assert hou.session.dataobject == "the user's own"


def test_detach_undoes_attach(hou: ModuleType) -> None:
    session.attach()
    session.detach()
    assert not hasattr(hou.session, "dataobject")
    assert hou.hipFile.eventCallbacks() == ()
    session.detach()


def test_detach_leaves_what_is_not_the_store(hou: ModuleType) -> None:
    session.attach()
    hou.session.dataobject = "the user's own"
    session.detach()
    assert hou.session.dataobject == "the user's own"


def test_a_session_without_scene_events_still_has_the_store(hou: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    del hou.hipFile
    with caplog.at_level(logging.WARNING):
        assert session.attach()
    assert hou.session.dataobject is hdaemon.store
    assert "will not outlive File > New" in caplog.text


def test_a_session_without_hou_session_is_told(hou: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    del hou.session
    with caplog.at_level(logging.WARNING):
        assert not session.attach()
    assert "hdaemon.latest()" in caplog.text
    assert not session.attached()
    session.detach()


def test_without_hou_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hou", None)
    assert not session.attach()
    assert not session.attached()
    session.detach()


def test_starting_a_server_attaches(hou: ModuleType, server_name: str, process_store: hdaemon.Store) -> None:
    hdaemon.start(server_name, port=0)
    assert hou.session.dataobject is process_store
