"""`ArraysModel` and `ArraysView`: arrays as a table of names, types, shapes, extremes and first values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from qtpy import QtWidgets

from hdaemon_panel.lines_model import LinesModel
from hdaemon_panel.lines_view import LinesView
from hdaemon_panel.rates import human_count

__all__ = [
    "ARRAY_COLUMNS",
    "MEASURED_BYTES",
    "ArraysModel",
    "ArraysView",
    "Extremes",
    "extremes",
    "first_values",
    "total_bytes",
]

ARRAY_COLUMNS = ("Name", "Type", "Shape", "Min", "Max", "First values")
NAME, TYPE, SHAPE, MIN, MAX, FIRST = range(6)

MEASURED_BYTES = 64 * 1024 * 1024
"""Arrays up to this, all together, are searched for their extremes without being asked."""

_CHUNK = 1 << 20
"""Items looked at between two looks at whether the answer is still wanted."""

_FIRST_ITEMS = 8


class Extremes:
    """The smallest and the largest value of an array, and how many are not a number.

    Attributes:
        low, high: as text; empty for types without an order, and where there is no value.
        nans: values that are not a number; they are in neither.
    """

    __slots__ = ("high", "low", "nans")

    def __init__(self, low: str = "", high: str = "", nans: int = 0) -> None:
        self.low, self.high, self.nans = low, high, nans


def total_bytes(arrays: Mapping[str, Any]) -> int:
    """Return the bytes of all arrays."""
    return sum(int(array.nbytes) for array in arrays.values())


def extremes(array: Any, wanted: Callable[[], bool] = lambda: True) -> Extremes:
    """Return the extremes of `array`, looked for part by part as long as `wanted()`. Runs on any thread.

    numpy lets go of the interpreter meanwhile.
    """
    if array.dtype.kind not in "biuf" or array.size == 0:
        return Extremes()
    import numpy

    low: Any = None
    high: Any = None
    nans = 0
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    flat = array.reshape(-1, order=order)  # of what lies in one piece, a view
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a part that is all NaN
        for begin in range(0, flat.size, _CHUNK):
            if not wanted():
                return Extremes()
            part = flat[begin : begin + _CHUNK]
            if array.dtype.kind == "f":
                nans += int(numpy.count_nonzero(numpy.isnan(part)))
                least, most = numpy.fmin.reduce(part), numpy.fmax.reduce(part)
                if numpy.isnan(least):
                    continue
            else:
                least, most = part.min(), part.max()
            low = least if low is None or least < low else low
            high = most if high is None or most > high else high
    return Extremes(_number(low), _number(high), nans)


def _number(value: Any) -> str:
    if value is None:
        return ""
    if value.dtype.kind == "f":
        return f"{float(value):.5g}"
    return str(bool(value)).lower() if value.dtype.kind == "b" else str(int(value))


def first_values(array: Any) -> str:
    """Return the first values; `flat` copies nothing, whatever the order."""
    values = [array.flat[index] for index in range(min(array.size, _FIRST_ITEMS))]
    shown = [
        _number(value) if getattr(value, "dtype", array.dtype).kind in "biuf" else str(value)[:40] for value in values
    ]
    return f"[{', '.join(shown)}{', …' if array.size > _FIRST_ITEMS else ''}]"


class _Line:
    __slots__ = ("array", "name", "shown")

    def __init__(self, name: str, array: Any) -> None:
        self.name, self.array = name, array
        self.shown: tuple[str, ...] | None = None


class ArraysModel(LinesModel):
    """One row an array, in the order of the payload."""

    COLUMNS: ClassVar[tuple[str, ...]] = ARRAY_COLUMNS
    NUMBERS: ClassVar[tuple[int, ...]] = (MIN, MAX)
    FIXED: ClassVar[tuple[int, ...]] = (FIRST,)

    rows: list[_Line]

    def __init__(self) -> None:
        super().__init__()
        self._extremes: dict[str, Extremes] = {}

    def set_arrays(self, arrays: Mapping[str, Any]) -> None:
        """Show these arrays. With the names of those before, the old extremes stay until there are others."""
        fresh = [_Line(name, array) for name, array in arrays.items()]
        if [line.name for line in fresh] == [line.name for line in self.rows]:
            self.rows[:] = fresh
            self.changed(0, len(fresh) - 1)
            return
        self._extremes = {}
        self.beginResetModel()
        self.rows[:] = fresh
        self.endResetModel()

    def set_extremes(self, found: Mapping[str, Extremes]) -> None:
        """Show what was found of each array."""
        self._extremes = dict(found)
        for line in self.rows:
            line.shown = None
        self.changed(0, len(self.rows) - 1)

    def cells(self, line: _Line) -> tuple[str, ...]:
        """Return what a row shows."""
        if line.shown is None:
            found = self._extremes.get(line.name, Extremes())
            array = line.array
            first = first_values(array)
            if found.nans:
                first = f"{human_count(found.nans)} NaN   {first}"
            shape = " × ".join(f"{extent:,}" for extent in array.shape) or "one value"
            kind = str(array.dtype) if array.dtype.names is None else f"{len(array.dtype.names)} fields"
            line.shown = (line.name or "array", kind, shape, found.low, found.high, first)
        return line.shown

    def faint(self, line: _Line, column: int) -> bool:
        """Return whether a cell is drawn paler: what is neither name nor value."""
        del line
        return column in (TYPE, SHAPE)

    def tool_tip(self, line: _Line, column: int) -> str:
        """Return all that is known of an array."""
        del column
        found, array = self._extremes.get(line.name, Extremes()), line.array
        text = f"{line.name or 'array'}\n{array.dtype}, {array.shape}, {array.nbytes:,} bytes"
        if found.low:
            text += f"\n{found.low} to {found.high}"
        return text + (f"\n{found.nans:,} values are not a number" if found.nans else "")


class ArraysView(LinesView):
    """The view of an `ArraysModel`."""

    TREE = False
    REST_CHARS = 24

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        self.arrays = ArraysModel()
        widest = {TYPE: "float32", SHAPE: "888,888 × 3", MIN: "-8.8888e-08", MAX: "-8.8888e-08"}
        super().__init__(self.arrays, widest, (FIRST, TYPE, MIN, MAX), name_chars=(8, 24), parent=parent)
        self.arrays.setParent(self)
        self.setAccessibleName("Arrays")
