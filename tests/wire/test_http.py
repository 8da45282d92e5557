"""The HTTP door: requests cut anywhere give the same events; what cannot be served is refused once, with its status."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hdaemon.wire.access import Access
from hdaemon.wire.events import Event, Refused, Reply, Request
from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import CONTINUE, HttpDoor, answer, error_answer
from hdaemon.wire.limits import Limits

HOST = b"Host: 127.0.0.1:2000\r\n"
BIG = 100_000
"""A body that is received into a buffer of its own."""


def make(token: str | None = None, **limits: int) -> HttpDoor:
    return HttpDoor(Limits(**limits), Access((), 2000, token))


def request(line: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    lines = [*headers]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    head = line.encode() + b" HTTP/1.1\r\n" + HOST + "".join(f"{text}\r\n" for text in lines).encode("latin-1")
    return head + b"\r\n" + body


def chunked(line: str, *chunks: bytes, headers: str = "", trailers: bytes = b"") -> bytes:
    parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = f"{line} HTTP/1.1\r\n{headers}Transfer-Encoding: chunked\r\n".encode() + HOST
    return head + b"\r\n" + parts + b"0\r\n" + trailers + b"\r\n"


def send(door: HttpDoor, data: bytes) -> list[Event]:
    """Give `data` to the door as the server does: into its target, as far as it has one."""
    events: list[Event] = []
    view = memoryview(data)
    while True:
        target = door.target
        if target is None:
            events += door.feed(bytes(view))
            return events
        size = min(len(target), len(view))
        if not size:
            return events
        target[:size] = view[:size]
        view = view[size:]
        events += door.received(size)
        if not view:
            return events


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def flat(events: Iterable[Event]) -> list[object]:
    """Return what can be compared: 100 Continue depends on the cuts, and is left out."""
    items: list[object] = []
    for event in events:
        if isinstance(event, Request):
            items.append((event.head.method, event.head.target, bytes(event.body)))
        elif isinstance(event, Refused):
            items.append((status_of(event), event.reason))
        else:
            assert event == Reply(CONTINUE)
    return items


def run(door: HttpDoor, pieces: Iterable[bytes]) -> list[object]:
    return flat(event for piece in pieces for event in send(door, piece))


def status_of(refused: Event) -> int:
    """Return the status of a refusal, whose reply must be a whole response that closes the connection."""
    assert isinstance(refused, Refused)
    head, _, body = refused.reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert b"\r\nConnection: close" in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head
    assert set(json.loads(body)) == {"error"}
    status = int(head[9:12])
    assert f"HTTP {status}: " in refused.reason
    return status


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

CHUNKED_HEAD = chunked("PUT /a")[:-5]


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


# -- Expect: 100-continue -------------------------------------------------------------------------------

EXPECT = "Expect: 100-continue"


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


# -- answers --------------------------------------------------------------------------------------------


def parsed(parts: Iterable[bytes | bytearray | memoryview]) -> tuple[str, dict[str, str], bytes]:
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = [text.split(": ", 1) for text in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs)
    return line, headers, body


def test_an_answer() -> None:
    line, headers, body = parsed(answer(200, b"hi", "text/plain", (("ETag", '"7"'),)))
    assert line == "HTTP/1.1 200 OK"
    assert headers == {
        "content-type": "text/plain",
        "content-length": "2",
        "etag": '"7"',
        "x-content-type-options": "nosniff",
    }
    assert body == b"hi"


def test_an_answer_without_a_body() -> None:
    _, headers, body = parsed(answer(200))
    assert headers["content-length"] == "0"
    assert body == b""


def test_the_answer_to_head_says_the_length_only() -> None:
    got, head = parsed(answer(200, b"hello")), parsed(answer(200, b"hello", with_body=False))
    assert head == (*got[:2], b"")
    assert head[1]["content-length"] == "5"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body(status: int) -> None:
    _, headers, body = parsed(answer(status, b"left out", headers=(("ETag", '"1"'),)))
    assert headers == {"etag": '"1"'}
    assert body == b""


def test_the_last_answer_says_so() -> None:
    assert parsed(answer(200, keep_alive=False))[1]["connection"] == "close"
    assert "connection" not in parsed(answer(200))[1]


@pytest.mark.parametrize("size", [1, 4095, 4096, BIG])
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_a_large_body_is_a_part_of_its_own(size: int, kind: type) -> None:
    body = kind(size * b"x")
    parts = answer(200, body)
    assert parsed(parts)[1]["content-length"] == str(size)
    assert parsed(parts)[2] == size * b"x"
    assert any(part is body for part in parts) == (size >= 4096)


def test_an_error_is_json_with_its_headers() -> None:
    error = HttpError(405, "DELETE is not possible here: use GET", (("Allow", "GET"),))
    line, headers, body = parsed([error_answer(error)])
    assert line.startswith("HTTP/1.1 405 ")
    assert headers["allow"] == "GET"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert json.loads(body) == {"error": "DELETE is not possible here: use GET"}
    assert "connection" not in headers
    assert parsed([error_answer(error, keep_alive=False)])[1]["connection"] == "close"
    assert parsed([error_answer(error, with_body=False)])[2] == b""


def test_an_error_in_any_language() -> None:
    _, headers, body = parsed([error_answer(HttpError(404, "größe 模型\r\nX: y"))])
    assert json.loads(body) == {"error": "größe 模型\r\nX: y"}
    assert headers["content-length"] == str(len(body))
    assert "x" not in headers
