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


def test_a_new_token_is_kept_by_ok_and_not_shown(qtbot):
    before = kept_token()
    for button, kept in (("Cancel", False), ("Ok", True)):
        dialog = SettingsDialog(Remembered(), token=before)
        qtbot.addWidget(dialog)
        dialog.new.click()
        assert "from the next start of the server on" in dialog.note.text()
        assert kept_token() == before
        dialog.copy.click()
        new = QtWidgets.QApplication.clipboard().text()
        assert len(new) == 43
        assert new != before
        assert "new token is on the clipboard" in dialog.note.text()
        said = [
            widget.text()
            for kind in (QtWidgets.QLabel, QtWidgets.QAbstractButton)
            for widget in dialog.findChildren(kind)
        ]
        assert not any(new in text or before in text for text in said)
        dialog.findChild(QtWidgets.QDialogButtonBox).button(
            getattr(QtWidgets.QDialogButtonBox.StandardButton, button)
        ).click()
        assert dialog.result() == kept
        assert (kept_token() == new) is kept


def test_a_new_token_that_cannot_be_kept(qtbot, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "file" / "state"))
    dialog = SettingsDialog(Remembered())
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.new.click()
    dialog.accept()
    assert dialog.isVisible()
    assert "cannot be kept" in dialog.note.text()


def test_the_old_token_is_refused_from_the_next_start_on(qtbot, panel, child):
    settings.save(Remembered(port=0, token_required=True))
    old = kept_token()

    def answered(token):
        one = RawClient("127.0.0.1", panel.link.server.port)
        one.send(f"token {token}\nline\n".encode())
        one.sock.shutdown(1)
        try:
            return one.read_all()
        finally:
            one.close()

    child("settingsButton").click()
    dialog = panel.findChild(SettingsDialog)
    dialog.accept()
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    child("settingsButton").click()
    dialog = panel.findChildren(SettingsDialog)[-1]
    dialog.new.click()
    dialog.accept()
    new = kept_token()
    assert new != old
    assert answered(old) == b""
    assert b"refused" in answered(new)
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "stopped")
    child("startStopButton").click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    assert answered(new) == b""
    assert b"refused" in answered(old)
    log = panel.link.server.log
    assert not any(token in f"{row!r} {row.text}" for row in log for token in (old, new))


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
