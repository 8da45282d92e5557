"""`MeshPreview`: a small shaded picture of a mesh that can be turned.

The picture is made on a thread, by numpy (`mesh_picture`); here it is only put on the screen. Measured on two shared
cores while five programs were sending, 1,110 x 596 pixels: 0.4 to 0.7 ms of the main thread each time, 8 ms at worst,
when the thread was interrupted; the gaps of the main thread stayed as they were without a picture (p99 8 to 14 ms).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from qtpy import QtCore, QtGui, QtWidgets

from hdaemon_panel.icons import mixed
from hdaemon_panel.mesh_look import PITCH, YAW, Frame, Look, Picture
from hdaemon_panel.worker import Worker

if TYPE_CHECKING:
    from hdaemon.content.mesh import Mesh

__all__ = ["MeshPreview"]

_LEAST_S = 0.04
"""A mesh that changes is drawn at most this often: 25 pictures a second."""

_SHARE = 3
"""After a picture that took long the thread rests until it has worked this part of the time."""

_MAX_PIXELS = 1_500_000
_TURN = 0.01  # radians a pixel
_STEP = math.radians(10)
_STEEPEST = math.radians(89)


def _drawn(mesh: Mesh, look: Look, frame: Frame | None) -> Picture:
    from hdaemon_panel.mesh_picture import picture  # numpy is imported on the thread, where it takes its time

    return picture(mesh, look, frame)


class MeshPreview(QtWidgets.QFrame):
    """Shows a mesh. Drag, or the arrow keys, turn it; a double click, or Home, turns it back."""

    shown = QtCore.Signal()
    """A picture of the newest mesh is on the screen."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("meshPreview")
        self.setAccessibleName("Picture of the mesh")
        self.setToolTip("Drag to turn it; double-click to turn it back")
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self.setFrameShadow(QtWidgets.QFrame.Shadow.Sunken)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._mesh: Mesh | None = None
        self._frame: Frame | None = None
        self._turned: tuple[float, float] | None = None
        self._dragged: QtCore.QPoint | None = None
        self._pixels = b""  # the image has no copy of them
        self._image: QtGui.QImage | None = None
        self._stale = False
        self._began = self._took = 0.0
        self._worker = Worker(self)
        self._rest = QtCore.QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._draw)

    # -- what is shown ----------------------------------------------------------------------------------

    def set_mesh(self, mesh: Mesh | None, follows: bool = False) -> None:
        """Show `mesh`, as soon as there is time; `follows`: it is what the one before has become."""
        self._mesh = mesh
        if not follows:
            self._worker.cancel()
            self._frame = None
            self._image, self._pixels = None, b""
            self.update()
        if mesh is None:
            self._worker.cancel()
            self._stale = False
        else:
            self._want()

    def ready(self) -> bool:
        """Return whether a newer mesh would be drawn now, and not wait."""
        return not self._stale and not self._worker.busy and self._due() <= 0

    def _due(self) -> float:
        """Return in how many seconds the next picture may be drawn."""
        return self._began + max(_LEAST_S, _SHARE * self._took) - time.monotonic()

    def _want(self) -> None:
        """Have a picture drawn of what is wanted now: at once, or when the one under way is done."""
        self._stale = True
        if not self._worker.busy and not self._rest.isActive():
            due = self._due()
            if due <= 0 or self._dragged is not None:
                self._draw()
            else:
                self._rest.start(math.ceil(due * 1000))

    def _draw(self) -> None:
        area, ratio = self.contentsRect(), self.devicePixelRatioF()
        mesh, frame = self._mesh, self._frame
        if mesh is None or not self.isVisible() or area.width() < 8 or area.height() < 8:
            return  # it is drawn when it is shown
        self._stale = False
        self._began = time.monotonic()
        width, height = round(area.width() * ratio), round(area.height() * ratio)
        shrink = min(1.0, math.sqrt(_MAX_PIXELS / (width * height)))
        size = max(1, int(width * shrink)), max(1, int(height * shrink))
        look = self._look(*size, ratio * shrink)
        # The thread holds the mesh and numbers, and no widget.
        self._worker.start(lambda: _drawn(mesh, look, frame), self._on_drawn, self._on_late)

    def _look(self, width: int, height: int, ratio: float) -> Look:
        role, palette = QtGui.QPalette.ColorRole, self.palette()
        base, text = palette.color(role.Base), palette.color(role.Text)
        tint = palette.color(role.Highlight)
        dark_ground = base.lightnessF() < 0.5
        # From nearly the ground to nearly the text: in a light palette the surface is light and its shadows are dark.
        dark = mixed(mixed(base, text, 0.10 if dark_ground else 0.75), tint, 0.10)
        light = mixed(mixed(base, text, 0.98 if dark_ground else 0.12), tint, 0.06)
        ground, dark_rgb, light_rgb = (color.rgb() & 0xFFFFFF for color in (base, dark, light))
        yaw, pitch = self._turned or (YAW, PITCH)
        return Look(width, height, ground, dark_rgb, light_rgb, yaw, pitch, max(1, round(1.5 * ratio)))

    def _on_drawn(self, found: Picture) -> None:
        self._took, self._frame = found.took_s, found.frame
        self._pixels = found.pixels
        kind = QtGui.QImage.Format.Format_RGB32
        self._image = QtGui.QImage(self._pixels, found.width, found.height, found.width * 4, kind)
        self.update()
        if self._stale:
            self._want()
        else:
            self.shown.emit()

    def _on_late(self) -> None:
        self._image = None
        self.update()

    # -- widget -----------------------------------------------------------------------------------------

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Put the picture on the screen."""
        painter = QtGui.QPainter(self)
        area, image = self.contentsRect(), self._image
        if image is None:
            painter.fillRect(area, self.palette().color(QtGui.QPalette.ColorRole.Base))
        else:
            painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(area, image)  # one to one, but for a moment while the size changes
        painter.end()
        super().paintEvent(event)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Have it drawn in the new size."""
        super().resizeEvent(event)
        self._want()

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        """Draw what was not drawn while nobody looked."""
        super().showEvent(event)
        self._want()

    def changeEvent(self, event: QtCore.QEvent) -> None:  # noqa: N802
        """Take over other colours."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "_worker"):
            self._want()

    # -- turning ----------------------------------------------------------------------------------------

    def turn(self, yaw: float, pitch: float) -> None:
        """Look from `yaw` radians further around, and `pitch` radians higher."""
        old_yaw, old_pitch = self._turned or (YAW, PITCH)
        self._turned = (old_yaw + yaw) % math.tau, max(-_STEEPEST, min(_STEEPEST, old_pitch + pitch))
        self._want()

    def turn_back(self) -> None:
        """Look from where it was looked from at first."""
        self._turned = None
        self._want()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Begin to turn."""
        if event.button() == QtCore.Qt.MouseButton.LeftButton:
            self._dragged = event.pos()

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Turn with the hand."""
        if self._dragged is not None and self._image is not None:
            moved = event.pos() - self._dragged
            self._dragged = event.pos()
            self.turn(-_TURN * moved.x(), _TURN * moved.y())

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Let go."""
        del event
        self._dragged = None

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Turn it back."""
        del event
        self.turn_back()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Turn by the arrow keys."""
        key = QtCore.Qt.Key
        steps = {
            key.Key_Left: (_STEP, 0.0),
            key.Key_Right: (-_STEP, 0.0),
            key.Key_Up: (0.0, -_STEP),
            key.Key_Down: (0.0, _STEP),
        }
        if event.key() in steps and self._image is not None:
            self.turn(*steps[event.key()])
        elif event.key() == key.Key_Home:
            self.turn_back()
        else:
            super().keyPressEvent(event)
