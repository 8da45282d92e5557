"""The pages and the details beside them, driven as an artist does, on a real server."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hdaemon_panel.browser import CHANNELS, LOG, Browser
from hdaemon_panel.link import ServerLink
from helpers import RawClient
from panel_values import cells, clipboard, npy
from qtpy import QtCore, QtWidgets

from hdaemon import content

KEY = QtCore.Qt.Key


# -- pages ----------------------------------------------------------------------------------------------------


def test_pages(browser, put, qtbot, child):
    put("rig/camera", b"1")
    assert browser.page == LOG
    child("channelsPageButton").click()
    assert browser.channels.view.isVisible()
    assert browser.channels.tools.isVisible()
    assert not browser.log.view.isVisible()
    qtbot.waitUntil(lambda: browser.channels.model.row_of("rig/camera") == 1)
    child("logPageButton").click()
    assert browser.log.view.isVisible()


def test_values_and_rates_follow(browser, put, qtbot):
    browser.show_page(CHANNELS)
    put("a", b"one")
    model = browser.channels.model
    qtbot.waitUntil(lambda: cells(model)[:1] != [] and cells(model)[0][1] == "one")
    put("a", b"two")
    qtbot.waitUntil(lambda: cells(model)[0][1] == "two")
    assert cells(model)[0][4] != "0/s"


def test_a_page_that_is_not_shown_costs_nothing(browser, put, running, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(browser._link, "channel_names", lambda: asked.append(1) or [])
    put("a", b"1")
    with qtbot.waitSignal(running.received):
        put("a", b"2")
    browser.tick()
    assert asked == []
    browser.show_page(CHANNELS)
    end = browser.log.model.end
    put("a", b"3")
    browser.sync()
    assert browser.log.model.end == end
    browser.show_page(LOG)
    assert browser.log.model.end > end


def test_page_details_and_their_room_are_remembered(make_panel, qtbot):
    panel = make_panel()
    panel.browser.switch.parts[CHANNELS].click()
    panel.browser.details.click()
    again = make_panel()
    assert again.browser.page == CHANNELS
    assert not again.browser.details.isChecked()
    assert again.browser.switch.index == CHANNELS


def test_filtering_channels(browser, put, qtbot, child):
    browser.show_page(CHANNELS)
    for name in ("rig/camera", "rig/light", "sim"):
        put(name, b"1")
    qtbot.waitUntil(lambda: browser.channels.model.channel_count == 3)
    child("channelFilterEdit").setText("light")
    qtbot.waitUntil(lambda: [line.path for line in browser.channels.model.rows] == ["rig", "rig/light"])
    child("channelFilterEdit").setText("none")
    qtbot.waitUntil(lambda: browser.channels.model.rowCount() == 0)
    browser.sync_empty()
    assert "none" in browser.channels.view._hint
    assert not child("snippetLabel").isVisible()


def test_copying_a_channels_name(browser, put, qtbot, select_channel):
    put("rig/camera", b"1")
    with qtbot.waitSignal(browser.said) as said:
        browser.channels.copy_name()
    assert "Nothing is selected" in said.args[0]
    select_channel("rig/camera")
    browser.channels.copy.click()
    assert clipboard() == "rig/camera"


# -- opening and closing --------------------------------------------------------------------------------------


def test_details_open_with_a_selection_and_close_by_escape(browser, put, select_row, detail, qtbot, child):
    put("a", b"1")
    assert not detail.isVisible()
    select_row("a")
    view = browser.log.view
    browser.window().activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    qtbot.keyClick(view, KEY.Key_Escape)
    assert not detail.isVisible()
    assert detail.message is None
    assert not child("detailsButton").isChecked()
    qtbot.keyClick(view, KEY.Key_Return)
    assert detail.isVisible()
    child("closeDetailsButton").click()
    assert not detail.isVisible()
    child("detailsButton").click()
    assert detail.isVisible()
    view.selectAll()
    qtbot.waitUntil(lambda: not detail.isVisible())


def test_asking_for_details_of_nothing_says_so(browser, qtbot):
    browser.close_details()
    with qtbot.waitSignal(browser.said) as said:
        browser.open_details()
    assert "Select a row" in said.args[0]


def test_the_selected_row_stays_in_sight(browser, put, running, select_row, qtbot):
    RawClient(running.host, running.port).send_and_close(b"".join(b"line %d\n" % i for i in range(100)))
    qtbot.waitUntil(lambda: running.messages_received == 100 and not running.clients)
    put("last", b"1")
    select_row("last")
    view = browser.log.view
    qtbot.waitUntil(lambda: view.currentIndex().row() in view.visible_rows()[:-1])


@pytest.mark.parametrize(("width", "beside"), [(420, False), (900, False), (1500, True)])
def test_details_are_beside_in_a_wide_pane_and_below_in_a_narrow_one(panel, put, select_row, detail, width, beside):
    put("a", b"1")
    select_row("a")
    panel.resize(width, 700)
    QtCore.QCoreApplication.processEvents()
    assert panel.width() == width
    place = detail.mapTo(panel, QtCore.QPoint(0, 0))
    assert (place.x() > width // 2) == beside


def test_dragging_the_splitter_is_remembered(panel, put, select_row, make_panel):
    put("a", b"1")
    select_row("a")
    sizes = panel.browser._splitter.sizes()
    panel.browser._splitter.moveSplitter(sum(sizes) // 4, 1)
    again = make_panel()
    assert 0.6 < again.browser._state.share_below < 0.85


# -- snippets -------------------------------------------------------------------------------------------------


def test_snippets_of_a_row_a_channel_and_of_what_is_shown(browser, put, select_row, select_channel, running, qtbot):
    put("rig/camera", b'{"x": 1}', content.JSON)
    select_row("rig/camera")
    owners = (browser.log.view, browser.detail, browser.channels.view)
    for owner in owners:
        if owner is browser.channels.view:
            select_channel("rig/camera")
        actions = {action.text(): action for action in owner.actions()}
        actions["Copy as curl"].trigger()
        assert f"http://127.0.0.1:{running.port}/channels/rig/camera" in clipboard()
        assert clipboard().endswith("--data-raw '{\"x\": 1}'")
        actions["Copy as Python"].trigger()
        assert f'Client("127.0.0.1", {running.port})' in clipboard()


def test_a_snippet_of_nothing_says_so(browser, qtbot):
    actions = {action.text(): action for action in browser.log.view.actions()}
    with qtbot.waitSignal(browser.said) as said:
        actions["Copy as curl"].trigger()
    assert "Nothing to send" in said.args[0]


def test_a_snippet_that_needs_a_file_says_which(browser, put, select_row, qtbot):
    put("kinect/depth", npy(np.arange(3)), content.NPY)
    select_row("kinect/depth")
    actions = {action.text(): action for action in browser.log.view.actions()}
    with qtbot.waitSignal(browser.said) as said:
        actions["Copy as curl"].trigger()
    assert "save the payload as depth.npy" in said.args[0]
    assert clipboard().endswith("--data-binary @depth.npy")


@pytest.mark.parametrize("page", [LOG, CHANNELS])
def test_an_empty_page_says_what_to_send(panel, running, page, put, qtbot):
    running.log.clear()
    browser = panel.browser
    browser.show_page(page)
    panel.sync()
    empty = (browser._log_empty, browser._channels_empty)[page]
    assert empty.isVisible()
    assert f"http://127.0.0.1:{running.port}/channels/default" in empty.code.text()
    button = empty.findChild(QtWidgets.QPushButton, "copyCurlButton")
    button.click()
    assert clipboard() == empty.code.text()
    put("a", b"1")
    qtbot.waitUntil(lambda: not empty.isVisible())


def test_it_is_let_go_with_its_last_reference(qtbot, server_name):
    """Left to the garbage collector, a widget could be destroyed on a server's thread."""
    link = ServerLink(server_name)
    browser = Browser(link)
    gone = weakref.ref(browser)
    gc.disable()
    try:
        del browser
        assert gone() is None
    finally:
        gc.enable()
