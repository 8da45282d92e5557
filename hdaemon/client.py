"""A client of hdaemon in one file: Python 3.7 and its standard library. Copy it into Maya, Blender, Nuke or any tool.

::

    with Client("127.0.0.1", 2000) as client:
        client.send({"tx": 0.5}, "maya/camera")  # str, bytes, JSON, a numpy array or a dict of them
        client.flush()                           # until the server has acknowledged all

Sends are HTTP/1.1 requests, pipelined on one connection, which is made at the first need and made again when it breaks.

- When `send` returns, the message is on its way. The server acknowledges it later, or a later call raises.
- When `send` raises, this client will not send that value again. It may have arrived if the connection broke meanwhile.
- What is not acknowledged when a connection breaks is sent again, in order, on the next one. Each message carries an
  ``Idempotency-Key`` by which the server recognises what it has: an acknowledged message was handed over exactly once.
  Only a server that was itself started anew in between may have got it twice, once in each of its lives.

A client is used by one thread at a time. It starts no thread: what the server said is looked at by the next call.

The errors::

    ClientError
    ├── BadValue (ValueError)   it cannot be sent: NaN, an array of objects, a bad channel name. Nothing was sent
    ├── Unavailable             no server to talk to: start it, or go on without
    │   ├── Refused             nobody listens there, the host is not known, or it has too many clients
    │   ├── Timeout             no answer in time
    │   └── Disconnected        the connection broke and could not be made again in time
    ├── NotHdaemon              something else listens at that port
    └── Rejected                the server's answer is an error: .status, .channel, .said (its own words)
        └── Unauthorized        it asks for a token, or the token is wrong
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib
import io
import itertools
import json
import logging
import os
import random
import re
import select
import socket
import struct
import sys
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Buffer = bytes | bytearray | memoryview
    Head = tuple[int, int, dict[str, str]]  # status, length, headers

__all__ = [
    "Ack",
    "BadValue",
    "Client",
    "ClientError",
    "Disconnected",
    "Flushed",
    "Message",
    "NotHdaemon",
    "Refused",
    "Rejected",
    "Subscription",
    "Timeout",
    "Unauthorized",
    "Unavailable",
]

TEXT = "text/plain"
BYTES = "application/octet-stream"
JSON = "application/json"
NPY = "application/x-npy"
SAFETENSORS = "application/vnd.safetensors"

MIB = 1024 * 1024

_log = logging.getLogger("hdaemon.client")


class ClientError(Exception):
    """The root of the tree: `except ClientError` catches all that this file raises on purpose.

    Attributes:
        taken: of `Client.send_many`: how many of the values were taken before it. The others were not sent.
    """

    taken = 0


class BadValue(ClientError, ValueError):
    """It cannot be sent as it is; nothing was."""


class Unavailable(ClientError):
    """There is no server to talk to, now."""


class Refused(Unavailable):
    """The connection was refused, or there is no such host."""


class Timeout(Unavailable):
    """Something did not happen in time."""


class Disconnected(Unavailable):
    """The connection broke, and could not be made again in time."""


class NotHdaemon(ClientError):
    """What listens there is not an hdaemon."""


class Rejected(ClientError):
    """The server answered with an error.

    Attributes:
        status: the HTTP status code.
        channel: the channel it was sent to; empty when it was no message.
        said: the server's own words.
    """

    def __init__(self, text: str, status: int, channel: str = "", said: str = "") -> None:
        super().__init__(text)
        self.status, self.channel, self.said = status, channel, said


class Unauthorized(Rejected):
    """The server asks for a token, or does not take this one."""


class _Broken(Exception):
    """The connection at hand is of no use any more; `args[0]` says why."""


# -- what is sent and received ---------------------------------------------------------------------------------------

_NOTHING_SAID = ("", False)  # of a message that is not acknowledged: its mode, and whether it was stored


class Ack:
    """What became of a sent message; filled in when the server's answer is read.

    Attributes:
        channel: where it was sent to.
        serial: the number the server gave it; 0 until it is acknowledged.
        error: the `Rejected` that a later call raises, when the server refused it.
    """

    __slots__ = ("_parts", "_said", "_size", "channel", "error", "serial")

    def __init__(self, channel: str, size: int, parts: tuple[Buffer, ...]) -> None:
        self.channel, self._size, self._parts = channel, size, parts
        self.serial, self._said = 0, _NOTHING_SAID
        self.error: Rejected | None = None

    @property
    def mode(self) -> str:
        """How it was received, ``"print"`` or ``"evaluate"``; empty until it is acknowledged."""
        return self._said[0]

    @property
    def stored(self) -> bool:
        """Whether it was stored (evaluate), or only shown (print)."""
        return self._said[1]

    @property
    def done(self) -> bool:
        """Whether the server has answered."""
        return self.serial != 0 or self.error is not None

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Ack {self.channel}: rejected, {self.error.status}>"
        what = f"{'stored' if self.stored else 'shown'}, serial {self.serial}" if self.serial else "not yet"
        return f"<Ack {self.channel}: {what}>"


class _Run:
    """Small messages of one kind to one channel that are written as one request; in the window they are one item.

    A message by a request of its own costs both sides some ten times as much (bench/small.py).

    Attributes:
        channel, kind: what they have in common; `of` is the type of the values that are of this kind by themselves.
        bodies, acks: one of each for each; None for an ack that nobody was given.
        most, most_bytes: with so many it is written.
    """

    __slots__ = ("_number", "_size", "_template", "acks", "bodies", "channel", "kind", "most", "most_bytes", "of")

    def __init__(self, channel: str, kind: str, template: bytes, number: int, most: int, most_bytes: int) -> None:
        self.channel, self.kind, self.most, self.most_bytes = channel, kind, most, most_bytes
        self.of = str if kind == TEXT else bytes if kind == BYTES else None
        self.bodies: list[Buffer] = []
        self.acks: list[Ack | None] = []
        self._size, self._template, self._number = 0, template, number

    @property
    def is_full(self) -> bool:
        """Whether it is to be written."""
        return len(self.bodies) >= self.most or self._size >= self.most_bytes

    @property
    def room(self) -> int:
        """How many more it may take, if they are as large as the last one."""
        return min(self.most - len(self.bodies), (self.most_bytes - self._size) // max(len(self.bodies[-1]), 1))

    @property
    def _parts(self) -> tuple[Buffer, ...]:
        """The request, as it is written."""
        bodies, template = self.bodies, self._template
        if len(bodies) == 1:
            return (template % (self._number, self._size) + bodies[0],)
        before, name, after = template.rpartition(b"Idempotency-Key: ")
        sizes = " ".join(map(str, map(len, bodies))).encode()
        head = (before + b"Hdaemon-Messages: %d\r\n" + name + after) % (
            len(bodies),
            self._number,
            len(sizes) + 1 + self._size,
        )
        return (b"".join((head, sizes, b"\n", *bodies)),)


class _Question:
    """A request that is no message: its answer is kept whole."""

    __slots__ = ("_parts", "_size", "body", "headers", "status")

    def __init__(self, part: bytes) -> None:
        self._size, self._parts = len(part), (part,)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: Buffer = b""


class Flushed:
    """What was acknowledged since the last `Client.flush`.

    Attributes:
        count: messages; `stored` of them were stored, `shown` only shown (print mode).
        last: the newest of them; None when there was none.
    """

    __slots__ = ("count", "last", "shown", "stored")

    def __init__(self, count: int = 0, stored: int = 0, last: Ack | None = None) -> None:
        self.count, self.stored, self.shown, self.last = count, stored, count - stored, last

    def __repr__(self) -> str:
        return f"<Flushed {self.count}: {self.stored} stored, {self.shown} shown>"


class Message:
    """One message that the server has.

    Attributes:
        channel, content_type: what it is.
        payload: its bytes, as they came: bytes, or a memoryview of them.
        serial: the server's number of it.
        time, client: when it came, in seconds since the epoch, and from whom; None and empty from `Client.latest`.
        stored: False when it was only shown (print mode).
    """

    __slots__ = ("_decoded", "channel", "client", "content_type", "payload", "serial", "stored", "time")

    def __init__(
        self,
        channel: str,
        content_type: str,
        payload: Buffer,
        serial: int,
        time: float | None = None,
        client: str = "",
        stored: bool = True,
    ) -> None:
        self.channel, self.content_type, self.payload, self.serial = channel, content_type, payload, serial
        self.time, self.client, self.stored = time, client, stored
        self._decoded: tuple[Any, str | None] | None = None

    @property
    def data(self) -> Any:
        """The payload as its type says: str, JSON's Python objects, arrays where numpy can be imported, else bytes.

        Decoded when first asked for. A payload that does not decode is given as its bytes, and `error` says why.
        Arrays are views of the payload.
        """
        return self._decode()[0]

    @property
    def error(self) -> str | None:
        """Why the payload does not decode; None when it does."""
        return self._decode()[1]

    def _decode(self) -> tuple[Any, str | None]:
        if self._decoded is None:
            try:
                self._decoded = (_decode(self.content_type, self.payload), None)
            except (ValueError, KeyError, TypeError, RecursionError, ImportError) as error:
                self._decoded = (bytes(self.payload), f"it does not decode as {self.content_type}: {error}")
        return self._decoded

    def __repr__(self) -> str:
        return f"<Message {self.serial} {self.channel}: {self.content_type}, {len(self.payload)} bytes>"


# -- values to bytes -------------------------------------------------------------------------------------------------

_COPY_BYTES = 256 * 1024
"""What the caller may change and is not larger is copied; what is larger is sent as it lies there, and waited for."""

_JOIN_BYTES = 64 * 1024
"""Smaller parts are sent together."""

_SMALL_BYTES = 4096
"""Smaller messages of a batch are dealt with together."""

_MAX_TENSORS = 10000
_MAX_TENSORS_HEAD_BYTES = MIB
_ALIGNMENT = 64
_DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"},
}
_DTYPE_NAMES = {typestr: name for name, typestr in _DTYPES.items()}

_MEDIA_TYPE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+(?:\s*;[ -~]*)?", re.ASCII)


def _plain(value: Any) -> Any:
    """Return what JSON can say for a numpy number inside a value."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item()
    if numpy is not None and isinstance(value, numpy.ndarray):
        raise TypeError("an array inside JSON: send a dict of nothing but arrays, or array.tolist()")
    raise TypeError(f"an object of type {type(value).__name__}, which JSON has not")


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def _encode(value: Any, wanted: str | None) -> tuple[str, tuple[Buffer, ...], bool]:
    """Return the content type, the buffers that are the payload, and whether the caller may change them later."""
    kind = None if wanted is None else _media_type(wanted)
    as_json = kind is not None and (kind == JSON or kind.endswith("+json"))
    if isinstance(value, bytes):
        return wanted or BYTES, (value,), False
    if isinstance(value, str) and not as_json:
        return wanted or TEXT, (_utf8(value),), False
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return (
                (wanted or NPY, _npy(numpy, value), True) if kind in (None, NPY) else (str(wanted), _raw(value), True)
            )
        if isinstance(value, dict) and kind in (None, SAFETENSORS):
            if kind is not None or any(isinstance(item, numpy.ndarray) for item in value.values()):
                return wanted or SAFETENSORS, _safetensors(numpy, value), True
    if as_json or (kind is None and (value is None or isinstance(value, (dict, list, tuple, bool, int, float)))):
        return wanted or JSON, (_json(value),), False
    if kind is None and numpy is not None and isinstance(value, numpy.generic):
        return JSON, (_json(value),), False
    try:
        return wanted or BYTES, _raw(value), True
    except TypeError:
        into = "" if wanted is None else f" as {wanted}"
        raise BadValue(
            f"an object of type {type(value).__name__} cannot be sent{into}: give str, bytes, what JSON has, a numpy "
            "array or a dict of arrays, or the bytes and their content_type"
        ) from None


def _media_type(text: str) -> str:
    if not isinstance(text, str) or not _MEDIA_TYPE.fullmatch(text):
        raise BadValue(f"content type {text!r} is not a media type: write one as type/subtype")
    return text.partition(";")[0].strip().lower()


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadValue(f"the text cannot be written as UTF-8: {error}; send it as bytes") from error


def _json(value: Any) -> bytes:
    try:
        return _utf8(_to_json(value))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, BadValue):
            raise
        raise BadValue(f"it cannot be written as JSON: {error}") from error


def _raw(value: Any) -> tuple[Buffer, ...]:
    """Return the bytes of anything that lends its memory."""
    view = memoryview(value)
    if view.nbytes == 0:
        return (b"",)
    return (view.cast("B") if view.c_contiguous else view.tobytes(),)


def _items(numpy: Any, array: Any) -> Buffer:
    """Return the memory of a contiguous array."""
    if not array.nbytes:
        return b""
    return memoryview(array.reshape(-1).view(numpy.uint8))


def _npy(numpy: Any, array: Any) -> tuple[Buffer, ...]:
    """Return the buffers of an npy file (numpy.org, "numpy.lib.format"), whose data begin at a multiple of 64."""
    if array.dtype.hasobject or not array.dtype.itemsize:
        raise BadValue(
            f"an array of type {array.dtype} cannot be sent: give one of numbers or of strings that have a length"
        )
    array = numpy.asarray(array)
    if not array.flags.c_contiguous and not array.flags.f_contiguous:
        array = numpy.ascontiguousarray(array)
    try:
        head = _npy_head(array.dtype, array.shape, not array.flags.c_contiguous)
    except ValueError as error:
        raise BadValue(f"an array of type {str(array.dtype)[:80]} cannot be described by npy: {error}") from error
    return head, _items(numpy, array if array.flags.c_contiguous else array.T)


@functools.lru_cache(maxsize=32)
def _npy_head(dtype: Any, shape: tuple[int, ...], fortran_order: bool) -> bytes:
    """Return the head of an npy file: in a stream of arrays it is the same each time."""
    npy, head = importlib.import_module("numpy.lib.format"), io.BytesIO()
    described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": fortran_order, "shape": shape}
    npy.write_array_header_1_0(head, described)
    return head.getvalue()


def _safetensors(numpy: Any, arrays: Any, metadata: dict[str, str] | None = None) -> tuple[Buffer, ...]:
    """Return the buffers of a safetensors file (github.com/huggingface/safetensors, "Format").

    The data begin at a multiple of 64, and the arrays with the larger items come first, so that each is aligned.
    """
    if len(arrays) > _MAX_TENSORS:
        raise BadValue(f"{len(arrays)} arrays are over the limit of {_MAX_TENSORS}: send fewer in one message")
    ready = []
    for name, value in arrays.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise BadValue(f"{name!r} cannot be the name of an array: use a str other than __metadata__")
        if not isinstance(value, numpy.ndarray):
            raise BadValue(f"{name!r} is a {type(value).__name__} among arrays: make it one too (numpy.asarray)")
        made = numpy.asarray(value, order="C")
        made = made.astype(made.dtype.newbyteorder("<"), copy=False)
        if made.dtype.str not in _DTYPE_NAMES:
            raise BadValue(f"the array {name!r} is of type {made.dtype}: safetensors has {' '.join(_DTYPES)}")
        ready.append((name, made))
    head: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    head.update((name, {"dtype": _DTYPE_NAMES[made.dtype.str], "shape": made.shape}) for name, made in ready)
    at = 0
    buffers: list[Buffer] = []
    for name, made in sorted(ready, key=lambda item: -item[1].itemsize):
        head[name]["data_offsets"] = (at, at + made.nbytes)
        at += made.nbytes
        buffers.append(_items(numpy, made))
    text = _json(head)
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    if len(text) > _MAX_TENSORS_HEAD_BYTES:
        raise BadValue(
            f"the names take {len(text)} bytes, over the limit of {_MAX_TENSORS_HEAD_BYTES}: send fewer arrays"
        )
    return (struct.pack("<Q", len(text)) + text, *buffers)


# -- meshes: docs/mesh.md of hdaemon ----------------------------------------------------------------------------------


def _mesh_arrays(numpy: Any, points: Any, counts: Any, indices: Any, closed: Any) -> dict[str, Any]:
    at = numpy.asarray(points)
    if at.dtype.str[1:] not in ("f4", "f8"):
        at = at.astype("f4")
    if at.ndim != 2 or at.shape[1] != 3:
        raise BadValue(f"points are of shape {at.shape}: give (n, 3)")
    made = {"P": at}
    largest = 0
    for name, value in (("counts", counts), ("indices", indices)):
        array = numpy.asarray(() if value is None else value)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise BadValue(f"{name} are {array.dtype} of shape {array.shape}: give one dimension of whole numbers")
        # Without its sign, a negative number is larger than any that is allowed: one look at the array instead of two.
        bits = array.view("u4") if array.dtype == numpy.int32 else array
        largest = int(bits.max()) if array.size else 0
        if largest >= 2**31 or (bits is array and array.size and int(array.min()) < 0):
            raise BadValue(f"{name} are from {array.min()} to {array.max()}: give numbers from 0 to {2**31 - 1}")
        made[name] = array.astype("i4", copy=False)
    vertices = int(made["counts"].sum(dtype="i8"))
    if vertices != len(made["indices"]):
        raise BadValue(f"counts add up to {vertices} vertices, and there are {len(made['indices'])} indices")
    if len(made["indices"]) and largest >= len(at):
        raise BadValue(f"indices go up to {largest}, and there are {len(at)} points, from 0")
    if closed is not None:
        made["closed"] = _sized("closed", numpy.asarray(closed).astype(bool), len(made["counts"]))
    return made


def _attribute(numpy: Any, key: str, value: Any, size: int | None, tables: dict[str, list[str]]) -> Any:
    """Return an attribute's array; of strings, their indices, and the table in `tables`."""
    if isinstance(value, str):
        value = [value]
    array = numpy.atleast_1d(numpy.asarray(value))
    if array.dtype.kind in "UO" or (array.dtype.kind == "f" and not array.size and isinstance(value, list)):
        table: dict[str, int] = {}
        words = array.tolist()
        if array.ndim != 1 or not all(isinstance(word, str) for word in words):
            raise BadValue(f"{key} is of shape {array.shape} and not of numbers: give a list of str")
        array = numpy.asarray([table.setdefault(word, len(table)) for word in words], "i4")
        tables[key] = list(table)
    return array if size is None else _sized(key, array, size)


def _sized(key: str, array: Any, size: int) -> Any:
    if len(array) != size:
        raise BadValue(f"{key} has {len(array)} elements, and the mesh has {size} of them")
    return array


# -- bytes to values -------------------------------------------------------------------------------------------------


def _decode(content_type: str, payload: Buffer) -> Any:
    if content_type == TEXT:
        return str(payload, "utf-8")
    if content_type == JSON:
        return json.loads(str(payload, "utf-8"))
    if content_type in (NPY, SAFETENSORS):
        try:
            import numpy
        except ImportError:
            return bytes(payload)
        return _from_npy(numpy, payload) if content_type == NPY else _from_safetensors(numpy, payload)
    return bytes(payload)


def _from_npy(numpy: Any, payload: Buffer) -> Any:
    npy = importlib.import_module("numpy.lib.format")
    head = io.BytesIO(bytes(payload[: 2 * _JOIN_BYTES]))
    version = npy.read_magic(head)
    if version not in ((1, 0), (2, 0)):  # 3: names of fields that are not Latin-1; rare, and read with a copy
        return npy.read_array(io.BytesIO(payload), allow_pickle=False)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran_order, dtype = read(head)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never read")
    array = numpy.frombuffer(payload, dtype, -1, head.tell()) if len(payload) > head.tell() else numpy.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran_order else "C")


def _from_safetensors(numpy: Any, payload: Buffer) -> dict[str, Any]:
    view = memoryview(payload)
    length = int.from_bytes(view[:8], "little")
    if length > min(_MAX_TENSORS_HEAD_BYTES, len(view) - 8):
        raise ValueError(f"its head of {length} bytes is too long")
    arrays, data = {}, view[8 + length :]
    head = json.loads(str(view[8 : 8 + length], "utf-8"))
    if not isinstance(head, dict):
        raise TypeError("its head is no object")
    for name, entry in head.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            items = numpy.frombuffer(data[begin:end], _DTYPES.get(entry["dtype"], "<u2"))
            if entry["dtype"] == "BF16":  # the upper half of the float32 of the same value
                items = (items.astype("<u4") << 16).view("<f4")
            elif entry["dtype"] not in _DTYPES:
                raise ValueError(f"the dtype {entry['dtype']!r} is not known")
            arrays[name] = items.reshape(entry["shape"])
    return arrays


# -- sockets ---------------------------------------------------------------------------------------------------------

_CROWDED = 64
"""Messages unanswered: from here on the server has more to do than to answer the next one soon, and the system gathers
what is sent one by one. The server received 117,000 such messages a second then, not 82,000."""

_NO_PACING = b"reno"
"""How to control congestion inside this machine, where there is none: with what every Linux has and allows. BBR, which
some have for all connections, paces: a large message took a third longer, and a flood of small ones stood still for up
to 250 ms after the session had (5 times in 120; docs/performance.md)."""

_RECEIVE_BYTES = 256 * 1024
_SEND_BYTES = 4 * MIB
_MAX_HEAD_BYTES = 64 * 1024
_CLOSE_S = 1.0
_LOOK_S = 0.0001
_give_way = getattr(os, "sched_yield", None)  # not on Windows
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


def _wait(sock: socket.socket, writing: bool, timeout_s: float) -> tuple[bool, bool]:
    """Wait until the socket can be read, or written when that is wanted; return which. Both False: the time is over."""
    timeout_s = max(0.0, timeout_s)
    if hasattr(select, "poll"):  # select() refuses descriptors from 1024 on, which a large program has
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if writing else 0))
        for _, event in poll.poll(timeout_s * 1000):
            return bool(event & ~select.POLLOUT), bool(event & select.POLLOUT)
        return False, False
    readable, writable, _ = select.select([sock], [sock] if writing else [], [], timeout_s)
    return bool(readable), bool(writable)


def _connected(host: str, port: int, where: str, timeout_s: float) -> socket.socket:
    try:
        sock = socket.create_connection((host, port), timeout_s)
    except (socket.gaierror, UnicodeError) as error:
        raise Refused(f"host {host!r} was not found: is the name right?") from error
    except ConnectionRefusedError as error:
        raise Refused(f"{where} refused the connection: is the server started, and on this port?") from error
    except OSError as error:
        if isinstance(error, socket.timeout):  # noqa: UP041 - not the same as TimeoutError before Python 3.10
            raise Timeout(
                f"{where} did not answer within {timeout_s:g} s: is the address right, and no firewall between?"
            ) from error
        raise Refused(f"cannot connect to {where}: {error.strerror or error}") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):  # it has gone again, or the system does not allow it
        if hasattr(socket, "TCP_CONGESTION") and _is_loopback(sock.getpeername()[0]):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _NO_PACING)
    return sock


def _exchange(
    sock: socket.socket, request: bytes, where: str, timeout_s: float
) -> tuple[int, dict[str, str], bytes, bytes]:
    """Send the first request of a connection; return status, headers, body, and what came after them."""
    deadline = time.monotonic() + timeout_s
    data, headers = b"", None

    def more() -> None:
        nonlocal data
        if not _wait(sock, False, deadline - time.monotonic())[0]:
            raise Timeout(
                f"{where} took the connection and did not answer within {timeout_s:g} s: "
                "is it an hdaemon, and its program not stopped?"
            )
        part = sock.recv(_RECEIVE_BYTES)
        if not part:
            raise _Broken("it closed the connection without an answer")
        data += part

    try:
        sock.settimeout(timeout_s)
        sock.sendall(request)
        while b"\r\n\r\n" not in data:
            more()
            if not b"HTTP/1.".startswith(data[:7]):
                _not_http(data, where)
            if len(data) > _MAX_HEAD_BYTES and b"\r\n\r\n" not in data:
                raise NotHdaemon(f"{where} is not an hdaemon: its answer has a head without an end; is the port right?")
        raw, _, data = data.partition(b"\r\n\r\n")
        status, headers = _head_of(raw)
        length = 0 if status < 200 or status in (204, 304) else int(headers.get("content-length", "0"))
        if length > MIB:
            raise NotHdaemon(
                f"{where} is not an hdaemon: its answer to GET /status has {length} bytes; is the port right?"
            )
        while len(data) < length:
            more()
    except (OSError, _Broken, ValueError) as error:
        if headers is None and not b"HTTP/1.".startswith(data[:7]):
            _not_http(data, where)
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise Disconnected(f"{where} broke the connection: {reason}; is it an hdaemon? Its log says more") from error
    return status, headers, data[:length], data[length:]


def _not_http(data: bytes, where: str) -> None:
    said = data[:200].decode("utf-8", "replace").strip()
    if said.startswith("hdaemon: refused: "):
        raise Refused(f"{where} refused the connection: {said[len('hdaemon: refused: ') :]}")
    raise NotHdaemon(f"{where} is not an hdaemon: it answered {said[:60]!r}; is the port right?")


def _head_of(raw: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers, their names in lower case (RFC 9112, 4).

    Raises:
        _Broken: it is no head of a response.
    """
    first, *lines = raw.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |$)", first)
    if match is None:
        raise _Broken(f"it answered {first[:60]!r}, which is not HTTP")
    split = (line.partition(":") for line in lines)
    return int(match.group(1)), {name.lower(): value.strip() for name, _, value in split}


def _error_of(body: Buffer) -> str:
    """Return the text of one of hdaemon's errors, ``{"error": "..."}``; empty when it is none."""
    try:
        said = json.loads(str(body, "utf-8"))["error"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return said if isinstance(said, str) else ""


def _rejected(where: str, status: int, said: str, channel: str = "") -> Rejected:
    what = f"what was sent to channel {channel!r}" if channel else "the request"
    text = f"{where} refused {what} ({status}): {said or 'it gave no reason'}"
    return (Unauthorized if status == 401 else Rejected)(text, status, channel, said)


# -- shared memory: docs/wire.md of hdaemon, on Linux -----------------------------------------------------------------

_SHARED_BYTES = 8 * MIB
"""What is smaller comes about as quickly by TCP."""

_STREAM_S, _ALIKE, _AFTER_WASTE = 1.0, 3, 32
"""A stream: each comes so soon after another of its size, and so many came before. The points, normals and velocities
of a frame are none, when the next is of another size; after memory was asked for in vain it takes so many more."""

_LENT_S = 5.0
"""What was lent for so long is not written to any more: the server lends for 10 s (stall_s)."""

_MAX_MAPPED = 40
_COPY_STEP_BYTES = 4 * MIB
"""A copy holds the interpreter's lock: other threads of this program get their turn in between."""

_F_GET_SEALS, _F_SEAL_SHRINK = 1034, 2  # fcntl has no names for them before Python 3.9


class _Segments:
    """Memory of the session that it lends to this program, once it has shown to be on the same machine.

    Pages that are touched for the first time cost more than TCP does: what was lent once stays mapped.
    """

    def __init__(self) -> None:
        self._mapped: OrderedDict[str, Any] = OrderedDict()  # mmap objects by the name of the segment

    def write(self, name: str, path: str, parts: tuple[Buffer, ...], size: int) -> None:
        """Write a message of `size` bytes into the segment that was lent.

        Raises:
            OSError, ValueError: the path is not that segment's, as this is another machine, container or user; or
                there is no memory for it.
        """
        mapped = self._mapped.get(name)
        if mapped is None or len(mapped) < size:
            mapped = self._open(name, path, parts, size)
            if mapped is None:
                return
            self._mapped[name] = mapped
        self._mapped.move_to_end(name)
        while len(self._mapped) > _MAX_MAPPED:
            self._mapped.popitem(last=False)[1].close()
        at = 0
        with memoryview(mapped) as view:
            for part in parts:
                for begin in range(0, len(part), _COPY_STEP_BYTES):
                    step = memoryview(part)[begin : begin + _COPY_STEP_BYTES]
                    view[at : at + len(step)] = step
                    at += len(step)

    def _open(self, name: str, path: str, parts: tuple[Buffer, ...], size: int) -> Any:
        """Return the segment as memory; None: its pages were not there yet, and the message was written to it."""
        import fcntl
        import mmap

        # Not into any file that somebody names: elsewhere that path leads to something else.
        if not re.fullmatch(r"/proc/[0-9]+/fd/[0-9]+", path) or os.readlink(path) != f"/memfd:hdaemon-{name} (deleted)":
            raise ValueError(f"{path[:80]} is not the segment that was lent")
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if not fcntl.fcntl(fd, _F_GET_SEALS) & _F_SEAL_SHRINK:
                raise ValueError(f"{path} may be truncated, which kills who writes into it")
            if os.fstat(fd).st_blocks * 512 >= size:
                # Linux maps all pages at once where Python knows the flag: a third of the time.
                return mmap.mmap(fd, size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
            # A lack of memory is an error for who writes to a file, and a signal for who writes into its pages.
            at = 0
            for part in parts:
                view = memoryview(part)
                while view:
                    written = os.pwrite(fd, view, at)
                    view, at = view[written:], at + written
        finally:
            os.close(fd)
        return None

    def close(self) -> None:
        """Let go of all of them."""
        while self._mapped:
            self._mapped.popitem()[1].close()


class Client:
    """A connection to one hdaemon; made when it is first needed.

    Args:
        host, port: where it listens.
        token: what it was started with, where it was. Without it, that of a server of the same user on this machine is
            found by itself, and for others the environment variable HDAEMON_TOKEN is looked at.
        timeout_s: how long the server may take nothing and say nothing while something is waited for.
        reconnect_s: how long a call tries to make a broken connection again; after that each call tries once.
        window, window_bytes: how many messages and bytes may be unacknowledged before `send` waits. They are kept until
            they are acknowledged. One larger message is sent by itself. A server knows a client's last 1024 keys.
        max_message_bytes: the largest message that is received.
        shared_memory: hand messages of 8 MiB and more over in shared memory where the server offers it (on Linux, on
            the same machine, as the same user): about twice as fast. Else they go by TCP, as all others do.
        on_event: called with a word (``"connected"``, ``"lost"``, ``"reconnected"``) and a text, by the calling thread.
            The logger ``hdaemon.client`` is told the same.

    Raises:
        BadValue: an argument that cannot be used.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 2000,
        *,
        token: str | None = None,
        timeout_s: float = 10.0,
        reconnect_s: float = 5.0,
        window: int = 512,
        window_bytes: int = 8 * MIB,
        max_message_bytes: int = 1024 * MIB,
        shared_memory: bool = True,
        on_event: Callable[[str, str], None] | None = None,
    ) -> None:
        if not isinstance(port, int) or not 0 < port < 65536:
            raise BadValue(f"port {port!r} cannot be connected to: use 1 to 65535; the server says which it took")
        if token is not None and not (token and token.isprintable()):
            raise BadValue("a token is printable text: give the one that the server was started with")
        if not (
            timeout_s > 0 and reconnect_s >= 0 and 0 < window <= 1024 and window_bytes > 0 and max_message_bytes > 0
        ):
            raise BadValue(
                "timeout_s, window_bytes and max_message_bytes are above 0, reconnect_s not below, window 1-1024"
            )
        self.host, self.port = host, port
        self.timeout_s, self.reconnect_s, self.max_message_bytes = timeout_s, reconnect_s, max_message_bytes
        self.on_event = on_event
        self.where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._given_token = token
        self._authorization = ""
        self._id = os.urandom(8).hex()
        self._number = 0  # of messages; never used again, also when a send failed
        self._max_count, self._max_bytes = window, window_bytes
        self._templates: dict[tuple[str, str], bytes] = {}
        self._heads: dict[bytes, Head] = {}  # answers differ in little: parsed once each
        self._tails: dict[bytes, tuple[tuple[str, bool], int]] = {}
        # The window: what was taken and not yet answered, in order; _out is what of it is still to be written.
        self._window: deque[Ack | _Run | _Question] = deque()
        self._window_count = self._window_bytes = 0
        self._run: _Run | None = None  # the newest item of the window while it is added to: neither counted nor written
        self._out: list[Buffer] = []
        self._out_bytes = 0
        self._holding = 0
        self._gathers = False  # the system gathers small writes
        self._shared_memory, self._shares = shared_memory, False  # what is wanted, and what this connection has
        self._together = 0  # how many messages this server takes in one request
        self._segments = _Segments()
        self._lent_bytes, self._lent_at = 0, 0.0  # what was asked for last, and when
        self._alike = 0  # how many such came before it, each soon after the other; below 0 after a waste
        self._ahead: _Question | None = None  # asks for as much again
        self._sock: socket.socket | None = None
        self._address = ""  # of the server, for Host: a name that only we know it by is refused
        self._inbox = b""
        self._large: tuple[memoryview, int] | None = None  # a large answer's body, and how much of it is there
        self._large_head: Head = (0, 0, {})
        self._read_at = 0.0
        self._was_connected = False
        self._lost_at: float | None = None  # when the trouble began that no answer has ended yet
        self._lost_why = ""
        self._errors: deque[Rejected] = deque(maxlen=100)
        self._error_count = 0
        self._count, self._stored = 0, 0
        self._last: Ack | None = None

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, value: Any, channel: str = "default", content_type: str | None = None, *, wait: bool = False) -> Ack:
        """Send one message; return its `Ack`, which is filled in later: by `flush` at the latest, or now with `wait`.

        A str is sent as text/plain, bytes as application/octet-stream, None, numbers, lists and dicts as JSON, a numpy
        array as npy, a dict of arrays as safetensors. With a `content_type`, bytes and text are sent as they are.

        The value may be changed as soon as `send` returns. Arrays and other memory of more than 256 KiB that could be
        changed are therefore not copied but waited for until they are acknowledged.

        Raises:
            BadValue: it cannot be sent.
            Rejected: the server refused this message, or an earlier one, which `.channel` tells.
            Unavailable, NotHdaemon: see the top of this file; earlier messages are kept, and the next call goes on.
        """
        run = self._run
        if run is None or value.__class__ is not run.of or content_type or channel != run.channel or wait:
            return self._publish(channel, *_encode(value, content_type), wait=wait)
        body: Buffer = _utf8(value) if isinstance(value, str) else value
        if self._errors:
            self._raise_errors()
        return self._add(run, body, len(body))

    def send_mesh(
        self,
        points: Any,
        counts: Any = None,
        indices: Any = None,
        channel: str = "mesh",
        *,
        point: dict[str, Any] | None = None,
        vertex: dict[str, Any] | None = None,
        prim: dict[str, Any] | None = None,
        detail: dict[str, Any] | None = None,
        point_groups: dict[str, Any] | None = None,
        prim_groups: dict[str, Any] | None = None,
        closed: Any = None,
        kinds: dict[str, str] | None = None,
        winding: str = "counterclockwise",
        up: str = "Y",
        metres_per_unit: float = 1.0,
        wait: bool = False,
    ) -> Ack:
        """Send one mesh, as docs/mesh.md describes it; return its `Ack`, as `send` does. Needs numpy.

        Everything may be what `numpy.asarray` takes; arrays of the types named here are sent as they lie in memory.

        Args:
            points: ``(n, 3)`` float32 or float64, the positions.
            counts: ``(f,)`` int32, how many vertices each polygon has; None for points alone.
            indices: ``(v,)`` int32, the point of each vertex, polygon after polygon.
            channel: where to.
            point: attributes of the points by name, ``(n,)`` or ``(n, k)``: numbers, or a list of str.
            vertex: of the vertices, ``(v,)`` or ``(v, k)``.
            prim: of the polygons, ``(f,)`` or ``(f, k)``.
            detail: of the whole, ``(k,)``, a number or a str.
            point_groups: ``(n,)`` bool by name.
            prim_groups: ``(f,)`` bool by name.
            closed: ``(f,)`` bool, False for a curve; None: all are polygons.
            kinds: what attributes mean by ``"class/name"``, such as ``{"vertex/uv2": "texturecoord"}``. N, v, Cd and uv
                are known.
            winding: ``"clockwise"`` (Houdini) or ``"counterclockwise"`` (most others).
            up: ``"Y"`` or ``"Z"``.
            metres_per_unit: 0.01 where a unit is a centimetre.
            wait: until it is acknowledged.

        Raises:
            BadValue: it is no mesh; names the array.
            Rejected, Unavailable, NotHdaemon: as `send`.
        """
        numpy = importlib.import_module("numpy")
        arrays = _mesh_arrays(numpy, points, counts, indices, closed)
        sizes = {"point": len(arrays["P"]), "vertex": len(arrays["indices"]), "prim": len(arrays["counts"])}
        tables: dict[str, list[str]] = {}
        for owner, values in (("point", point), ("vertex", vertex), ("prim", prim), ("detail", detail)):
            for name, value in (values or {}).items():
                key = f"{owner}/{name}"
                arrays[key] = _attribute(numpy, key, value, sizes.get(owner), tables)
        for owner, groups in (("point", point_groups), ("prim", prim_groups)):
            for name, value in (groups or {}).items():
                key = f"{owner}_group/{name}"
                arrays[key] = _sized(key, numpy.asarray(value).astype(bool), sizes[owner])
        metadata = {
            "hdaemon.mesh": "1",
            "winding": winding,
            "up": up,
            "metres_per_unit": repr(float(metres_per_unit)),
            "strings": _to_json(tables),
        }
        if kinds:
            metadata["kinds"] = _to_json(kinds)
        return self._publish(channel, SAFETENSORS, _safetensors(numpy, arrays, metadata), True, wait=wait)

    def _publish(self, channel: str, kind: str, parts: tuple[Buffer, ...], mutable: bool, *, wait: bool) -> Ack:
        now = time.monotonic()
        rested = now - self._read_at
        if rested > 0.02:
            self._poll(now)
        if self._errors:
            self._raise_errors()
        size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        if mutable and size <= _COPY_BYTES:
            parts = (b"".join(parts),)
        elif mutable:
            wait = True
        small = self._holding and size < _SMALL_BYTES and len(parts) == 1 and not wait and rested < 1.0
        run = self._run
        if run is not None:
            if small and channel == run.channel and kind == run.kind:
                return self._add(run, parts[0], size)
            self._end_run()
            if self._out_bytes >= _JOIN_BYTES:
                self._settle(self._written)
        if self._sock is None:  # nothing is taken while there is no connection
            self._quoted(channel)
            self._settle(lambda: self._sock is not None)
        if self._window_count >= self._max_count or (self._window and self._window_bytes + size > self._max_bytes):
            self._make_room(size)
        template = self._templates.get((channel, kind)) or self._template(channel, kind)
        if small and self._together:
            most = min(self._max_count - self._window_count, self._max_count // 2, self._together)
            most_bytes = min(self._max_bytes - self._window_bytes, _JOIN_BYTES)
            self._run = run = _Run(channel, kind, template, self._number + 1, most, most_bytes)
            self._window.append(run)
            return self._add(run, parts[0], size)
        self._number += 1
        head = template % (self._number, size)
        parts = (head + parts[0],) if size < _JOIN_BYTES and len(parts) == 1 else (head, *parts)
        if size >= _SHARED_BYTES and self._shares:
            request = self._handed_over(template % (self._number, 0), parts[1:], size)
            if request is not None:
                streams = self._alike >= _ALIKE
                ask = self._question("POST", "/segments", _json({"bytes": size})) if streams else None
                self._ahead = ask
                try:  # when the connection breaks, it is sent again as it is by TCP
                    return self._deliver(Ack(channel, size, parts), (request,), len(request), wait=True, ask=ask)
                except Rejected as error:
                    if error.status != 410:  # the lease was over: this program, or its machine, was asleep
                        raise
        # After a rest the server may be closing the connection, which nobody would notice before the next call.
        return self._deliver(Ack(channel, size, parts), parts, len(head) + size, wait=wait or rested > 1.0)

    def _add(self, run: _Run, body: Buffer, size: int) -> Ack:
        """Take a message into the run at hand; write the run when it is long enough."""
        ack = Ack(run.channel, size, ())
        try:
            run.bodies.append(body)
            run.acks.append(ack)
            run._size += size
            if run.is_full:
                self._settle(self._written)
        except BaseException:
            self._forget(ack)
            raise
        return ack

    def _end_run(self) -> None:
        """Count the run at hand, and have it written: what comes now is no longer a part of it."""
        run, self._run = self._run, None
        if run is None:
            return
        count = len(run.acks)
        self._number += 1
        self._window_count += count
        self._window_bytes += run._size
        if not count:
            self._window.pop()
        elif self._sock is not None:  # else all of the window is written when there is one
            data = run._parts[0]
            self._out.append(data)
            self._out_bytes += len(data)

    def _deliver(
        self, ack: Ack, parts: tuple[Buffer, ...], size: int, *, wait: bool, ask: _Question | None = None
    ) -> Ack:
        """Take a message into the window and write it, now as `parts`, and with it what is to `ask`."""
        try:
            self._window.append(ack)
            self._window_count += 1
            self._window_bytes += ack._size
            if ask is not None:
                self._window.append(ask)
                self._window_count += 1
                self._window_bytes += ask._size
                parts, size = (b"".join((*parts, *ask._parts)),), size + ask._size
            self._write_soon(parts, size)
            if wait:
                if size < _SMALL_BYTES:
                    self._look_for(ack)
                self._settle(lambda: ack.done)
        except BaseException:
            if ask is not None:
                self._forget(ask)
            self._forget(ack)
            raise
        if ack.error is not None:
            self._errors.remove(ack.error)
            self._error_count -= 1
            raise ack.error
        return ack

    def _look_for(self, ack: Ack) -> None:
        """Look for the answer again and again, for a tenth of a millisecond: it may come sooner than this thread wakes.

        Who else wants the processor has it in between. A round trip took 108 us so, and 129 by sleeping.
        """
        if _give_way is None:
            return
        until = time.monotonic() + _LOOK_S
        while self._sock is not None and not self._out and not ack.done and time.monotonic() < until:
            try:
                self._read()
            except BlockingIOError:
                _give_way()
            except _Broken as error:
                self._lost(str(error))

    def _handed_over(self, head: bytes, parts: tuple[Buffer, ...], size: int) -> bytes | None:
        """Write a message into shared memory; return the request that publishes it. None: it is to go by TCP."""
        answer = self._lent(size)
        if answer.status in (413, 503):
            return None  # too large, or all of it is in use now
        why = _error_of(answer.body)
        if answer.status == 200:
            try:
                lent = json.loads(str(answer.body, "utf-8"))
                self._segments.write(lent["id"], lent["path"], parts, size)
                return head[:-2] + f"Hdaemon-Segment: {lent['id']}; bytes={size}\r\n\r\n".encode()
            except (OSError, ValueError, KeyError, TypeError) as error:
                why = str(error)
        self._shares = False
        _log.info("%s: large messages go by TCP: %s", self.where, why)
        return None

    def _lent(self, size: int) -> _Question:
        """Return the answer to who asks for `size` bytes of shared memory.

        In a stream of messages of one size the next is asked for together with each. Then nothing is waited for before
        it can be written: while the session runs Python, 12 MB came in 3.4 ms and not in 4.2. What is asked for ahead
        and not used is thrown away by the server, and new memory is slow: after that a stream must be longer.
        """
        now, ahead = time.monotonic(), self._ahead
        same, rested = size == self._lent_bytes, now - self._lent_at
        self._lent_bytes, self._lent_at, self._ahead = size, now, None
        self._alike = self._alike + 1 if same and rested < _STREAM_S else min(self._alike, 0)
        if ahead is not None:
            self._settle(lambda: ahead.status != 0)  # it came with the last answer
            if ahead.status == 200 and same and rested < _LENT_S:
                return ahead
            if ahead.status == 200:
                self._alike = -_AFTER_WASTE
        return self._ask("POST", "/segments", _json({"bytes": size}))

    def send_many(self, values: Iterable[Any], channel: str = "default", content_type: str | None = None) -> int:
        """Send each of `values` as a message of its own, several in one request; return how many.

        For text and bytes of less than 4 KiB several times as fast as `send` in a `batch`, as no `Ack` is made of each:
        `flush` sums up what was acknowledged. Some hundred are taken from `values` at a time, and sent when there
        are so many or no more: what comes slowly is for `send`.

        Raises:
            ClientError: as `send` does. Its `taken` says how many values were taken: they are under way, or kept and
                sent by a later call. From there on none was sent.
        """
        values, taken = iter(values), 0
        try:
            with self.batch():
                for value in values:
                    self.send(value, channel, content_type)
                    taken += 1
                    some = [] if self._run is None else list(itertools.islice(values, self._run.room))
                    bodies = self._bodies(some, content_type)
                    if bodies:
                        taken += len(bodies)
                        self._add_many(bodies)
                    else:
                        for each in some:
                            self.send(each, channel, content_type)
                            taken += 1
        except ClientError as error:
            error.taken = taken
            raise
        return taken

    def _bodies(self, values: list[Any], content_type: str | None) -> list[bytes] | None:
        """Return the bodies of values that may join the run at hand together; None: they are to be sent one by one."""
        run = self._run
        kinds = set(map(type, values))
        if run is None or self._errors or kinds != {bytes if content_type else run.of}:
            return None
        try:
            bodies = [value.encode() for value in values] if kinds == {str} else values
        except UnicodeEncodeError:
            return None
        sizes = list(map(len, bodies))
        return bodies if max(sizes) < _SMALL_BYTES and sum(sizes) <= run.most_bytes else None

    def _add_many(self, bodies: list[bytes]) -> None:
        """Take messages into the run at hand; write it when it is long enough."""
        run = self._run
        assert run is not None
        run.bodies += bodies
        run.acks += [None] * len(bodies)
        run._size += sum(map(len, bodies))
        if run.is_full:
            self._settle(self._written)

    @contextlib.contextmanager
    def batch(self) -> Iterator[Client]:
        """Hold back small messages sent inside the block and send several in one request, at its end at the latest.

        Several times as fast for very many small messages: a send is otherwise a request and a call of the system each.
        """
        self._holding += 1
        try:
            yield self
        finally:
            self._holding -= 1
            if not self._holding and (self._out or self._run is not None):
                rested = time.monotonic() - self._read_at
                self._settle(self._written)
                if rested > 1.0:  # see `_publish`
                    self._settle(lambda: not self._window)

    def flush(self, timeout_s: float | None = None) -> Flushed:
        """Wait until everything sent is acknowledged; return the sum of what was since the last time.

        Args:
            timeout_s: how long at most, in all; None: while the server says something each `Client.timeout_s`.

        Raises:
            Rejected: the server refused a message; the first of them, when there are several.
            Timeout: not all were acknowledged in time; they are kept, and a later call goes on waiting.
            Unavailable, NotHdaemon: see the top of this file.
        """
        if self._window:
            self._settle(lambda: not self._window, None if timeout_s is None else time.monotonic() + timeout_s)
        if self._errors:
            self._raise_errors()
        flushed = Flushed(self._count, self._stored, self._last)
        self._count, self._stored, self._last = 0, 0, None
        return flushed

    def discard(self) -> int:
        """Forget what is not acknowledged; return how many messages that were. Each may or may not have arrived."""
        count = self.unacknowledged
        self._drop()
        self._window.clear()
        self._window_count = self._window_bytes = 0
        self._errors.clear()
        self._error_count = 0
        return count

    @property
    def unacknowledged(self) -> int:
        """How many messages were sent and not yet seen to be acknowledged."""
        asked = sum(isinstance(item, _Question) for item in self._window)
        return self._window_count - asked + (len(self._run.acks) if self._run is not None else 0)

    # -- asking -------------------------------------------------------------------------------------------------------

    def latest(self, channel: str = "default") -> Message | None:
        """Return the newest stored message of a channel, or None when nothing is stored on it.

        What this client sent before is there already, if it was sent in evaluate mode.
        """
        answer = self._ask("GET", "/channels/" + self._quoted(channel))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _rejected(self.where, answer.status, _error_of(answer.body), channel)
        kind = answer.headers.get("content-type", BYTES).partition(";")[0].strip().lower()
        digits = answer.headers.get("etag", "").strip('"')
        return Message(channel, kind, answer.body, int(digits) if digits.isdecimal() else 0)

    def channels(self) -> list[dict[str, Any]]:
        """Return what is stored, a dict a channel: ``channel, serial, type, bytes, time, client``."""
        found: list[dict[str, Any]] = self._asked("GET", "/channels")
        return found

    def status(self) -> dict[str, Any]:
        """Return what the server says of itself: version, mode, clients, counters, limits."""
        found: dict[str, Any] = self._asked("GET", "/status")
        return found

    @property
    def mode(self) -> str:
        """The server's mode, ``"print"`` or ``"evaluate"``. Setting it raises `Rejected` (409) while it is locked."""
        return str(self._asked("GET", "/mode"))

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in ("print", "evaluate"):
            raise BadValue(f"mode {mode!r} does not exist: use 'print' or 'evaluate'")
        self._asked("PUT", "/mode", _json(mode))

    def subscribe(self, channel: str, timeout_s: float | None = None) -> Subscription:
        """Return an iterator over the messages of a channel: the newest stored one first, then each as it comes.

        It has a connection of its own, which is made now. Close it, or use it in a `with` block.

        Args:
            channel: a name, or a filter as MQTT has them: ``+`` for one level, ``#`` at the end for all below.
            timeout_s: how long to wait for a message before `Timeout` is raised; None: as long as it takes.
        """
        return Subscription(self, channel, timeout_s)

    # -- opening and closing ------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect now, and not at the first need: says at once when there is no server. Does nothing when connected."""
        self._settle(lambda: self._sock is not None)

    def close(self, timeout_s: float | None = None) -> None:
        """Wait until all is acknowledged, as `flush`, and close; raises what `flush` raises, and is closed then too."""
        try:
            if self._window or self._errors:
                self.flush(timeout_s)
        finally:
            self._drop()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            # Who pressed Ctrl-C does not want to wait.
            self.close(None if error is None or isinstance(error, Exception) else _CLOSE_S)
        except ClientError as second:
            if error is None:
                raise
            _log.warning("at the end of a block that failed: %s", second)

    # -- inside: requests ---------------------------------------------------------------------------------------------

    def _quoted(self, channel: str, filters: bool = False) -> str:
        """Return a channel's name as it stands in a URL."""
        size = len(_utf8(channel)) if isinstance(channel, str) else 0
        if not 0 < size <= 256 or any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in channel):
            raise BadValue(f"channel name {channel!r} is not 1 to 256 bytes of text without control characters")
        if not filters and ("+" in channel or "#" in channel):
            raise BadValue(f"channel name {channel!r} has a wildcard (+ or #), for subscribe() only: leave it out")
        return quote(channel, safe="/")

    def _head(self, method: str, path: str, more: str = "") -> str:
        return f"{method} {path} HTTP/1.1\r\nHost: {self._address}\r\n{self._authorization}{more}"

    def _template(self, channel: str, kind: str) -> bytes:
        """Return the head of a message but for its number and its length."""
        if len(self._templates) > 1000:
            self._templates.clear()
        head = self._head("PUT", "/channels/" + self._quoted(channel), f"Content-Type: {kind}\r\n").replace("%", "%%")
        # draft-ietf-httpapi-idempotency-key-header: a quoted string that no two requests share.
        head += f'Idempotency-Key: "{self._id}/%d"\r\nContent-Length: %d\r\n\r\n'
        made = self._templates[channel, kind] = head.encode("utf-8")
        return made

    def _asked(self, method: str, path: str, body: bytes = b"") -> Any:
        """Return the JSON value that answers a request."""
        answer = self._ask(method, path, body)
        if answer.status != 200:
            raise _rejected(self.where, answer.status, _error_of(answer.body))
        try:
            return json.loads(str(answer.body, "utf-8"))
        except ValueError as error:
            raise NotHdaemon(f"{self.where} answered {method} {path} with what is not JSON: {error}") from error

    def _question(self, method: str, path: str, body: bytes = b"") -> _Question:
        more = f"Content-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n" if body else "\r\n"
        return _Question(self._head(method, path, more).encode("utf-8") + body)

    def _ask(self, method: str, path: str, body: bytes = b"") -> _Question:
        if self._sock is None:
            self._settle(lambda: self._sock is not None)
        question = self._question(method, path, body)
        self._end_run()
        try:
            self._window.append(question)
            self._window_count += 1
            self._window_bytes += question._size
            self._out += question._parts
            self._settle(lambda: question.status != 0)
        except BaseException:
            self._forget(question)
            raise
        return question

    # -- inside: the window -------------------------------------------------------------------------------------------

    def _forget(self, item: Ack | _Question) -> None:
        """Take back the newest item: it is not sent again. What was written of it leaves the connection of no use."""
        self._drop()
        newest = self._window[-1] if self._window else None
        if isinstance(newest, _Run) and newest.acks[-1:] == [item]:
            del newest.acks[-1], newest.bodies[-1]
            newest._size -= item._size
            if not newest.acks:
                self._window.pop()
        elif newest is item:
            self._window.pop()
        else:
            return
        self._window_count -= 1
        self._window_bytes -= item._size

    def _make_room(self, size: int) -> None:
        # Down to half: waiting for one answer at a time would send one message at a time.
        half, half_bytes = self._max_count // 2, self._max_bytes // 2

        def roomy() -> bool:
            if not self._window:
                return True
            return self._window_count <= half and self._window_bytes + size <= max(half_bytes, size)

        self._settle(roomy)
        if self._errors:
            self._raise_errors()

    def _raise_errors(self) -> None:
        error, more = self._errors[0], self._error_count - 1
        self._errors.clear()
        self._error_count = 0
        if more:
            error.args = (f"{error.args[0]} (and {more} more messages were refused)",)
        raise error

    def _write_soon(self, parts: tuple[Buffer, ...], size: int) -> None:
        """Write what was just added to the window, at once unless it is held back."""
        if self._holding or self._out or len(parts) > 1 or self._sock is None:
            self._out.extend(parts)
            self._out_bytes += size
            if self._holding and self._out_bytes < _JOIN_BYTES:
                return
        else:
            if (self._window_count > _CROWDED) != self._gathers:
                self._gather(not self._gathers)
            try:
                sent = self._sock.send(parts[0])
            except OSError:  # no room, or it broke: what is below finds out
                sent = 0
            if sent == size:
                return
            self._out.append(memoryview(parts[0])[sent:])
        self._settle(self._written)

    def _gather(self, gathers: bool) -> None:
        """Have the system gather small writes while one is on its way (Nagle's algorithm, RFC 9293, 3.7.4), or not."""
        sock, self._gathers = self._sock, gathers
        if sock is not None:
            with contextlib.suppress(OSError):  # it broke: who writes finds out
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not gathers)

    def _written(self) -> bool:
        return not self._out and (self._sock is not None or not self._window)

    def _settle(self, done: Callable[[], bool], deadline: float | None = None) -> None:
        """Write, read and reconnect until `done`.

        Raises:
            Timeout: nothing moved for `timeout_s`, or the deadline has passed.
        """
        self._end_run()
        if self._gathers:
            self._gather(False)  # what is waited for is not held back
        heard_at, tried, pause = time.monotonic(), False, _FIRST_PAUSE_S
        while not done():
            try:
                if self._sock is None:
                    if tried and self._lost_at is not None:
                        self._pause(pause, deadline)
                        pause = min(2 * pause, _LONGEST_PAUSE_S)
                    else:
                        pause = _FIRST_PAUSE_S
                    tried = True
                    self._open()
                    heard_at = time.monotonic()
                elif self._out:
                    self._write()
                else:
                    until = heard_at + self.timeout_s
                    if not _wait(self._sock, False, min(until, deadline or until) - time.monotonic())[0]:
                        raise Timeout(
                            f"{self.where} has not answered for {time.monotonic() - heard_at:.3g} s, "
                            f"{self.unacknowledged} messages are not acknowledged: is its program stopped?"
                        )
                    self._read()
                    heard_at = time.monotonic()
            except _Broken as error:
                self._lost(str(error))
            except BlockingIOError:  # what was there to be read has gone again: the system may do that (select(2))
                pass

    def _pause(self, pause: float, deadline: float | None) -> None:
        """Wait before the next attempt to connect.

        Raises:
            Disconnected: there is no time for another.
        """
        end = (self._lost_at or 0.0) + self.reconnect_s
        if time.monotonic() + pause > (end if deadline is None else min(end, deadline)):
            kept = f"; {self.unacknowledged} messages are not acknowledged, and kept" if self._window else ""
            raise Disconnected(f"the connection to {self.where} was lost: {self._lost_why}{kept}")
        time.sleep(pause * random.uniform(0.75, 1.25))  # many clients of one server should not come all at once

    def _write(self) -> None:
        """Write all that is to be written; read answers meanwhile: the server may not read on before that.

        Raises:
            _Broken: the connection is.
            Timeout: the server takes nothing.
        """
        out, self._out, self._out_bytes = self._out, [], 0
        small: list[Buffer] = []
        try:
            for part in out:
                if len(part) < _JOIN_BYTES:
                    small.append(part)
                    continue
                if small:
                    self._write_one(b"".join(small))
                    small = []
                self._write_one(part)
            if small:
                self._write_one(b"".join(small))
        except BaseException:  # it may have stopped inside a message: nothing can follow on this connection
            self._drop()
            raise

    def _write_one(self, part: Buffer) -> None:
        view, sock = memoryview(part), self._sock
        assert sock is not None
        while view:
            try:
                view = view[sock.send(view[:_SEND_BYTES]) :]
            except (BlockingIOError, InterruptedError):
                readable, writable = _wait(sock, True, self.timeout_s)
                if readable:
                    self._read()
                elif not writable:
                    raise Timeout(
                        f"{self.where} took nothing for {self.timeout_s:g} s: is its program stopped?"
                    ) from None
            except OSError as error:
                with contextlib.suppress(BlockingIOError):
                    while True:  # why it closed the connection may be there to be read; the end raises
                        self._read()
                raise _Broken(str(error.strerror or error)) from error

    def _poll(self, now: float) -> None:
        """Read what is there, without waiting."""
        self._read_at = now
        if self._sock is None:
            return
        try:
            while True:
                self._read()
        except BlockingIOError:
            pass
        except _Broken as error:
            self._lost(str(error))

    def _read(self) -> None:
        """Receive once, and complete what was answered.

        Raises:
            _Broken: the connection is, after all that came was taken.
            BlockingIOError: there is nothing.
        """
        sock = self._sock
        assert sock is not None
        try:
            view, filled = self._large or (None, 0)
            data = b"" if view is not None else sock.recv(_RECEIVE_BYTES)
            size = len(data) if view is None else sock.recv_into(view[filled:])
            self._received(size, data, view, filled)
        except InterruptedError:
            raise BlockingIOError from None
        except (BlockingIOError, _Broken):
            raise
        except OSError as error:
            raise _Broken(str(error.strerror or error)) from error
        except BaseException:  # interrupted by Ctrl-C: what was received is perhaps not taken
            self._drop()
            raise

    def _received(self, size: int, data: bytes, view: memoryview | None, filled: int) -> None:
        if not size:
            raise _Broken("the server closed it")
        self._read_at = time.monotonic()
        if view is None:
            self._take(self._inbox + data if self._inbox else data)
        elif filled + size < len(view):
            self._large = view, filled + size
        else:
            self._large = None
            self._complete(self._large_head, view)

    def _take(self, data: bytes) -> None:
        """Complete what the answers in `data` are for; keep the rest."""
        at, heads = 0, self._heads
        while at < len(data):
            end = data.find(b"\r\n\r\n", at)
            if end < 0:
                if len(data) - at > _MAX_HEAD_BYTES:
                    raise _Broken("it answered with a head without an end")
                break
            raw = data[at:end]
            head = heads.get(raw)
            if head is None:
                if len(heads) > 1000:
                    heads.clear()
                head = heads[raw] = self._parsed(raw)
            stop = end + 4 + head[1]
            if stop > len(data):
                if head[1] > _JOIN_BYTES:
                    body = memoryview(bytearray(head[1]))
                    here = data[end + 4 :]
                    body[: len(here)] = here
                    self._large, self._large_head, at = (body, len(here)), head, len(data)
                break
            at = stop
            self._complete(head, data[end + 4 : stop])
        self._inbox = data[at:]

    def _parsed(self, raw: bytes) -> Head:
        status, headers = _head_of(raw)
        digits = headers.get("content-length", "0" if status in (204, 304) else "")
        if not (digits.isdigit() and digits.isascii()) or int(digits) > self.max_message_bytes:
            raise _Broken(f"it answered with Content-Length {digits[:40]!r}, of at most {self.max_message_bytes}")
        return status, 0 if status in (204, 304) else int(digits), headers

    def _complete(self, head: Head, body: Buffer) -> None:
        """Give the oldest request its answer.

        Raises:
            _Broken: the server says that it closes the connection, or answers what was not asked.
        """
        status, _, headers = head
        if status < 200:
            return
        item = self._window[0] if self._window else None
        if item is None or item is self._run:
            raise _Broken(f"the server said {status} {_error_of(body)!r} without being asked")
        if isinstance(item, _Question):
            item.status, item.headers, item.body = status, headers, body
        elif status == 200:
            self._acknowledge(item, body)
        else:
            self._refused(item, _rejected(self.where, status, _error_of(body), item.channel))
        self._answered(item)
        if headers.get("connection", "").lower() == "close":
            raise _Broken("the server closed it after its answer")

    def _answered(self, item: Ack | _Run | _Question) -> None:
        """Let go of the oldest item, which was answered."""
        if isinstance(item, _Run):
            self._window_count -= len(item.acks)
        else:
            item._parts = ()
            self._window_count -= 1
        self._window.popleft()
        self._window_bytes -= item._size
        self._lost_at = None

    def _refused(self, item: Ack | _Run, error: Rejected) -> None:
        acks = item.acks if isinstance(item, _Run) else [item]
        for ack in acks:
            if ack is not None:
                ack.error = error
        self._errors.append(error)
        self._error_count += len(acks)

    def _acknowledge(self, item: Ack | _Run, body: Buffer) -> None:
        # {"serial": 7, "channel": "a", "mode": "print", "stored": false}: only the number differs from one to the next.
        # In the answer to several messages it is that of the first, and "messages": 3 says how many there were.
        acks = item.acks if isinstance(item, _Run) else [item]
        first, _, tail = bytes(body).partition(b",")
        found = self._tails.get(tail)
        digits = first[11:]
        if found is None or not digits.isdigit():
            try:
                value = json.loads(str(body, "utf-8"))
                digits = value["serial"]
                found = (str(value["mode"]), bool(value["stored"])), int(value.get("messages", 1))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise _Broken(f"it acknowledged with {bytes(body)[:60]!r}") from error
            if first.startswith(b'{"serial": '):
                if len(self._tails) > 1000:
                    self._tails.clear()
                self._tails[tail] = found
        said, count = found
        if count != len(acks):
            raise _Broken(f"it acknowledged {count} messages of {len(acks)} in one request: is it an older hdaemon?")
        last = acks[-1] = acks[-1] or Ack(item.channel, 0, ())
        for serial, ack in enumerate(acks, int(digits)):
            if ack is not None:
                ack.serial, ack._said = serial, said
        self._count += count
        self._stored += count if said[1] else 0
        self._last = last

    # -- inside: the connection ---------------------------------------------------------------------------------------

    def _drop(self) -> None:
        sock, self._sock = self._sock, None
        self._inbox, self._large = b"", None
        self._out, self._out_bytes = [], 0
        self._end_run()
        self._segments.close()
        self._ahead = None  # what was lent to a connection goes with it
        if sock is not None:
            sock.close()

    def _lost(self, why: str) -> None:
        """The connection broke; note since when there is trouble, and tell it once."""
        self._drop()
        self._lost_why = why
        if self._lost_at is None and self._window:
            self._lost_at = time.monotonic()
            self._tell("lost", f"the connection to {self.where} broke: {why}; it is made again")

    def _open(self) -> None:
        """Connect, and have everything in the window written again.

        Raises:
            _Broken: there is no connection now, but there was one.
            Unavailable, NotHdaemon, Rejected: there is none.
        """
        try:
            self._connect()
        except Unavailable as error:
            if not self._was_connected:
                raise
            self._lost_at = self._lost_at or time.monotonic()
            raise _Broken(str(error)) from error
        self._out = [part for item in self._window for part in item._parts]
        again = "connected" if not self._was_connected else "reconnected"
        self._was_connected = True
        if not self._window:
            self._lost_at = None
        more = f"; {self.unacknowledged} messages are sent again" if self.unacknowledged else ""
        self._tell(again, f"{again} to {self.where}{more}")

    def _connect(self) -> None:
        sock = _connected(self.host, self.port, self.where, self.timeout_s)
        try:
            self._address = _host_header(sock)
            self._authorize(sock)
            request = self._head("GET", "/status", "\r\n").encode("utf-8")
            status, _, body, _ = _exchange(sock, request, self.where, self.timeout_s)
            _check_status(status, body, self.where)
            here = sys.platform == "linux" and self._address.startswith(("127.", "[::1]"))
            self._shares = self._shared_memory and here and b'"shared_memory": true' in body
            limits = {name: int(number) for name, number in re.findall(rb'"(max_[a-z_]+)": ([0-9]{1,18})\b', body)}
            most_bytes = min(limits.get(b"max_together_bytes", 0), limits.get(b"max_http_message_bytes", 0))
            self._together = limits.get(b"max_together_messages", 0) if most_bytes >= 4 * _JOIN_BYTES else 0
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        self._sock, self._gathers = sock, False
        self._read_at = time.monotonic()

    def _authorize(self, sock: socket.socket) -> None:
        """Take the token that is shown to the server at the other end."""
        token = self._given_token or _found_token(sock)
        line = f"Authorization: Bearer {token}\r\n" if token else ""
        if line != self._authorization:
            self._authorization = line
            self._templates.clear()

    def _tell(self, event: str, text: str) -> None:
        _log.log(logging.WARNING if event == "lost" else logging.INFO, "%s", text)
        if self.on_event is not None:
            self.on_event(event, text)


def _check_status(status: int, body: bytes, where: str) -> None:
    """Return when that is how an hdaemon answers GET /status."""
    said = _error_of(body)
    if status == 503 and said:  # too many clients; soon there may be room again
        raise Refused(f"{where} refused the connection: {said}")
    if status != 200 and status != 404 and said:
        raise _rejected(where, status, said)
    if status != 200 or b'"mode"' not in body or b'"limits"' not in body:
        raise NotHdaemon(
            f"{where} is a web server and not an hdaemon (it answered GET /status with {status}): is the port right?"
        )


def _host_header(sock: socket.socket) -> str:
    """Return the address the socket is connected to: a server refuses names that it does not know itself by."""
    address, port = sock.getpeername()[:2]
    address = address.partition("%")[0]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _found_token(sock: socket.socket) -> str | None:
    """Return the token of this user's own server at the other end of the socket, or that of the environment.

    Each running server has a file that only its user can read (hdaemon/server/sessions.py), with the port in its name.
    """
    address, port = sock.getpeername()[:2]
    wildcard = "::" if ":" in address else "0.0.0.0"
    folder = _sessions_folder()
    with contextlib.suppress(OSError):
        for name in os.listdir(folder) if _is_loopback(address) else ():  # noqa: PTH208 - quick, as most have none
            if name.endswith(f"-{port}.json"):
                said = _session(os.path.join(folder, name))  # noqa: PTH118
                if said.get("port") == port and said.get("host") in (address, wildcard) and said.get("token"):
                    return str(said["token"])
    token = os.environ.get("HDAEMON_TOKEN", "")
    return token if token.isprintable() and token else None


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


def _sessions_folder() -> str:
    """Return where servers leave their files: the same as hdaemon.paths.sessions_dir()."""
    state, runtime, home = os.environ.get("HDAEMON_STATE"), os.environ.get("XDG_RUNTIME_DIR", ""), "~/.local/state"
    if not state and sys.platform == "win32":
        state = (os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")) + "\\hdaemon"  # noqa: PTH111
    elif not state and sys.platform == "darwin":
        state = os.path.expanduser("~/Library/Application Support/hdaemon")  # noqa: PTH111
    elif not state and runtime.startswith("/"):
        return runtime.rstrip("/") + "/hdaemon"
    elif not state:
        given = os.environ.get("XDG_STATE_HOME", "")
        state = (given if given.startswith("/") else os.path.expanduser(home)) + "/hdaemon"  # noqa: PTH111
    return os.path.join(state, "sessions")  # noqa: PTH118


def _session(path: str) -> dict[str, Any]:
    """Return what a session file says; nothing when it is not ours alone, or its server has gone."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            found = os.fstat(file.fileno())
            if sys.platform != "win32" and (found.st_uid != os.getuid() or found.st_mode & 0o077):
                return {}
            said = json.loads(file.read(_MAX_HEAD_BYTES).decode())
        if sys.platform != "win32":
            os.kill(max(1, int(said["pid"])), 0)  # raises where there is no such process of ours
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


# -- subscribing: WebSocket (RFC 6455) -------------------------------------------------------------------------------

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # 1.3
_PING_AFTER_S = 30.0
"""The server pings every 20 s: a connection that is silent for longer is asked whether it is still there."""

_MAX_SEEN = 10000

_CONTINUATION, _TEXT_FRAME, _BINARY_FRAME, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


def _frame(opcode: int, payload: bytes = b"") -> bytes:
    """Return a control frame as a client sends it: masked (5.3), of at most 125 bytes (5.5)."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked


def _accept(key: str) -> str:
    """Return what the server must answer to `key`, to show that it speaks WebSocket (4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


class _Frames:
    """The server's side of a WebSocket: fed with bytes, returns pairs of an opcode and a payload, whole messages only.

    Raises:
        _Broken: the bytes are not as RFC 6455 has them, or a message is larger than `limit`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inbox = bytearray()
        self._opcode = 0  # of the message that has begun; 0: none
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take the next bytes; return the messages that they complete."""
        inbox, at = self._inbox, 0
        inbox += data
        found: list[tuple[int, bytes]] = []
        while len(inbox) >= at + 2:
            first, length, begin = inbox[at], inbox[at + 1], at + 2  # 5.2
            opcode, final = first & 0x0F, bool(first & 0x80)
            if first & 0x70 or length & 0x80 or opcode not in (0, 1, 2, 8, 9, 10):
                raise _Broken("it sent a WebSocket frame with reserved bits, a mask or an unknown opcode")
            if opcode & 8 and (length > 125 or not final):
                raise _Broken("it sent a WebSocket control frame that is long or cut")
            if not opcode & 8 and bool(opcode) == bool(self._opcode):
                raise _Broken("it sent a WebSocket message inside another, or the rest of none")
            if length > 125:
                width = 2 if length == 126 else 8
                if len(inbox) < begin + width:
                    break
                length = int.from_bytes(inbox[begin : begin + width], "big")
                begin += width
                if length <= (125 if width == 2 else 0xFFFF):
                    raise _Broken("it sent a WebSocket frame whose length is written too long")
            if sum(map(len, self._parts)) + length > self._limit:
                raise _Broken(f"it sent more than {self._limit} bytes, which is the limit max_message_bytes")
            if len(inbox) < begin + length:
                break
            at = begin + length
            with memoryview(inbox) as view:
                payload = bytes(view[begin:at])
            if opcode & 8:
                found.append((opcode, payload))
                continue
            self._opcode = opcode or self._opcode
            self._parts.append(payload)
            if final:
                found.append((self._opcode, b"".join(self._parts)))
                self._opcode, self._parts = 0, []
        del inbox[:at]
        return found


class Subscription:
    """An iterator over the messages of a channel or of a filter; see `Client.subscribe`.

    A connection that breaks is made again, for `reconnect_s` in all; messages that came meanwhile are not seen, but
    the newest stored one is, once. It ends with `close` or with an error.
    """

    def __init__(self, client: Client, channel: str, timeout_s: float | None) -> None:
        self.channel, self.timeout_s = channel, timeout_s
        self._client = client
        self._path = "/channels/" + client._quoted(channel, filters=True) + "?subscribe=1&heads=1"
        self._ready: deque[Message] = deque()
        self._head: dict[str, Any] | None = None
        self._seen: OrderedDict[str, tuple[int, Any]] = OrderedDict()  # the last of each channel
        self._sock: socket.socket | None = None
        self._frames = _Frames(client.max_message_bytes)
        self._closed = False
        self._heard_at, self._pinged = 0.0, False
        self._lost_at: float | None = None
        self._lost_why, self._retry_at, self._pause = "", 0.0, _FIRST_PAUSE_S
        self._open()

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Message:
        """Return the next message, as `receive` with the time-out of the subscription."""
        if self._closed:
            raise StopIteration
        return self.receive(self.timeout_s)

    def receive(self, timeout_s: float | None = None) -> Message:
        """Return the next message.

        Raises:
            Timeout: none came in time; it can be asked for again.
            Disconnected: the connection broke and could not be made again; asked again, it is tried once more.
            Rejected, NotHdaemon: the server that answered now does not take the subscription.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ready:
            if self._closed:
                raise Disconnected(f"the subscription of {self.channel} is closed: make a new one")
            try:
                if self._sock is None:
                    self._reopen(deadline)
                else:
                    self._read(deadline)
            except _Broken as error:
                self._lost(str(error))
        return self._ready.popleft()

    def close(self) -> None:
        """End it: say so to the server, and close the connection. Nothing more comes."""
        self._closed = True
        sock, self._sock = self._sock, None
        if sock is None:
            return
        try:  # 7.1.2; what still comes is read, as a reset would be a failure to the server
            sock.send(_frame(_CLOSE, struct.pack("!H", 1000)))
            sock.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + _CLOSE_S
            while _wait(sock, False, deadline - time.monotonic())[0] and sock.recv(_RECEIVE_BYTES):
                pass
        except OSError:  # it has gone already
            pass
        finally:
            sock.close()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Connect and shake hands (4.1)."""
        client = self._client
        sock = _connected(client.host, client.port, client.where, client.timeout_s)
        try:
            client._authorize(sock)
            key = base64.b64encode(os.urandom(16)).decode()
            request = (
                f"GET {self._path} HTTP/1.1\r\nHost: {_host_header(sock)}\r\n{client._authorization}"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key}\r\n\r\n"
            )
            status, headers, body, rest = _exchange(sock, request.encode("utf-8"), client.where, client.timeout_s)
            if status != 101 or headers.get("sec-websocket-accept") != _accept(key):
                self._refused(status, _error_of(body))
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        self._sock, self._frames, self._head = sock, _Frames(client.max_message_bytes), None
        self._heard_at, self._pinged = time.monotonic(), False
        if rest:
            try:
                self._take(self._frames.feed(rest))
            except _Broken as error:
                self._lost(str(error))

    def _refused(self, status: int, said: str) -> None:
        where = self._client.where
        if status == 503 and said:
            raise Refused(f"{where} refused the connection: {said}")
        if said:
            raise _rejected(where, status, said, self.channel)
        raise NotHdaemon(
            f"{where} does not take subscriptions (it answered {status}): is it an hdaemon, and the port right?"
        )

    def _reopen(self, deadline: float | None) -> None:
        now, client = time.monotonic(), self._client
        if now < self._retry_at:
            until = self._retry_at if deadline is None else min(self._retry_at, deadline)
            time.sleep(max(0.0, until - now))
            if until < self._retry_at:
                raise Timeout(f"{client.where} is gone ({self._lost_why}) and has not come back yet")
        try:
            self._open()
        except Unavailable as error:
            now = time.monotonic()
            self._retry_at = now + self._pause * random.uniform(0.75, 1.25)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
            if now > (self._lost_at or now) + client.reconnect_s:
                raise Disconnected(
                    f"the subscription of {self.channel} was lost: {self._lost_why}; and now: {error}"
                ) from error
            return
        client._tell(
            "reconnected", f"subscribed to {self.channel} at {client.where} again; what came meanwhile was not seen"
        )

    def _lost(self, why: str) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at, self._pause, self._retry_at = now, _FIRST_PAUSE_S, now
            self._client._tell("lost", f"the subscription of {self.channel} at {self._client.where} broke: {why}")
        else:  # again, and nothing came in between
            self._retry_at = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
            if now > self._lost_at + self._client.reconnect_s:
                raise Disconnected(f"the subscription of {self.channel} was lost: {why}")
        self._lost_why = why

    def _read(self, deadline: float | None) -> None:
        """Receive once, or ask a silent server whether it is there."""
        sock = self._sock
        assert sock is not None
        silent_at = self._heard_at + _PING_AFTER_S + (self._client.timeout_s if self._pinged else 0.0)
        until = silent_at if deadline is None else min(silent_at, deadline)
        try:
            if not _wait(sock, False, until - time.monotonic())[0]:
                if until < silent_at:
                    raise Timeout(f"nothing came on {self.channel} in time")
                if self._pinged:
                    raise _Broken(
                        f"nothing came from it for {time.monotonic() - self._heard_at:.0f} s, not even a pong"
                    )
                self._pinged = True
                sock.send(_frame(_PING))
                return
            data = sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise _Broken(str(error.strerror or error)) from error
        if not data:
            raise _Broken("the server closed it")
        self._heard_at, self._pinged = time.monotonic(), False
        self._take(self._frames.feed(data))

    def _take(self, found: Iterable[tuple[int, bytes]]) -> None:
        for opcode, payload in found:
            if opcode == _PING:
                try:
                    self._sock.send(_frame(_PONG, payload))  # type: ignore[union-attr]
                except BlockingIOError:  # it reads nothing; its next ping asks again
                    pass
                except OSError as error:
                    raise _Broken(str(error.strerror or error)) from error
            elif opcode == _CLOSE:
                self._closed_by_server(payload)
            elif opcode == _TEXT_FRAME:
                self._take_head(payload)
            elif opcode == _BINARY_FRAME:
                self._take_payload(payload)

    def _closed_by_server(self, payload: bytes) -> None:
        """Deal with a close frame (5.5.1, 7.4)."""
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005
        reason = payload[2:].decode("utf-8", "replace")
        with contextlib.suppress(OSError):
            self._sock.send(_frame(_CLOSE, payload[:2]))  # type: ignore[union-attr]
        text = f"the server closed it ({code}{': ' + reason if reason else ''})"
        if code in (1003, 1007, 1008, 1009, 1010):  # coming back would end the same way
            self.close()
            raise Disconnected(f"the subscription of {self.channel} at {self._client.where}: {text}")
        raise _Broken(text)

    def _take_head(self, payload: bytes) -> None:
        try:
            head = json.loads(str(payload, "utf-8"))
            int(head["serial"]), str(head["channel"]), str(head["type"])
        except (ValueError, KeyError, TypeError) as error:
            raise _Broken(f"it sent a head that is none: {payload[:60]!r}") from error
        self._head = head

    def _take_payload(self, payload: bytes) -> None:
        head, self._head = self._head, None
        if head is None:
            raise _Broken("it sent a payload without a head")
        mark = (head["serial"], head.get("time"))
        if self._seen.get(head["channel"]) == mark:  # the newest one, which a new connection begins with
            return
        self._seen.pop(head["channel"], None)
        self._seen[head["channel"]] = mark
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        self._lost_at = None
        self._ready.append(
            Message(
                head["channel"],
                head["type"].partition(";")[0].strip().lower(),
                payload,
                head["serial"],
                head.get("time"),
                head.get("client", ""),
                bool(head.get("stored", True)),
            )
        )
