"""What a `Mesh` is made of, checked: arrays of numbers, of indices, of truth values, and of strings.

Each function takes what a caller gave, and returns a read-only, contiguous, little-endian array: a view of what was
given wherever that is possible, else a copy. Each error names the array, and the first element that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.content.buffers import short
from hdaemon.errors import UsageError

__all__ = [
    "DTYPES",
    "MAX_NAME_CHARS",
    "Strings",
    "check_name",
    "first",
    "indices32",
    "mask",
    "numbers",
    "positions",
    "vertices_of",
]

Array = npt.NDArray[Any]

DTYPES = ("<i4", "<i8", "<f2", "<f4", "<f8")
"""What an attribute is kept as. Houdini's smaller integers and truth values become int32: its nodes do the same."""

MAX_NAME_CHARS = 200

_SMALLER = {"|b1": "<i4", "|i1": "<i4", "|u1": "<i4", "<i2": "<i4", "<u2": "<i4", "<u4": "<i8"}


class Strings:
    """A string attribute: a table of different strings, and for each element the index of its string.

    Attributes:
        table: the strings, in the order of their indices. No U+0000 in them.
        indices: int32, shape ``(n,)``, or ``(n, k)`` for k strings an element; -1 stands for the empty string.
    """

    __slots__ = ("indices", "table")

    def __init__(self, table: Iterable[str], indices: npt.ArrayLike) -> None:
        """Check the indices against the table.

        Raises:
            UsageError: the table has something else than strings, or an index is outside of it.
        """
        if isinstance(table, str):
            raise UsageError("a table of strings is a list of them, and not one str")
        self.table = tuple(table)
        for at, text in enumerate(self.table):
            if not isinstance(text, str) or "\0" in text or not _encodes(text):
                raise UsageError(f"string {at} of the table is {short(text)}: use str without U+0000 and half pairs")
        self.indices = indices32("the indices of strings", indices, None)
        wrong = (self.indices < -1) | (self.indices >= len(self.table))
        if wrong.any():
            at = first(wrong)
            raise UsageError(
                f"index {at} of strings is {self.indices.reshape(-1)[at]}, and the table has {len(self.table)} strings"
            )

    @classmethod
    def of(cls, values: Sequence[Any] | Array) -> Strings:
        """Return the strings of `values`, one an element, or one sequence of equal length an element."""
        rows = values.tolist() if isinstance(values, np.ndarray) else list(values)
        nested = bool(rows) and not isinstance(rows[0], str)
        width = len(rows[0]) if nested else 1
        flat: list[str] = []
        for at, row in enumerate(rows):
            items = list(row) if nested and not isinstance(row, str) else [row]
            if len(items) != width or not all(isinstance(item, str) for item in items):
                raise UsageError(f"element {at} is {short(row)}, and not {width if nested else 'one'} str")
            flat += items
        known = {text: at for at, text in enumerate(dict.fromkeys(flat))}
        found = np.fromiter((known[text] for text in flat), np.int32, len(flat))
        return cls(known, found.reshape(-1, width) if nested and width > 1 else found)

    def tolist(self) -> list[Any]:
        """Return the string of each element; a list of strings for each where there are several."""
        table = (*self.table, "")  # index -1 is the last
        rows: list[Any] = self.indices.tolist()
        return [[table[at] for at in row] for row in rows] if self.indices.ndim > 1 else [table[at] for at in rows]

    def __len__(self) -> int:
        """Return the number of elements."""
        return len(self.indices)

    def __getitem__(self, at: int) -> Any:
        """Return what `tolist` has at `at`."""
        found = self.indices[at]
        table = (*self.table, "")
        return table[found] if found.ndim == 0 else [table[index] for index in found]

    def __eq__(self, other: object) -> bool:
        """Equal are two with the same table and the same indices."""
        if not isinstance(other, Strings):
            return NotImplemented
        return self.table == other.table and np.array_equal(self.indices, other.indices)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Strings of {len(self)} elements, {len(self.table)} different>"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_name(what: str, name: object) -> str:
    """Return `name`, when it can name an attribute or a group.

    Raises:
        UsageError: it is empty, no str, too long, or has a control character or half of a surrogate pair in it.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS or not _encodes(name):
        raise UsageError(f"{short(name)} cannot name a {what}: use a str of 1 to {MAX_NAME_CHARS} characters")
    if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in name):
        raise UsageError(f"the name {short(name)} of a {what} has a control character in it: leave it out")
    return name


def first(wrong: Array) -> int:
    """Return where the first true item of `wrong` is, counted through all its dimensions."""
    return int(np.argmax(wrong.reshape(-1)))


def _asarray(what: str, value: npt.ArrayLike) -> Array:
    try:
        made: Array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:  # rows of different lengths, integers beyond 64 bits
        raise UsageError(f"{what}: numpy makes no array of it ({error})") from error
    return made


def _sealed(made: Array) -> Array:
    view: Array = np.ascontiguousarray(made).view()
    view.flags.writeable = False
    return view


def numbers(what: str, value: npt.ArrayLike, count: int, owner: str) -> Array:
    """Return an attribute of numbers: ``(count,)``, or ``(count, k)`` for k > 1 numbers an element.

    Further dimensions are laid out flat: ``(n, 3, 3)`` becomes ``(n, 9)``.

    Args:
        what: how errors call it.
        value: what numpy makes an array of.
        count: how many elements there must be.
        owner: what they are, in the plural.
    """
    made = _asarray(what, value)
    little = made.dtype.newbyteorder("<")
    if made.dtype.str == "<u8" or made.dtype.str == ">u8":
        if made.size and int(made.max()) > np.iinfo(np.int64).max:
            at = first(made > np.uint64(np.iinfo(np.int64).max))
            raise UsageError(f"{what}: number {at} is {made.reshape(-1)[at]}, which int64 does not hold")
        little = np.dtype("<i8")
    wanted = np.dtype(_SMALLER.get(little.str, little.str))
    if wanted.str not in DTYPES:
        raise UsageError(f"{what} is of type {made.dtype}: use int32, int64, float16, float32 or float64, or strings")
    rows = made.shape[0] if made.ndim else 1
    if made.ndim == 0 or rows != count:
        held = f"{rows} rows" if made.ndim else "one number"
        raise UsageError(f"{what} has {held}, and the mesh has {count} {owner}: give one row for each")
    width = int(np.prod(made.shape[1:], dtype=np.int64))
    if width < 1:
        raise UsageError(f"{what} has the shape {made.shape}: give at least one number for each of the {owner}")
    shaped = made.reshape((rows,) if width == 1 else (rows, width))
    return _sealed(shaped.astype(wanted, copy=False))


def positions(value: npt.ArrayLike) -> Array:
    """Return points: float32 or float64, ``(n, 3)``. Integers become float64, float16 becomes float32."""
    made = _asarray("points", value)
    if made.size == 0 and made.ndim == 1:
        made = np.empty((0, 3), np.float32)
    if made.ndim != 2 or made.shape[1] != 3:
        raise UsageError(f"points has the shape {made.shape}: give (n, 3), one row x, y, z for each point")
    if made.dtype.kind not in "fiu" or made.dtype.itemsize > 8:
        raise UsageError(f"points is of type {made.dtype}: use float32 or float64")
    single = made.dtype.kind == "f" and made.dtype.itemsize <= 4
    return _sealed(made.astype("<f4" if single else "<f8", copy=False))


def indices32(what: str, value: npt.ArrayLike, ndim: int | None = 1) -> Array:
    """Return integers as int32, which is what Houdini keeps of them; `ndim` dimensions, or one or two."""
    made = _asarray(what, value)
    if made.size == 0 and made.dtype.kind == "f":
        made = made.astype(np.int32)
    if made.dtype.kind not in "iu":
        raise UsageError(f"{what} is of type {made.dtype}: use int32")
    if made.ndim != ndim and (ndim is not None or made.ndim not in (1, 2)):
        raise UsageError(f"{what} has the shape {made.shape}: give one row of integers, without further dimensions")
    if made.dtype.itemsize > 2 and made.dtype.str != "<i4" and made.size:
        limit = np.iinfo(np.int32).max
        if int(made.max()) > limit or int(made.min()) < -limit - 1:
            at = first((made > limit) | (made < -limit - 1))
            raise UsageError(f"{what}: number {at} is {made.reshape(-1)[at]}, and more than 32 bits hold")
    return _sealed(made.astype("<i4", copy=False))


def vertices_of(counts: Array) -> int:
    """Return how many vertices polygons of these counts have together, where each has at least one."""
    if not len(counts):
        return 0
    # Most meshes are of quads or of triangles only, and to see that takes a third of the time of a sum of 64 bits.
    smallest, largest = int(counts.min()), int(counts.max())
    return smallest * len(counts) if smallest == largest else int(counts.sum(dtype=np.int64))


def mask(what: str, value: npt.ArrayLike, count: int, owner: str) -> Array:
    """Return a group: bool, ``(count,)``. Integers are taken when they are all 0 or 1."""
    made = _asarray(what, value)
    if made.size == 0 and made.dtype.kind == "f":
        made = made.astype(np.bool_)
    if made.dtype.kind not in "biu":
        raise UsageError(f"{what} is of type {made.dtype}: use bool, true for what is in it")
    if made.shape != (count,):
        raise UsageError(f"{what} has the shape {made.shape}, and the mesh has {count} {owner}: give one bool for each")
    if made.dtype.kind != "b":
        wrong = (made != 0) & (made != 1)
        if wrong.any():
            at = first(wrong)
            raise UsageError(
                f"{what}: element {at} is {made[at]}, and not 0 or 1; give a bool for each of the {count} {owner}, "
                "and not their indices"
            )
    return _sealed(made.astype(np.bool_, copy=False))
