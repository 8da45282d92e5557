"""The first bytes decide the door: for good, and however they are cut."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.wire.access import Access
from hdaemon.wire.events import Event, Lines, Payload, Refused, Request
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor
from hdaemon.wire.sniff import OpeningDoor, sniff

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"]
GET = b"GET /channels HTTP/1.1\r\nHost: 127.0.0.1:2000\r\n\r\n"

RAW = [
    b"hello",
    b"\n",
    b" GET / HTTP/1.1",
    b"get / HTTP/1.1",
    b"GETTER 5\n",
    b"GET\n",
    b"GET\r\n",
    b"GET\t/",
    b"GE\n",
    b"G0",
    b"GREAT",
    b"PRICE 5\n",
    b"PUTS 1\n",
    b"POSTER\n",
    b"HEADS\n",
    b"OPTIONS\n",
    b"OPTIONSX",
    b"CONNECTED\n",
    b"DELETED\n",
    b"PROPFIND / HTTP/1.1",
    b"\x16\x02",
    b"\0\1\0\0\x21\x12\xa4\x43\0\0\0\0",
    b"\x40\1\0\0\x21\x12\xa4\x42",
    b"\0\1\0\0\0\0\0\0\0\0",
    b"\xff\xfe",
    b"\xef\xbb\xbfGET / HTTP/1.1",
    b"token x\n",
]


def make(framing: str = "lines", token: str | None = None) -> OpeningDoor:
    limits = Limits()
    return OpeningDoor(
        lambda framing: RawDoor(limits, framing, token),
        lambda: HttpDoor(limits, Access((), 2000, token)),
        framing,
        admitted=token is None,
    )


def flat(events: Iterable[Event]) -> list[object]:
    items: list[object] = []
    for event in events:
        if isinstance(event, Lines):
            items += event.data.splitlines()
        elif isinstance(event, Payload):
            items.append(bytes(event.data))
        elif isinstance(event, Request):
            items.append((event.head.method, event.head.target, bytes(event.body)))
        else:
            items.append(event)
    return items


def run(door: OpeningDoor, pieces: Iterable[bytes]) -> list[object]:
    """Feed the door as the server does, which goes on with the chosen one, and end it."""
    events: list[Event] = []
    for piece in pieces:
        events += (door.chosen or door).feed(piece)
    events += (door.chosen or door).end()
    return flat(events)


# -- sniff ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_prefix_of_a_method_is_undecided(method: str) -> None:
    for size in range(len(method) + 1):
        assert sniff(method[:size].encode()) == ""
    assert sniff(method.encode() + b" ") == "http"
    assert sniff(method.encode() + b" /x HTTP/1.1\r\n") == "http"
    assert sniff(method.encode() + b"  \0\xff") == "http"  # it is no request, but it is no text either


@pytest.mark.parametrize("method", METHODS)
def test_what_leaves_a_method_is_raw_at_once(method: str) -> None:
    for size in range(len(method) + 1):
        for byte in (b"x", b"\n", b"\r", b"\0", b"\xff", b"g", b"\t"):
            if size or byte != b"\0":  # which may begin a STUN message
                assert sniff(method[:size].encode() + byte) == "raw"


@pytest.mark.parametrize("head", RAW)
def test_raw(head: bytes) -> None:
    assert sniff(head) == "raw"


TURN = b"\x00\x03\x00\x08\x21\x12\xa4\x42" + bytes(range(12)) + b"\0\x19\0\4\x11\0\0\0"
ICE_TCP = b"\0\x1c" + TURN
HELLO = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
FOREIGN = [(HELLO, "tls"), (b"\x16\x03\x01\nhello\n", "tls"), (TURN, "stun"), (ICE_TCP, "stun")]


@pytest.mark.parametrize(("head", "kind"), FOREIGN)
def test_what_browsers_speak_besides_http_is_no_raw_data(head: bytes, kind: str) -> None:
    assert sniff(head) == kind
    for size in range(len(head)):
        assert sniff(head[:size]) in ("", kind)


@pytest.mark.parametrize(("head", "kind"), FOREIGN)
@pytest.mark.parametrize("token", [None, "secret"])
def test_it_closes_the_connection_and_what_follows_is_nothing(head: bytes, kind: str, token: str | None) -> None:
    for pieces in ([head + b"\nhello\n"], [head, b"\nhello\n"], [head[i : i + 1] for i in range(len(head))]):
        door = make(token=token)
        (refused,) = run(door, [*pieces, b"hello\n", GET])
        assert isinstance(refused, Refused)
        assert refused.reason.startswith(f"a {kind.upper()} ")
        assert not door.waiting
        assert door.silence() == []


@given(st.one_of(st.binary(max_size=12), st.sampled_from(METHODS).map(str.encode)), st.binary(max_size=4))
def test_a_decision_does_not_change(head: bytes, more: bytes) -> None:
    assert sniff(head) in ("", sniff(head + more))


# -- the opening door -----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [GET, GET + GET, b"PRI * HTTP/2.0\r\n\r\n", *RAW, *(text + b"\nx\n" for text in RAW)])
@pytest.mark.parametrize("token", [None, "secret"])
def test_byte_by_byte_equals_whole(data: bytes, token: str | None) -> None:
    door = make(token=token)
    bytewise, whole = run(door, [data[i : i + 1] for i in range(len(data))]), run(make(token=token), [data])
    assert bytewise == whole
    assert whole or token  # without its end, a line shows no token
    assert type(door.chosen) is (HttpDoor if sniff(data) == "http" else RawDoor)


def test_a_request() -> None:
    assert run(make(), [GET]) == [("GET", "/channels", b"")]


def test_a_request_cut_anywhere() -> None:
    for place in range(len(GET) + 1):
        assert run(make(), [GET[:place], GET[place:]]) == [("GET", "/channels", b"")]


def test_a_bad_request_does_not_become_text() -> None:
    (refused,) = run(make(), [b"GET \r\n\r\nhello\n"])
    assert isinstance(refused, Refused)
    assert refused.reply.startswith(b"HTTP/1.1 400 ")


def test_raw_text_is_delivered_with_its_first_bytes() -> None:
    assert run(make(), [b"PRI", b"CE 5\nb\n"]) == [b"PRICE 5", b"b"]


def test_a_request_on_the_raw_door_stays_there() -> None:
    (first, refused) = run(make(), [b"hello\n", GET])
    assert first == b"hello"
    assert isinstance(refused, Refused)


def test_text_after_a_request_stays_in_the_http_door() -> None:
    (first, refused) = run(make(), [GET, b"hello\r\n\r\n"])
    assert first == ("GET", "/channels", b"")
    assert isinstance(refused, Refused)


def test_an_end_without_a_byte_is_nothing() -> None:
    door = make()
    assert not door.waiting
    assert door.silence() == []
    assert door.end() == []
    assert door.chosen is None


@pytest.mark.parametrize("head", ["G", "PRI", "OPTIONS", "PUT"])
def test_silence_while_undecided_makes_it_text(head: str) -> None:
    door = make()
    assert door.feed(head.encode()) == []
    assert door.waiting
    assert door.chosen is None
    assert flat(door.silence()) == [head.encode()]
    assert isinstance(door.chosen, RawDoor)
    assert not door.waiting


@pytest.mark.parametrize("head", ["G", "PRI", "OPTIONS", "PUT"])
def test_the_end_while_undecided_makes_it_text(head: str) -> None:
    door = make()
    door.feed(head.encode())
    assert flat(door.end()) == [head.encode()]


def test_framing_may_be_set_while_undecided() -> None:
    for framing, wanted in (("burst", [b"PRICE\n1\n"]), ("lines", [b"PRICE", b"1"])):
        door = make("lines" if framing == "burst" else "burst")
        door.feed(b"PRI")
        door.framing = framing
        assert run(door, [b"CE\n1\n"]) == wanted
        assert door.chosen is not None
        assert door.chosen.framing == framing


def test_framing_of_a_request_is_http() -> None:
    door = make()
    door.feed(GET)
    assert door.chosen is not None
    assert door.chosen.framing == "http"


def test_what_is_fed_after_the_choice_goes_through_the_chosen_door_once() -> None:
    for data, more, first, second in (
        (b"hello\n", b"you\n", [b"hello"], [b"you"]),
        (GET, GET, [("GET", "/channels", b"")], [("GET", "/channels", b"")]),
    ):
        door = make()
        assert flat(door.feed(data)) == first
        chosen = door.chosen
        assert flat(door.feed(more)) == second
        assert door.chosen is chosen
        assert not door.waiting
        assert door.silence() == []
        assert door.end() == []


# -- tokens ---------------------------------------------------------------------------------------------


def test_without_its_token_nothing_is_text() -> None:
    door = make(token="secret")
    assert not door.admitted
    assert door.feed(b"PUT") == []
    assert not door.waiting  # silence is no end: the time to show the token runs on
    assert door.silence() == []
    assert door.chosen is None
    assert not any(isinstance(event, Lines | Payload) for event in door.feed(b"TY\n"))


def test_the_end_before_the_token_is_no_text() -> None:
    door = make(token="secret")
    door.feed(b"PUT")
    assert not any(isinstance(event, Lines | Payload) for event in door.end())


def test_the_token_line_opens_the_raw_door() -> None:
    assert run(make(token="secret"), [b"to", b"ken secret\nhello\n"]) == [b"hello"]


def test_a_request_shows_its_token_itself() -> None:
    door = make(token="secret")
    (refused,) = door.feed(GET)
    assert isinstance(refused, Refused)
    assert refused.reply.startswith(b"HTTP/1.1 401 ")
    request = GET.replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer secret\r\n\r\n")
    assert run(make(token="secret"), [request]) == [("GET", "/channels", b"")]
    assert door.chosen is not None
    assert door.chosen.admitted
