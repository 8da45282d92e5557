r"""The raw door: text or bytes with nothing around them, as the original server took them.

Fed: the bytes of one connection, cut anywhere; `silence()` when nothing came for a while; `end()` at close.
Returns events: `Lines` and `Payload` for what is data, `ModeWord` for the words ``print`` and ``evaluate``,
`Refused` for what closes the connection. Raises nothing for anything a client may send.

Framing ``lines``: a message ends with ``\n`` or ``\r\n``; a part without a line end is a message after silence or at
the end, and a line end that comes right after such a part belongs to it. The first line that is not text
(a NUL, or invalid UTF-8) begins a message of application/octet-stream that lasts until silence or the end.
Framing ``burst``: all that comes until silence or the end is one message, line ends and all.

Where the connection was cut makes no difference to the events, but for how lines are grouped into `Lines`.
"""

from __future__ import annotations

import hmac
import re
from codecs import getincrementaldecoder
from collections.abc import Callable

from hdaemon.content import OCTET_STREAM, TEXT
from hdaemon.errors import UsageError
from hdaemon.wire.events import Event, Lines, ModeWord, Payload, Refused
from hdaemon.wire.limits import Limits

__all__ = ["FRAMINGS", "RawDoor"]

FRAMINGS = ("lines", "burst")

# Lines that are not data: the two words, and what an HTTP client sends (a browser made to talk to this port must
# not get a line through: design.md, Safety). One expression, so that a block is searched once: a search of each
# kind by itself costs as much as receiving the block. Every alternative begins with a character or a set of them:
# with a group or a repetition there the search takes a third longer.
_HTTP = rb"[A-Z][A-Z]{2,9} \S+ HTTP/[0-9](?:\.[0-9])?(?:\r?\n|\Z)|[Hh][Oo][Ss][Tt]:"
_SPECIAL = rb"(?:print\r?\n|evaluate\r?\n|" + _HTTP + rb")"
_special_at_start = re.compile(_SPECIAL)
_special_after_line = re.compile(rb"\n" + _SPECIAL)
_http_at_start = re.compile(_HTTP)
_http_after_line = re.compile(rb"\n(?:" + _HTTP + rb")")
# A line that shows a token which hdaemon has made, to a server that needs none or has seen it: a secret is no data.
_shown_token = re.compile(rb"token [A-Za-z0-9_-]{43}(?:\r?\n|\r?\Z)")
_TLS_HELLO = b"\x16\x03"  # handshake record, version 3.x: RFC 8446, 5.1

_WORDS = {b"print": "print", b"evaluate": "evaluate"}

_SMALL_PART = 4096
"""Smaller receives are put together: kept one by one, 64 MiB in packets of two bytes would take a gigabyte."""

_LONG_PART = 1024 * 1024
"""A longer message is put together by `join`, without the interpreter's lock, and a long line is a message by itself.
Joined here, searched, counted and split as a block of lines, 46 MB kept the lock for 130 ms."""

_CROSS_PROTOCOL = Refused(
    "an HTTP request line or a Host header came in on the raw door: it looks like a web page made to talk to "
    "this port, so the connection was closed",
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
)
_TLS = Refused(
    "a TLS hello came in: hdaemon does not speak TLS; connect without it (to another machine, through an SSH tunnel)",
    b"",
)
_NO_TOKEN = Refused(
    "no valid token: this server takes data only after the first line 'token THE_TOKEN'",
    b"hdaemon: refused: the first line must be 'token THE_TOKEN', with the token this server was started with\n",
)
_WRONG_TOKEN = _NO_TOKEN._replace(wrong_token=True)


class RawDoor:
    """The raw door of one connection.

    Args:
        limits: `max_raw_message_bytes` and `max_token_line_bytes` hold here.
        framing: ``"lines"`` or ``"burst"``; may be set at any time and holds from the next message.
        token: what the first line must say, ``token THE_TOKEN``; None when none is required.
        join: puts the parts of a long message together.
    """

    def __init__(
        self,
        limits: Limits,
        framing: str = "lines",
        token: str | None = None,
        join: Callable[[list[bytes | bytearray]], memoryview] = lambda parts: memoryview(b"".join(parts)),
    ) -> None:
        if framing not in FRAMINGS:
            raise UsageError(f"raw framing {framing!r} does not exist: use one of {', '.join(FRAMINGS)}")
        self.framing = framing
        self._limit = limits.max_raw_message_bytes
        self._max_token_line = limits.max_token_line_bytes
        self._token = token.encode() if token is not None else None
        self._join = join
        self._parts: list[bytes | bytearray] = []  # what is not delivered yet; joined once, when its end has come
        self._held = 0
        self._binary = False  # the rest of this burst is one message of bytes
        self._late_end = False  # a part was delivered without its line end, which may still come
        self._first = True  # nothing has been delivered yet
        self._closed = False

    @property
    def waiting(self) -> bool:
        """Whether bytes are held that `silence` would deliver."""
        return self._held > 0 and self._token is None

    @property
    def admitted(self) -> bool:
        """Whether the token, where one is required, has been shown."""
        return self._token is None

    # -- the three things that happen to a connection ---------------------------------------------------

    def feed(self, data: bytes | memoryview) -> list[Event]:
        """Take the next bytes, which may be a buffer that is used again; return the events they complete.

        No byte is looked at twice, and each is copied once, to where it stays.
        """
        events: list[Event] = []
        if self._token is not None and not self._closed:
            data = self._admit(bytes(data), events)
        if self._late_end and data:
            data = self._without_late_end(bytes(data))
        if self._closed or not data:
            return events
        end = 0 if self._binary or self.framing == "burst" else _end_of_lines(data)
        if end and self._held and self._held + end > _LONG_PART:
            size = bytes(data).index(b"\n") + 1
            if self._held + size > _LONG_PART:
                self._long_line(data[:size], events)
                data = data[size:]
                end = 0 if self._binary or self._closed else _end_of_lines(data)
        if end:
            block = b"".join((*self._parts, data[:end]))
            self._forget()
            self._lines(block, events)
        self._hold(data[end:])
        # A last CR may be half of a line end, which does not count; `silence` looks again.
        if self._held > self._limit and self._held - (self._parts[-1][-1:] == b"\r") > self._limit:
            self._refuse(self._too_large(), events)
        return events

    def silence(self) -> list[Event]:
        """Deliver what is held: nothing came for `Limits.silence_s`."""
        events: list[Event] = []
        if self._closed or not self.waiting:
            return events
        text = not self._binary and self._holds_text()
        part = self._take()
        if self._late_end and part == b"\r":
            return events  # all that came of the line end of a part delivered before
        if text and self.framing == "lines" and part[-1:] == b"\r":
            part = part[:-1]  # the first half of a line end
        shown = _shown_token.match(part) if self._first else None
        rest = part if shown is None else part[shown.end() :]
        if len(part) > self._limit:
            self._refuse(self._too_large(), events)
        elif not rest and shown is not None:
            self._late_end = self.framing == "lines"
        elif not text:
            if self._first and rest[: len(_TLS_HELLO)] == _TLS_HELLO:
                self._refuse(_TLS, events)
            else:
                events.append(Payload(OCTET_STREAM, rest))
        else:
            self._late_end = self.framing == "lines"
            self._part(rest, events)
        self._binary = self._first = False
        return events

    def end(self) -> list[Event]:
        """Deliver what is held: the client has closed its side."""
        events = self.silence()
        self._closed = True
        return events

    # -- inside -----------------------------------------------------------------------------------------

    def _hold(self, data: bytes | memoryview) -> None:
        if not data or self._closed:
            return
        self._held += len(data)
        if len(data) >= _SMALL_PART:
            self._parts.append(bytes(data))
        elif self._parts and isinstance(self._parts[-1], bytearray):
            self._parts[-1] += data
        else:
            self._parts.append(bytearray(data))

    def _take(self) -> bytes | memoryview:
        """Return what is held, a long message as a memoryview."""
        data: bytes | memoryview
        if self._held > _LONG_PART:
            data = self._join(self._parts)
        else:
            data = b"".join(self._parts)
        self._forget()
        return data

    def _holds_text(self) -> bool:
        """Return whether what is held is text, without joining it."""
        if len(self._parts) == 1:
            return is_text(self._parts[0])
        decoder = getincrementaldecoder("utf-8")()
        try:
            for part in map(bytes, self._parts):
                if b"\0" in part:
                    return False
                decoder.decode(part)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return False
        return True

    def _forget(self) -> None:
        self._parts = []
        self._held = 0

    def _refuse(self, refused: Refused, events: list[Event]) -> None:
        self._forget()
        self._closed = True
        events.append(refused)

    def _without_late_end(self, data: bytes) -> bytes:
        r"""Drop the line end of a part delivered before; a ``\r`` waits to see whether a ``\n`` follows."""
        if self._held:
            data = bytes(self._take()) + data
        if data == b"\r":
            self._hold(data)
            return b""
        self._late_end = False
        if data.startswith((b"\n", b"\r\n")):
            return data[data.index(b"\n") + 1 :]
        return data

    def _long_line(self, rest: bytes | memoryview, events: list[Event]) -> None:
        """Deliver the long line that is held, and of which `rest` is the end, by itself."""
        self._hold(rest)
        if not self._holds_text():
            self._binary = True
            return
        line = self._take()
        size = len(line) - (2 if line[-2:] == b"\r\n" else 1)
        if size > self._limit:
            self._refuse(self._too_large(), events)
        elif _special_at_start.match(line):
            self._refuse(_CROSS_PROTOCOL, events)
        else:
            self._first = False
            events.append(Payload(TEXT, line[:size]))

    def _lines(self, block: bytes, events: list[Event]) -> None:
        """Deliver complete lines. From the first one on that is not text, hold them as bytes instead."""
        if is_text(block):
            self._text_lines(block, events)
            return
        begin = _first_line_not_text(block)
        self._text_lines(block[:begin], events)
        self._hold(block[begin:])
        self._binary = not self._closed

    def _text_lines(self, block: bytes, events: list[Event]) -> None:
        position = 0
        shown = _shown_token.match(block) if self._first else None
        self._first = self._first and not block
        if shown is not None:
            block = block[shown.end() :]
        match = _special_at_start.match(block) or _special_after_line.search(block)
        while match is not None:
            begin = match.start() + match[0].startswith(b"\n")
            self._plain_lines(block[position:begin], events)
            if self._closed:
                return
            end = block.index(b"\n", begin)
            word = _WORDS.get(match[0].strip(b"\r\n"))
            # Too large comes first: of a line that comes in pieces nothing else is known when it is refused.
            if end - begin - (block[end - 1 : end] == b"\r") > self._limit:
                self._refuse(self._too_large(), events)
                return
            if word is None:
                self._refuse(_CROSS_PROTOCOL, events)
                return
            events.append(ModeWord(word))
            position = match.end()
            match = _special_at_start.match(block, position) or _special_after_line.search(block, position)
        self._plain_lines(block[position:] if position else block, events)

    def _plain_lines(self, block: bytes, events: list[Event]) -> None:
        if not block:
            return
        if len(block) > self._limit:  # only the line that was held for long can be too large
            offset = 0
            for line in block[:-1].split(b"\n"):
                if len(line) - line.endswith(b"\r") > self._limit:
                    if offset:
                        events.append(Lines(block[:offset], block.count(b"\n", 0, offset)))
                    self._refuse(self._too_large(), events)
                    return
                offset += len(line) + 1
        events.append(Lines(block, block.count(b"\n")))

    def _part(self, part: bytes | memoryview, events: list[Event]) -> None:
        """Deliver a text message that no line end closed."""
        word = _WORDS.get(part) if isinstance(part, bytes) else None
        if word is not None:
            events.append(ModeWord(word))
        elif _http_at_start.match(part) or (self.framing == "burst" and _http_after_line.search(part)):
            self._refuse(_CROSS_PROTOCOL, events)
        else:
            events.append(Payload(TEXT, part))

    def _admit(self, data: bytes, events: list[Event]) -> bytes:
        """Read the token line; return what follows it."""
        line, newline, rest = data.partition(b"\n")
        self._hold(line)
        if self._held > self._max_token_line:
            self._refuse(_NO_TOKEN, events)
            return b""
        if not newline:
            return b""
        line = bytes(self._take())
        if line.endswith(b"\r"):
            line = line[:-1]
        if not hmac.compare_digest(line, b"token " + (self._token or b"")):
            wrong = _WRONG_TOKEN if line.startswith(b"token ") else _NO_TOKEN
            self._refuse(_CROSS_PROTOCOL if _http_at_start.match(line) else wrong, events)
            return b""
        self._token = None
        return rest

    def _too_large(self) -> Refused:
        text = (
            f"a message on the raw door is larger than the limit of {self._limit} bytes and was not kept; "
            "send it in lines, or raise the limit max_raw_message_bytes"
        )
        return Refused(text, b"hdaemon: refused: " + text.encode() + b"\n")


def is_text(data: bytes | bytearray) -> bool:
    """Return whether `data` is UTF-8 without NUL."""
    if b"\0" in data:
        return False
    if data.isascii():
        return True
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _end_of_lines(data: bytes | memoryview) -> int:
    """Return where the last whole line of `data` ends; 0 when no line does. Most end near the end of what came."""
    end = len(data)
    while end > 0:  # in small parts: a copy of all is memory that the system may have to hand over first
        begin = max(0, end - _SMALL_PART)
        found = bytes(data[begin:end]).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _first_line_not_text(block: bytes) -> int:
    """Return the offset of the first line of `block` that has a NUL or invalid UTF-8 in it."""
    nul = block.find(b"\0")
    try:
        str(block, "utf-8")
        wrong = len(block)
    except UnicodeDecodeError as error:
        wrong = error.start
    return block.rfind(b"\n", 0, wrong if nul < 0 else min(nul, wrong)) + 1
