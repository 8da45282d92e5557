"""Rates, slices, labels, icons, exported rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from blocks import lines, payload
from hdaemon_panel import export, icons, standalone
from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.fonts import fixed_font
from hdaemon_panel.labels import age_text, short_type, suffix_for
from hdaemon_panel.rates import Rate, human_bytes, human_count
from hdaemon_panel.segments import Switch
from hdaemon_panel.slices import Slices
from qtpy import QtGui

from hdaemon.log import RingLog


def test_rate_over_the_last_second_and_a_half():
    rate = Rate()
    assert rate.update(10.0, 0, 0) == (0.0, 0.0)
    assert rate.update(11.0, 30, 3000) == (30.0, 3000.0)
    for moment in (12.0, 13.0, 14.0):
        last = rate.update(moment, 30, 3000)
    assert last == (0.0, 0.0)
    assert rate.update(15.0, 5, 5) == (0.0, 0.0)  # a new server counts from 0


def test_a_rate_of_less_than_the_clock_shows():
    rate = Rate()
    rate.update(1000.0, 1, 2)
    assert rate.update(1001.0, 3, 2) == (2.0, 0.0)
    assert rate.update(1002.0, 3, 1) == (0.0, 0.0)
    assert rate.update(1003.0, 4, 2) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64_000_000, "64 MB"), (999_600, "1 MB"), (123_456, "123 kB")],
)
def test_human_bytes(size, text):
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (0.5, "0.5"), (9999, "9,999"), (12_345, "12.3 k"), (5_900_000, "5.9 M")]
)
def test_human_count(count, text):
    assert human_count(count) == text


def test_slices_do_all_the_work_and_no_more_a_turn_than_told(qtbot):
    done = []

    def work():
        for i in range(1000):
            done.append(i)
            yield

    slices = Slices()
    slices.start(work())
    with qtbot.waitSignal(slices.finished) if slices.running else qtbot.assertNotEmitted(slices.failed):
        pass
    qtbot.waitUntil(lambda: not slices.running)
    assert done == list(range(1000))

    def endless():
        while True:
            done.append(0)
            yield

    slices.start(endless())
    before = len(done)
    slices.step(budget_s=0)
    assert len(done) == before + 1
    slices.cancel()
    slices.step()
    assert len(done) == before + 1


def test_slices_tell_a_failure(qtbot):
    def work():
        yield
        raise OSError(28, "No space left on device")

    slices = Slices()
    told = []
    slices.failed.connect(told.append)
    slices.start(work())
    qtbot.waitUntil(lambda: told == ["No space left on device"])
    assert not slices.running


def test_an_elided_label_says_what_fits(qtbot):
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.set_texts("Listening on 127.0.0.1:2000", "Listening")
    advance = label.fontMetrics().horizontalAdvance
    label.resize(advance(label.text()) + 2, 20)
    assert label.shown_text() == "Listening on 127.0.0.1:2000"
    label.resize(advance("Listening") + 2, 20)
    assert label.shown_text() == "Listening"
    label.resize(advance("Liste"), 20)
    assert label.shown_text().endswith("…")
    assert label.toolTip() == "Listening on 127.0.0.1:2000"


@pytest.mark.parametrize(
    "name",
    ["start", "stop", "pause", "lock", "unlock", "clear", "copy", "save", "search", "settings", "disconnect", "newest"]
    + ["details", "snippet"],
)
def test_icons_take_the_palettes_colour(qapp, name):
    palette = QtGui.QPalette()
    palette.setColor(QtGui.QPalette.ColorRole.ButtonText, QtGui.QColor("#ff0000"))
    image = icons.icon(name, palette).pixmap(32, 32).toImage()
    inked = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    inked = [color for color in inked if color.alpha() > 200]
    assert inked
    assert all(color.red() > 200 and color.green() < 60 for color in inked)


@pytest.mark.parametrize("dark", [True, False])
def test_tints_can_be_read(qapp, dark):
    palette = standalone.houdini_palette() if dark else QtGui.QPalette(QtGui.QColor("#eeeeee"))
    base = palette.color(QtGui.QPalette.ColorRole.Base).lightnessF()
    for hue in (icons.GREEN, icons.AMBER, icons.RED):
        assert abs(icons.tinted(palette, hue).lightnessF() - base) > 0.3


def test_exported_rows():
    log = RingLog(max_payload_bytes=30)
    log.append(payload(b"x" * 40, "text/plain"))  # let go at once
    log.append(lines("a\\b\tc"))
    log.append(payload(b'{"x":\n1}', "application/json"))
    log.append(payload(b"\xff", "text/plain"))
    gone, kept, json_row, broken = log
    assert export.as_text(json_row).endswith('{"x":\\n1}')
    assert json.loads(export.as_ndjson(json_row))["text"] == '{"x":\n1}'
    assert json.loads(export.as_ndjson(broken))["base64"] == "/w=="
    assert export.as_text(gone).endswith("x" * 40)
    assert '"preview"' in export.as_ndjson(gone)
    assert export.as_text(kept).endswith("\t5\ta\\\\b\\tc")
    assert len(export.as_text(kept).split("\t")) == 6


def test_a_payload_is_saved_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "points.bin"
    data = bytes(range(256)) * 4000
    for _ in export.saving(memoryview(data), path):
        assert not path.exists()
    assert path.read_bytes() == data
    path.write_bytes(b"old")
    half = export.saving(data, path)
    next(half)
    half.close()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content_type", "short", "suffix"),
    [
        ("text/plain", "text", ".txt"),
        ("text/csv", "csv", ".txt"),
        ("application/json", "json", ".json"),
        ("application/vnd.safetensors", "safetensors", ".safetensors"),
        ("application/x-houdini-bgeo", "houdini-bgeo", ".bgeo"),
        ("application/octet-stream", "bytes", ".bin"),
        ("image/png", "png", ".png"),
        ("", "", ".bin"),
    ],
)
def test_types_in_one_word_and_as_endings(content_type, short, suffix):
    assert short_type(content_type) == short
    assert suffix_for(content_type) == suffix


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "now"),
        (0.9, "now"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7200, "2 h"),
        (9e5, "10 d"),
    ],
)
def test_ages(seconds, text):
    assert age_text(seconds) == text


def test_a_fixed_font_is_fixed(qapp):
    metrics = QtGui.QFontMetrics(fixed_font(QtGui.QFont()))
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("MMMM")


def test_a_switch_chooses_one(qtbot):
    switch = Switch((("a", "Left", "left"), ("b", "Middle", "middle"), ("c", "Right", "right")))
    qtbot.addWidget(switch)
    with qtbot.waitSignal(switch.chosen) as chosen:
        switch.parts[2].click()
    assert chosen.args == [2]
    with qtbot.assertNotEmitted(switch.chosen):
        switch.choose(1)
    assert [part.isChecked() for part in switch.parts] == [False, True, False]
    assert not switch.grab().isNull()
