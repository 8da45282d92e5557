"""Request heads: both parsers say the same of every head, and what is refused has the right status."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
from head_cases import HOST, INVALID, VALID, get, post, raw
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hdaemon.wire import heads
from hdaemon.wire.heads import Head, HttpError, KnownHead, Parsed, parse_head, parse_with_h11, parse_with_httptools

Parser = Callable[[bytes], Parsed]

PARSERS: list[Parser] = [parse_with_h11]
if importlib.util.find_spec("httptools") is not None:
    PARSERS.append(parse_with_httptools)

needs_both = pytest.mark.skipif(len(PARSERS) < 2, reason="httptools is not installed")


def judged(data: bytes, parser: Parser) -> Head | int:
    """Return the head, or the status it is refused with."""
    try:
        return heads._head(data, parser)
    except HttpError as error:
        return error.status


def test_the_table_is_of_the_size_it_should_be() -> None:
    assert len(VALID) + len(INVALID) > 150
    assert len({data for data, *_ in VALID} | {data for data, _ in INVALID}) == len(VALID) + len(INVALID)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(("data", "keep_alive", "length", "expects"), VALID)
def test_valid(parser: Parser, data: bytes, keep_alive: bool, length: int | None, expects: bool) -> None:
    head = judged(data, parser)
    assert isinstance(head, Head), head
    line, *lines = data.decode("latin-1")[:-4].split("\r\n")
    method, target, _ = line.split(" ")
    pairs = [line.partition(":")[::2] for line in lines]
    headers = [(name.lower(), value.strip(" \t")) for name, value in pairs]
    headers = [(name, value.lower() if name == "transfer-encoding" else value) for name, value in headers]
    assert head == Head(method, target, tuple(headers), keep_alive, length, expects)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(("data", "status"), INVALID)
def test_invalid(parser: Parser, data: bytes, status: int) -> None:
    assert judged(data, parser) == status


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\nHost: a\n\r\n\r\n", "CR LF"),
        (get("X: a", " b"), "second line"),
        (raw("GET /\xe9 HTTP/1.1", HOST), "percent-encoded"),
        (raw("GET / HTTP/2.0", HOST), "use HTTP/1.1"),
        (raw("FOO / HTTP/1.1", HOST), "'FOO' is not known: use GET"),
        (raw("GET / HTTP/1.1"), "this one has 0"),
        (post("Content-Length: 5", "Content-Length: 6"), "one whole number, and is '5, 6'"),
        (post("Content-Length: 5", "Transfer-Encoding: chunked"), "send one of them"),
        (post("Transfer-Encoding: gzip"), "must end with chunked, once, and is 'gzip'"),
        (post("Transfer-Encoding: gzip, chunked"), "'gzip, chunked' is not known"),
        (post("Expect: x"), "only 100-continue"),
    ],
)
def test_an_error_says_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(HttpError) as caught:
        parse_head(data)
    assert words in str(caught.value)


def test_an_error_quotes_little() -> None:
    for data in (
        raw("GET " + 9000 * "x" + " HTTP/1.1", HOST),
        raw(9000 * "X" + " / HTTP/1.1", HOST),
        post("Content-Length: " + 9000 * "9"),
        post("Transfer-Encoding: " + 9000 * "x"),
        post("Expect: " + 9000 * "x"),
    ):
        with pytest.raises(HttpError) as caught:
            parse_head(data)
        assert len(str(caught.value)) < 300


def test_parse_head_takes_the_parser_that_is_there() -> None:
    assert parse_head(get("X: y")) == heads._head(get("X: y"), PARSERS[-1])
    assert heads._parser() is PARSERS[-1]


def test_without_httptools_h11_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(heads, "_chosen", [])
    monkeypatch.setitem(sys.modules, "httptools", None)
    assert heads._parser() is parse_with_h11
    assert parse_head(get()).method == "GET"


def test_get_and_all() -> None:
    head = parse_head(get("X: 1", "Y: 2", "x: 3"))
    assert head.all("x") == ["1", "3"]
    assert head.all("z") == []
    assert head.get("x") == "1"
    assert head.get("z") == ""
    assert head.get("z", "d") == "d"


def test_a_long_head_takes_no_time() -> None:
    """16 KiB of what a careless regular expression would look at again and again."""
    for value in (16000 * " " + "x", 8000 * " x", 16000 * ",", 16000 * "\t"):
        for name in ("Content-Length", "Transfer-Encoding", "X", "Connection"):
            assert judged(post(f"{name}: {value}"), parse_with_h11) is not None


# -- random heads: either parser's leniency would show as a difference ----------------------------------

PIECES = [
    b"Host", b"Content-Length", b"Transfer-Encoding", b"chunked", b"Expect", b"100-continue", b"Connection", b"close",
    b"keep-alive", b"Upgrade", b"websocket", b":", b": ", b"\r\n", b"\r\n", b"\r\n ", b",", b" ", b"\t", b"5", b"0",
    b"HTTP/1.1", b"X", b"\n", b"\r", b"\0", b"\x01", b"\x0b", b"\x7f", b"\x80", b"\xff", b"(", b'"', b"_",
]  # fmt: skip

rubbish = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join),
    st.lists(
        st.tuples(st.sampled_from(PIECES[:11]), st.just(b": "), st.sampled_from(PIECES + [b"5, 5", b""])).map(b"".join),
        max_size=5,
    ).map(b"\r\n".join),
)
lines = st.one_of(
    st.sampled_from([b"GET / HTTP/1.1", b"POST /a HTTP/1.1", b"PUT /a HTTP/1.0", b"CONNECT / HTTP/1.1"]),
    st.binary(max_size=20).map(lambda path: b"GET /" + path + b" HTTP/1.1"),
    st.lists(st.sampled_from([b"GET", b" ", b"/", b"HTTP/", b"1", b".", b"1.1", b"\t", b"a", b"?"]), max_size=9).map(
        b"".join
    ),
)


@needs_both
@given(lines, st.booleans(), rubbish)
@example(b"GET / HTTP/1.1", True, b"Connection: \x01")
@example(b"GET  / HTTP/1.1", True, b"")
@example(b"POST /a HTTP/1.1", True, b"Content-Length: 5, 5")
def test_both_parsers_judge_alike(line: bytes, host: bool, between: bytes) -> None:
    data = line + b"\r\n" + (b"Host: a\r\n" if host else b"") + between + b"\r\n\r\n"
    data = data[: data.index(b"\r\n\r\n") + 4]  # as the door cuts it
    assert judged(data, parse_with_h11) == judged(data, parse_with_httptools)


@given(st.one_of(st.binary(max_size=200), rubbish))
def test_random_bytes_raise_http_errors_only(data: bytes) -> None:
    for parser in PARSERS:
        judged(data, parser)


# -- heads that are alike -----------------------------------------------------------------------------------

LINES = [
    "Host: 127.0.0.1:2000",
    "Content-Type: text/plain",
    "X-Note: a",
    "Connection: close",
    "Expect: 100-continue",
    'Idempotency-Key: "me/1"',
    'idempotency-key: "me/22"',
    "Idempotency-Key: me/3",
    "Content-Length: 0",
    "Content-Length: 12",
    "content-length: 345",
    "Content-Length:  6",
    "Content-Length: 1, 1",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
]


def written(first: str, lines: list[str]) -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode()


HEADS = st.builds(
    written,
    st.sampled_from(
        ["PUT /channels/a HTTP/1.1", "PUT /channels/b HTTP/1.1", "GET / HTTP/1.1", "PUT /channels/a HTTP/1.0"]
    ),
    st.lists(st.sampled_from(LINES), max_size=5).map(lambda lines: [LINES[0], *lines]),
)


@settings(max_examples=1500)
@given(HEADS, HEADS)
def test_a_head_that_is_like_a_known_one_is_what_it_would_be_parsed_to(known: bytes, data: bytes) -> None:
    try:
        like = KnownHead(known, parse_head(known)).like(data)
    except HttpError:
        return
    if like is not None:
        assert like == parse_head(data)


def test_what_a_pipelining_client_sends_is_alike() -> None:
    lines = ["Host: 127.0.0.1:2000", "Content-Type: text/plain"]
    heads_ = [
        written("PUT /channels/a HTTP/1.1", [*lines, f'Idempotency-Key: "me/{n}"', f"Content-Length: {n}"])
        for n in (9, 10, 1_000_000)
    ]
    known = KnownHead(heads_[0], parse_head(heads_[0]))
    for data, n in zip(heads_, (9, 10, 1_000_000), strict=True):
        like = known.like(data)
        assert like == parse_head(data)
        assert like is not None
        assert (like.length, like.get("idempotency-key")) == (n, f'"me/{n}"')


@pytest.mark.parametrize(
    "changed",
    [
        written("PUT /channels/b HTTP/1.1", ["Host: 127.0.0.1:2000", "Content-Length: 1"]),
        written("PUT /channels/a HTTP/1.1", ["Host: evil.test", "Content-Length: 1"]),
        written("PUT /channels/a HTTP/1.1", ["Host: 127.0.0.1:2000", "Origin: null", "Content-Length: 1"]),
        written("PUT /channels/a HTTP/1.1", ["Host: 127.0.0.1:2000", "Content-Length: 1", "Origin: null"]),
        written("PUT /channels/a HTTP/1.1", ["Host: 127.0.0.1:2000", "Content-Length: 1", "Content-Length: 1"]),
        written("PUT /channels/a HTTP/1.1", ["Host: 127.0.0.1:2000", "Transfer-Encoding: chunked"]),
        b"PUT /channels/a HTTP/1.1\r\nHost: 127.0.0.1:2000\r\nContent-Length: 1\n\r\n\r\n",
    ],
)
def test_what_differs_elsewhere_is_parsed_and_checked(changed: bytes) -> None:
    data = written("PUT /channels/a HTTP/1.1", ["Host: 127.0.0.1:2000", "Content-Length: 5"])
    assert KnownHead(data, parse_head(data)).like(changed) is None
