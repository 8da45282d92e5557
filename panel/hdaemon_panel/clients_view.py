"""`ClientsView`: the table of connected clients, where their mode is chosen and they are disconnected."""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon import courtesy
from hdaemon.server.turns import turns
from hdaemon_panel.clients_model import CLIENT_COLUMNS, DISCONNECT, MODE, MODE_CHOICES, SINCE, ClientsModel
from hdaemon_panel.clients_painter import ClientsPainter
from hdaemon_panel.icons import icon
from hdaemon_panel.link import ServerLink

__all__ = ["ClientsView"]


_WIDEST = ("client-888", "127.0.0.1:65535", "evaluate (own)", "888.8 k", "888.8 MB", "888.8 k/s", "00:00:00", "")
_NARROW = (6, 1, 4, 3)
"""Columns that go first in a narrow pane: since, address, bytes, messages (the tool tip has them)."""

_ROWS_SHOWN = 4


class _ModeDelegate(QtWidgets.QStyledItemDelegate):
    """Edits the mode with a combo box that opens at once and closes with the choice."""

    def createEditor(  # noqa: N802
        self, parent: QtWidgets.QWidget, option: QtWidgets.QStyleOptionViewItem, index: QtCore.QModelIndex
    ) -> QtWidgets.QWidget:
        """Return the combo box."""
        del option, index
        box = QtWidgets.QComboBox(parent)
        box.addItems(MODE_CHOICES)
        box.activated.connect(self._on_chosen)
        QtCore.QTimer.singleShot(0, box.showPopup)
        return box

    def _on_chosen(self) -> None:
        box = self.sender()
        self.commitData.emit(box)
        self.closeEditor.emit(box)

    def setEditorData(self, editor: QtWidgets.QWidget, index: QtCore.QModelIndex) -> None:  # noqa: N802
        """Show the client's own choice."""
        assert isinstance(editor, QtWidgets.QComboBox)
        editor.setCurrentText(str(index.data(QtCore.Qt.ItemDataRole.EditRole)))

    def setModelData(  # noqa: N802
        self, editor: QtWidgets.QWidget, model: QtCore.QAbstractItemModel, index: QtCore.QModelIndex
    ) -> None:
        """Switch the client."""
        assert isinstance(editor, QtWidgets.QComboBox)
        model.setData(index, editor.currentText(), int(QtCore.Qt.ItemDataRole.EditRole))


class ClientsView(QtWidgets.QTableView):
    """The clients' table. Delete disconnects, F2 or a double click edits the mode, the context menu has all."""

    def __init__(self, link: ServerLink, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.setObjectName("clientsView")
        self.setAccessibleName("Connected clients")
        self._model = ClientsModel(link, self)
        self.setModel(self._model)
        self.setItemDelegateForColumn(MODE, _ModeDelegate(self))
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QtWidgets.QAbstractItemView.EditTrigger.DoubleClicked
            | QtWidgets.QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leads on to the next control
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(
            QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
        )
        self.clicked.connect(self._on_clicked)
        self._set_metrics()
        self._painter = ClientsPainter(self)

    def model(self) -> ClientsModel:
        """Return the clients' model."""
        return self._model

    def _set_metrics(self) -> None:
        metrics = self.fontMetrics()
        margin = metrics.horizontalAdvance("  ")
        self._row_height = metrics.height() + max(4, metrics.height() // 4)
        self.verticalHeader().setMinimumSectionSize(self._row_height)
        self.verticalHeader().setDefaultSectionSize(self._row_height)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(self._row_height)
        self._widths = [
            max(metrics.horizontalAdvance(text), metrics.horizontalAdvance(title)) + 2 * margin
            for text, title in zip(_WIDEST, CLIENT_COLUMNS, strict=True)
        ]
        self._widths[DISCONNECT] = self._row_height + margin
        for column, width in enumerate(self._widths):
            header.resizeSection(column, width)

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return a height for a few clients."""
        header = self.horizontalHeader().sizeHint().height()
        return QtCore.QSize(300, header + _ROWS_SHOWN * self._row_height + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return a height for one client."""
        header = self.horizontalHeader().sizeHint().height()
        return QtCore.QSize(100, header + self._row_height + 2 * self.frameWidth())

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Hide columns that do not fit."""
        super().resizeEvent(event)
        wanted = sum(self._widths)
        for column in _NARROW:
            hide = wanted > self.viewport().width()
            if hide:
                wanted -= self._widths[column]
            self.setColumnHidden(column, hide)
        # What is left goes to the last column with text, or, where that is hidden, to the name.
        stretched = 0 if self.isColumnHidden(SINCE) else SINCE
        mode = QtWidgets.QHeaderView.ResizeMode
        for column in (0, SINCE):
            self.horizontalHeader().setSectionResizeMode(column, mode.Stretch if column == stretched else mode.Fixed)
            if column != stretched:
                self.horizontalHeader().resizeSection(column, self._widths[column])

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Draw the clients, or that nobody is connected."""
        courtesy.ask()
        painter = QtGui.QPainter(self.viewport())
        self._painter.paint(painter, self._model, self._widths)
        painter.end()  # not left to its last reference: who holds this frame, a profiler for one, would hold it
        courtesy.done()
        turns().worked()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Disconnect with Delete or Backspace."""
        if event.key() in (QtCore.Qt.Key.Key_Delete, QtCore.Qt.Key.Key_Backspace):
            self._disconnect(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QtGui.QContextMenuEvent) -> None:  # noqa: N802
        """Offer the mode, the framing, and to disconnect."""
        row = self.indexAt(event.pos()).row()
        menu = self.menu_for(row)
        if menu is not None:
            menu.exec_(event.globalPos())
            menu.deleteLater()

    def menu_for(self, row: int) -> QtWidgets.QMenu | None:
        """Return the context menu of a row; None where there is no client."""
        client, server = self._model.client(row), self._link.server
        if client is None or server is None:
            return None
        menu = QtWidgets.QMenu(self)
        for choice in MODE_CHOICES:
            action = menu.addAction(f"Mode: {choice}")
            action.setCheckable(True)
            action.setChecked(choice == (client.own_mode or MODE_CHOICES[0]))
            mode = None if choice == MODE_CHOICES[0] else choice
            action.triggered.connect(lambda _=False, mode=mode: server.set_client_mode(client.id, mode, "the panel"))
        menu.addSeparator()
        for framing, title in (("lines", "a message a line"), ("burst", "a message a burst")):
            action = menu.addAction(f"Raw framing: {title}")
            action.setCheckable(True)
            action.setChecked(client.framing == framing)
            action.triggered.connect(lambda _=False, framing=framing: server.set_client_framing(client.id, framing))
        menu.addSeparator()
        menu.addAction(icon("disconnect", self.palette()), "Disconnect").triggered.connect(
            lambda: self._disconnect_client(client.id)
        )
        return menu

    def _on_clicked(self, index: QtCore.QModelIndex) -> None:
        if index.column() == DISCONNECT:
            self._disconnect(index.row())

    def _disconnect(self, row: int) -> None:
        client = self._model.client(row)
        if client is not None:
            self._disconnect_client(client.id)

    def _disconnect_client(self, client_id: int) -> None:
        if self._link.server is not None:
            self._link.server.disconnect_client(client_id, "disconnected in the panel")
