"""`ClientsModel`: the connected clients as a Qt table."""

from __future__ import annotations

import time
from typing import Any

from qtpy import QtCore

from hdaemon.server.client import Client
from hdaemon_panel.link import ServerLink
from hdaemon_panel.rates import Rate, human_bytes, human_count

__all__ = ["CLIENT_COLUMNS", "MODE_CHOICES", "NUMBERS", "ClientsModel"]

CLIENT_COLUMNS = ("Client", "Address", "Mode", "Messages", "Bytes", "Rate", "Since", "")
MODE, SINCE, DISCONNECT = 2, 6, 7

MODE_CHOICES = ("as server", "print", "evaluate")

NUMBERS = (3, 4, 5, 6)
"""Columns that are right-aligned."""

_Role = QtCore.Qt.ItemDataRole
_DISPLAY = int(_Role.DisplayRole)
_RIGHT = int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)


class ClientsModel(QtCore.QAbstractTableModel):
    """One row a client, oldest first; the mode column can be edited. It changes in `sync`."""

    def __init__(self, link: ServerLink, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._clients: list[Client] = []
        self._rates: dict[int, tuple[Rate, float]] = {}
        self._counted: dict[int, tuple[float, ...]] = {}  # what was shown of each client last
        self._modes: list[tuple[str | None, str]] = []

    def client(self, row: int) -> Client | None:
        """Return the client of a row."""
        return self._clients[row] if 0 <= row < len(self._clients) else None

    def sync(self) -> None:
        """Take in who has come and gone, and who has another mode."""
        now = self._link.clients
        gone = set(self._clients) - set(now)
        for row in range(len(self._clients) - 1, -1, -1):
            if self._clients[row] in gone:
                self.beginRemoveRows(QtCore.QModelIndex(), row, row)
                client = self._clients.pop(row)
                self._rates.pop(client.id, None)
                self._counted.pop(client.id, None)
                del self._modes[row]
                self.endRemoveRows()
        known = set(self._clients)
        new = [client for client in now if client not in known]
        if new:
            first = len(self._clients)
            self.beginInsertRows(QtCore.QModelIndex(), first, first + len(new) - 1)
            self._clients += new
            self._modes += [(client.own_mode, self._mode_of(client)) for client in new]
            self.endInsertRows()
        for row, client in enumerate(self._clients):
            modes = (client.own_mode, self._mode_of(client))
            if modes != self._modes[row]:
                self._modes[row] = modes
                self._changed(row, row)

    def tick(self, now: float) -> None:
        """Measure the rates at `now` (monotonic seconds), and show them and the counters.

        Counters change with every message: shown more often than a few times a second, nobody could read them.
        """
        self.sync()
        changed: list[int] = []
        for row, client in enumerate(self._clients):
            rate, _ = self._rates.get(client.id) or (Rate(), 0.0)
            per_s = rate.update(now, client.messages)[0]
            self._rates[client.id] = (rate, per_s)
            if (client.messages, client.bytes, per_s) != self._counted.get(client.id):
                self._counted[client.id] = (client.messages, client.bytes, per_s)
                changed.append(row)
        if changed:  # told once: each time Qt looks where the row is
            self._changed(changed[0], changed[-1])

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(CLIENT_COLUMNS) - 1))

    def _rate(self, client: Client) -> float:
        return self._rates.get(client.id, (None, 0.0))[1]

    def _mode_of(self, client: Client) -> str:
        server = self._link.server
        return client.own_mode or ("" if server is None else server.mode)

    # -- QAbstractTableModel ----------------------------------------------------------------------------

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Return how many clients are connected."""
        return 0 if parent.isValid() else len(self._clients)

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(CLIENT_COLUMNS)

    def headerData(self, section: int, orientation: QtCore.Qt.Orientation, role: int = _DISPLAY) -> Any:  # noqa: N802
        """Return a column's title and its alignment."""
        if orientation != QtCore.Qt.Orientation.Horizontal or not 0 <= section < len(CLIENT_COLUMNS):
            return None
        if role == _DISPLAY:
            return CLIENT_COLUMNS[section]
        if role == _Role.TextAlignmentRole and section in NUMBERS:
            return _RIGHT
        return None

    def data(self, index: QtCore.QModelIndex, role: int = _DISPLAY) -> Any:
        """Return a cell's text, tool tip or alignment; for the mode column's editor, the client's own choice."""
        client = self.client(index.row())
        if client is None:
            return None
        column = index.column()
        if role == _DISPLAY:
            return self.texts(index.row())[column]
        if role == _Role.EditRole and column == MODE:
            return client.own_mode or MODE_CHOICES[0]
        if role == _Role.TextAlignmentRole and column in NUMBERS:
            return _RIGHT
        if role == _Role.ToolTipRole:
            if column == MODE:
                return "Double-click, or press F2, to choose this client's mode"
            if column == DISCONNECT:
                return f"Disconnect {client.name}"
            return f"{client.name} at {client.address}: {client.messages:,} messages, {client.bytes:,} bytes"
        return None

    def texts(self, row: int) -> tuple[str, ...]:
        """Return the texts of all columns of a row."""
        client = self._clients[row]
        mode = self._mode_of(client)
        return (
            client.name,
            client.address,
            f"{mode} (own)" if client.own_mode else mode,
            human_count(client.messages),
            human_bytes(client.bytes),
            f"{human_count(round(self._rate(client), 1))}/s",
            time.strftime("%H:%M:%S", time.localtime(client.connected_at)),
            "",
        )

    def flags(self, index: QtCore.QModelIndex) -> QtCore.Qt.ItemFlags:
        """Say that the mode can be edited."""
        flags = super().flags(index)
        if index.isValid() and index.column() == MODE:
            flags |= QtCore.Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: QtCore.QModelIndex, value: Any, role: int = int(_Role.EditRole)) -> bool:  # noqa: N802
        """Switch a client to the mode of that name; ``"as server"`` makes it follow the server again."""
        client, server = self.client(index.row()), self._link.server
        if client is None or server is None or index.column() != MODE or value not in MODE_CHOICES:
            return False
        mode = None if value == MODE_CHOICES[0] else str(value)
        if mode != client.own_mode:
            server.set_client_mode(client.id, mode, "the panel")
            self.sync()
        return True
