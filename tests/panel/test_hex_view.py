"""Bytes in hexadecimal."""

from __future__ import annotations

import pytest
from hdaemon_panel.hex_view import HexView
from qtpy import QtCore

KEY, SHIFT = QtCore.Qt.Key, QtCore.Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def view(qtbot) -> HexView:
    view = HexView()
    qtbot.addWidget(view)
    view.resize(1200, 200)
    view.show()
    qtbot.waitExposed(view)
    view.set_payload(bytes(range(256)) * 4)
    return view


def test_lines(view):
    assert view.width_bytes == 16
    assert view.line_count == 64
    assert view.line(4) == ("0040", "40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f", "@ABCDEFGHIJKLMNO")
    assert view.line(7)[2] == "pqrstuvwxyz{|}~·"
    view.set_payload(memoryview(b"abc"))
    assert view.line(0) == ("0000", "61 62 63", "abc")
    view.set_payload(b"")
    assert view.line_count == 0
    view.select(0)
    assert list(view.selected()) == []


def test_a_narrow_view_has_shorter_lines(view):
    view.resize(300, 200)
    assert view.width_bytes in (4, 8)
    assert view.line(1)[0] == f"{view.width_bytes:04x}"
    assert view.line_count == 1024 // view.width_bytes


def test_a_gigabyte_costs_nothing(qtbot, view):
    class Huge:
        """A payload that is never there as a whole."""

        def __len__(self) -> int:
            return 1 << 30

        def __getitem__(self, part: slice) -> bytes:
            read.append(part.stop - part.start)
            assert sum(read) < 100_000
            return b"x" * (part.stop - part.start)

    read: list[int] = []
    view.set_payload(Huge())  # type: ignore[arg-type]
    assert not view.viewport().grab().isNull()
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    assert not view.viewport().grab().isNull()
    assert sum(read) > 0
    assert view.line(view.line_count - 1)[0] == "3ffffff0"


def test_keys_select_and_copy(qtbot, view):
    qtbot.keyClick(view, KEY.Key_Down)
    qtbot.keyClick(view, KEY.Key_Down)
    qtbot.keyClick(view, KEY.Key_Down, SHIFT)
    assert list(view.selected()) == [1, 2]
    assert view.selected_text().splitlines()[0].startswith("0010  10 11 12")
    assert len(view.selected_text().splitlines()) == 2
    qtbot.keyClick(view, KEY.Key_End)
    assert list(view.selected()) == [63]
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum()
    qtbot.keyClick(view, KEY.Key_PageUp)
    qtbot.keyClick(view, KEY.Key_Home)
    assert (list(view.selected()), bar.value()) == ([0], 0)


def test_the_mouse_selects(qtbot, view):
    left = QtCore.Qt.MouseButton.LeftButton
    qtbot.mouseClick(view.viewport(), left, pos=QtCore.QPoint(50, 2))
    assert list(view.selected()) == [0]
    before = view.viewport().grab().toImage()
    qtbot.mouseClick(view.viewport(), left, SHIFT, QtCore.QPoint(50, 60))
    assert len(view.selected()) > 2
    assert view.viewport().grab().toImage() != before


def test_nothing_selected_copies_from_the_top(view):
    assert len(view.selected_text().splitlines()) == 64
    view.set_payload(bytes(1 << 20))
    assert len(view.selected_text().splitlines()) == 4096
