"""The view that paints the log."""

from __future__ import annotations

import pytest
from blocks import lines, payload
from hdaemon_panel.log_model import LogModel
from hdaemon_panel.log_view import _MESSAGE_CHARS, LogView
from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.blocks import PayloadBlock
from hdaemon.log import RingLog

KEY = QtCore.Qt.Key


@pytest.fixture
def log() -> RingLog:
    return RingLog(max_rows=1000)


@pytest.fixture
def view(qtbot, log) -> LogView:
    view = LogView()
    qtbot.addWidget(view)
    model = LogModel(log, view)
    view.setModel(model)
    view.resize(800, 300)
    view.show()
    qtbot.waitExposed(view)
    log.append(lines(*[f"line {i}" for i in range(100)]))
    model.sync()
    return view


def pixels(view: LogView) -> QtGui.QImage:
    return view.viewport().grab().toImage()


def colors(image: QtGui.QImage, rect: QtCore.QRect | None = None) -> set[int]:
    rect = rect or image.rect()
    return {image.pixel(x, y) for x in range(rect.left(), rect.right()) for y in range(rect.top(), rect.bottom())}


def test_it_follows_the_newest_row(view, log):
    bar = view.verticalScrollBar()
    assert view.following
    assert bar.value() == bar.maximum() > 0
    last = view.model().index(99, 0)
    assert view.viewport().rect().contains(view.visualRect(last).center())


def test_scrolling_up_stops_following_and_the_end_starts_it_again(qtbot, view, log):
    bar = view.verticalScrollBar()
    with qtbot.waitSignal(view.following_changed):
        bar.setValue(10)
    assert not view.following
    log.append(lines("new"))
    view.model().sync()
    assert bar.value() == 10
    with qtbot.waitSignal(view.following_changed):
        bar.setValue(bar.maximum())
    assert view.following


def test_selecting_stops_following(qtbot, view):
    row = view.model().index(95, 0)
    qtbot.mouseClick(view.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=view.visualRect(row).center())
    assert view.selected_rows() == [(95, 95)]
    assert not view.following


def test_rows_that_go_leave_the_rest_in_place(view, log):
    view.verticalScrollBar().setValue(40)
    log.append(lines(*[str(i) for i in range(910)]))  # 10 rows too many
    view.model().sync()
    assert view.model().data(view.indexAt(QtCore.QPoint(1, 1)).siblingAtColumn(5)) == "line 40"


@pytest.mark.parametrize(
    ("key", "row"),
    [(KEY.Key_Up, 49), (KEY.Key_Down, 51), (KEY.Key_Home, 0), (KEY.Key_End, 99)],
)
def test_keys_move_the_current_row(qtbot, view, key, row):
    view.setCurrentIndex(view.model().index(50, 0))
    qtbot.keyClick(view, key)
    assert view.currentIndex().row() == row
    assert view.viewport().rect().contains(view.visualRect(view.currentIndex()).center())


def test_pages(qtbot, view):
    view.setCurrentIndex(view.model().index(50, 0))
    qtbot.keyClick(view, KEY.Key_PageDown)
    down = view.currentIndex().row()
    assert down > 55
    qtbot.keyClick(view, KEY.Key_PageUp)
    assert view.currentIndex().row() == 50


def test_shift_selects_a_range(qtbot, view):
    view.setCurrentIndex(view.model().index(50, 0))
    qtbot.keyClick(view, KEY.Key_Down, QtCore.Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(view, KEY.Key_Down, QtCore.Qt.KeyboardModifier.ShiftModifier)
    assert view.selected_rows() == [(50, 52)]
    assert not view.visualRegionForSelection(view.selectionModel().selection()).isEmpty()


def test_select_all(view):
    view.selectAll()
    assert view.selected_rows() == [(0, 99)]


def test_it_draws_text_and_the_selection(view):
    image = pixels(view)
    assert len(colors(image)) > 4
    index = view.model().index(98, 5)
    blank = view.visualRect(index).center()  # far to the right of the short text
    highlight = view.palette().color(QtGui.QPalette.ColorRole.Highlight).rgb()
    assert image.pixel(blank) != highlight
    view.setCurrentIndex(index)
    assert pixels(view).pixel(blank) == highlight


def test_no_text_runs_over_its_column(view, log):
    log.append(payload(b"w" * 5000, "text/plain", client="a client with a name that is far too long " * 3))
    view.model().sync()
    ratio = view.devicePixelRatioF()
    image = pixels(view)
    rect = view.visualRect(view.model().index(100, 1))
    gap = QtCore.QRect(int((rect.right() - 1) * ratio), int(rect.top() * ratio), 2, int(rect.height() * ratio))
    assert len(colors(image, gap)) == 1


def test_a_narrow_view_hides_columns_and_keeps_the_message(view):
    view.resize(1400, 300)
    assert not any(view.header.isSectionHidden(column) for column in range(6))
    view.resize(300, 300)
    hidden = [view.header.isSectionHidden(column) for column in range(6)]
    assert hidden[0] is False
    assert hidden[5] is False
    assert hidden[3] is True
    view.resize(1400, 300)
    assert not any(view.header.isSectionHidden(column) for column in range(6))


def test_an_empty_view_shows_its_hint(view, log):
    log.clear()
    view.model().sync()
    empty = colors(pixels(view))
    view.set_hint("Nothing yet")
    assert len(colors(pixels(view))) > len(empty)


def test_nothing_where_nothing_is(view):
    assert not view.indexAt(QtCore.QPoint(5, -3)).isValid()
    assert not view.indexAt(QtCore.QPoint(5, 100_000)).isValid()
    assert view.visualRect(QtCore.QModelIndex()).isEmpty()
    view.scrollTo(QtCore.QModelIndex())
    view.model().set_filter("none has this")
    assert not view.moveCursor(
        QtWidgets.QAbstractItemView.CursorAction.MoveDown, QtCore.Qt.KeyboardModifier.NoModifier
    ).isValid()


def test_where_channels_are_used_they_outlive_the_clients_in_a_narrow_view(qtbot, view, log):
    message = (_MESSAGE_CHARS + 4) * view._look.fixed_metrics.averageCharWidth()
    view.resize(view._width(0) + view._width(2) + message, 300)  # room for one of the two
    assert not view.header.isSectionHidden(1)
    assert view.header.isSectionHidden(2)
    log.append(PayloadBlock(2.5, 1, "rig/camera", "application/json", b"{}", "client-1", "print"))
    view.model().sync()
    qtbot.waitUntil(lambda: view.header.isSectionHidden(1) and not view.header.isSectionHidden(2))
