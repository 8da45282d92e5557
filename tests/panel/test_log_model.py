"""The log as a Qt table."""

from __future__ import annotations

import pytest
from blocks import lines, payload
from hdaemon_panel.log_model import LogModel, clock_text
from helpers import wait_until
from qtpy import QtCore

from hdaemon.log import RingLog


@pytest.fixture
def model(qapp, log: RingLog) -> LogModel:
    return LogModel(log)


def texts(model: LogModel) -> list[str]:
    return [model.data(model.index(row, 5)) for row in range(model.rowCount())]


@pytest.mark.parametrize("stage", ["empty", "rows", "wrapped", "filtered", "changing"])
def test_the_model_tester_agrees(qtmodeltester, qapp, stage):
    log = RingLog(max_rows=50)
    model = LogModel(log)
    if stage in ("empty", "changing"):
        qtmodeltester.check(model)  # from here on it also watches every change
    log.append(lines("a", "b"))
    log.event(0.0, "refused", "why")
    log.append(payload(b"\0\1"))
    model.sync()
    if stage == "rows":
        qtmodeltester.check(model)
    log.append(lines(*map(str, range(200))))  # removes every row that is shown
    model.sync()
    if stage == "wrapped":
        qtmodeltester.check(model)
    model.set_filter("1")
    if stage == "filtered":
        qtmodeltester.check(model)
    # In slices: a machine that is busy may need a second one.
    wait_until(lambda: model.rowCount() == sum("1" in str(number) for number in range(150, 200)))


def test_nothing_changes_before_sync(model, log):
    log.append(lines("a"))
    assert model.rowCount() == 0
    model.sync()
    assert texts(model) == ["a"]


def test_a_batch_is_one_insertion_and_one_removal(qtbot, qapp):
    log = RingLog(max_rows=1000)
    model = LogModel(log)
    inserted, removed = [], []
    model.rowsInserted.connect(lambda _, first, last: inserted.append(last - first + 1))
    model.rowsRemoved.connect(lambda _, first, last: removed.append(last - first + 1))
    for i in range(30):
        log.append(lines(*[f"{i} {j}" for j in range(100)]))
    model.sync()
    assert (inserted, removed) == ([1000], [])
    log.append(lines("x", "y"))
    model.sync()
    assert (inserted, removed) == ([1000, 2], [2])
    assert texts(model)[-2:] == ["x", "y"]
    assert texts(model)[0] == "20 2"


def test_columns(model, log):
    log.append(lines("héllo"))
    log.event(3.25, "connected", "127.0.0.1:9", "client-1")
    model.sync()
    rows = [[model.data(model.index(row, column)) for column in range(6)] for row in range(2)]
    assert rows[0] == [clock_text(1.5), "client-1", "default", "text", "6 B", "héllo"]
    assert rows[1] == [clock_text(3.25), "client-1", "", "connected", "", "127.0.0.1:9"]
    assert rows[1][0].endswith(".250")
    header = [model.headerData(i, QtCore.Qt.Orientation.Horizontal) for i in range(6)]
    assert header == ["Time", "Client", "Channel", "Type", "Size", "Message"]


def test_short_types_and_their_whole_names(model, log):
    log.append(payload(b"", "application/vnd.safetensors"))
    model.sync()
    assert model.data(model.index(0, 3)) == "safetensors"
    tip = int(QtCore.Qt.ItemDataRole.ToolTipRole)
    assert model.data(model.index(0, 3), tip) == "application/vnd.safetensors"
    assert model.data(model.index(0, 2), tip) == "default"


def test_a_payload_that_was_let_go_says_so(qapp):
    log = RingLog(max_payload_bytes=4)
    model = LogModel(log)
    log.append(lines("too large to keep"))
    model.sync()
    tip = model.data(model.index(0, 5), int(QtCore.Qt.ItemDataRole.ToolTipRole))
    assert texts(model) == ["too large to keep"]
    assert "17 bytes was let go" in tip


def test_paused_it_keeps_what_it_shows(qapp):
    log = RingLog(max_rows=3)
    model = LogModel(log)
    log.append(lines("a", "b", "c"))
    model.sync()
    model.set_paused(True)
    log.append(lines("d", "e", "f"))
    model.sync()
    assert texts(model) == ["a", "b", "c"]
    model.set_paused(False)
    assert texts(model) == ["d", "e", "f"]


def test_held_it_keeps_its_rows_and_takes_new_ones(qapp):
    log = RingLog(max_rows=4)
    model = LogModel(log)
    log.append(lines("a", "b", "c"))
    model.sync()
    model.set_held(True)
    log.append(lines("d", "e", "f"))
    model.sync()
    assert texts(model) == ["a", "b", "c", "d", "e", "f"]
    for i in range(20):  # more than it may keep: it stands still, and is not torn
        log.append(lines(f"{i} x", f"{i} y", f"{i} z"))
        model.sync()
    assert texts(model)[:6] == ["a", "b", "c", "d", "e", "f"]
    assert model.rowCount() <= 2 * 4 + 3
    model.set_held(False)
    assert texts(model) == ["18 z", "19 x", "19 y", "19 z"]


def test_clearing_the_log_empties_the_model(model, log):
    log.append(lines("a", "b"))
    model.sync()
    log.clear()
    model.sync()
    assert model.rowCount() == 0
    log.append(lines("c"))
    model.sync()
    assert texts(model) == ["c"]


@pytest.mark.parametrize("state", ["set_paused", "set_held"])
def test_cleared_while_it_stands_still(model, log, state):
    log.append(lines("a", "b"))
    model.sync()
    getattr(model, state)(True)
    log.clear()
    log.append(lines("c"))
    model.sync()
    getattr(model, state)(False)
    assert texts(model) == ["c"]


def test_filter(qtbot, model, log):
    log.append(lines("red", "green", "dark red"))
    model.sync()
    model.set_filter("RED")
    qtbot.waitUntil(lambda: texts(model) == ["red", "dark red"])
    log.append(lines("blue", "red again"))
    model.sync()
    qtbot.waitUntil(lambda: texts(model) == ["red", "dark red", "red again"])
    assert list(model.numbers()) == [0, 2, 4]
    assert model.rows_from(2) == 2
    model.set_filter("")
    assert len(texts(model)) == 5


def test_filter_searches_a_full_log_in_slices(qtbot, model, log):
    for i in range(5000):
        log.append(lines(f"message {i}"))
    model.sync()
    model.set_filter("99")
    wanted = [f"message {i}" for i in range(5000) if "99" in str(i)]
    qtbot.waitUntil(lambda: texts(model) == wanted)


def test_filtered_rows_go_with_the_log(qtbot, qapp):
    log = RingLog(max_rows=4)
    model = LogModel(log)
    log.append(lines("a1", "b", "a2", "b"))
    model.sync()
    model.set_filter("a")
    qtbot.waitUntil(lambda: texts(model) == ["a1", "a2"])
    log.append(lines("b", "a3"))
    model.sync()
    qtbot.waitUntil(lambda: texts(model) == ["a2", "a3"])


def test_another_text_while_the_search_runs(qtbot, model, log):
    log.append(payload(b"x" * 20_000_000, "text/plain"))
    log.append(lines("needle"))
    model.sync()
    model.set_filter("yy")
    model.set_filter("needle")
    qtbot.waitUntil(lambda: texts(model) == ["needle"])
