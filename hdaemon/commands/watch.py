"""`hdaemon watch`: what comes in on a channel of a running server, one line a message."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable

from hdaemon.blocks import PayloadBlock
from hdaemon.client import BadValue, Client, ClientError, Message, Subscription, Timeout
from hdaemon.commands import arguments
from hdaemon.commands.output import Output, as_ndjson, as_text
from hdaemon.commands.send import add_server_arguments
from hdaemon.commands.telling import at_signals, tell
from hdaemon.errors import HdaemonError, UsageError
from hdaemon.message import one_line

__all__ = ["add_arguments", "run"]

RECONNECT_S = 300.0
"""How long a server that has gone is waited for: Houdini, started again with a heavy scene."""

_LOOK_S = 0.2
"""How often to look whether it should end while nothing comes."""

_WRITE_AT_BYTES = 1024 * 1024
"""What has come is written together, but not more than about this at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `watch` takes."""
    parser.add_argument("channel", metavar="CHANNEL", help="a name, or a pattern: + is any one level, # all below")
    add_server_arguments(parser)
    parser.add_argument("--json", action="store_true", help="write a JSON object a message (NDJSON)")
    parser.add_argument("--count", metavar="N", type=_count, help="end after N messages")
    parser.add_argument("--seconds", metavar="S", type=arguments.seconds, help="end after S seconds")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:18]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of messages: use 1 or more")
    return int(text[:18])


def run(args: argparse.Namespace) -> int:
    """Print until something ends it; return 0, or 1 when the output failed or `--count` was not reached in time.

    Raises:
        HdaemonError: there is no such server, or it did not come back within `RECONNECT_S`.
    """
    host, port = args.to
    ended = threading.Event()  # set by SIGINT and SIGTERM; lines are then written to their end
    try:
        client = Client(host, port, token=args.token, reconnect_s=RECONNECT_S, on_event=lambda _, text: tell(text))
        with client.subscribe(args.channel) as subscription, at_signals(ended.set):
            tell(f"watching {args.channel} at {client.where}")
            output = Output(ended.is_set)
            count = _watch(args, subscription, output, ended.is_set)
    except BadValue as error:
        raise UsageError(str(error)) from error
    except ClientError as error:
        raise HdaemonError(str(error)) from error
    if output.error:
        tell(output.error)
        return 1
    if args.count is not None and count < args.count and not (output.ended or ended.is_set()):
        tell(f"{count} of {args.count} messages came within {args.seconds:g} s")
        return 1
    return 0


def _watch(args: argparse.Namespace, subscription: Subscription, output: Output, ended: Callable[[], bool]) -> int:
    """Write what comes; return how many messages that were."""
    end = None if args.seconds is None else time.monotonic() + args.seconds
    count = 0
    while not (ended() or output.ended or output.reader_has_gone()):
        wait_s = _LOOK_S if end is None else min(_LOOK_S, end - time.monotonic())
        if wait_s <= 0 or (args.count is not None and count >= args.count):
            break
        most = None if args.count is None else args.count - count
        came = _arrived(subscription, wait_s, most)
        if came:
            output.write(b"".join([_line(args, message) for message in came]))
            count += len(came)
    return count


def _arrived(subscription: Subscription, wait_s: float, most: int | None) -> list[Message]:
    """Return what has come, after waiting for the first of it."""
    came: list[Message] = []
    size = 0
    try:
        while size < _WRITE_AT_BYTES and (most is None or len(came) < most):
            came.append(subscription.receive(0.0 if came else wait_s))
            size += len(came[-1].payload) + 100
    except Timeout:
        pass
    return came


def _line(args: argparse.Namespace, message: Message) -> bytes:
    payload = message.payload if isinstance(message.payload, bytes) else memoryview(message.payload)
    mode = "evaluate" if message.stored else "print"
    moment = time.time() if message.time is None else message.time
    block = PayloadBlock(moment, message.serial, message.channel, message.content_type, payload, message.client, mode)
    if args.json:
        return as_ndjson(block)
    text = as_text(block)
    if message.channel == args.channel:
        return text
    return f"{one_line(message.channel)}: ".encode() + text  # a pattern: it is not known otherwise
