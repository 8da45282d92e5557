"""What each HTTP request does: the routes of design.md, "One port, three doors"."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from hdaemon import content
from hdaemon.message import MODES, Message
from hdaemon.server.acknowledged import Acknowledged, Answer, key_of
from hdaemon.server.client import Client
from hdaemon.server.listener import is_loopback
from hdaemon.server.modes import Modes
from hdaemon.server.recorder import Recorder
from hdaemon.server.shared import Segments, segment_of
from hdaemon.wire import together
from hdaemon.wire.access import is_preflight
from hdaemon.wire.events import Payload, Payloads, Request, Requests
from hdaemon.wire.heads import Head, HttpError
from hdaemon.wire.http import answer, error_answer
from hdaemon.wire.limits import Limits
from hdaemon.wire.urls import channel_of, media_type_of

__all__ = ["Routes"]

_MAX_MODE_BYTES = 64
_MAX_LEASE_BYTES = 64

Parts = list[content.Payload]


class Routes:
    """Answers requests; belongs to the server thread.

    Args:
        modes: says in which mode a client's data is received.
        recorder: takes what is published.
        switch_all: switches every client to a mode; told who asked for it.
        status: returns what ``GET /status`` shows.
        limits: `max_channels`, `max_together_messages` and `max_together_bytes` hold here.
        segments: the shared memory that is lent.
        pages: whether there are web pages that may send: they are told that they may read the answer.
    """

    def __init__(
        self,
        modes: Modes,
        recorder: Recorder,
        switch_all: Callable[[str, str], None],
        status: Callable[[], dict[str, Any]],
        limits: Limits,
        segments: Segments,
        pages: bool = False,
    ) -> None:
        self._pages = pages
        self._modes, self._recorder, self._switch_all, self._status = modes, recorder, switch_all, status
        self._limits = limits
        self.segments = segments
        self._acknowledged = Acknowledged()

    def answer(self, client: Client, request: Request) -> Parts:
        """Do what `request` asks for; return the bytes of the response. Errors of the request are responses too."""
        if self._pages and request.head.all("origin"):
            return self._answer_page(client, request)
        return self._answer(client, request)

    def _answer(self, client: Client, request: Request) -> Parts:
        head = request.head
        try:
            return self._route(client, request)
        except HttpError as error:
            return [error_answer(error, keep_alive=head.keep_alive, with_body=head.method != "HEAD")]

    def _answer_page(self, client: Client, request: Request) -> Parts:
        """Answer a request whose Origin is allowed by name, else it would not have come here."""
        from hdaemon.wire.cors import preflight_answer, readable_by

        head = request.head
        parts = preflight_answer(head) if is_preflight(head) else self._answer(client, request)
        return readable_by(head.get("origin"), parts)

    def answer_all(self, client: Client, requests: Requests) -> Parts | None:
        """Do what all of `requests` ask for, and return the bytes of the responses: the same as of one after another.

        Returns None, and has done nothing, when they must be answered one by one: an error, or a key that is known.
        """
        keys, target = requests.keys, _published_to(requests.head)
        if target is None:
            return None
        channel, content_type = target
        mode = self._modes.of(client)
        if not self._acknowledged.are_new(keys) or (mode == "evaluate" and self._is_full(channel)):
            return None
        serial = self._recorder.record(client, Payloads(content_type, requests.bodies, channel), mode)
        self._acknowledged.remember_all(keys, Answer(serial, channel, mode))
        return [_all_published(Answer(serial, channel, mode), len(requests.bodies))]

    def _route(self, client: Client, request: Request) -> Parts:
        path = request.head.target.partition("?")[0]
        if path == "/channels":
            self._allow(request, "GET", "HEAD")
            return self._json(request, self._channels())
        if path.startswith("/channels/"):
            self._allow(request, "GET", "HEAD", "PUT", "POST")
            channel = channel_of(path[len("/channels/") :])
            if request.head.method in ("PUT", "POST"):
                return self._publish(client, request, channel)
            return self._latest(request, channel)
        if path == "/status":
            self._allow(request, "GET", "HEAD")
            return self._json(request, self._status())
        if path == "/mode":
            self._allow(request, "GET", "HEAD", "PUT")
            return self._mode(client, request)
        if path == "/segments":
            self._allow(request, "POST")
            return self._lend(client, request)
        raise HttpError(404, f"there is nothing at {path[:80]!r}: use /channels/NAME, /channels, /status or /mode")

    def _allow(self, request: Request, *methods: str) -> None:
        if request.head.method not in methods:
            allowed = ", ".join(methods)
            raise HttpError(
                405, f"{request.head.method[:20]} is not possible here: use {allowed}", (("Allow", allowed),)
            )

    def _json(self, request: Request, value: object) -> Parts:
        body = json.dumps(value, ensure_ascii=False).encode()
        head = request.head
        return answer(200, body, keep_alive=head.keep_alive, with_body=head.method != "HEAD")

    def _publish(self, client: Client, request: Request, channel: str) -> Parts:
        content_type, key = _content_type(request.head), key_of(request.head)
        several = together.messages_of(request.head, request.body, self._limits)
        again = self._acknowledged.find(key, channel) if key is not None else None
        if again is not None:
            return answer(200, _published(again, several), keep_alive=request.head.keep_alive)
        mode = self._modes.of(client)
        if mode == "evaluate" and self._is_full(channel):
            raise HttpError(
                507, f"the store holds {self._limits.max_channels} channels, which is the limit max_channels"
            )
        shared = segment_of(request.head)
        body = request.body if shared is None else self.segments.take(client.id, *shared)
        if shared is not None:
            client.bytes += len(body)
        message = Payload(content_type, body, channel) if several is None else Payloads(content_type, several, channel)
        given = Answer(self._recorder.record(client, message, mode), channel, mode)
        if key is not None:
            self._acknowledged.remember(key, given)
        return answer(200, _published(given, several), keep_alive=request.head.keep_alive)

    def _is_full(self, channel: str) -> bool:
        store = self._recorder.store
        return channel not in store and len(store) >= self._limits.max_channels

    def _latest(self, request: Request, channel: str) -> Parts:
        entry = self._recorder.store.get(channel)
        if entry is None:
            raise HttpError(
                404,
                f"nothing is stored on channel {channel!r}: send to it in evaluate mode (in print it is only shown)",
            )
        message, head = entry.message, request.head
        tag = f'"{message.serial}"'
        headers = (("ETag", tag), ("Cache-Control", "no-cache"))
        known = [part.strip().removeprefix("W/") for value in head.all("if-none-match") for part in value.split(",")]
        if tag in known or "*" in known:
            return answer(304, headers=headers, keep_alive=head.keep_alive)
        content_type = message.content_type
        if content_type == "text/plain":
            content_type += "; charset=utf-8"
        return answer(
            200,
            message.payload,
            content_type,
            headers,
            keep_alive=head.keep_alive,
            with_body=head.method != "HEAD",
        )

    def _channels(self) -> list[dict[str, Any]]:
        """Return what the store holds and what was only shown; the store's may have come from elsewhere."""
        store, infos = self._recorder.store, {info.channel: info for info in self._recorder.channels.infos()}
        listed = []
        for channel in sorted({*store, *infos}):
            entry, info = store.get(channel), infos.get(channel)
            described = _described(entry.message) if entry is not None else {}
            if info is not None and not described:
                described = {
                    "channel": channel,
                    "serial": info.serial,
                    "type": info.content_type,
                    "bytes": info.size,
                    "time": info.time,
                    "client": info.client,
                }
            if described:
                rate = round(info.rate, 2) if info is not None else 0.0
                listed.append({**described, "stored": entry is not None, "rate": rate})
        return listed

    def _mode(self, client: Client, request: Request) -> Parts:
        if request.head.method != "PUT":
            return self._json(request, self._modes.mode)
        wanted = None
        if len(request.body) <= _MAX_MODE_BYTES:
            try:
                wanted = json.loads(bytes(request.body))
            except ValueError:
                pass
        if wanted not in MODES:
            raise HttpError(400, 'the body must be the JSON string "print" or "evaluate"')
        if self._modes.locked:
            self._modes.refuse(client, str(wanted))
            raise HttpError(409, "the mode is locked: only the session itself can switch it")
        self._switch_all(str(wanted), client.name)
        return self._json(request, {"mode": wanted})

    def _lend(self, client: Client, request: Request) -> Parts:
        if not is_loopback(client.address.rpartition(":")[0]):
            raise HttpError(403, "shared memory is for programs of the session's own machine, by way of 127.0.0.1")
        try:
            size = json.loads(bytes(request.body[:_MAX_LEASE_BYTES]))["bytes"]
        except (ValueError, TypeError, KeyError):
            size = None
        if type(size) is not int or size < 1:
            raise HttpError(400, 'the body must be a JSON object {"bytes": NUMBER}, the size of the message')
        segment = self.segments.lend(client.id, size)
        return self._json(request, {"id": segment.id, "path": segment.path, "bytes": segment.size})


def _described(message: Message) -> dict[str, Any]:
    return {
        "channel": message.channel,
        "serial": message.serial,
        "type": message.content_type,
        "bytes": len(message.payload),
        "time": message.time,
        "client": message.client,
    }


@lru_cache(256)
def _quoted(channel: str) -> str:
    return json.dumps(channel, ensure_ascii=False)


def _published(given: Answer, several: list[bytes] | None = None) -> bytes:
    # The answer there is most of, by far: written by hand it takes a third of the time.
    stored = "true" if given.mode == "evaluate" else "false"
    text = f'{{"serial": {given.serial}, "channel": {_quoted(given.channel)}, '
    more = "" if several is None else f', "messages": {len(several)}'
    return (text + f'"mode": "{given.mode}", "stored": {stored}{more}}}').encode()


def _all_published(first: Answer, count: int) -> bytes:
    """Return the answers to `count` messages with consecutive serials: they differ in nothing else."""
    answers, serial, end = [], first.serial, first.serial + count
    if count == 1:
        before, after = _around(first.channel, first.mode, len(str(serial)))
        return b"%b%d%b" % (before, serial, after)
    while serial < end:
        digits = len(str(serial))  # a further digit makes another Content-Length
        upto = min(end, 10**digits)
        before, after = _around(first.channel, first.mode, digits)
        answers += [before, (after + before).join([b"%d" % number for number in range(serial, upto)]), after]
        serial = upto
    return b"".join(answers)


@lru_cache(256)
def _around(channel: str, mode: str, digits: int) -> tuple[bytes, bytes]:
    """Return what stands before and after a serial of so many digits in an answer."""
    (text,) = answer(200, _published(Answer(10 ** (digits - 1), channel, mode)))
    begin = bytes(text).index(b'{"serial": ') + len(b'{"serial": ')
    return bytes(text[:begin]), bytes(text[begin + digits :])


_OTHERS = frozenset(("hdaemon-segment", together.NAME, "idempotency-key", "origin"))
"""Headers that make a request one to be answered by itself; the key that a run may have is not in its shared head."""


@lru_cache(256)
def _published_to(head: Head) -> tuple[str, str] | None:
    """Return the channel and the type of what requests with such a head publish; None for others, and for errors."""
    path = head.target.partition("?")[0]
    if not path.startswith("/channels/") or head.method not in ("PUT", "POST"):
        return None
    if not _OTHERS.isdisjoint(name for name, _ in head.headers):
        return None
    try:
        return channel_of(path[len("/channels/") :]), _content_type(head)
    except HttpError:
        return None


def _content_type(head: Head) -> str:
    if head.all("content-encoding"):
        raise HttpError(415, "a Content-Encoding is not undone here: send the payload as it is")
    values = head.all("content-type")
    if not values:
        return "application/octet-stream"
    if len(values) > 1:
        raise HttpError(415, f"Content-Type is given {len(values)} times: send it once")
    return media_type_of(values[0])
