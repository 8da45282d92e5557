"""Fixtures of the panel's tests: panels on a server of the test's own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hdaemon_panel import ServerPanel, create_panel
from qtpy import QtCore, QtWidgets, compat

import hdaemon


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
