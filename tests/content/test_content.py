"""Content types: text, and what is registered or not."""

from __future__ import annotations

import pytest
from helpers import run_python
from hypothesis import given
from hypothesis import strategies as st

from hdaemon import content
from hdaemon.errors import DecodeError, UsageError
from hdaemon.message import Message


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


def test_what_is_registered() -> None:
    assert content.registered() == (
        "application/json",
        "application/msgpack",
        "application/vnd.safetensors",
        "application/x-houdini-bgeo",
        "application/x-npy",
        "text/plain",
    )


def test_a_type_without_decoder_is_bytes_whatever_was_handed_over() -> None:
    decoded = content.decode("application/x-unheard-of", memoryview(bytearray(b"\x00\x01")))
    assert type(decoded) is bytes
    assert decoded == b"\x00\x01"


def test_a_decoder_that_fails_is_a_payload_that_does_not_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_decoders", dict(content._decoders))
    content.register("application/x-studio", lambda payload: {}["missing"])
    with pytest.raises(DecodeError, match="the decoder of application/x-studio failed: KeyError: 'missing'"):
        content.decode("application/x-studio", b"")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("content_type", [*content.registered(), content.OCTET_STREAM])
def test_a_message_of_any_bytes_that_do_not_decode(content_type: str, kind: type) -> None:
    message = Message(1, 0.0, "default", content_type, kind(b"\xff\x00\xff"), "client-1")
    assert type(message.data) is bytes
    assert message.data == b"\xff\x00\xff"
    assert (message.error is None) == (content_type == content.OCTET_STREAM)
    assert len(message) == 3
    assert message.preview() == Message(1, 0.0, "default", content_type, b"\xff\x00\xff", "client-1").preview()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_preview_of_any_bytes(kind: type) -> None:
    text = Message(1, 0.0, "default", content.JSON, kind('{"é": [1,\n2]}'.encode()), "client-1")
    assert text.preview() == '{"é": [1,␊2]}'
    assert text.data == {"é": [1, 2]}


def test_the_libraries_are_imported_when_they_are_first_needed() -> None:
    done = run_python(
        """
        import sys
        import hdaemon
        from hdaemon import content
        content.decode("application/json", b'{"a": 1}')
        print(sorted({"numpy", "msgpack"} & set(sys.modules)))
        content.decode("application/msgpack", b"\\x00")
        print("msgpack" in sys.modules, "numpy" in sys.modules)
        """
    )
    assert (done.returncode, done.stdout.split("\n")[:2]) == (0, ["[]", "True False"]), done.stderr
