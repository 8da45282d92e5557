"""`hdaemon serve`: the server without a window; no Qt. Messages on standard output, what happens on standard error."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

from hdaemon.commands import arguments
from hdaemon.commands.output import Output, as_ndjson, as_text
from hdaemon.commands.telling import at_signals, tell
from hdaemon.log import RingLog
from hdaemon.message import MODES
from hdaemon.server.loop import DEFAULT_PORT, ServerLoop
from hdaemon.server.recorder import DataBlock
from hdaemon.server.security import checked_token, new_token
from hdaemon.store import Store
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import FRAMINGS

__all__ = ["add_arguments", "run"]

_NEW_TOKEN = True
"""What ``--token`` without a value leaves: not a str, which argparse would check as if it were a token."""

_WRITE_AT_BYTES = 1024 * 1024
"""A turn's messages are written together, but not more than about this at once."""

_LOOK_S = 0.5
"""How often to look whether the reader of the pipe has gone while nothing comes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `serve` takes."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=arguments.port, default=DEFAULT_PORT, help="first port to try; 0: any free one (default: 2000)"
    )
    parser.add_argument("--mode", choices=MODES, default="print", help="evaluate also stores (default: %(default)s)")
    parser.add_argument(
        "--token",
        nargs="?",
        type=arguments.token,
        const=_NEW_TOKEN,
        help="what clients must show in their first line, 'token TOKEN'; without a value a new one is made and told. "
        "Needed for every host but this machine's own 127.0.0.1, ::1 and localhost. Also HDAEMON_TOKEN, which other "
        "users cannot see",
    )
    parser.add_argument(
        "--allow-origin",
        metavar="ORIGIN",
        type=arguments.origin,
        action="append",
        default=[],
        help="let the web page of this origin send, such as https://studio.example; may be given again",
    )
    parser.add_argument(
        "--raw-framing",
        choices=FRAMINGS,
        default="lines",
        help="a message is a line, or all that comes until 50 ms of silence (default: %(default)s)",
    )
    parser.add_argument(
        "--limit",
        metavar="NAME=VALUE",
        type=arguments.limit,
        action="append",
        default=[],
        help="change a limit, such as max_http_message_bytes=4GiB or max_clients=200; may be given again. "
        "GET /status shows them all",
    )
    parser.add_argument("--lock", action="store_true", help="clients cannot switch the mode")
    parser.add_argument("--json", action="store_true", help="write a JSON object a message (NDJSON)")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal or a closed pipe ends it; return 0, or 1 when the port or the output failed."""
    token = new_token() if args.token is _NEW_TOKEN else args.token
    if token is None and os.environ.get("HDAEMON_TOKEN"):
        token = checked_token(os.environ["HDAEMON_TOKEN"])
    log = _ToldLog(f"the first line of every client must be: token {token}" if args.token is _NEW_TOKEN else None)
    loop = ServerLoop(
        "serve",
        args.host,
        args.port,
        args.mode,
        log=log,
        store=Store(),
        token=token,
        locked=args.lock,
        raw_framing=args.raw_framing,
        origins=tuple(args.allow_origin),
        limits=Limits(**dict(args.limit)),
    )
    screen = _Screen(loop, as_ndjson if args.json else as_text)
    if not screen.output.ended:
        with at_signals(loop.stop):
            loop.run()
        screen.flush()
    if screen.output.error:
        tell(screen.output.error)
    return 1 if loop.state == "failed" or screen.output.error else 0


class _Screen:
    """Writes a loop's messages, those of one turn together, and stops the loop when nobody reads them."""

    def __init__(self, loop: ServerLoop, text_of: Callable[[DataBlock], bytes]) -> None:
        self._loop, self._text_of = loop, text_of
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._look_at = 0.0
        self.output = Output(lambda: loop.state == "stopping")
        loop.set_on_block(self._on_block)
        loop.on_change = self.flush
        loop.on_tick = self._on_tick

    def _on_block(self, block: DataBlock) -> None:
        if self.output.ended:
            return
        text = self._text_of(block)
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        if self._waiting_bytes >= _WRITE_AT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            text = b"".join(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            self.output.write(text)
            self._stop_if_ended()

    def _on_tick(self) -> float:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            if self.output.reader_has_gone():
                self.output.ended = True
                self._stop_if_ended()
        return self._look_at

    def _stop_if_ended(self) -> None:
        if self.output.ended:
            self._loop.stop()


class _ToldLog(RingLog):
    """A log that tells each lifecycle row on standard error; it keeps next to nothing, as nobody looks back."""

    def __init__(self, when_started: str | None) -> None:
        super().__init__(max_rows=1)
        self._when_started = when_started

    def event(self, time: float, event: str, text: str, client: str = "") -> int:
        """Add and tell a lifecycle row; return its number."""
        said = text if event in ("started", "stopped") else f"{event}: {text}"
        tell(f"{client}: {said}" if client else said)
        if event == "started" and self._when_started is not None:
            tell(self._when_started)
        return super().event(time, event, text, client)
