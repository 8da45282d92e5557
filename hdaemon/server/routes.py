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
from hdaemon.server.modes import Modes
from hdaemon.server.recorder import Recorder
from hdaemon.wire.events import Payload, Request
from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import answer, error_answer
from hdaemon.wire.urls import channel_of, media_type_of

__all__ = ["Routes"]

_MAX_MODE_BYTES = 64

Parts = list[content.Payload]


class Routes:
    """Answers requests; belongs to the server thread.

    Args:
        modes: says in which mode a client's data is received.
        recorder: takes what is published.
        switch_all: switches every client to a mode; told who asked for it.
        status: returns what ``GET /status`` shows.
        max_channels: how many channels the store may hold.
    """

    def __init__(
        self,
        modes: Modes,
        recorder: Recorder,
        switch_all: Callable[[str, str], None],
        status: Callable[[], dict[str, Any]],
        max_channels: int,
    ) -> None:
        self._modes, self._recorder, self._switch_all, self._status = modes, recorder, switch_all, status
        self._max_channels = max_channels
        self._acknowledged = Acknowledged()

    def answer(self, client: Client, request: Request) -> Parts:
        """Do what `request` asks for; return the bytes of the response. Errors of the request are responses too."""
        head = request.head
        try:
            return self._route(client, request)
        except HttpError as error:
            return [error_answer(error, keep_alive=head.keep_alive, with_body=head.method != "HEAD")]

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
        content_type, key = _content_type(request), key_of(request.head)
        again = self._acknowledged.find(key, channel) if key is not None else None
        if again is not None:
            return self._published(request, again)
        store = self._recorder.store
        mode = self._modes.of(client)
        if mode == "evaluate" and channel not in store and len(store) >= self._max_channels:
            raise HttpError(507, f"the store holds {self._max_channels} channels, which is the limit max_channels")
        serial = self._recorder.record(client, Payload(content_type, request.body, channel), mode)
        given = Answer(serial, channel, mode)
        if key is not None:
            self._acknowledged.remember(key, given)
        return self._published(request, given)

    def _published(self, request: Request, given: Answer) -> Parts:
        # The answer there is most of, by far: written by hand it takes a third of the time.
        stored = "true" if given.mode == "evaluate" else "false"
        text = f'{{"serial": {given.serial}, "channel": {_quoted(given.channel)}, '
        text += f'"mode": "{given.mode}", "stored": {stored}}}'
        return answer(200, text.encode(), keep_alive=request.head.keep_alive)

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


def _content_type(request: Request) -> str:
    if request.head.all("content-encoding"):
        raise HttpError(415, "a Content-Encoding is not undone here: send the payload as it is")
    values = request.head.all("content-type")
    if not values:
        return "application/octet-stream"
    if len(values) > 1:
        raise HttpError(415, f"Content-Type is given {len(values)} times: send it once")
    return media_type_of(values[0])
