"""`MeshView`: a mesh as a picture, in numbers, and as a table of its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.arrays_table import Extremes
from hdaemon_panel.elided import ElidedLabel
from hdaemon_panel.icons import mixed
from hdaemon_panel.lines_model import LinesModel
from hdaemon_panel.lines_view import LinesView
from hdaemon_panel.mesh_facts import AttributeFacts, MeshFacts
from hdaemon_panel.mesh_preview import MeshPreview

if TYPE_CHECKING:
    from hdaemon.content.mesh import Mesh

__all__ = ["AttributesModel", "AttributesView", "MeshView"]

NAME, CLASS, TYPE, KIND, MIN, MAX, VALUES = range(7)

_FACTS_MS = 250
"""Numbers that change are written anew at most this often: nobody reads faster, and the picture goes on meanwhile."""

_LOW_LINES = 11
"""With less height than this, in lines of text, a line of its own for the conventions would take the table's room."""


class AttributesModel(LinesModel):
    """One row an attribute or a group."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("Name", "Class", "Type", "Kind", "Min", "Max", "Values")
    NUMBERS: ClassVar[tuple[int, ...]] = (MIN, MAX)
    FIXED: ClassVar[tuple[int, ...]] = (VALUES,)

    rows: list[AttributeFacts]

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._extremes: Mapping[str, Extremes] = {}

    def set_rows(self, rows: list[AttributeFacts]) -> None:
        """Show these. With the same attributes as before, the old extremes stay until there are others."""
        if [row.key for row in rows] == [row.key for row in self.rows]:
            self.rows[:] = rows
            self.changed(0, len(rows) - 1)
            return
        self._extremes = {}
        self.beginResetModel()
        self.rows[:] = rows
        self.endResetModel()

    def set_extremes(self, found: Mapping[str, Extremes]) -> None:
        """Show what was found of each, by its key."""
        self._extremes = dict(found)
        self.changed(0, len(self.rows) - 1)

    @property
    def measured(self) -> bool:
        """Whether there are extremes, be they of the mesh before."""
        return bool(self._extremes)

    def cells(self, line: AttributeFacts) -> tuple[str, ...]:
        """Return what a row shows."""
        return line.cells(self._extremes.get(line.key, Extremes()))

    def faint(self, line: AttributeFacts, column: int) -> bool:
        """Return whether a cell is drawn paler: what is neither name nor value."""
        del line
        return column in (CLASS, TYPE, KIND)

    def tool_tip(self, line: AttributeFacts, column: int) -> str:
        """Return all that is known of an attribute."""
        del column
        name, owner, kind_of, kind, low, high, values = self.cells(line)
        text = f"{name}: {owner} {kind_of}{f', {kind}' if kind else ''}"
        return f"{text}\n{low} to {high}\n{values}" if low else f"{text}\n{values}"


class AttributesView(LinesView):
    """The view of an `AttributesModel`."""

    TREE = False
    REST_CHARS = 20

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        self.attributes = AttributesModel()
        widest = {CLASS: "vertex", TYPE: "float32[3]", KIND: "texturecoord", MIN: "-8.888e-08", MAX: "-8.888e-08"}
        super().__init__(self.attributes, widest, (VALUES, KIND, MIN, MAX, CLASS), name_chars=(6, 20), parent=parent)
        self.attributes.setParent(self)
        self.setAccessibleName("Attributes and groups")


class MeshView(QtWidgets.QWidget):
    """The picture, and beside or below it what is known of the mesh."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: MeshFacts | None = None
        self._is_low = False
        self.preview = MeshPreview(self)
        self.counts, self.box, self.conventions = (ElidedLabel(self) for _ in range(3))
        self.counts.setObjectName("meshCounts")
        self.box.setObjectName("meshBox")
        self.conventions.setObjectName("meshConventions")
        self.table = AttributesView(self)
        self.table.setObjectName("meshAttributes")
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_FACTS_MS)
        self._later.timeout.connect(self._write)
        self._words = QtWidgets.QWidget(self)
        words = QtWidgets.QVBoxLayout(self._words)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(2)
        for label in (self.counts, self.box, self.conventions):
            words.addWidget(label)
        words.addSpacing(2)
        words.addWidget(self.table, 1)
        self._tint()

    # -- what is shown ----------------------------------------------------------------------------------

    def set_mesh(self, mesh: Mesh, facts: MeshFacts, follows: bool = False) -> None:
        """Show `mesh`; `follows`: it is what the one before has become, and its numbers may be a moment late."""
        self._facts = facts
        self.preview.set_mesh(mesh, follows)
        if not follows:
            self._later.stop()
            self.table.attributes.set_rows([])
            self._write()
        elif not self._later.isActive():
            self._later.start()

    def clear(self) -> None:
        """Let go of what is shown."""
        self._facts = None
        self._later.stop()
        self.preview.set_mesh(None)
        self.table.attributes.set_rows([])

    def _write(self) -> None:
        facts = self._facts
        if facts is not None:
            # Where there is little height the conventions go into the first line, if that has room for them.
            whole = f"{facts.counts}   {facts.conventions}" if self._is_low else facts.counts
            self.counts.set_texts(whole, facts.counts, facts.counts.rpartition("   ")[0])
            self.box.set_texts(f"{facts.size}   {facts.place}".strip() or "no points", facts.size)
            self.conventions.set_texts(facts.conventions)
            self.table.attributes.set_rows(facts.rows)

    def ready(self) -> bool:
        """Return whether a newer mesh would be shown now."""
        return self.preview.ready()

    def as_text(self) -> str:
        """Return what is written, and the table as tab-separated text, or its selected row alone."""
        model = self.table.attributes
        line = model.line(self.table.currentIndex().row())
        if line is not None:
            return "\t".join(model.cells(line))
        head = [self.counts.text(), self.box.text(), self.conventions.text(), "\t".join(model.COLUMNS)]
        return "\n".join(head + ["\t".join(model.cells(row)) for row in model.rows])

    # -- look -------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Put the picture beside the numbers in a wide view, else above them."""
        super().resizeEvent(event)
        width, height, space = self.width(), self.height(), self.fontMetrics().averageCharWidth()
        if width > 1.4 * height:
            left = int(min(1.5 * height, 0.42 * width))
            self.preview.setGeometry(0, 0, left, height)
            self._words.setGeometry(left + space, 0, width - left - space, height)
        else:
            top = int(min(0.75 * width, 0.55 * height))
            self.preview.setGeometry(0, 0, width, top)
            self._words.setGeometry(0, top + space, width, height - top - space)
        is_low = self._words.height() < _LOW_LINES * self.fontMetrics().height()
        if is_low != self._is_low:
            self._is_low = is_low
            self.conventions.setVisible(not is_low)
            self._write()

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802
        """Return little: the two parts take what there is."""
        return QtCore.QSize(10 * self.fontMetrics().averageCharWidth(), 4 * self.fontMetrics().height())

    def _tint(self) -> None:
        role = QtGui.QPalette.ColorRole
        own = QtGui.QPalette(self.palette())
        own.setColor(role.WindowText, mixed(own.color(role.WindowText), own.color(role.Window), 0.35))
        self.conventions.setPalette(own)

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over another palette."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "conventions"):
            self._tint()
