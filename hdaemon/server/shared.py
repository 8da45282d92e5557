"""`Segments`: memory of the session that a program on the same machine writes its large messages into.

It belongs to the server thread. A client asks for a segment over HTTP, writes its message there, and publishes it by
name (docs/wire.md, "Shared memory"): the message is copied once, by the client, and the payload is that memory itself.
256 MB reach the session in 25 to 40 ms where TCP takes 48 to 92, and 12 MB in 3 ms instead of 4. While the main thread
runs Python it is less than half of the time.

The session owns the memory, files without a place in any folder (memfd_create(2)), because it alone knows when nobody
holds a payload any longer; only then is a segment written again. Used again it must be: with pages that are touched for
the first time it is no faster than TCP. Nothing is left behind whoever dies: the system frees the memory with its last
user.

A segment that was lent and not published in time is thrown away and never lent again: who still writes into it writes
where nobody reads. The seals keep a client from truncating it, which would kill the session when it reads (SIGBUS).
"""

from __future__ import annotations

import mmap
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

from hdaemon.interval import short_waits
from hdaemon.wire.heads import Head, HttpError

if sys.platform == "linux":
    import fcntl

__all__ = ["OFFERED", "Segment", "Segments", "segment_of"]

OFFERED = sys.platform == "linux" and hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
"""Whether this system and this Python have files in memory that can be sealed."""

MAX_SEGMENTS = 40
"""As many messages of 8 MiB, the least that hdaemon's own client hands over, as the log holds, and some more. Each
takes two descriptors."""

KEEP_S = 10.0
"""A segment that nobody has used for so long is given back to the system, after a few seconds more at most."""

_LOOK_S = KEEP_S / 2

_SHORT_S = 0.25
"""How long at most waits for the interpreter are short after something was lent. 12 MB took 9.3 ms and not 12.3 so,
while the main thread ran Python."""

_SLACK = 1.1
"""A segment may be larger by this factor than what it is lent for."""

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
"""fallocate(2): take the pages out of a file, whose size stays."""

_PUBLISHED = re.compile(r"([0-9a-f]{32}); bytes=([1-9][0-9]{0,18})")


@dataclass(slots=True, eq=False)
class Segment:
    """A piece of memory.

    Attributes:
        id: its name, which cannot be guessed; never used again.
        size: bytes.
        fd: the file.
        map: the file as memory. A payload, array or view made from it holds a reference to it.
        client_id: the client it is lent to; 0: none.
        until: when the lease is over, on the monotonic clock.
        free_since: when it was first seen that nobody uses it; None while somebody does.
    """

    id: str
    size: int
    fd: int
    map: mmap.mmap
    client_id: int = 0
    until: float = 0.0
    free_since: float | None = None

    @property
    def path(self) -> str:
        """Where processes of the same user can open it (proc_pid_fd(5))."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @property
    def in_use(self) -> bool:
        """Whether it is lent, or a payload that lies in it is held."""
        # Two references: the record's, and the argument's.
        return self.client_id != 0 or sys.getrefcount(self.map) > 2


class Segments:
    """Shared memory that is lent, published and used again.

    Args:
        max_bytes: how much there may be, in use or not; past it nothing is lent.
        max_message_bytes: the largest message.
        lease_s: how long a client may take to write and publish.
        clock: the monotonic clock.

    Attributes:
        bytes_received: of all messages published so.
    """

    def __init__(
        self, max_bytes: int, max_message_bytes: int, lease_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max, self._max_message, self._lease_s, self._clock = max_bytes, max_message_bytes, lease_s, clock
        self._segments: list[Segment] = []  # the one that was lent longest ago comes first
        self._look_at = 0.0
        self._short_waits: ExitStack | None = None
        self._short_until = 0.0
        self.bytes_received = 0

    def lend(self, client_id: int, size: int) -> Segment:
        """Lend a segment of at least `size` bytes to a client, whatever is in it. What it was lent before is gone.

        Raises:
            HttpError: 413, it is more than a message may have; 501, there is no shared memory here; 503, all of it is
                in use, or the system has none.
        """
        if not OFFERED:
            raise HttpError(501, "this session has no shared memory to lend: send the message as the request's body")
        if size > self._max_message:
            raise HttpError(413, f"{size} bytes are over the limit of {self._max_message} (max_http_message_bytes)")
        self.give_up(client_id)
        fitting = (s for s in reversed(self._segments) if size <= s.size <= size * _SLACK + mmap.PAGESIZE)
        segment = next((s for s in fitting if not s.in_use), None)
        if segment is not None:
            self._segments.remove(segment)
        else:
            segment = self._made(size)
        now = self._clock()
        if not self._segments:
            self._look_at = now + _LOOK_S
        self._segments.append(segment)
        segment.client_id, segment.until, segment.free_since = client_id, now + self._lease_s, None
        self._wait_short()
        return segment

    def take(self, client_id: int, identifier: str, size: int) -> memoryview:
        """Return the first `size` bytes of the segment lent to a client, as a payload: the lease is over.

        Raises:
            HttpError: 400, the segment is smaller, or has not been written; 410, it is not lent to this client; 413.
        """
        segment = self._lent_to(client_id)
        if segment is None or segment.id != identifier:
            raise HttpError(410, "this segment is not lent to this connection (any more): send the message as a body")
        if size > self._max_message:
            raise HttpError(413, f"{size} bytes are over the limit of {self._max_message} (max_http_message_bytes)")
        # Reading what was never written would need memory, of which there may be none then (SIGBUS).
        if size > segment.size or size > os.fstat(segment.fd).st_blocks * 512:
            raise HttpError(400, f"{size} bytes were not written into the segment: write the whole message first")
        segment.client_id = 0
        self._wait_short()
        self.bytes_received += size
        return memoryview(segment.map).toreadonly()[:size]

    def give_up(self, client_id: int) -> None:
        """Throw away what is lent to a client: it may still be written by who does not know yet."""
        segment = self._lent_to(client_id)
        if segment is not None:
            self._drop(segment)

    def due(self) -> float | None:
        """Return when `trim` has something to do, on the monotonic clock; None while it has not."""
        if not self._segments:
            return None
        lent_until = min((s.until for s in self._segments if s.client_id), default=self._look_at)
        return lent_until if self._short_waits is None else min(lent_until, self._short_until)

    def trim(self, now: float) -> None:
        """Throw away what was lent too long ago, and what nobody has used for a while."""
        for segment in list(self._segments):
            if segment.client_id and segment.until <= now:
                self._drop(segment)
        if self._short_until <= now:
            self._wait_as_usual()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        for segment in list(self._segments):
            if segment.in_use:
                segment.free_since = None
            elif segment.free_since is None:
                segment.free_since = now
            elif segment.free_since + KEEP_S <= now:
                self._drop(segment)
                self._look_at = now  # the next one a turn later: each takes up to 40 ms
                return

    def close(self) -> None:
        """Forget every segment; payloads that are still held stay as they are."""
        for segment in list(self._segments):
            self._drop(segment)

    # -- inside -----------------------------------------------------------------------------------------

    def _lent_to(self, client_id: int) -> Segment | None:
        return next((segment for segment in self._segments if segment.client_id == client_id), None)

    def _wait_short(self) -> None:
        """When something is lent a message is about to come: this thread is not to wait long for the interpreter."""
        lent = any(segment.client_id for segment in self._segments)
        if lent and self._short_waits is None:
            self._short_waits = ExitStack()
            self._short_waits.enter_context(short_waits())
            self._short_until = self._clock() + _SHORT_S
        elif not lent:
            self._wait_as_usual()

    def _wait_as_usual(self) -> None:
        if self._short_waits is not None:
            self._short_waits.close()
            self._short_waits = None

    def _made(self, size: int) -> Segment:
        """Return a new segment, after others that nobody uses were dropped where there is no room."""
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        while len(self._segments) >= MAX_SEGMENTS or sum(s.size for s in self._segments) + size > self._max:
            unused = next((s for s in self._segments if not s.in_use), None)
            if unused is None:
                raise HttpError(503, "the shared memory is in use (max_shared_bytes): send the message as a body")
            self._drop(unused)
        try:
            return _new(size)
        except (OSError, MemoryError) as error:
            raise HttpError(503, f"the system has no shared memory to lend ({error}): send a body") from error

    def _drop(self, segment: Segment) -> None:
        self._segments.remove(segment)
        segment.client_id = 0
        self._wait_short()
        try:
            if segment.in_use:
                return  # its payload lives on; the last one who holds it frees it
            # The pages go now, also where a client still has them mapped.
            if not _given_back(segment.fd, segment.size):
                segment.map.madvise(mmap.MADV_REMOVE)
            segment.map.close()
        finally:
            os.close(segment.fd)


def segment_of(head: Head) -> tuple[str, int] | None:
    """Return id and length of what a request publishes from shared memory, or None when its body is what it publishes.

    Raises:
        HttpError: 400, the header is there and not as it must be, or the request has a body too.
    """
    values = head.all("hdaemon-segment")
    if not values:
        return None
    found = _PUBLISHED.fullmatch(values[0])
    if found is None or len(values) > 1 or head.length != 0:
        raise HttpError(400, "Hdaemon-Segment must be there once, as ID; bytes=NUMBER, in a request without a body")
    return found[1], int(found[2])


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    try:
        import ctypes

        found = ctypes.CDLL(None).fallocate
    except (ImportError, OSError, AttributeError):  # a Python without ctypes, a C library without it
        return None
    found.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    found.restype = ctypes.c_int
    call: Callable[[int, int, int, int], int] = found
    return call


def _given_back(fd: int, size: int) -> bool:
    """Give a file's pages back to the system, and return whether that worked; other threads run meanwhile.

    `mmap.madvise` does the same and holds the interpreter's lock: 471 MB kept the main thread for 100 ms.
    """
    fallocate = _fallocate()
    return fallocate is not None and fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, 0, size) == 0


def _new(size: int) -> Segment:
    identifier = secrets.token_hex(16)
    fd = os.memfd_create("hdaemon-" + identifier, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return Segment(identifier, size, fd, mmap.mmap(fd, size))
    except BaseException:
        os.close(fd)
        raise
