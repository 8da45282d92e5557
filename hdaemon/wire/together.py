"""Several messages in one request: ``Hdaemon-Messages: 3`` and a body ``5 5 2``, a line end, then the payloads, joined.

A message by a request of its own costs some ten times as much (bench/small.py).
"""

from __future__ import annotations

import re
from itertools import accumulate

from hdaemon.wire.heads import Head, HttpError
from hdaemon.wire.limits import Limits

__all__ = ["NAME", "messages_of"]

NAME = "hdaemon-messages"

_COUNT = re.compile(r"[0-9]{1,9}")
_MAX_DIGITS = 19


def messages_of(head: Head, body: bytes | memoryview, limits: Limits) -> list[bytes] | None:
    """Return the payloads of a request with several messages, in order; None when it is one message.

    Args:
        head: the request's.
        body: all of it.
        limits: `max_together_messages` and `max_together_bytes` hold here.

    Raises:
        HttpError: 400, the count, the sizes and the body do not fit together; 413, there are too many or it is too
            large. Nothing was published.
    """
    values = head.all(NAME)
    if not values:
        return None
    if len(values) > 1 or not _COUNT.fullmatch(values[0]) or not int(values[0]):
        raise HttpError(400, "Hdaemon-Messages must be there once: the number of messages in the body, above 0")
    count, most, most_bytes = int(values[0]), limits.max_together_messages, limits.max_together_bytes
    if count > most or len(body) > most_bytes:
        raise HttpError(
            413,
            f"{count} messages and {len(body)} bytes in one request are more than the limit of {most} messages "
            f"(max_together_messages) and {most_bytes} bytes (max_together_bytes): send several requests",
        )
    line, _, joined = bytes(body).partition(b"\n")
    sizes = _sizes(line)
    if sizes is None or len(sizes) != count:
        raise HttpError(
            400, f"a body of {count} messages must begin with their {count} sizes: digits, a space between, a line end"
        )
    if sum(sizes) != len(joined):
        raise HttpError(400, f"the sizes of the {count} messages are {sum(sizes)} bytes, and {len(joined)} follow them")
    ends = accumulate(sizes)
    return [joined[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _sizes(line: bytes) -> list[int] | None:
    """Return the numbers of the line; None for anything else."""
    words = line.split(b" ")
    if not b"".join(words).isdigit() or max(map(len, words)) > _MAX_DIGITS or b"" in words:
        return None
    return list(map(int, words))
