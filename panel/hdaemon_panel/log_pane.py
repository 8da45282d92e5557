"""`LogPane`: the log's view with its tools: filter, pause, copy, save, clear, and the way back to the newest row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.log import RingLog, Row
from hdaemon_panel import export
from hdaemon_panel.icons import icon
from hdaemon_panel.log_model import LogModel
from hdaemon_panel.log_view import LogView
from hdaemon_panel.slices import Slices
from hdaemon_panel.tools import ToolBar, add_action, filter_edit

__all__ = ["LogPane"]

_COPY_ROWS = 20_000
"""Rows copied at once: more than a clipboard is for; a file is better."""


class LogPane(QtWidgets.QWidget):
    """The log; `tools` is placed by who makes the pane."""

    said = QtCore.Signal(str)
    """Something a person should read in the status line: what was saved or copied, or why not."""

    def __init__(self, log: RingLog, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = LogModel(log, self)
        self.view = LogView(self)
        self.view.setObjectName("logView")
        self.view.setAccessibleName("Message log")
        self.view.setModel(self.model)
        self.view.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.ActionsContextMenu)
        self._seen_end = 0  # rows from here on have not been shown to a reader who scrolled up
        self._job = Slices(self)
        self._job.failed.connect(self._on_failed)
        self.tools = ToolBar(self)
        self.filter = filter_edit(
            self.tools,
            "filterEdit",
            "Filter messages",
            "Show only messages that contain this text anywhere, or come from the client of this name (Ctrl+F)",
        )
        self.filter.textChanged.connect(self._on_filter)
        self.pause = self.tools.button("pauseButton", "pause", "Pause the view; receiving goes on", checkable=True)
        self.pause.toggled.connect(self._on_paused)
        self.copy = self.tools.button("copyButton", "copy", "Copy the selected rows (Ctrl+C)", self.copy_selected)
        self.save = self.tools.button("saveButton", "save", "Save the log as text or NDJSON", self._on_save)
        self.clear = self.tools.button("clearButton", "clear", "Clear the log", self._on_clear)
        self.newest = QtWidgets.QPushButton(self.view)
        self.newest.setObjectName("newMessagesButton")
        self.newest.setToolTip("Go to the newest message and follow (End)")
        self.newest.setCursor(QtCore.Qt.CursorShape.PointingHandCursor)
        self.newest.hide()
        self.newest.clicked.connect(self.follow)

        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view, 1)

        add_action(self.view, "Copy", self.copy_selected, QtGui.QKeySequence.StandardKey.Copy)
        add_action(self.view, "Select All", self.view.selectAll, QtGui.QKeySequence.StandardKey.SelectAll)
        for owner in (self, self.tools):
            add_action(owner, "Filter", self.filter.setFocus, QtGui.QKeySequence.StandardKey.Find)
        self.view.following_changed.connect(self._on_following)
        self.view.installEventFilter(self)
        self.restyle()

    # -- what the panel calls ---------------------------------------------------------------------------

    def sync(self) -> None:
        """Bring the view up to the log, if it follows it; else `tick` does what there is to do."""
        if self.pause.isChecked() or not self.view.following:
            return
        courtesy.ask()
        self.model.sync()
        self._update_newest()

    def tick(self) -> None:
        """Keep what came since at hand, and count it, while the view stands still; called a few times a second."""
        if not self.pause.isChecked():
            if self.view.following:
                return
            self.model.sync()
        self._update_newest()

    def restyle(self) -> None:
        """Draw the icon in the palette's colours."""
        self.newest.setIcon(icon("newest", self.palette()))

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Draw the icon anew when the palette changes."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "newest"):
            self.restyle()

    def follow(self) -> None:
        """Go to the newest row and stay with it."""
        if self.pause.isChecked():
            self.pause.setChecked(False)
        self.view.clearSelection()
        self.model.set_held(False)
        self.view.set_following(True)
        self._update_newest()

    def save_to(self, path: Path) -> None:
        """Save the rows that the filter shows, a slice at a time; `said` tells when it is done."""
        self._run(export.writing(self._shown_rows(), path), f"Saved {self.model.rowCount():,} rows to {path.name}")

    def copy_selected(self) -> None:
        """Copy the selected rows as text; `said` tells when it is done."""
        ranges = self.view.selected_rows()
        count = sum(last - first + 1 for first, last in ranges)
        if not count:
            self.said.emit("Nothing is selected: click a row first")
            return
        source, shown = self.model.snapshot(), self.model.numbers()
        indexes = itertools.islice((i for first, last in ranges for i in range(first, last + 1)), _COPY_ROWS)
        lines: list[str] = []
        note = "" if count <= _COPY_ROWS else f" of {count:,}: save the log as a file to have them all"

        def work() -> Iterator[None]:
            yield from export.collecting((source.row(shown[index]) for index in indexes), lines)
            QtWidgets.QApplication.clipboard().setText("\n".join(lines))

        self._run(work(), f"Copied {min(count, _COPY_ROWS):,} rows{note}")

    # -- slots ------------------------------------------------------------------------------------------

    def _run(self, work: Iterator[None], done: str) -> None:
        if self._job.running:
            self.said.emit("Still saving or copying: wait until that is done")
            return

        def then() -> Iterator[None]:
            yield from work
            self.said.emit(done)

        self._job.start(then())

    def _shown_rows(self) -> Iterator[Row | None]:
        source = self.model.snapshot()
        return (source.row(number) for number in self.model.numbers())

    def _on_failed(self, why: str) -> None:
        self.said.emit(f"Not saved: {why}")

    def _on_save(self) -> None:
        path, _ = QtWidgets.QFileDialog.getSaveFileName(
            self, "Save the log", "hdaemon.log.txt", "Text (*.txt);;NDJSON (*.ndjson *.jsonl *.json)"
        )
        if path:
            self.save_to(Path(path))

    def _on_clear(self) -> None:
        self.model.log.clear()
        self.follow()
        self.sync()

    def _on_filter(self, text: str) -> None:
        self.model.set_filter(text)
        self.view.clearSelection()
        self._update_newest()

    def _on_paused(self, paused: bool) -> None:
        if paused:
            self._seen_end = self.model.end
        self.model.set_paused(paused)
        self._update_newest()

    def _on_following(self, following: bool) -> None:
        if not following:
            self._seen_end = self.model.end
        self.model.set_held(not following)
        self._update_newest()

    def _update_newest(self) -> None:
        count = 0
        if self.pause.isChecked():
            count = max(0, self.model.log.end - self._seen_end)
        elif not self.view.following:
            count = self.model.rows_from(self._seen_end)
        if count:
            self.newest.setText(f"{count:,} new")
            self.newest.adjustSize()
            self._place_newest()
        self.newest.setVisible(count > 0)

    def _place_newest(self) -> None:
        area, size = self.view.viewport().geometry(), self.newest.size()
        gap = self.fontMetrics().height() // 2
        self.newest.move(area.center().x() - size.width() // 2, area.bottom() - size.height() - gap)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:  # noqa: N802
        """Keep the button where it belongs when the view changes its size."""
        if event.type() == QtCore.QEvent.Type.Resize:
            self._place_newest()
        return bool(super().eventFilter(watched, event))
