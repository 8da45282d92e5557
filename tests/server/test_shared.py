"""Memory that is lent to programs of the same machine: never written while it is held, and never left behind."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Clock
from shared_memory import needed, none_left, write

from hdaemon.log import RingLog
from hdaemon.message import Message
from hdaemon.server import shared
from hdaemon.server.shared import Segments, segment_of
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.heads import HttpError, parse_head

pytestmark = needed

Start = Callable[..., HPythonServer]
Ask = Callable[..., tuple[int, Any]]

MB = 1_100_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def segments(clock: Clock) -> Iterator[Segments]:
    """Room for 8 MB; a message has 5 MB at most; a lease lasts for 10 s."""
    made = Segments(8 * MB, 5 * MB, 10.0, clock)
    yield made
    made.close()


def publish(segments: Segments, size: int = MB, fill: bytes = b"x", client_id: int = 1) -> tuple[str, memoryview]:
    """Return the name of the segment and the payload."""
    lent = segments.lend(client_id, size)
    write(lent.path, fill * size)
    return lent.id, segments.take(client_id, lent.id, size)


@pytest.fixture(autouse=True)
def _no_memory_left(store: Store, log: RingLog) -> Iterator[None]:
    yield
    none_left(store, log)


def test_what_a_client_writes_is_the_payload_without_a_copy(segments: Segments) -> None:
    lent = segments.lend(1, MB)
    assert lent.size >= MB
    write(lent.path, b"ab" * (MB // 2))
    payload = segments.take(1, lent.id, MB)
    assert (len(payload), payload.format, payload.ndim, payload.readonly) == (MB, "B", 1, True)
    assert bytes(payload) == b"ab" * (MB // 2)
    assert payload.obj is lent.map
    assert segments.bytes_received == MB


@pytest.mark.parametrize(
    "derive",
    [
        lambda view: view,
        lambda view: view[10:20],
        lambda view: np.frombuffer(view, np.float32)[5:].reshape(-1, 1),
        lambda view: Message(1, 0.0, "a", "application/octet-stream", view, "c"),
    ],
)
def test_a_segment_is_lent_again_only_when_nobody_holds_it(
    segments: Segments, derive: Callable[[memoryview], object]
) -> None:
    name, payload = publish(segments)
    held = derive(payload)
    del payload
    assert segments.lend(2, MB).id != name
    segments.give_up(2)
    del held
    assert segments.lend(2, MB).id == name


def test_a_little_less_fits_and_much_less_does_not(segments: Segments) -> None:
    name, payload = publish(segments)
    del payload
    assert segments.lend(1, MB // 2).id != name
    assert segments.lend(1, int(MB * 0.95)).id == name


def test_a_lease_that_is_over_or_given_up_is_never_lent_again(segments: Segments, clock: Clock) -> None:
    """Whoever was asleep and writes now must not write into somebody else's message."""
    name, payload = publish(segments)
    del payload
    late = segments.lend(1, MB)
    assert late.id == name
    with Path(late.path).open("r+b") as file:
        clock.now += 10
        assert (segments.due() or 0.0) <= clock.now
        segments.trim(clock.now)
        other, payload = publish(segments, fill=b"o", client_id=2)
        file.write(b"late" * 1000)
    assert other != name
    assert bytes(payload[:4]) == b"oooo"
    with pytest.raises(HttpError, match="not lent to this connection") as caught:
        segments.take(1, name, MB)
    assert caught.value.status == 410
    given_up = segments.lend(1, 2 * MB).id
    segments.give_up(1)
    assert segments.lend(1, 2 * MB).id != given_up


def test_who_asks_again_loses_what_was_lent_before(segments: Segments) -> None:
    first = segments.lend(1, MB).id
    second = segments.lend(1, MB).id
    assert (first != second, len(segments._segments)) == (True, 1)
    with pytest.raises(HttpError, match="not lent"):
        segments.take(1, first, MB)


def test_what_was_not_lent_or_not_written_is_refused(segments: Segments) -> None:
    lent = segments.lend(1, MB)
    cases: list[tuple[int, str, int, int]] = [
        (1, "0" * 32, MB, 410),  # another name
        (2, lent.id, MB, 410),  # another connection
        (1, lent.id, MB, 400),  # not written
        (1, lent.id, lent.size + 1, 400),  # beyond its end
        (1, lent.id, 5 * MB + 1, 413),
    ]
    for client_id, name, size, status in cases:
        with pytest.raises(HttpError) as caught:
            segments.take(client_id, name, size)
        assert (caught.value.status, size) == (status, size)
    write(lent.path, b"x" * (MB // 2))
    with pytest.raises(HttpError, match="write the whole message first"):
        segments.take(1, lent.id, MB)
    write(lent.path, b"x" * MB)
    assert len(segments.take(1, lent.id, MB)) == MB
    with pytest.raises(HttpError, match="not lent"):  # a second time
        segments.take(1, lent.id, MB)


def test_a_client_can_neither_truncate_a_segment_nor_make_it_grow(segments: Segments) -> None:
    """What is gone would kill the session that reads it."""
    lent = segments.lend(1, MB)
    fd = os.open(lent.path, os.O_RDWR)
    try:
        for size in (0, MB // 2, 2 * MB):
            with pytest.raises(PermissionError):
                os.ftruncate(fd, size)
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", lent.size)
    finally:
        os.close(fd)
    with pytest.raises(OSError, match="Operation not permitted"):
        os.open(lent.path, os.O_RDWR | os.O_TRUNC)


def test_only_its_user_can_open_a_segment(segments: Segments) -> None:
    lent = segments.lend(1, MB)
    assert Path(lent.path).stat().st_mode & 0o777 == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can try it as another user")
    code = f"import os; os.setuid(65534); os.open({lent.path!r}, os.O_RDONLY)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "PermissionError" in done.stderr


def test_there_are_so_many_and_no_more(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "MAX_SEGMENTS", 3)
    held = [publish(segments) for _ in range(2)]
    segments.lend(1, MB)
    with pytest.raises(HttpError, match="is in use") as caught:
        segments.lend(2, MB)
    assert caught.value.status == 503
    unused = held.pop(0)[0]
    assert segments.lend(2, 3 * MB).id != unused  # does not fit, and goes to make room
    assert len(segments._segments) == 3
    assert unused not in {segment.id for segment in segments._segments}


def test_there_are_so_many_bytes_and_no_more(segments: Segments) -> None:
    publish(segments, 5 * MB)  # let go at once
    segments.lend(1, 4 * MB)  # takes its place
    with pytest.raises(HttpError) as caught:
        segments.lend(2, 4 * MB)
    assert caught.value.status == 503
    with pytest.raises(HttpError, match="max_http_message_bytes") as caught:
        segments.lend(2, 5 * MB + 1)
    assert caught.value.status == 413
    segments.lend(3, 3 * MB)


@pytest.mark.parametrize("with_fallocate", [True, False])
def test_what_nobody_uses_is_given_back_though_a_client_has_it_open(
    segments: Segments, clock: Clock, monkeypatch: pytest.MonkeyPatch, with_fallocate: bool
) -> None:
    if not with_fallocate:
        monkeypatch.setattr(shared, "_fallocate", lambda: None)
    assert segments.due() is None
    name, payload = publish(segments, 3 * MB)
    path = segments._segments[0].path
    with Path(path).open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        for _ in range(10):  # as long as it is held it stays
            clock.now = segments.due() or 0
            segments.trim(clock.now)
        assert bytes(payload[:1]) == b"x"
        del payload
        seen_free = segments.due()
        assert seen_free is not None
        while segments.due() is not None:
            assert mapped[:1] == b"x"
            clock.now = segments.due() or 0
            segments.trim(clock.now)
        assert clock.now - seen_free == shared.KEEP_S
        assert os.fstat(file.fileno()).st_blocks == 0
    assert segments.lend(1, 3 * MB).id != name


def test_waits_for_the_interpreter_are_short_while_a_message_is_about_to_come(segments: Segments, clock: Clock) -> None:
    usual = sys.getswitchinterval()
    first, second = segments.lend(1, MB), segments.lend(2, MB)
    assert sys.getswitchinterval() < usual
    for lent in (first, second):
        write(lent.path, b"x" * MB)
    segments.take(1, first.id, MB)
    assert sys.getswitchinterval() < usual, "another one is to come"
    segments.take(2, second.id, MB)
    assert sys.getswitchinterval() == usual

    segments.lend(1, MB)
    assert segments.due() == clock.now + shared._SHORT_S
    clock.now += shared._SHORT_S
    segments.trim(clock.now)
    assert sys.getswitchinterval() == usual, "who keeps what he was lent does not change this process for long"
    segments.give_up(1)

    segments.lend(1, MB)
    segments.close()
    assert sys.getswitchinterval() == usual


def test_what_is_held_outlives_the_segments(segments: Segments) -> None:
    _, payload = publish(segments)
    segments.lend(1, MB)
    segments.close()
    segments.close()
    assert bytes(payload) == b"x" * MB
    assert segments.due() is None


def test_a_system_that_has_none_is_an_answer(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", fails)
    with pytest.raises(HttpError, match="Too many open files") as caught:
        segments.lend(1, MB)
    assert caught.value.status == 503
    monkeypatch.setattr(shared, "OFFERED", False)
    with pytest.raises(HttpError, match="no shared memory") as caught:
        segments.lend(1, MB)
    assert caught.value.status == 501


def test_what_cannot_be_sealed_is_not_lent(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    create = os.memfd_create
    monkeypatch.setattr(os, "memfd_create", lambda name, flags: create(name, os.MFD_CLOEXEC))  # it allows none
    with pytest.raises(HttpError, match="Operation not permitted"):
        segments.lend(1, MB)
    assert not segments._segments


NAME = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", None),
        (f"Hdaemon-Segment: {NAME}; bytes=12\r\n", (NAME, 12)),
        (f"hdaemon-segment:  {NAME}; bytes=12 \r\nContent-Length: 0\r\n", (NAME, 12)),
        (f"Hdaemon-Segment: {NAME}; bytes=0\r\n", 400),
        (f"Hdaemon-Segment: {NAME}; bytes=-1\r\n", 400),
        (f"Hdaemon-Segment: {NAME}; bytes={10**19}\r\n", 400),
        (f"Hdaemon-Segment: {NAME}\r\n", 400),
        (f"Hdaemon-Segment: {NAME[1:]}; bytes=12\r\n", 400),
        ("Hdaemon-Segment: \r\n", 400),
        (f"Hdaemon-Segment: {NAME}; bytes=12\r\n" * 2, 400),
        (f"Hdaemon-Segment: {NAME}; bytes=12\r\nContent-Length: 12\r\n", 400),
        (f"Hdaemon-Segment: {NAME}; bytes=12\r\nTransfer-Encoding: chunked\r\n", 400),
    ],
)
def test_the_header(lines: str, wanted: tuple[str, int] | int | None) -> None:
    head = parse_head(f"PUT /channels/a HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    if isinstance(wanted, int):
        with pytest.raises(HttpError, match="Hdaemon-Segment must be") as caught:
            segment_of(head)
        assert caught.value.status == wanted
    else:
        assert segment_of(head) == wanted
