"""JSON as a tree of lines."""

from __future__ import annotations

import json

import pytest
from hdaemon_panel.json_tree import LEVEL_LINES, TreeModel, TreeView, as_json, preview
from hypothesis import given
from hypothesis import strategies as st
from qtpy import QtCore

KEY = QtCore.Qt.Key
TIP = int(QtCore.Qt.ItemDataRole.ToolTipRole)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def model(qapp) -> TreeModel:
    return TreeModel()


def lines(model: TreeModel) -> list[tuple[int, str, str]]:
    return [(line.depth, *model.cells(line)) for line in model.rows]


def names(model: TreeModel) -> list[str]:
    return [name for _, name, _ in lines(model)]


@pytest.mark.parametrize("stage", ["empty", "changing", "open"])
def test_the_model_tester_agrees(qtmodeltester, qapp, stage):
    model = TreeModel()
    if stage != "open":
        qtmodeltester.check(model)
    model.set_value({"a": [1, {"b": 2}], "c": {}, "long": list(range(2 * LEVEL_LINES))})
    model.set_expanded(0, True)
    model.set_expanded(4, True)
    if stage == "open":
        qtmodeltester.check(model)
    model.show_more(model.rowCount() - 1)
    model.set_value({"a": [1, {"b": 3}], "d": 1})
    assert names(model) == ["a", "0", "1", "d"]


def test_levels_are_made_when_they_are_opened(model):
    model.set_value({"t": [1.5, 2, None], "name": 'A "cam"', "on": True, "none": {}})
    assert lines(model) == [
        (0, "t", "[1.5, 2, null]"),
        (0, "name", '"A \\"cam\\""'),
        (0, "on", "true"),
        (0, "none", "{}"),
    ]
    model.set_expanded(0, True)
    assert lines(model)[1:4] == [(1, "0", "1.5"), (1, "1", "2"), (1, "2", "null")]
    assert model.parent_row(2) == 0
    model.set_expanded(3 + 1, True)  # no level: stays as it is
    model.set_expanded(0, False)
    assert names(model) == ["t", "name", "on", "none"]


@pytest.mark.parametrize("value", ["text", 3, None, 1.5, True, b"\0\1"])
def test_a_value_that_is_no_level_is_one_line(model, value):
    model.set_value(value)
    assert lines(model) == [(0, "", preview(value))]
    assert model.path_text(model.rows[0]) == ""


def test_a_thousand_lines_and_the_rest_when_asked(model):
    model.set_value({"long": list(range(2500))})
    model.set_expanded(0, True)
    assert model.rowCount() == 1 + LEVEL_LINES + 1
    assert names(model)[-1] == "… 1,500 more"
    assert not model.show_more(3)
    assert model.show_more(model.rowCount() - 1)
    assert names(model)[-2:] == ["1999", "… 500 more"]
    model.show_more(model.rowCount() - 1)
    assert names(model)[-1] == "2499"
    assert model.rowCount() == 2501


def test_a_new_value_of_the_same_shape_only_changes_cells(model, qtbot):
    model.set_value({"t": [1, 2], "f": 1})
    model.set_expanded(0, True)
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged):
        model.set_value({"t": [1, 3], "f": 2})
    assert lines(model) == [(0, "t", "[1, 3]"), (1, "0", "1"), (1, "1", "3"), (0, "f", "2")]


def test_a_new_value_of_another_shape_keeps_levels_open_and_long_ones_long(model):
    model.set_value({"a": {"b": [1]}, "long": list(range(3000))})
    model.set_expanded(0, True)
    model.set_expanded(1, True)
    model.set_expanded(3, True)
    model.show_more(model.rowCount() - 1)
    model.set_value({"new": 0, "a": {"b": [1, 2], "c": 1}, "long": list(range(3001))})
    assert names(model)[:7] == ["new", "a", "b", "0", "1", "c", "long"]
    assert names(model)[-2:] == ["1999", "… 1,001 more"]


def test_a_number_and_its_text_are_two_keys(model):
    model.set_value({1: [0], "1": [2]})
    model.set_expanded(0, True)
    model.set_value(model.value)
    assert sum(line.open for line in model.rows) == 1


def test_paths_are_what_python_writes(model):
    model.set_value({"lens": [{"near": 0.1}]})
    model.set_expanded(0, True)
    model.set_expanded(1, True)
    assert model.path_text(model.rows[2]) == "['lens'][0]['near']"
    assert model.data(model.index(2, 0), TIP) == "['lens'][0]['near']"
    assert model.data(model.index(2, 1), TIP) == "0.1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "[]"),
        ({"a": {"b": {"c": 1}}}, "{a: {b: {…}}}"),
        ("line\nbreak\x07", '"line\\nbreak\\u0007"'),
        (b"\0\xff", "2 bytes  00 ff"),
        (bytes(20), f"20 bytes  {'00 ' * 15}00 …"),
        (1 << 5000, "a whole number of 5,001 bits"),
        ((1, 2), "[1, 2]"),
    ],
)
def test_previews(value, text):
    assert preview(value) == text


def test_a_preview_is_short_and_quick_whatever_the_value():
    assert len(preview("x" * 10_000_000)) < 200
    assert len(preview(list(range(10_000_000)))) < 200
    assert len(preview({str(i): ["y" * 1000] * 1000 for i in range(1000)})) < 400


@given(VALUES)
def test_copied_json_is_json(value):
    assert json.loads("".join(as_json(value))) == value


def test_what_json_cannot_say_becomes_text():
    text = "".join(as_json({1: b"\1", None: (1, object)}))
    assert json.loads(text) == {"1": "01", "null": [1, repr(object)]}


@given(VALUES, VALUES)
def test_the_lines_of_a_new_value_are_those_of_a_fresh_model(qapp, first, second):
    model, fresh = TreeModel(), TreeModel()
    model.set_value(first)
    for row in range(model.rowCount() - 1, -1, -1):
        model.set_expanded(row, True)
    model.set_value(second)
    fresh.set_value(second)
    wanted = {line.path for line in model.rows if line.open}
    row = 0
    while row < fresh.rowCount():
        if fresh.rows[row].path in wanted:
            fresh.set_expanded(row, True)
        row += 1
    assert lines(model) == lines(fresh)


def test_the_view_keeps_the_selected_line(qtbot):
    view = TreeView()
    qtbot.addWidget(view)
    view.tree.set_value({"a": 1, "b": {"c": 2}})
    view.setCurrentIndex(view.tree.index(1, 0))
    qtbot.keyClick(view, KEY.Key_Return)
    qtbot.keyClick(view, KEY.Key_Down)
    view.tree.set_value({"0": 0, "a": 1, "b": {"c": 3}})
    assert view.currentIndex().row() == 3
    assert names(view.tree)[3] == "c"


def test_enter_shows_more(qtbot):
    view = TreeView()
    qtbot.addWidget(view)
    view.tree.set_value(list(range(LEVEL_LINES + 1)))
    view.setCurrentIndex(view.tree.index(LEVEL_LINES, 0))
    qtbot.keyClick(view, KEY.Key_Enter)
    assert view.tree.rowCount() == LEVEL_LINES + 1
    assert names(view.tree)[-1] == str(LEVEL_LINES)
