"""The whole pane, driven as an artist does, on a real server with real clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hdaemon_panel import ServerPanel, create_panel
from helpers import RawClient, wait_until
from qtpy import QtCore, QtGui, QtWidgets

import hdaemon
from hdaemon.server import settings

NAMES = (
    "startStopButton hostEdit portEdit printButton evaluateButton lockButton statusLabel clientsView logView "
    "filterEdit pauseButton clearButton newMessagesButton"
).split()


def shown(panel: ServerPanel) -> list[str]:
    model = panel.log.model
    return [model.data(model.index(row, 5)) for row in range(model.rowCount())]


def send(server, data: bytes) -> None:
    RawClient(server.host, server.port).send_and_close(data)


def test_create_panel_returns_the_widget(qtbot):
    panel = create_panel()
    qtbot.addWidget(panel)
    assert type(panel) is ServerPanel
    assert panel.link.name == "python_server"


@pytest.mark.parametrize("name", NAMES)
def test_object_names(child, name):
    assert child(name).objectName() == name


def test_everything_has_a_tool_tip_and_takes_the_keyboard(panel):
    for kind in (QtWidgets.QAbstractButton, QtWidgets.QLineEdit, QtWidgets.QSpinBox):
        for widget in panel.findChildren(kind):
            if widget.objectName().startswith("qt_") or not widget.objectName():
                continue
            assert widget.toolTip(), widget.objectName()
            assert widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus, widget.objectName()


def test_start_and_stop(qtbot, panel, child):
    status, button = child("statusLabel"), child("startStopButton")
    assert (status.text(), button.text()) == ("Stopped", "Start")
    button.click()
    qtbot.waitUntil(lambda: status.text().startswith("Listening on 127.0.0.1:"))
    server = hdaemon.find(panel.link.name)
    assert status.text() == f"Listening on 127.0.0.1:{server.port}"
    assert button.text() == "Stop"
    assert not child("hostEdit").isEnabled()
    assert not child("portEdit").isEnabled()
    assert child("portEdit").value() == server.port
    button.click()
    qtbot.waitUntil(lambda: status.text() == "Stopped")
    assert child("hostEdit").isEnabled()
    assert button.text() == "Start"


def test_a_failure_is_told_and_can_be_mended(qtbot, panel, child):
    child("hostEdit").setText("203.0.113.7")
    child("startStopButton").click()
    qtbot.waitUntil(lambda: child("statusLabel").text().startswith("Failed: "))
    assert "token" in child("statusLabel").text()
    assert child("hostEdit").isEnabled()
    child("hostEdit").setText("127.0.0.1")
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")


def test_a_busy_port_is_told(qtbot, panel, child, server):
    child("portEdit").setValue(server.port)
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    qtbot.waitUntil(lambda: any(f"port {server.port} is in use" in text for text in shown(panel)))


def test_messages_arrive(qtbot, panel, running):
    send(running, b"Hellow Houdini, I am your father")
    qtbot.waitUntil(lambda: "Hellow Houdini, I am your father" in shown(panel))
    assert panel.log.view.following


def test_modes(qtbot, panel, running, child, process_store):
    assert child("printButton").isChecked()
    child("evaluateButton").click()
    assert running.mode == "evaluate"
    send(running, b"stored\n")
    wait_until(lambda: process_store.data == "stored")
    child("printButton").click()
    assert running.mode == "print"
    running.mode = "evaluate"  # by code: the panel follows
    qtbot.waitUntil(child("evaluateButton").isChecked)
    qtbot.waitUntil(lambda: any("by the panel" in text for text in shown(panel)))


def test_lock(qtbot, panel, running, child):
    child("lockButton").click()
    assert running.locked
    send(running, b"evaluate\n")
    qtbot.waitUntil(lambda: any("locked" in text for text in shown(panel)))
    assert running.mode == "print"


def test_closing_leaves_the_server_running(qtbot, make_panel, process_store):
    panel = make_panel()
    panel.bar.button.click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    server = panel.link.server
    panel.close()
    panel.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(panel, int(QtCore.QEvent.Type.DeferredDelete))
    send(server, b"still here\n")
    wait_until(lambda: server.messages_received == 1)
    assert server.state == "listening"
    again = make_panel()
    assert again.bar.status.text() == f"Listening on 127.0.0.1:{server.port}"
    assert "still here" in shown(again)


def test_two_panels_show_the_same(qtbot, make_panel):
    first, second = make_panel(), make_panel()
    first.bar.button.click()
    qtbot.waitUntil(lambda: second.link.state == "listening" and not second.bar.host.isEnabled())
    second.bar.evaluate.click()
    qtbot.waitUntil(lambda: first.bar.evaluate.isChecked())
    send(first.link.server, b"to both\n")
    qtbot.waitUntil(lambda: "to both" in shown(first) and "to both" in shown(second))
    second.bar.button.click()
    qtbot.waitUntil(lambda: first.bar.status.text() == "Stopped" == second.bar.status.text())


def test_a_server_started_by_code_is_shown(qtbot, panel, server_name):
    server = hdaemon.start(server_name, port=0)
    qtbot.waitUntil(lambda: panel.bar.status.text() == f"Listening on 127.0.0.1:{server.port}")


def test_the_log_goes_on_over_a_restart(qtbot, panel, running, child):
    send(running, b"before\n")
    qtbot.waitUntil(lambda: "before" in shown(panel))
    child("startStopButton").click()
    qtbot.waitUntil(lambda: child("startStopButton").text() == "Start" and child("startStopButton").isEnabled())
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    assert panel.link.server is not running
    send(panel.link.server, b"after\n")
    qtbot.waitUntil(lambda: "after" in shown(panel))
    assert "before" in shown(panel)


def test_new_messages_button(qtbot, panel, running, child):
    send(running, b"".join(b"line %d\n" % i for i in range(200)))
    qtbot.waitUntil(lambda: shown(panel)[-1].startswith("closed by the client"))
    button = child("newMessagesButton")
    assert not button.isVisible()
    panel.log.view.verticalScrollBar().setValue(0)
    send(running, b"one\ntwo\n")
    qtbot.waitUntil(lambda: button.isVisible() and button.text() == "4 new")  # connected, two lines, disconnected
    assert panel.log.view.verticalScrollBar().value() == 0
    button.click()
    assert panel.log.view.following
    assert not button.isVisible()
    bar = panel.log.view.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_pause_stops_the_view_and_not_the_receiving(qtbot, panel, running, child):
    child("pauseButton").click()
    before = shown(panel)
    send(running, b"unseen\n")
    qtbot.waitUntil(lambda: running.messages_received == 1 and not running.clients)
    qtbot.waitUntil(lambda: child("newMessagesButton").isVisible())
    assert shown(panel) == before
    child("pauseButton").click()
    qtbot.waitUntil(lambda: "unseen" in shown(panel))
    assert not child("newMessagesButton").isVisible()


def test_clear(qtbot, panel, running, child):
    send(running, b"gone\n")
    qtbot.waitUntil(lambda: "gone" in shown(panel) and not running.clients)
    panel.sync()
    child("clearButton").click()
    assert shown(panel) == []
    assert len(running.log) == 0


def test_filter_and_its_empty_answer(qtbot, panel, running, child):
    send(running, b"red\ngreen\n")
    qtbot.waitUntil(lambda: "green" in shown(panel))
    child("filterEdit").setText("gre")
    qtbot.waitUntil(lambda: shown(panel) == ["green"])
    child("filterEdit").setText("")
    assert "red" in shown(panel)


def test_copy_selected_rows(qtbot, panel, running):
    send(running, b"first\nsecond\tcell\nthird\n")
    qtbot.waitUntil(lambda: "third" in shown(panel))
    view, row = panel.log.view, shown(panel).index("first")
    view.setCurrentIndex(view.model().index(row, 0))
    qtbot.keyClick(view, QtCore.Qt.Key.Key_Down, QtCore.Qt.KeyboardModifier.ShiftModifier)
    with qtbot.waitSignal(panel.log.said) as said:
        panel.log.copy_selected()
    assert said.args == ["Copied 2 rows"]
    copied = QtWidgets.QApplication.clipboard().text().splitlines()
    assert [line.split("\t")[1:] for line in copied] == [
        ["client-1", "default", "text/plain", "5", "first"],
        ["client-1", "default", "text/plain", "11", "second\\tcell"],
    ]


def test_copy_nothing_says_so(qtbot, panel):
    with qtbot.waitSignal(panel.log.said) as said:
        panel.log.copy_selected()
    assert "Nothing is selected" in said.args[0]


def test_save_as_text_and_ndjson(qtbot, panel, running, tmp_path: Path):
    send(running, b"h\xc3\xa9llo\n")
    send(running, b"\0\xff")
    qtbot.waitUntil(lambda: running.messages_received == 2 and not running.clients)
    panel.sync()
    for name in ("log.txt", "log.ndjson"):
        with qtbot.waitSignal(panel.log.said):
            panel.log.save_to(tmp_path / name)
    rows = [json.loads(line) for line in (tmp_path / "log.ndjson").read_text("utf-8").splitlines()]
    assert len(rows) == panel.log.model.rowCount() == len((tmp_path / "log.txt").read_text("utf-8").splitlines())
    data = [row for row in rows if "type" in row]
    assert {row.get("text", row.get("base64")) for row in data} == {"héllo", "AP8="}
    assert {"started", "connected", "disconnected"} <= {row.get("event") for row in rows}


def test_a_file_that_cannot_be_written_is_told(qtbot, panel, tmp_path: Path):
    with qtbot.waitSignal(panel.log.said) as said:
        panel.log.save_to(tmp_path / "missing" / "log.txt")
    assert said.args[0].startswith("Not saved: ")


def test_save_what_the_filter_shows(qtbot, panel, running, child, tmp_path: Path):
    send(running, b"red\ngreen\n")
    qtbot.waitUntil(lambda: "green" in shown(panel))
    child("filterEdit").setText("green")
    qtbot.waitUntil(lambda: shown(panel) == ["green"])
    with qtbot.waitSignal(panel.log.said):
        panel.log.save_to(tmp_path / "log.txt")
    assert len((tmp_path / "log.txt").read_text("utf-8").splitlines()) == 1


def test_totals(qtbot, panel, running, child):
    send(running, b"12345\n" * 10)
    qtbot.waitUntil(lambda: child("totalsLabel").text().startswith("10 messages, 60 B"))


def test_settings_are_remembered(qtbot, make_panel):
    panel = make_panel()
    panel.bar.host.setText("127.0.0.2")
    panel.bar.evaluate.click()
    panel.bar.lock.click()
    remembered = settings.load()
    assert (remembered.host, remembered.mode, remembered.locked) == ("127.0.0.2", "evaluate", True)
    again = make_panel()
    assert again.bar.host.text() == "127.0.0.2"
    assert again.bar.evaluate.isChecked()
    assert again.bar.lock.isChecked()


def test_hidden_it_does_nothing_and_catches_up(qtbot, panel, running):
    panel.hide()
    before = panel.log.model.end
    send(running, b"while hidden\n")
    qtbot.waitUntil(lambda: running.messages_received == 1)
    with qtbot.waitSignal(running.received):
        running.set_mode("evaluate", "the test")
    assert panel.log.model.end == before
    panel.show()
    assert "while hidden" in shown(panel)


def test_another_palette_draws_other_icons(panel):
    before = panel.log.pause.icon().pixmap(16, 16).toImage()
    palette = QtGui.QPalette(QtGui.QColor("#ddeeff"), QtGui.QColor("#ddeeff"))
    palette.setColor(QtGui.QPalette.ColorRole.ButtonText, QtGui.QColor("#ff0000"))
    panel.setPalette(palette)
    assert panel.log.pause.icon().pixmap(16, 16).toImage() != before


@pytest.mark.parametrize("width", [420, 1400])
def test_it_fits_its_width(panel, width):
    panel.resize(width, 600)
    QtCore.QCoreApplication.processEvents()
    assert panel.width() == width  # nothing in it demands more
    for widget in panel.findChildren(QtWidgets.QWidget):
        if widget.isVisible() and widget.parent() is panel.bar:
            assert widget.geometry().right() <= panel.bar.width()
