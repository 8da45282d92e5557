"""The channels as lines of a tree."""

from __future__ import annotations

import time

import pytest
from channel_source import Source
from hdaemon_panel import channels_model
from hdaemon_panel.channels_model import AGE, CHANNEL_COLUMNS, ChannelsModel
from hypothesis import given
from hypothesis import strategies as st
from qtpy import QtCore

TIP = int(QtCore.Qt.ItemDataRole.ToolTipRole)


@pytest.fixture
def source() -> Source:
    return Source("default", "maya", "maya/body", "rig/camera")


@pytest.fixture
def model(qapp, source) -> ChannelsModel:
    model = ChannelsModel(source)
    synced(model)
    return model


def synced(model: ChannelsModel) -> None:
    model.sync()
    done(model)


def done(model: ChannelsModel) -> None:
    while model.busy:
        model._job.step()


def paths(model: ChannelsModel) -> list[str]:
    return [line.path for line in model.rows]


def texts(model: ChannelsModel, row: int) -> list[str]:
    return [model.data(model.index(row, column)) for column in range(len(CHANNEL_COLUMNS))]


@pytest.mark.parametrize("stage", ["empty", "changing", "full", "filtered"])
def test_the_model_tester_agrees(qtmodeltester, qapp, stage):
    source = Source()
    model = ChannelsModel(source)
    if stage in ("empty", "changing"):
        qtmodeltester.check(model)  # from here on it also watches every change
    for name in ("b/1", "b/2", "a", "c/1/2", "c"):
        source.put(name)
    synced(model)
    if stage == "full":
        qtmodeltester.check(model)
    model.set_expanded(model.row_of("b"), False)
    source.put("b/3")
    source.put("aa")
    del source.infos["c"]
    synced(model)
    model.set_expanded(model.row_of("b"), True)
    model.set_filter("b/")
    done(model)
    if stage == "filtered":
        qtmodeltester.check(model)
    assert paths(model) == ["b", "b/1", "b/2", "b/3"]
    model.set_filter("")
    done(model)
    assert paths(model) == ["a", "aa", "b", "b/1", "b/2", "b/3", "c", "c/1", "c/1/2"]


def test_what_it_shows(model, source):
    source.put("maya", "hello", serial=7, content_type="application/json", size=1500, rate=29.96)
    source.put("rig/camera", time=time.time() - 125)
    model.refresh(0, 10)
    assert paths(model) == ["default", "maya", "maya/body", "rig", "rig/camera"]
    assert texts(model, 1) == ["maya", "hello", "json", "1.5 kB", "30/s", "now"]
    assert texts(model, 3) == ["rig", "", "", "", "", ""]
    assert texts(model, 4)[AGE] == "2 min"
    model.set_expanded(3, False)
    assert texts(model, 3)[:2] == ["rig", "1 channel"]
    header = [model.headerData(i, QtCore.Qt.Orientation.Horizontal) for i in range(6)]
    assert header == list(CHANNEL_COLUMNS)


def test_the_tool_tip_says_more(model, source):
    source.put("maya", "hello", messages=1234, stored=False)
    tip = model.data(model.index(1, 0), TIP)
    assert "1,234 messages" in tip
    assert "not stored: it came in print mode" in tip
    assert model.data(model.index(3, 0), TIP) == "rig/: 1 channel"


def test_only_changed_rows_are_told(model, source):
    told = []
    model.refresh(0, 10)
    model.dataChanged.connect(lambda first, last, *_: told.append((first.row(), last.row())))
    model.refresh(0, 10)
    assert told == []
    source.put("maya/body", "other", serial=2)
    model.refresh(0, 10)
    assert told == [(2, 2)]


def test_only_rows_in_sight_are_looked_at(qapp):
    source = Source(*(f"c{i}" for i in range(1000)))
    model = ChannelsModel(source)
    synced(model)
    source.asked.clear()
    model.refresh(10, 19)
    assert source.asked == [f"c{i}" for i in range(10, 20)]


def test_rows_keep_their_place_and_levels_stay_closed_while_channels_come_and_go(model, source):
    model.set_expanded(model.row_of("maya"), False)
    kept = QtCore.QPersistentModelIndex(model.index(model.row_of("rig/camera"), 0))
    source.put("a/new")
    source.put("maya/hands")
    del source.infos["default"]
    synced(model)
    assert paths(model) == ["a", "a/new", "maya", "rig", "rig/camera"]
    assert kept.row() == 4
    model.set_expanded(2, True)
    assert paths(model)[2:5] == ["maya", "maya/body", "maya/hands"]


def test_inserted_by_runs_not_by_rows(model, source):
    inserted = []
    model.rowsInserted.connect(lambda _, first, last: inserted.append((first, last)))
    for number in range(100):
        source.put(f"default2/{number}")
    synced(model)
    assert inserted == [(1, 101)]


def test_ten_thousand_are_taken_in_slices(qapp, monkeypatch):
    monkeypatch.setattr(channels_model, "_NAMES_A_STEP", 16)
    source = Source(*(f"rig{i % 7}/joint{i}" for i in range(10_000)))
    model = ChannelsModel(source)
    model.sync()
    steps = 0
    while model.busy:
        model._job.step(budget_s=0)  # to the next point where it may be interrupted
        steps += 1
    assert steps > 600
    assert model.channel_count == 10_000
    assert paths(model)[:2] == ["rig0", "rig0/joint0"]


def test_opened_and_closed_while_names_are_taken_in(model, source):
    for number in range(500):
        source.put(f"maya/{number}")
    model._job._budget_s = 0  # a name at a time
    model.sync()
    assert model.busy
    model.set_expanded(model.row_of("maya"), False)
    done(model)
    synced(model)
    assert paths(model) == ["default", "maya", "rig", "rig/camera"]
    model.set_expanded(1, True)
    assert model.rowCount() == 505


def test_parents(model):
    assert model.parent_row(2) == 1
    assert model.parent_row(0) == -1
    assert model.parent_row(99) == -1
    assert model.info(3) is None
    assert model.info(4).channel == "rig/camera"


NAMES = st.sets(st.text(alphabet="ab/", min_size=1, max_size=5), max_size=8)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["", "a", "b/"]), st.integers(0, 9)), min_size=1, max_size=5))
def test_same_as_one_that_was_made_of_it_at_once(qapp, stages):
    source = Source()
    model = ChannelsModel(source)
    closed: set[str] = set()
    for names, needle, row in stages:
        source.infos.clear()
        for name in names:
            source.put(name)
        synced(model)
        model.set_filter(needle)
        done(model)
        line = model.line(row)
        if line is not None and line.children and not needle:
            model.set_expanded(row, not line.expanded)
        closed = {line.path for line in _all(model) if not line.expanded}
    fresh = ChannelsModel(source)
    synced(fresh)
    for line in _all(fresh):
        line.expanded = line.path not in closed
    fresh.set_filter("?")
    done(fresh)
    fresh.set_filter(stages[-1][1])
    done(fresh)
    assert paths(model) == paths(fresh)


def _all(model: ChannelsModel) -> list:
    found, stack = [], list(model._tree.root.order)
    while stack:
        node = stack.pop()
        found.append(node)
        stack += node.order
    return found
