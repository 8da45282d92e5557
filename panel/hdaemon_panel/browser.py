"""`Browser`: the log or the channels, and beside or below them the details of what is selected there."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon.blocks import Row
from hdaemon_panel import view_state
from hdaemon_panel.channels_pane import ChannelsPane
from hdaemon_panel.detail_pane import DetailPane
from hdaemon_panel.empty_state import EmptyState
from hdaemon_panel.link import ServerLink
from hdaemon_panel.log_pane import LogPane
from hdaemon_panel.receive import ReceiveAction
from hdaemon_panel.segments import Switch
from hdaemon_panel.snippet_actions import SnippetActions
from hdaemon_panel.snippets import Target
from hdaemon_panel.tools import ToolBar, add_action

__all__ = ["Browser"]

LOG, CHANNELS = 0, 1

_WIDE_CHARS = 150
"""A pane of this many characters or more has the details beside the list, a narrower one below."""

_SETTLE_MS = 40
"""Details follow the selection after this: holding an arrow key down must not decode every row on its way."""


class Browser(QtWidgets.QWidget):
    """Log and channels, one at a time, and the details of the selected row."""

    said = QtCore.Signal(str)
    """Something a person should read in the status line."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._state = view_state.load()
        self.log = LogPane(link.log, self)
        self.channels = ChannelsPane(link, self)
        self.detail = DetailPane(link, self)
        self.switch = Switch(
            (
                ("logPageButton", "Log", "Every message, as it came"),
                ("channelsPageButton", "Channels", "The newest value of each channel"),
            ),
            self,
        )
        self.switch.chosen.connect(self.show_page)
        self._tools = QtWidgets.QStackedWidget(self)
        self._pages = QtWidgets.QStackedWidget(self)
        for pane in (self.log, self.channels):
            self._tools.addWidget(pane.tools)
            self._pages.addWidget(pane)
            pane.said.connect(self.said)
        self.detail.said.connect(self.said)
        self._tools.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        extra = ToolBar(self)
        self.details = extra.button(
            "detailsButton",
            "details",
            "Show the details of the selected row (Enter; Escape hides them)",
            checkable=True,
        )
        self.details.setChecked(self._state.details)
        self.details.clicked.connect(self._on_details)
        self._splitter = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical, self)
        self._splitter.addWidget(self._pages)
        self._splitter.addWidget(self.detail)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._splitter.setCollapsible(0, False)
        self._splitter.setHandleWidth(self.fontMetrics().averageCharWidth())
        self._splitter.splitterMoved.connect(self._on_splitter_moved)
        self.detail.hide()
        bar = QtWidgets.QHBoxLayout()
        bar.setSpacing(self.fontMetrics().averageCharWidth())
        bar.addWidget(self.switch)
        bar.addWidget(self._tools, 1)
        bar.setSpacing(4)
        bar.addWidget(extra)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(bar)
        layout.addWidget(self._splitter, 1)

        self._settled = QtCore.QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MS)
        self._settled.timeout.connect(self.update_detail)
        self._placed = QtCore.QTimer(self)
        self._placed.setSingleShot(True)
        self._placed.timeout.connect(self._on_placed)
        self.log.view.selectionModel().selectionChanged.connect(self._settled.start)
        self.channels.view.selectionModel().selectionChanged.connect(self._settled.start)
        self.channels.view.line_activated.connect(self.open_details)
        self.log.view.doubleClicked.connect(self.open_details)
        self.detail.closed.connect(self.close_details)
        self.detail.decoded.connect(self._on_decoded)
        details = add_action(self.log.view, "Details", self.open_details)
        details.setShortcuts([QtGui.QKeySequence("Return"), QtGui.QKeySequence("Enter")])
        details.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetShortcut)
        self._receive = []
        for view, target, channel in (
            (self.log.view, self._row_target, self._row_channel),
            (self.channels.view, self._channel_target, self._channel_name),
            (self.detail, None, self.detail.channel),
        ):
            if target is not None:
                view.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.ActionsContextMenu)
                SnippetActions(view, target).said.connect(self.said)
            self._receive.append(ReceiveAction(view, channel))
            self._receive[-1].said.connect(self.said)
        self.detail.header.receive.clicked.connect(self._receive[-1].receive)
        snippets = SnippetActions(self.detail, self.detail.target)
        snippets.said.connect(self.said)
        self.detail.header.set_snippets(snippets)
        escape = add_action(self._splitter, "Hide Details", self.close_details)
        escape.setShortcut(QtGui.QKeySequence("Escape"))
        escape.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._log_empty = EmptyState(link, self.log.view, "Nothing received yet. Send something from a shell:")
        self._channels_empty = EmptyState(link, self.channels.view, "No channel yet. Send to one from a shell:")
        for empty in (self._log_empty, self._channels_empty):
            empty.said.connect(self.said)
        self.show_page(self._state.page)

    # -- what the panel calls ---------------------------------------------------------------------------

    @property
    def page(self) -> int:
        """Which is shown: 0 the log, 1 the channels."""
        return int(self._pages.currentIndex())

    def show_page(self, page: int) -> None:
        """Show the log (0) or the channels (1)."""
        self.switch.choose(page)
        self._pages.setCurrentIndex(page)
        self._tools.setCurrentIndex(page)
        self._remember(page=page)
        self.sync()
        self.tick()
        self.update_detail()

    def sync(self) -> None:
        """Bring the log up to the server, if it is shown; channels follow in `tick`."""
        if self.page == LOG:
            self.log.sync()

    def tick(self) -> None:
        """Show the channels and the selected one's value as they are now; called a few times a second."""
        if self.page == LOG:
            self.log.tick()
        else:
            self.channels.sync()
            self.sync_empty()
            self.detail.refresh_channel()

    def sync_empty(self) -> None:
        """Where there is nothing to see, say why and what to do."""
        running = self._link.running
        for view, text, empty in (
            (self.log.view, self.log.model.filter_text, self._log_empty),
            (self.channels.view, self.channels.model.filter_text, self._channels_empty),
        ):
            empty.sync(running and not text)
            kind = "message contains" if view is self.log.view else "channel name contains"
            start = "" if running else "Start the server to receive messages"
            view.set_hint(f"No {kind} “{text}”" if text else start)

    def _remember(self, **changes: object) -> None:
        self._state = view_state.changed(self._state, **changes)

    # -- details ----------------------------------------------------------------------------------------

    def update_detail(self) -> None:
        """Show the details of what is selected, where they are wanted."""
        if QtWidgets.QApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton:
            self._settled.start()  # the list must not move under a hand that is selecting
            return
        shown = self.details.isChecked() and self._show_selected()
        offered = [action.sync() for action in self._receive]
        self.detail.header.set_receivable(all(offered), self.detail.channel())
        if not shown:
            self.detail.clear()
        if shown != self.detail.isVisibleTo(self):
            self.detail.setVisible(shown)
            self._place()
        if shown:
            self._placed.start()

    def _on_placed(self) -> None:
        """Keep the selected row in sight when its details take room."""
        page = self._pages.currentWidget()
        assert isinstance(page, (LogPane, ChannelsPane))
        page.view.scrollTo(page.view.currentIndex())

    def _show_selected(self) -> bool:
        """Hand what is selected to the details; return whether there is just one thing."""
        if self.page == CHANNELS:
            info = self.channels.selected()
            if info is not None:
                self.detail.show_channel(info.channel)
            return info is not None
        ranges = self.log.view.selected_rows()
        if len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
            return False
        row = self.log.model.row_at(ranges[0][0])
        if row is not None:
            self.detail.show_row(row)
        return row is not None

    def open_details(self) -> None:
        """Show the details of what is selected, now."""
        self.details.setChecked(True)
        self._on_details()

    def close_details(self) -> None:
        """Hide the details until somebody asks for them; the list gets the keyboard."""
        if self.detail.isVisibleTo(self):
            self.details.setChecked(False)
            self._on_details()
            page = self._pages.currentWidget()
            assert isinstance(page, (LogPane, ChannelsPane))
            page.view.setFocus()

    def _on_details(self) -> None:
        self._remember(details=self.details.isChecked())
        self.update_detail()
        if self.details.isChecked() and not self.detail.isVisibleTo(self):
            self.said.emit("Select a row to see its details")

    def _on_decoded(self) -> None:
        if self.detail.row_number is not None:
            self.log.view.errors.put(self.detail.row_number, self.detail.error)

    # -- snippets and receivers ---------------------------------------------------------------------------------------

    def _selected_row(self) -> Row | None:
        """Return the one selected row of the log; None where it is several, or one without a message."""
        ranges = self.log.view.selected_rows()
        if len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
            return None
        row = self.log.model.row_at(ranges[0][0])
        return None if row is None or row.event is not None else row

    def _row_channel(self) -> str | None:
        row = self._selected_row()
        return None if row is None else row.channel

    def _channel_name(self) -> str | None:
        info = self.channels.selected()
        return None if info is None else info.channel

    def _row_target(self) -> Target | None:
        """Return what a snippet for the selected row would send; None where not one message is selected."""
        row = self._selected_row()
        if row is None:
            return None
        payload = None if row.message is None else row.message.payload
        return self._link.target(row.channel, row.content_type, payload)

    def _channel_target(self) -> Target | None:
        """Return what a snippet for the selected channel would send: its stored value, or one to begin with."""
        info = self.channels.selected()
        if info is None:
            return None
        entry = self._link.store.get(info.channel)
        if entry is None:
            return self._link.target(info.channel, info.content_type)
        return self._link.target(info.channel, entry.message.content_type, entry.message.payload)

    # -- where the details are --------------------------------------------------------------------------

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Put the details beside the list in a wide pane, else below it."""
        super().resizeEvent(event)
        wide = self.width() >= _WIDE_CHARS * self.fontMetrics().averageCharWidth()
        direction = QtCore.Qt.Orientation.Horizontal if wide else QtCore.Qt.Orientation.Vertical
        if self._splitter.orientation() != direction:
            self._splitter.setOrientation(direction)
            self._place()

    def _place(self) -> None:
        """Give the details the share of the room they had when they were last here."""
        wide = self._splitter.orientation() == QtCore.Qt.Orientation.Horizontal
        share = self._state.share_beside if wide else self._state.share_below
        room = self.width() if wide else self.height()
        self._splitter.setSizes([int(room * (1 - share)), int(room * share)])

    def _on_splitter_moved(self) -> None:
        sizes = self._splitter.sizes()
        if not all(sizes):  # folded away: opened again it has its room
            return
        wide = self._splitter.orientation() == QtCore.Qt.Orientation.Horizontal
        share = round(sizes[1] / sum(sizes), 3)
        self._remember(**{"share_beside" if wide else "share_below": share})
