"""What must hold for requests and any bytes.

What doors.py says, and besides:

- it makes no difference who parses the heads, and where the bodies are received;
- without the token, and from pages that are not allowed, there are no requests;
- every request that there is, is answered, whatever it names: what an answer raises would stop the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hostile.doors import LIMITS, TOKEN, feed, plain, same_however_cut

from hdaemon.channels import Channels
from hdaemon.log import RingLog
from hdaemon.server.client import Client
from hdaemon.server.modes import Modes
from hdaemon.server.pool import BufferPool
from hdaemon.server.recorder import Recorder
from hdaemon.server.routes import Routes
from hdaemon.server.shared import Segments
from hdaemon.server.upgrade import upgrade
from hdaemon.store import Store
from hdaemon.wire import heads, http
from hdaemon.wire.access import Access
from hdaemon.wire.events import Door, Event, Refused, Reply, Request, Requests, Upgrade
from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import HttpDoor
from hdaemon.wire.raw import RawDoor
from hdaemon.wire.sniff import OpeningDoor

__all__ = [
    "check_http",
    "check_sniffer",
    "check_stream",
    "read_http",
    "read_sniffer",
    "read_stream",
    "stream",
]

ACCESS = Access(("127.0.0.1",), 2000, origins=("https://studio.example",))

_DIRECT_BYTES = 48
"""In one of the ways: bodies from this size on are received into their own buffer, as large ones are."""


# -- HTTP ---------------------------------------------------------------------------------------------------


@contextmanager
def _parsed_by(parser: Any, direct_bytes: int) -> Iterator[None]:
    chosen, direct = heads._chosen[:], http._DIRECT_BYTES
    heads._chosen[:], http._DIRECT_BYTES = [parser], direct_bytes
    try:
        yield
    finally:
        heads._chosen[:], http._DIRECT_BYTES = chosen, direct


def _statuses(events: list[Event]) -> list[Any]:
    """Return what must be the same for both parsers of heads: of a refusal, its status."""
    return [event.reply[:12] if isinstance(event, Refused) else event for event in plain(events)]


def _http() -> Door:
    return HttpDoor(LIMITS, ACCESS)


def read_http(data: bytes) -> object:
    """Return the requests of `data`."""
    return feed(_http(), [data])


def check_http(data: bytes) -> None:
    """Requests: the same however cut, whoever parses their heads, and wherever their bodies are received."""
    found = []
    for parser in (heads.parse_with_httptools, heads.parse_with_h11):
        for direct in (http._DIRECT_BYTES, _DIRECT_BYTES):
            with _parsed_by(parser, direct):
                found.append(same_however_cut(_http, data, plain, thoroughly=not found))
    for other in found[1:]:
        assert _statuses(other) == _statuses(found[0]), "the ways to read a request differ"
    with _parsed_by(heads.parse_with_httptools, http._DIRECT_BYTES):
        guarded = feed(HttpDoor(LIMITS, Access(("127.0.0.1",), 2000, TOKEN)), [data])
    for event in plain(guarded):
        if isinstance(event, (Request, Upgrade)):
            shown = event.head.get("authorization") + event.head.get("sec-websocket-protocol")
            assert TOKEN in shown or event.head.method == "OPTIONS", "a request without the token"
    _check_answers(plain(found[0]))


def _check_answers(events: list[Event]) -> None:
    """Answer requests as the server does, with what stands behind it; the rows of the log are made, too."""
    client, log = Client(1, "client-1", "127.0.0.1:5000", "http"), RingLog()
    modes = Modes("evaluate", False, lambda *_: None)
    recorder = Recorder(log, Store(), Channels(100))
    routes = Routes(modes, recorder, lambda *_: None, dict, LIMITS, Segments(0, 0, 1.0), pages=True)
    for event in events:
        if not isinstance(event, (Request, Upgrade)):
            continue
        head = event.head
        assert len(head.all("host")) == 1
        assert not head.all("origin") or head.get("origin") == "https://studio.example"
        if isinstance(event, Upgrade):
            try:
                said = upgrade(event, LIMITS, BufferPool().join, echo=False)[0]
            except HttpError as error:
                said = http.error_answer(error)
        else:
            said = b"".join(map(bytes, routes.answer(client, event)))
        status = int(said[9:12])
        assert 100 < status < 500 or status in (501, 503, 507), said
        assert said.count(b"\r\n\r\n") >= 1
    for row in log:
        if row.message is not None:
            assert "\n" not in row.message.preview()


# -- many requests at once ----------------------------------------------------------------------------------


def _put(line: bytes, body: bytes, key: bytes = b"", *, size: int | None = None) -> bytes:
    said = b"Content-Length: %d" % (len(body) if size is None else size)
    return b"\r\n".join([b"PUT " + line, b"Host: 127.0.0.1:2000", *([key] if key else []), said, b"", body])


def stream(data: bytes) -> bytes:
    """Return a stream of requests that `data` chooses: each byte one, most of them alike, as a pipelining client's."""
    line = b"/channels/a HTTP/1.1"
    made = []
    for number, byte in enumerate(data[:64]):
        kind, value = byte & 15, byte >> 4
        key = b'Idempotency-Key: "me/%d"' % number
        if kind == 0:
            made.append(_put(line, b"body" * value * (40 if value == 15 else 1)))  # one is above the limit
        elif kind == 1:
            made.append(_put(b"/channels/%d HTTP/1.%d" % (value % 3, value % 4 != 3), b"x"))
        elif kind == 2:  # a body that looks like a request, or like the beginning of one
            made.append(_put(line, _put(line, b"inner", key)[: None if value % 2 else -3 * value], key))
        elif kind == 3:
            made.append(b"GET /channels/a HTTP/1.1\r\nHost: 127.0.0.1:2000\r\n\r\n" * (1 + value % 3))
        elif kind == 4:
            made.append(_put(line, b"y", key.lower() if value % 2 else key.upper()))
        elif kind == 5:
            made.append(b"\r\n" * value)
        elif kind == 6:  # longer or shorter than it says
            made.append(_put(line, b"z" * value, key, size=8))
        elif kind == 7:
            chunked = _put(line, b"", key).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            made.append(chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (value + 1, b"c" * (value + 1)))
        elif kind == 8:
            made.append(_put(line, b"e" * value, b"Expect: 100-continue"))
        elif kind == 9:
            made.append(
                _put(line, b"w" * value, b'Idempotency-Key: "%b"' % (b'\\"\x80 ~!'[value % 6 : value % 6 + 1] * value))
            )
        elif kind == 10:
            made.append(_put(line, b"", key, size=value * 10 ** (value + 2)))
        elif kind == 11:
            made.append(_put(line, b"last", b"Connection: close" if value == 15 else b"Connection: keep-alive"))
        else:
            made.append(_put(line, b"message %d" % (number * value) + b"!" * value * (kind == 15), key))
    return b"".join(made)


def read_stream(data: bytes) -> object:
    """Return the requests that `data` chooses."""
    return feed(_http(), [stream(data)])


def check_stream(data: bytes) -> None:
    """Requests that come at once are what they are one by one."""
    made = stream(data)
    events = same_however_cut(_http, made, plain)
    # Not at once is never taken together: no part has two whole requests.
    parts = [made[at : at + 90] for at in range(0, len(made), 90)]
    assert plain(feed(_http(), parts)) == plain(events)


# -- the first bytes ----------------------------------------------------------------------------------------


def _opening() -> Door:
    return OpeningDoor(lambda framing: RawDoor(LIMITS, framing), _http, "lines", True)


def read_sniffer(data: bytes) -> object:
    """Return the events of `data`, whatever door it is for."""
    return feed(_opening(), [data])


def check_sniffer(data: bytes) -> None:
    """Any first bytes: one door has them for good, however they are cut."""
    events = same_however_cut(_opening, data, plain)
    if data.startswith((b"GET ", b"PUT ", b"POST ", b"\x16\x03")):
        kinds = (Request, Requests, Refused, Reply, Upgrade)
        assert all(isinstance(event, kinds) for event in events), "what begins as HTTP or TLS became data"
