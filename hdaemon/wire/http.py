"""The HTTP door: requests and their bodies (RFC 9110, RFC 9112).

Fed: the bytes of one connection, cut anywhere; a body of known length may be received straight into `target` instead,
and said with `received`. Returns events: `Request` for each complete request, in order, or `Requests` for several that
are alike and came at once; `Reply` for what is to be sent at once; `Upgrade` when the connection is to go on as a
WebSocket; `Refused` for what cannot be served and closes the connection. Raises nothing for anything a client may send.

The server answers each `Request` with the bytes of `answer`, before it looks at the next event: pipelined requests are
answered in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from hdaemon.content import Payload
from hdaemon.wire.access import Access, WrongToken
from hdaemon.wire.events import Event, Refused, Reply, Request, Upgrade
from hdaemon.wire.frames import wants_websocket
from hdaemon.wire.heads import Head, HttpError, KnownHead, parse_head
from hdaemon.wire.limits import Limits
from hdaemon.wire.runs import Runs

__all__ = ["HttpDoor", "answer", "error_answer"]

_DIRECT_BYTES = 64 * 1024
"""Bodies from this size on are received into their own buffer; smaller ones come with the head anyway."""

_ATTEMPTS = 8
"""What is received at once is searched so many times at most: a client may mix its requests as it likes."""

_BLANK_LINES = re.compile(rb"(?:\r\n){1,100}")  # not more: the engine remembers each of them, in 130 bytes


@cache
def _status_line(status: int) -> str:
    import http  # for the first answer: a server starts 2 ms sooner without

    return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _buffer(size: int) -> memoryview:
    """Return a buffer for a body; not a bytearray, as filling 256 MB with zeros holds the interpreter for 200 ms."""
    import numpy

    return numpy.empty(size, numpy.uint8).data


class HttpDoor:
    """The HTTP door of one connection.

    Args:
        limits: `max_head_bytes` and `max_http_message_bytes` hold here.
        access: who may send.
        allocate: returns a buffer of so many bytes for a body; raises MemoryError.
    """

    framing = "http"
    admitted = True  # every request shows its token by itself

    def __init__(self, limits: Limits, access: Access, allocate: Callable[[int], memoryview] = _buffer) -> None:
        self._limits, self._access, self._allocate = limits, access, allocate
        self._inbox = bytearray()
        self._searched = 0
        self._head: Head | None = None
        self._body: memoryview | bytearray = bytearray()
        self._known: KnownHead | None = None
        self._runs: Runs | None = None
        self._alike = False  # the last head was like the one before
        self._attempts = 0
        self._filled = 0
        self._chunks: Any = None  # the h11 connection that takes a chunked body apart
        self._tried = ""  # what the last request asked for, for the log
        self._with_body = True  # the answer to the request at hand has one
        self._closed = False
        self.bodies = 0  # begun so far, of those that did not come whole with their heads

    @property
    def waiting(self) -> bool:
        """Whether a request has begun and is not complete: its time runs."""
        return bool(self._inbox) or self._head is not None

    @property
    def in_body(self) -> bool:
        """Whether the head is complete and the body is not."""
        return self._head is not None

    @property
    def body_bytes(self) -> int:
        """How much of the body has come."""
        return len(self._body) if self._chunks is not None else self._filled

    @property
    def target(self) -> memoryview | None:
        """Where the next bytes of a body of known length belong; None when they belong to `feed`."""
        if self._head is None or self._chunks is not None or not isinstance(self._body, memoryview):
            return None
        return self._body[self._filled :]

    def received(self, size: int) -> list[Event]:
        """Take note that `size` bytes have been received into `target`; return the events they complete."""
        self._filled += size
        events: list[Event] = []
        if self._filled == len(self._body):
            self._complete(self._body, events)
        return events

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete."""
        events: list[Event] = []
        if self._closed:
            return events
        self._inbox += data
        self._attempts = _ATTEMPTS
        try:
            while not self._closed and self._step(events):
                pass
        except HttpError as error:
            self._refuse(error, events)
        return events

    def silence(self) -> list[Event]:
        """The time for a head or for the next bytes of a body is over (408), or an idle connection's is."""
        events: list[Event] = []
        if self.waiting and not self._closed:
            what = "the rest of the body" if self._head is not None else "the rest of the head"
            self._refuse(HttpError(408, f"{what} did not come in time: send the request again"), events)
        return events

    def end(self) -> list[Event]:
        """The client has closed its side: what is not complete is not a request, and it is told so (400)."""
        events: list[Event] = []
        if self.waiting and not self._closed:
            text = (
                "the connection ended inside a request; text that begins like one (GET, PUT ...) goes to /channels/NAME"
            )
            self._refuse(HttpError(400, text), events)
        self._closed = True
        return events

    # -- inside -----------------------------------------------------------------------------------------

    def _step(self, events: list[Event]) -> bool:
        """Take one step; return whether there may be another."""
        if self._head is None:
            return self._read_head(events)
        if self._chunks is not None:
            return self._read_chunks(events)
        room = len(self._body) - self._filled
        part = self._inbox[:room]
        self._body[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        del self._inbox[:room]
        if self._filled < len(self._body):
            return False
        self._complete(self._body, events)
        return bool(self._inbox)

    def _read_head(self, events: list[Event]) -> bool:
        inbox, limit = self._inbox, self._limits.max_head_bytes
        if self._alike and self._attempts and inbox and self._read_run(events):
            return bool(inbox)
        if inbox.startswith(b"\r"):  # left by clients that end a body with a line end: RFC 9112, 2.2
            while blank := _BLANK_LINES.match(inbox):
                del inbox[: blank.end()]
                self._searched = 0
        end = inbox.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0 or end + 4 > limit:
            if len(inbox) > limit or end >= 0:
                self._tried = _first_line(inbox)
                raise HttpError(431, f"the request's head is larger than the limit of {limit} bytes (max_head_bytes)")
            self._searched = len(inbox)
            return False
        raw = bytes(inbox[: end + 4])
        del inbox[: end + 4]
        self._searched = 0
        known = self._known.like(raw) if self._known is not None else None
        try:
            head = known or parse_head(raw)
        except HttpError:
            self._tried = _first_line(raw)
            raise
        # Without the query: a token that somebody put there must not get into the log.
        self._tried = f"{head.method} {head.target.partition('?')[0][:80]}: "
        self._with_body = head.method != "HEAD"
        self._alike = known is not None
        if known is None:
            self._access.check(head)
            most = min(_DIRECT_BYTES - 1, self._limits.max_http_message_bytes)
            self._known, self._runs = KnownHead(raw, head), Runs(raw, head, limit, most)
        most = self._limits.max_http_message_bytes
        if head.length is not None and head.length > most:
            raise HttpError(
                413, f"a body of {head.length} bytes is larger than the limit of {most} (max_http_message_bytes)"
            )
        self._head, self._filled = head, 0
        if head.expects and head.length != 0 and not inbox:
            events.append(Reply(CONTINUE))
        if head.length and len(inbox) >= head.length and head.length < _DIRECT_BYTES:
            body = bytes(inbox[: head.length])
            del inbox[: head.length]
            self._complete(body, events)
            return bool(inbox)
        if wants_websocket(head) and head.length == 0:
            self._go_over(head, events)
            return False
        self.bodies += 1
        if head.length is None:
            self._chunks = _chunk_reader(raw)
            self._body = bytearray()
        elif head.length == 0:
            self._complete(b"", events)
        elif head.length < _DIRECT_BYTES:
            self._body = bytearray(head.length)
        else:
            self._body = self._room(head.length)
        return bool(self._inbox)

    def _read_run(self, events: list[Event]) -> bool:
        """Take the requests at the beginning that are like the last one; return whether there were some.

        Whatever is not as plain as those is left to `_read_head`, and so is a run that is none.
        """
        self._attempts -= 1
        found = self._runs.find(self._inbox) if self._runs is not None else None
        if found is None:
            return False
        requests, size = found
        events.append(requests)
        del self._inbox[:size]
        self._searched = 0
        return True

    def _read_chunks(self, events: list[Event]) -> bool:
        import h11

        assert isinstance(self._body, bytearray)
        if not self._inbox:
            return False  # to h11, no bytes are the end of the connection
        connection, most = self._chunks, self._limits.max_http_message_bytes
        data = bytes(self._inbox)
        self._inbox.clear()
        try:
            connection.receive_data(data)
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > most:
                        raise HttpError(413, f"the body is larger than the limit of {most} (max_http_message_bytes)")
                elif isinstance(event, h11.EndOfMessage):
                    self._inbox += connection.trailing_data[0]
                    self._complete(bytes(self._body), events)
                    return bool(self._inbox)
                else:
                    return False
        except h11.RemoteProtocolError as error:
            raise HttpError(400, f"the chunked body is not as RFC 9112, 7.1 has it: {_said(error)}") from error

    def _room(self, size: int) -> memoryview:
        try:
            return self._allocate(size)
        except MemoryError as error:
            text = f"there is no memory for a body of {size} bytes: send it in parts, or later"
            raise HttpError(503, text) from error

    def _go_over(self, head: Head, events: list[Event]) -> None:
        """Leave the connection to the door that `head` asks for."""
        rest = bytes(self._inbox)
        self._inbox.clear()
        self._head, self._closed = None, True
        events.append(Upgrade(head, rest))

    def _complete(self, body: bytes | bytearray | memoryview, events: list[Event]) -> None:
        head = self._head
        assert head is not None
        self._head, self._chunks, self._body = None, None, bytearray()
        if isinstance(body, bytearray):
            body = bytes(body)
        elif isinstance(body, memoryview):
            body = body.toreadonly()
        self._tried, self._with_body = "", True
        if not head.keep_alive:
            self._closed = True
            self._inbox.clear()
        events.append(Request(head, body))

    def _refuse(self, error: HttpError, events: list[Event]) -> None:
        self._closed = True
        self._inbox.clear()
        self._head, self._chunks, self._body = None, None, bytearray()
        reply = error_answer(error, keep_alive=False, with_body=self._with_body)
        wrong_token = isinstance(error, WrongToken)
        events.append(Refused(f"{self._tried}HTTP {error.status}: {error}", reply, wrong_token))


def _first_line(data: bytes | bytearray) -> str:
    """Return what a request that cannot be read asked for, for the log: method and target without the query."""
    line = bytes(data[:1000]).partition(b"\r\n")[0].partition(b"?")[0].decode("latin-1")
    words = " ".join(line.split(" ")[:2])[:100]
    return f"{words if words.isprintable() else ascii(words)}: " if words else ""


def answer(
    status: int,
    body: Payload = b"",
    content_type: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    keep_alive: bool = True,
    with_body: bool = True,
) -> list[Payload]:
    """Return the bytes of a response: head and body apart, so that a large body is not copied.

    Args:
        status: status code.
        body: the payload.
        content_type: its media type; not sent for a response that has none (204, 304).
        headers: further headers; values of visible ASCII.
        keep_alive: whether the connection stays open after it.
        with_body: False for the answer to HEAD, which says the length only.
    """
    lines = [_status_line(status)]
    if status not in (204, 304):
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        lines.append("X-Content-Type-Options: nosniff")
    lines += [f"{name}: {value}" for name, value in headers]
    if not keep_alive:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if not with_body or status in (204, 304) or not len(body):
        return [head]
    return [head + body] if len(body) < 4096 else [head, body]


def error_answer(error: HttpError, *, keep_alive: bool = True, with_body: bool = True) -> bytes:
    """Return an error as a response: JSON ``{"error": "what, where, what to do"}``."""
    body = json.dumps({"error": str(error)}, ensure_ascii=False).encode()
    parts = answer(error.status, body, "application/json", error.headers, keep_alive=keep_alive, with_body=with_body)
    return b"".join(parts)


def _chunk_reader(raw_head: bytes) -> Any:
    import h11

    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(raw_head) + 64 * 1024)
    try:
        connection.receive_data(raw_head)
        connection.next_event()
    except h11.RemoteProtocolError as error:
        raise HttpError(400, f"the request's head is not HTTP/1.1: {_said(error)}") from error
    return connection


def _said(error: Exception) -> str:
    """Return what h11 says, without what it quotes of the request after a colon."""
    return str(error).partition(":")[0]
