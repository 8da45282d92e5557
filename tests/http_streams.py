"""Requests as bytes, and what the HTTP door makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hdaemon.server.thread import HPythonServer
from hdaemon.wire.access import Access
from hdaemon.wire.events import Event, Refused, Reply, Request
from hdaemon.wire.http import CONTINUE, HttpDoor
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


def request_to(server: HPythonServer, text: str, body: bytes = b"") -> bytes:
    """Return a request to that server, with its Host; `text` is the request line and the headers, a line each."""
    host = f"Host: {server.host}:{server.port}\r\n"
    head, _, rest = text.partition("\n")
    return (head + "\r\n" + host + rest.replace("\n", "\r\n") + "\r\n\r\n").encode() + body


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


CHUNKED_HEAD = chunked("PUT /a")[:-5]


EXPECT = "Expect: 100-continue"
