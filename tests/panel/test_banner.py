"""The red banner: there while other machines can reach the server, and never with the token in it."""

from __future__ import annotations

import pytest
from hdaemon_panel.settings_dialog import SettingsDialog
from helpers import RawClient
from qtpy import QtWidgets

import hdaemon
from hdaemon.server import settings
from hdaemon.server.security import kept_token
from hdaemon.server.settings import Remembered


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "state"))


def texts(panel) -> str:
    """Everything that the panel says or would say."""
    said = []
    for widget in [panel, *panel.findChildren(QtWidgets.QWidget)]:
        said += [widget.toolTip(), widget.accessibleName(), widget.windowTitle(), widget.statusTip()]
        said += [
            str(getattr(widget, name)()) for name in ("text", "toPlainText") if callable(getattr(widget, name, None))
        ]
    model = panel.log.model
    said += [str(model.row_at(row)) for row in range(model.rowCount())]
    return "\n".join(said)


def test_it_is_away_on_loopback(panel, running, child):
    panel.sync()
    assert not child("exposedBanner").isVisible()


def test_an_exposed_server_from_the_settings_on(qtbot, panel, child):
    child("hostEdit").setText("0.0.0.0")
    child("startStopButton").click()
    qtbot.waitUntil(lambda: "Require the token" in child("statusLabel").text())
    child("settingsButton").click()
    dialog = panel.findChild(SettingsDialog)
    dialog.token.setChecked(True)
    dialog.findChild(QtWidgets.QDialogButtonBox).button(QtWidgets.QDialogButtonBox.StandardButton.Ok).click()
    assert settings.load().token_required
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    panel.sync()
    assert child("exposedBanner").isVisible()
    assert child("exposedLabel").text() == "Other machines can reach this server, with its token"
    assert panel.link.server.token == kept_token()
    guess = RawClient("127.0.0.1", panel.link.server.port)
    guess.send(b"token wrong\n")
    assert guess.read_all()
    guess.close()
    panel.sync()
    assert child("exposedLabel").text().endswith("; 1 wrong token was shown")
    assert kept_token() not in texts(panel)
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "stopped")
    panel.sync()
    assert not child("exposedBanner").isVisible()


def test_the_token_is_copied_and_not_shown(qtbot):
    dialog = SettingsDialog(Remembered())
    qtbot.addWidget(dialog)
    dialog.copy.click()
    assert QtWidgets.QApplication.clipboard().text() == kept_token()
    said = [widget.text() for widget in dialog.findChildren(QtWidgets.QLabel)]
    assert any("on the clipboard" in text for text in said)
    assert not any(kept_token() in text for text in said)


def test_that_of_the_running_server_is_copied(qtbot, panel, child, server_name):
    hdaemon.start(server_name, port=0, token="0123456789abcdef")
    panel.link.refresh()
    child("settingsButton").click()
    dialog = panel.findChild(SettingsDialog)
    dialog.copy.click()
    assert QtWidgets.QApplication.clipboard().text() == "0123456789abcdef"
    assert "0123456789abcdef" not in texts(panel)
    dialog.reject()


def test_a_token_that_cannot_be_kept_is_told(qtbot, panel, child, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "file"))
    settings.save(Remembered(token_required=True))
    panel._remembered = settings.load()
    child("startStopButton").click()
    assert "cannot be kept" in child("totalsLabel").text()
    assert panel.link.state == "stopped"
    dialog = SettingsDialog(Remembered())
    qtbot.addWidget(dialog)
    dialog.copy.click()
    assert "cannot be kept" in dialog.note.text()
