"""Opening the panel from the shelf, a menu or Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hdaemon.errors import HdaemonError

if TYPE_CHECKING:
    import hou

__all__ = ["INTERFACE", "open_panel"]

INTERFACE = "hdaemon"
"""The interface's name in panel/server_panel.pypanel."""

_SIZE = (900, 600)
"""Room for the clients and a screenful of messages, before the scaling of the display."""


def open_panel() -> hou.PaneTab:
    """Bring the hdaemon panel to the front, in a new floating window when none is open; return its pane tab.

    Houdini's main thread only.

    Raises:
        HdaemonError: there is no interface, or Houdini has not loaded the panel; says what to do.
    """
    import hou

    if not hou.isUIAvailable():
        raise HdaemonError(
            "the hdaemon panel needs Houdini's interface, and this session has none: use `hdaemon panel`"
        )
    for tab in hou.ui.paneTabs():
        if isinstance(tab, hou.PythonPanel) and _shows_hdaemon(tab):
            tab.setIsCurrentTab()
            return tab
    if hou.pypanel.interfaceByName(INTERFACE) is None:
        raise HdaemonError("Houdini has not loaded the hdaemon panel: run `hdaemon install`, then start Houdini again")
    return hou.ui.curDesktop().createFloatingPaneTab(
        hou.paneTabType.PythonPanel,
        size=tuple(hou.ui.scaledSize(side) for side in _SIZE),
        # SideFX's page: "the name of the Python Panel interface"; the stubs say the interface itself.
        python_panel_interface=INTERFACE,  # type: ignore[arg-type]
        immediate=True,
    )


def _shows_hdaemon(tab: hou.PythonPanel) -> bool:
    interface = tab.activeInterface()
    return interface is not None and interface.name() == INTERFACE
