"""Opening the panel: the one that is open, else a new window."""

from __future__ import annotations

from types import ModuleType

import pytest

from hdaemon.errors import HdaemonError
from hdaemon.houdini import pane


@pytest.fixture
def installed(hou: ModuleType) -> ModuleType:
    for name in ("hdaemon", "other"):
        hou._interfaces[name] = hou.PythonPanelInterface(name)
    return hou


def test_a_new_window_is_made_once(installed: ModuleType) -> None:
    first = pane.open_panel()
    assert first.activeInterface().name() == "hdaemon"
    assert installed._windows == [{"size": (1800, 1200), "immediate": True}]  # scaled for the display
    assert pane.open_panel() is first
    assert first._current
    assert len(installed._windows) == 1


def test_other_panes_are_left_alone(installed: ModuleType) -> None:
    other, empty = installed.PythonPanel(), installed.PythonPanel()
    other._interface = installed._interfaces["other"]
    installed._tabs += [installed.PaneTab(), other, empty]
    opened = pane.open_panel()
    assert opened not in (other, empty)
    assert not any(tab._current for tab in (other, empty))


def test_a_panel_that_is_not_installed_says_what_to_do(hou: ModuleType) -> None:
    with pytest.raises(HdaemonError, match="hdaemon install"):
        pane.open_panel()


def test_without_an_interface_it_says_what_to_do(installed: ModuleType) -> None:
    installed._gui = False
    with pytest.raises(HdaemonError, match="hdaemon panel"):
        pane.open_panel()
