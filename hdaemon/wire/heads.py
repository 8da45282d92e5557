"""Request heads: what stands before a body (RFC 9112, 3 to 6), parsed by httptools where it is installed, else by h11.

Fed: one complete head, with the empty line that ends it. Returns a `Head`. Raises `HttpError` for anything else.
What the two parsers judge differently, or leave open, is decided here, before and after them: the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from hdaemon.errors import HdaemonError

__all__ = ["LAST_LINES", "Head", "HttpError", "KnownHead", "parse_head", "parse_with_h11", "parse_with_httptools"]

Headers = list[tuple[str, str]]
Parsed = tuple[str, str, str, Headers]  # method, target, version, headers with names in lower case

_METHODS = frozenset(b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split())  # RFC 9110, 9.1; RFC 5789

_BAD_BYTE = re.compile(rb"(?<!\r)\n|\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REQUEST_LINE = re.compile(rb"([^ \t\r]+) ([^ \t\r]+) HTTP/([0-9]\.[0-9])\r\n")
_FOLDED = re.compile(rb"\r\n[ \t]")
_HOSTS = re.compile(rb"\r\nhost:", re.IGNORECASE)
_LENGTHS = re.compile(rb"\r\ncontent-length:([^\r]*)", re.IGNORECASE)
_CODINGS = re.compile(rb"\r\ntransfer-encoding:([^\r]*)", re.IGNORECASE)
LAST_LINES = re.compile(
    rb'(?:\r\nIdempotency-Key: ("[!#-\[\]-~]{1,128}"))?\r\nContent-Length: ([0-9]{1,19})\r\n\r\n\Z', re.IGNORECASE
)
_DIGITS = re.compile(rb"[0-9]{1,19}")


class HttpError(HdaemonError):
    """The request cannot be served: an HTTP status, and what the client should do.

    Attributes:
        status: the status code of the answer (RFC 9110, 15).
        headers: further headers of the answer.
    """

    def __init__(self, status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.status, self.headers = status, headers


class Head(NamedTuple):
    """What a request says of itself.

    Attributes:
        method: as sent, such as ``"PUT"``.
        target: path and query, as sent.
        headers: names in lower case, values stripped, in the order sent.
        keep_alive: the connection stays open after the answer.
        length: bytes of the body; None when it is chunked.
        expects: the client waits for ``100 Continue`` before it sends the body.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    keep_alive: bool
    length: int | None
    expects: bool

    def all(self, name: str) -> list[str]:
        """Return the values of every header of that name."""
        return [value for key, value in self.headers if key == name]

    def words(self, name: str) -> set[str]:
        """Return the words of a header that is a list of them (RFC 9110, 5.6.1), in lower case."""
        return {word.strip().lower() for value in self.all(name) for word in value.split(",")} - {""}

    def get(self, name: str, default: str = "") -> str:
        """Return the value of the first header of that name."""
        return next((value for key, value in self.headers if key == name), default)


def parse_head(data: bytes) -> Head:
    """Return the head that `data` is.

    Raises:
        HttpError: 400, 417, 501 or 505, and why.
    """
    return _head(data, _parser())


class KnownHead:
    """Heads that are alike but for their last lines, as a client sends them that pipelines messages to one channel.

    What was parsed once is not parsed again: the next head is the same, or begins with the same bytes and ends with a
    Content-Length, or with an Idempotency-Key and a Content-Length, each of the plainest form.

    Args:
        data: a head.
        head: what it was parsed to; admitted.
    """

    def __init__(self, data: bytes, head: Head) -> None:
        self._data, self._head = data, head
        last = LAST_LINES.search(data)
        self._begin: bytes | None = None
        if last is not None and head.length is not None:
            varying = 1 + (last.group(1) is not None)
            self._begin, self._headers = data[: last.start()], head.headers[:-varying]

    def like(self, data: bytes) -> Head | None:
        """Return the head that `data` is, or None when it is not like the known one and must be parsed."""
        if data == self._data:
            return self._head
        begin = self._begin
        if begin is None or not data.startswith(begin):
            return None
        last = LAST_LINES.fullmatch(data, len(begin))
        if last is None:
            return None
        key, length = last.groups()
        method, target, _, keep_alive, _, expects = self._head
        size = ("content-length", length.decode("latin-1"))
        more = (size,) if key is None else (("idempotency-key", key.decode("latin-1")), size)
        return Head(method, target, self._headers + more, keep_alive, int(length), expects)


class _Collector:
    """What httptools finds."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: Headers = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))


def parse_with_httptools(data: bytes) -> Parsed:
    """Parse with httptools (llhttp)."""
    import httptools

    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass  # the head is complete; what it asks for is decided later
    except httptools.HttpParserError as error:
        raise HttpError(400, f"the request's head is not HTTP/1.1: {error}") from error
    return (
        parser.get_method().decode("latin-1"),
        collector.url.decode("latin-1"),
        parser.get_http_version(),
        collector.headers,
    )


def parse_with_h11(data: bytes) -> Parsed:
    """Parse with h11."""
    import h11

    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data) + 1)
    try:
        connection.receive_data(data)
        request = connection.next_event()
    except h11.RemoteProtocolError as error:
        # Its words before the colon: after it, it may quote a header line, which may hold a token.
        said = str(error).partition(":")[0]
        raise HttpError(error.error_status_hint, f"the request's head is not HTTP/1.1: {said}") from error
    if not isinstance(request, h11.Request):
        raise HttpError(400, "the request's head is not HTTP/1.1: it is not complete")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    return request.method.decode("latin-1"), request.target.decode("latin-1"), request.http_version.decode(), headers


_chosen: list[Callable[[bytes], Parsed]] = []


def _parser() -> Callable[[bytes], Parsed]:
    if not _chosen:
        try:
            import httptools  # noqa: F401
        except ImportError:  # it is compiled, and Houdini's Python has none
            _chosen.append(parse_with_h11)
        else:
            _chosen.append(parse_with_httptools)
    return _chosen[0]


def _head(data: bytes, parse: Callable[[bytes], Parsed]) -> Head:
    _check(data)
    method, target, version, headers = parse(data)
    # The one header that h11 writes anew.
    headers = [(name, value.lower() if name == "transfer-encoding" else value) for name, value in headers]
    head = Head(method, target, tuple(headers), False, 0, False)
    connection = head.words("connection")
    keep_alive = "close" not in connection and (version == "1.1" or "keep-alive" in connection)
    expectations = {value.lower() for value in head.all("expect")} - {""}
    if expectations - {"100-continue"}:
        unknown = ", ".join(sorted(expectations))[:40]
        raise HttpError(417, f"the expectation {unknown!r} is not known: only 100-continue is")
    length = None if head.all("transfer-encoding") else int(head.get("content-length", "0"))
    return Head(method, target, tuple(headers), keep_alive, length, bool(expectations) and version == "1.1")


def _check(data: bytes) -> None:
    """Refuse what one parser takes and the other does not, and what the two tell apart by different statuses."""
    if data.find(b"\r\n\r\n") != len(data) - 4:
        raise HttpError(400, "the request's head is not complete, or goes on after its end")
    if _BAD_BYTE.search(data):
        raise HttpError(400, "a line of the request's head does not end with CR LF, or has a control character in it")
    if _FOLDED.search(data):
        raise HttpError(400, "a header goes on on a second line: RFC 9112, 5.2 forbids it")
    line = _REQUEST_LINE.match(data)
    if line is None:
        raise HttpError(400, "the first line must be a method, a path and HTTP/1.1, with one space between them")
    method, target, version = line.groups()
    if version not in (b"1.0", b"1.1"):
        raise HttpError(505, f"HTTP/{version.decode()} is not spoken here: use HTTP/1.1")
    if method not in _METHODS:
        name = method[:20].decode("latin-1")
        raise HttpError(501, f"the method {name!r} is not known: use GET, HEAD, PUT or POST")
    if not target.startswith(b"/") or not target.isascii():
        name = target.partition(b"?")[0][:80].decode("latin-1")
        raise HttpError(400, f"the request target {name!r} must be a path such as /channels/NAME, percent-encoded")
    hosts = len(_HOSTS.findall(data))
    if hosts > 1 or (version == b"1.1" and hosts == 0):
        raise HttpError(400, f"a request has one Host header (RFC 9112, 3.2), and this one has {hosts}")
    _check_framing(data, version)


def _check_framing(data: bytes, version: bytes) -> None:
    """Refuse a body whose end two readers could see in two places (RFC 9112, 6.1 to 6.3)."""
    lengths = [value.strip(b" \t") for value in _LENGTHS.findall(data)]
    codings = _CODINGS.findall(data)
    if codings:
        if lengths:
            raise HttpError(400, "the request has both Content-Length and Transfer-Encoding: send one of them")
        if version == b"1.0":
            raise HttpError(400, "HTTP/1.0 has no Transfer-Encoding: send a Content-Length, or use HTTP/1.1")
        words = [word.strip(b" ").lower() for value in codings for word in value.split(b",")]
        shown = ", ".join(word.decode("latin-1") for word in words)[:40]
        if words[-1] != b"chunked" or words.count(b"chunked") > 1:
            raise HttpError(400, f"Transfer-Encoding must end with chunked, once, and is {shown!r}")
        if len(words) > 1:
            raise HttpError(501, f"the transfer coding {shown!r} is not known: only chunked is")
    elif len(lengths) > 1 or (lengths and not _DIGITS.fullmatch(lengths[0])):
        shown = b", ".join(lengths)[:60].decode("latin-1")
        raise HttpError(400, f"Content-Length must be one whole number, and is {shown!r}")
