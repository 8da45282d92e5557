"""The page of the settings that shows the limits."""

from __future__ import annotations

from dataclasses import fields

from hdaemon_panel.limits_table import LimitsTable
from hdaemon_panel.settings_dialog import SettingsDialog

from hdaemon import Limits
from hdaemon.content import bounds, json
from hdaemon.server.settings import Remembered


def texts(table):
    return {
        table.item(row, 0).toolTip().removeprefix("Limits.").partition(";")[0]: table.item(row, 1).text()
        for row in range(table.rowCount())
    }


def test_every_limit_is_there(qtbot):
    table = LimitsTable(Limits())
    qtbot.addWidget(table)
    shown = texts(table)
    assert {item.name for item in fields(Limits)} <= shown.keys()
    assert shown["max_depth"] == str(json.MAX_DEPTH)
    assert shown["max_values"] == "5,000,000"
    assert shown["max_safetensors_head_bytes"] == "1 MiB"
    assert shown["max_tensors"] == "10,000"


def test_what_was_set_is_shown(qtbot, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_VALUES", 1234)
    table = LimitsTable(Limits())
    qtbot.addWidget(table)
    assert texts(table)["max_values"] == "1,234"


def test_values_are_written_as_people_read_them(qtbot):
    limits = Limits(max_clients=12_345, max_http_message_bytes=3 * 1024**3 // 2, silence_s=0.05, idle_s=61.5)
    table = LimitsTable(limits)
    qtbot.addWidget(table)
    shown = texts(table)
    assert shown["max_clients"] == "12,345"
    assert shown["max_http_message_bytes"] == "1.5 GiB"
    assert shown["max_head_bytes"] == "16 KiB"
    assert shown["min_body_bytes_per_s"] == "1 KiB/s"
    assert shown["silence_s"] == "50 ms"
    assert shown["idle_s"] == "61.5 s"


def test_the_dialog_shows_those_of_the_running_server(qtbot):
    for running, text in ((Limits(max_clients=7), "7"), (None, "9")):
        dialog = SettingsDialog(Remembered(limits=Limits(max_clients=9)), limits=running)
        qtbot.addWidget(dialog)
        assert texts(dialog.findChild(LimitsTable))["max_clients"] == text
        assert dialog.result_settings().limits.max_clients == 9


def test_it_is_whole_without_scrolling_sideways(qtbot):
    dialog = SettingsDialog(Remembered())
    qtbot.addWidget(dialog)
    dialog.pages.setCurrentIndex(1)
    dialog.show()
    qtbot.waitExposed(dialog)
    assert not dialog.findChild(LimitsTable).horizontalScrollBar().isVisible()
