"""`Acknowledged`: what was published under an idempotency key, so that what is sent again is not handed over again.

A client whose connection broke before the answer came cannot know whether its message arrived. It sends it again with
the same key, and is given the answer of the first time (draft-ietf-httpapi-idempotency-key-header). Belongs to the
server thread.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from hdaemon.wire.heads import Head, HttpError

__all__ = ["Acknowledged", "Answer", "key_of"]

MAX_KEYS = 65_536
"""Keys remembered: what 64 clients, the most at once, may each have without an answer (at most 1024 with hdaemon's own
client). About 200 bytes each."""

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


class _Run(NamedTuple):
    """What the publisher of messages that came together was told: their serials are consecutive."""

    first: Answer
    keys: list[bytes]

    def of(self, key: bytes) -> Answer:
        """Return the answer given for `key`."""
        return self.first._replace(serial=self.first.serial + self.keys.index(key))


class Acknowledged:
    """The keys that were used lately, and what was answered.

    Args:
        max_keys: past it the oldest are forgotten; what came together is forgotten together, and the newest never.
    """

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max = max_keys
        self._answers: dict[bytes, Answer | _Run] = {}
        self._order: deque[list[bytes]] = deque()

    def find(self, key: str, channel: str) -> Answer | None:
        """Return the answer given for `key`, or None when it is new.

        Raises:
            HttpError: 422, it was used for another channel.
        """
        raw = key.encode("latin-1")
        known = self._answers.get(raw)
        answer = known.of(raw) if isinstance(known, _Run) else known
        if answer is not None and answer.channel != channel:
            raise HttpError(
                422, f"Idempotency-Key {key} was used for channel {answer.channel!r} already: take a new one a message"
            )
        return answer

    def remember(self, key: str, answer: Answer) -> None:
        """Keep the answer given for `key`, which is new."""
        raw = key.encode("latin-1")
        self._answers[raw] = answer
        self._forget([raw])

    def are_new(self, keys: list[bytes]) -> bool:
        """Say whether each of `keys`, as sent, is used for the first time."""
        return len(set(keys)) == len(keys) and self._answers.keys().isdisjoint(keys)

    def remember_all(self, keys: list[bytes], first: Answer) -> None:
        """Keep the answers given for `keys`, which are new: `first`, and the same with the serials that follow."""
        self._answers.update(dict.fromkeys(keys, _Run(first, keys)))
        self._forget(keys)

    def _forget(self, newest: list[bytes]) -> None:
        """Forget the oldest, as far as there are too many."""
        answers, order = self._answers, self._order
        order.append(newest)
        while len(answers) > self._max and len(order) > 1:
            for key in order.popleft():
                del answers[key]
