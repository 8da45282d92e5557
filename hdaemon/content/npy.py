"""application/x-npy: one numpy array, as `numpy.save` writes it (numpy.org, "numpy.lib.format").

Versions 1 to 3. The array is a read-only view of the payload. Pickles are never read: a type with Python objects is
refused by its name, before numpy sees it. The head is a Python literal; only the few tokens that one has are let
through to Python's parser, and not deep ones. What the head announces must be exactly what follows it.
"""

from __future__ import annotations

import ast
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from hdaemon.content.buffers import MAX_DIMENSIONS, Payload, array, flat, load_numpy, short
from hdaemon.errors import DecodeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["MAX_HEAD_BYTES", "decode"]

MAX_HEAD_BYTES = 65535
"""What version 1 can say at most: some thousand fields. numpy itself reads 10,000 unless told otherwise."""

MAX_DEPTH = 64
MAX_TOKENS = 15_000
"""Words, numbers and signs of a head: a field of a structure has seven, so that there may be some 2,000 of them."""

_MAGIC = b"\x93NUMPY"
_VERSIONS = {(1, 0): (2, "latin-1"), (2, 0): (4, "latin-1"), (3, 0): (4, "utf-8")}
"""How many bytes say the length of the head, and its encoding."""

_ESCAPE = r"\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_TOKEN = re.compile(
    rf"\s*(?:(?P<word>'(?:[^'\\\n]|{_ESCAPE})*'|\"(?:[^\"\\\n]|{_ESCAPE})*\"|True\b|False\b|[,:])"
    r"|(?P<integer>[0-9]+)L?\b"  # Python 2 wrote 3L
    r"|(?P<open>[(\[{])|(?P<close>[)\]}]))\s*"
)
_EXTENT = "(?:0|[1-9][0-9]{0,17})"
_USUAL = re.compile(
    r"\{'descr': '([^'\\\n]{1,40})', 'fortran_order': (True|False), "
    rf"'shape': \(((?:{_EXTENT},(?: {_EXTENT}(?:, {_EXTENT})*)?)?)\), \}}\s*"
)
# Eight digits: numpy 1 counts the four bytes of each character of a U in 32 bits, and gets a negative size.
_SIMPLE = re.compile(r"[<>=|]?(?:[biufcSUV?][0-9]{0,8}|[mM]8?(?:\[[0-9]{0,9}[a-zA-Z]{1,7}(?:/[0-9]{1,9})?\])?)")
_OBJECT = re.compile(r"[<>=|]?O[0-9]*|object")


def decode(payload: Payload) -> npt.NDArray[Any]:
    """Return the array of `payload`, read-only: a view of it, or a copy where its items are not aligned.

    Raises:
        DecodeError: it is not an npy file, would need pickle, is past a limit, or is not of the size that its head
            says; or numpy is not installed.
    """
    view = flat(payload)
    if view[:6] != _MAGIC or len(view) < 8:
        raise DecodeError(
            f"not npy: it begins with {bytes(view[:8])!r} and not with \\x93NUMPY; write it by numpy.save"
        )
    version = (view[6], view[7])
    if version not in _VERSIONS:
        raise DecodeError(f"not npy: version {version[0]}.{version[1]} is none of 1.0, 2.0 and 3.0")
    width, encoding = _VERSIONS[version]
    length, start = int.from_bytes(view[8 : 8 + width], "little"), 8 + width
    if length > MAX_HEAD_BYTES:
        raise DecodeError(f"not taken as npy: its head of {length} bytes is over the limit of {MAX_HEAD_BYTES}")
    if start + length > len(view):
        raise DecodeError(f"not npy: it is cut off: the head ends at offset {start + length} of {len(view)} bytes")
    try:
        head = str(view[start : start + length], encoding)
    except UnicodeDecodeError as error:
        raise DecodeError(f"not npy: the head is not UTF-8 at offset {start + error.start}") from error
    dtype, fortran_order, shape = _head(head)
    wanted, held = math.prod(shape) * dtype.itemsize, len(view) - start - length
    if wanted != held:
        what = f"not npy: {short(shape)} items of {dtype.itemsize} bytes are announced, and "
        raise DecodeError(what + f"{held} bytes follow the head; send one whole array, and nothing after it")
    return array(view, dtype, shape, start + length, fortran_order=fortran_order)


def _head(text: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return what the head says."""
    found = _usual(text)
    if found is None:
        found = _literal(text)
    if found.keys() != {"descr", "fortran_order", "shape"}:
        raise DecodeError(f"not npy: the head has {short(list(found))}, and not descr, fortran_order and shape")
    order, shape = found["fortran_order"], found["shape"]
    if not isinstance(order, bool):
        raise DecodeError(f"not npy: fortran_order is {short(order)}, and not True or False")
    if not isinstance(shape, tuple) or not all(type(extent) is int for extent in shape):
        raise DecodeError(f"not npy: the shape is {short(shape)}, and not a tuple of integers")
    if len(shape) > MAX_DIMENSIONS:
        raise DecodeError(f"not taken as npy: {len(shape)} dimensions are over the limit of {MAX_DIMENSIONS}")
    dtype = _dtype(found["descr"])
    if dtype.hasobject:
        _refuse_objects()
    if dtype.itemsize <= 0:
        raise DecodeError(f"not taken as npy: items of type {short(found['descr'])} have no bytes")
    return dtype, order, shape


def _usual(text: str) -> dict[Any, Any] | None:
    """Return what the head of an array of one type says, as numpy writes it; None: it is another one.

    `_literal` says the same and takes twenty times as long.
    """
    found = _USUAL.fullmatch(text)
    if found is None:
        return None
    extents = tuple(int(extent) for extent in found[3].split(",") if extent)
    return {"descr": found[1], "fortran_order": found[2] == "True", "shape": extents}


def _literal(text: str) -> dict[Any, Any]:
    """Return the dict that `text` writes, as `ast.literal_eval` does but of a smaller language.

    Python's own parser is not made for hostile text: deep nesting and long chains of operators can end the process.
    """
    words: list[str] = []
    depth, at = 0, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            if not text[at:].strip():
                break
            raise DecodeError(f"not npy: the head has {short(text[at:].strip(), 40)} where a literal is expected")
        depth += bool(token["open"]) - bool(token["close"])
        if depth > MAX_DEPTH:
            raise DecodeError(f"not taken as npy: the head nests deeper than {MAX_DEPTH} levels")
        if len(words) >= MAX_TOKENS:
            raise DecodeError(f"not taken as npy: the head has more than {MAX_TOKENS} words and signs")
        words.append(token["word"] or token["integer"] or token["open"] or token["close"])
        at = token.end()
    try:
        tree = ast.parse(" ".join(words), mode="eval").body
        if isinstance(tree, ast.Dict) and len(tree.keys) == 3:
            return dict(ast.literal_eval(tree))
    except (SyntaxError, ValueError, TypeError) as error:
        raise DecodeError(f"not npy: the head is no Python literal ({error})") from error
    raise DecodeError(f"not npy: the head is {short(text.strip())}, and not a dict of descr, fortran_order and shape")


def _dtype(descr: object) -> np.dtype[Any]:
    """Return the type that `descr` describes (numpy's array interface, version 3), without the padding of fields."""
    try:
        if isinstance(descr, str):
            return _simple(descr)
        if isinstance(descr, list):
            return _structure(descr)
        if isinstance(descr, tuple) and len(descr) == 2:
            return _subarray(_dtype(descr[0]), descr[1])
    except DecodeError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise DecodeError(f"not npy: numpy has no type {short(descr)} ({error})") from error
    raise DecodeError(f"not npy: {short(descr)} describes no type")


def _simple(descr: str) -> np.dtype[Any]:
    if _OBJECT.fullmatch(descr):
        _refuse_objects()
    if not _SIMPLE.fullmatch(descr):
        raise DecodeError(f"not npy: {short(descr)} is not a type that is known here")
    return _made(descr)


def _subarray(item: np.dtype[Any], shape: object) -> np.dtype[Any]:
    extents = (shape,) if type(shape) is int else shape
    # Anything else than extents would be read by numpy as another type, laid over this one.
    if not isinstance(extents, tuple) or not all(type(extent) is int for extent in extents):
        raise DecodeError(f"not npy: {short(shape)} is not the shape of a field")
    return _made((item, extents))


def _structure(fields: list[Any]) -> np.dtype[Any]:
    names, formats, offsets, titles, size = [], [], [], [], 0
    for field in fields:
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            raise DecodeError(f"not npy: {short(field)} describes no field of a structure")
        name, item = field[0], _dtype(field[1])
        if len(field) == 3:
            item = _subarray(item, field[2])
        title, name = name if isinstance(name, tuple) and len(name) == 2 else (None, name)
        if not isinstance(name, str):
            raise DecodeError(f"not npy: {short(name)} is not the name of a field")
        if name or item.kind != "V" or item.names is not None:  # else padding, which numpy writes as '' and V
            names.append(name)
            formats.append(item)
            offsets.append(size)
            titles.append(title)
        size += item.itemsize
    return _made({"names": names, "formats": formats, "offsets": offsets, "titles": titles, "itemsize": size})


def _made(description: object) -> np.dtype[Any]:
    made: np.dtype[Any] = load_numpy("application/x-npy").dtype(description)
    return made


def _refuse_objects() -> NoReturn:
    raise DecodeError(
        "not taken as npy: the array holds pickled Python objects, which are never read; "
        "send numbers or strings of a fixed length"
    )
