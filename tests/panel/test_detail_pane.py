"""The details of one message, on a real server."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hdaemon_panel import detail_pane, examine
from panel_values import cells, clipboard, npy
from qtpy import QtGui, QtWidgets

from hdaemon import content
from hdaemon.content import safetensors


def test_text(put, select_row, detail):
    put("notes", b"two\nlines")
    select_row("notes")
    assert detail.body.currentWidget() is detail.body.text
    assert detail.body.text.toPlainText() == "two\nlines"
    assert detail.body.text.isReadOnly()
    facts = detail.header.facts.text()
    assert "text/plain" in facts
    assert "9 B" in facts
    assert "client-1" in facts
    assert facts.startswith("#")
    assert facts.endswith("stored")
    assert not detail.header.note.isVisible()


def test_json_is_a_tree(put, select_row, detail, qtbot):
    put("pose", json.dumps({"t": [1, 2], "pad": "x" * 5000}).encode(), content.JSON)
    select_row("pose")
    assert detail.body.currentWidget() is detail.body.tree
    assert cells(detail.body.tree.tree)[0] == ("t", "[1, 2]")
    detail.body.copy_value()
    qtbot.waitUntil(lambda: clipboard().startswith('{"t": [1, 2], "pad": "xxx'))
    detail.body.tree.setCurrentIndex(detail.body.tree.tree.index(0, 0))
    detail.body.copy_tree()
    qtbot.waitUntil(lambda: clipboard() == "[1, 2]")
    detail.body.copy_path()
    assert clipboard() == "['t']"
    detail.header.views.parts[1].click()
    assert detail.body.text.toPlainText().startswith('{"t"')
    detail.header.views.parts[2].click()
    assert detail.body.currentWidget() is detail.body.hex
    detail.header.views.parts[0].click()
    assert detail.body.currentWidget() is detail.body.tree


def test_arrays_are_a_table(put, select_row, detail, qtbot):
    points = np.arange(3000, dtype="f4").reshape(1000, 3)
    points[5, 1] = np.nan
    payload = b"".join(safetensors.encode({"P": points, "id": np.arange(4)}, {"frame": "12"}))
    put("mesh", payload, content.SAFETENSORS)
    select_row("mesh")
    assert detail.body.currentWidget() is detail.body.arrays
    table = detail.body.arrays.arrays
    qtbot.waitUntil(lambda: cells(table)[0][3] != "")
    rows = {row[0]: row for row in cells(table)}
    assert rows["P"][:5] == ("P", "float32", "1,000 × 3", "0", "2999")
    assert rows["id"][2:5] == ("4", "0", "3")
    assert detail.header.note.text() == "frame: 12"
    detail.body.copy_arrays()
    assert clipboard().splitlines()[0].startswith("Name\tType\tShape")
    assert len(clipboard().splitlines()) == 3


def test_extremes_of_large_arrays_when_asked(put, select_row, detail, qtbot, monkeypatch):
    monkeypatch.setattr(detail_pane, "MEASURED_BYTES", 1000)
    put("depth", npy(np.arange(5000)), content.NPY)
    select_row("depth")
    assert cells(detail.body.arrays.arrays)[0][3:5] == ("", "")
    assert detail.header.ask.text() == "Min and max of 40 kB"
    detail.header.ask.click()
    qtbot.waitUntil(lambda: cells(detail.body.arrays.arrays)[0][3:5] == ("0", "4999"))
    assert not detail.header.ask.isVisible()


def test_bytes_are_in_hexadecimal(put, select_row, detail):
    put("blob", bytes(range(64)), "application/x-own")
    select_row("blob")
    assert detail.body.currentWidget() is detail.body.hex
    assert not detail.header.views.isVisible()
    detail.body.copy_value()
    assert clipboard().startswith("0000  00 01 02")


@pytest.mark.parametrize("size", [10, 5000])
def test_what_does_not_decode_shows_its_error_and_its_bytes(put, select_row, detail, browser, size):
    payload = b'{"x": }' + b" " * size
    put("broken", payload, content.JSON)
    select_row("broken")
    assert detail.body.currentWidget() is detail.body.hex
    assert detail.header.note.text().startswith("not JSON: ")
    color = detail.header.note.palette().color(QtGui.QPalette.ColorRole.WindowText)
    assert color.red() > color.green() + 30
    assert browser.log.view.errors._known[detail.row_number] == detail.error
    detail.header.views.parts[1].click()
    assert detail.body.text.toPlainText() == payload.decode()


def test_megabytes_of_text_are_not_drawn(put, select_row, detail, tmp_path: Path, qtbot, monkeypatch):
    payload = b"0123456789" * 1_000_000
    put("big", payload)
    select_row("big")
    assert len(detail.body.text.toPlainText()) == examine.TEXT_BYTES
    assert "9.93 MB more are not" in detail.header.note.text()
    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "big.txt"), ""))
    with qtbot.waitSignal(detail.said) as said:
        detail.header.ask.click()
    assert said.args[0].startswith("Saved 10 MB to big.txt")
    assert (tmp_path / "big.txt").read_bytes() == payload


def test_a_large_value_is_decoded_when_asked(put, select_row, detail, qtbot):
    put("large", json.dumps(["word"] * 100_000).encode(), content.JSON)
    select_row("large")
    assert detail.body.currentWidget() is detail.body.hex
    assert detail.header.ask.text() == "Decode"
    assert "not decoded unasked" in detail.header.note.text()
    detail.header.ask.click()
    qtbot.waitUntil(lambda: detail.body.currentWidget() is detail.body.tree)
    assert cells(detail.body.tree.tree)[-1][0] == "… 99,000 more"
    assert not detail.header.ask.isVisible()
    detail.clear()
    qtbot.waitUntil(lambda: not detail.body._letting_go.running)


def test_what_is_too_large_is_refused(put, select_row, detail, monkeypatch):
    monkeypatch.setattr(detail_pane, "auto_limit", lambda kind: 3000)
    monkeypatch.setattr(detail_pane, "most", lambda kind: 4000)
    put("huge", b"[" + b"1," * 3000 + b"1]", content.JSON)
    select_row("huge")
    assert "too much to be shown" in detail.header.note.text()
    assert not detail.header.ask.isVisible()


def test_decoding_that_takes_too_long_is_given_up(put, select_row, detail, qtbot, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(detail_pane, "examine", lambda *_: gate.wait(10))
    detail._worker._deadline_s = 0.2
    try:
        put("slow", b"[" + b"1," * 3000 + b"1]", content.JSON)
        select_row("slow")
        assert "takes too long" in detail.header.note.text()
        assert detail.body.currentWidget() is detail.body.hex
    finally:
        gate.set()
        qtbot.waitUntil(lambda: detail._worker._running is None)


def test_a_lifecycle_row(browser, detail, qtbot):
    browser.log.view.setCurrentIndex(browser.log.model.index(0, 0))
    qtbot.waitUntil(detail.isVisible)
    assert detail.header.title.text() == "started"
    assert "127.0.0.1" in detail.body.text.toPlainText()
    assert not detail.header.save.isEnabled()
    assert not detail.header.views.isVisible()


def test_a_payload_that_was_let_go(browser, put, select_row, detail, running):
    put("gone", b"what is left")
    running.log.set_limits(1000, 4)
    select_row("gone")
    assert "let go" in detail.header.note.text()
    assert detail.body.text.toPlainText() == "what is left"


def test_a_channel_shows_its_value_as_it_changes(put, select_channel, detail, qtbot):
    put("pose", b'{"t": [1, 2], "f": 1}', content.JSON)
    select_channel("pose")
    tree = detail.body.tree
    tree.tree.set_expanded(0, True)
    tree.setCurrentIndex(tree.tree.index(1, 0))
    put("pose", b'{"t": [7, 2], "f": 2}', content.JSON)
    qtbot.waitUntil(lambda: cells(tree.tree)[1] == ("0", "7"))
    assert tree.currentIndex().row() == 1
    put("pose", b"plain now")
    qtbot.waitUntil(lambda: detail.body.currentWidget() is detail.body.text)


def test_a_channel_that_was_only_shown(put, select_channel, detail, running, qtbot):
    running.mode = "print"
    put("shown", b"for the eyes")
    select_channel("shown")
    assert "Nothing is stored" in detail.header.note.text()
    assert detail.body.text.toPlainText() == "for the eyes"
    running.mode = "evaluate"
    put("shown", b"kept")
    qtbot.waitUntil(lambda: detail.body.text.toPlainText() == "kept")
    running.mode = "print"
    put("shown", b"later")
    detail._message = None
    qtbot.waitUntil(lambda: detail.header.facts.text().endswith("later ones only shown"))
    assert detail.body.text.toPlainText() == "kept"
