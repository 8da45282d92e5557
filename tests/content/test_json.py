"""Strict JSON: every valid text, no invalid one, and what the RFC leaves open as documented."""

from __future__ import annotations

import json as standard
import math
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_cases import OURS, VALID
from json_invalid import INVALID

from hdaemon.content import json
from hdaemon.errors import DecodeError


def name(value: object) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:40] + f"...{len(text)}"


def test_there_are_enough_cases_and_none_is_twice() -> None:
    texts = [text for text, _ in VALID] + INVALID + [text for text, _ in OURS]
    assert len(set(texts)) == len(texts) >= 318


@pytest.mark.parametrize(("text", "value"), VALID, ids=name)
def test_valid(text: bytes, value: object) -> None:
    decoded = json.decode(text)
    assert decoded == value
    assert type(decoded) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, decoded) == math.copysign(1, value)


@pytest.mark.parametrize("text", INVALID, ids=name)
def test_invalid(text: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^not (taken as )?JSON: ") as caught:
        json.decode(text)
    assert len(str(caught.value)) < 300
    assert "offset" in str(caught.value)


@pytest.mark.parametrize(("text", "result"), OURS, ids=name)
def test_what_the_rfc_leaves_open(text: bytes, result: object) -> None:
    if not isinstance(result, str):
        assert json.decode(text) == result
        return
    with pytest.raises(DecodeError) as caught:
        json.decode(text)
    assert result in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[1,\n 2,,]", "line 2, column 4 (byte offset 7)"),
        ('["é", x]', "line 1, column 7 (byte offset 7)"),
        ('["a\nb"]', "invalid control character at line 1, column 4 (byte offset 3)"),
        ('["a', "unterminated string starting at line 1, column 2 (byte offset 1)"),
        ('{"NaN": "NaN",\n"b": NaN}', "NaN is no JSON number (use null) at line 2, column 6 (byte offset 20)"),
        (r'["\"NaN", "\\", -Infinity]', "-Infinity is no JSON number (use null) at line 1, column 17"),
        ('["1e999", 1e999]', "line 1, column 11 (byte offset 10)"),
    ],
)
def test_errors_say_where(text: str, where: str) -> None:
    with pytest.raises(DecodeError) as caught:
        json.decode(text.encode())
    assert where in str(caught.value)
    assert "RFC 8259" in str(caught.value)


def test_a_deep_text_is_refused_quickly() -> None:
    begin = time.perf_counter()
    for _ in range(5):
        with pytest.raises(DecodeError):
            json.decode(b"[" * 100_000)
    assert (time.perf_counter() - begin) / 5 < 0.1


def test_a_python_without_a_limit_of_digits_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "get_int_max_str_digits", lambda: 0, raising=False)
    assert json.decode(b"[-" + b"9" * 4300 + b"]") == [1 - 10**4300]
    with pytest.raises(DecodeError, match=r"more than 4300 digits at line 1, column 2 \(byte offset 1\)"):
        json.decode(b"[-" + b"9" * 4301 + b"]")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_round_trip(value: object, ascii_only: bool, indent: int | None) -> None:
    text = standard.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert json.decode(text.encode()) == value


@given(st.binary())
def test_random_bytes_decode_or_are_refused(payload: bytes) -> None:
    _decode_as_the_standard_library_would(payload)


@given(st.text(alphabet='[]{}",:\\u0dD8eE1.-+ \nnaNItrfls', max_size=30))
def test_what_looks_like_json(text: str) -> None:
    _decode_as_the_standard_library_would(text.encode())


def _decode_as_the_standard_library_would(payload: bytes) -> None:
    try:
        value = json.decode(payload)
    except DecodeError:
        return
    assert value == standard.loads(payload), "never a value for what is not JSON"


@given(JSON_VALUES, st.integers(0, 100))
def test_cut_or_followed_by_more(value: object, cut: int) -> None:
    text = standard.dumps([value]).encode()
    with pytest.raises(DecodeError):
        json.decode(text[: min(cut, len(text) - 1)])
    with pytest.raises(DecodeError):
        json.decode(text + b"]")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes(kind: type) -> None:
    assert json.decode(kind('{"é": [1]}'.encode())) == {"é": [1]}
    with pytest.raises(DecodeError, match="byte 0xff at offset 1"):
        json.decode(kind(b'"\xff"'))
