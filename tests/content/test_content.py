"""Content types: text, and what is registered or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon import content
from hdaemon.errors import DecodeError, UsageError


def test_text_is_registered_and_decodes() -> None:
    assert content.TEXT in content.registered()
    assert content.decode("text/plain", "grüße 🎈".encode()) == "grüße 🎈"


@given(st.binary())
def test_text_decodes_or_says_which_byte_is_wrong(payload: bytes) -> None:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        with pytest.raises(DecodeError, match=f"offset {error.start};"):
            content.decode("text/plain", payload)
    else:
        assert content.decode("text/plain", payload) == text


def test_the_first_wrong_byte_is_named() -> None:
    with pytest.raises(DecodeError, match="byte 0xff at offset 3"):
        content.decode("text/plain", b"abc\xff")


def test_a_type_without_decoder_is_its_bytes() -> None:
    payload = b"\x00\x01"
    assert content.decode("application/x-unheard-of", payload) is payload


def test_a_registered_decoder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_decoders", dict(content._decoders))
    content.register("Application/X-Count", len)
    assert "application/x-count" in content.registered()
    assert content.decode("application/x-count", b"four") == 4


@pytest.mark.parametrize("wrong", ["", "text", "/plain", "text/", "text/plain; charset=utf-8", " text/plain"])
def test_what_is_no_content_type_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="type/subtype"):
        content.register(wrong, len)
