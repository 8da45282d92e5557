"""The action "Receive in a SOP", in a Houdini for tests."""

from __future__ import annotations

import sys

import pytest
from hdaemon_panel import receive
from houdini.conftest import hou, scene  # noqa: F401 - fixtures
from qtpy import QtGui, QtWidgets

from hdaemon.errors import HdaemonError


def action(owner: QtWidgets.QWidget):
    (found,) = [each for each in owner.actions() if each.text() == "Receive in a SOP"]
    return found


def test_without_houdini_it_is_not_offered(browser, put, select_channel, detail, child):
    put("maya/body", b"1")
    select_channel("maya/body")
    assert not action(browser.channels.view).isVisible()
    assert not action(browser.log.view).isVisible()
    assert not child("receiveButton").isVisible()
    assert "hou" not in sys.modules


def test_a_node_is_made_for_the_selected_channel(scene, browser, put, select_channel, detail, child, qtbot):  # noqa: F811
    put("maya/body", b"1")
    select_channel("maya/body")
    button = child("receiveButton")
    assert button.isVisible()
    assert button.isEnabled()
    with qtbot.waitSignal(browser.said) as said:
        button.click()
    path = said.args[0].split()[0]
    assert said.args[0] == f"{path} receives maya/body"
    assert scene.node(path).evalParm("channel") == "maya/body"
    assert action(browser.channels.view).isVisible()
    with qtbot.waitSignal(browser.said) as said:
        action(browser.channels.view).trigger()
    assert said.args[0].endswith("receives maya/body")


def test_from_the_log(scene, browser, put, select_row, child, qtbot):  # noqa: F811
    put("pose", b"1")
    select_row("pose")
    for trigger in (action(browser.log.view).trigger, child("receiveButton").click):
        with qtbot.waitSignal(browser.said) as said:
            trigger()
        assert said.args[0].endswith(" receives pose")


def test_what_tells_of_the_server_has_no_channel(scene, browser, child, qtbot):  # noqa: F811
    browser.log.view.setCurrentIndex(browser.log.model.index(0, 0))
    qtbot.waitUntil(browser.detail.isVisible)
    assert not child("receiveButton").isEnabled()
    with qtbot.waitSignal(browser.said) as said:
        action(browser.log.view).trigger()
    assert "Nothing to receive" in said.args[0]


def test_why_there_is_no_node_is_told_in_the_panel(scene, panel, put, select_channel, child, monkeypatch):  # noqa: F811
    def refuse(channel: str) -> str:
        raise HdaemonError(f"no room for {channel}")

    monkeypatch.setattr(receive.houdini(), "receive_in_sop", refuse)
    put("maya/body", b"1")
    select_channel("maya/body")
    child("receiveButton").click()
    assert panel.totals.text() == "Not received: no room for maya/body"
    assert scene._messages == []  # no dialog


def test_manual_update_mode_is_told_quietly(scene, panel, browser, put, select_channel, child, qtbot, monkeypatch):  # noqa: F811
    line = child("blockedLabel")
    assert not line.isVisible()
    reason = ["Houdini is in manual update mode"]
    monkeypatch.setattr(receive.houdini(), "blocked_reason", lambda: reason[0])
    qtbot.waitUntil(line.isVisible)
    assert line.text() == reason[0]
    reason[0] = None
    qtbot.waitUntil(lambda: not line.isVisible())


@pytest.mark.parametrize("ground", ["#333333", "#eeeeee"])
def test_the_line_can_be_read_on_any_ground(qtbot, ground):
    parent = QtWidgets.QWidget()
    qtbot.addWidget(parent)
    line = receive.BlockedLine(parent)
    parent.setPalette(QtGui.QPalette(QtGui.QColor(ground), QtGui.QColor(ground)))
    role = QtGui.QPalette.ColorRole.WindowText
    assert abs(line.palette().color(role).lightnessF() - QtGui.QColor(ground).lightnessF()) > 0.2
