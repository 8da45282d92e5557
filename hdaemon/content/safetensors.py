"""application/vnd.safetensors: named arrays (github.com/huggingface/safetensors, "Format").

Eight bytes say the length of the head (little-endian), the head is a JSON object that gives each tensor a dtype, a
shape and its place, and the rest is their bytes. The place of every tensor is checked: together they cover the rest
without a hole or an overlap. The arrays are read-only views of the payload; the package of that name copies.

BF16, which numpy lacks, becomes float32, which holds every value of it exactly; that is the one type that is copied.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hdaemon.content import json as strict_json
from hdaemon.content.buffers import MAX_DIMENSIONS, Payload, array, flat, load_numpy, short
from hdaemon.errors import DecodeError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ALIGNMENT", "MAX_HEAD_BYTES", "MAX_TENSORS", "Tensors", "decode", "encode"]

MAX_HEAD_BYTES = 1024 * 1024
MAX_TENSORS = 10_000
ALIGNMENT = 64
"""Where `encode` lets the data begin: a cache line, and more than any item needs."""

_METADATA = "__metadata__"
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {typestr: name for name, typestr in _DTYPES.items() if name != "BF16"}


class Tensors(dict[str, Any]):
    """The arrays of a payload by name, in the order of its head.

    Attributes:
        metadata: what the sender said about them (``__metadata__``): str to str, empty when nothing.
    """

    def __init__(self, arrays: Iterable[tuple[str, Any]] = (), metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(arrays)
        self.metadata = dict(metadata or {})


def decode(payload: Payload) -> Tensors:
    """Return the arrays of `payload`, read-only: views of it, or copies where their items are not aligned.

    Raises:
        DecodeError: it is not as the format demands, or past a limit, or numpy is not installed; says what is wrong.
    """
    view = flat(payload)
    if len(view) < 8:
        raise DecodeError(f"not safetensors: {len(view)} bytes are too few for the length of the head")
    length = int.from_bytes(view[:8], "little")
    if length > MAX_HEAD_BYTES:
        raise DecodeError(f"not taken as safetensors: its head of {length} bytes is over the limit of {MAX_HEAD_BYTES}")
    if 8 + length > len(view):
        raise DecodeError(f"not safetensors: it is cut off: the head ends at offset {8 + length} of {len(view)} bytes")
    if length == 0 or view[8] != 0x7B:
        raise DecodeError("not safetensors: the head does not begin with {")
    # Before they become objects, which takes 100 ms for a head of the largest size. Nothing else is written so by the
    # thousand: within a text, the quotes would have a backslash.
    count = bytes(view[8 : 8 + length]).count(b'"dtype"')
    if count > MAX_TENSORS:
        raise DecodeError(f"not taken as safetensors: {count} tensors are over the limit of {MAX_TENSORS}")
    try:
        head = strict_json.decode(view[8 : 8 + length])
    except DecodeError as error:
        raise DecodeError(f"not safetensors: the head is {error}") from error
    metadata = head.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DecodeError(f"not safetensors: {_METADATA} is not an object of strings")
    if len(head) > MAX_TENSORS:
        raise DecodeError(f"not taken as safetensors: {len(head)} tensors are over the limit of {MAX_TENSORS}")
    data = view[8 + length :]
    tensors = {name: _Tensor(name, entry) for name, entry in head.items()}
    _check_cover(tensors.values(), len(data))
    return Tensors(((name, tensor.array(data)) for name, tensor in tensors.items()), metadata)


class _Tensor:
    """One entry of the head, checked on its own."""

    __slots__ = ("begin", "dtype", "end", "name", "shape")

    def __init__(self, name: str, entry: object) -> None:
        self.name = name
        if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
            raise self._error(f"is {short(entry)}, and not an object with dtype, shape and data_offsets")
        self.dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(self.dtype, str) or self.dtype not in _DTYPES:
            raise self._error(f"has the dtype {short(self.dtype)}, which is none of {' '.join(_DTYPES)}")
        if not isinstance(shape, list):
            raise self._error(f"has the shape {short(shape)}, and not a list of sizes")
        if len(shape) > MAX_DIMENSIONS:
            raise self._error(f"has {len(shape)} dimensions, over the limit of {MAX_DIMENSIONS}")
        if not _naturals(shape):
            raise self._error(f"has the shape {short(shape)}, and not a list of sizes")
        if not _naturals(offsets) or len(offsets) != 2:
            raise self._error(f"has the data_offsets {short(offsets)}, and not a begin and an end")
        self.shape, (self.begin, self.end) = tuple(shape), offsets
        size = math.prod(shape) * int(_DTYPES[self.dtype][2])
        if self.end - self.begin != size:
            what = f"lies from {short(self.begin, 30)} to {short(self.end, 30)}, but {short(shape)} of {self.dtype}"
            raise self._error(f"{what} are {short(size, 30)} bytes")

    def _error(self, what: str) -> DecodeError:
        return DecodeError(f"not safetensors: the tensor {short(self.name)} {what}")

    def array(self, data: memoryview) -> npt.NDArray[Any]:
        numpy = load_numpy("application/vnd.safetensors")
        try:
            made = array(data, numpy.dtype(_DTYPES[self.dtype]), self.shape, self.begin)
        except DecodeError as error:
            raise self._error(f"cannot be read: {error}") from error
        if self.dtype != "BF16":
            return made
        # A bfloat16 is the upper half of the float32 of the same value.
        halves = numpy.zeros((made.size, 2), "<u2")
        halves[:, 1] = made.reshape(-1)
        wide: npt.NDArray[Any] = halves.view("<f4").reshape(self.shape)
        wide.flags.writeable = False
        return wide


def _naturals(value: object) -> bool:
    """Say whether it is a list of numbers from 0, none larger than an unsigned integer of 64 bits."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 64 for item in value)


def _check_cover(tensors: Iterable[_Tensor], size: int) -> None:
    """Refuse what leaves a byte of the data to nobody, or to two."""
    at = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, tensor.end)):
        if tensor.begin != at:
            what = "an overlap" if tensor.begin < at else "a hole"
            begins = f"the tensor {short(tensor.name)} begins at {short(tensor.begin, 30)}"
            raise DecodeError(f"not safetensors: {begins}, but what comes before it ends at {at}: {what}")
        at = tensor.end
    if at != size:
        raise DecodeError(f"not safetensors: the tensors end at {short(at, 30)}, but there are {size} bytes of data")


def encode(arrays: Mapping[str, npt.ArrayLike], metadata: Mapping[str, str] | None = None) -> list[bytes | memoryview]:
    """Return the buffers whose bytes, one after the other, are the payload of `arrays`; see `b"".join`.

    The arrays themselves are the buffers, without a copy, where they are contiguous and little-endian. The data begins
    at a multiple of `ALIGNMENT`, and the arrays with the larger items come first, so that each is aligned.

    Raises:
        UsageError: an array, a name or the metadata that the format does not take, or more than a receiver takes.
    """
    numpy = load_numpy("application/vnd.safetensors")
    if len(arrays) > MAX_TENSORS:
        raise UsageError(f"{len(arrays)} arrays are over the limit of {MAX_TENSORS}: send fewer in one message")
    ready = {name: _ready(numpy, name, value) for name, value in arrays.items()}
    head: dict[str, Any] = {}
    if metadata:
        if not all(isinstance(word, str) for pair in metadata.items() for word in pair):
            raise UsageError("the metadata of safetensors are str to str: write numbers as text, or as arrays")
        head[_METADATA] = dict(metadata)
    head.update((name, {"dtype": _NAMES[made.dtype.str], "shape": made.shape}) for name, made in ready.items())
    buffers: list[bytes | memoryview] = []
    at = 0
    for name, made in sorted(ready.items(), key=lambda item: -item[1].itemsize):
        head[name]["data_offsets"] = [at, at + made.nbytes]
        at += made.nbytes
        if made.nbytes:
            buffers.append(memoryview(made.reshape(-1).view(numpy.uint8)))
    try:
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"a name or the metadata cannot be written as UTF-8: {error}") from error
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    if len(text) > MAX_HEAD_BYTES:
        raise UsageError(
            f"the head has {len(text)} bytes, over the limit of {MAX_HEAD_BYTES}: send fewer arrays at once"
        )
    return [len(text).to_bytes(8, "little") + text, *buffers]


def _ready(numpy: Any, name: object, value: npt.ArrayLike) -> npt.NDArray[Any]:
    if not isinstance(name, str) or name == _METADATA:
        raise UsageError(f"{short(name)} cannot be the name of an array: use a str other than {_METADATA}")
    made: npt.NDArray[Any] = numpy.asarray(value, order="C")
    made = made.astype(made.dtype.newbyteorder("<"), copy=False)
    if made.dtype.str not in _NAMES:
        raise UsageError(
            f"the array {short(name)} is of type {made.dtype}: safetensors has {' '.join(_NAMES.values())}"
        )
    return made
