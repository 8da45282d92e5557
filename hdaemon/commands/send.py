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

from hdaemon.client import BadValue, ClientError, Flushed
from hdaemon.commands import arguments
from hdaemon.commands.files import (
    MODELS,
    TYPES,
    Sender,
    channel_of,
    checked,
    is_geometry,
    is_model,
)
from hdaemon.commands.progress import ShowingClient
from hdaemon.commands.telling import tell
from hdaemon.errors import SendError, UsageError
from hdaemon.message import DEFAULT_CHANNEL, check_channel
from hdaemon.server.loop import DEFAULT_PORT

__all__ = ["TYPES", "add_arguments", "run"]

MAX_LINE_BYTES = 64 * 1024 * 1024
"""One line of standard input; what is longer is hardly text."""

_TEXT, _JSON = TYPES["text"], TYPES["json"]

WATCH_RECONNECT_S = 300.0
"""How long a server that has gone is waited for, when there is something to send: Houdini, started again."""

_CHUNK_BYTES = 256 * 1024
_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+")

Group = Iterable[tuple[bytes, str]]
"""Payloads and their types, which are there at the same moment; each is checked when it is taken."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `send` takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("text", metavar="TEXT", nargs="?", help="the message, or a file of geometry by its name")
    what.add_argument("--file", metavar="F", type=Path, help="a file to send, whole, as one message")
    parser.add_argument("--text", dest="as_text", action="store_true", help="TEXT is text, also where it names a file")
    parser.add_argument(
        "--channel",
        metavar="NAME",
        type=_channel,
        help=f"where to (default: {DEFAULT_CHANNEL}; of geometry models/ and the file's name)",
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        type=_content_type,
        help=f"what it is: {', '.join(TYPES)}, or a media type such as image/png (default: text, or by a file's name)",
    )
    parser.add_argument("--watch", action="store_true", help="send the file again whenever it changes, until Ctrl-C")
    of_model = parser.add_argument_group(
        f"models ({' '.join(MODELS)})",
        'They are sent as meshes, read by trimesh (pip install "hdaemon[models]"). Polygons of .obj stay as they are,\n'
        "and quads of .ply where there is nothing else; trimesh makes triangles of all others.",
    )
    of_model.add_argument("--up", choices=("Y", "Z"), type=str.upper, help="its axis that points up (default: Y)")
    of_model.add_argument(
        "--unit", metavar="METRES", type=_unit, help="its unit in metres, such as 0.01 for centimetres (default: 1)"
    )
    add_server_arguments(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what was acknowledged")


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that talks to a server."""
    parser.add_argument(
        "--to",
        metavar="SERVER",
        type=arguments.server,
        default=("127.0.0.1", DEFAULT_PORT),
        help=f"HOST:PORT, or a name that `hdaemon sessions` lists (default: 127.0.0.1:{DEFAULT_PORT})",
    )
    parser.add_argument(
        "--token",
        type=arguments.token,
        help="what the server was started with, where it was; found by itself for your own sessions on this machine, "
        "else HDAEMON_TOKEN is looked at, which other users cannot see",
    )


def _channel(text: str) -> str:
    try:
        return check_channel(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _unit(text: str) -> float:
    return arguments.positive(text, "metres above 0, such as 0.01 for centimetres")


def _content_type(text: str) -> str:
    found = TYPES.get(text, text)
    if not _MEDIA_TYPE.fullmatch(found):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(TYPES)}, and no media type such as image/png")
    return found.lower()


def run(args: argparse.Namespace) -> int:
    """Send and wait until all is acknowledged; return 0.

    Raises:
        SendError: it was not sent or not taken.
        UsageError: arguments that do not go together.
    """
    args.file = args.file or _named(args)
    model = args.file is not None and args.type is None and is_model(args.file)
    if not model and (args.up is not None or args.unit is not None):
        raise UsageError(f"--up and --unit are said of models ({' '.join(MODELS)}): leave them out")
    if args.watch and args.file is None:
        raise UsageError("--watch is for a file: name one with --file")
    if args.channel is None:
        as_geometry = args.file is not None and args.type is None and is_geometry(args.file)
        args.channel = channel_of(args.file) if as_geometry else DEFAULT_CHANNEL
    sender = None
    if args.file is not None:
        sender = Sender(args.file, args.channel, args.type, args.up or "Y", args.unit or 1.0)
    try:
        return _watch(args, sender) if args.watch and sender is not None else _send(args, sender)
    except BadValue as error:
        raise UsageError(str(error)) from error
    except ClientError as error:
        raise SendError(str(error)) from error


def _named(args: argparse.Namespace) -> Path | None:
    """Return the file of geometry that TEXT names; None when it is text."""
    if args.text is None or args.as_text or not is_geometry(Path(args.text)):
        return None
    path = Path(args.text)
    try:
        there = path.is_file()
    except OSError:  # too long for a name, and whatever else makes it none
        there = False
    if there:
        tell(f"{path} is a file, and what it holds is sent; with --text the words are")
        return path
    if not any(char.isspace() for char in args.text):
        tell(f"there is no file {path}: it is sent as text")
    return None


def _watch(args: argparse.Namespace, sender: Sender) -> int:
    host, port = args.to
    try:
        # Where it is connected is no news: after a rest the server has closed the connection, and it is made again.
        client = ShowingClient(
            host,
            port,
            token=args.token,
            reconnect_s=WATCH_RECONNECT_S,
            on_event=lambda event, text: tell(text) if event == "lost" else None,
        )
        with client:
            client.connect()
            sender.watch(client)
    except KeyboardInterrupt:  # the way to end it
        pass
    return 0


def _send(args: argparse.Namespace, sender: Sender | None) -> int:
    host, port = args.to
    with contextlib.ExitStack() as stack:
        # Read before connecting: a connection that sends nothing is a row in somebody's log.
        message = None if sender is None else sender.prepared(_whole(args.file))
        source = _standard_input() if sender is None and args.text is None else None
        client = stack.enter_context(ShowingClient(host, port, token=args.token))
        client.connect()
        told = _Told(args, client.where)
        if message is not None:
            message(client)
            told(client.flush())
        else:
            for group in _groups(args, source):
                with client.batch():
                    for payload, content_type in group:
                        client.send(payload, args.channel, content_type)
                told(client.flush())
        told.end()
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


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SendError("there is no standard input, no TEXT and no --file: nothing was sent")
    return sys.stdin.buffer


def _whole(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SendError(f"cannot open {path}: {error.strerror or error}; nothing was sent") from error
    except MemoryError as error:
        raise SendError(f"{path} does not fit into memory: nothing was sent") from error


def _groups(args: argparse.Namespace, source: BinaryIO | None) -> Iterator[Group]:
    """Yield the messages to send, as they become available.

    Raises:
        SendError: standard input cannot be read, or is not of the type that it is said to be.
    """
    if source is None:
        payload = args.text.encode("utf-8", "surrogateescape")  # as the shell gave it
        yield [checked(payload, args.type, "TEXT")]
        return
    try:
        if args.type in (None, _TEXT, _JSON):
            yield from _lines(source, args.type)
        else:
            yield [(source.read(), args.type)]
    except OSError as error:
        raise SendError(f"cannot read standard input: {error.strerror or error}") from error
    except MemoryError as error:
        raise SendError("standard input does not fit into memory: nothing was sent") from error


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
            yield checked(line.removesuffix(b"\r"), content_type, f"line {number} of standard input")
