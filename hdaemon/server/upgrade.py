"""`upgrade`: what a request for a WebSocket asks for, and the door and the subscription it gets.

The URL is that of the channel, ``ws://HOST:PORT/channels/NAME``, with what else is wanted as a query (docs/wire.md).
"""

from __future__ import annotations

from collections.abc import Callable

from hdaemon.errors import UsageError
from hdaemon.filters import ChannelFilter
from hdaemon.server.client import Subscription
from hdaemon.wire.events import Upgrade
from hdaemon.wire.heads import HttpError
from hdaemon.wire.limits import Limits
from hdaemon.wire.urls import channel_of, decoded, media_type_of, options_of
from hdaemon.wire.websocket import WebSocketDoor, accept

__all__ = ["upgrade"]

_ECHO_PATH = "/echo"
_OPTIONS = ("subscribe", "heads", "type")


def upgrade(
    request: Upgrade, limits: Limits, join: Callable[[list[bytes | bytearray]], memoryview], *, echo: bool
) -> tuple[bytes, WebSocketDoor, Subscription | None]:
    """Return the answer to `request`, the door that takes over, and what is subscribed to.

    Args:
        request: asks for a WebSocket.
        limits: of the door.
        join: puts the parts of its long messages together.
        echo: whether there is a path ``/echo`` that sends everything back (for conformance tests).

    Raises:
        HttpError: 400, 404, 415 or 426, and what was wrong.
    """
    path, _, query = request.head.target.partition("?")
    if echo and path == _ECHO_PATH:
        return accept(request.head), WebSocketDoor(limits, None, echo=True), None
    if not path.startswith("/channels/"):
        raise HttpError(404, f"there is no WebSocket at {path[:80]!r}: use /channels/NAME, with ?subscribe=1 to listen")
    asked = options_of(query, _OPTIONS)
    name = path[len("/channels/") :]
    content_type = media_type_of(asked["type"]) if "type" in asked else ""
    if not _is_on(asked, "subscribe"):
        if "heads" in asked:
            raise HttpError(400, "heads=1 is for subscribers: write ?subscribe=1&heads=1")
        return accept(request.head), WebSocketDoor(limits, channel_of(name), content_type, join=join), None
    try:
        wanted = ChannelFilter(decoded(name))
    except UsageError as error:
        raise HttpError(400, str(error)) from error
    door = WebSocketDoor(limits, None if wanted.is_pattern else wanted.text, content_type, join=join)
    return accept(request.head), door, Subscription(wanted, _is_on(asked, "heads"))


def _is_on(asked: dict[str, str], name: str) -> bool:
    value = asked.get(name, "0")
    if value not in ("0", "1"):
        raise HttpError(400, f"{name} is {value[:40]!r}: write {name}=1 or leave it out")
    return value == "1"
