"""`Acknowledged`: what was published under an idempotency key, so that what is sent again is not handed over again.

A client whose connection broke before the answer came cannot know whether its message arrived. It sends it again with
the same key, and is given the answer of the first time (draft-ietf-httpapi-idempotency-key-header). Belongs to the
server thread.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import NamedTuple

from hdaemon.wire.heads import Head, HttpError

__all__ = ["Acknowledged", "Answer", "key_of"]

MAX_KEYS = 65_536
"""Keys remembered: what 64 clients, the most at once, may each have without an answer (at most 1024 with hdaemon's own
client). About 300 bytes each."""

_KEY = re.compile(r'"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,128}"')  # RFC 8941, 3.3.3, without escapes


class Answer(NamedTuple):
    """What the publisher was told."""

    serial: int
    channel: str
    mode: str


def key_of(head: Head) -> str | None:
    """Return the key of a request, or None when it has none.

    Raises:
        HttpError: 400, it is no quoted string of 1 to 128 characters, or there are two.
    """
    values = head.all("idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise HttpError(400, "Idempotency-Key must be there once: 1 to 128 visible characters in double quotes")
    return values[0]


class Acknowledged:
    """The keys that were used lately, and what was answered.

    Args:
        max_keys: past it the oldest are forgotten.
    """

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max = max_keys
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def find(self, key: str, channel: str) -> Answer | None:
        """Return the answer given for `key`, or None when it is new.

        Raises:
            HttpError: 422, it was used for another channel.
        """
        answer = self._answers.get(key)
        if answer is not None and answer.channel != channel:
            raise HttpError(
                422, f"Idempotency-Key {key} was used for channel {answer.channel!r} already: take a new one a message"
            )
        return answer

    def remember(self, key: str, answer: Answer) -> None:
        """Keep the answer given for `key`."""
        self._answers[key] = answer
        if len(self._answers) > self._max:
            self._answers.popitem(last=False)
