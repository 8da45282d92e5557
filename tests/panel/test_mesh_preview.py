"""The picture of a mesh in a widget: drawn on a thread, turned by hand, and only as often as there is time."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hdaemon_panel import mesh_preview, standalone
from hdaemon_panel.mesh_preview import MeshPreview
from qtpy import QtCore, QtGui, QtTest, QtWidgets

from hdaemon.content.mesh import Mesh

KEY = QtCore.Qt.Key
LEFT, NONE = QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.MouseButton.NoButton
NO_KEYS = QtCore.Qt.KeyboardModifier.NoModifier


def triangle(high=1.0, **conventions):
    return Mesh([[0, 0, 0], [1, 0, 0], [0, high, 0]], [3], range(3), **conventions)


@pytest.fixture
def preview(qtbot):
    widget = MeshPreview()
    qtbot.addWidget(widget)
    widget.resize(200, 150)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    qtbot.waitUntil(lambda: widget._worker._running is None)


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: the mesh, its look and the frame before, of each picture."""
    calls = []
    original = mesh_preview._drawn

    def draw(mesh, look, frame):
        calls.append((mesh, look, frame, threading.current_thread()))
        return original(mesh, look, frame)

    monkeypatch.setattr(mesh_preview, "_drawn", draw)
    return calls


def mouse(widget, kind, button, held, x=80, y=60):
    """Send one event: QTest leaves Qt believing that a button is down after a double click."""
    kind = getattr(QtCore.QEvent.Type, kind)
    pos = QtCore.QPoint(x, y)
    at = QtCore.QPointF(pos)
    event = QtGui.QMouseEvent(kind, at, QtCore.QPointF(widget.mapToGlobal(pos)), button, held, NO_KEYS)
    QtWidgets.QApplication.sendEvent(widget, event)


def colors(widget) -> set[int]:
    image = widget.grab().toImage()
    return {image.pixel(x, y) & 0xFFFFFF for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}


def test_it_is_drawn_on_a_thread_in_the_screens_pixels(preview, drawn, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    ((_, look, _, thread),) = drawn
    assert thread is not threading.main_thread()
    area, ratio = preview.contentsRect(), preview.devicePixelRatioF()
    assert (look.width, look.height) == (round(area.width() * ratio), round(area.height() * ratio))
    assert (preview._image.width(), preview._image.height()) == (look.width, look.height)
    assert len(colors(preview)) > 3


def test_without_a_mesh_it_is_ground(preview, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    preview.set_mesh(None)
    assert preview._pixels == b""
    base = preview.palette().color(QtGui.QPalette.ColorRole.Base).rgb() & 0xFFFFFF
    image = preview.grab().toImage()
    assert image.pixel(image.width() // 2, image.height() // 2) & 0xFFFFFF == base


def test_of_many_meshes_the_newest_is_drawn_and_few_of_the_others(preview, drawn, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    assert not preview.ready()  # it rests
    last = [triangle(1 + at / 100) for at in range(50)]
    with qtbot.waitSignal(preview.shown):
        for mesh in last:
            preview.set_mesh(mesh, follows=True)
    assert drawn[-1][0] is last[-1]
    assert len(drawn) == 2
    qtbot.waitUntil(preview.ready)


def test_a_picture_that_takes_long_is_followed_by_a_rest(preview, qtbot, monkeypatch):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    monkeypatch.setattr(mesh_preview.time, "monotonic", lambda: 100.0)
    preview._began, preview._took = 99.5, 0.2
    assert preview._due() == pytest.approx(0.1)
    preview._took = 0.001
    assert preview._due() == pytest.approx(99.5 + mesh_preview._LEAST_S - 100)


def test_the_frame_goes_on_with_a_mesh_that_moves_and_not_with_another(preview, drawn, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle(0.9), follows=True)
    assert drawn[-1][2] is not None
    assert preview._frame.high == (1, 1, 0)
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle(0.9))
    assert drawn[-1][2] is None
    assert preview._frame.high[1] == pytest.approx(0.9)


def test_another_mesh_is_not_shown_in_the_place_of_the_one_under_way(preview, qtbot, monkeypatch):
    gate, original = threading.Event(), mesh_preview._drawn
    monkeypatch.setattr(mesh_preview, "_drawn", lambda *about: (gate.wait(5), original(*about))[1])
    first, second = triangle(1), triangle(0.9)
    preview.set_mesh(first)
    preview.set_mesh(second)
    with qtbot.waitSignal(preview.shown):
        gate.set()
    assert preview._frame.high[1] == pytest.approx(0.9)  # and not the frame of the first


def test_turning(preview, drawn, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    with qtbot.waitSignal(preview.shown):
        mouse(preview, "MouseButtonPress", LEFT, LEFT)
        mouse(preview, "MouseMove", NONE, LEFT, 100, 70)
    first, turned = drawn[0][1], drawn[-1][1]
    assert turned.yaw == pytest.approx((first.yaw - 0.2) % 6.2831853, abs=1e-3)
    assert turned.pitch == pytest.approx(first.pitch + 0.1)
    mouse(preview, "MouseButtonRelease", LEFT, NONE)
    mouse(preview, "MouseMove", NONE, NONE, 20, 70)
    assert len(drawn) == 2
    with qtbot.waitSignal(preview.shown):
        QtTest.QTest.keyClick(preview, KEY.Key_Home)
    assert (drawn[-1][1].yaw, drawn[-1][1].pitch) == (first.yaw, first.pitch)
    with qtbot.waitSignal(preview.shown):
        for _ in range(20):
            QtTest.QTest.keyClick(preview, KEY.Key_Down)
    assert drawn[-1][1].pitch < 1.56  # not over the top
    with qtbot.waitSignal(preview.shown):
        mouse(preview, "MouseButtonDblClick", LEFT, LEFT)
    assert drawn[-1][1].pitch == first.pitch


def test_it_follows_size_and_palette(preview, drawn, qtbot):
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(triangle())
    with qtbot.waitSignal(preview.shown):
        preview.resize(300, 100)
    assert drawn[-1][1].width == round(preview.contentsRect().width() * preview.devicePixelRatioF())
    light = drawn[-1][1]
    palette = standalone.houdini_palette()
    with qtbot.waitSignal(preview.shown):
        preview.setPalette(palette)
    dark = drawn[-1][1]
    assert dark.ground == palette.color(QtGui.QPalette.ColorRole.Base).rgb() & 0xFFFFFF
    assert dark.dark != dark.ground
    assert light.ground > light.light > light.dark  # on a light ground a light surface
    assert dark.light > dark.dark


def test_hidden_it_draws_nothing_until_it_is_shown(preview, drawn, qtbot):
    preview.hide()
    preview.set_mesh(triangle())
    assert drawn == []
    with qtbot.waitSignal(preview.shown):
        preview.show()
    assert len(drawn) == 1


def test_showing_a_picture_is_cheap(preview, qtbot):
    preview.resize(600, 400)
    with qtbot.waitSignal(preview.shown):
        preview.set_mesh(Mesh(np.random.default_rng(1).normal(size=(5000, 3)).astype("f4")))
    timer = QtCore.QElapsedTimer()
    took = []
    for _ in range(7):
        timer.start()
        preview.repaint()
        took.append(timer.nsecsElapsed() / 1e6)
    assert sorted(took)[2] < 4
