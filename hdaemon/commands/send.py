"""`hdaemon send`: text, a file or standard input to a channel of a running server; each message is acknowledged."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from hdaemon.client import BadValue, Client, ClientError, Flushed
from hdaemon.commands import arguments
from hdaemon.content import json as strict_json
from hdaemon.errors import DecodeError, SendError, UsageError
from hdaemon.message import DEFAULT_CHANNEL, check_channel
from hdaemon.server.loop import DEFAULT_PORT

__all__ = ["TYPES", "add_arguments", "run"]

MAX_LINE_BYTES = 64 * 1024 * 1024
"""One line of standard input; what is longer is hardly text."""

TYPES = {
    "text": "text/plain",
    "json": "application/json",
    "msgpack": "application/msgpack",
    "npy": "application/x-npy",
    "safetensors": "application/vnd.safetensors",
    "bgeo": "application/x-houdini-bgeo",
    "bytes": "application/octet-stream",
}
_TEXT, _JSON, _BYTES = TYPES["text"], TYPES["json"], TYPES["bytes"]

_SUFFIXES = {
    ".txt": _TEXT,
    ".json": _JSON,
    ".msgpack": TYPES["msgpack"],
    ".npy": TYPES["npy"],
    ".safetensors": TYPES["safetensors"],
    ".bgeo": TYPES["bgeo"],
    ".bgeo.sc": TYPES["bgeo"],
}

_CHUNK_BYTES = 256 * 1024
_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+")

Group = Iterable[tuple[bytes, str]]
"""Payloads and their types, which are there at the same moment; each is checked when it is taken."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `send` takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("text", metavar="TEXT", nargs="?", help="the message")
    what.add_argument("--file", metavar="F", type=Path, help="a file to send, whole, as one message")
    parser.add_argument(
        "--channel", metavar="NAME", type=_channel, default=DEFAULT_CHANNEL, help="where to (default: %(default)s)"
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        type=_content_type,
        help=f"what it is: {', '.join(TYPES)}, or a media type such as image/png (default: text, or by a file's name)",
    )
    add_server_arguments(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what was acknowledged")


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that talks to a server."""
    parser.add_argument(
        "--to",
        metavar="HOST:PORT",
        type=arguments.address,
        default=("127.0.0.1", DEFAULT_PORT),
        help=f"the server (default: 127.0.0.1:{DEFAULT_PORT})",
    )
    parser.add_argument("--token", type=arguments.token, help="what the server was started with, where it was")


def _channel(text: str) -> str:
    try:
        return check_channel(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _content_type(text: str) -> str:
    found = TYPES.get(text, text)
    if not _MEDIA_TYPE.fullmatch(found):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(TYPES)}, and no media type such as image/png")
    return found.lower()


def run(args: argparse.Namespace) -> int:
    """Send and wait until all is acknowledged; return 0.

    Raises:
        SendError: it was not sent or not taken.
    """
    host, port = args.to
    with contextlib.ExitStack() as stack:
        # Opened before connecting: a connection that sends nothing is a row in somebody's log.
        source = None if args.text is not None else stack.enter_context(_open(args.file))
        try:
            client = stack.enter_context(Client(host, port, token=args.token))
            client.connect()
            told = _Told(args, client.where)
            for group in _groups(args, source):
                with client.batch():
                    for payload, content_type in group:
                        client.send(payload, args.channel, content_type)
                told(client.flush())
            told.end()
        except BadValue as error:
            raise UsageError(str(error)) from error
        except ClientError as error:
            raise SendError(str(error)) from error
    return 0


class _Told:
    """Tells on standard error what became of the messages."""

    def __init__(self, args: argparse.Namespace, where: str) -> None:
        self._args, self._where = args, where
        self._count = self._stored = self._serial = 0

    def __call__(self, flushed: Flushed) -> None:
        if flushed.shown and self._count == self._stored:  # once, also when standard input never ends
            text = "shown and not stored: the server is in print mode; evaluate also stores"
            print(f"hdaemon: {self._where} has {text}", file=sys.stderr)
        self._count += flushed.count
        self._stored += flushed.stored
        self._serial = flushed.last.serial if flushed.last is not None else self._serial

    def end(self) -> None:
        if self._args.verbose:
            shown = self._count - self._stored
            last = f"; the last has serial {self._serial}" if self._count else ""
            text = f"{self._count} sent to {self._args.channel}: {self._stored} stored, {shown} shown{last}"
            print(f"hdaemon: {text}", file=sys.stderr)


def _open(path: Path | None) -> contextlib.AbstractContextManager[BinaryIO]:
    """Return the file of that path, or standard input, which stays open."""
    if path is not None:
        try:
            return path.open("rb", buffering=0)
        except OSError as error:
            raise SendError(f"cannot open {path}: {error.strerror or error}; nothing was sent") from error
    if sys.stdin is None:
        raise SendError("there is no standard input, no TEXT and no --file: nothing was sent")
    return contextlib.nullcontext(sys.stdin.buffer)


def _groups(args: argparse.Namespace, source: BinaryIO | None) -> Iterator[Group]:
    """Yield the messages to send, as they become available.

    Raises:
        SendError: the source cannot be read, or is not of the type that it is said to be.
    """
    if source is None:
        payload = args.text.encode("utf-8", "surrogateescape")  # as the shell gave it
        yield [_checked(payload, args.type, "TEXT")]
        return
    name = "standard input" if args.file is None else str(args.file)
    try:
        if args.file is not None:
            yield [_checked(_whole(source, name), args.type or _type_of(args.file), name)]
        elif args.type in (None, _TEXT, _JSON):
            yield from _lines(source, args.type)
        else:
            yield [(_whole(source, name), args.type)]
    except OSError as error:
        raise SendError(f"cannot read {name}: {error.strerror or error}") from error


def _type_of(path: Path) -> str:
    name = path.name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), _BYTES)


def _whole(source: BinaryIO, name: str) -> bytes:
    try:
        return source.read()
    except MemoryError as error:
        raise SendError(f"{name} does not fit into memory: nothing was sent") from error


def _lines(source: BinaryIO, content_type: str | None) -> Iterator[Group]:
    """Yield the lines of `source`: all that are there at a time. A line end is not part of a message."""
    rest, number = b"", 0
    # os.read gives what there is: a slow source is sent as it comes.
    for chunk in iter(_reader(source), b""):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            text = "send it as a file, or with --type bytes, which sends all of standard input as one message"
            raise SendError(f"line {number + len(lines) + 1} is longer than {MAX_LINE_BYTES} bytes: {text}")
        if lines:
            yield _numbered(lines, number, content_type)
            number += len(lines)
    if rest:
        yield _numbered([rest], number, content_type)


def _reader(source: BinaryIO) -> Callable[[], bytes]:
    descriptor = source.fileno()
    return lambda: os.read(descriptor, _CHUNK_BYTES)


def _numbered(lines: list[bytes], before: int, content_type: str | None) -> Group:
    for number, line in enumerate(lines, before + 1):
        if line.strip() or content_type != _JSON:  # where it is no message: github.com/ndjson/ndjson-spec, 3.2
            yield _checked(line.removesuffix(b"\r"), content_type, f"line {number} of standard input")


def _checked(payload: bytes, content_type: str | None, name: str) -> tuple[bytes, str]:
    """Return a message; of what was not said to be something, text where it is text."""
    if content_type == _JSON:
        try:
            strict_json.decode(payload)
        except DecodeError as error:
            more = " (each line of standard input is a message: `jq -c` makes them)" if name.startswith("line ") else ""
            raise SendError(f"{name} was not sent: {error}{more}") from error
    if content_type is not None:
        return payload, content_type
    try:
        payload.decode()
    except UnicodeDecodeError:
        return payload, _BYTES
    return payload, _TEXT
