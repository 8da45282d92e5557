"""The settings: what is remembered between sessions and holds from the next start of the server on."""

from __future__ import annotations

from dataclasses import replace

from qtpy import QtWidgets

from hdaemon import Limits
from hdaemon.errors import HdaemonError
from hdaemon.server.security import keep_token, kept_token, new_token
from hdaemon.server.settings import Remembered
from hdaemon_panel.limits_table import LimitsTable

__all__ = ["SettingsDialog"]

MIB = 1024 * 1024


class SettingsDialog(QtWidgets.QDialog):
    """Edits a `Remembered`; `result_settings` is what was chosen. A new token is kept when the dialog is accepted.

    Args:
        remembered: what it shows at first.
        parent: the owner, if any.
        token: what the running server asks for; by default the user's own, `kept_token`. It is copied, never shown.
        limits: of the running server, to be shown; by default those that are remembered.
    """

    def __init__(
        self,
        remembered: Remembered,
        parent: QtWidgets.QWidget | None = None,
        *,
        token: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(parent)
        self._token = token
        self._new_token: str | None = None
        self.setWindowTitle("hdaemon settings")
        self._remembered = remembered
        running, limits = limits or remembered.limits, remembered.limits
        self.autostart = QtWidgets.QCheckBox("Start the server with Houdini", self)
        self.autostart.setObjectName("autostartBox")
        self.autostart.setChecked(remembered.autostart)
        self.framing = QtWidgets.QComboBox(self)
        self.framing.setObjectName("framingBox")
        self.framing.addItem("A message a line", "lines")
        self.framing.addItem("A message a burst (until 50 ms of silence)", "burst")
        self.framing.setCurrentIndex(self.framing.findData(remembered.raw_framing))
        self.framing.setToolTip("How raw bytes are cut into messages. The original server took bursts")
        self.token = QtWidgets.QCheckBox("Require the token", self)
        self.token.setObjectName("tokenBox")
        self.token.setChecked(remembered.token_required)
        self.token.setToolTip(
            "Programs must show it before they can send. Yours on this machine find it by themselves; needed to listen "
            "on an address that other machines can reach"
        )
        self.copy = QtWidgets.QPushButton("Copy token", self)
        self.copy.setObjectName("copyTokenButton")
        self.copy.setAutoDefault(False)
        self.copy.setToolTip("Put it on the clipboard, for a program on another machine; it is never shown")
        self.copy.clicked.connect(self._on_copy)
        self.new = QtWidgets.QPushButton("New token", self)
        self.new.setObjectName("newTokenButton")
        self.new.setAutoDefault(False)
        self.new.setToolTip(
            "Make another, when somebody has the old one who should not. The old one is refused from the next start of "
            "the server on; programs on other machines must be given the new one"
        )
        self.new.clicked.connect(self._on_new)
        token_row = QtWidgets.QHBoxLayout()
        token_row.addWidget(self.token, 1)
        token_row.addWidget(self.new)
        token_row.addWidget(self.copy)
        self.clients = self._number("maxClientsBox", limits.max_clients, 1, 1000, "", "Connections at once")
        self.message = self._number(
            "maxMessageBox", limits.max_raw_message_bytes // MIB, 1, 2047, " MiB", "The largest message on the raw door"
        )
        self.rows = self._number("logRowsBox", limits.log_rows, 1000, 10_000_000, " rows", "Rows the log keeps")
        self.rows.setSingleStep(10_000)
        self.rows.setGroupSeparatorShown(True)
        self.payloads = self._number(
            "logPayloadBox",
            limits.log_payload_bytes // MIB,
            1,
            65536,
            " MiB",
            "Payloads the log keeps; past it the oldest go, and their previews stay",
        )
        form = QtWidgets.QFormLayout()
        form.addRow("Start-up", self.autostart)
        form.addRow("Raw framing", self.framing)
        form.addRow("Token", token_row)
        form.addRow("Clients at most", self.clients)
        form.addRow("Raw message at most", self.message)
        form.addRow("Log keeps", self.rows)
        form.addRow("Log payloads", self.payloads)
        self.note = note = QtWidgets.QLabel("These hold from the next start of the server on.", self)
        note.setObjectName("noteLabel")
        note.setWordWrap(True)
        buttons = QtWidgets.QDialogButtonBox(
            QtWidgets.QDialogButtonBox.StandardButton.Ok | QtWidgets.QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        general = QtWidgets.QWidget(self)
        column = QtWidgets.QVBoxLayout(general)
        column.addLayout(form)
        column.addWidget(note)
        column.addStretch(1)
        self.pages = QtWidgets.QTabWidget(self)
        self.pages.setObjectName("settingsPages")
        self.pages.addTab(general, "General")
        self.pages.addTab(LimitsTable(running, self), "Limits")
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(self.pages)
        layout.addWidget(buttons)

    def _number(self, name: str, value: int, low: int, high: int, suffix: str, tip: str) -> QtWidgets.QSpinBox:
        box = QtWidgets.QSpinBox(self)
        box.setObjectName(name)
        box.setRange(low, high)
        box.setValue(value)
        box.setSuffix(suffix)
        box.setToolTip(tip)
        return box

    def _on_copy(self) -> None:
        try:
            token = self._new_token or self._token or kept_token()
        except HdaemonError as error:
            self.note.setText(str(error))
            return
        QtWidgets.QApplication.clipboard().setText(token)
        which = "The new token" if self._new_token else "The token"
        self.note.setText(f"{which} is on the clipboard. Give it to nobody who may not send.")

    def _on_new(self) -> None:
        self._new_token = new_token()
        self.note.setText(
            "OK keeps the new token: it holds from the next start of the server on, and the old one is refused then. "
            "Programs on this machine find it by themselves; copy it for others."
        )

    def accept(self) -> None:
        """Keep a new token, and close; stay open when it cannot be kept, and say why."""
        if self._new_token is not None:
            try:
                keep_token(self._new_token)
            except HdaemonError as error:
                self.note.setText(str(error))
                return
        super().accept()

    def result_settings(self) -> Remembered:
        """Return the settings as the dialog shows them."""
        limits: Limits = replace(
            self._remembered.limits,
            max_clients=self.clients.value(),
            max_raw_message_bytes=self.message.value() * MIB,
            log_rows=self.rows.value(),
            log_payload_bytes=self.payloads.value() * MIB,
        )
        return replace(
            self._remembered,
            autostart=self.autostart.isChecked(),
            raw_framing=str(self.framing.currentData()),
            limits=limits,
            token_required=self.token.isChecked(),
        )
