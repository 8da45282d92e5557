"""What takes the most memory for its size, of each parser: within the factor that is stated in parsers.py.

Random bytes do not come upon these. Each is what a parser takes whole and makes the most of.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from frames import BINARY, PING, TEXT, frame
from hostile.parsers import CORPUS, PARSERS, check_memory

from hdaemon.content import bgeo_binary, bgeo_encode
from hdaemon.errors import DecodeError

COUNT = 10_000
ARRAY = b"\xdd" + struct.pack("!I", COUNT)
HOST = b"Host: 127.0.0.1:2000\r\n"
REQUEST = b" HTTP/1.1\r\n" + HOST
CHUNKED = b"PUT /channels/0" + REQUEST + b"Transfer-Encoding: chunked\r\n\r\n"


def jsons(item: bytes) -> bytes:
    return b"[" + item * COUNT + b"0]"


def tensors(head: dict[str, Any] | bytes, data: bytes = b"") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data


def mesh(more: dict[str, tuple[str, list[int], bytes]], notes: list[str] | None = None) -> bytes:
    said = {"hdaemon.mesh": "1", "winding": "clockwise", "up": "Y", "metres_per_unit": "1"}
    if notes is not None:
        said["notes"] = json.dumps(notes)
    head: dict[str, Any] = {"__metadata__": said}
    data = b""
    for name, (dtype, shape, raw) in {"P": ("F32", [0, 3], b""), **more}.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return tensors(head, data)


def texts(raw: bytes) -> bytes:
    return mesh({"strings/detail/a": ("U8", [len(raw)], raw), "detail/a": ("U8", [1], b"\0")})


def npy(fields: str, items: int) -> bytes:
    head = f"{{'descr': {fields}, 'fortran_order': False, 'shape': (1,)}}".encode()
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head)) + head + bytes(items)


def tree(*parts: Any) -> bytes:
    return b"".join(bgeo_encode.binary_parts(list(parts)))


def pages(count: int, page_size: int) -> bytes:
    """Return points that are all at one place: a value for each page."""
    number = -(-count // page_size)
    values = ["size", 3, "storage", "fpreal32", "pagesize", page_size]
    values += ["constantpageflags", [np.ones(number, np.bool_)], "rawpagedata", np.zeros(3 * number, "<f4")]
    attribute = [["type", "numeric", "name", "P"], ["size", 3, "values", values]]
    counts = ("pointcount", count, "vertexcount", 0, "primitivecount", 0)
    return tree(*counts, "attributes", ["pointattributes", [attribute]])


def polygons(count: int) -> bytes:
    """Return polygons of one vertex, which a run of two numbers makes."""
    run = ["s_v", 0, "n_p", count, "r_v", np.array([1, count], "<i4")]
    place = ["size", 3, "storage", "fpreal32", "rawpagedata", np.zeros(3, "<f4"), "pagesize", 1024]
    attribute = [["type", "numeric", "name", "P"], ["size", 3, "values", place]]
    counts = ("pointcount", 1, "vertexcount", count, "primitivecount", count)
    topology = ("topology", ["pointref", ["indices", np.zeros(count, "i1")]])
    attributes = ("attributes", ["pointattributes", [attribute]])
    return tree(*counts, *topology, *attributes, "primitives", [[["type", "p_r"], run]])


MAGIC = bgeo_binary.MAGIC

WORST: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty objects": ("json", lambda: jsons(b"{},")),
    "empty lists": ("json", lambda: jsons(b"[],")),
    "small objects": ("json", lambda: jsons(b'{"a":1},')),
    "short texts": ("json", lambda: jsons('"Ā",'.encode())),
    "floats": ("json", lambda: jsons(b"1e1,")),
    "names": ("json", lambda: b"{" + b",".join(b'"%x":0' % number for number in range(COUNT)) + b"}"),
    "a wide character": ("json", lambda: b'["' + "😀".encode() + b"x" * 8 * COUNT + b'"]'),
    "empty maps": ("msgpack", lambda: ARRAY + b"\x80" * COUNT),
    "empty arrays": ("msgpack", lambda: ARRAY + b"\x90" * COUNT),
    "maps of a map": ("msgpack", lambda: ARRAY + b"\x81\0\x80" * COUNT),
    "extensions": ("msgpack", lambda: ARRAY + b"\xc7\0\1" * COUNT),
    "timestamps": ("msgpack", lambda: ARRAY + b"\xd6\xff\0\0\0\0" * COUNT),
    "empty tensors": (
        "safetensors",
        lambda: tensors(
            b"{"
            + b",".join(b'"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % number for number in range(3000))
            + b"}"
        ),
    ),
    "tensors that are none": (
        "safetensors",
        lambda: tensors(b"{" + b",".join(b'"%x":{}' % number for number in range(20_000)) + b"}"),
    ),
    "halves": (
        "safetensors",
        lambda: tensors({"a": {"dtype": "BF16", "shape": [9**6], "data_offsets": [0, 2 * 9**6]}}, bytes(2 * 9**6)),
    ),
    "bytes that become integers": ("mesh", lambda: mesh({"detail/a": ("U8", [9**6], bytes(9**6))})),
    "strings of two letters": ("mesh", lambda: texts(b"ab\0" * COUNT)),
    "strings of one letter": ("mesh", lambda: texts("Ā\0".encode() * COUNT)),
    "empty strings": ("mesh", lambda: texts(b"\0" * 9**6)),
    "notes": ("mesh", lambda: mesh({}, [""] * COUNT)),
    "fields": ("npy", lambda: npy("[" + "".join(f"('{number:x}','u1')," for number in range(3700)) + "]", 3700)),
    "an array": ("npy", lambda: npy(f"('|u1', ({9**6},))", 9**6)),
    "lists": ("bgeo", lambda: MAGIC + b"[" + b"\x5b\x5d" * COUNT + b"]"),
    "objects": ("bgeo", lambda: MAGIC + b"[" + b"\x7b\x7d" * COUNT + b"]"),
    "arrays of nothing": ("bgeo", lambda: MAGIC + b"[" + b"\x40\x11\0" * COUNT + b"]"),
    "pages of one value": ("bgeo", lambda: pages(80_000, 1024)),
    "one page": ("bgeo", lambda: pages(200_000, 200_000)),
    "polygons of one vertex": ("bgeo", lambda: polygons(9**6)),
    "lists in ASCII": ("geo", lambda: jsons(b"[],")),
    "objects in ASCII": ("geo", lambda: jsons(b"{},")),
    "words": ("raw", lambda: b"print\n" * COUNT),
    "words and lines": ("raw", lambda: b"print\na\n" * COUNT),
    "short first bytes": ("sniffer", lambda: b"\n" * COUNT),
    "requests": ("http", lambda: (b"GET /" + REQUEST + b"\r\n" + b"GET /a" + REQUEST + b"\r\n") * 500),
    "headers": ("http", lambda: (b"GET /" + REQUEST + b"a:\r\n" * 100 + b"\r\n") * 50),
    "chunks": ("http", lambda: CHUNKED + b"1\r\nx\r\n" * 1990 + b"0\r\n\r\n"),
    "blank lines": ("http", lambda: b"\r\n" * 9**6),
    "pings": ("websocket", lambda: frame(PING) * COUNT),
    "empty messages": ("websocket", lambda: frame(TEXT) * COUNT),
    "messages of nothing": ("websocket", lambda: frame(BINARY) * COUNT),
    "mode words": ("websocket", lambda: frame(TEXT, b"print") * COUNT),
}


@pytest.mark.parametrize("case", WORST)
def test_the_worst_is_within_what_is_stated(case: str) -> None:
    name, make = WORST[case]
    parser, data = PARSERS[name], make()
    with suppress(DecodeError):  # what is imported and remembered once does not count
        parser.read(min((CORPUS / name).iterdir()).read_bytes())
    check_memory(parser, data)


def test_every_parser_has_its_worst() -> None:
    assert {name for name, _ in WORST.values()} | {"requests"} == set(PARSERS)
