"""Painting ends where it should, whoever looks on."""

from __future__ import annotations

import sys
from types import FrameType, SimpleNamespace

from hdaemon_panel import log_painter
from helpers import Clock
from qtpy import QtWidgets

from hdaemon import courtesy


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


def test_the_server_leaves_the_interpreter_to_a_frame_however_long_it_takes(
    panel, running, connect, qtbot, monkeypatch
):
    """An asking ends by itself after 15 ms: here each text takes half a millisecond, and there are some hundred."""
    client = connect(running)
    client.send(b"a line\n" * 50)
    qtbot.waitUntil(lambda: panel.log.model.rowCount() > 50)
    clock, asked, cell_text = Clock(), [], log_painter.cell_text
    began = clock.now

    def slow_text(*args):
        clock.now += 0.0005
        asked.append(courtesy.rest_s() > 0)
        return cell_text(*args)

    monkeypatch.setattr(courtesy, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(log_painter, "cell_text", slow_text)
    panel.log.view.viewport().repaint()
    assert clock.now - began > 2 * courtesy._ASKED_S
    assert all(asked)
    assert courtesy.rest_s() == 0
