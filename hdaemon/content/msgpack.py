"""application/msgpack: MessagePack (github.com/msgpack/msgpack/blob/master/spec.md), as Python objects.

Before the package msgpack makes anything of a payload, its structure is walked here: every announced length must fit
what follows, nesting is limited to `MAX_DEPTH` and values to `bounds.MAX_VALUES`, and nothing may follow the one value.
A few bytes that announce gigabytes, or become gigabytes of objects, are so refused before anything is allocated.

str becomes str (it must be UTF-8), bin bytes, array list, map dict. A key may be anything but an array or a map; one
that is twice in a map is refused (1, 1.0 and true are the same key in Python). Extension type -1 becomes
`msgpack.Timestamp`, which keeps the nanoseconds (`.to_datetime()`, `.to_unix()`); every other one `msgpack.ExtType`, a
tuple of its code and its bytes.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from typing import Any

from hdaemon.content import bounds
from hdaemon.content.buffers import Payload, flat, short
from hdaemon.errors import DecodeError

__all__ = ["MAX_DEPTH", "decode"]

MAX_DEPTH = 64
"""Arrays and maps inside each other: far more than data has, far less than a parser's stack."""

_RUN = 1000
"""How many values of one size are skipped at once. Not more: the engine remembers each of them."""


def decode(payload: Payload) -> Any:
    """Return the value of `payload`.

    Raises:
        DecodeError: it is not MessagePack, or past a limit, or msgpack is not installed; says what is wrong and, for
            what is wrong in the structure, at which byte.
    """
    view = flat(payload)
    _check(view)
    msgpack: Any = _msgpack()
    try:
        return msgpack.unpackb(view, strict_map_key=False, object_pairs_hook=_map)
    except UnicodeDecodeError as error:
        raise DecodeError(
            f"not MessagePack: the string {short(error.object)} is not UTF-8; send bytes as bin, not str"
        ) from error
    except DecodeError:
        raise
    except (ValueError, TypeError, OverflowError) as error:  # a timestamp of no time; msgpack's own errors
        raise DecodeError(f"not MessagePack: {error}") from error


def _msgpack() -> ModuleType:
    try:
        return importlib.import_module("msgpack")
    except ImportError as error:
        why = f"application/msgpack needs msgpack, which cannot be imported here ({error})"
        raise DecodeError(f"{why}; run `python -m pip install msgpack`") from error


def _map(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    try:
        made = dict(pairs)
    except TypeError:
        raise DecodeError("not taken as MessagePack: a key of a map is itself an array or a map") from None
    if len(made) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise DecodeError(f"not taken as MessagePack: the key {short(key)} is twice in one map; give it once")
            seen.add(key)
    return made


# -- the structure: what each first byte says ---------------------------------------------------------------

_FIXED = [0] * 256
"""The size of a value that is always of one size, its first byte included; 0 for the others."""
for _codes, _size in (
    ((*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3), 1),
    ((0xCC, 0xD0), 2),
    ((0xCD, 0xD1, 0xD4), 3),
    ((0xD5,), 4),
    ((0xCA, 0xCE, 0xD2), 5),
    ((0xD6,), 6),
    ((0xCB, 0xCF, 0xD3), 9),
    ((0xD7,), 10),
    ((0xD8,), 18),
    *(((0xA0 + _length,), 1 + _length) for _length in range(32)),
):
    for _code in _codes:
        _FIXED[_code] = _size

_RUNS = {
    size: re.compile(
        b"(?:[%b]%b){1,%d}"
        % (b"".join(re.escape(bytes([c])) for c in range(256) if _FIXED[c] == size), b"." * (size - 1), _RUN),
        re.DOTALL,
    )
    for size in (1, 2, 3, 5, 9)
}
"""Values of one size in a row, as arrays of numbers are."""

_WIDTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_WIDTHS |= {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
"""How many bytes after the first say a length: of a bin, ext or str in bytes, of an array or map in values."""


def _check(view: memoryview) -> None:
    """Walk over every value of the payload, making none.

    `todo` counts the values still to come in the innermost array or map, `promised` those in all of them: each takes a
    byte at least, so more than are left is refused when it is announced. `values` are those and all before.
    """
    size, at, most = len(view), 0, bounds.MAX_VALUES
    todo, promised, values = 1, 1, 1
    outer: list[int] = []
    while True:
        while not todo:
            if not outer:
                if at != size:
                    raise DecodeError(f"not MessagePack: {size - at} bytes follow the value, which ends at offset {at}")
                return
            todo = outer.pop()
        if promised > size - at:
            raise DecodeError(
                f"not MessagePack: at offset {at} {promised} more values are announced, but {size - at} bytes are left"
            )
        code = view[at]
        fixed = _FIXED[code]
        if fixed:
            run = _RUNS[fixed].match(view, at, at + todo * fixed) if todo > 4 and fixed in _RUNS else None
            count = (run.end() - at) // fixed if run else 1
            at += count * fixed
            todo -= count
            promised -= count
        else:
            begin = at
            at, children = _variable(view, at, code)
            todo -= 1
            promised -= 1
            if children is not None:
                promised += children
                values += children
                if values > most and promised <= size - at:  # else it is cut off, which is said above
                    raise DecodeError(
                        f"not taken as MessagePack: at offset {begin} the values are {values}, over the limit of "
                        f"{most}; {bounds.ADVICE}"
                    )
                outer.append(todo)
                todo = children
                if len(outer) > MAX_DEPTH:
                    raise DecodeError(
                        f"not taken as MessagePack: at offset {begin} it nests deeper than {MAX_DEPTH} levels, "
                        "which is the limit; send flatter data"
                    )
        if at > size:
            raise DecodeError(
                f"not MessagePack: it is cut off: a value ends at offset {at}, but there are {size} bytes"
            )


def _variable(view: memoryview, at: int, code: int) -> tuple[int, int | None]:
    """Return where the value at `at` ends (of an array or map: its head), and how many values an array or map holds."""
    if 0x90 <= code <= 0x9F:
        return at + 1, code & 0x0F
    if 0x80 <= code <= 0x8F:
        return at + 1, 2 * (code & 0x0F)
    width = _WIDTHS.get(code)
    if width is None:
        raise DecodeError(f"not MessagePack: no value begins with byte 0x{code:02x}, which is at offset {at}")
    length = int.from_bytes(view[at + 1 : at + 1 + width], "big")
    head = at + 1 + width
    if code in (0xDC, 0xDD):
        return head, length
    if code in (0xDE, 0xDF):
        return head, 2 * length
    return head + length + (0xC7 <= code <= 0xC9), None  # an ext has its type between length and bytes
