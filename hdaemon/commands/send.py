"""`hdaemon send`: one connection to the raw door; text, a file or standard input, and what the server says to it."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hdaemon.commands import arguments
from hdaemon.errors import SendError
from hdaemon.message import one_line
from hdaemon.server.loop import DEFAULT_PORT

__all__ = ["add_arguments", "run"]

CONNECT_TIMEOUT_S = 5.0
STALL_TIMEOUT_S = 30.0
"""How long a server may take nothing: it paces itself when its interface lags, but never for this long."""
REPLY_TIMEOUT_S = 10.0
"""How long the server may take to close the connection after the last byte."""

_CHUNK_BYTES = 256 * 1024
_MAX_REPLY_BYTES = 64 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `send` takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("text", metavar="TEXT", nargs="?", help="what to send; a line end is added")
    what.add_argument("--file", metavar="F", type=Path, help="a file to send, byte for byte")
    parser.add_argument(
        "--to",
        metavar="HOST:PORT",
        type=arguments.address,
        default=("127.0.0.1", DEFAULT_PORT),
        help=f"the server (default: 127.0.0.1:{DEFAULT_PORT})",
    )
    parser.add_argument("--token", type=arguments.token, help="what the server was started with, where it was")


def run(args: argparse.Namespace) -> int:
    """Send and wait until the server has taken it; return 0.

    Raises:
        SendError: it was not sent or not taken.
    """
    host, port = args.to
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with contextlib.ExitStack() as stack:
        # Opened before connecting: a connection that sends nothing is a row in somebody's log.
        source = None if args.text is not None else stack.enter_context(_open(args.file))
        sock = stack.enter_context(_connect(host, port, where))
        reply = _send_all(sock, where, _chunks(args, source, sock))
        if reply is None:
            reply = _reply(sock, where)
    if reply:
        said = one_line(str(reply, "utf-8", "replace").strip())
        said = said.removeprefix("hdaemon: ")
        raise SendError(f"{where} {said if said.startswith('refused:') else f'answered: {said}'}")
    return 0


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


def _connect(host: str, port: int, where: str) -> socket.socket:
    try:
        return socket.create_connection((host, port), CONNECT_TIMEOUT_S)
    except (socket.gaierror, UnicodeError) as error:
        raise SendError(f"host {host!r} was not found: is the name right?") from error
    except TimeoutError as error:
        raise SendError(
            f"{where} did not answer within {CONNECT_TIMEOUT_S:g} s: is the address right, and no firewall between?"
        ) from error
    except ConnectionRefusedError as error:
        raise SendError(
            f"{where} refused the connection: is the server started, and on this port? `hdaemon serve` starts one"
        ) from error
    except OSError as error:
        raise SendError(f"cannot connect to {where}: {error.strerror or error}") from error


def _chunks(args: argparse.Namespace, source: BinaryIO | None, sock: socket.socket) -> Iterator[bytes]:
    """Yield the bytes to send, as they become available.

    Raises:
        SendError: the source cannot be read.
    """
    if args.token is not None:
        yield f"token {args.token}\n".encode()
    if source is None:
        yield args.text.encode("utf-8", "surrogateescape") + b"\n"  # as the shell gave it
        return
    try:
        # os.read gives what there is: a slow source is sent as it comes.
        while _input_before_reply(source, sock) and (chunk := os.read(source.fileno(), _CHUNK_BYTES)):
            yield chunk
    except OSError as error:
        name = "standard input" if args.file is None else args.file
        raise SendError(f"cannot read {name}: {error.strerror or error}") from error


def _input_before_reply(source: BinaryIO, sock: socket.socket) -> bool:
    """Wait for input; return False when the server speaks or closes first: then reading on is of no use."""
    if sys.platform == "win32":  # select takes only sockets there; the next chunk finds it out
        return True
    watched = [source.fileno(), sock.fileno()]
    return sock.fileno() not in select.select(watched, [], [])[0]  # no deadline: the user's own pace


def _send_all(sock: socket.socket, where: str, chunks: Iterator[bytes]) -> bytes | None:
    """Send the chunks; return None when all were taken, or what the server said when it wants no more.

    Raises:
        SendError: the server takes nothing for `STALL_TIMEOUT_S`, or closed the connection without a word.
    """
    sock.setblocking(False)
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            readable, writable, _ = select.select([sock], [sock], [], STALL_TIMEOUT_S)
            if not readable and not writable:
                raise SendError(f"{where} took nothing for {STALL_TIMEOUT_S:g} s: is its program stopped?")
            try:
                if readable:  # a server speaks only to refuse
                    return _reply(sock, where, unfinished=True)
                view = view[sock.send(view[:_CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except OSError:  # it was reset; what the server said may be there all the same
                return _reply(sock, where, unfinished=True)
    return None


def _reply(sock: socket.socket, where: str, unfinished: bool = False) -> bytes:
    """Say that nothing more comes; return all that the server says until it closes.

    Raises:
        SendError: it does not close in time, or closed before everything was sent (`unfinished`) without a word.
    """
    reply = b""
    sock.settimeout(REPLY_TIMEOUT_S)
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:  # the server has closed it; its words can still be read
        pass
    try:
        while len(reply) < _MAX_REPLY_BYTES and (part := sock.recv(4096)):
            reply += part
    except TimeoutError as error:
        if not reply:
            raise SendError(
                f"{where} has not closed the connection {REPLY_TIMEOUT_S:g} s after the last byte: "
                "is it an hdaemon server, and not stopped?"
            ) from error
    except OSError as error:
        if not reply:
            raise SendError(f"{where} broke the connection: {error.strerror or error}; its log says why") from error
    if unfinished and not reply:
        raise SendError(f"{where} closed the connection before everything was sent; its log says why")
    return reply
