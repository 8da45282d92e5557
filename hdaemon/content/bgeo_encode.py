"""A tree of Python values and numpy arrays, written as Houdini's JSON: binary (UT_JSONDefines.h) or ASCII.

The tree is of str, int, float, bool, None, dict, numpy arrays, and lists of them; of `Plain` and `Wide` where the
binary form has a choice.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from hdaemon.content.bgeo_binary import MAGIC, UNIFORM
from hdaemon.errors import UsageError

__all__ = ["Plain", "Wide", "ascii_bytes", "binary_parts"]

_TYPE_BYTES = {np.dtype(f"<{name}").str: byte for byte, name in UNIFORM.items()}
_COPIED_BYTES = 4096
"""Arrays below this are copied into the bytes around them: a buffer of its own costs more."""


class Plain(str):
    """A string that is written where it stands: without an id, as it does not come again."""

    __slots__ = ()


class Wide(int):
    """An integer that is written in 8 bytes, however small."""

    __slots__ = ()


def binary_parts(tree: Any) -> list[bytes | memoryview]:
    """Return the buffers whose bytes, one after the other, are `tree` in binary JSON; large arrays are not copied.

    Raises:
        OverflowError: an integer of more than 64 bits.
    """
    writer = _Writer()
    writer.write(tree)
    writer.flush()
    return writer.parts


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes | memoryview] = []
        self.head = bytearray(MAGIC)
        self.ids: dict[str, int] = {}

    def flush(self) -> None:
        if self.head:
            self.parts.append(bytes(self.head))
            self.head = bytearray()

    def write(self, value: Any) -> None:
        head = self.head
        if isinstance(value, str):
            self.string(value)
        elif value is None:
            head.append(0x00)
        elif value is True or value is False:
            head.append(0x31 if value else 0x30)
        elif isinstance(value, int):
            head += _integer(value)
        elif isinstance(value, float):
            head.append(0x1A)
            head += struct.pack("<d", value)
        elif isinstance(value, dict):
            head.append(0x7B)
            for key, item in value.items():
                self.write(key)
                self.write(item)
            self.head.append(0x7D)
        elif isinstance(value, np.ndarray):
            self.array(value)
        else:
            head.append(0x5B)
            for item in value:
                self.write(item)
            self.head.append(0x5D)

    def string(self, text: str) -> None:
        raw = text.encode()
        if isinstance(text, Plain):
            self.head += b"\x27" + _length(len(raw)) + raw
            return
        number = self.ids.get(text)
        if number is None:
            number = self.ids[text] = len(self.ids)
            self.head += b"\x2b" + _length(number) + _length(len(raw)) + raw
        self.head += b"\x26" + _length(number)

    def array(self, value: Any) -> None:
        if value.dtype.kind == "b":
            self.head += b"\x40\x10" + _length(value.size)
            bits = np.packbits(value, bitorder="little").tobytes()
            self.head += bits + bytes(-len(bits) % 4)
            return
        self.head += bytes([0x40, _TYPE_BYTES[value.dtype.str]]) + _length(value.size)
        if value.nbytes < _COPIED_BYTES:
            self.head += value.tobytes()
        else:
            self.flush()
            flat: Any = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
            self.parts.append(memoryview(flat))


def _integer(value: int) -> bytes:
    for byte, code, bits in ((0x11, "b", 7), (0x12, "h", 15), (0x13, "i", 31), (0x14, "q", 63)):
        if -(1 << bits) <= value < 1 << bits and (byte == 0x14 or not isinstance(value, Wide)):
            return bytes([byte]) + struct.pack("<" + code, value)
    raise OverflowError(value)


def _length(length: int) -> bytes:
    for lead, size in ((None, 1), (0xF2, 2), (0xF4, 4), (0xF8, 8)):
        if lead is None:
            if length < 0xF1:
                return bytes([length])
        elif length < 1 << (8 * size):
            return bytes([lead]) + length.to_bytes(size, "little")
    raise OverflowError(length)


def ascii_bytes(tree: Any) -> bytes:
    """Return `tree` as JSON text; floats of 32 and 16 bits with the digits that give them back.

    Raises:
        UsageError: a number is NaN or infinite, which JSON cannot say.
    """
    try:
        return json.dumps(_listed(tree), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise UsageError(
            "a number is NaN or infinite, which ASCII geometry cannot say: write the binary form"
        ) from error


def _listed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        # A float64 holds every float32 and float16, and Python writes the digits that give a float64 back.
        return value.tolist()
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    return value
