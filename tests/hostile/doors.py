"""What must hold for a door and any bytes: `check_*` raise `AssertionError` for bytes for which it does not.

Each feeds one connection's bytes several times: whole, byte by byte, and cut at random places (the same ones whenever
the bytes are the same, so that a file of them is the whole case). The events must be the same, nothing may be raised,
and after a refusal nothing may come any more. What is about requests is in http_doors.py.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from hdaemon.wire.events import (
    Door,
    Event,
    Goodbye,
    Lines,
    ModeWord,
    Payload,
    Payloads,
    Refused,
    Reply,
    Requests,
    Upgrade,
)
from hdaemon.wire.http import CONTINUE
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor, is_text
from hdaemon.wire.websocket import WebSocketDoor

__all__ = [
    "LIMITS",
    "TOKEN",
    "Make",
    "check_raw",
    "check_websocket",
    "feed",
    "plain",
    "read_raw",
    "read_websocket",
    "same_however_cut",
]

LIMITS = Limits(
    max_raw_message_bytes=200,
    max_token_line_bytes=64,
    max_head_bytes=512,
    max_http_message_bytes=2000,
    max_websocket_message_bytes=500,
    max_together_messages=20,
    max_together_bytes=300,
    max_channels=100,
)
"""Small, so that short inputs come to them and past them."""

TOKEN = "s3cret"

_SHOWN_TOKEN = re.compile(rb"token [A-Za-z0-9_-]{43}")

_BYTE_BY_BYTE = 400
"""Longer inputs are cut at random places only: what is tried slowly is not tried often."""

Make = Callable[[], Door]


# -- feeding ------------------------------------------------------------------------------------------------


def cuts(data: bytes) -> list[bytes]:
    """Return `data` in up to 16 pieces."""
    places = random.Random(zlib.crc32(data))
    at = sorted(places.randrange(len(data) + 1) for _ in range(places.randrange(1, 16)))
    return [data[begin:end] for begin, end in zip([0, *at], [*at, len(data)], strict=True)]


def feed(door: Door, pieces: list[bytes], *, silences: bool = False) -> list[Event]:
    """Return all events of a connection that brings `pieces` and ends."""
    events: list[Event] = []
    for number, piece in enumerate(pieces):
        made = _taken(door, piece)
        if silences and number % 2 and not _over(made):
            made += door.silence()
        events += made
        if _over(made):
            assert not any(_over([event]) for event in events[:-1]), events
            for more in (b"x", b"print\n", b"GET / HTTP/1.1\r\n\r\n", b"\x89\x80\0\0\0\0"):
                assert door.feed(more) == [], "it goes on after its end"
            assert door.silence() == [] == door.end(), "it goes on after its end"
            assert not door.waiting
            last = events[-1]
            if isinstance(last, Upgrade):
                events[-1] = Upgrade(last.head, last.rest + b"".join(pieces[number + 1 :]))
            return events
    events += door.end()
    assert door.feed(b"x\n") == [], "it goes on after its end"
    return events


def _over(events: list[Event]) -> bool:
    return bool(events) and isinstance(events[-1], (Refused, Goodbye, Upgrade))


def _taken(door: Door, piece: bytes) -> list[Event]:
    """Let the door have a piece; a part of it by its target, if it has one, as the server does."""
    events: list[Event] = []
    target = getattr(door, "target", None)
    if target is not None and piece:
        size = min(len(target), len(piece))
        target[:size] = piece[:size]
        events += door.received(size)  # type: ignore[attr-defined]
        piece = piece[size:]
    return events + door.feed(piece) if piece or not events else events


def same_however_cut(
    make: Make, data: bytes, seen: Callable[[list[Event]], Any], *, thoroughly: bool = True
) -> list[Event]:
    """Return the events of `data`; what is `seen` of them must be the same however it is cut."""
    whole = feed(make(), [data])
    expected = seen(whole)
    got = seen(feed(make(), cuts(data)))
    assert got == expected, f"cut: {got}\nwhole: {expected}"
    if not thoroughly:
        return whole
    if len(data) <= _BYTE_BY_BYTE:
        got = seen(feed(make(), [data[at : at + 1] for at in range(len(data))]))
        assert got == expected, f"byte by byte: {got}\nwhole: {expected}"
    feed(make(), cuts(data), silences=True)
    return whole


def plain(events: list[Event]) -> list[Any]:
    """Return events so that they can be compared: what came together is told one by one."""
    found: list[Any] = []
    for event in events:
        if isinstance(event, Lines):
            assert event.count == event.data.count(b"\n") > 0
            assert event.data.endswith(b"\n")
            found += event.data.split(b"\n")[:-1]
        elif isinstance(event, Requests):
            assert 0 < len(event.bodies) == len(event.lengths)
            assert len(event.keys) in (0, len(event.bodies))
            assert all(0 < len(body) <= LIMITS.max_http_message_bytes for body in event.bodies)
            found += list(event.each())
        elif isinstance(event, Reply) and event.data == CONTINUE:
            pass  # whether it is needed depends on what has come
        else:
            found.append(event)
    return found


# -- raw ----------------------------------------------------------------------------------------------------


def _raws() -> Iterator[tuple[Make, bytes]]:
    yield lambda: RawDoor(LIMITS), b""
    yield lambda: RawDoor(LIMITS, "burst"), b""
    yield lambda: RawDoor(LIMITS, token=TOKEN), b"token s3cret\n"


def read_raw(data: bytes) -> object:
    """Return the events of `data` as lines."""
    return feed(RawDoor(LIMITS), [data])


def _check_silences(data: bytes) -> None:
    """Hold a connection that pauses after each piece against the rule, said in another way."""
    pieces = [piece for piece in cuts(data) if piece]
    if b"\r" in data or not all(map(is_text, pieces)):
        return
    door, expected, late_end = RawDoor(LIMITS), [], False
    events: list[Event] = []
    for number, piece in enumerate(pieces):
        events += door.feed(piece) + door.silence()
        piece = piece if number else _without_shown_token(piece)  # noqa: PLW2901
        lines = piece[late_end and piece.startswith(b"\n") :].split(b"\n")
        expected += lines[:-1] + [part for part in lines[-1:] if part]
        late_end = not piece.endswith(b"\n")
    if all(isinstance(event, (Lines, Payload)) for event in events):
        assert [event.data if isinstance(event, Payload) else event for event in plain(events)] == expected


def check_raw(data: bytes) -> None:
    """Raw bytes: the same however cut, and nothing is lost but the mode words."""
    _check_silences(data)
    for make, first in _raws():
        events = same_however_cut(make, data, plain)
        if first and not data.startswith((first, first[:-1] + b"\r\n")):
            assert all(isinstance(event, Refused) for event in events), "data without a token"
            continue
        said = [event for event in events if isinstance(event, (Refused, ModeWord))]
        kept = b"".join(bytes(event.data) for event in events if isinstance(event, (Lines, Payload)))
        if not said and not first:
            sent = _without_shown_token(data)
            assert kept in (sent, sent.removesuffix(b"\r")), "bytes were lost"


def _without_shown_token(data: bytes) -> bytes:
    """Return what is data of it: a first line that is a token, by its form, is none (docs/wire.md)."""
    found = _SHOWN_TOKEN.match(data)
    rest = data[found.end() :].removeprefix(b"\r") if found else b"no token"
    return rest[1:] if rest[:1] in (b"", b"\n") else data


# -- WebSocket ----------------------------------------------------------------------------------------------


def _websockets() -> Iterator[Make]:
    yield lambda: WebSocketDoor(LIMITS, "a")
    yield lambda: WebSocketDoor(LIMITS, "a", "application/json")
    yield lambda: WebSocketDoor(LIMITS, None)
    yield lambda: WebSocketDoor(LIMITS, "a", echo=True)


def _refused_once(events: list[Event]) -> list[Any]:
    """Return events so that they can be compared. Of several things wrong with one frame, the first seen is told."""
    return [Refused if isinstance(event, Refused) else event for event in plain(events)]


def read_websocket(data: bytes) -> object:
    """Return the events of frames."""
    return feed(WebSocketDoor(LIMITS, "a"), [data])


def check_websocket(data: bytes) -> None:
    """Frames: the same however cut; no message above the limit, no text that is not UTF-8."""
    for number, make in enumerate(_websockets()):
        for event in same_however_cut(make, data, _refused_once, thoroughly=number == 0):
            if isinstance(event, (Payload, Payloads)):
                assert len(event.data) <= LIMITS.max_websocket_message_bytes
                if event.content_type == "text/plain":
                    str(event.data, "utf-8")  # type: ignore[arg-type]
