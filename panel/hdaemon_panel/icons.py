"""The project's SVG icons, drawn in the colours of a palette."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from qtpy import QtCore, QtGui, QtSvg

from hdaemon.paths import share_dir

__all__ = ["icon", "tinted"]

_SIZES = (16, 20, 24, 32, 48, 64)  # what tool buttons ask for at 1x, 1.25x, 1.5x, 2x ...


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return (share_dir() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _pixmaps(name: str, color: QtGui.QColor) -> Iterator[QtGui.QPixmap]:
    text = _svg(name).replace("currentColor", color.name())
    drawing = QtSvg.QSvgRenderer(QtCore.QByteArray(text.encode()))
    for size in _SIZES:
        pixmap = QtGui.QPixmap(size, size)
        pixmap.fill(QtCore.Qt.GlobalColor.transparent)
        painter = QtGui.QPainter(pixmap)
        painter.setOpacity(color.alphaF())
        drawing.render(painter)
        painter.end()
        yield pixmap


def icon(name: str, palette: QtGui.QPalette, color: QtGui.QColor | None = None) -> QtGui.QIcon:
    """Return the icon of that name in `color`, or in the palette's button text; paler while disabled."""
    role, group = QtGui.QPalette.ColorRole.ButtonText, QtGui.QPalette.ColorGroup
    normal = color or palette.color(group.Active, role)
    return _icon(name, normal.rgba(), palette.color(group.Disabled, role).rgba())


@lru_cache(maxsize=256)  # drawing one takes as long as painting the whole log
def _icon(name: str, normal: int, disabled: int) -> QtGui.QIcon:
    made = QtGui.QIcon()
    for color, mode in ((normal, QtGui.QIcon.Mode.Normal), (disabled, QtGui.QIcon.Mode.Disabled)):
        for pixmap in _pixmaps(name, QtGui.QColor.fromRgba(color)):
            made.addPixmap(pixmap, mode)
    return made


def tinted(palette: QtGui.QPalette, hue: float, saturation: float = 0.55) -> QtGui.QColor:
    """Return the palette's text colour turned to `hue` (0 to 1): as light or dark as text, so it can be read.

    The panel's only colours that are not the palette's own: green for listening, amber for waiting, red for failed.
    """
    role = QtGui.QPalette.ColorRole
    return _tinted(palette.color(role.Text).rgba(), palette.color(role.Base).rgba(), hue, saturation)


@lru_cache(maxsize=256)  # wanted for every frame, and ten calls into Qt
def _tinted(text_rgba: int, base_rgba: int, hue: float, saturation: float) -> QtGui.QColor:
    text = QtGui.QColor.fromRgba(text_rgba)
    dark_ground = QtGui.QColor.fromRgba(base_rgba).lightnessF() < 0.5
    lightness = max(text.lightnessF() - 0.18, 0.6) if dark_ground else min(text.lightnessF() + 0.3, 0.42)
    return QtGui.QColor.fromHslF(hue, saturation, lightness)


GREEN, AMBER, RED = 0.36, 0.10, 0.0
"""Hues for `tinted`."""


def mixed(first: QtGui.QColor, second: QtGui.QColor, share: float) -> QtGui.QColor:
    """Return `first` with `share` (0 to 1) of `second` in it."""
    return _mixed(first.rgba(), second.rgba(), share)


@lru_cache(maxsize=256)
def _mixed(first_rgba: int, second_rgba: int, share: float) -> QtGui.QColor:
    first, second = QtGui.QColor.fromRgba(first_rgba), QtGui.QColor.fromRgba(second_rgba)
    return QtGui.QColor.fromRgbF(
        *(a + (b - a) * share for a, b in zip(first.getRgbF()[:3], second.getRgbF()[:3], strict=True))
    )
