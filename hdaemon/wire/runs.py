"""Runs: requests that came at once and are alike but for their keys, lengths and bodies, taken apart all together.

A client that pipelines messages to one channel has a thousand of them come in one receive. One search for their heads
costs half a microsecond a message; to read each by itself cost twelve.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hdaemon.wire.events import Requests
from hdaemon.wire.heads import LAST_LINES, Head

__all__ = ["Runs"]

_VARYING_BYTES = 256
"""What a key, a length and their names take at most in a head."""


_LARGE_BYTES = 1000
"""Bodies that are larger are not searched for heads: of a request with 10 kB that was a third of the server's time."""


class Runs:
    """Finds requests that are like a known one.

    Args:
        data: a head; parsed and admitted, which then holds for every head that is like it.
        head: what it was parsed to.
        max_head_bytes: of one head.
        max_body_bytes: of one body.
    """

    def __init__(self, data: bytes, head: Head, max_head_bytes: int, max_body_bytes: int) -> None:
        self._data, self._head, self._max_body_bytes = data, head, max_body_bytes
        self._last = None
        if head.method in ("PUT", "POST") and head.keep_alive and not head.expects and head.length is not None:
            if len(data) + _VARYING_BYTES <= max_head_bytes:
                self._last = LAST_LINES.search(data)
        self._pattern: re.Pattern[bytes] | None = None
        self._varying: re.Pattern[bytes] | None = None

    def find(self, data: bytearray) -> tuple[Requests, int] | None:
        """Return the requests at the beginning of `data` that are like the known one, and how many bytes they are.

        They end before the first that is not complete, not spelled alike, empty, or above a limit. None when there are
        none: what `data` begins with is then to be read as if there were no runs.

        Args:
            data: begins where a head begins.
        """
        if self._last is None:
            return None
        pattern = self._varying or self._learn(self._last)
        first = self._match(data, 0)
        if first is None or int(first[pattern.groups]) > min(self._max_body_bytes, len(data) - first.end()):
            return None
        size = int(first[pattern.groups])
        if size > _LARGE_BYTES:
            return self._walk(data, first)
        if size == len(data) - first.end() > 0:  # one by itself, whose answer somebody waits for: there is no next one
            keys = [first[1]] if pattern.groups == 2 else []
            return Requests(self._shared, keys, [first[pattern.groups]], [bytes(data[first.end() :])]), len(data)
        # Between two heads is a body, unless a body holds what looks like a head or another head is in between.
        _, *parts = (self._pattern or self._compile(pattern)).split(bytes(data))
        keys = parts[::3] if pattern.groups == 2 else []
        lengths, bodies = parts[pattern.groups - 1 :: pattern.groups + 1], parts[pattern.groups :: pattern.groups + 1]
        count = _plain(bodies, list(map(int, lengths)), self._max_body_bytes)
        if not count:
            return None
        del keys[count:], lengths[count:], bodies[count:]
        size = count * self._fixed + sum(map(len, keys)) + sum(map(len, lengths)) + sum(map(len, bodies))
        return Requests(self._shared, keys, lengths, bodies), size

    def _walk(self, data: bytearray, found: re.Match[bytes] | None) -> tuple[Requests, int]:
        """Return what `find` does, from head to head: the first has been found, and its request is complete."""
        assert self._varying is not None
        keys: list[bytes] = []
        lengths: list[bytes] = []
        bodies: list[bytes] = []
        begin, many = 0, self._varying.groups
        with memoryview(data) as view:
            while found is not None:
                end = found.end() + int(found[many])
                if not found.end() < end <= min(len(data), found.end() + self._max_body_bytes):
                    break
                if many == 2:
                    keys.append(found[1])
                lengths.append(found[many])
                bodies.append(bytes(view[found.end() : end]))
                begin, found = end, self._match(data, end)
        return Requests(self._shared, keys, lengths, bodies), begin

    def _match(self, data: bytearray, begin: int) -> re.Match[bytes] | None:
        """Look for a head spelled as the known one: a group for the key, if it has one, and for the length."""
        assert self._varying is not None
        return self._varying.match(data, begin + len(self._same)) if data.startswith(self._same, begin) else None

    def _learn(self, last: re.Match[bytes]) -> re.Pattern[bytes]:
        """Take note of what the known head has in common with those spelled alike; return the pattern of the rest."""
        data, head = self._data, self._head
        keyed = last.group(1) is not None
        self._same = data[: last.start(1) if keyed else last.start(2)]
        self._varying = _varying(data[last.end(1) : last.start(2)] if keyed else None)
        self._fixed = len(data) - len(last.group(1) or b"") - len(last.group(2))
        self._shared = head._replace(headers=head.headers[: -self._varying.groups])
        return self._varying

    def _compile(self, varying: re.Pattern[bytes]) -> re.Pattern[bytes]:
        """Make what finds whole heads: for who sends many small ones. It takes half a millisecond."""
        self._pattern = re.compile(re.escape(self._same) + varying.pattern)
        return self._pattern


@lru_cache(64)
def _varying(name: bytes | None) -> re.Pattern[bytes]:
    """Return what matches a key, `name`, which stands after it, and a length; None: a length alone.

    One for all clients of a kind: to compile whole heads took 50 ms when 64 clients came at once.
    """
    key = rb"" if name is None else rb'("[!#-\[\]-~]{1,128}")' + re.escape(name)
    return re.compile(key + rb"([0-9]{1,19})\r\n\r\n")


def _plain(bodies: list[bytes], sizes: list[int], most: int) -> int:
    """Return how many of the bodies, from the first on, are complete, not empty and not too large.

    The last of them is cut to its size, when something else follows it.
    """
    if list(map(len, bodies)) == sizes and min(sizes) > 0 and max(sizes) <= most:
        return len(bodies)
    for number, (body, size) in enumerate(zip(bodies, sizes, strict=True)):
        if len(body) != size or not 0 < size <= most:
            if len(body) <= size or not 0 < size <= most:
                return number
            bodies[number] = body[:size]
            return number + 1
    return len(bodies)
