"""Arrays as a table."""

from __future__ import annotations

import numpy as np
import pytest
from hdaemon_panel import arrays_table
from hdaemon_panel.arrays_table import ArraysModel, ArraysView, extremes, total_bytes
from qtpy import QtCore

TIP = int(QtCore.Qt.ItemDataRole.ToolTipRole)


def found(array) -> tuple[str, str, int]:
    answer = extremes(np.asarray(array))
    return answer.low, answer.high, answer.nans


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        ([3, -1, 2], ("-1", "3", 0)),
        (np.array([1.5, np.nan, -2], "f4"), ("-2", "1.5", 1)),
        (np.full(4, np.nan), ("", "", 4)),
        (np.array([np.inf, -np.inf, 0]), ("-inf", "inf", 0)),
        (np.array([True, False]), ("false", "true", 0)),
        (np.array([2**64 - 1], "u8"), (str(2**64 - 1),) * 2 + (0,)),
        (np.array([1, 2], ">i4"), ("1", "2", 0)),
        (np.array(7.0), ("7", "7", 0)),
        (np.zeros((0, 3)), ("", "", 0)),
        (np.array(["a", "b"]), ("", "", 0)),
        (np.array([1 + 2j]), ("", "", 0)),
        (np.zeros(2, [("x", "f4")]), ("", "", 0)),
        (np.array([0.5, 0.25], "f2"), ("0.25", "0.5", 0)),
    ],
)
def test_extremes(array, wanted):
    assert found(array) == wanted


@pytest.mark.parametrize("order", ["C", "F"])
def test_extremes_part_by_part(monkeypatch, order):
    monkeypatch.setattr(arrays_table, "_CHUNK", 7)
    array = np.asarray(np.arange(100.0).reshape(10, 10), order=order)
    array[3, 3] = -5
    array[5, :] = np.nan
    assert found(array) == ("-5", "99", 10)


def test_extremes_stop_when_nobody_wants_them(monkeypatch):
    monkeypatch.setattr(arrays_table, "_CHUNK", 10)
    answers = iter([True, True, False])
    answer = extremes(np.arange(1000), lambda: next(answers))
    assert (answer.low, answer.high) == ("", "")
    assert next(answers, None) is None


def test_rows(qapp, qtmodeltester):
    model = ArraysModel()
    qtmodeltester.check(model)
    arrays = {
        "P": np.arange(12, dtype="f4").reshape(4, 3),
        "": np.array(5, "i8"),
        "s": np.zeros(2, [("x", "f4"), ("y", "i2")]),
    }
    arrays["P"][0, 0] = np.nan
    model.set_arrays(arrays)
    rows = [model.cells(line) for line in model.rows]
    assert rows[0] == ("P", "float32", "4 × 3", "", "", "[nan, 1, 2, 3, 4, 5, 6, 7, …]")
    assert rows[1] == ("array", "int64", "one value", "", "", "[5]")
    assert rows[2][:3] == ("s", "2 fields", "2")
    model.set_extremes({name: extremes(array) for name, array in arrays.items()})
    assert model.cells(model.rows[0])[3:] == ("1", "11", "1 NaN   [nan, 1, 2, 3, 4, 5, 6, 7, …]")
    assert "1 values are not a number" in model.data(model.index(0, 0), TIP)
    model.set_arrays({name: array.copy() for name, array in arrays.items()})
    assert model.cells(model.rows[0])[3] == "1"  # until there are new ones
    model.set_arrays({"other": np.zeros(1)})
    assert model.cells(model.rows[0])[3] == ""
    assert total_bytes(arrays) == 48 + arrays[""].nbytes + 12


def test_a_narrow_view_keeps_names_and_shapes(qtbot):
    view = ArraysView()
    qtbot.addWidget(view)
    view.arrays.set_arrays({"P": np.zeros((3, 3))})
    view.resize(1200, 200)
    view.show()
    qtbot.waitExposed(view)
    assert not any(view.header.isSectionHidden(column) for column in range(6))
    view.resize(220, 200)
    hidden = [view.header.isSectionHidden(column) for column in range(6)]
    assert (hidden[0], hidden[2], hidden[5]) == (False, False, True)
    assert not view.viewport().grab().isNull()
