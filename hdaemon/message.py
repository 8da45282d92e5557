"""`Message`: one received unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hdaemon import content
from hdaemon.errors import DecodeError, UsageError

__all__ = ["DEFAULT_CHANNEL", "MODES", "Message", "check_channel", "one_line", "preview"]

MODES = ("print", "evaluate")
DEFAULT_CHANNEL = "default"

_UNDECODED: Any = object()
_set = object.__setattr__


class Message:
    """One received unit. It does not change.

    Attributes:
        serial: its number; grows by one with every message of the process, from 1.
        time: when it was received, in seconds since the epoch.
        channel: the name it was published on; ``"default"`` on the raw door.
        content_type: the media type of `payload`, lower case, without parameters.
        payload: the bytes as they came, without the line end that framed them. A door may hand over a memoryview
            of its buffer instead of bytes: one dimension, unsigned bytes.
        client: the name of the client that sent it.
    """

    __slots__ = ("_decoded", "channel", "client", "content_type", "payload", "serial", "time")

    serial: Final[int]
    time: Final[float]
    channel: Final[str]
    content_type: Final[str]
    payload: Final[content.Payload]
    client: Final[str]
    _decoded: tuple[Any, str | None]

    def __init__(
        self, serial: int, time: float, channel: str, content_type: str, payload: content.Payload, client: str
    ) -> None:
        # By hand: to import `dataclasses` takes as long as all of hdaemon.
        _set(self, "serial", serial)
        _set(self, "time", time)
        _set(self, "channel", channel)
        _set(self, "content_type", content_type)
        _set(self, "payload", payload)
        _set(self, "client", client)
        _set(self, "_decoded", _UNDECODED)

    if not TYPE_CHECKING:  # a class with these may be given any attribute, type checkers believe

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(f"a message does not change: {name} cannot be set")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"a message does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (self.serial, self.time, self.channel, self.content_type, self.payload, self.client)

    def __repr__(self) -> str:
        """Return what it is, on one line, however large it is."""
        origin = f" from {self.client}" if self.client else ""
        what = f"{self.content_type}, {len(self.payload)} bytes: {self.preview(60)}"
        return f"<Message {self.serial} on {self.channel}{origin}: {what}>"

    @property
    def data(self) -> Any:
        """The payload as its content type says: a str for text/plain, bytes for what has no decoder.

        Decoded when first asked for and kept. A payload that does not decode is given as its bytes, and
        `error` says why.
        """
        return self._decode()[0]

    @property
    def error(self) -> str | None:
        """Why the payload does not decode, or None when it does."""
        return self._decode()[1]

    def _decode(self) -> tuple[Any, str | None]:
        if self._decoded is _UNDECODED:
            result: tuple[Any, str | None]
            try:
                result = (content.decode(self.content_type, self.payload), None)
            except DecodeError as error:
                result = (bytes(self.payload), str(error))
            # Two threads may decode at once: both get an equal value, and one of them is kept.
            _set(self, "_decoded", result)
        return self._decoded

    def __len__(self) -> int:
        """Return the size of the payload in bytes."""
        return len(self.payload)

    def __bool__(self) -> bool:
        """A message is true, also when its payload is empty."""
        return True

    def preview(self, max_chars: int = 200) -> str:
        """Return one line that stands for the payload: its text, what arrays it holds, or its first bytes as numbers.

        Line ends and control characters are shown as the picture characters of Unicode (U+2400), so that a
        payload can neither break a row nor drive a terminal. Reads at most ``4 * max_chars`` bytes.
        """
        return preview(self.content_type, self.payload, max_chars)


# C0 and DEL to their pictures; C1 and what turns the direction of writing (the "Trojan Source" characters) to
# the replacement character; the two Unicode line ends to the picture of LF.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code != 0x09}
_PICTURES |= {0x7F: 0x2421, 0x09: 0x20, 0x2028: 0x240A, 0x2029: 0x240A}
_PICTURES |= {code: 0xFFFD for code in (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def preview(content_type: str, payload: content.Payload, max_chars: int = 200) -> str:
    """Return what `Message.preview` returns, for a payload that is not yet a message."""
    if not content_type.startswith("text/") and content_type != "application/json":
        from hdaemon.content.headline import headline  # when there is one: see hdaemon.content

        arrays = headline(content_type, payload[: 4 * max_chars])
        if arrays is not None:
            shown = one_line(arrays)
            return shown if len(shown) <= max_chars else shown[: max_chars - 1] + "…"
        head = payload[: max(1, max_chars // 3)]
        return bytes(head).hex(" ") + (" …" if len(head) < len(payload) else "")
    head = payload[: 4 * max_chars]
    shown = one_line(str(head, "utf-8", "replace"))
    if len(shown) > max_chars or len(head) < len(payload):
        shown = shown[: max_chars - 1] + "…"
    return shown


MAX_CHANNEL_BYTES = 256
"""A channel is a name, not a message."""


def check_channel(name: str) -> str:
    """Return `name`, when it can name a channel: as an MQTT topic name (MQTT 5.0, 4.7), at most 256 bytes of UTF-8.

    Raises:
        UsageError: it is empty or too long, or has a wildcard or a control character in it.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= MAX_CHANNEL_BYTES:
        raise UsageError(f"a channel name has 1 to {MAX_CHANNEL_BYTES} bytes of UTF-8, and {name[:40]!r} has not")
    for character in "+#":
        if character in name:
            raise UsageError(
                f"{character!r} in channel name {name!r} is a wildcard, for subscribers only: leave it out"
            )
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in name):
        raise UsageError(f"channel name {name!r} has a control character in it: leave it out")
    return name


def one_line(text: str) -> str:
    """Return `text` with line ends and control characters as visible pictures."""
    return text if text.isprintable() else text.translate(_PICTURES)
