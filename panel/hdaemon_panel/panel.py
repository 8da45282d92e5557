"""`ServerPanel`: the pane. It puts the parts together and decides when they look at the server."""

from __future__ import annotations

import time
from dataclasses import replace

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.errors import HdaemonError
from hdaemon.server import settings
from hdaemon.server.turns import Turn
from hdaemon_panel.banner import ExposedBanner
from hdaemon_panel.browser import Browser
from hdaemon_panel.clients_view import ClientsView
from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.link import ServerLink
from hdaemon_panel.rates import Rate, human_bytes, human_count
from hdaemon_panel.receive import BlockedLine
from hdaemon_panel.server_bar import ServerBar
from hdaemon_panel.settings_dialog import SettingsDialog

__all__ = ["ServerPanel"]

_TICK_MS = 250
"""How often rates are measured while the panel can be seen. It is also the second way by which received rows get here:
Houdini's modal dialogs may hold back posted events, but not timers."""

_IDLE_TICK_MS = 1000
"""The same while nothing has changed between two looks: then only ages, and a server that a script has started, are
looked for."""

_SAID_S = 8
"""How long the status line shows what the panel has to say before the totals return."""


class ServerPanel(QtWidgets.QWidget):
    """A view of the server of one name. Closing it leaves the server running.

    Args:
        server_name: the server's name; it need not run yet.
        parent: the owner, if any.
    """

    def __init__(self, server_name: str = "python_server", parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hdaemonPanel")
        self.setWindowTitle("hdaemon")
        self.link = ServerLink(server_name, self)
        self._remembered = settings.load()
        self._rate = Rate()
        self._rates: tuple[float, ...] = (0.0, 0.0)
        self._synced = 0.0
        self._facts: tuple[object, ...] = ()  # what all but the log showed of the server last
        self._seen: tuple[object, ...] = ()  # all that there was to see at the last look
        self._said = ""
        self._said_until = 0.0

        self.banner = ExposedBanner(self.link, self)
        self.bar = ServerBar(self.link, self)
        self.clients = ClientsView(self.link, self)
        self.browser = Browser(self.link, self)
        self.log = self.browser.log
        self.channels = self.browser.channels
        self.blocked = BlockedLine(self)
        self.totals = ElidedLabel(self)
        self.totals.setObjectName("totalsLabel")
        splitter = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical, self)
        splitter.addWidget(self.clients)
        splitter.addWidget(self.browser)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(True)
        splitter.setCollapsible(1, False)
        margin = self.fontMetrics().averageCharWidth()
        splitter.setHandleWidth(margin)
        splitter.setSizes([self.clients.sizeHint().height(), 10_000])
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(margin, margin, margin, margin // 2)
        layout.setSpacing(margin)
        layout.addWidget(self.banner)
        layout.addWidget(self.bar)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.blocked)
        layout.addWidget(self.totals)

        self._recall()
        self.bar.start_wanted.connect(self._on_start_wanted)
        self.bar.settings_wanted.connect(self._on_settings_wanted)
        for button in (self.bar.print, self.bar.evaluate, self.bar.lock):
            button.clicked.connect(self._remember)
        self.browser.said.connect(self.say)
        self._listens = False  # to `link.received`; only while it can be seen
        self.link.state_changed.connect(self._on_state_changed)
        self._ticker = QtCore.QTimer(self)
        self._ticker.setInterval(_TICK_MS)
        self._turn, self._syncing = Turn(self), Turn(self)
        self._turn.begun.connect(self._on_tick)
        self._syncing.begun.connect(self.sync)
        self._ticker.timeout.connect(self._turn.ask)
        self.sync()

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return the size of a comfortable docked pane."""
        width = self.fontMetrics().averageCharWidth()
        return QtCore.QSize(110 * width, 90 * width)

    # -- showing ----------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Bring every part up to the server."""
        self._synced = time.monotonic()
        self._facts = self._known()
        self.banner.sync()
        self.bar.sync()
        self.clients.model().sync()
        self.browser.sync()
        self.browser.sync_empty()

    def say(self, text: str) -> None:
        """Show `text` in the status line for a few seconds."""
        self._said, self._said_until = text, time.monotonic() + _SAID_S
        self._update_totals()

    def _known(self) -> tuple[object, ...]:
        """Return what the parts besides the log show of the server, but for counters."""
        link, server = self.link, self.link.server
        clients = link.clients
        modes = () if server is None else (server.mode, server.locked, *[client.own_mode for client in clients])
        return (server, link.state, link.error, clients, modes, len(self.log.model.log) == 0)

    def _update_totals(self) -> None:
        if self._said and time.monotonic() < self._said_until:
            self.totals.set_texts(self._said)
            return
        self._said = ""
        messages, size = self.link.totals
        log = self.log.model.log
        short = f"{human_count(messages)} messages, {human_count(round(self._rates[0], 1))}/s"
        parts = [
            f"{human_count(messages)} messages, {human_bytes(size)}",
            f"{human_count(round(self._rates[0], 1))}/s, {self._rates[1] / 1e6:.1f} MB/s",
            f"log {human_count(len(log))} rows",
        ]
        if log.rows_dropped:
            parts[-1] += f", {human_count(log.rows_dropped)} older gone"
        if log.payloads_dropped:
            parts.append(f"{human_count(log.payloads_dropped)} payloads gone")
        self.totals.set_texts("   ·   ".join(parts), short)

    def _on_received(self) -> None:
        """Show the log as it is now; the other parts only when there is something new to see in them."""
        self._hurry()
        if self._known() == self._facts:
            self.browser.sync()
        else:
            self.sync()

    def _hurry(self) -> None:
        if self._ticker.interval() != _TICK_MS:
            self._ticker.setInterval(_TICK_MS)

    def _on_state_changed(self) -> None:
        self.sync()
        self._update_totals()

    def _on_tick(self) -> None:
        now = time.monotonic()
        self.link.refresh()
        self._rates = self._rate.update(now, *self.link.totals)
        seen = (self._known(), self.link.totals, self.log.model.log.span(), self._rates)
        if seen == self._seen:
            self._ticker.setInterval(_IDLE_TICK_MS)
            self.browser.tick()
            self.blocked.sync()
            if self._said:
                self._update_totals()
            return
        self._seen = seen
        self._hurry()
        courtesy.ask()
        self.clients.model().tick(now)
        self.browser.tick()
        self.blocked.sync()
        self._update_totals()
        if now - self._synced > _TICK_MS / 1000:
            self._syncing.ask()  # in a turn of its own: the clients are drawn after this one, and the log after that

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        """Catch up with what happened while the panel was hidden."""
        super().showEvent(event)
        self._listen(True)
        self._seen = ()
        self._ticker.start()
        self._on_tick()
        self.sync()

    def hideEvent(self, event: QtGui.QHideEvent) -> None:  # noqa: N802
        """Do nothing while nobody looks; a minimized window is hidden too."""
        super().hideEvent(event)
        self._ticker.stop()
        self._turn.forget()
        self._syncing.forget()
        self._listen(False)

    def _listen(self, wanted: bool) -> None:
        if wanted != self._listens:
            self._listens = wanted
            if wanted:
                self.link.received.connect(self._on_received)
            else:
                self.link.received.disconnect(self._on_received)

    # -- settings ---------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """Show the remembered settings where no running server says otherwise."""
        if not self.link.running:
            self.bar.host.setText(self._remembered.host)
            self.bar.port.setValue(self._remembered.port)
            self.bar.mode, self.bar.locked = self._remembered.mode, self._remembered.locked

    def _remember(self) -> None:
        remembered = replace(self._remembered, mode=self.bar.mode, locked=self.bar.locked)
        if not self.link.running:
            remembered = replace(remembered, host=self.bar.host.text().strip(), port=self.bar.port.value())
        self._set_remembered(remembered)

    def _set_remembered(self, remembered: settings.Remembered) -> None:
        if remembered != self._remembered:
            self._remembered = remembered
            settings.save(remembered)

    def _on_start_wanted(self, host: str, port: int) -> None:
        self._remember()
        try:
            token = self._remembered.token()
        except HdaemonError as error:
            self.say(str(error))
            return
        self.link.start(
            host,
            port,
            mode=self.bar.mode,
            token=token,
            locked=self.bar.locked,
            raw_framing=self._remembered.raw_framing,
            limits=self._remembered.limits,
        )
        self.sync()

    def _on_settings_wanted(self) -> None:
        self._remembered = settings.load()
        server = self.link.server if self.link.running else None
        token, limits = (None, None) if server is None else (server.token, server.limits)
        dialog = SettingsDialog(self._remembered, self, token=token, limits=limits)
        dialog.accepted.connect(lambda: self._set_remembered(dialog.result_settings()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
