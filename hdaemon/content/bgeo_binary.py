"""Houdini's binary JSON (the HDK's UT_JSONDefines.h): bytes in, a tree of Python values and numpy arrays out.

Five bytes of magic, then one value. A byte says what a value is; lengths and ids are packed into 1, 3, 5 or 9 bytes.
A string can be defined once under an id, and be named by it afterwards. An array of one type is its bytes: it becomes
a numpy array, a view of the payload or a copy where it is not aligned. All else becomes list, dict, str, int, float,
bool and None.

Every length is held against what is left of the payload before anything is made of it, and what is not an array of one
type is counted: a payload makes at most about 40 times its own size of Python objects, and at most `MAX_VALUES`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hdaemon.content.buffers import array, short
from hdaemon.errors import DecodeError

__all__ = ["BIG_MAGIC", "MAGIC", "MAX_DEPTH", "MAX_VALUES", "UNIFORM", "decode"]

MAGIC = b"\x7fNSJb"
BIG_MAGIC = b"\x7fbJSN"
"""The same number from a machine that keeps the other end first; all that follows is so, too."""

MAX_DEPTH = 64
MAX_VALUES = 1_000_000
"""Outside of arrays of one type, in which Houdini writes whatever is large. Reading so many takes half a second.

Strings count, each where it is defined and where it is named, and so do arrays, `_ARRAY_VALUES` each. Houdini 13 to 15
write an array in a list for each polygon: of those, 140,000 are taken. Houdini 16 and later write some fifty values in
all.
"""

_ARRAY_VALUES = 4
"""What an array counts for, however short: as numpy's it takes as long as some values do, and as much memory."""

_SCALARS = {0x11: "b", 0x12: "h", 0x13: "i", 0x14: "q", 0x21: "B", 0x22: "H", 0x18: "e", 0x19: "f", 0x1A: "d"}
UNIFORM = {
    0x11: "i1",
    0x12: "i2",
    0x13: "i4",
    0x14: "i8",
    0x21: "u1",
    0x22: "u2",
    0x18: "f2",
    0x19: "f4",
    0x1A: "f8",
}
_LENGTHS = {0xF2: 2, 0xF4: 4, 0xF8: 8}

_END_ARRAY: Any = object()
_END_MAP: Any = object()


def decode(view: memoryview) -> Any:
    """Return the value of `view`, which begins with the magic.

    Raises:
        DecodeError: it is not as the format demands, or past a limit; says what is wrong, and at which offset.
    """
    return _Reader(view).whole()


class _Reader:
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.at = len(MAGIC)
        self.order = ">" if bytes(view[:5]) == BIG_MAGIC else "<"
        self.tokens: dict[int, str] = {}
        self.values = 0
        self.scalars: dict[int, tuple[Callable[..., tuple[Any, ...]], int]] = {
            byte: (struct.Struct(self.order + code).unpack_from, struct.calcsize(self.order + code))
            for byte, code in _SCALARS.items()
        }

    def fail(self, what: str, at: int | None = None) -> NoReturn:
        raise DecodeError(f"not bgeo: {what} at offset {self.at if at is None else at} of {len(self.view)} bytes")

    def whole(self) -> Any:
        value = self.value(0)
        if value is _END_ARRAY or value is _END_MAP:
            self.fail("it ends an array that it did not begin", self.at - 1)
        if self.at != len(self.view):
            self.fail(f"{len(self.view) - self.at} bytes follow the geometry")
        return value

    def take(self, size: int, what: str) -> int:
        """Return where the next `size` bytes are, and step over them."""
        at = self.at
        if size > len(self.view) - at:
            self.fail(f"it is cut off: {what} needs {short(size, 30)} bytes, and {len(self.view) - at} are left")
        self.at = at + size
        return at

    def length(self) -> int:
        first = self.view[self.take(1, "a length")]
        if first < 0xF1:
            return first
        size = _LENGTHS.get(first)
        if size is None:
            self.fail(f"0x{first:02x} begins no length", self.at - 1)
        at = self.take(size, "a length")
        return int.from_bytes(self.view[at : at + size], "big" if self.order == ">" else "little")

    def string(self) -> str:
        size = self.length()
        at = self.take(size, "a string")
        try:
            return str(self.view[at : at + size], "utf-8")
        except UnicodeDecodeError as error:
            self.fail(f"a string is not UTF-8: byte 0x{self.view[at + error.start]:02x}", at + error.start)

    def token(self) -> str:
        at = self.at
        number = self.length()
        text = self.tokens.get(number)
        if text is None:
            self.fail(f"the string {number} is named and was not defined", at)
        return text

    def value(self, depth: int) -> Any:
        """Return the next value, or one of the two ends."""
        view, size = self.view, len(self.view)
        while True:
            if self.at >= size:
                self.fail("it is cut off: a value is missing")
            kind = view[self.at]
            self.at += 1
            if kind == 0x2B:  # a definition is no value, and can stand before any
                self.count(1)
                number = self.length()
                self.tokens[number] = self.string()
            elif kind == 0x2D:
                self.count(1)
                self.tokens.pop(self.length(), None)
            else:
                break
        scalar = self.scalars.get(kind)
        if scalar is not None:
            read, width = scalar
            return read(view, self.take(width, "a number"))[0]
        if kind == 0x26:
            return self.token()
        if kind == 0x27:
            return self.string()
        if kind == 0x5B or kind == 0x7B:
            if depth >= MAX_DEPTH:
                self.fail(f"it nests deeper than {MAX_DEPTH} levels", self.at - 1)
            self.count(1)  # for itself: it takes more room than what is in it
            return self.list(depth + 1) if kind == 0x5B else self.map(depth + 1)
        if kind == 0x40:
            return self.uniform()
        if kind == 0x30 or kind == 0x31:
            return kind == 0x31
        if kind == 0x5D:
            return _END_ARRAY
        if kind == 0x7D:
            return _END_MAP
        if kind == 0x10:
            flag = view[self.take(1, "a truth value")]
            if flag > 1:
                self.fail(f"a truth value is {flag}", self.at - 1)
            return flag == 1
        if kind == 0x00:
            return None
        self.fail(f"0x{kind:02x} begins no value", self.at - 1)

    def count(self, more: int) -> None:
        self.values += more
        if self.values > MAX_VALUES:
            self.fail(
                f"there are more than {MAX_VALUES} values outside of arrays of one type, which is the limit "
                "(Houdini 16 and later write few: save it by one of those),"
            )

    def list(self, depth: int) -> list[Any]:
        made: list[Any] = []
        begun, value, append = self.at - 1, self.value, made.append
        while (item := value(depth)) is not _END_ARRAY:
            if item is _END_MAP:
                self.fail(f"}} ends the array that begins at {begun}", self.at - 1)
            append(item)
            self.count(1)
        return made

    def map(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        begun = self.at - 1
        while (key := self.value(depth)) is not _END_MAP:
            at = self.at
            if not isinstance(key, str):
                self.fail(f"a name in the object that begins at {begun} is no string", at)
            item = self.value(depth)
            if item is _END_MAP or item is _END_ARRAY:
                self.fail(f"{short(key)} has no value", self.at - 1)
            if key in made:
                self.fail(f"{short(key)} is twice in one object", at)
            made[key] = item
            self.count(2)
        return made

    def uniform(self) -> Any:
        kind = self.view[self.take(1, "the type of an array")]
        at = self.at
        length = self.length()
        self.count(_ARRAY_VALUES)
        name = UNIFORM.get(kind)
        if name is not None:
            dtype = np.dtype(self.order + name)
            begin = self.take(length * dtype.itemsize, f"an array of {short(length, 30)} {name}")
            made = array(self.view, dtype, (length,), begin)
            return made if self.order == "<" else made.astype(dtype.newbyteorder("<"))
        if kind == 0x10:  # bits, the lowest first, in words of 32
            words = (length + 31) // 32
            begin = self.take(words * 4, f"an array of {short(length, 30)} truth values")
            packed = array(self.view, np.dtype(self.order + "u4"), (words,), begin).astype("<u4", copy=False)
            return np.unpackbits(packed.view(np.uint8), count=length, bitorder="little").view(np.bool_)
        if kind in (0x27, 0x26):
            if length > len(self.view) - self.at:  # each has one byte at least
                self.fail(f"it is cut off: an array of {short(length, 30)} strings", at)
            self.count(length)
            read = self.string if kind == 0x27 else self.token
            return [read() for _ in range(length)]
        self.fail(f"0x{kind:02x} is no type of an array", at - 1)
