"""The channels' view, and the page around it."""

from __future__ import annotations

import pytest
from channel_source import Source
from hdaemon_panel.channels_model import AGE, NAME, RATE, SIZE, TYPE, VALUE, ChannelsModel
from hdaemon_panel.channels_view import ChannelsView
from qtpy import QtCore, QtGui

KEY = QtCore.Qt.Key


@pytest.fixture
def source() -> Source:
    return Source("a/b/c", "a/d", "e", "rig/camera")


@pytest.fixture
def view(qtbot, source) -> ChannelsView:
    model = ChannelsModel(source)
    view = ChannelsView(model)
    model.setParent(view)
    qtbot.addWidget(view)
    view.resize(800, 300)
    view.show()
    qtbot.waitExposed(view)
    model.sync()
    qtbot.waitUntil(lambda: not model.busy)
    return view


def current(view: ChannelsView) -> str:
    line = view.lines.line(view.currentIndex().row())
    return "" if line is None else line.path


def go(view: ChannelsView, path: str) -> None:
    view.setCurrentIndex(view.lines.index(view.lines.row_of(path), 0))


def test_arrows_move_open_and_close(qtbot, view):
    go(view, "a")
    for key, path in (
        (KEY.Key_Right, "a/b"),
        (KEY.Key_Right, "a/b/c"),
        (KEY.Key_Right, "a/b/c"),
        (KEY.Key_Left, "a/b"),
        (KEY.Key_Left, "a/b"),
        (KEY.Key_Left, "a"),
        (KEY.Key_Down, "a/b"),
        (KEY.Key_Down, "a/d"),
        (KEY.Key_End, "rig/camera"),
        (KEY.Key_Home, "a"),
    ):
        qtbot.keyClick(view, key)
        assert current(view) == path
    assert not view.lines.is_open(view.lines.row_of("a/b"))


def test_a_click_on_the_arrow_opens_and_elsewhere_selects(qtbot, view):
    left = QtCore.Qt.MouseButton.LeftButton
    arrow = view._arrow(0, view.lines.line(0)).center()
    qtbot.mouseClick(view.viewport(), left, pos=arrow)
    assert not view.lines.is_open(0)
    assert view.selected_rows() == []
    qtbot.mouseClick(view.viewport(), left, pos=arrow)
    assert view.lines.is_open(0)
    qtbot.mouseClick(view.viewport(), left, pos=view.visualRect(view.lines.index(0, VALUE)).center())
    assert view.selected_rows() == [(0, 0)]


def test_enter_and_double_click_activate(qtbot, view):
    go(view, "e")
    with qtbot.waitSignal(view.line_activated) as activated:
        qtbot.keyClick(view, KEY.Key_Return)
    assert activated.args == [view.currentIndex().row()]
    go(view, "a")
    qtbot.keyClick(view, KEY.Key_Enter)
    assert not view.lines.is_open(0)
    with qtbot.waitSignal(view.line_activated):
        place = view.visualRect(view.lines.index(0, VALUE)).center()
        qtbot.mouseDClick(view.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseRelease(view.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)  # Qt's own double click does not
    assert view.lines.is_open(0)


def test_the_selection_stays_with_its_channel(qtbot, view, source):
    go(view, "rig/camera")
    source.put("a/aa")
    source.put("0")
    view.lines.sync()
    qtbot.waitUntil(lambda: not view.lines.busy)
    assert current(view) == "rig/camera"
    assert view.selected_rows() == [(view.lines.row_of("rig/camera"),) * 2]


def test_a_narrow_view_keeps_name_and_value(view):
    view.resize(1400, 300)
    assert not any(view.header.isSectionHidden(column) for column in range(6))
    width = sum(view.header.sectionSize(column) for column in range(6))
    assert abs(width - view.viewport().width()) <= 3
    view.resize(260, 300)
    assert [column for column in range(6) if not view.header.isSectionHidden(column)] == [NAME, VALUE]
    view.resize(1400, 300)
    assert not any(view.header.isSectionHidden(column) for column in (TYPE, SIZE, RATE, AGE))


def test_it_draws_names_selection_and_what_was_not_stored_paler(view, source):
    def ink(row: int) -> int:
        """Return the lightness of the brightest pixel of a row's value: text on a dark ground is bright."""
        image = view.viewport().grab().toImage()
        ratio = view.devicePixelRatioF()
        rect = view.visualRect(view.lines.index(row, VALUE))
        xs = range(int(rect.left() * ratio) + 2, int((rect.left() + 60) * ratio))
        ys = range(int(rect.top() * ratio), int(rect.bottom() * ratio))
        return max(image.pixelColor(x, y).lightness() for x in xs for y in ys)

    palette = QtGui.QPalette(QtGui.QColor("#444444"), QtGui.QColor("#333333"))
    palette.setColor(QtGui.QPalette.ColorRole.Base, QtGui.QColor("#222222"))
    palette.setColor(QtGui.QPalette.ColorRole.Text, QtGui.QColor("#ffffff"))
    view.setPalette(palette)
    row = view.lines.row_of("e")
    source.put("e", "MMMMMMMM")
    view.refresh()
    stored = ink(row)
    source.put("e", "MMMMMMMM", stored=False, serial=2)
    view.refresh()
    assert ink(row) < stored - 30
    go(view, "e")
    place = view.visualRect(view.lines.index(row, VALUE)).center()
    color = view.viewport().grab().toImage().pixelColor(place * view.devicePixelRatioF())
    assert color == view.palette().color(QtGui.QPalette.ColorRole.Highlight)


def test_however_deep_some_of_the_name_is_seen(qtbot, view, source):
    source.put("/".join(f"level{i}" for i in range(40)))
    view.lines.sync()
    qtbot.waitUntil(lambda: not view.lines.busy)
    row = next(i for i, line in enumerate(view.lines.rows) if line.depth == 39)
    view.resize(420, 300)
    view.scrollTo(view.lines.index(row, 0))
    arrow = view._arrow(row, view.lines.line(row))
    assert arrow.right() < view.header.sectionSize(NAME) - 8 * view.fontMetrics().averageCharWidth()
    assert not view.viewport().grab().isNull()


def test_nothing_to_see_shows_the_hint(view, source, qtbot):
    view.lines.set_filter("none")
    qtbot.waitUntil(lambda: view.lines.rowCount() == 0)
    before = view.viewport().grab().toImage()
    view.set_hint("No channel name contains it")
    assert view.viewport().grab().toImage() != before


def test_keys_without_a_row_do_nothing(qtbot, view):
    view.setCurrentIndex(QtCore.QModelIndex())
    qtbot.keyClick(view, KEY.Key_Return)
    assert view.selected_rows() == []
    with qtbot.assertNotEmitted(view.line_activated):
        view.activate(99)
