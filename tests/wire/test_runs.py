"""Requests that are taken apart together are what they are one by one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.wire.access import Access
from hdaemon.wire.events import Event, Refused, Reply, Request, Requests
from hdaemon.wire.heads import parse_head
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.limits import Limits
from hdaemon.wire.runs import Runs

HEAD = b"PUT /channels/%b HTTP/1.1\r\nHost: 127.0.0.1:2000\r\nContent-Type: text/plain\r\n"
LIMITS = Limits(max_head_bytes=1024, max_http_message_bytes=5000)


def put(body: bytes, key: bytes | None = b'"me/1"', channel: bytes = b"a") -> bytes:
    line = b"" if key is None else b"Idempotency-Key: %b\r\n" % key
    return HEAD % channel + line + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def puts(first: int, count: int, **more: bytes) -> bytes:
    return b"".join(put(b"body %d" % n, b'"me/%d"' % n, **more) for n in range(first, first + count))


def runs(example: bytes, max_body_bytes: int = 1000) -> Runs:
    head = example[: example.index(b"\r\n\r\n") + 4]
    return Runs(head, parse_head(head), 1024, max_body_bytes)


def found(example: bytes, data: bytes, max_body_bytes: int = 1000) -> tuple[list[bytes], bytes]:
    """Return the bodies that are found, and what is left."""
    run = runs(example, max_body_bytes).find(bytearray(data))
    return ([], data) if run is None else (run[0].bodies, data[run[1] :])


def door() -> HttpDoor:
    return HttpDoor(LIMITS, Access(("127.0.0.1",), 2000))


def one_by_one(events: list[Event]) -> list[Event]:
    return [one for event in events for one in (event.each() if isinstance(event, Requests) else [event])]


def read_one_by_one(data: bytes) -> list[Event]:
    """Return what a door makes of `data` that never sees two requests at once."""
    made, events = door(), []
    for at in range(len(data)):
        events += made.feed(data[at : at + 1])
    return events


def test_all_that_is_there() -> None:
    bodies, rest = found(put(b"x"), puts(8, 5) + puts(13, 1)[:-1])
    assert bodies == [b"body %d" % n for n in range(8, 13)]
    assert rest == puts(13, 1)[:-1]


def test_each_has_its_key_and_length() -> None:
    run = runs(put(b"x")).find(bytearray(puts(9, 2)))
    assert run is not None
    assert [request.head for request in run[0].each()] == [
        parse_head(puts(number, 1)[: -len(b"body %d" % number)]) for number in (9, 10)
    ]


def test_without_keys() -> None:
    data = put(b"one", None) + put(b"twelve", None)
    assert found(put(b"x", None), data + puts(1, 1)) == ([b"one", b"twelve"], puts(1, 1))
    assert found(put(b"x", None), puts(1, 2)) == ([], puts(1, 2))


@pytest.mark.parametrize(
    "other",
    [
        put(b""),
        put(b"x" * 1001),
        put(b"x", channel=b"b"),
        put(b"x", None),
        put(b"x", b'"a b"'),
        put(b"x").replace(b"Content-Length", b"content-length"),
        put(b"x").replace(b"Content-Length: ", b"Content-Length:"),
        put(b"x").replace(b"PUT", b"GET"),
        put(b"x").replace(b"text/plain", b"text/html"),
        b"\r\n" + put(b"x"),
        b"nonsense",
        put(b"x")[:-1],
        put(b"x")[:-6],
    ],
)
def test_it_ends_before_what_is_not_alike(other: bytes) -> None:
    rest = other + puts(4, 3)
    assert found(put(b"x"), puts(1, 3) + rest) == ([b"body 1", b"body 2", b"body 3"], rest)
    assert found(put(b"x"), other) == ([], other)


def test_what_looks_like_a_head_inside_a_body() -> None:
    sly = put(puts(7, 2), b'"me/3"')
    assert found(put(b"x"), puts(1, 2) + sly + puts(4, 2)) == ([b"body 1", b"body 2"], sly + puts(4, 2))
    assert [bytes(event.body) for event in one_by_one(door().feed(puts(1, 2) + sly + puts(4, 2)))] == [
        b"body 1", b"body 2", puts(7, 2), b"body 4", b"body 5"
    ]  # fmt: skip


def test_one_by_itself() -> None:
    sly = put(puts(7, 2), b'"me/3"')
    run = runs(put(b"x")).find(bytearray(sly))
    assert run is not None
    requests, size = run
    assert (requests.keys, requests.bodies, size) == ([b'"me/3"'], [puts(7, 2)], len(sly)), "its length says its end"
    assert found(put(b"x"), sly[:-1]) == ([], sly[:-1]), "it is not complete"
    assert found(put(b"x"), put(b"")) == ([], put(b""))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"PUT", b"GET"),
        lambda data: data.replace(b"Host", b"Connection: close\r\nHost"),
        lambda data: data.replace(b"Host", b"Expect: 100-continue\r\nHost"),
        lambda data: data.replace(b"Host", b"Cookie: " + b"x" * 1000 + b"\r\nHost"),
        lambda data: data.replace(b"Content-Type", b"Content-Length: 6\r\nX").replace(
            b"Content-Length: 6\r\n\r", b"\r"
        ),
    ],
)
def test_what_has_no_runs(change: Callable[[bytes], bytes]) -> None:
    data = change(puts(1, 3))
    assert runs(data).find(bytearray(data)) is None


def test_access_is_checked_before() -> None:
    made = HttpDoor(LIMITS, Access(("127.0.0.1",), 2000, token="secret"))
    (refused,) = made.feed(puts(1, 100))
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("PUT /channels/a: HTTP 401")


KINDS = st.sampled_from(
    [
        lambda n: put(b"body %d" % n, b'"me/%d"' % n),
        lambda n: put(b"body %d" % n, b'"me/%d"' % n),
        lambda n: put(b"x" * (n % 7), b'"me/%d"' % n),
        lambda n: put(b"body %d" % n, b'"me/1"'),
        lambda n: put(b"body %d" % n, None),
        lambda n: put(b"body", b'"me/%d"' % n, b"b"),
        lambda n: put(puts(n, 2), b'"me/%d"' % n),
        lambda n: put(b"x").replace(b"PUT", b"GET"),
        lambda n: put(b"x").replace(b"Host", b"Expect: 100-continue\r\nHost"),
        lambda n: HEAD % b"a" + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        lambda n: b"\r\n",
    ]
)
LAST = st.sampled_from(
    [b"", put(b"x")[:-1], put(b"x")[:70], put(b"x" * 6000), b"nonsense\r\n\r\n", put(b"x", b'"a"b"')]
)


@given(st.lists(st.tuples(KINDS, st.integers(1, 12)), max_size=8), LAST, st.lists(st.integers(1, 3000), max_size=6))
def test_the_same_as_one_by_one(kinds: list[tuple[Callable[[int], bytes], int]], last: bytes, cuts: list[int]) -> None:
    pipeline = b"".join(make(number + repeat) for number, (make, most) in enumerate(kinds) for repeat in range(most))
    pipeline += last
    made, events, at = door(), [], 0
    for size in [*cuts, len(pipeline)]:
        events += made.feed(pipeline[at : at + size])
        at += size
    assert plain(one_by_one(events)) == plain(read_one_by_one(pipeline))


def plain(events: list[Event]) -> list[object]:
    """Return the events without 100 Continue, which is only sent when no more has come."""
    return [
        (event.head, bytes(event.body)) if isinstance(event, Request) else event
        for event in events
        if not isinstance(event, Reply)
    ]


def test_the_property_reaches_runs() -> None:
    events = door().feed(puts(1, 50))
    assert [type(event) for event in events] == [Request, Request, Requests]


@given(st.lists(st.integers(990, 1010).map(lambda size: b"x" * size) | st.sampled_from([b"PUT /x", b""]), max_size=5))
def test_large_bodies_are_taken_from_head_to_head(bodies: list[bytes]) -> None:
    bodies = [b"x" * 1001, *bodies]
    data = b"".join(put(body, b'"me/%d"' % number) for number, body in enumerate(bodies))
    run = runs(put(b"x"), 1005).find(bytearray(data + put(b"y" * 1005)[:-1]))
    fit = next((number for number, body in enumerate(bodies) if not 0 < len(body) <= 1005), len(bodies))
    assert run is not None
    assert run[0].bodies == bodies[:fit]
    assert run[0].keys == [b'"me/%d"' % number for number in range(fit)]
    assert run[0].lengths == [b"%d" % len(body) for body in bodies[:fit]]
    assert run[1] == sum(len(put(body, b'"me/1"')) for body in bodies[:fit])


@pytest.mark.parametrize("keyed", [True, False])
def test_clients_of_a_kind_have_one_pattern_between_them(keyed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    key = b'"me/1"' if keyed else None
    known = [runs(put(b"first", key, b"crowd/%d" % number), 5000) for number in range(8)]
    known[0].find(bytearray(put(b"x" * 2000, key, b"crowd/0")))
    monkeypatch.setattr(re, "compile", lambda *_: pytest.fail("a pattern is made for each client"))
    for number, one in enumerate(known):
        data = put(b"x" * 2000, key, b"crowd/%d" % number)
        large = one.find(bytearray(data + data))
        assert large is not None
        assert (large[0].bodies, large[1]) == ([b"x" * 2000] * 2, 2 * len(data))
        single = one.find(bytearray(put(b"small", key, b"crowd/%d" % number)))
        assert single is not None
        assert single[0].bodies == [b"small"]
        assert one.find(bytearray(put(b"x" * 2000, key, b"other/%d" % number))) is None
