"""The clients' table."""

from __future__ import annotations

import pytest
from hdaemon_panel import clients_painter
from hdaemon_panel.clients_model import CLIENT_COLUMNS, DISCONNECT, MODE
from helpers import events, wait_until
from qtpy import QtCore, QtWidgets

from hdaemon import courtesy

EDIT = int(QtCore.Qt.ItemDataRole.EditRole)


@pytest.fixture
def view(panel, running):
    return panel.clients


@pytest.fixture
def client(connect, running, view, qtbot):
    made = connect(running)
    qtbot.waitUntil(lambda: view.model().rowCount() == 1)
    return made


def cell(view, row: int, title: str) -> str:
    return view.model().index(row, CLIENT_COLUMNS.index(title)).data()


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_the_model_tester_agrees(view, connect, running, qtbot, qtmodeltester, when):
    model = view.model()
    if when == "before":
        qtmodeltester.check(model)  # from here on it also watches every change
    clients = [connect(running) for _ in range(3)]
    qtbot.waitUntil(lambda: model.rowCount() == 3)
    if when == "between":
        qtmodeltester.check(model)
    clients[1].close()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    if when == "after":
        qtmodeltester.check(model)
    assert [cell(view, row, "Client") for row in range(2)] == ["client-1", "client-3"]


def test_what_it_shows(view, client, qtbot):
    client.send(b"12345\n" * 4)
    qtbot.waitUntil(lambda: cell(view, 0, "Messages") == "4")
    host, port = client.sock.getsockname()
    assert cell(view, 0, "Address") == f"{host}:{port}"
    assert cell(view, 0, "Bytes") == "24 B"
    assert cell(view, 0, "Mode") == "print"
    assert cell(view, 0, "Rate").endswith("/s")


def test_the_server_leaves_the_interpreter_to_it_while_it_is_drawn(view, client, panel, monkeypatch):
    """Each call into Qt is a turn at the interpreter's lock, up to 5 ms while lines flood in."""
    asked = []
    model = view.model()
    texts = type(model).texts
    monkeypatch.setattr(type(model), "texts", lambda *args: asked.append(courtesy.rest_s() > 0) or texts(*args))
    panel.show()
    courtesy.done()  # as the log says after it is drawn
    view.viewport().grab()
    assert asked
    assert all(asked)
    assert courtesy.rest_s() == 0


def test_drawing_asks_the_model_for_nothing(view, client, monkeypatch):
    """Qt would, nine times a cell."""
    asked = []
    data = type(view.model()).data
    monkeypatch.setattr(type(view.model()), "data", lambda *args: asked.append(args[1:]) or data(*args))
    assert view.model().index(0, 0).data() == "client-1", "it would be seen"
    asked.clear()
    view.viewport().grab()
    assert asked == []


def test_what_is_drawn(view, connect, running, qtbot):
    clients = [connect(running) for _ in range(2)]
    model = view.model()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    view.setCurrentIndex(model.index(1, 0))
    picture = view.viewport().grab().toImage()

    def colours(row: int, column: int) -> set[str]:
        area = view.visualRect(model.index(row, column))
        points = [(x, y) for x in range(area.left(), area.right()) for y in range(area.top(), area.bottom())]
        return {picture.pixelColor(x, y).name() for x, y in points}

    chosen = view.palette().color(view.palette().ColorRole.Highlight).name()
    for column in range(len(CLIENT_COLUMNS)):
        if not view.isColumnHidden(column):
            assert len(colours(0, column)) > 3, f"{CLIENT_COLUMNS[column]}: nothing is written there"
            assert chosen not in colours(0, column)
            assert chosen in colours(1, column)
    for client in clients:
        client.close()
    qtbot.waitUntil(lambda: model.rowCount() == 0)
    picture = view.viewport().grab().toImage()
    middle = view.viewport().rect().center()
    found = {picture.pixelColor(x, middle.y()).name() for x in range(picture.width())}
    assert len(found) > 3, "it says that nobody is connected"


def test_a_narrow_column_shows_the_beginning(view, client, monkeypatch):
    drawn = []
    view.horizontalHeader().resizeSection(1, view.columnWidth(1) // 2)

    class Notes:
        def __getattr__(self, name):
            return (lambda *args: drawn.append(args[-1])) if name == "drawText" else lambda *args: None

    monkeypatch.setattr(clients_painter, "icon", lambda *args: Notes())
    view._painter.paint(Notes(), view.model(), view._widths)
    name, address, mode = drawn[:3]
    assert (name, mode) == ("client-1", "print")
    assert address.startswith("127.")
    assert address.endswith("…")


def test_a_clients_own_mode(view, client, running, qtbot):
    client.send(b"evaluate\n")
    qtbot.waitUntil(lambda: cell(view, 0, "Mode") == "evaluate (own)")
    running.mode = "print"  # switches everyone
    qtbot.waitUntil(lambda: cell(view, 0, "Mode") == "print")


def test_choosing_a_mode(view, client, running):
    index = view.model().index(0, MODE)
    assert index.data(EDIT) == "as server"
    assert view.model().setData(index, "evaluate")
    assert running.clients[0].own_mode == "evaluate"
    assert view.model().setData(index, "as server")
    assert running.clients[0].own_mode is None
    assert not view.model().setData(index, "nonsense")
    assert not view.model().setData(view.model().index(0, 0), "print")


def test_the_mode_editor(view, client, running, qtbot):
    view.setCurrentIndex(view.model().index(0, MODE))
    qtbot.keyClick(view, QtCore.Qt.Key.Key_F2)
    box = view.viewport().findChild(QtWidgets.QComboBox)
    assert box is not None
    assert box.currentText() == "as server"
    box.setCurrentText("evaluate")
    box.activated.emit(2)
    wait_until(lambda: running.clients[0].own_mode == "evaluate")


@pytest.mark.parametrize("how", ["click", "delete", "menu"])
def test_disconnect(view, client, running, qtbot, how):
    if how == "click":
        rect = view.visualRect(view.model().index(0, DISCONNECT))
        qtbot.mouseClick(view.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=rect.center())
    elif how == "delete":
        view.setCurrentIndex(view.model().index(0, 0))
        qtbot.keyClick(view, QtCore.Qt.Key.Key_Delete)
    else:
        menu = view.menu_for(0)
        menu.actions()[-1].trigger()
        menu.deleteLater()
    qtbot.waitUntil(lambda: view.model().rowCount() == 0)
    assert "disconnected in the panel" in events(running.log, "disconnected")[0]
    assert client.read_all() == b""


def test_the_menu_sets_mode_and_framing(view, client, running):
    menu = view.menu_for(0)
    actions = {action.text(): action for action in menu.actions()}
    assert actions["Mode: as server"].isChecked()
    assert actions["Raw framing: a message a line"].isChecked()
    actions["Mode: evaluate"].trigger()
    actions["Raw framing: a message a burst"].trigger()
    assert (running.clients[0].own_mode, running.clients[0].framing) == ("evaluate", "burst")
    menu.deleteLater()
    assert view.menu_for(7) is None


def test_a_narrow_view_keeps_name_mode_and_cross(view, client):
    view.window().resize(320, 500)
    QtCore.QCoreApplication.processEvents()
    for column in (0, MODE, DISCONNECT):
        assert not view.isColumnHidden(column)
    width = sum(view.columnWidth(column) for column in range(len(CLIENT_COLUMNS)))
    assert width <= view.viewport().width()
