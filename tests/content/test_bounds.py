"""The limit of values, at it and one past it, and what decoding takes at the most: see hdaemon/content/bounds.py."""

from __future__ import annotations

import json as standard
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import msgpack as library
import pytest

from hdaemon import content
from hdaemon.content import bgeo, bounds, json
from hdaemon.errors import DecodeError
from hdaemon.message import Message

MOST = 30_000
FLOOR = 1024 * 1024


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(bounds, "MAX_VALUES", MOST)
    return MOST


def array(count: int, items: bytes) -> bytes:
    return b"\xdd" + struct.pack("!I", count) + items


# One item of a list, and how many values it is.
JSON = {
    "numbers": ("1", 1),
    "floats": ("1e1", 1),
    "integers": ("1234%d", 1),
    "texts": ('"Ā%x"', 1),
    "wide texts": ('"😀%x"', 1),
    "marks in texts": (r'"\\\",[]{}:,"', 1),
    "spaces": (" 1 \n", 1),
    "objects": ('{"%x":1}', 3),
    "objects in objects": ('{"%x":{"":[1]}}', 6),
    "points": ("[1.5,2,%d]", 4),
    "empty lists": ("[]", 2),
    "empty objects": ("{}", 2),
}
MSGPACK = {
    "numbers": (b"\1", 1),
    "floats": (b"\xcb1234567%c", 1),
    "texts": (b"\xa4123%c", 1),
    "empty maps": (b"\x80", 1),
    "empty arrays": (b"\x90", 1),
    "maps": (b"\x81\xcc%c\x80", 3),
    "extensions": (b"\xc7\0\1", 1),
    "timestamps": (b"\xd6\xff\0\0\0\0", 1),
    "points": (b"\x93\1\2\3", 4),
}


def json_list(name: str, values: int) -> bytes:
    """Return a list of items that are `values` in all, with numbers for what is left over."""
    item, each = JSON[name]
    count, left = divmod(values - 1, each)
    items = [item % number if "%" in item else item for number in range(count)] + ["7"] * left
    return f"[{','.join(items)}]".encode()


def msgpack_list(name: str, values: int) -> bytes:
    item, each = MSGPACK[name]
    count, left = divmod(values - 1, each)
    items = [item % (number % 128) if b"%" in item else item for number in range(count)] + [b"\7"] * left
    return b"\xdd" + struct.pack("!I", len(items)) + b"".join(items)


CASES = [(content.JSON, json_list, name) for name in JSON] + [(content.MSGPACK, msgpack_list, name) for name in MSGPACK]
IDS = [f"{kind.partition('/')[2]} {name}" for kind, _, name in CASES]

Make = Callable[[str, int], bytes]


def peak_of(kind: str, payload: bytes) -> int:
    """Return how many bytes of memory decoding takes, with what is made; the first time something else may grow too."""
    peaks = []
    for _ in range(2):
        tracemalloc.start()
        try:
            with suppress(DecodeError):
                content.decode(kind, payload)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


@pytest.mark.parametrize(("kind", "make", "name"), CASES, ids=IDS)
def test_at_the_limit_and_one_past_it(most: int, kind: str, make: Make, name: str) -> None:
    payload, more = make(name, most), make(name, most + 1)
    content.decode(kind, payload)
    with pytest.raises(DecodeError, match="^not taken as .* the limit") as caught:
        content.decode(kind, more)
    said = str(caught.value)
    assert str(most) in said
    assert "offset" in said
    assert "safetensors or npy" in said
    assert "hdaemon.content.bounds.MAX_VALUES" in said
    assert peak_of(kind, payload) < FLOOR + bounds.TIMES_ITS_SIZE * len(payload) + bounds.BYTES_A_VALUE * most
    assert peak_of(kind, more) < FLOOR + bounds.TIMES_ITS_SIZE * len(more)  # nothing is made of it


@pytest.mark.parametrize(
    "count", [2000, 6000, 8000, 11_000, 12_000, 15_000]
)  # a dict grows by leaps, and is there twice then
@pytest.mark.parametrize("kind", [content.JSON, content.MSGPACK])
def test_names_are_values_too(most: int, kind: str, count: int) -> None:
    names = {f"😀{number:x}": 0 for number in range(count)}
    payload = standard.dumps(names, ensure_ascii=False).encode() if kind == content.JSON else library.packb(names)
    if 1 + 2 * count > most:
        with pytest.raises(DecodeError, match="the limit"):
            content.decode(kind, payload)
    else:
        assert content.decode(kind, payload) == names
    assert peak_of(kind, payload) < FLOOR + bounds.TIMES_ITS_SIZE * len(payload) + bounds.BYTES_A_VALUE * 2 * count


@pytest.mark.parametrize("text", ["😀\n" + "x" * 500_000, "😀" * 100_000, "😀" + "\\n" * 200_000])
def test_a_wide_text(text: str) -> None:
    payload = f'["{text}"]'.replace("\n", "\\n").encode()
    assert peak_of(content.JSON, payload) < FLOOR + bounds.TIMES_ITS_SIZE * len(payload)


def test_where_it_is(most: int) -> None:
    with pytest.raises(DecodeError, match=f"so many end before byte offset 65536 of {6 * most + 100_001}"):
        json.decode(b"[" + b"1," * (3 * most - 1) + b"1" + b" " * 100_000 + b"]")
    with pytest.raises(DecodeError, match="at offset 5 the values are 30001, over the limit of 30000"):
        content.decode(content.MSGPACK, array(2, array(most - 2, b"\1" * (most - 2)) + b"\1"))


def test_a_message_keeps_its_bytes(most: int) -> None:
    payload = json_list("numbers", most + 1)
    message = Message(1, 0.0, "a", content.JSON, payload, "client-1")
    assert message.data == payload
    assert "the limit" in (message.error or "")


def test_it_is_set_for_what_is_decoded_from_then_on(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = json_list("numbers", most + 1)
    with pytest.raises(DecodeError):
        json.decode(payload)
    monkeypatch.setattr(bounds, "MAX_VALUES", most + 1)
    assert len(json.decode(payload)) == most


def test_geometry_as_text_has_a_limit_of_its_own(most: int) -> None:
    text = b'["pointcount",0,"vertexcount",0,"primitivecount",0,"info",[' + b"1," * 2 * most + b"1]]"
    assert len(bgeo.read(text).points) == 0


def test_five_million_are_what_a_million_points_need() -> None:
    assert bounds.MAX_VALUES == 5_000_000 > 1 + 4 * 1_000_000
