"""Fixtures of the panel's tests: panels on a server of the test's own name."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator

import pytest
from hdaemon_panel import ServerPanel, create_panel
from hdaemon_panel.browser import CHANNELS
from qtpy import QtCore, QtWidgets, compat

import hdaemon
from hdaemon import content


@pytest.fixture
def make_panel(qtbot, server_name: str, process_store) -> Iterator[Callable[[], ServerPanel]]:
    """Make panels of the test's server; each is shown, and destroyed at the end."""
    made = []

    def make() -> ServerPanel:
        panel = create_panel(server_name)
        made.append(panel)
        panel.bar.port.setValue(0)
        panel.resize(900, 700)
        panel.show()
        qtbot.waitExposed(panel)
        return panel

    yield make
    for panel in made:
        if compat.isalive(panel):
            panel.close()
            panel.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(None, int(QtCore.QEvent.Type.DeferredDelete))


@pytest.fixture
def panel(make_panel) -> ServerPanel:
    return make_panel()


@pytest.fixture
def running(panel, qtbot) -> hdaemon.HPythonServer:
    """The server of `panel`, started with its button."""
    panel.bar.button.click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    assert panel.link.server is not None
    return panel.link.server


@pytest.fixture
def child(panel):
    """Find a widget of `panel` by its object name."""

    def find(name: str) -> QtWidgets.QWidget:
        found = panel.findChild(QtWidgets.QWidget, name)
        assert found is not None, name
        return found

    return find


@pytest.fixture
def browser(panel, running):
    running.mode = "evaluate"
    return panel.browser


@pytest.fixture
def detail(browser):
    return browser.detail


@pytest.fixture
def put(running):
    """Publish: `put(channel, payload, content_type)`."""

    def publish(channel: str, payload: bytes, content_type: str = content.TEXT) -> None:
        connection = http.client.HTTPConnection(running.host, running.port, timeout=10)
        connection.request("PUT", f"/channels/{channel}", payload, {"Content-Type": content_type})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200

    return publish


@pytest.fixture
def select_row(browser, qtbot):
    """Select the newest row of a channel in the log, and wait for its details."""

    def select(channel: str) -> None:
        def row() -> int:
            model = browser.log.model
            rows = [i for i in range(model.rowCount()) if model.row_at(i).channel == channel]
            return rows[-1] if rows else -1

        qtbot.waitUntil(lambda: row() >= 0)
        browser.log.view.setCurrentIndex(browser.log.model.index(row(), 0))
        qtbot.waitUntil(lambda: browser.detail.isVisible() and browser.detail.header.title.text() == channel)
        qtbot.waitUntil(lambda: not browser.detail._worker.busy)

    return select


@pytest.fixture
def select_channel(browser, qtbot):
    """Select a channel on its page, and wait for its details."""

    def select(channel: str) -> None:
        browser.switch.parts[CHANNELS].click()
        qtbot.waitUntil(lambda: browser.channels.model.row_of(channel) >= 0)
        row = browser.channels.model.row_of(channel)
        browser.channels.view.setCurrentIndex(browser.channels.model.index(row, 0))
        qtbot.waitUntil(lambda: browser.detail.isVisible() and browser.detail.header.title.text() == channel)
        qtbot.waitUntil(lambda: not browser.detail._worker.busy)

    return select
