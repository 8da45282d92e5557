"""The HTTP door: limits, time, and the end of a connection; what cannot be served is refused once, with its status."""

from __future__ import annotations

import pytest
from http_streams import BIG, CHUNKED_HEAD, EXPECT, HOST, chunked, flat, make, request, run, status_of

from hdaemon.wire.events import Refused

# -- limits ---------------------------------------------------------------------------------------------


def test_the_body_up_to_the_limit_and_one_byte_past() -> None:
    door = make(max_http_message_bytes=100)
    assert run(door, [request("PUT /a", body=100 * b"x")]) == [("PUT", "/a", 100 * b"x")]
    (refused,) = door.feed(request("PUT /a", "Expect: 100-continue", length=101))  # before the body, and no 100
    assert status_of(refused) == 413
    assert not door.in_body
    assert not door.waiting


@pytest.mark.parametrize("length", [2**40, 2**63, 10**19 - 1])
def test_an_announced_length_costs_nothing(length: int) -> None:
    (refused,) = make().feed(request("PUT /a", length=length))
    assert status_of(refused) == 413


def test_a_body_that_no_memory_can_hold_is_refused() -> None:
    (refused,) = make(max_http_message_bytes=2**62).feed(request("PUT /a", length=2**61))
    assert status_of(refused) == 503


def test_the_head_up_to_the_limit_and_one_byte_past() -> None:
    size = 500
    head = request("GET /a", "X: " + (size - len(request("GET /a", "X: "))) * "x")
    assert len(head) == size
    for pieces in ([head], [head[:-1], head[-1:]], [head[i : i + 1] for i in range(size)]):
        assert run(make(max_head_bytes=size), pieces) == [("GET", "/a", b"")]
        ((status, reason),) = run(make(max_head_bytes=size - 1), pieces)
        assert status == 431
        assert "max_head_bytes" in reason


def test_a_head_without_end_is_refused_one_byte_past_the_limit() -> None:
    door = make(max_head_bytes=100)
    assert door.feed(b"GET /" + 95 * b"x") == []
    (refused,) = door.feed(b"x")
    assert status_of(refused) == 431


def test_a_small_head_before_a_large_body_is_no_large_head() -> None:
    assert run(make(max_head_bytes=200), [request("PUT /a", body=5000 * b"x")]) == [("PUT", "/a", 5000 * b"x")]


# -- time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begun", "words"),
    [
        (b"G", "the rest of the head"),
        (request("GET /a")[:-1], "the rest of the head"),
        (request("PUT /a", body=b"12")[:-1], "the rest of the body"),
        (request("PUT /a", length=BIG), "the rest of the body"),
        (CHUNKED_HEAD, "the rest of the body"),
        (CHUNKED_HEAD + b"3\r\nab", "the rest of the body"),
    ],
)
def test_what_stands_still_is_timed_out(begun: bytes, words: str) -> None:
    for before in (b"", request("GET /first")):
        door = make()
        door.feed(before + begun)
        assert door.waiting
        (refused,) = door.silence()
        assert status_of(refused) == 408
        assert isinstance(refused, Refused)
        assert words in refused.reason
        assert "/first" not in refused.reason  # it was answered: this is not about it
        assert door.silence() == []
        assert door.feed(request("GET /b")) == []
        assert not door.waiting
        assert door.target is None


def test_silence_between_requests_is_nothing() -> None:
    door = make()
    assert not door.waiting
    assert door.silence() == []
    door.feed(request("GET /a"))
    assert not door.waiting
    assert door.silence() == []
    assert run(door, [request("GET /b")]) == [("GET", "/b", b"")]


@pytest.mark.parametrize("begun", [b"GET", request("PUT /a", length=5), CHUNKED_HEAD, CHUNKED_HEAD + b"3\r\na"])
def test_a_request_that_is_not_complete_at_the_end_is_refused(begun: bytes) -> None:
    for before in (b"", request("GET /first")):
        door = make()
        door.feed(before + begun)
        (refused,) = door.end()
        assert status_of(refused) == 400
        assert isinstance(refused, Refused)
        assert "ended inside a request" in refused.reason
        assert door.end() == []
        assert door.feed(b"12345") == []
        assert door.silence() == []


def test_the_end_between_requests_is_nothing() -> None:
    for data in (b"", request("GET /a"), b"\r\n"):
        door = make()
        door.feed(data)
        assert door.end() == []
        assert door.feed(request("GET /b")) == []


# -- the end of a connection ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "last",
    [
        request("GET /a", "Connection: close"),
        request("PUT /a", "Connection: close", body=b"hi"),
        request("PUT /a", "Connection: close", body=BIG * b"x"),
        chunked("PUT /a", b"x", headers="Connection: close\r\n"),
        b"GET /a HTTP/1.0\r\n" + HOST + b"\r\n",
    ],
)
def test_nothing_comes_after_the_last_request(last: bytes) -> None:
    for after in ([last + request("GET /b")], [last, request("GET /b")]):
        door = make()
        ((_, target, _),) = run(door, after)
        assert target == "/a"
        assert not door.waiting
        assert door.target is None
        assert door.silence() == []
        assert door.end() == []


def test_http_1_0_stays_open_when_asked_to() -> None:
    one = b"PUT /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n" + HOST + b"\r\nx"
    assert run(make(), [one + one]) == 2 * [("PUT", "/a", b"x")]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 400),
        (request("PUT /a", "Origin: http://evil.test", length=BIG), 403),
        (request("PUT /a", "Sec-Fetch-Site: cross-site", EXPECT, length=5), 403),
        (request("GET http://127.0.0.1:2000/"), 400),
        (request("FOO /"), 501),
        (request("PUT /", "Expect: tea"), 417),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ],
)
def test_a_refusal_is_the_last_event(data: bytes, status: int) -> None:
    door = make()
    (refused,) = door.feed(data + request("PUT /smuggled", body=b"x"))
    assert status_of(refused) == status
    assert door.feed(request("PUT /smuggled", body=b"x")) == []
    assert door.target is None
    assert not door.waiting
    assert not door.in_body
    assert door.silence() == []


def test_requests_before_a_refusal_are_served() -> None:
    events = make().feed(request("GET /a") + request("GET /b", "Origin: null") + request("GET /c"))
    assert flat(events[:1]) == [("GET", "/a", b"")]
    assert status_of(events[1]) == 403
    assert len(events) == 2


def test_each_request_shows_the_token() -> None:
    door = make(token="secret")
    assert door.admitted
    events = door.feed(request("GET /a", "Authorization: Bearer secret") + request("PUT /b", length=BIG))
    assert flat(events[:1]) == [("GET", "/a", b"")]
    assert status_of(events[1]) == 401
    assert isinstance(events[1], Refused)
    assert b"\r\nWWW-Authenticate: Bearer\r\n" in events[1].reply
    assert "secret" not in events[1].reason
    assert "PUT /b" in events[1].reason


def test_the_refusal_of_head_has_no_body() -> None:
    (refused,) = make().feed(request("HEAD /a", "Origin: null"))
    assert isinstance(refused, Refused)
    assert refused.reply.endswith(b"\r\n\r\n")
    door = make()
    door.feed(request("HEAD /a"))
    (refused,) = door.feed(b"rubbish\r\n\r\n")
    assert status_of(refused) == 400
