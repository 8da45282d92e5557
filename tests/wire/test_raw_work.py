"""The raw door: what its work costs, and long messages."""

from __future__ import annotations

import sys
import tracemalloc

import pytest
from raw_scripts import flat, make, texts

from hdaemon.wire import raw
from hdaemon.wire.events import Lines, Payload, Refused
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

# -- work ---------------------------------------------------------------------------------------------------


class _Work:
    """Counts the bytes the door's own look-ups go over."""

    def __init__(self) -> None:
        self.bytes = 0


def counted(work: _Work) -> type[bytes]:
    class Counted(bytes):
        def rfind(self, *args: object) -> int:  # type: ignore[override]
            work.bytes += len(self)
            return super().rfind(*args)  # type: ignore[arg-type]

        def __getitem__(self, key: object) -> object:  # type: ignore[override]
            part = super().__getitem__(key)  # type: ignore[index]
            work.bytes += len(part) if isinstance(part, bytes) else 1
            return part

    return Counted


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_long_line_is_not_looked_at_again_for_every_packet(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 MB without a line end, in pieces of 1 KB: each byte is looked at a few times, not 30,000 times."""
    work = _Work()
    piece = counted(work)(b"x" * 1024)
    texts_checked = []
    real_is_text = raw.is_text
    monkeypatch.setattr(raw, "is_text", lambda data: texts_checked.append(len(data)) or real_is_text(data))
    door = make(framing)
    takes = []
    real_take = RawDoor._take
    monkeypatch.setattr(RawDoor, "_take", lambda self: takes.append(self._held) or real_take(self))
    total = 30_000 * 1024
    calls = 0

    def count_calls(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count_calls)
    try:
        for _ in range(30_000):
            assert door.feed(piece) == []
    finally:
        sys.setprofile(None)
    events = [*door.feed(b"\n"), *door.silence()]
    whole = total if framing == "lines" else total + 1  # a long line comes by itself, without its end
    assert [len(event.data) for event in events if isinstance(event, (Lines, Payload))] == [whole]
    assert work.bytes <= 3 * total, "slices and searches of what came"
    assert sum(takes) <= 2 * (total + 1), "joined once"
    assert sum(texts_checked) <= 2 * (total + 1), "decoded once"
    assert calls < 30_000 * 30, "the same few steps for every piece"


def test_tiny_packets_are_not_kept_one_by_one() -> None:
    door = make()
    for _ in range(20_000):
        assert door.feed(b"ab") == []
    assert len(door._parts) < 20
    assert flat(door.silence()) == texts(b"ab" * 20_000)


def test_a_request_line_of_any_length_closes_the_connection() -> None:
    line = b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n"
    (event,) = make().feed(line + b"evaluate\n")
    assert isinstance(event, Refused)


def test_a_buffer_that_is_used_again_changes_nothing_that_was_delivered() -> None:
    buffer = bytearray(1 << 16)
    view = memoryview(buffer)
    door = RawDoor(Limits())
    stream = b"".join(b"%d %s\n" % (number, b"x" * (number * 37 % 5000)) for number in range(200)) + b"\0tail"
    events, at = [], 0
    while at < len(stream):
        part = stream[at : at + 1 + at % len(buffer)]
        view[: len(part)] = part
        events += door.feed(view[: len(part)])
        view[: len(part)] = b"?" * len(part)
        at += len(part)
    events += door.end()
    assert all(isinstance(event.data, bytes) for event in events if isinstance(event, (Lines, Payload)))
    assert b"".join(event.data for event in events if isinstance(event, (Lines, Payload))) == stream


# -- long messages -------------------------------------------------------------------------------------------------

LONG = raw._LONG_PART


def long_door(framing: str = "lines") -> tuple[RawDoor, list[int]]:
    """Return a door, and the sizes of what it has had joined."""
    joined: list[int] = []
    return RawDoor(Limits(), framing, join=lambda p: joined.append(sum(map(len, p))) or memoryview(b"".join(p))), joined


def fed(door: RawDoor, data: bytes, piece: int = 256 * 1024) -> list[object]:
    events: list[object] = []
    for begin in range(0, len(data), piece):
        events += door.feed(memoryview(data)[begin : begin + piece])
    return events


@pytest.mark.parametrize("piece", [1000, 256 * 1024 - 7])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_long_line_comes_by_itself_joined_by_others(end: bytes, piece: int) -> None:
    door, joined = long_door()
    long = "ä".encode() * (LONG // 2 + 1000)
    events = fed(door, b"before\n" + long + end + b"after\nlast\n", piece)
    (part,) = (event for event in events if isinstance(event, Payload))
    assert part.content_type == "text/plain"
    assert bytes(part.data) == long
    assert memoryview(part.data).readonly
    assert joined == [len(long) + len(end)]
    assert flat(events) == texts(b"before", long, b"after", b"last")


def test_a_line_of_a_megabyte_stays_a_block() -> None:
    door, joined = long_door()
    line = b"x" * (LONG - 1) + b"\n"
    assert fed(door, line + line) == [Lines(line, 1), Lines(line, 1)]
    assert not joined


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 8192, 12_289])
def test_where_the_last_line_ends(size: int) -> None:
    for at in {place for edge in (0, 4096, 8192, size) for place in range(edge - 2, edge + 2) if 0 <= place < size}:
        data = bytearray(b"x" * size)
        data[at] = data[at // 2] = ord("\n")
        for given in (bytes(data), memoryview(data)):
            assert raw._end_of_lines(given) == data.rfind(b"\n") + 1
    assert raw._end_of_lines(memoryview(bytes(size))) == 0


def test_nothing_large_is_copied_to_find_out_that_no_line_ends() -> None:
    """The copy was fresh memory, for which the system may take milliseconds, with the interpreter's lock held."""
    data = memoryview(bytearray(b"x" * 1_000_000))
    tracemalloc.start()
    try:
        assert raw._end_of_lines(data) == 0
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bad", [b"\0", b"\xff"])
def test_a_long_line_that_is_not_text_is_bytes_until_silence(bad: bytes) -> None:
    door, joined = long_door()
    data = b"x" * LONG + bad + b"x" * LONG + b"\nprint\n"
    assert fed(door, data) == []
    (part,) = door.silence()
    assert isinstance(part, Payload)
    assert (part.content_type, bytes(part.data)) == ("application/octet-stream", data)
    assert joined == [len(data)]


def test_a_long_request_line_is_refused() -> None:
    door, _ = long_door()
    (refused,) = fed(door, b"xx\nGET /" + b"a" * LONG + b" HTTP/1.1\r\nprint\n")[1:]
    assert isinstance(refused, Refused)
    assert door.feed(b"more\n") == []


def test_a_long_burst_is_one_message_joined_by_others() -> None:
    door, joined = long_door("burst")
    data = b"line\n" * LONG
    assert fed(door, data) == []
    (part,) = door.end()
    assert isinstance(part, Payload)
    assert bytes(part.data) == data
    assert joined == [len(data)]
