"""Binary JSON: each kind of value, what is cut off or wrong, both byte orders, and the limits."""

from __future__ import annotations

import struct
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.content import bgeo_binary, bgeo_encode
from hdaemon.errors import DecodeError

M = bgeo_binary.MAGIC
BIG = bgeo_binary.BIG_MAGIC


def decode(data: bytes, magic: bytes = M) -> Any:
    return bgeo_binary.decode(memoryview(magic + data))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", None),
        (b"\x30", False),
        (b"\x31", True),
        (b"\x10\x01", True),
        (b"\x10\x00", False),
        (b"\x11\xff", -1),
        (b"\x12\x00\x04", 1024),
        (b"\x13\xff\xff\xff\xff", -1),
        (b"\x14" + struct.pack("<q", -(2**40)), -(2**40)),
        (b"\x21\xff", 255),
        (b"\x22\xff\xff", 65535),
        (b"\x18\x00\x3c", 1.0),
        (b"\x19" + struct.pack("<f", 1.5), 1.5),
        (b"\x1a" + struct.pack("<d", 0.1), 0.1),
        (b"\x27\x03\xc3\xa9a", "éa"),
        (b"\x27\xf2\x02\x00ab", "ab"),
        (b"\x27\xf4\x02\x00\x00\x00ab", "ab"),
        (b"\x27\xf8\x02\x00\x00\x00\x00\x00\x00\x00ab", "ab"),
        (b"\x2b\x00\x01a\x26\x00", "a"),
        (b"[]", []),
        (b"{}", {}),
        (b"[\x11\x01[\x30]{\x27\x01a\x11\x02}]", [1, [False], {"a": 2}]),
        (b"[\x2b\x05\x01a\x26\x05\x2b\x05\x01b\x26\x05]", ["a", "b"]),
        (b"{\x2b\x00\x01k\x26\x00\x2b\x01\x01v\x26\x01}", {"k": "v"}),
        (b"[\x2b\x00\x01a]", []),
        (b"\x40\x27\x02\x01a\x00", ["a", ""]),
        (b"[\x2b\x00\x01a\x40\x26\x02\x00\x00]", [["a", "a"]]),
    ],
)
def test_each_value(data: bytes, value: Any) -> None:
    found = decode(data)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", bgeo_binary.UNIFORM)
def test_each_array_in_both_byte_orders(kind: int, order: str) -> None:
    name = bgeo_binary.UNIFORM[kind]
    values = np.array([0, 1, 100], order + name)
    found = decode(bytes([0x40, kind, 3]) + values.tobytes(), M if order == "<" else BIG)
    assert found.dtype == np.dtype("<" + name)
    assert found.tolist() == [0, 1, 100]


def test_an_array_is_a_view_where_it_is_aligned() -> None:
    payload = M + b"\x40\x21\x04abcd"
    buffer = np.frombuffer(payload, np.uint8)
    assert np.shares_memory(bgeo_binary.decode(memoryview(buffer)), buffer)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_truth_values_are_bits_in_words_of_32(count: int) -> None:
    flags = np.arange(count) % 3 == 0
    words = [sum(1 << bit for bit, flag in enumerate(flags[at : at + 32]) if flag) for at in range(0, count, 32)]
    for order, magic in (("<", M), (">", BIG)):
        data = bytes([0x40, 0x10, count]) + struct.pack(f"{order}{len(words)}I", *words)
        found = decode(data, magic)
        assert found.dtype == np.bool_
        assert found.tolist() == flags.tolist()
    assert b"".join(bgeo_encode.binary_parts(flags)) == M + bytes([0x40, 0x10, count]) + struct.pack(
        f"<{len(words)}I", *words
    )


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "it is cut off: a value is missing at offset 5 of 5 bytes"),
        (b"\x11", "a number needs 1 bytes, and 0 are left"),
        (b"\x14abc", "a number needs 8 bytes, and 3 are left"),
        (b"\x27", "a length needs 1 bytes"),
        (b"\x27\x05abc", "a string needs 5 bytes, and 3 are left"),
        (b"\x27\xf1", "0xf1 begins no length at offset 6"),
        (b"\x27\xf3", "0xf3 begins no length"),
        (b"\x27\xff", "0xff begins no length"),
        (b"\x27\xf2\x01", "a length needs 2 bytes, and 1 are left"),
        (b"\x27\xf8" + b"\xff" * 8, "a string needs 18446744073709551615 bytes"),
        (b"\x27\x02\xff\xff", "a string is not UTF-8: byte 0xff at offset 7"),
        (b"\x26\x00", "the string 0 is named and was not defined"),
        (b"[\x2b\x00\x01a\x2d\x00\x26\x00]", "the string 0 is named and was not defined"),
        (b"\x2b\x00\x01a", "a value is missing"),
        (b"[", "a value is missing"),
        (b"[\x11\x01", "a value is missing"),
        (b"]", "it ends an array that it did not begin"),
        (b"}", "it ends an array that it did not begin"),
        (b"[}", "} ends the array that begins at 5"),
        (b"{]", "a name in the object that begins at 5 is no string"),
        (b"{\x11\x01\x11\x01}", "is no string"),
        (b"{\x27\x01a}", "'a' has no value"),
        (b"{\x27\x01a]", "'a' has no value"),
        (b"{\x27\x01a\x11\x01\x27\x01a\x11\x02}", "'a' is twice in one object"),
        (b"[]\x00", "1 bytes follow the geometry"),
        (b"\x01", "0x01 begins no value at offset 5"),
        (b"\x7f", "0x7f begins no value"),
        (b"\x10\x02", "a truth value is 2"),
        (b"\x40", "the type of an array needs 1 bytes"),
        (b"\x40\x30\x01", "0x30 is no type of an array"),
        (b"\x40\x19\x02abcd", "an array of 2 f4 needs 8 bytes, and 4 are left"),
        (b"\x40\x19\xf8" + b"\xff" * 8, "an array of 18446744073709551615 f4"),
        (b"\x40\x10\xf8" + b"\xff" * 8, "an array of 18446744073709551615 truth values"),
        (b"\x40\x27\xf4\xff\xff\xff\x7f", "an array of 2147483647 strings"),
        (b"\x40\x26\x01\x09", "the string 9 is named"),
        (b"[" * 65 + b"]" * 65, "it nests deeper than 64 levels at offset 69"),
        (b"{\x27\x01a" * 65, "it nests deeper than 64 levels"),
    ],
)
def test_refused(data: bytes, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(data)
    assert error in str(caught.value)
    assert str(caught.value).startswith("not bgeo: ")
    assert len(str(caught.value)) < 250


def test_nesting_up_to_the_limit() -> None:
    assert decode(b"[" * 64 + b"]" * 64)


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgeo_binary, "MAX_VALUES", 100)
    assert len(decode(b"[" + b"\x30" * 99 + b"]")) == 99
    assert len(decode(b"[" + b"[]" * 49 + b"]")) == 49
    for data in (b"[" + b"\x30" * 100 + b"]", b"\x40\x27\x65" + b"\x00" * 101, b"[" + b"[]" * 50 + b"]"):
        with pytest.raises(DecodeError, match="more than 100 values"):
            decode(data)


@pytest.mark.parametrize("part", [b"[]", b"{}", b"\x27\x02ab", b"\x00", b"\x1a" + b"a" * 8, b"\x40\x19\x00"])
def test_memory_is_a_small_multiple_of_the_payload(part: bytes) -> None:
    payload = memoryview(M + b"[" + part * (200_000 // len(part)) + b"]")
    tracemalloc.start()
    try:
        tree = bgeo_binary.decode(payload)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert tree
    assert peak < 45 * len(payload) + 100_000


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_an_error(data: bytes) -> None:
    began = time.perf_counter()
    try:
        decode(data)
    except DecodeError:
        pass
    assert time.perf_counter() - began < 1


TREES: Any = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=300)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@given(TREES)
def test_any_tree_there_and_back(tree: Any) -> None:
    payload = b"".join(bgeo_encode.binary_parts(tree))
    assert bgeo_binary.decode(memoryview(payload)) == tree
    for length in range(5, len(payload)):
        with pytest.raises(DecodeError):
            bgeo_binary.decode(memoryview(payload[:length]))


def test_many_different_strings_there_and_back() -> None:
    words = [f"word {at}" for at in range(70_000)]
    payload = b"".join(bgeo_encode.binary_parts([*words, *words]))
    assert bgeo_binary.decode(memoryview(payload)) == [*words, *words]


def test_plain_strings_and_wide_integers() -> None:
    payload = b"".join(bgeo_encode.binary_parts([bgeo_encode.Plain("a"), bgeo_encode.Wide(1)]))
    assert payload == M + b"[\x27\x01a\x14\x01" + bytes(7) + b"]"
    with pytest.raises(OverflowError):
        bgeo_encode.binary_parts(2**63)
