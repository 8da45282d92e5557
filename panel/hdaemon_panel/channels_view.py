"""`ChannelsView`: the channels as a tree of their levels, with the newest value of each."""

from __future__ import annotations

from qtpy import QtWidgets

from hdaemon_panel.channels_model import AGE, RATE, SIZE, TYPE, ChannelsModel
from hdaemon_panel.lines_view import LinesView

__all__ = ["ChannelsView"]

_WIDEST = {TYPE: "safetensors", SIZE: "888.8 MB", RATE: "888.8 k/s", AGE: "59 min"}
_NARROW = (TYPE, SIZE, RATE, AGE)


class ChannelsView(LinesView):
    """The channels' tree; asks the model to look again at the rows that come into sight."""

    def __init__(self, model: ChannelsModel, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(model, _WIDEST, _NARROW, parent=parent)
        self._model = model
        self.verticalScrollBar().valueChanged.connect(self.refresh)

    def refresh(self) -> None:
        """Look at the channels in sight."""
        rows = self.visible_rows()
        if rows:
            self._model.refresh(rows[0], rows[-1])
