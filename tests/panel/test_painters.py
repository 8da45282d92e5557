"""Painting ends where it should, whoever looks on."""

from __future__ import annotations

import sys
from types import FrameType

from qtpy import QtWidgets


def test_who_holds_the_frame_of_a_paint_event_does_not_hold_its_painter(panel, running, qtbot):
    """A profiler or debugger may. A painter that is active when its event is over ends in a crash; Qt warns first."""
    held: list[FrameType] = []

    def hold(frame: FrameType, event: str, _arg: object) -> None:
        if event == "return" and frame.f_code.co_name == "paintEvent":
            held.append(frame)

    panel.resize(900, 700)
    panel.show()
    qtbot.waitExposed(panel)
    sys.setprofile(hold)
    try:
        for widget in panel.findChildren(QtWidgets.QWidget):
            if widget.isVisible():
                widget.repaint()
    finally:
        sys.setprofile(None)
    painted = {type(frame.f_locals["self"]).__name__ for frame in held}
    assert {"LogView", "ClientsView", "ElidedLabel"} <= painted, painted
