"""`ServerLink`: a panel's connection to the server of one name, which may come, go and be another one each time."""

from __future__ import annotations

from qtpy import QtCore

import hdaemon
from hdaemon import content
from hdaemon.channels import ChannelInfo
from hdaemon.errors import HdaemonError
from hdaemon.log import RingLog
from hdaemon.message import DEFAULT_CHANNEL
from hdaemon.server.client import Client
from hdaemon.store import Store
from hdaemon_panel.snippets import Target

__all__ = ["ServerLink"]


class ServerLink(QtCore.QObject):
    """Follows the server of one name, whoever starts and stops it.

    Args:
        name: the server's name.
        parent: owns the link, and with it its connections to the server's signals.
    """

    received = QtCore.Signal()
    """Log, store, clients or modes have changed: the server's signal, passed on. Main thread."""

    state_changed = QtCore.Signal()
    """The state has changed, or another server has taken the name. Main thread."""

    def __init__(self, name: str, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.server: hdaemon.HPythonServer | None = None
        self._refusal = ""
        self.refresh()

    @property
    def log(self) -> RingLog:
        """The log of that name."""
        return hdaemon.log_of(self.name)

    @property
    def state(self) -> str:
        """The server's state; ``"stopped"`` before there is one."""
        if self._refusal:
            return "failed"
        return "stopped" if self.server is None else self.server.state

    @property
    def error(self) -> str:
        """Why the state is ``"failed"``."""
        return self._refusal or ("" if self.server is None else self.server.error)

    @property
    def running(self) -> bool:
        """Whether the port is open or about to be."""
        return self.state in ("starting", "listening")

    @property
    def clients(self) -> tuple[Client, ...]:
        """The connected clients, oldest first."""
        return () if self.server is None else self.server.clients

    @property
    def totals(self) -> tuple[int, int]:
        """Messages and bytes received since the server was started."""
        server = self.server
        return (0, 0) if server is None else (server.messages_received, server.bytes_received)

    @property
    def store(self) -> Store:
        """Where the server puts values; the process's store before there is one."""
        return hdaemon.store if self.server is None else self.server.store

    def channel_names(self) -> list[str]:
        """Return the names of the channels on which something has come in, in any order."""
        server = self.server
        return [] if server is None else server.channel_names()

    def channel(self, name: str) -> ChannelInfo | None:
        """Return one channel, or None when nothing has come in on it."""
        server = self.server
        return None if server is None else server.channel(name)

    def target(
        self, channel: str = DEFAULT_CHANNEL, content_type: str = content.TEXT, payload: content.Payload | None = None
    ) -> Target | None:
        """Return what a snippet needs to send to this server; None while there is none."""
        server = self.server
        if server is None or not self.running:
            return None
        return Target(server.host, server.port, server.token_required, channel, content_type, payload)

    def refresh(self) -> None:
        """Look whether another server has taken the name (a script may start one at any time)."""
        server = hdaemon.find(self.name)
        if server is self.server:
            return
        if self.server is not None:
            self.server.received.disconnect(self.received)
            self.server.state_changed.disconnect(self.state_changed)
        self.server = server
        self._refusal = ""
        if server is not None:
            server.received.connect(self.received)
            server.state_changed.connect(self.state_changed)
        self.state_changed.emit()
        self.received.emit()

    def start(self, host: str, port: int, **options: object) -> None:
        """Start a server; returns at once. What is wrong with the arguments shows as state ``"failed"``."""
        self._refusal = ""
        try:
            hdaemon.start(self.name, host, port, wait=False, **options)  # type: ignore[arg-type]
        except HdaemonError as error:
            self._refusal = str(error)
            self.state_changed.emit()
        self.refresh()

    def stop(self) -> None:
        """Ask the server to stop; returns at once. `state` tells when it has."""
        if self.server is not None:
            self.server.request_stop()
