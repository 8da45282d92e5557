"""A mesh in the details: picture, numbers and attributes, also while it changes thirty times a second."""

from __future__ import annotations

import pytest
from hdaemon_panel import detail_pane, examine
from hdaemon_panel.arrays_table import Extremes
from hdaemon_panel.mesh_detail import AttributesModel, MeshView
from hdaemon_panel.mesh_facts import facts_of
from meshes import small
from panel_values import clipboard
from qtpy import QtCore

from hdaemon import content
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh

TIP = int(QtCore.Qt.ItemDataRole.ToolTipRole)


def cells(view) -> dict[str, tuple[str, ...]]:
    model = view.table.attributes
    return {line.key: model.cells(line) for line in model.rows}


def triangle(high=1.0, **more):
    return Mesh([[0, 0, 0], [1, 0, 0], [0, high, 0]], [3], range(3), **more)


@pytest.fixture
def view(detail):
    return detail.body.mesh


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [(content.SAFETENSORS, small().to_safetensors()), (content.BGEO, bgeo.write(small()))],
    ids=["safetensors", "bgeo"],
)
def test_a_mesh(put, select_row, detail, view, qtbot, content_type, payload):
    put("body", payload, content_type)
    select_row("body")
    assert detail.body.currentWidget() is view
    assert view.counts.text().startswith("7 points   2 polygons   1 curve   9 vertices")
    assert view.box.text().startswith("4.5 × 4.5 × 4.5 m   min (0, 0.25, 0.5)   max (4.5, 4.75, 5)")
    assert view.conventions.text() == "clockwise   Y up   1 unit = 1 m"
    qtbot.waitUntil(lambda: cells(view)["point/N"][:6] == ("N", "point", "float32[3]", "normal", "-1", "1"))
    assert cells(view)["prim_group/all"][-1] == "3 of 3"
    qtbot.waitUntil(lambda: view.preview._image is not None)
    detail.body.copy_value()
    lines = clipboard().splitlines()
    assert lines[0].startswith("7 points")
    assert lines[3].startswith("Name\tClass\tType")
    view.table.setCurrentIndex(view.table.attributes.index(1, 0))
    detail.header.copy.click()
    assert clipboard().startswith("N\tpoint\tfloat32[3]\tnormal\t-1\t1")
    detail.header.views.parts[2].click()
    assert detail.body.currentWidget() is detail.body.hex
    detail.header.views.parts[0].click()
    assert detail.body.currentWidget() is view


def test_notes_of_the_sender_are_shown(put, select_row, detail):
    put("body", triangle(notes=("two hairs were left out",)).to_safetensors(), content.SAFETENSORS)
    select_row("body")
    assert detail.header.note.text() == "two hairs were left out"
    assert not detail.error


def test_a_mesh_that_is_none_says_why(put, select_row, detail):
    payload = triangle().to_safetensors().replace(b'"winding":"clockwise"', b'"winding":"clockwisE"')
    put("body", payload, content.SAFETENSORS)
    select_row("body")
    assert "winding" in detail.header.note.text()
    assert detail.body.currentWidget() is detail.body.hex


def test_it_is_never_decoded_on_the_main_thread(put, select_row, detail, view, monkeypatch):
    import threading

    threads = []
    original = examine.examine
    monkeypatch.setattr(
        detail_pane, "examine", lambda *about: (threads.append(threading.current_thread()), original(*about))[1]
    )
    put("body", triangle().to_safetensors(), content.SAFETENSORS)
    select_row("body")
    assert detail.body.currentWidget() is view
    assert threads
    assert threading.main_thread() not in threads


def test_geometry_as_text_is_held_to_the_limits_of_json():
    assert examine.limited_as(content.BGEO, b'["fileversion"') == content.JSON
    assert examine.limited_as(content.BGEO, b"\x7fNSJb") == content.BGEO
    assert examine.limited_as(content.SAFETENSORS, b"[") == content.SAFETENSORS
    assert examine.auto_limit(content.JSON) < examine.auto_limit(content.BGEO) < examine.auto_limit(content.SAFETENSORS)


def test_a_channel_is_followed_and_its_last_mesh_is_what_is_told(put, select_channel, detail, view, qtbot):
    put("cloth", triangle().to_safetensors(), content.SAFETENSORS)
    select_channel("cloth")
    qtbot.waitUntil(lambda: cells(view).get("point/P", ("",) * 6)[5] == "1")
    qtbot.waitUntil(lambda: view.preview._frame is not None)
    rows = []
    view.table.attributes.modelReset.connect(lambda: rows.append(1))
    for at in range(20):
        put("cloth", triangle(2 + at).to_safetensors(), content.SAFETENSORS)
    qtbot.waitUntil(lambda: cells(view)["point/P"][5] == "21")
    assert view.box.text().startswith("1 × 21 × 0 m")
    assert view.preview._frame.high[1] == 21
    assert detail.message.serial == detail._link.store["cloth"].message.serial
    assert rows == []  # a selected row stays selected


def test_it_is_followed_faster_than_the_panels_tick(put, select_channel, detail, view, qtbot, panel):
    put("cloth", triangle().to_safetensors(), content.SAFETENSORS)
    select_channel("cloth")
    panel._ticker.stop()
    for high in (2, 3):
        put("cloth", triangle(high).to_safetensors(), content.SAFETENSORS)
        qtbot.waitUntil(lambda high=high: view.preview._frame is not None and view.preview._frame.high[1] == high)
    assert detail._follow.isActive()
    put("cloth", b"words")
    qtbot.waitUntil(lambda: detail.body.currentWidget() is detail.body.text)
    qtbot.waitUntil(lambda: not detail._follow.isActive())
    assert view.preview._mesh is None


def test_another_channel_begins_anew(put, select_channel, view, qtbot):
    put("one", small().to_safetensors(), content.SAFETENSORS)
    put("two", triangle().to_safetensors(), content.SAFETENSORS)
    select_channel("one")
    select_channel("two")
    assert view.counts.text().startswith("3 points   1 polygon   3 vertices")
    qtbot.waitUntil(lambda: view.preview._frame is not None and view.preview._frame.high == (1, 1, 0))


def test_closing_lets_go(put, select_channel, detail, view, browser, qtbot):
    put("one", small().to_safetensors(), content.SAFETENSORS)
    select_channel("one")
    browser.close_details()
    assert view.preview._mesh is None
    assert not detail._follow.isActive()
    assert not view.table.attributes.rows


def test_extremes_of_a_large_mesh_when_asked(put, select_row, detail, view, qtbot, monkeypatch):
    monkeypatch.setattr(detail_pane, "MEASURED_BYTES", 10)
    put("body", triangle().to_safetensors(), content.SAFETENSORS)
    select_row("body")
    assert detail.header.ask.text() == "Min and max of 72 B"
    detail.header.ask.click()
    qtbot.waitUntil(lambda: cells(view)["point/P"][4:6] == ("0", "1"))


def test_the_model(qapp, qtmodeltester):
    model = AttributesModel()
    qtmodeltester.check(model)
    model.set_rows(facts_of(small()).rows)
    model.set_extremes({"point/N": Extremes("-1", "1", 3)})
    assert "N: point float32[3], normal\n-1 to 1\n3 NaN" in model.data(model.index(1, 0), TIP)
    model.set_rows(facts_of(small()).rows)
    assert model.cells(model.rows[1])[4] == "-1"  # until there are new ones
    model.set_rows(facts_of(triangle()).rows)
    assert not model.measured


@pytest.mark.parametrize(("size", "beside"), [((800, 130), True), ((400, 110), True), ((560, 700), False)])
def test_the_picture_goes_where_there_is_room(qtbot, size, beside):
    view = MeshView()
    qtbot.addWidget(view)
    view.set_mesh(small(), facts_of(small()))
    view.resize(*size)
    view.show()
    qtbot.waitExposed(view)
    corner = view.counts.mapTo(view, QtCore.QPoint(0, 0))
    assert (view.preview.geometry().right() < corner.x()) == beside
    assert (view.preview.geometry().bottom() < corner.y()) != beside
    assert view.preview.width() <= view.width()
    assert view.table.height() > 30
    # In little height the conventions are in the first line.
    assert view.conventions.isVisible() != beside
    assert view.counts.text().endswith("   clockwise   Y up   1 unit = 1 m") == beside
    assert not view.grab().isNull()
    qtbot.waitUntil(lambda: view.preview._worker._running is None)
