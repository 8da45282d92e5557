"""Several messages in one request: every byte of it has to fit, or nothing is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.wire.heads import Head, HttpError
from hdaemon.wire.limits import Limits
from hdaemon.wire.together import messages_of

LIMITS = Limits(max_together_messages=20, max_together_bytes=200)


def head(*counts: str) -> Head:
    return Head("PUT", "/channels/a", tuple(("hdaemon-messages", count) for count in counts), True, 0, False)


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=20))
def test_what_was_put_together_comes_apart(bodies: list[bytes]) -> None:
    body = " ".join(str(len(body)) for body in bodies).encode() + b"\n" + b"".join(bodies)
    assert messages_of(head(str(len(bodies))), body, LIMITS) == bodies
    assert messages_of(head(str(len(bodies))), memoryview(body), LIMITS) == bodies


def test_one_message_is_left_alone() -> None:
    assert messages_of(head(), b"1 1\nxy", LIMITS) is None


@pytest.mark.parametrize(
    "counts", [("",), ("0",), ("-1",), ("+2",), ("2.0",), ("two",), ("2 ",), ("2", "2"), ("9" * 10,)]
)
def test_a_count_that_is_none(counts: tuple[str, ...]) -> None:
    with pytest.raises(HttpError, match="Hdaemon-Messages must be there once") as caught:
        messages_of(head(*counts), b"1 1\nxy", LIMITS)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"2\nxy", b"1 1 0\nxy", b" 1 1\nxy", b"1  1\nxy", b"1 1 \nxy", b"1,1\nxy", b"1 -1\nxy", b"1 +1\nxy"]
    + [b"1 1\r\nxy", b"1 1_0\nxy", b"1 %b\nxy" % (b"1" * 20), b"1 \xc2\xb2\nxy"],
)
def test_sizes_that_are_none(body: bytes) -> None:
    with pytest.raises(HttpError, match="a body of 2 messages must begin with their 2 sizes") as caught:
        messages_of(head("2"), body, LIMITS)
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"1 1\nx", b"1 1\nxyz", b"1 1\n", b"1 1", b"0 9999999999999999999\nxy"])
def test_sizes_that_are_not_what_follows(body: bytes) -> None:
    with pytest.raises(HttpError, match=r"the sizes of the 2 messages are \d+ bytes, and \d+ follow them") as caught:
        messages_of(head("2"), body, LIMITS)
    assert caught.value.status == 400


def test_at_the_limits_and_past_them() -> None:
    assert messages_of(head("20"), b" ".join([b"0"] * 20) + b"\n", LIMITS) == [b""] * 20
    assert messages_of(head("1"), b"196\n" + b"x" * 196, LIMITS) == [b"x" * 196]
    for count, body in (("21", b" ".join([b"0"] * 21) + b"\n"), ("1", b"197\n" + b"x" * 197)):
        with pytest.raises(
            HttpError, match="max_together_messages.*max_together_bytes.*send several requests"
        ) as caught:
            messages_of(head(count), body, LIMITS)
        assert caught.value.status == 413
