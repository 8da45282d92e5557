"""`LimitsTable`: every limit of the server in words, to be read; and those of decoding."""

from __future__ import annotations

from dataclasses import fields

from qtpy import QtCore, QtWidgets

from hdaemon import Limits
from hdaemon.content import bounds, json, safetensors

__all__ = ["LimitsTable"]

_WORDS = {
    "max_clients": "Clients at once",
    "max_raw_message_bytes": "Raw message",
    "max_http_message_bytes": "HTTP message",
    "max_websocket_message_bytes": "WebSocket message",
    "max_head_bytes": "Head of an HTTP request",
    "max_together_messages": "Messages in one HTTP request",
    "max_together_bytes": "HTTP request of several messages",
    "max_channels": "Channels that are stored",
    "log_rows": "Log rows",
    "log_payload_bytes": "Log payloads",
    "max_queued_bytes": "Queued to one client",
    "max_shared_bytes": "Shared memory",
    "silence_s": "Silence that ends a raw message",
    "stall_s": "Stalled client is closed after",
    "min_body_bytes_per_s": "Slowest body, a second",
    "idle_s": "Idle HTTP connection is closed after",
    "ping_s": "Silent WebSocket is pinged after",
    "linger_s": "Refused client is read from for",
    "admission_s": "Time to show the token",
    "max_token_line_bytes": "Line that shows the token",
}

_ALIGNMENT = int(QtCore.Qt.ItemDataRole.TextAlignmentRole)
_RIGHT = int(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter)


def _decoding() -> tuple[tuple[str, str, int], ...]:
    return (
        ("Nesting of JSON and MessagePack", "max_depth", json.MAX_DEPTH),
        ("Values of JSON and MessagePack", "max_values", bounds.MAX_VALUES),
        ("Head of safetensors", "max_safetensors_head_bytes", safetensors.MAX_HEAD_BYTES),
        ("Tensors of a message", "max_tensors", safetensors.MAX_TENSORS),
    )


def _bytes(size: float) -> str:
    """Return bytes as limits are written: in the largest binary unit that leaves little after the point."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:,.4g} GiB"


def _value(name: str, value: float) -> str:
    if name.endswith("_bytes_per_s"):
        return f"{_bytes(value)}/s"
    if name.endswith("_bytes"):
        return _bytes(value)
    if name.endswith("_s"):
        return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"
    return f"{value:,}"


class LimitsTable(QtWidgets.QTableWidget):
    """A row a limit: what it is, and its value; its name, for code, is the tool tip.

    Args:
        limits: what is shown.
        parent: the owner, if any.
    """

    def __init__(self, limits: Limits, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self.setObjectName("limitsTable")
        self.setToolTip("What the server allows. Code changes them: hdaemon.start(limits=hdaemon.Limits(...))")
        self.setHorizontalHeaderLabels(["Limit", "Value"])
        for column, alignment in enumerate((_LEFT, _RIGHT)):
            self.horizontalHeaderItem(column).setData(_ALIGNMENT, alignment)
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        known = [item.name for item in fields(Limits)]
        for name in sorted(known, key=lambda name: list(_WORDS).index(name)):
            self._add(_WORDS[name], _value(name, getattr(limits, name)), f"Limits.{name}")
        for words, name, value in _decoding():
            self._add(words, _value(name, value), f"{name}; holds for every server of this program")
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(1, QtWidgets.QHeaderView.ResizeMode.ResizeToContents)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() * 3 // 2)

    def _add(self, words: str, value: str, tip: str) -> None:
        row = self.rowCount()
        self.insertRow(row)
        for column, text in enumerate((words, value)):
            item = QtWidgets.QTableWidgetItem(text)
            item.setToolTip(tip)
            if column:
                item.setData(_ALIGNMENT, _RIGHT)
            self.setItem(row, column, item)
