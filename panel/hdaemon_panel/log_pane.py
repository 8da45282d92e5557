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

__all__ = ["LogPane"]

_COPY_ROWS = 20_000
"""Rows copied at once: more than a clipboard is for; a file is better."""


class LogPane(QtWidgets.QWidget):
    """The log and its tools."""

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
        self._tools: list[tuple[QtWidgets.QToolButton, str]] = []

        self.filter = QtWidgets.QLineEdit(self)
        self.filter.setObjectName("filterEdit")
        self.filter.setPlaceholderText("Filter messages")
        self.filter.setToolTip(
            "Show only messages that contain this text anywhere, or come from the client of this name (Ctrl+F)"
        )
        self.filter.setClearButtonEnabled(True)
        self._magnifier = self.filter.addAction(QtGui.QIcon(), QtWidgets.QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._on_filter)
        self.pause = self._tool("pauseButton", "pause", "Pause the view; receiving goes on", checkable=True)
        self.pause.toggled.connect(self._on_paused)
        self.copy = self._tool("copyButton", "copy", "Copy the selected rows (Ctrl+C)")
        self.copy.clicked.connect(self.copy_selected)
        self.save = self._tool("saveButton", "save", "Save the log as text or NDJSON")
        self.save.clicked.connect(self._on_save)
        self.clear = self._tool("clearButton", "clear", "Clear the log")
        self.clear.clicked.connect(self._on_clear)
        self.newest = QtWidgets.QPushButton(self.view)
        self.newest.setObjectName("newMessagesButton")
        self.newest.setToolTip("Go to the newest message and follow (End)")
        self.newest.setCursor(QtCore.Qt.CursorShape.PointingHandCursor)
        self.newest.hide()
        self.newest.clicked.connect(self.follow)

        bar = QtWidgets.QHBoxLayout()
        bar.setSpacing(2)
        bar.addWidget(self.filter, 1)
        for button, _ in self._tools:
            bar.addWidget(button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(bar)
        layout.addWidget(self.view, 1)

        self._action("Copy", QtGui.QKeySequence.StandardKey.Copy, self.copy_selected, self.view)
        self._action("Select All", QtGui.QKeySequence.StandardKey.SelectAll, self.view.selectAll, self.view)
        self._action("Filter", QtGui.QKeySequence.StandardKey.Find, self.filter.setFocus, self)
        self.view.following_changed.connect(self._on_following)
        self.view.installEventFilter(self)
        self.restyle()

    def _tool(self, name: str, icon_name: str, tip: str, checkable: bool = False) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(self)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(checkable)
        button.setAutoRaise(True)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self._tools.append((button, icon_name))
        return button

    def _action(
        self,
        title: str,
        key: QtGui.QKeySequence.StandardKey,
        slot: object,
        owner: QtWidgets.QWidget,
    ) -> None:
        # QAction lives in QtWidgets in Qt 5 and in QtGui in Qt 6; QtPy has it in both.
        action = QtWidgets.QAction(title, owner)
        action.setShortcut(QtGui.QKeySequence(key))
        action.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(slot)
        owner.addAction(action)

    # -- what the panel calls ---------------------------------------------------------------------------

    def sync(self) -> None:
        """Bring the view up to the log."""
        courtesy.ask()
        self.model.sync()
        self._update_newest()

    def restyle(self) -> None:
        """Draw the icons in the palette's colours."""
        palette = self.palette()
        for button, name in self._tools:
            button.setIcon(icon(name, palette))
        self._magnifier.setIcon(icon("search", palette))
        self.newest.setIcon(icon("newest", palette))

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Draw the icons anew when the palette changes."""
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
