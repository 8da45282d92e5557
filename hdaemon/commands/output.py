"""Blocks of messages as lines of standard output: plain or NDJSON, and the pipe they are written to."""

from __future__ import annotations

import base64
import io
import json
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

from hdaemon.blocks import LinesBlock, PayloadBlock, PayloadsBlock
from hdaemon.content import TEXT, Payload
from hdaemon.message import one_line, preview
from hdaemon.server.recorder import DataBlock
from hdaemon.wire.frames import is_text

__all__ = ["Output", "as_ndjson", "as_text"]

_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
"""A pipe that select calls writable takes this many bytes without waiting (POSIX, write())."""

_LOOK_S = 0.1
"""How often a wait for a full pipe looks whether it should go on."""

_GIVE_UP_S = 0.3
"""How long a pipe that nobody reads may hold up the end: stop takes at most 500 ms."""

_PLAIN_ASCII = bytes([0x0A, *range(0x20, 0x7F)])


def as_text(block: DataBlock) -> bytes:
    """Return the messages of `block` as UTF-8 text, a line each, whole; of bytes the type, the size and the beginning.

    Control characters are shown as pictures, so that a message is never two lines and cannot drive a terminal.
    """
    if isinstance(block, PayloadsBlock):
        return b"".join(map(as_text, block.each()))
    if isinstance(block, PayloadBlock):
        if block.content_type == TEXT:
            return one_line(str(block.payload, "utf-8", "replace")).encode() + b"\n"
        size = f"<{block.content_type}, {len(block.payload):,} bytes> "
        return (size + preview(block.content_type, block.payload)).encode() + b"\n"
    data = block.data.replace(b"\r\n", b"\n")
    if not data.translate(None, _PLAIN_ASCII):  # the common case, and twenty times as fast as line by line
        return data
    lines = str(data, "utf-8").split("\n")  # not splitlines: it knows more line ends than the wire does
    return "\n".join(map(one_line, lines)).encode()


def as_ndjson(block: DataBlock) -> bytes:
    """Return the messages of `block` as JSON objects, a line each (https://github.com/ndjson/ndjson-spec).

    The keys are serial, time, client, channel, type, size, and text, or base64 for what is not text. All ASCII.
    """
    if isinstance(block, PayloadsBlock):
        return b"".join(map(as_ndjson, block.each()))
    if isinstance(block, LinesBlock):
        head = _json_head(block, TEXT)
        number = block.serial
        lines = [
            f'{{"serial": {number + i}, {head}"size": {len(line)}, "text": {json.dumps(str(line, "utf-8"))}}}\n'
            for i, line in enumerate(block.lines())
        ]
        return "".join(lines).encode("ascii")
    size = f'{{"serial": {block.serial}, {_json_head(block, block.content_type)}"size": {len(block.payload)}, '
    text = _text(block.content_type, block.payload)
    if text is not None:
        content = f'"text": {json.dumps(text)}}}\n'.encode("ascii")
    else:
        content = b'"base64": "' + base64.b64encode(block.payload) + b'"}\n'
    return size.encode("ascii") + content


def _text(content_type: str, payload: Payload) -> str | None:
    """Return the payload of text and JSON as it was written, or None for what is neither."""
    if content_type == TEXT:
        return str(payload, "utf-8", "replace")
    try:
        return str(payload, "utf-8") if is_text(content_type) else None
    except UnicodeDecodeError:
        return None


def _json_head(block: DataBlock, content_type: str) -> str:
    shared = {"time": block.time, "client": block.client, "channel": block.channel, "type": content_type}
    return json.dumps(shared)[1:-1] + ", "


class Output:
    """Standard output, written by one thread; what it writes is seen by the reader at once.

    Args:
        stopping: whether the program is asked to end; then a pipe that nobody reads is given up.

    Attributes:
        ended: nothing more can be written; what is written is thrown away.
        error: why, in words; empty when the reader closed the pipe or was given up, which is no failure.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self.ended, self.error = False, ""
        self._stopping = stopping
        self._file: BinaryIO | None = getattr(sys.stdout, "buffer", None)
        self._pipe = _pipe_of(self._file)
        self._give_up_at: float | None = None
        if self._file is None:
            self.ended, self.error = True, "there is no standard output to write messages to"

    def write(self, data: bytes) -> bool:
        """Write all of `data`, waiting for a slow reader; return whether that was possible. Raises nothing."""
        if self.ended or self._file is None:
            return False
        try:
            if self._pipe is not None:
                self._write_pipe(self._pipe, data)
            else:
                self._file.write(data)
                self._file.flush()
        except BrokenPipeError:
            self.ended = True
        except (OSError, ValueError) as error:  # a full disk; ValueError: somebody closed the file
            self.ended = True
            self.error = f"cannot write to standard output: {getattr(error, 'strerror', None) or error}"
        return not self.ended

    def reader_has_gone(self) -> bool:
        """Return whether the reader of the pipe has closed it; one that is not a pipe never has."""
        if self._pipe is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._pipe, 0)  # errors are reported without being asked for
        return any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))

    def _write_pipe(self, pipe: int, data: bytes) -> None:
        """Write in pieces that never wait in write(): a signal could not end that wait."""
        view = memoryview(data)
        while view:
            if select.select([], [pipe], [], _LOOK_S)[1]:
                view = view[os.write(pipe, view[:_ATOMIC_BYTES]) :]
            elif self._stopping():
                now = time.monotonic()
                self._give_up_at = self._give_up_at or now + _GIVE_UP_S
                if now >= self._give_up_at:
                    self.ended = True
                    return


def _pipe_of(file: BinaryIO | None) -> int | None:
    """Return the descriptor of `file` when it is a pipe or a socket that select knows, else None."""
    if file is None or sys.platform == "win32":  # select takes only sockets there
        return None
    try:
        descriptor = file.fileno()
    except (io.UnsupportedOperation, ValueError):  # a test's or an embedding program's own file
        return None
    kind = os.fstat(descriptor).st_mode
    return descriptor if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) else None
