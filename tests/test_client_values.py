"""`hdaemon.client`: Python's values as payloads and back, judged by the server's own decoders and by numpy."""

from __future__ import annotations

import array
import io
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from hdaemon import content
from hdaemon.client import BadValue, Client, Message, _encode

SAFETENSORS = "application/vnd.safetensors"
NPY = "application/x-npy"


def encoded(value: Any, wanted: str | None = None) -> tuple[str, bytes]:
    kind, parts, _ = _encode(value, wanted)
    return kind, b"".join(parts)


ARRAYS = [
    numpy.zeros(0, "f4"),
    numpy.array(3.5),
    numpy.arange(24).reshape(2, 3, 4),
    numpy.asfortranarray(numpy.arange(6).reshape(2, 3)),
    numpy.arange(10)[::2],
    numpy.arange(12).reshape(3, 4).T[1:],
    numpy.arange(3, dtype=">i4"),
    numpy.array([True, False]),
    numpy.arange(3, dtype="f2"),
    numpy.zeros((3, 0), "u1"),
]


@pytest.mark.parametrize("value", ARRAYS, ids=lambda value: f"{value.dtype}{value.shape}")
def test_arrays(value: Any) -> None:
    kind, payload = encoded(value)
    assert kind == NPY
    loaded = numpy.load(io.BytesIO(payload), allow_pickle=False)
    assert loaded.dtype == value.dtype
    assert (payload.index(b"\n") + 1) % 64 == 0  # where the data begin
    for data in (loaded, content.decode(NPY, payload), Message("", NPY, payload, 1).data):
        assert numpy.array_equal(data, value)
    kind, payload = encoded({"x": value, "b": numpy.ones(3, "u1")})
    assert kind == SAFETENSORS
    assert (8 + struct.unpack("<Q", payload[:8])[0]) % 64 == 0
    for data in (content.decode(SAFETENSORS, payload), Message("", SAFETENSORS, payload, 1).data):
        assert numpy.array_equal(data["x"], value)
        assert (data["x"].shape, list(data)) == (value.shape, ["x", "b"])


@pytest.mark.parametrize(
    "value",
    [numpy.array(["ab", "c"]), numpy.zeros(2, [("a", "f4"), ("b", "u1")]), numpy.array(["2026-01-01"], "M8[D]")],
)
def test_other_types_of_arrays(value: Any) -> None:
    payload = encoded(value)[1]
    assert numpy.array_equal(content.decode(NPY, payload), value)
    assert numpy.array_equal(Message("", NPY, payload, 1).data, value)


def test_heads_that_were_written_before_are_those_of_arrays_that_are_alike() -> None:
    values = [
        numpy.zeros((2, 3), "f4"),
        numpy.zeros((3, 2), "f4"),
        numpy.asfortranarray(numpy.zeros((2, 3), "f4")),
        numpy.zeros((2, 3), "<i4"),
        numpy.zeros((2, 3), ">i4"),
        numpy.zeros((2, 3), "u4"),
        numpy.zeros(6, [("a", "f4"), ("b", "f4")]),
        numpy.zeros(6, [("a", "f4"), ("c", "f4")]),
        numpy.zeros(6, numpy.dtype([("a", "i1"), ("b", "f4")], align=True)),
        numpy.zeros(6, [("a", "i1"), ("b", "f4")]),
    ]
    for value in values * 2:
        loaded = numpy.load(io.BytesIO(encoded(value)[1]), allow_pickle=False)
        assert (loaded.dtype, loaded.shape) == (value.dtype, value.shape)
        assert loaded.flags.f_contiguous == value.flags.f_contiguous
    values[6].dtype.names = ("x", "y")  # a type of this kind can be changed
    for value, names in ((values[6], ("x", "y")), (numpy.zeros(6, [("a", "f4"), ("b", "f4")]), ("a", "b"))):
        assert numpy.load(io.BytesIO(encoded(value)[1]), allow_pickle=False).dtype.names == names


def test_the_memory_of_an_array_is_sent_itself() -> None:
    value = numpy.arange(1000, dtype="f4")
    for parts in (_encode(value, None)[1], _encode({"a": value}, None)[1]):
        assert isinstance(parts[-1], memoryview)
        assert numpy.shares_memory(numpy.frombuffer(parts[-1], "f4"), value)


@pytest.mark.parametrize(
    ("value", "wanted", "kind", "payload"),
    [
        ("a", "application/json", "application/json", b'"a"'),
        ({"a": 1}, "application/x-camera+json", "application/x-camera+json", b'{"a":1}'),
        (numpy.float32(1.5), None, "application/json", b"1.5"),
        ({"n": numpy.int64(3), "b": numpy.bool_(True)}, None, "application/json", b'{"n":3,"b":true}'),
        ("\u00e9", "text/plain; charset=utf-8", "text/plain; charset=utf-8", b"\xc3\xa9"),
        (array.array("H", [1, 2]), None, "application/octet-stream", struct.pack("=2H", 1, 2)),
        (memoryview(b"abcdef")[::2], None, "application/octet-stream", b"ace"),
        (memoryview(b""), None, "application/octet-stream", b""),
        (numpy.arange(2, dtype="<u2"), "application/x-raw", "application/x-raw", b"\0\0\1\0"),
    ],
)
def test_what_is_made_of_a_value(value: Any, wanted: str | None, kind: str, payload: bytes) -> None:
    assert encoded(value, wanted) == (kind, payload)


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        (math.nan, None, "cannot be written as JSON: Out of range"),
        ([math.inf], None, "cannot be written as JSON: Out of range"),
        (LOOP, None, "cannot be written as JSON: Circular"),
        ({"a": object()}, None, "an object of type object, which JSON has not"),
        (
            {"a": [numpy.zeros(2)]},
            None,
            r"an array inside JSON: send a dict of nothing but arrays, or array.tolist\(\)",
        ),
        ({"a": numpy.zeros(2), "b": 1}, None, "'b' is a int among arrays"),
        ({1: numpy.zeros(2)}, None, "1 cannot be the name of an array"),
        ({"a": numpy.zeros(2, "c8")}, None, "the array 'a' is of type complex64: safetensors has F64"),
        ({str(i): numpy.zeros(1) for i in range(10001)}, None, "10001 arrays are over the limit of 10000"),
        ({"x" * 2_000_000: numpy.zeros(1)}, None, "over the limit of 1048576"),
        (numpy.array([object()]), None, "an array of type object cannot be sent"),
        (object(), None, "an object of type object cannot be sent: give str, bytes"),
        ({"a": 1}, "application/x-own", "an object of type dict cannot be sent as application/x-own"),
        ({1, 2}, None, "an object of type set cannot be sent"),
        ("\ud800", None, "cannot be written as UTF-8"),
        ({"a": "\ud800"}, None, "cannot be written as UTF-8"),
        (b"", "nonsense", "content type 'nonsense' is not a media type"),
        (b"", "a/b\r\nHost: x", "is not a media type"),
    ],
)
def test_what_cannot_be_sent(value: Any, wanted: str | None, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        encoded(value, wanted)


@pytest.mark.parametrize("name", ["", "x" * 257, "\u00e9" * 129, "a/+/b", "a/#", "a\nb", "a\0", "\ud800"])
def test_names_that_no_channel_has(name: str) -> None:
    with pytest.raises(BadValue, match="channel name|UTF-8"):
        Client()._quoted(name)


@pytest.mark.parametrize(
    "options",
    [
        {"port": 0},
        {"port": 70000},
        {"port": "2000"},
        {"token": ""},
        {"token": "a\r\nb"},
        {"window": 0},
        {"timeout_s": 0},
    ],
)
def test_what_a_client_is_not_made_with(options: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        Client(**options)


text = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_json_is_what_the_server_takes(value: Any) -> None:
    payload = encoded(value, "application/json")[1]
    assert content.decode("application/json", payload) == value
    assert Message("", "application/json", payload, 1).data == json.loads(payload)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("text/plain", b"\xff"),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        (NPY, b"nothing"),
        (NPY, encoded(numpy.arange(5))[1][:-1]),
        (SAFETENSORS, b"123"),
        (SAFETENSORS, b"\xff" * 20),
        (SAFETENSORS, encoded({"a": numpy.arange(5)})[1][:-8]),
        (SAFETENSORS, struct.pack("<Q", 2) + b"[]"),
        (SAFETENSORS, struct.pack("<Q", 8) + b'{"a":[]}'),
    ],
)
def test_what_does_not_decode_stays_bytes(kind: str, payload: bytes) -> None:
    message = Message("", kind, payload, 1)
    assert message.data == payload
    assert str(message.error).startswith(f"it does not decode as {kind}: ")


def test_bfloat16() -> None:
    head = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    payload = struct.pack("<Q", len(head)) + head + struct.pack("<2H", 0x3F80, 0xC000)
    assert Message("", SAFETENSORS, payload, 1).data["a"].tolist() == [1.0, -2.0]


def test_pickle_is_never_read() -> None:
    made = io.BytesIO()
    numpy.save(made, numpy.array([{}]), allow_pickle=True)
    message = Message("", NPY, made.getvalue(), 1)
    assert isinstance(message.data, bytes)
    assert "never read" in str(message.error)


def test_numpy_is_imported_for_arrays_only(tmp_path: Path) -> None:
    """The file alone, without hdaemon and without numpy's being imported."""
    (tmp_path / "client.py").write_bytes((ROOT / "hdaemon" / "client.py").read_bytes())
    code = (
        "import sys, client\n"
        "client._encode({'a': [1]}, None), client.Client()\n"
        "client.Message('', 'application/json', b'{}', 1).data\n"
        "assert 'numpy' not in sys.modules and 'hdaemon' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONSAFEPATH": ""},  # the folder it runs in is what it is about
        timeout=30,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
