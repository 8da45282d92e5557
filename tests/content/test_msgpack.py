"""MessagePack: what each format becomes, what is refused, and that a bomb is refused before it costs anything."""

from __future__ import annotations

import struct
import sys
import time
import tracemalloc
from typing import Any

import msgpack as library
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgpack import fallback

from hdaemon.content import msgpack
from hdaemon.errors import DecodeError


@pytest.fixture(autouse=True, params=["as installed", "pure Python"])
def _implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with the compiled msgpack, where there is one, and with what Houdini gets a copy of."""
    if request.param == "pure Python":
        monkeypatch.setattr(library, "unpackb", fallback.unpackb)


# hypothesis runs many examples within one fixture, which is what is meant here.
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

KEYS = st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(KEYS, inner),
)


@given(VALUES)
@MANY
def test_round_trip(value: object) -> None:
    assert msgpack.decode(library.packb(value)) == value


@given(VALUES, st.integers(0, 200))
@MANY
def test_cut_or_followed_by_more(value: object, cut: int) -> None:
    payload = library.packb(value)
    with pytest.raises(DecodeError, match="^not MessagePack: "):
        msgpack.decode(payload[: min(cut, len(payload) - 1)])
    with pytest.raises(DecodeError, match=f"1 bytes follow the value, which ends at offset {len(payload)}"):
        msgpack.decode(payload + b"\x00")


@given(st.binary())
@MANY
def test_random_bytes_decode_or_are_refused(payload: bytes) -> None:
    try:
        value = msgpack.decode(payload)
    except DecodeError:
        return
    expected = library.unpackb(payload, strict_map_key=False)
    assert repr(value) == repr(expected)  # by repr, as there may be a NaN inside


SIZES = (0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_of_what_has_one(size: int) -> None:
    values: list[Any] = [
        "x" * size,
        b"x" * size,
        [1] * size,
        [0.5] * size,
        ["ab"] * size,
        [[]] * size,
        [None, "a"] * size,
    ]
    values += [{str(i): i for i in range(size)}, library.ExtType(5, b"x" * size)]
    for value in values:
        assert msgpack.decode(library.packb(value)) == value
        assert msgpack.decode(library.packb([value, "after"])) == [value, "after"]


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", 127),
        (b"\xe0", -32),
        (b"\xff", -1),
        (b"\xc0", None),
        (b"\xc2", False),
        (b"\xc3", True),
        (b"\xcc\xff", 255),
        (b"\xcd\xff\xff", 65535),
        (b"\xce\xff\xff\xff\xff", 2**32 - 1),
        (b"\xcf" + b"\xff" * 8, 2**64 - 1),
        (b"\xd0\x80", -128),
        (b"\xd1\x80\x00", -32768),
        (b"\xd2\x80\x00\x00\x00", -(2**31)),
        (b"\xd3\x80" + bytes(7), -(2**63)),
        (b"\xca\x3f\x80\x00\x00", 1.0),
        (b"\xcb" + struct.pack(">d", -2.5), -2.5),
        (b"\xd4\x05a", library.ExtType(5, b"a")),
        (b"\xd5\x05ab", library.ExtType(5, b"ab")),
        (b"\xd6\x05abcd", library.ExtType(5, b"abcd")),
        (b"\xd7\x05abcdefgh", library.ExtType(5, b"abcdefgh")),
        (b"\xd8\x05" + b"a" * 16, library.ExtType(5, b"a" * 16)),
        (b"\xc7\x00\x05", library.ExtType(5, b"")),
        (b"\xd9\x00", ""),
        (b"\xdb\x00\x00\x00\x01a", "a"),
        (b"\xdc\x00\x00", []),
        (b"\xdf\x00\x00\x00\x00", {}),
        (b"\x83\x01a\xa1b\xc0\xc4\x01c\xc3", {1: 97, "b": None, b"c": True}),
        (b"\x82\xc0\x00\xc3\x01", {None: 0, True: 1}),
        (b"\x91" * 63 + b"\x90", eval("[" * 64 + "]" * 64)),
        (b"\x81\x00" * 63 + b"\x90", eval("{0:" * 63 + "[]" + "}" * 63)),
        (b"\x92\x90" * 40 + b"\x00", eval("[[]," * 40 + "0" + "]" * 40)),
    ],
)
def test_each_format(payload: bytes, value: object) -> None:
    decoded = msgpack.decode(payload)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "at offset 0 1 more values are announced, but 0 bytes are left"),
        (b"\xc1", "no value begins with byte 0xc1, which is at offset 0"),
        (b"\x92\x00\xc1", "0xc1, which is at offset 2"),
        (b"\x00\x00", "1 bytes follow the value, which ends at offset 1"),
        (b"\x91", "at offset 1 1 more values are announced, but 0 bytes are left"),
        (b"\x92\x00", "2 more values are announced, but 1 bytes are left"),
        (b"\x81\x00", "2 more values are announced"),
        (b"\xdc", "cut off"),
        (b"\xdc\x00", "cut off"),
        (b"\xcd\x00", "a value ends at offset 3, but there are 2 bytes"),
        (b"\x96" + b"\xcd\x00\x00" * 5 + b"\xcd\x00", "a value ends at offset 19, but there are 18 bytes"),
        (b"\xa5ab", "a value ends at offset 6, but there are 3 bytes"),
        (b"\xc6\xff\xff\xff\xffab", "a value ends at offset 4294967300, but there are 7 bytes"),
        (b"\xc9\xff\xff\xff\xff\x05ab", "cut off"),
        (b"\xd8\x05a", "cut off"),
        (b"\xdd\xff\xff\xff\xff", "at offset 5 4294967295 more values are announced, but 0 bytes are left"),
        (b"\xdf\xff\xff\xff\xff", "8589934590 more values are announced"),
        (b"\xa2\xff\xff", r"the string b'\\xff\\xff' is not UTF-8"),
        (b"\x81\xa1\xff\x00", "is not UTF-8"),
        (b"\x82\xa1a\x00\xa1a\x01", "the key 'a' is twice in one map"),
        (b"\x91\x82\x01\x00\x01\x01", "the key 1 is twice in one map"),
        (b"\x82\x01\x00\xc3\x01", "the key True is twice in one map"),
        (b"\x81\x90\x00", "a key of a map is itself an array or a map"),
        (b"\x81\x80\x00", "a key of a map is itself an array or a map"),
        (b"\x91" * 64 + b"\x90", "at offset 64 it nests deeper than 64 levels"),
        (b"\x81\x00" * 64 + b"\x80", "at offset 128 it nests deeper than 64 levels"),
        (b"\xc7\x05\xff12345", "[tT]imestamp"),
        (b"\xd7\xff" + b"\xff" * 8, "nanoseconds"),
    ],
)
def test_refused(payload: bytes, error: str) -> None:
    with pytest.raises(DecodeError, match=error) as caught:
        msgpack.decode(payload)
    assert str(caught.value).startswith(("not MessagePack: ", "not taken as MessagePack: "))
    assert len(str(caught.value)) < 300


BOMBS = {
    "2**32 values": b"\xdd\xff\xff\xff\xff",
    "2**32 pairs": b"\xdf\xff\xff\xff\xff",
    "2**32 bytes of str": b"\xdb\xff\xff\xff\xff",
    "2**32 bytes of bin": b"\xc6\xff\xff\xff\xff",
    "each array as long as what follows": b"\xdd\x00\xff\xff\xff" * 60 + bytes(1 << 24),
    "each map as long as what follows": (b"\xdf\x00\x7f\xff\xff\x00" * 60) + bytes(1 << 24),
    "deep": b"\x91" * 1_000_000,
    "deep maps": b"\x81\x00" * 1_000_000,
    "long and cut off": b"\xdd\x01\x00\x00\x00" + bytes((1 << 24) - 1),
}


@pytest.mark.parametrize("payload", BOMBS.values(), ids=BOMBS)
def test_bombs_cost_nothing(payload: bytes) -> None:
    took = []
    for _ in range(3):
        begin = time.thread_time()
        with pytest.raises(DecodeError):
            msgpack.decode(payload)
        took.append(time.thread_time() - begin)
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            msgpack.decode(payload)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert min(took) < 0.1  # the best of three: other work on the machine is not meant
    assert peak < 32e6


def test_timestamps_keep_their_nanoseconds() -> None:
    stamp = library.Timestamp(1_700_000_000, 123_456_789)
    assert msgpack.decode(library.packb([stamp])) == [stamp]
    assert msgpack.decode(library.packb(library.Timestamp(-1, 5))) == library.Timestamp(-1, 5)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes(kind: type) -> None:
    value = {"P": [0.5] * 3000, "name": "é", "bin": b"\xff"}
    decoded = msgpack.decode(kind(library.packb(value)))
    assert decoded == value
    assert type(decoded["bin"]) is bytes


def test_without_the_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(DecodeError, match="pip install msgpack"):
        msgpack.decode(b"\x00")
