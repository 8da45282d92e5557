"""What comes to the raw door, silence included, and what the door makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hdaemon.wire.events import Event, Lines, ModeWord, Payload
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

SILENCE = None
"""In a script: nothing comes for a while."""

Script = list["bytes | None"]

HTTP_REQUEST = b"POST /channels/x HTTP/1.1\r\nHost: 127.0.0.1:2000\r\nContent-Length: 2\r\n\r\nhi"
TLS_HELLO = b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03" + bytes(range(64))


def flat(events: Iterable[Event]) -> list[object]:
    """Return one item a message, so that it does not matter how lines were grouped."""
    items: list[object] = []
    for event in events:
        if isinstance(event, Lines):
            assert event.data.endswith(b"\n")
            assert event.data.count(b"\n") == event.count
            assert b"\0" not in event.data
            event.data.decode()
            items += [("text/plain", line.removesuffix(b"\r")) for line in event.data.split(b"\n")[:-1]]
        elif isinstance(event, Payload):
            items.append((event.content_type, event.data))
        elif isinstance(event, ModeWord):
            items.append(event.mode)
        else:
            items.append(event)
    return items


def run(door: RawDoor, script: Script, *, end: bool = True) -> list[object]:
    events: list[Event] = []
    for step in script:
        events += door.silence() if step is SILENCE else door.feed(step)
    if end:
        events += door.end()
    return flat(events)


def texts(*payloads: bytes) -> list[object]:
    return [("text/plain", payload) for payload in payloads]


def make(framing: str = "lines", token: str | None = None, **limits: int) -> RawDoor:
    return RawDoor(Limits(**limits), framing, token)  # type: ignore[arg-type]


def cut_up(script: Script, sizes: Iterator[int]) -> Script:
    """Cut every piece of `script` into pieces of these sizes."""
    pieces: Script = []
    for step in script:
        if step is SILENCE:
            pieces.append(SILENCE)
            continue
        while step:
            size = next(sizes)
            pieces.append(step[:size])
            step = step[size:]
    return pieces


def ones() -> Iterator[int]:
    while True:
        yield 1
