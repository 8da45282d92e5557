"""The WebSocket door: frames in, messages out, however they are cut; and what breaks RFC 6455."""

from __future__ import annotations

import struct

import pytest
from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, head
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.wire.events import Event, Goodbye, ModeWord, Payload, Refused, Reply
from hdaemon.wire.heads import Head, HttpError
from hdaemon.wire.limits import Limits
from hdaemon.wire.websocket import WebSocketDoor, accept

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455, 1.3


def make(content_type: str = "", limit: int = 1000, channel: str | None = "a/b") -> WebSocketDoor:
    return WebSocketDoor(Limits(max_websocket_message_bytes=limit), channel, content_type)


def asking(**changed: str) -> Head:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    headers.update({name.replace("_", "-"): value for name, value in changed.items()})
    return head(*(f"{name}: {value}" for name, value in headers.items() if value))


# -- the opening handshake ----------------------------------------------------------------------------------


def test_the_answer_is_that_of_the_rfc() -> None:
    answer = accept(asking())
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    assert b"extensions" not in answer.lower()


@pytest.mark.parametrize("name", ["Sec_WebSocket_Protocol", "Connection", "Upgrade", "Sec_WebSocket_Extensions", "X"])
def test_other_letters_than_ascii_raise_nothing(name: str) -> None:
    """A fuzzer's: they stopped the whole server."""
    usual = {"Connection": "Upgrade, ", "Upgrade": "websocket, "}.get(name, "hdaemon, ")
    assert accept(asking(**{name: usual + "\u00ff\u20ac"})).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("name", ["Connection", "Upgrade"])
def test_what_asks_for_no_websocket_gets_none(name: str) -> None:
    with pytest.raises(HttpError, match="RFC 6455, 4.1") as caught:
        accept(asking(**{name: ""}))
    assert caught.value.status == 400


def test_no_extension_is_negotiated() -> None:
    answer = accept(asking(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"))
    assert b"deflate" not in answer


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Sec_WebSocket_Key": ""}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=, x"}, 400),
        ({"Sec_WebSocket_Version": ""}, 426),
        ({"Sec_WebSocket_Version": "8"}, 426),
    ],
)
def test_handshakes_that_are_refused(changed: dict[str, str], status: int) -> None:
    with pytest.raises(HttpError) as caught:
        accept(asking(**changed))
    assert caught.value.status == status
    if status == 426:
        assert ("Sec-WebSocket-Version", "13") in caught.value.headers


# -- messages -----------------------------------------------------------------------------------------------


def joining() -> tuple[WebSocketDoor, list[list[int]]]:
    """Return a door, and the sizes of the parts that it has had joined, of each message."""
    joined: list[list[int]] = []

    def join(parts: list[bytes | bytearray]) -> memoryview:
        joined.append(list(map(len, parts)))
        return memoryview(b"".join(parts))

    return WebSocketDoor(Limits(), "a", join=join), joined


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_long_message_is_joined_once(opcode: int) -> None:
    """Grown part by part its memory was moved again and again, with the interpreter's lock held."""
    door, joined = joining()
    payload = b"0123456789" * 100_000
    data = frame(opcode, payload)
    events = [event for begin in range(0, len(data), 200_000) for event in door.feed(data[begin : begin + 200_000])]
    (message,) = events
    assert isinstance(message, Payload)
    assert message.data == payload
    (parts,) = joined
    assert len(parts) == 6
    assert sum(parts) == len(payload)


def test_a_short_message_is_bytes() -> None:
    door, joined = joining()
    (message,) = door.feed(frame(BINARY, b"x" * 1000))
    assert isinstance(message, Payload)
    assert (type(message.data), joined) == (bytes, [])


def test_small_parts_are_put_together() -> None:
    """Kept one by one, a message of 64 MiB in frames of two bytes would take a gigabyte."""
    door, joined = joining()
    count = 150_000
    data = frame(BINARY, b"ab", fin=False) + frame(CONTINUATION, b"ab", fin=False) * (count - 2)
    for begin in range(0, len(data), 100_000):
        assert door.feed(data[begin : begin + 100_000]) == []
    (message,) = door.feed(frame(CONTINUATION, b"ab"))
    assert isinstance(message, Payload)
    assert message.data == b"ab" * count
    assert len(joined[0]) < 10


def test_text_and_bytes() -> None:
    events = make().feed(frame(TEXT, "Grüße".encode()) + frame(BINARY, b"\0\xff"))
    assert events == [
        Payload("text/plain", "Grüße".encode(), "a/b"),
        Payload("application/octet-stream", b"\0\xff", "a/b"),
    ]


@pytest.mark.parametrize(
    ("asked", "of_text", "of_bytes"),
    [
        ("application/json", "application/json", "application/json"),
        ("text/csv", "text/csv", "text/csv"),
        ("application/geo+json", "application/geo+json", "application/geo+json"),
        ("application/x-npy", "text/plain", "application/x-npy"),
    ],
)
def test_the_type_that_was_asked_for(asked: str, of_text: str, of_bytes: str) -> None:
    events = make(asked).feed(frame(TEXT, b"1") + frame(BINARY, b"1"))
    assert [event.content_type for event in events if isinstance(event, Payload)] == [of_text, of_bytes]


@pytest.mark.parametrize("word", ["print", "evaluate"])
def test_the_two_words(word: str) -> None:
    assert make().feed(frame(TEXT, word.encode())) == [ModeWord(word)]
    # Bytes are not words, nor is what was said to be something else than plain text.
    assert make().feed(frame(BINARY, word.encode())) == [Payload("application/octet-stream", word.encode(), "a/b")]
    assert make("text/csv").feed(frame(TEXT, word.encode())) == [Payload("text/csv", word.encode(), "a/b")]


def test_an_empty_message_is_a_message() -> None:
    assert make().feed(frame(TEXT)) == [Payload("text/plain", b"", "a/b")]


def test_fragments_with_a_ping_between() -> None:
    door = make()
    events = door.feed(
        frame(TEXT, b"one ", fin=False) + frame(PING, b"?") + frame(CONTINUATION, b"", fin=False)
        + frame(CONTINUATION, b"two")
    )  # fmt: skip
    assert events[0] == Reply(frame(PONG, b"?", mask=None))
    assert [(event.content_type, bytes(event.data)) for event in events[1:] if isinstance(event, Payload)] == [
        ("text/plain", b"one two")
    ]
    assert len(events) == 2


def flat(events: list[Event]) -> list[object]:
    return [
        (event.content_type, bytes(event.data), event.channel) if isinstance(event, Payload) else event
        for event in events
    ]


STREAM = (
    frame(TEXT, b"hello") + frame(BINARY, bytes(range(200)), fin=False) + frame(PING) + frame(CONTINUATION, b"x" * 300)
    + frame(TEXT, "é€😀".encode(), mask=b"\xff\x00\xaa\x55") + frame(TEXT, b"evaluate") + frame(CLOSE, b"\x03\xe8bye")
)  # fmt: skip


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_where_it_is_cut_makes_no_difference(cuts: list[int]) -> None:
    whole = flat(make().feed(STREAM))
    assert len(whole) == 6
    door, events = make(), []
    places = [0, *sorted(cuts), len(STREAM)]
    for begin, end in zip(places, places[1:], strict=False):
        events += door.feed(STREAM[begin:end])
    assert flat(events) == whole


def test_byte_by_byte() -> None:
    door, events = make(), []
    for index in range(len(STREAM)):
        events += door.feed(STREAM[index : index + 1])
    assert flat(events) == flat(make().feed(STREAM))


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_and_after_a_refusal_nothing_comes(data: bytes) -> None:
    door = make()
    events = door.feed(data)
    ends = [event for event in events if isinstance(event, (Refused, Goodbye))]
    assert len(ends) <= 1
    if ends:
        assert events[-1] is ends[0]
        assert door.feed(frame(TEXT, b"x")) == []
        assert door.end() == []
        assert door.silence() == []


# -- what ends it -------------------------------------------------------------------------------------------


def refusal(events: list[Event]) -> tuple[int, str]:
    """Return the code and reason of the close frame that a refusal sends."""
    (event,) = events
    assert isinstance(event, Refused)
    assert event.reply[0] == 0x88
    (code,) = struct.unpack("!H", event.reply[2:4])
    assert str(code) in event.reason
    return code, event.reply[4:].decode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"x", mask=None), 1002),  # RFC 6455, 5.1: a client masks
        (frame(3, b"x"), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, fin=False), 1002),
        (b"\xf1" + frame(TEXT, b"x")[1:], 1002),  # reserved bits
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xed"), 1002),  # 1005 is never sent
        (frame(TEXT, b"\xff"), 1007),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    ],
)
def test_what_breaks_the_protocol(data: bytes, code: int) -> None:
    assert refusal(make().feed(data))[0] == code


def test_a_message_at_the_limit_and_one_byte_past_it() -> None:
    assert len(make(limit=1000).feed(frame(BINARY, b"x" * 1000))) == 1
    code, reason = refusal(make(limit=1000).feed(frame(BINARY, b"x" * 1001)))
    assert code == 1009
    assert "max_websocket_message_bytes" in reason


def test_the_limit_holds_for_the_sum_of_the_fragments() -> None:
    door = make(limit=1000)
    assert door.feed(frame(TEXT, b"x" * 600, fin=False)) == []
    assert refusal(door.feed(frame(CONTINUATION, b"x" * 401)))[0] == 1009


def test_what_is_too_large_is_not_waited_for() -> None:
    announced = struct.pack("!BBQ", 0x82, 0x80 | 127, 1 << 40) + b"\0\0\0\0"
    door = make(limit=1000)
    assert door.feed(announced) == []
    assert refusal(door.feed(b"x" * 1001))[0] == 1009


def test_closing_is_answered() -> None:
    (event,) = make().feed(frame(CLOSE, b"\x03\xe9gone home"))
    assert isinstance(event, Goodbye)
    assert event.reason == "closed by the client (1001: gone home)"
    assert event.reply[:4] == b"\x88\x0b\x03\xe9"


def test_one_who_subscribes_to_a_pattern_cannot_send() -> None:
    code, reason = refusal(make(channel=None).feed(frame(TEXT, b"x")))
    assert code == 1008
    assert "/channels/NAME" in reason


def test_silence_is_a_ping_and_then_the_end() -> None:
    door = make()
    assert door.silence() == [Reply(b"\x89\x00")]
    assert door.feed(frame(PONG)) == []
    assert door.silence() == [Reply(b"\x89\x00")]
    assert refusal(door.silence())[0] == 1008


def test_the_end_inside_a_message() -> None:
    door = make()
    door.feed(frame(TEXT, b"half", fin=False))
    (event,) = door.end()
    assert isinstance(event, Refused)
    assert "after 4 bytes" in event.reason
    assert make().end() == []


def test_echo() -> None:
    door = WebSocketDoor(Limits(), None, echo=True)
    assert door.feed(frame(TEXT, b"a") + frame(BINARY, b"b" * 200)) == [
        Reply(frame(TEXT, b"a", mask=None)),
        Reply(frame(BINARY, b"b" * 200, mask=None)),
    ]
