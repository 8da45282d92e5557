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

MAX_OF_ONE = 1024
"""Keys remembered of one publisher: what hdaemon's own client may have without an answer. Each has its own: while one
tries for a second to reach the server again, the others send more than any common number."""

MAX_KEYS = 131_072
"""Of all together: twice what 64 clients, the most at once, may have without an answer. About 200 bytes each."""

_FEW = 8
"""So many keys that came together are kept one by one: a run of its own costs them more."""

_Given = str
"""An `Answer` as it is kept: serial, mode and channel in one text, which is nothing to the garbage collector. With a
tuple a message, until all publishers have their most, Python looked for garbage every two hundred messages."""

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


def _given(serial: int, channel: str, mode: str) -> _Given:
    return f"{serial} {mode} {channel}"  # the channel may have any characters, the others have no spaces


def _answer(given: _Given) -> Answer:
    serial, mode, channel = given.split(" ", 2)
    return Answer(int(serial), channel, mode)


class _Run:
    """What the publisher of messages that came together was told: their serials are consecutive."""

    __slots__ = ("first", "keys")

    def __init__(self, first: Answer, keys: list[bytes]) -> None:
        self.first, self.keys = first, keys

    def of(self, key: bytes) -> Answer:
        """Return the answer given for `key`."""
        return self.first._replace(serial=self.first.serial + self.keys.index(key))


class Acknowledged:
    """The keys that were used lately, and what was answered.

    Keys that are the same up to their last ``/`` are of one publisher. Those without are all of one, which may have a
    quarter of all.

    Args:
        max_keys: past it the keys of the publisher that has published nothing for the longest time are forgotten.
        max_of_one: of each publisher so many are remembered, and all that came together with the newest.
    """

    def __init__(self, max_keys: int = MAX_KEYS, max_of_one: int = MAX_OF_ONE) -> None:
        self._max, self._max_of_one = max_keys, max_of_one
        self._answers: dict[bytes, _Given | _Run] = {}
        self._publishers: dict[bytes, deque[bytes]] = {}  # keys, oldest first; who published last comes last

    def find(self, key: str, channel: str) -> Answer | None:
        """Return the answer given for `key`, or None when it is new.

        Raises:
            HttpError: 422, it was used for another channel.
        """
        raw = key.encode("latin-1")
        known = self._answers.get(raw)
        if known is None:
            return None
        answer = known.of(raw) if isinstance(known, _Run) else _answer(known)
        if answer.channel != channel:
            raise HttpError(
                422, f"Idempotency-Key {key} was used for channel {answer.channel!r} already: take a new one a message"
            )
        return answer

    def remember(self, key: str, answer: Answer) -> None:
        """Keep the answer given for `key`, which is new."""
        raw = key.encode("latin-1")
        self._answers[raw] = _given(*answer)
        self._forget([raw])

    def are_new(self, keys: list[bytes]) -> bool:
        """Say whether each of `keys`, as sent, is used for the first time."""
        return len(set(keys)) == len(keys) and self._answers.keys().isdisjoint(keys)

    def remember_all(self, keys: list[bytes], first: Answer) -> None:
        """Keep the answers given for `keys`, which are new: `first`, and the same with the serials that follow."""
        if not keys:
            return  # they came without
        if len(keys) > _FEW:
            self._answers.update(dict.fromkeys(keys, _Run(first, keys)))
        else:
            serial, channel, mode = first
            self._answers.update({key: _given(serial + number, channel, mode) for number, key in enumerate(keys)})
        self._forget(keys)

    def _forget(self, newest: list[bytes]) -> None:
        """Take note of `newest`; forget the oldest, as far as there are too many, but nothing of the newest."""
        answers, publishers = self._answers, self._publishers
        name = newest[0].rpartition(b"/")[0]
        order = publishers.pop(name, None)
        if order is None:
            order = deque()
        publishers[name] = order
        order.extend(newest)
        most = max(self._max_of_one if name else self._max // 4, len(newest))
        while len(order) > most:
            del answers[order.popleft()]
        while len(answers) > self._max and len(publishers) > 1:
            for key in publishers.pop(next(iter(publishers))):
                del answers[key]
