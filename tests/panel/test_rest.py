"""What a panel does while there is nothing to see, or nobody looks: nothing."""

from __future__ import annotations

import socket
from collections import Counter

import pytest
from hdaemon_panel import panel as panel_module
from qtpy import QtCore, QtWidgets

_Type = QtCore.QEvent.Type


class Watch(QtCore.QObject):
    """Counts timers, paintings and layouts in a widget and all that is in it."""

    def __init__(self, widget: QtWidgets.QWidget) -> None:
        super().__init__()
        self._widget = widget
        self.counted: Counter[str] = Counter()
        QtWidgets.QApplication.instance().installEventFilter(self)

    def stop(self) -> None:
        QtWidgets.QApplication.instance().removeEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:  # noqa: N802
        name = {_Type.Timer: "timer", _Type.Paint: "paint", _Type.LayoutRequest: "layout"}.get(event.type())
        if name is not None and self._inside(watched):
            self.counted[name] += 1
        return False

    def _inside(self, watched: QtCore.QObject) -> bool:
        above = watched
        while above is not None and above is not self._widget:
            above = above.parent()
        return above is not None


@pytest.fixture
def watch(panel):
    made = Watch(panel)
    yield made
    made.stop()


@pytest.fixture
def sender(running):
    with socket.create_connection((running.host, running.port), 5) as sock:
        yield sock


def flood(qtbot, running, sender, rounds: int = 20) -> None:
    """Send some lines every turn, and wait until all are there."""
    for _ in range(rounds):
        wanted = running.messages_received + 100
        sender.sendall(b"line\n" * 100)
        qtbot.waitUntil(lambda wanted=wanted: running.messages_received >= wanted)


def pass_time(qtbot, seconds: float) -> None:
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec_() if hasattr(loop, "exec_") else loop.exec()


def test_a_hidden_panel_costs_nothing(qtbot, panel, running, sender, watch):
    flood(qtbot, running, sender, 2)
    panel.hide()
    pass_time(qtbot, 0.1)
    synced = []
    panel.log.model.rowsInserted.connect(lambda *_: synced.append(1))
    watch.counted.clear()
    told = []
    running.received.connect(lambda: told.append(1))
    flood(qtbot, running, sender)
    pass_time(qtbot, 0.3)
    assert told, "the server has told of it"
    assert watch.counted == {}
    assert synced == []
    panel.show()
    qtbot.waitExposed(panel)
    assert panel.log.model.end == running.log.end, "shown again it is up to date"
    qtbot.waitUntil(lambda: watch.counted["paint"] > 0)
    assert panel.log.view.following


def test_a_paused_view_costs_nothing_but_counts(qtbot, panel, running, sender, watch, child):
    flood(qtbot, running, sender, 2)
    qtbot.waitUntil(lambda: panel.log.model.end == running.log.end)
    child("pauseButton").click()
    shown = panel.log.model.rowCount()
    painted = []
    paint = panel.log.view.paint_rows
    panel.log.view.paint_rows = lambda *args: (painted.append(1), paint(*args))
    texts = set()
    for _ in range(4):
        flood(qtbot, running, sender, 10)
        pass_time(qtbot, 0.1)
        texts.add(child("newMessagesButton").text())
    qtbot.waitUntil(lambda: child("newMessagesButton").text() == "4,000 new")
    assert len(painted) <= 8, "only for the button that counts"
    assert panel.log.model.rowCount() == shown
    child("pauseButton").click()
    assert panel.log.model.end == running.log.end


def test_a_reader_who_has_scrolled_up_is_left_alone(qtbot, panel, running, sender, child):
    flood(qtbot, running, sender, 5)
    qtbot.waitUntil(lambda: panel.log.model.end == running.log.end)
    panel.log.view.verticalScrollBar().setValue(0)
    inserted = []
    panel.log.model.rowsInserted.connect(lambda *_: inserted.append(1))
    for _ in range(5):
        flood(qtbot, running, sender, 2)
        pass_time(qtbot, 0.05)
    assert len(inserted) <= 4, "a few times a second is enough for a count"
    qtbot.waitUntil(lambda: child("newMessagesButton").text() == "1,000 new")


def test_where_nothing_happens_the_panel_looks_once_a_second(qtbot, panel, running, watch):
    qtbot.waitUntil(lambda: panel._ticker.interval() == panel_module._IDLE_TICK_MS, timeout=10_000)
    pass_time(qtbot, 0.1)
    watch.counted.clear()
    pass_time(qtbot, 1.2)
    assert watch.counted["timer"] <= 2
    assert watch.counted["paint"] == 0
    with socket.create_connection((running.host, running.port), 5) as sock:
        sock.sendall(b"awake\n")
        qtbot.waitUntil(lambda: panel._ticker.interval() == panel_module._TICK_MS)
        qtbot.waitUntil(lambda: panel.log.model.end == running.log.end)


def test_rates_come_down_to_nothing_before_it_rests(qtbot, panel, running, sender):
    flood(qtbot, running, sender, 5)
    qtbot.waitUntil(lambda: panel._ticker.interval() == panel_module._IDLE_TICK_MS, timeout=10_000)
    assert ", 0/s" in panel.totals.text() or "0/s" in panel.totals.text()
    assert panel._rates == (0.0, 0.0)
