"""Messages and their previews."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.message import Message, one_line, preview


def make(payload: bytes, content_type: str = "text/plain") -> Message:
    return Message(7, 1.5, "default", content_type, payload, "client-1")


def test_text() -> None:
    message = make("grüße".encode())
    assert message.data == "grüße"
    assert message.data is message.data, "decoded once"
    assert message.error is None
    assert len(message) == 7


def test_what_does_not_decode_is_its_bytes_with_the_error() -> None:
    message = make(b"a\xff")
    assert message.data == b"a\xff"
    assert message.error is not None
    assert "offset 1" in message.error


def test_an_empty_message_is_true() -> None:
    assert make(b"")
    assert make(b"").data == ""


def test_it_cannot_be_changed() -> None:
    message = make(b"a")
    for name in ("serial", "time", "channel", "content_type", "payload", "client", "data", "error", "other"):
        with pytest.raises(AttributeError):
            setattr(message, name, b"b")
        with pytest.raises(AttributeError):
            delattr(message, name)
    with pytest.raises(AttributeError, match="does not change: payload cannot be set"):
        message.payload = b"b"  # type: ignore[misc] # which type checkers see, too
    assert message.payload == b"a"
    assert message.data == "a"


def test_it_can_be_copied_and_pickled() -> None:
    message = make(b"\x93NUMPY")
    names = ("serial", "time", "channel", "content_type", "payload", "client", "data")
    for other in (copy.copy(message), pickle.loads(pickle.dumps(message))):
        assert [getattr(other, name) for name in names] == [getattr(message, name) for name in names]


def test_its_repr_is_one_short_line_however_large_it_is() -> None:
    assert repr(make(b"ab\ncd")) == "<Message 7 on default from client-1: text/plain, 5 bytes: ab␊cd>"
    assert len(repr(make(b"x" * 1_000_000))) < 200


@given(st.text() | st.binary(), st.integers(2, 300))
def test_a_preview_is_one_short_line_that_drives_no_terminal(value: str | bytes, max_chars: int) -> None:
    payload = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    text = preview("text/plain", payload, max_chars)
    assert len(text) <= max_chars
    assert len(text.splitlines()) <= 1
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)
    assert not any(0x202A <= ord(char) <= 0x202E or 0x2066 <= ord(char) <= 0x2069 for char in text)


def test_a_short_text_is_shown_whole() -> None:
    assert make(b"x" * 200).preview() == "x" * 200
    assert make(b"x" * 201).preview() == "x" * 199 + "…"
    assert make(("🎈" * 200).encode()).preview() == "🎈" * 200
    assert make(("a" + "🎈" * 200).encode()).preview() == "a" + "🎈" * 198 + "…"


def test_control_characters_become_pictures() -> None:
    assert one_line("a\nb\r\x1b[0m\x7f") == "a␊b␍␛[0m␡"
    assert one_line("a\tb") == "a b"


def test_bytes_are_shown_in_hexadecimal() -> None:
    assert make(b"\x00\xff", "application/octet-stream").preview() == "00 ff"
    long = make(bytes(1000), "application/octet-stream").preview()
    assert long.startswith("00 00")
    assert long.endswith("…")
    assert len(long) <= 202


def test_a_preview_reads_the_head_only() -> None:
    class Counting(bytes):
        read = 0

        def __getitem__(self, key: slice) -> bytes:  # type: ignore[override]
            part = super().__getitem__(key)
            Counting.read += len(part)
            return part

    preview("text/plain", Counting(10_000_000), 100)
    assert 0 < Counting.read <= 400
