"""The font in which every character is as wide."""

from __future__ import annotations

from qtpy import QtGui

__all__ = ["fixed_font"]


def fixed_font(beside: QtGui.QFont) -> QtGui.QFont:
    """Return the system's fixed font in the size of `beside`; any of its kind where the system names none."""
    font = QtGui.QFontDatabase.systemFont(QtGui.QFontDatabase.SystemFont.FixedFont)
    if not QtGui.QFontInfo(font).fixedPitch():
        font = QtGui.QFont("monospace")
        font.setStyleHint(QtGui.QFont.StyleHint.TypeWriter)
    font.setPointSizeF(beside.pointSizeF())
    return font
