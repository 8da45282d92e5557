"""safetensors: views of the payload, each demand of the format, the limits, and the encoder."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hdaemon.content import safetensors
from hdaemon.errors import DecodeError, UsageError


def made(head: object, data: bytes = b"") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def joined(*args: Any) -> bytes:
    return b"".join(safetensors.encode(*args))


TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
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


@pytest.mark.parametrize("name", TYPES)
def test_each_type_both_ways(name: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]], TYPES[name])
    payload = made({"a": entry(name, [2, 3], 0, array.nbytes)}, array.tobytes())
    decoded = safetensors.decode(payload)["a"]
    assert decoded.dtype == array.dtype
    assert decoded.tolist() == array.tolist()
    assert not decoded.flags.writeable
    assert json.loads(joined({"a": array})[8:][:128].split(b"}}")[0] + b"}}")["a"]["dtype"] == name


def test_bf16_becomes_float32_exactly() -> None:
    halves = np.array([0x3F80, 0xC000, 0x7F80, 0x0001, 0x4049], "<u2")
    payload = made({"a": entry("BF16", [5], 0, 10), "b": entry("BF16", [], 10, 12)}, halves.tobytes() + b"\x80\x3f")
    decoded = safetensors.decode(payload)
    assert decoded["a"].dtype == np.float32
    assert decoded["a"].tolist() == [1.0, -2.0, float("inf"), 2.0**-133, 3.140625]
    assert decoded["b"].shape == ()
    assert decoded["b"] == 1.0
    assert not decoded["a"].flags.writeable
    assert safetensors.decode(made({"a": entry("BF16", [0, 3], 0, 0)}))["a"].shape == (0, 3)


def test_it_is_a_view_of_a_buffer_that_stays_held() -> None:
    payload = joined({"P": np.arange(3000.0).reshape(-1, 3), "id": np.arange(10, dtype="u1")})
    buffer = np.frombuffer(payload, np.uint8).copy()
    decoded = safetensors.decode(memoryview(buffer)[: len(payload)])
    for array in decoded.values():
        assert np.shares_memory(array, buffer)
        assert not array.flags.writeable
    held = sys.getrefcount(buffer)
    del decoded, array
    assert sys.getrefcount(buffer) < held, "who recycles buffers counts on this"


def test_metadata_and_order() -> None:
    decoded = safetensors.decode(joined({"b": np.zeros(3, "u1"), "a": np.zeros(3)}, {"hdaemon.mesh": "1", "é": "漢"}))
    assert isinstance(decoded, dict)
    assert list(decoded) == ["b", "a"]
    assert decoded.metadata == {"hdaemon.mesh": "1", "é": "漢"}
    assert safetensors.decode(joined({})).metadata == {}


def test_the_head_s_order_need_not_be_that_of_the_data() -> None:
    payload = made({"b": entry("U8", [2], 1, 3), "none": entry("U8", [0], 1, 1), "a": entry("U8", [1], 0, 1)}, b"abc")
    decoded = safetensors.decode(payload)
    assert {name: array.tobytes() for name, array in decoded.items()} == {"b": b"bc", "none": b"", "a": b"a"}


def test_padding_and_what_is_not_aligned() -> None:
    head = json.dumps({"x": entry("U8", [1], 0, 1), "a": entry("F64", [1], 1, 9)}).encode() + b"   "
    decoded = safetensors.decode(made(head, b"\x01" + np.array([1.5]).tobytes()))["a"]
    assert decoded.flags.aligned
    assert not decoded.flags.writeable
    assert decoded.tolist() == [1.5]


def test_other_keys_of_a_tensor_are_passed_over() -> None:
    assert "a" in safetensors.decode(made({"a": {**entry("U8", [0], 0, 0), "note": 1}}))


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "0 bytes are too few"),
        (bytes(7), "7 bytes are too few"),
        (bytes(8), "does not begin with {"),
        (bytes(9), "does not begin with {"),
        (b"\xff" * 8 + b"{}", "over the limit of 1048576"),
        ((2**20 + 1).to_bytes(8, "little") + b"{}", "over the limit of 1048576"),
        ((3).to_bytes(8, "little") + b"{}", "cut off: the head ends at offset 11 of 10 bytes"),
        (made(b" {}"), "does not begin with {"),
        (made(b"[]"), "does not begin with {"),
        (made(b"{"), "the head is not JSON"),
        (made(b'{"a":NaN}'), "NaN is no JSON number"),
        (made(b'{"a":1,"a":2}'), "the name 'a' is twice"),
        (made(b'{"a":' * 100), "nests deeper"),
        (made(b"{\xff}"), "not UTF-8"),
        (made({"__metadata__": []}), "not an object of strings"),
        (made({"__metadata__": {"a": 1}}), "not an object of strings"),
        (made({"__metadata__": None}), "not an object of strings"),
        (made({}, b"x"), "the tensors end at 0, but there are 1 bytes"),
        (made({"a": 1}), "the tensor 'a' is 1, and not an object"),
        (made({"a": {"dtype": "U8", "shape": []}}), "not an object with"),
        (made({"a": entry("F8_E4M3", [1], 0, 1)}, b"a"), "dtype 'F8_E4M3', which is none of F64"),
        (made({"a": entry([], [1], 0, 1)}, b"a"), "the dtype []"),
        (made({"a": entry("U8", 1, 0, 1)}, b"a"), "the shape 1,"),
        (made({"a": entry("U8", [-1], 0, 1)}, b"a"), "the shape [-1]"),
        (made({"a": entry("U8", [1.0], 0, 1)}, b"a"), "the shape [1.0]"),
        (made({"a": entry("U8", [True], 0, 1)}, b"a"), "the shape [True]"),
        (made({"a": entry("U8", [99] * 100_000, 0, 1)}, b"a"), "100000 dimensions, over the limit of 64"),
        (made({"a": entry("U8", [2**62, 2**62], 0, 1)}, b"a"), "bytes"),
        (made({"a": {**entry("U8", [1], 0, 1), "data_offsets": [0]}}, b"a"), "data_offsets [0]"),
        (made({"a": {**entry("U8", [1], 0, 1), "data_offsets": {"0": 0}}}, b"a"), "data_offsets {"),
        (made({"a": entry("U8", [1], -1, 0)}, b"a"), "data_offsets [-1, 0]"),
        (made({"a": entry("U8", [1], 1, 0)}, b"a"), "lies from 1 to 0, but [1] of U8 are 1 bytes"),
        (made({"a": entry("F32", [1], 0, 3)}, b"aaa"), "are 4 bytes"),
        (made({"a": entry("U8", [2], 0, 2)}, b"a"), "the tensors end at 2, but there are 1 bytes"),
        (made({"a": entry("U8", [1], 0, 1)}, b"ab"), "the tensors end at 1, but there are 2 bytes"),
        (made({"a": entry("U8", [1], 1, 2)}, b"ab"), ": a hole"),
        (
            made({"a": entry("U8", [1], 0, 1), "b": entry("U8", [1], 2, 3)}, b"abc"),
            "'b' begins at 2, but what comes before it ends at 1: a hole",
        ),
        (
            made({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, b"abc"),
            "'b' begins at 1, but what comes before it ends at 2: an overlap",
        ),
        (made({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 0, 2)}, b"ab"), ": an overlap"),
        (made({"a": entry("U8", [2], 0, 2), "b": entry("U8", [0], 1, 1)}, b"ab"), ": an overlap"),
        (made({"a": entry("U8", [0], 5, 5)}), ": a hole"),
        (made({"a": entry("BOOL", [2], 0, 2)}, b"\x01\x02"), "the tensor 'a' cannot be read: a truth value"),
        (made({"a": entry("U8", [2**63, 0], 0, 0)}), "numpy cannot hold"),
    ],
)
def test_refused(payload: bytes, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        safetensors.decode(payload)
    assert error in str(caught.value)
    assert "safetensors: " in str(caught.value)
    assert len(str(caught.value)) < 400


def test_too_many_tensors_are_refused_quickly() -> None:
    many = made(
        b"{" + b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(300_000)) + b"}"
    )
    begin = time.perf_counter()
    with pytest.raises(DecodeError, match="over the limit of 1048576"):
        safetensors.decode(many)
    assert time.perf_counter() - begin < 0.1
    short = made(b"{" + b",".join(b'"%d":0' % i for i in range(10_001)) + b"}")
    with pytest.raises(DecodeError, match="10001 tensors are over the limit of 10000"):
        safetensors.decode(short)


ANY_ARRAY = arrays.arrays(
    st.sampled_from([*TYPES.values(), ">f4", ">i2"]), arrays.array_shapes(min_dims=0, min_side=0, max_dims=4)
)


@given(
    st.dictionaries(st.text().filter(lambda name: name != "__metadata__"), ANY_ARRAY, max_size=5), st.integers(0, 99)
)
def test_round_trip(value: dict[str, np.ndarray], cut: int) -> None:
    payload = joined(value)
    decoded = safetensors.decode(payload)
    assert list(decoded) == list(value)
    for name, array in value.items():
        assert decoded[name].shape == array.shape
        assert decoded[name].dtype == array.dtype.newbyteorder("<")
        assert decoded[name].tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
    with pytest.raises(DecodeError):
        safetensors.decode(payload[: min(cut, len(payload) - 1)])
    with pytest.raises(DecodeError):
        safetensors.decode(payload + b"x")


@given(st.binary(max_size=100), st.integers(-2, 2))
def test_random_heads(text: bytes, more: int) -> None:
    with pytest.raises(DecodeError):
        safetensors.decode(max(0, len(text) + more).to_bytes(8, "little") + text)


def test_encode_copies_nothing_and_aligns_everything() -> None:
    points = np.arange(300, dtype="f4").reshape(-1, 3)
    value = {"odd": np.zeros(3, "u1"), "P": points, "d": np.zeros(5), "s": np.zeros(1, "i2"), "none": np.zeros(0)}
    buffers = safetensors.encode(value)
    assert any(np.shares_memory(np.frombuffer(buffer, np.uint8), points) for buffer in buffers)
    assert len(buffers[0]) % safetensors.ALIGNMENT == 0
    start = len(buffers[0])
    decoded = safetensors.decode(b"".join(buffers))
    at = {name: array.__array_interface__["data"][0] for name, array in decoded.items() if array.size}
    first = min(at.values())
    assert first == at["d"]
    assert all((address - first + start) % decoded[name].itemsize == 0 for name, address in at.items())


def test_encode_takes_what_numpy_takes() -> None:
    grid = np.arange(12.0).reshape(3, 4)
    decoded = safetensors.decode(joined({"view": grid[:, ::2], "fortran": grid.T, "list": [1.5, 2.5], "one": 3.5}))
    assert decoded["view"].tolist() == grid[:, ::2].tolist()
    assert decoded["fortran"].tolist() == grid.T.tolist()
    assert decoded["list"].tolist() == [1.5, 2.5]
    assert decoded["one"].shape == ()


@pytest.mark.parametrize(
    ("value", "metadata", "error"),
    [
        ({"a": np.zeros(1, complex)}, None, "the array 'a' is of type complex128: safetensors has F64"),
        ({"a": np.array(["x"])}, None, "of type <U1"),
        ({"a": np.array([None])}, None, "of type object"),
        ({5: np.zeros(1)}, None, "5 cannot be the name"),
        ({"__metadata__": np.zeros(1)}, None, "cannot be the name"),
        ({"\ud800": np.zeros(1)}, None, "cannot be written as UTF-8"),
        ({}, {"a": 1}, "str to str"),
        ({str(i): 0.5 for i in range(10_001)}, None, "over the limit of 10000"),
        ({}, {"a": "x" * 2**20}, "over the limit of 1048576"),
    ],
)
def test_encode_refuses(value: dict[Any, Any], metadata: Any, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        safetensors.encode(value, metadata)
    assert error in str(caught.value)


def test_without_numpy_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = joined({"a": np.zeros(1)})
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(DecodeError, match="pip install numpy"):
        safetensors.decode(payload)
