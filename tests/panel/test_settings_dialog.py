"""The settings dialog."""

from __future__ import annotations

from dataclasses import replace

from hdaemon_panel.settings_dialog import SettingsDialog
from qtpy import QtWidgets

from hdaemon import Limits
from hdaemon.server import settings
from hdaemon.server.settings import Remembered


def test_it_changes_only_what_was_changed(qtbot):
    before = Remembered(host="127.0.0.9", autostart=False, raw_framing="burst", limits=Limits(log_rows=5000))
    dialog = SettingsDialog(before)
    qtbot.addWidget(dialog)
    assert dialog.result_settings() == before
    dialog.autostart.setChecked(True)
    dialog.framing.setCurrentIndex(0)
    dialog.clients.setValue(3)
    dialog.message.setValue(2)
    dialog.token.setChecked(True)
    wanted = replace(
        before,
        autostart=True,
        raw_framing="lines",
        token_required=True,
        limits=Limits(log_rows=5000, max_clients=3, max_raw_message_bytes=2 * 1024 * 1024),
    )
    assert dialog.result_settings() == wanted


def test_from_the_panel_to_the_next_server(qtbot, panel, child):
    child("settingsButton").click()
    dialog = panel.findChild(SettingsDialog)
    dialog.rows.setValue(2000)
    dialog.framing.setCurrentIndex(1)
    dialog.findChild(QtWidgets.QDialogButtonBox).button(QtWidgets.QDialogButtonBox.StandardButton.Ok).click()
    assert settings.load().limits.log_rows == 2000
    panel.bar.button.click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    assert panel.link.server.limits.log_rows == 2000
    assert panel.link.server.raw_framing == "burst"
    assert panel.link.log.max_rows == 2000
