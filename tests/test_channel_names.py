"""The names of channels: as MQTT topic names, at most 256 bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.errors import UsageError
from hdaemon.message import DEFAULT_CHANNEL, check_channel


@pytest.mark.parametrize(
    "name",
    [
        DEFAULT_CHANNEL,
        "a",
        "/",
        "//",
        "/a",
        "a/",
        "maya/body/mesh",
        "Größe/模型/😀",
        "with a space",
        " ",
        "$SYS/x",
        "a.b-c_d~e!f*g?h%20",
        "\xa0",
        256 * "a",
        128 * "é",
        64 * "😀",
    ],
)
def test_a_name_is_returned_as_it_is(name: str) -> None:
    assert check_channel(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "1 to 256 bytes"),
        (257 * "a", "1 to 256 bytes"),
        (128 * "é" + "a", "1 to 256 bytes"),
        (65 * "😀", "1 to 256 bytes"),
        ("\ud800", "UTF-8"),
        ("a\udcffb", "UTF-8"),
        ("+", "'+'"),
        ("#", "'#'"),
        ("a/+/b", "wildcard"),
        ("a/#", "wildcard"),
        ("a+b", "leave it out"),
        ("a#", "leave it out"),
        *[(f"a{chr(code)}b", "control character") for code in (*range(0x20), *range(0x7F, 0xA0))],
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_channel(name)
    assert words in str(caught.value)


def test_an_error_quotes_little_and_no_control_character() -> None:
    for name in (100_000 * "x", "a\x1b[2Jb", "a\nb"):
        with pytest.raises(UsageError) as caught:
            check_channel(name)
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()


@given(st.text(st.characters(codec=None), max_size=90))
def test_any_text_is_taken_or_refused(name: str) -> None:
    try:
        assert check_channel(name) == name
    except UsageError:
        return
    assert 0 < len(name.encode()) <= 256
    assert not set(name) & set("+#\0\n\x7f\x9f")
