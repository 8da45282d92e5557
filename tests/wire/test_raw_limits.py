"""The raw door: limits, the token, and what must not get through."""

from __future__ import annotations

import pytest
from raw_scripts import HTTP_REQUEST, SILENCE, TLS_HELLO, Script, cut_up, make, ones, run, texts

from hdaemon.wire import raw
from hdaemon.wire.events import Refused

# -- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\r"])
@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(framing: str, end: bytes, cut: int) -> None:
    counted = len(end) if framing == "burst" else 0  # in a burst the line end is part of the message
    exact = b"x" * (50 - counted) + end
    message = exact if framing == "burst" else exact.rstrip()
    door = make(framing, max_raw_message_bytes=50)
    assert run(door, cut_up([exact], iter(lambda: cut, 0))) == texts(message)
    door = make(framing, max_raw_message_bytes=50)
    (refused,) = run(door, cut_up([b"x" + exact], iter(lambda: cut, 0)))
    assert isinstance(refused, Refused)
    assert "larger than the limit of 50 bytes" in refused.reason
    assert "max_raw_message_bytes" in refused.reason
    assert refused.reply.startswith(b"hdaemon: refused: ")
    assert refused.reply.endswith(b"\n")
    assert door.feed(b"more\n") == []
    assert door.silence() == []
    assert door.end() == []
    assert not door.waiting


@pytest.mark.parametrize("tail", [b"\0", b"\r"])
def test_the_limit_holds_for_bytes(tail: bytes) -> None:
    door = make(max_raw_message_bytes=50)
    assert run(door, [b"\0" * 49 + tail]) == [("application/octet-stream", b"\0" * 49 + tail)]
    door = make(max_raw_message_bytes=50)
    (refused,) = run(door, [b"\0" * 50 + tail])
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("cut", [1, 1000])
def test_lines_before_one_that_is_too_large_are_kept(cut: int) -> None:
    script: Script = [b"a\nb\r\n" + b"x" * 51 + b"\nc\n"]
    items = run(make(max_raw_message_bytes=50), cut_up(script, iter(lambda: cut, 0)))
    assert items[:-1] == texts(b"a", b"b")
    assert isinstance(items[-1], Refused)


@pytest.mark.parametrize("size", [60, (1 << 20) + 60])  # a line longer than 1 MiB goes another way
@pytest.mark.parametrize("form", ["Host: {}", "GET /{} HTTP/1.1"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_is_too_large_is_refused_as_that_however_it_is_cut(size: int, form: str, end: bytes) -> None:
    """A fuzzer's finding: in pieces it was too large, in one piece an HTTP header. What is not is told as HTTP."""
    line = form.format("x" * (size - len(form.format("")))).encode()
    assert len(line) == size
    for limit, said in ((size - 1, "larger than the limit of"), (size, "came in on the raw door")):
        for pieces in ([b"a\n" + line + end], [b"a\n" + line[:-1], line[-1:] + end]):
            before, refused = run(make(max_raw_message_bytes=limit), pieces)
            assert [before] == texts(b"a")
            assert isinstance(refused, Refused)
            assert said in refused.reason


@pytest.mark.parametrize("cut", [1, 1000])
def test_a_mode_word_longer_than_the_limit_is_too_large(cut: int) -> None:
    assert run(make(max_raw_message_bytes=8), cut_up([b"evaluate\r\n"], iter(lambda: cut, 0))) == ["evaluate"]
    (refused,) = run(make(max_raw_message_bytes=7), cut_up([b"evaluate\r\n"], iter(lambda: cut, 0)))
    assert isinstance(refused, Refused)
    assert "larger than the limit of 7 bytes" in refused.reason


def test_many_lines_together_may_be_larger_than_the_limit() -> None:
    assert len(run(make(max_raw_message_bytes=5), [b"12345\n" * 100])) == 100


# -- the token ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 5, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_right_token(end: bytes, cut: int) -> None:
    door = make(token="sécret")
    assert not door.admitted
    script: Script = ["token sécret".encode() + end + b"hello\n"]
    assert run(door, cut_up(script, iter(lambda: cut, 0))) == texts(b"hello")
    assert door.admitted


@pytest.mark.parametrize(
    "first", [b"token wrong\n", b"hello\n", b"\n", b"TOKEN secret\n", b"token secret \n", b"\xff\n"]
)
def test_a_wrong_token(first: bytes) -> None:
    door = make(token="secret")
    (refused,) = run(door, [first + b"token secret\nhello\n"])
    assert isinstance(refused, Refused)
    assert "token" in refused.reason
    assert b"secret" not in refused.reply
    assert not door.admitted


def test_nothing_counts_before_the_token() -> None:
    door = make(token="secret")
    assert run(door, [b"hello", SILENCE, b" world", SILENCE], end=False) == []
    assert not door.waiting
    assert door.end() == []


def test_a_token_line_has_a_limit() -> None:
    door = make(token="secret", max_token_line_bytes=100)
    assert door.feed(b"x" * 100) == []
    (refused,) = door.feed(b"x")
    assert isinstance(refused, Refused)
    assert door.feed(b"\ntoken secret\n") == []


def test_a_browser_at_a_door_with_a_token() -> None:
    (refused,) = run(make(token="secret"), [HTTP_REQUEST])
    assert isinstance(refused, Refused)
    assert "HTTP" in refused.reason


MADE = b"token " + b"Ab3-_" * 8 + b"xyz"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("framing", ["lines", "burst"])
@pytest.mark.parametrize("token", [None, MADE[6:].decode()])
def test_a_token_that_is_shown_unasked_is_no_data(end: bytes, framing: str, token: str | None) -> None:
    before = MADE + end if token else b""
    for script in ([before + MADE + end + b"hello"], [before, MADE, end, b"hel", b"lo"]):
        assert run(make(framing, token), script) == [("text/plain", b"hello")]
    for half_an_end in (b"", b"\r"):
        assert run(make(framing, token), [before + MADE + half_an_end]) == []


@pytest.mark.parametrize("framing", ["lines", "burst"])
def test_nor_is_it_before_bytes(framing: str) -> None:
    """A fuzzer's finding: in a burst of bytes it was kept, and shown in the log."""
    for script in ([MADE + b"\n\0\1"], [MADE, b"\n", b"\0\1"]):
        assert run(make(framing), script) == [("application/octet-stream", b"\0\1")]


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize("first", [MADE, b"print", b"evaluate"])
def test_a_later_one_is_data_however_it_is_cut(first: bytes, cut: int) -> None:
    script: Script = [first + b"\n" + MADE + b"\n"]
    words = [] if first == MADE else [first.decode()]
    assert run(make(), cut_up(script, iter(lambda: cut, 0))) == [*words, ("text/plain", MADE)]


@pytest.mark.parametrize(
    "line", [b"token of my esteem", MADE[:-1], MADE + b"x", MADE + b" x", b"x" + MADE, b"token  " + MADE[6:]]
)
def test_what_only_looks_like_a_token_is_data(line: bytes) -> None:
    assert run(make(), [line + b"\n"]) == [("text/plain", line)]
    assert run(make(), [line]) == [("text/plain", line)]


def test_later_lines_are_data() -> None:
    assert run(make(), [b"a\n" + MADE + b"\n"]) == [("text/plain", b"a"), ("text/plain", MADE)]


# -- what must not get through ------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", raw.FRAMINGS)
@pytest.mark.parametrize(
    "data",
    [
        HTTP_REQUEST, b"GET / HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\n\n", b"PRI * HTTP/2\r\n\r\n", b"GET / HTTP/1.1",
        b"Host: 127.0.0.1\r\n", b"hOST:x\n",
    ],
)  # fmt: skip
def test_an_http_client_is_refused_before_any_of_it_counts(framing: str, data: bytes) -> None:
    for script in ([data, SILENCE], cut_up([data], ones())):
        (refused,) = run(make(framing), script)
        assert isinstance(refused, Refused)
        assert "web page" in refused.reason
        assert refused.reply.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_host_header_after_other_lines(framing: str) -> None:
    items = run(make(framing), [b"GETX\na\r\nHost: localhost\r\nb\n"])
    assert isinstance(items[-1], Refused)
    assert items[:-1] == (texts(b"GETX", b"a") if framing == "lines" else [])


@pytest.mark.parametrize(
    "data", [b"GET the door\n", b"Hostess: x\n", b"a Host: b\n", b"get / HTTP/1.1\n", b"AB / HTTP/1.1\n"]
)
def test_what_only_looks_like_it_is_text(data: bytes) -> None:
    assert run(make(), [data]) == texts(data[:-1])


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_tls_hello_closes(framing: str) -> None:
    (refused,) = run(make(framing), [TLS_HELLO, SILENCE])
    assert isinstance(refused, Refused)
    assert "TLS" in refused.reason


def test_bytes_that_begin_like_tls_later_are_bytes() -> None:
    assert run(make(), [b"a\n", SILENCE, TLS_HELLO])[1] == ("application/octet-stream", TLS_HELLO)
