"""The HTTP door: requests cut anywhere give the same events, and whatever comes nothing is raised."""

from __future__ import annotations

import pytest
from http_streams import BIG, CHUNKED_HEAD, EXPECT, chunked, cut, flat, make, request, run, send, status_of
from hypothesis import example, given
from hypothesis import strategies as st

from hdaemon.wire.events import Event, Refused, Reply, Request
from hdaemon.wire.http import CONTINUE

STREAM = b"".join(
    [
        request("GET /channels"),
        b"\r\n\r\n",
        request("PUT /channels/a", "Content-Type: text/plain", body=b"hello"),
        chunked("PUT /channels/b", b"one", b"\r\n0\r\n\r\n"),
        request("PUT /channels/c", body=BIG * b"x"),
        request("POST /channels/d", "Expect: 100-continue", body=b"\r\n\r\n"),
        chunked("PUT /channels/e", b"x" * 300, headers="Expect: 100-continue\r\n", trailers=b"X-Sum: 1\r\nY: 2\r\n"),
        chunked("PUT /channels/f"),
        request("PUT /channels/g", length=0),
        request("HEAD /status"),
        request("PUT /channels/h", "Connection: close", body=b"last"),
        request("GET /never"),
    ]
)
WANTED: list[object] = [
    ("GET", "/channels", b""),
    ("PUT", "/channels/a", b"hello"),
    ("PUT", "/channels/b", b"one\r\n0\r\n\r\n"),
    ("PUT", "/channels/c", BIG * b"x"),
    ("POST", "/channels/d", b"\r\n\r\n"),
    ("PUT", "/channels/e", 300 * b"x"),
    ("PUT", "/channels/f", b""),
    ("PUT", "/channels/g", b""),
    ("HEAD", "/status", b""),
    ("PUT", "/channels/h", b"last"),
]

# The same without the large body: short enough to be cut at every place.
SHORT = STREAM.replace(request("PUT /channels/c", body=BIG * b"x"), b"")
SHORT_WANTED = [item for item in WANTED if item[1] != "/channels/c"]  # type: ignore[index]


# -- cuts -----------------------------------------------------------------------------------------------


def test_whole() -> None:
    assert run(make(), [STREAM]) == WANTED


def test_byte_by_byte() -> None:
    assert run(make(), [SHORT[i : i + 1] for i in range(len(SHORT))]) == SHORT_WANTED


def test_cut_in_two_anywhere() -> None:
    for place in range(len(SHORT) + 1):
        assert run(make(), [SHORT[:place], SHORT[place:]]) == SHORT_WANTED, place


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
@example([0, 0, 5, 5])
def test_cut_as_hypothesis_likes(places: list[int]) -> None:
    assert run(make(), cut(STREAM, places)) == WANTED


@given(st.lists(st.integers(0, 900), max_size=8), st.data())
def test_rubbish_after_a_request_is_refused_however_it_is_cut(places: list[int], data: st.DataObject) -> None:
    rubbish = data.draw(st.binary(min_size=1, max_size=40)) + b"\r\n\r\n"
    stream = request("PUT /a", body=b"12345") + chunked("PUT /b", b"1") + rubbish
    door, whole = make(), make()
    assert run(door, cut(stream, places)) == run(whole, [stream])


def test_pipelined_requests_come_in_order() -> None:
    stream = b"".join(request(f"PUT /channels/{i}", body=str(i).encode()) for i in range(500))
    assert run(make(), [stream]) == [("PUT", f"/channels/{i}", str(i).encode()) for i in range(500)]


def test_empty_lines_before_a_request_are_left_out() -> None:
    door = make()
    assert run(door, [100_000 * b"\r\n"]) == []
    assert not door.waiting
    assert run(door, [b"\r", b"\n", request("GET /a")]) == [("GET", "/a", b"")]


def test_a_body_longer_than_announced_is_taken_for_the_next_head() -> None:
    door = make()
    events = flat(door.feed(request("PUT /a", body=b"12345", length=3) + b"\r\n\r\n"))
    assert events[0] == ("PUT", "/a", b"123")
    assert events[1][0] == 400  # type: ignore[index]
    assert len(events) == 2
    assert door.feed(request("GET /b")) == []


# -- bodies that are received into place ----------------------------------------------------------------


def test_a_large_body_is_not_copied() -> None:
    door, size = make(), 1024 * 1024
    assert door.target is None
    assert door.feed(request("PUT /a", length=size) + b"abc") == []
    target = door.target
    assert target is not None
    assert len(target) == size - 3
    assert door.in_body
    target[:] = (size - 3) * b"x"
    (event,) = door.received(size - 3)
    assert isinstance(event, Request)
    assert isinstance(event.body, memoryview)
    assert event.body.readonly
    assert event.body == b"abc" + (size - 3) * b"x"
    target[0] = ord("!")  # only the test still holds it: it shows that the two are one
    assert event.body[3] == ord("!")
    assert door.target is None
    assert not door.in_body
    assert not door.waiting


def test_the_target_moves_on() -> None:
    door = make()
    door.feed(request("PUT /a", length=BIG))
    for left in (BIG, BIG - 7, BIG - 8):
        target = door.target
        assert target is not None
        assert len(target) == left
        door.received({BIG: 7, BIG - 7: 1, BIG - 8: 0}[left])
    assert run(door, [BIG * b"z"])[0][0] == "PUT"  # type: ignore[index]


def test_two_large_bodies_do_not_share_a_buffer() -> None:
    door = make()
    first, second = (send(door, request("PUT /a", body=BIG * letter))[0] for letter in (b"x", b"y"))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert first.body == BIG * b"x"
    assert second.body == BIG * b"y"


def test_chunked_and_small_bodies_have_no_target() -> None:
    for data in (request("PUT /a", length=100), chunked("PUT /a", b"x")[:-5]):
        door = make()
        door.feed(data)
        assert door.in_body
        assert door.target is None


# -- chunked bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"03\r\nabc\r\n00\r\n\r\n", b"abc"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"a;x=y\r\n0123456789\r\n0;z\r\n\r\n", b"0123456789"),
        (b"1\r\na\r\n1\r\nb\r\n0\r\nT: 1\r\n\r\n", b"ab"),
    ],
)
def test_chunks(body: bytes, wanted: bytes) -> None:
    for place in range(len(body) + 1):
        door = make()
        assert run(door, [CHUNKED_HEAD, body[:place], body[place:]]) == [("PUT", "/a", wanted)]
        assert not door.waiting


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b" 1\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"1_0\r\n",
        b"123456789012345678901\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\n x\r\n\r\n",
        b"1;" + 200_000 * b"x",
        b"0\r\n" + 200_000 * b"X",
    ],
)
def test_malformed_chunks_are_refused(body: bytes) -> None:
    door = make()
    events = [*door.feed(CHUNKED_HEAD), *door.feed(body), *door.feed(b"\r\n\r\n")]
    (refused,) = events
    assert status_of(refused) == 400
    assert door.feed(request("GET /b")) == []


def test_chunks_up_to_the_limit_and_one_byte_past() -> None:
    whole = (b"x" * 60, b"x" * 40)
    assert run(make(max_http_message_bytes=100), [chunked("PUT /a", *whole)]) == [("PUT", "/a", 100 * b"x")]
    door = make(max_http_message_bytes=100)
    ((status, reason),) = run(door, [chunked("PUT /a", *whole, b"y")])
    assert status == 413
    assert "limit of 100" in reason
    assert "max_http_message_bytes" in reason


def test_a_huge_chunk_is_refused_when_it_has_grown_too_large() -> None:
    door = make(max_http_message_bytes=100)
    assert door.feed(CHUNKED_HEAD + b"ffffffffffffffff\r\n" + 100 * b"x") == []
    (refused,) = door.feed(b"x")
    assert status_of(refused) == 413


# -- Expect: 100-continue -------------------------------------------------------------------------------


def test_a_client_that_waits_is_told_to_go_on() -> None:
    for head, body in (
        (request("PUT /a", EXPECT, length=2), b"hi"),
        (request("PUT /a", EXPECT, length=BIG), BIG * b"x"),
        (chunked("PUT /a", headers=EXPECT + "\r\n")[:-5], b"2\r\nhi\r\n0\r\n\r\n"),
    ):
        door = make()
        assert send(door, head) == [Reply(CONTINUE)]
        (event,) = send(door, body)
        assert isinstance(event, Request)


@pytest.mark.parametrize(
    "data",
    [
        request("PUT /a", EXPECT, body=b"hi"),
        request("PUT /a", EXPECT, length=2) + b"h",
        request("PUT /a", EXPECT, length=0),
        request("GET /a", EXPECT),
        request("PUT /a", EXPECT, length=2).replace(b"HTTP/1.1", b"HTTP/1.0"),
        request("PUT /a", length=2),
    ],
)
def test_a_client_that_does_not_wait_is_not_told(data: bytes) -> None:
    assert Reply(CONTINUE) not in make().feed(data)


# -- rubbish --------------------------------------------------------------------------------------------

PIECES = [request("GET /a"), CHUNKED_HEAD, request("PUT /a", length=3), request("PUT /a", length=BIG), b"\r\n", b"3"]
PIECES += [
    b"0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"GET ",
    b":",
    b"\0",
    b"\xff",
    b"Host: ",
    b" HTTP/1.1\r\n",
    request("PUT /", EXPECT),
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40), st.sampled_from(["silence", "end"]))))
def test_whatever_comes_nothing_is_raised(steps: list[bytes | str]) -> None:
    door = make(max_http_message_bytes=200_000)
    events: list[Event] = []
    for step in steps:
        if isinstance(step, bytes):
            events += send(door, step)
        else:
            events += door.silence() if step == "silence" else door.end()
    assert sum(isinstance(event, Refused) for event in events) <= 1
    assert not any(isinstance(event, Refused) for event in events[:-1])
