"""`DetailPane`: one message whole: where it came from, what it holds, and why it does not decode."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from qtpy import QtCore, QtWidgets

from hdaemon import content
from hdaemon.blocks import Row
from hdaemon.content import Payload
from hdaemon.message import Message
from hdaemon_panel import export
from hdaemon_panel.arrays_table import MEASURED_BYTES, Extremes, extremes, total_bytes
from hdaemon_panel.detail_body import HEX, TEXT, VALUE, DetailBody
from hdaemon_panel.detail_header import DetailHeader
from hdaemon_panel.examine import TEXT_BYTES, Examined, at_once, auto_limit, examine, is_text, limited_as, most
from hdaemon_panel.labels import short_type
from hdaemon_panel.link import ServerLink
from hdaemon_panel.log_model import clock_text
from hdaemon_panel.mesh_facts import arrays_of
from hdaemon_panel.rates import human_bytes
from hdaemon_panel.slices import Slices
from hdaemon_panel.snippets import Target, file_name
from hdaemon_panel.worker import Worker

__all__ = ["DetailPane"]

_WAIT_MS = 120
"""Decoding that takes longer than this is told; what is done sooner would only flicker."""

_FOLLOW_MS = 20
"""How often it is looked whether there is a newer mesh, while a channel's is shown and the picture is ready for one."""

_MEASURE_MS = 400
"""The extremes of a mesh that changes are looked for at most this often."""


class DetailPane(QtWidgets.QWidget):
    """What is known of the selected row of the log, or of the selected channel's stored value.

    Args:
        link: the server.
        parent: the owner.
    """

    closed = QtCore.Signal()
    """The cross was pressed."""

    decoded = QtCore.Signal()
    """`error` is known of what is shown."""

    said = QtCore.Signal(str)
    """Something a person should read in the status line."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.row_number: int | None = None
        self.error: str | None = None
        self._channel: str | None = None
        self._row_channel: str | None = None
        self._message: Message | None = None
        self._examined: Examined | None = None
        self._facts = ""
        self._asked = VALUE  # the view that was chosen by hand; VALUE: whatever fits
        self._worker = Worker(self)
        self._unwanted = threading.Event()  # the extremes that are being looked for are no longer wanted
        self._patience = QtCore.QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_WAIT_MS)
        self._patience.timeout.connect(self._on_waiting)
        self._follow = QtCore.QTimer(self)
        self._follow.setInterval(_FOLLOW_MS)
        self._follow.timeout.connect(self._on_follow)
        self._remeasure = QtCore.QTimer(self)
        self._remeasure.setSingleShot(True)
        self._remeasure.timeout.connect(self._on_remeasure)
        self._noted: tuple[str, bool, str] | None = None
        self._saving = Slices(self)
        self._saving.failed.connect(self._on_not_saved)

        self.body = DetailBody(self)
        self.body.said.connect(self.said)
        self.header = DetailHeader(self)
        self.header.views.chosen.connect(self._on_view)
        self.header.ask.clicked.connect(self._on_asked)
        self.header.copy.clicked.connect(self.body.copy_value)
        self.header.save.clicked.connect(self._on_save)
        self.header.close_button.clicked.connect(self.closed)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.header)
        layout.addWidget(self.body, 1)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return room for the header and a few lines."""
        line = self.fontMetrics().height()
        return QtCore.QSize(30 * self.fontMetrics().averageCharWidth(), 8 * line)

    # -- what is shown ----------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing, and let go of everything."""
        self._begin(None, None)
        self.body.clear()

    def show_row(self, row: Row) -> None:
        """Show a row of the log."""
        if row.number == self.row_number:
            return
        self._begin(row.number, None)
        self._row_channel = row.channel if row.event is None else None
        if row.event is not None:
            self._show_plain(row.event, f"{clock_text(row.time)}   {row.client}", "", row.text)
        elif row.message is None:
            why = "The payload was let go to keep the log within its limit. This is what is left of it."
            facts = self._facts_of(row.serial, row.content_type, row.size, row.client, row.time)
            self._show_plain(row.channel, facts, why, row.text)
        else:
            self._show_message(row.message, "stored" if row.mode == "evaluate" else "only shown")

    def show_channel(self, channel: str) -> None:
        """Show the stored value of a channel, and go on with it in `refresh_channel`."""
        if channel != self._channel:
            self._begin(None, channel)
            self.refresh_channel()

    def refresh_channel(self) -> None:
        """Show the value that the channel holds now, where there is a newer one."""
        if self._channel is None:
            return
        entry, info = self._link.store.get(self._channel), self._link.channel(self._channel)
        if entry is None:
            self._message = None
            why = "Nothing is stored on this channel: its messages came in print mode. Evaluate stores the next ones."
            facts = (
                ""
                if info is None
                else self._facts_of(info.serial, info.content_type, info.size, info.client, info.time)
            )
            self._show_plain(self._channel, facts, why, "" if info is None else info.preview)
            return
        shown = self._message
        if shown is not None and (shown.serial == entry.message.serial or self._worker.busy or self.body.tired()):
            return
        newer = info is not None and not info.stored and info.serial > entry.message.serial
        self._show_message(entry.message, "stored, later ones only shown" if newer else "stored")

    @property
    def message(self) -> Message | None:
        """The message that is shown, if it is one."""
        return self._message

    def channel(self) -> str | None:
        """Return the channel of what is shown; None of what has none."""
        return self._channel or self._row_channel

    def target(self) -> Target | None:
        """Return what a snippet for what is shown would send, and where."""
        message = self._message
        return None if message is None else self._link.target(message.channel, message.content_type, message.payload)

    def _begin(self, number: int | None, channel: str | None) -> None:
        """Forget what was shown before; another message is looked at as fits it."""
        self._worker.cancel()
        self._follow.stop()
        self._remeasure.stop()
        self._unwanted.set()
        self.row_number, self._channel, self._row_channel = number, channel, None
        self.error = None
        self._message = self._examined = None
        self._asked = VALUE

    @staticmethod
    def _facts_of(serial: int, content_type: str, size: int, client: str, moment: float) -> str:
        return f"#{serial}   {content_type}   {human_bytes(size)}   {client}   {clock_text(moment)}"

    def _show_plain(self, title: str, facts: str, note: str, text: str) -> None:
        """Show something that has no payload."""
        self._examined = None
        self.header.title.set_texts(title)
        self.header.facts.set_texts(facts)
        self._set_note(note)
        self.header.views.hide()
        self.header.set_sendable(False)
        self.body.show_text(text)

    def _show_message(self, message: Message, kept: str) -> None:
        self._message = message
        kind, size = message.content_type, len(message.payload)
        facts = self._facts_of(message.serial, kind, size, message.client, message.time)
        short = self._facts_of(message.serial, short_type(kind), size, message.client, message.time)
        self.header.title.set_texts(message.channel)
        self.header.facts.set_texts(f"{facts}   {kept}", short)
        self.header.views.show()
        self.header.set_sendable(True)
        if kind == content.TEXT or kind in content.registered():
            self._decode(message, auto_limit(limited_as(kind, message.payload)))
        else:
            self._on_examined(message, examine(kind, message.payload))

    def _decode(self, message: Message, limit: int) -> None:
        kind, payload = message.content_type, message.payload
        size = len(payload)
        if at_once(kind, size) or kind == content.TEXT and size > limit:
            self._on_examined(message, examine(kind, payload))
        elif size <= limit:
            if self._examined is None:
                self._patience.start()
            self._worker.start(lambda: examine(kind, payload), self._on_examined, self._on_late, (message,))
        else:
            self.error = None
            self._examined = None
            self._show(message.payload, None)
            name = short_type(kind)
            if size <= most(limited_as(kind, payload)):
                self._set_note(f"{human_bytes(size)} of {name} are not decoded unasked.", "Decode")
            else:
                self._set_note(f"{human_bytes(size)} of {name} are too much to be shown as a value; save it as a file.")

    def _on_waiting(self) -> None:
        if self._message is not None and self._examined is None and self._worker.busy:
            self.body.show_wait(f"Decoding {human_bytes(len(self._message.payload))} …")

    def _on_late(self, message: Message) -> None:
        self._show(message.payload, None)
        self._set_note("Decoding takes too long: it was given up.")

    def _on_examined(self, message: Message, found: Examined) -> None:
        follows = self._examined is not None  # the same channel's: `_begin` forgets what was shown before
        self._message, self._examined = message, found
        self.error = found.error or None
        self._show(message.payload, found, follows)
        size = len(message.payload)
        if found.error:
            self._set_note(found.error)
        elif found.kind == "text" and size > TEXT_BYTES:
            self._set_note(f"The first 64 KiB are shown; {human_bytes(size - TEXT_BYTES)} more are not.", "Save as…")
        elif found.kind == "mesh" and follows and self.body.mesh.table.attributes.measured:
            if not self._remeasure.isActive():
                self._remeasure.start(_MEASURE_MS)
        elif found.kind in ("arrays", "mesh"):
            self._measure(found, MEASURED_BYTES)
        else:
            self._set_note("")
        self.decoded.emit()

    def _on_remeasure(self) -> None:
        """Look for the extremes of the mesh that is shown by now."""
        found = self._examined
        if self._worker.busy:
            self._remeasure.start(_FOLLOW_MS)  # a newer one is being decoded
        elif found is not None and found.kind == "mesh":
            self._measure(found, MEASURED_BYTES)

    def _on_follow(self) -> None:
        """Take over the newest mesh of the channel as often as its picture can be drawn."""
        if self._channel is None or not self.isVisible() or self.body.currentWidget() is not self.body.mesh:
            self._follow.stop()
        elif self.body.mesh.ready():
            self.refresh_channel()

    def _measure(self, found: Examined, limit: int) -> None:
        """Look for the extremes of arrays, on the thread."""
        # The thread holds the arrays, and no widget.
        arrays = arrays_of(found.value) if found.kind == "mesh" else found.value
        table = self.body.mesh.table.attributes if found.kind == "mesh" else self.body.arrays.arrays
        size = total_bytes(arrays)
        about = "   ".join(f"{name}: {text}" for name, text in list(found.metadata.items())[:8])[:400]
        if found.kind == "mesh":
            about = "   ".join(found.value.notes)[:400]
        if size > limit:
            self._set_note(about, f"Min and max of {human_bytes(size)}")
            return
        self._set_note(about)
        if not size:
            return
        unwanted = self._unwanted = threading.Event()

        def work() -> dict[str, Extremes]:
            return {name: extremes(array, lambda: not unwanted.is_set()) for name, array in arrays.items()}

        self._worker.start(work, table.set_extremes, self._on_measured_late)

    def _on_measured_late(self) -> None:
        self._set_note("Looking for min and max takes too long: it was given up.")

    def _show(self, payload: Payload, found: Examined | None, follows: bool = False) -> None:
        """Show a payload in the view that was asked for, where it can be shown so."""
        has_value = found is not None and found.kind in ("tree", "arrays", "mesh")
        message = self._message
        has_text = message is not None and is_text(message.content_type)
        has_text = has_text or (found is not None and found.kind == "text")
        for part, there in zip(self.header.views.parts, (has_value, has_text, True), strict=True):
            part.setVisible(there)
        fits = VALUE if has_value else HEX if found is None or found.kind == "bytes" else TEXT
        view = self._asked if self._asked != VALUE else fits
        self.header.views.choose(view)
        self.header.views.setVisible(has_value or has_text)
        self.body.show_payload(payload, found, view, follows)
        if self._channel is not None and self.body.currentWidget() is self.body.mesh and not self._follow.isActive():
            self._follow.start()

    def _set_note(self, text: str, ask: str = "") -> None:
        note = text, bool(self.error), ask
        if note != self._noted:  # a value that changes often mostly has the same
            self._noted = note
            self.header.set_note(*note)

    # -- slots ------------------------------------------------------------------------------------------

    def _on_asked(self) -> None:
        """Do what the note offers: which that is, follows from what is shown."""
        message, found = self._message, self._examined
        if message is None:
            return
        if found is None:
            self._decode(message, most(limited_as(message.content_type, message.payload)))
        elif found.kind == "mesh":
            self._measure(found, total_bytes(arrays_of(found.value)))
        elif found.kind == "arrays":
            self._measure(found, total_bytes(found.value))
        else:
            self._on_save()

    def _on_view(self, view: int) -> None:
        self._asked = view
        if self._message is not None:
            self.body.show_payload(self._message.payload, self._examined, view)

    def _on_save(self) -> None:
        message = self._message
        if message is None:
            return
        name = file_name(Target("", 0, channel=message.channel, content_type=message.content_type))
        path, _ = QtWidgets.QFileDialog.getSaveFileName(self, "Save the payload", name)
        if path:
            self.save_to(Path(path), message)

    def _on_not_saved(self, why: str) -> None:
        self.said.emit(f"Not saved: {why}")

    def save_to(self, path: Path, message: Message) -> None:
        """Save the payload of `message`, a slice at a time; `said` tells when it is done."""
        if self._saving.running:
            self.said.emit("Still saving: wait until that is done")
            return

        def work() -> Iterator[None]:
            began = time.monotonic()
            yield from export.saving(message.payload, path)
            took = f" in {time.monotonic() - began:.1f} s" if time.monotonic() - began > 1 else ""
            self.said.emit(f"Saved {human_bytes(len(message.payload))} to {path.name}{took}")

        self._saving.start(work())
