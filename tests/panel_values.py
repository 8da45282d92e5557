"""What tests of the panel send, and what they read of it."""

from __future__ import annotations

import io

import numpy as np
from qtpy import QtWidgets


def npy(array) -> bytes:
    """Return an array as a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def clipboard() -> str:
    """Return the text on the clipboard."""
    return QtWidgets.QApplication.clipboard().text()


def cells(model) -> list[tuple[str, ...]]:
    """Return the texts of a model's rows."""
    return [model.cells(line) for line in model.rows]
