"""Small payloads that would become much, or take long: each is refused within 100 ms and 32 MB."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import tries

from hdaemon import content
from hdaemon.content import bgeo_binary, bgeo_encode
from hdaemon.errors import DecodeError

MAX_S = 0.1
MAX_MEMORY = 32 * 1024 * 1024
DEEP = 100_000

MAGIC = bgeo_binary.MAGIC
HUGE = b"\xf8" + struct.pack("<Q", 1 << 63)


def tensors(head: object) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text


def empty(count: int) -> bytes:
    entry = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return b"{" + b",".join(entry % number for number in range(count)) + b"}"


def one(**fields: Any) -> bytes:
    return tensors({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1], **fields}})


def npy(head: str) -> bytes:
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(head)) + head.encode()


def array(descr: str, shape: str) -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")


def tree(*parts: Any) -> bytes:
    return b"".join(bgeo_encode.binary_parts(list(parts)))


def points(count: int, *attributes: Any) -> bytes:
    counts = ("pointcount", count, "vertexcount", 0, "primitivecount", 0)
    return tree(*counts, "attributes", ["pointattributes", list(attributes)])


def constant(name: str, size: int, pages: int, page_size: int) -> Any:
    """Return an attribute with one value for each page."""
    values = ["size", size, "storage", "fpreal32", "pagesize", page_size]
    values += ["constantpageflags", [np.ones(pages, np.bool_)], "rawpagedata", np.zeros(pages * size, "<f4")]
    return [["type", "numeric", "name", name], ["size", size, "values", values]]


def runs(count: int) -> bytes:
    fields = ["s_v", 0, "n_p", count, "r_v", np.array([1, (1 << 31) - 1], "<i4")]
    return tree("pointcount", 1, "vertexcount", 0, "primitivecount", count, "primitives", [[["type", "p_r"], fields]])


BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "300,000 empty tensors": (content.SAFETENSORS, lambda: tensors(empty(300_000)), "over the limit of 1048576"),
    "as many as a head holds": (content.SAFETENSORS, lambda: tensors(empty(18_000)), "18000 tensors are over"),
    "a tensor too many": (content.SAFETENSORS, lambda: tensors(empty(10_001)), "10001 tensors are over"),
    "tensors of nothing": (
        content.SAFETENSORS,
        lambda: tensors(b"{" + b",".join(b'"%d":0' % number for number in range(95_000)) + b"}"),
        "95000 tensors are over",
    ),
    "a deep head": (content.SAFETENSORS, lambda: tensors(b'{"a":' + b"[" * 1_000_000), "deeper than 64"),
    "a head deep at its end": (
        content.SAFETENSORS,
        lambda: tensors(b'{"a":[' + b"[]," * 340_000 + b"[" * 70),
        "deeper than 64",
    ),
    "a head of 2^63": (content.SAFETENSORS, lambda: struct.pack("<Q", 1 << 63) + b"{}", "over the limit"),
    "a head of 2^64 - 1": (content.SAFETENSORS, lambda: b"\xff" * 8 + b"{}", "over the limit"),
    "a tensor of 2^63": (
        content.SAFETENSORS,
        lambda: one(shape=[1 << 63], data_offsets=[0, 1 << 63]),
        "end at 9223372036854775808, but there are 0",
    ),
    "extents of 4000 digits": (content.SAFETENSORS, lambda: one(shape=[10**4000 - 1] * 60), "not a list of sizes"),
    "300,000 extents": (content.SAFETENSORS, lambda: one(shape=[1] * 300_000), "300000 dimensions"),
    "nothing, often": (content.SAFETENSORS, lambda: one(shape=[0, 1 << 62, 1 << 62], data_offsets=[0, 0]), "cannot"),
    "deep JSON": (content.JSON, lambda: b"[" * DEEP, "deeper than 64"),
    "deep JSON that ends": (content.JSON, lambda: b"[" * DEEP + b"]" * DEEP, "deeper than 64"),
    "deep objects": (content.JSON, lambda: b'{"a":' * DEEP, "deeper than 64"),
    "JSON deep at its end": (content.JSON, lambda: b"[" + b"[]," * 349_000 + b"[" * 70, "deeper than 64"),
    "an integer of a million digits": (content.JSON, lambda: b"9" * 1_000_000, "more than 4300 digits"),
    "a float of 400,000 digits": (content.JSON, lambda: b"1" * 400_000 + b"e9", "more than 4300 digits"),
    "a long number among texts": (content.JSON, lambda: b'["1",' + b"1" * 300_000 + b".5]", "column 6"),
    "a million quotes": (content.JSON, lambda: b'"' * 1_000_000, "extra data"),
    "escapes, and half of one": (content.JSON, lambda: b'["' + b"\\ud83d\\ude00" * 50_000 + b'\\ud83d"]', "half of"),
    "deep MessagePack": (content.MSGPACK, lambda: b"\x91" * DEEP, "deeper than 64"),
    "an array of 2^32 - 1": (content.MSGPACK, lambda: b"\xdd" + b"\xff" * 4, "4294967295 more values"),
    "a map of 2^32 - 1": (content.MSGPACK, lambda: b"\xdf" + b"\xff" * 4, "8589934590 more values"),
    "bytes of 2^32 - 1": (content.MSGPACK, lambda: b"\xc6" + b"\xff" * 4, "cut off"),
    "large arrays in each other": (
        content.MSGPACK,
        lambda: b"\xdd\x00\x0f\x00\x00" * 64 + b"\xc0" * 1_000_000,
        "more values are announced",
    ),
    "an npy head of 2^32 - 1": (content.NPY, lambda: b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b"{}", "over the limit"),
    "a deep npy head": (content.NPY, lambda: npy("{'descr': " + "(" * 60_000), "deeper than 64"),
    "an npy of 2^63": (content.NPY, lambda: array("'<f4'", f"({1 << 63},)"), "0 bytes follow"),
    "30,000 dimensions": (content.NPY, lambda: array("'<f4'", "(" + "1," * 30_000 + ")"), "15000 words and signs"),
    "10,000 dimensions": (content.NPY, lambda: array("'<f4'", "(" + "1," * 10_000 + ")"), "15000 words and signs"),
    "7,000 dimensions": (content.NPY, lambda: array("'<f4'", "(" + "1," * 7_000 + ")"), "7000 dimensions"),
    "items of no bytes": (content.NPY, lambda: array("'|V0'", f"({10**18},)"), "have no bytes"),
    "4,000 fields": (
        content.NPY,
        lambda: array("[" + "".join(f"('{number}', '<f4')," for number in range(4000)) + "]", "(1,)"),
        "15000 words and signs",
    ),
    "2,000 fields": (
        content.NPY,
        lambda: array("[" + "".join(f"('{number}', '<f4')," for number in range(2000)) + "]", "(1,)"),
        "0 bytes follow",
    ),
    "fields of 10^12": (content.NPY, lambda: array("[('a', '<f4', (1000000, 1000000))]", "(0,)"), "no type"),
    "deep geometry": (content.BGEO, lambda: MAGIC + b"[" * DEEP, "deeper than 64"),
    "deep objects of geometry": (content.BGEO, lambda: MAGIC + b"{\x27\x01a" * DEEP, "deeper than 64"),
    "deep ASCII geometry": (content.BGEO, lambda: b"[" * DEEP, "deeper than 64"),
    "numbers of 2^63": (content.BGEO, lambda: MAGIC + b"[\x40\x13" + HUGE, "cut off"),
    "bits of 2^63": (content.BGEO, lambda: MAGIC + b"[\x40\x10" + HUGE, "cut off"),
    "strings of 2^63": (content.BGEO, lambda: MAGIC + b"[\x40\x27" + HUGE, "cut off"),
    "a string of 2^63": (content.BGEO, lambda: MAGIC + b"[\x27" + HUGE, "cut off"),
    "2^63 - 1 points": (content.BGEO, lambda: points((1 << 63) - 1), "no point attribute P"),
    "a page too few": (content.BGEO, lambda: points(1024_000, constant("P", 3, 999, 1024)), "its 1000 pages"),
    "a page too many": (content.BGEO, lambda: points(1024_000, constant("P", 3, 1001, 1024)), "its 1000 pages"),
    "one value for 100 million": (
        content.BGEO,
        lambda: points(100_000_000, constant("P", 3, 1, 100_000_000)),
        "pass the limit",
    ),
    "one value for a million, often": (
        content.BGEO,
        lambda: points(1_000_000, *(constant(f"a{number}", 1, 1, 1_000_000) for number in range(16))),
        "pass the limit",
    ),
    "a page for each point": (
        content.BGEO,
        lambda: points(400_000, constant("a", 1, 400_000, 1)),
        "no point attribute P",
    ),
    "2^40 polygons": (content.BGEO, lambda: runs(1 << 40), "polygons are due"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    content_type, make, error = BOMBS[name]
    payload = make()
    best = 1.0
    for _ in range(tries(3)):  # of the processor's time, the best
        began = time.thread_time()
        with pytest.raises(DecodeError, match=error):
            content.decode(content_type, payload)
        best = min(best, time.thread_time() - began)
        if best < MAX_S:
            break
    assert best < MAX_S
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            content.decode(content_type, payload)
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [b"\x31", b"\x5b\x5d", b"\x7b\x7d", b"\x11\x01", b"\x27\x01a", b"\x40\x11\x00", b"\x2b\x00\x01a", b"\x2d\x00"],
    ids=["true", "list", "object", "number", "string", "array", "definition", "forgotten"],
)
def test_whatever_geometry_is_full_of_is_counted(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise 20 MB of it take many seconds."""
    monkeypatch.setattr(bgeo_binary, "MAX_VALUES", 1000)
    with pytest.raises(DecodeError, match=f"more than 1000 values .* offset [0-9]+ of {1001 * len(value) + 7} bytes"):
        bgeo_binary.decode(memoryview(MAGIC + b"\x5b" + value * 1001 + b"\x5d"))
