"""The parsers of what comes from outside, and what must hold for each of them and any bytes.

`PARSERS` is used by test_parsers.py (hypothesis) and by fuzz.py (atheris). Each has a folder in corpus/ with a few
small inputs: valid ones, which both of them change, and past findings, which every run of the tests tries again.
"""

from __future__ import annotations

import io
import json as python_json
import time
import tracemalloc
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgpack as python_msgpack
import numpy as np
from hostile import doors, http_doors

from hdaemon import content
from hdaemon.content import bgeo, json, mesh_wire, msgpack, npy, safetensors
from hdaemon.content.mesh import Mesh
from hdaemon.errors import DecodeError
from hdaemon.message import preview

__all__ = ["CORPUS", "PARSERS", "Parser", "check_all", "check_memory", "check_time", "warm_up"]

CORPUS = Path(__file__).resolve().parent / "corpus"
MIB = 1024 * 1024

MAX_S = 1.0
"""Of the processor's time for one input, which has some kilobytes: a hundred times what it usually takes."""


@dataclass(frozen=True)
class Parser:
    """One parser.

    Attributes:
        check: raises `AssertionError` for bytes for which a promise does not hold, or whatever the parser raises that
            it does not document.
        read: parses bytes once, and returns or raises `DecodeError`: what time and memory are measured of.
        factor: how many bytes of memory a byte of input may take, at most and for a moment, with what is made of it.
        floor_bytes: what it may take besides, however little comes.
        tokens: words of the format, for a fuzzer to put together.
    """

    check: Callable[[bytes], None]
    read: Callable[[bytes], object]
    factor: int
    floor_bytes: int = 256 * 1024
    tokens: tuple[bytes, ...] = ()


def warm_up(name: str) -> None:
    """Parse what is known: what is imported and remembered once is not what an input takes."""
    for file in sorted((CORPUS / name).iterdir()):
        with suppress(DecodeError):
            PARSERS[name].read(file.read_bytes())


def check_all(parser: Parser, data: bytes) -> None:
    """Raise `AssertionError` when a promise does not hold, or it takes more time or memory than is stated."""
    check_time(parser, data)
    check_memory(parser, data)


def check_time(parser: Parser, data: bytes) -> None:
    """Raise `AssertionError` when a promise does not hold, or to see that it does takes too long."""
    began = time.thread_time()
    parser.check(data)
    took = time.thread_time() - began
    assert took < MAX_S, f"{took:.2f} s for {len(data)} bytes"


def check_memory(parser: Parser, data: bytes) -> None:
    """Raise `AssertionError` when parsing takes more memory than is stated."""
    tracemalloc.start()
    try:
        with suppress(DecodeError):
            parser.read(data)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= parser.floor_bytes + parser.factor * len(data), f"{peak} bytes of memory for {len(data)}"


def _shown(content_type: str, data: bytes) -> None:
    """The line of the log that stands for it, made of anything."""
    line = preview(content_type, data)
    assert len(line) <= 400
    assert "\n" not in line
    assert "\x1b" not in line


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs), "a name twice in one object was taken"
    return dict(pairs)


def _check_json(data: bytes) -> None:
    _shown(content.JSON, data)
    try:
        value = json.decode(data)
    except DecodeError:
        return
    written = python_json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert json.decode(written) == value, "written and read again it is another value"
    assert python_json.loads(data, object_pairs_hook=_once) == value, "Python's own parser reads another value"


def _check_msgpack(data: bytes) -> None:
    _shown(content.MSGPACK, data)
    try:
        value = msgpack.decode(data)
    except DecodeError:
        return
    again = msgpack.decode(python_msgpack.packb(value))
    assert repr(again) == repr(value), "written and read again it is another value"


def _check_npy(data: bytes) -> None:
    _shown(content.NPY, data)
    try:
        made = npy.decode(data)
    except DecodeError:
        return
    assert not made.flags.writeable
    assert made.flags.aligned
    begin = 10 + int.from_bytes(data[8:10], "little") if data[6] == 1 else 12 + int.from_bytes(data[8:12], "little")
    assert made.nbytes == len(data) - begin, "not all of it was taken"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heads as Python 2 wrote them
        try:
            other = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, OSError, EOFError, TypeError, SyntaxError):
            return
    assert (other.shape, other.dtype.itemsize) == (made.shape, made.dtype.itemsize), "numpy reads another array"
    if other.dtype.names is None:
        assert other.dtype == made.dtype
        assert other.tobytes() == made.tobytes(), "numpy reads another array"


def _check_safetensors(data: bytes) -> None:
    _shown(content.SAFETENSORS, data)
    try:
        tensors = safetensors.decode(data)
    except DecodeError:
        return
    for array in tensors.values():
        assert not array.flags.writeable
        assert array.flags.aligned
    begin = 8 + int.from_bytes(data[:8], "little")
    halves = data[8:begin].count(b'"BF16"')  # which become twice as much; a name or a text may be called so, too
    taken = sum(array.nbytes for array in tensors.values())
    assert taken == len(data) - begin or (halves and taken <= 2 * (len(data) - begin)), (
        "bytes taken twice or not at all"
    )
    again = safetensors.decode(b"".join(safetensors.encode(tensors, tensors.metadata)))
    assert again.metadata == tensors.metadata
    assert again.keys() == tensors.keys()
    for name, array in tensors.items():
        assert (again[name].dtype, again[name].shape) == (array.dtype, array.shape)
        assert again[name].tobytes() == array.tobytes()


def _check_mesh(data: bytes) -> None:
    try:
        made = content._tensors(data)
    except DecodeError:
        return
    if isinstance(made, Mesh):
        again = content._tensors(b"".join(mesh_wire.parts(made)))
        assert again == made, "written and read again it is another mesh"


def _check_bgeo(data: bytes) -> None:
    _shown(content.BGEO, data)
    try:
        made = bgeo.read(data)
    except DecodeError:
        return
    written = bgeo.write(made)
    assert bgeo.write(bgeo.read(written)) == written, "written and read again it is another mesh"
    assert content._tensors(b"".join(mesh_wire.parts(made))) == made, "it does not travel"


_HTTP_WORDS = tuple(
    word.encode()
    for word in (
        "PUT /channels/a HTTP/1.1\r\nHost: 127.0.0.1:2000\r\n",
        "GET / HTTP/1.1\r\n",
        "POST ",
        "HEAD ",
        "OPTIONS ",
        "HTTP/1.0\r\n",
        "Host: 127.0.0.1:2000\r\n",
        "Content-Length: 3\r\n\r\n",
        'Idempotency-Key: "me/1"\r\n',
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        "Authorization: Bearer s3cret\r\n",
        "Origin: https://studio.example\r\n",
        "Access-Control-Request-Method: PUT\r\n",
        "If-None-Match: ",
        "Content-Encoding: ",
        "Content-Type: application/json\r\n",
        "Hdaemon-Segment: ",
        "Hdaemon-Messages: 2\r\n",
        "1 1\nxy",
        "/segments",
        "/mode",
        "?subscribe=1&heads=1&type=",
        "%FF%2B",
        "\r\n\r\n",
        "0\r\n\r\n",
    )
)
_RAW_WORDS = (b"print\n", b"evaluate\r\n", b"\r\n", b"token s3cret\n", b"Host:", b"\x16\x03", b"\0")
_JSON_WORDS = (b'{"a":', b"[", b"]", b"}", b"null", b"true", b"-1.5e9", b"\\ud83d\\ude00", b'\\"', b"\\u0000")
_TENSOR_WORDS = (b'{"__metadata__":{', b'"hdaemon.mesh":"1"', b'"dtype":"F32"', b'"shape":[1]', b'"data_offsets":[0,4]')
_NPY_WORDS = (b"\x93NUMPY\x01\x00", b"'descr': '<f4'", b"'fortran_order': False", b"'shape': (2,)", b"('a', '<f4')")
_GEO_WORDS = tuple(
    word.encode()
    for word in (
        "pointcount vertexcount primitivecount topology pointref indices attributes pointattributes type numeric name "
        "size storage fpreal32 values rawpagedata pagesize constantpageflags packing tuples arrays primitives run "
        "runtype Poly PolySoup Polygon_run startvertex nprimitives nvertices nvertices_rle uniformfields varyingfields "
        "vertex closed pointgroups selection unordered boolRLE strings"
    ).split()
)

PARSERS = {
    "sniffer": Parser(http_doors.check_sniffer, http_doors.read_sniffer, 32, tokens=_HTTP_WORDS + _RAW_WORDS),
    "raw": Parser(doors.check_raw, doors.read_raw, 32, tokens=_RAW_WORDS),
    "http": Parser(http_doors.check_http, http_doors.read_http, 32, tokens=_HTTP_WORDS),
    # Of the many bytes that each byte here stands for.
    "requests": Parser(http_doors.check_stream, http_doors.read_stream, 4000),
    "websocket": Parser(doors.check_websocket, doors.read_websocket, 32),
    "json": Parser(_check_json, json.decode, 32, tokens=_JSON_WORDS),  # an empty object is 3 bytes there, 72 here
    "msgpack": Parser(_check_msgpack, msgpack.decode, 128),  # and there 1 byte
    "safetensors": Parser(_check_safetensors, safetensors.decode, 40, tokens=_TENSOR_WORDS + _JSON_WORDS),
    "mesh": Parser(_check_mesh, content._tensors, 40, tokens=_TENSOR_WORDS + _JSON_WORDS),
    "npy": Parser(_check_npy, npy.decode, 3, 16 * MIB, _NPY_WORDS),  # the head: at most 64 KiB, 250 times
    "bgeo": Parser(_check_bgeo, bgeo.read, 128, 32 * MIB, _GEO_WORDS),  # `Budget`, and what the tree takes
    "geo": Parser(_check_bgeo, bgeo.read, 128, 32 * MIB, _GEO_WORDS + _JSON_WORDS),
}
