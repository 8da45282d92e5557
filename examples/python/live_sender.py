"""A thread that sends the newest mesh of each channel, for live links out of programs that must not wait.

A mesh that is overtaken before it was sent is dropped. While there is no server, it tries again and says so.
Python 3.7 and numpy; uses the client library, hdaemon/client.py, which lies beside it where hdaemon is not installed.

::

    sender = LiveSender("127.0.0.1", 2000)
    sender.offer("maya/body", {"points": p, "counts": c, "indices": i, "vertex": {"N": n}})  # returns at once
    print(sender.status.text)
    sender.close()
"""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

if __package__:  # the add-on for Blender carries both files
    from .client import Client, ClientError, Unavailable
else:
    try:
        from hdaemon.client import Client, ClientError, Unavailable
    except ImportError:
        from client import Client, ClientError, Unavailable

__all__ = ["LiveSender", "Status"]

RETRY_S = 1.0
"""Between two attempts while there is no server."""

TIMEOUT_S = 5.0
"""How long a server may take nothing and say nothing."""

MAX_CHANNELS = 1000
"""Of which a mesh waits to be sent."""


class Status(NamedTuple):
    """What became of the last mesh.

    Attributes:
        state: ``"idle"``, ``"sending"``, ``"sent"``, ``"waiting"`` (no server; it tries again) or ``"failed"``.
        text: a sentence for people.
        number: counts up with each change.
    """

    state: str
    text: str
    number: int


class LiveSender:
    """A connection to one server and the thread that uses it; the thread starts with the first mesh.

    All methods return at once, but for `wait` and `close`, and can be called by any thread.

    Raises:
        ClientError: a port or a token that cannot be used.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 2000, token: str | None = None) -> None:
        # After a break the client tries once a call: the pauses are taken here, where close() can end them.
        self._client = Client(host, port, token=token, timeout_s=TIMEOUT_S, reconnect_s=0.0)
        self.where = self._client.where
        self._changed = threading.Condition()
        self._pending: dict[str, tuple[dict[str, Any], bool]] = {}
        self._sending = False
        self._closing = False
        self._status = Status("idle", f"Nothing was sent to {self.where} yet", 0)
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> Status:
        """What became of the last mesh."""
        with self._changed:
            return self._status

    @property
    def busy(self) -> bool:
        """Whether a mesh is being sent or waits to be: who makes meshes live need not make another yet."""
        with self._changed:
            return self._sending or bool(self._pending)

    def offer(self, channel: str, mesh: dict[str, Any], *, retry: bool = True) -> None:
        """Send it as soon as possible, in place of what still waits for the same channel.

        Args:
            channel: where to.
            mesh: the arguments of `Client.send_mesh`. Its arrays must not be changed after this.
            retry: without a server, keep it and try again each second; else it is given up, and the status says so.

        Raises:
            RuntimeError: it is closed, or meshes of 1000 channels wait already.
        """
        with self._changed:
            if self._closing:
                raise RuntimeError("this sender is closed: make a new one")
            if len(self._pending) >= MAX_CHANNELS and channel not in self._pending:
                raise RuntimeError(f"meshes of {MAX_CHANNELS} channels wait to be sent: send fewer objects")
            self._pending[channel] = (mesh, retry)
            if self._thread is None:
                # A daemon: the program may end while a server is silent.
                self._thread = threading.Thread(target=self._run, name="hdaemon live sender", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Return whether nothing is left to be sent, after waiting for that for so long at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._sending and not self._pending, timeout_s)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Drop what waits, and end the thread and the connection; can be called again.

        Returns whether it has ended. If not in time, it is inside a send, and ends when that does: after `TIMEOUT_S` of
        silence at the latest.
        """
        with self._changed:
            self._closing = True
            self._pending.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing or bool(self._pending))
                    if self._closing:
                        return
                    channel = next(iter(self._pending))
                    mesh, retry = self._pending.pop(channel)
                    self._sending = True
                    self._say("sending" if self._status.state != "waiting" else "waiting", self._status.text)
                self._send(channel, mesh, retry)
        finally:
            self._client.discard()
            self._client.close()

    def _send(self, channel: str, mesh: dict[str, Any], retry: bool) -> None:
        try:
            begin = time.monotonic()
            ack = self._client.send_mesh(**mesh, channel=channel, wait=True)
            took_ms = (time.monotonic() - begin) * 1000
            what = f"{channel}: {len(mesh['points']):,} points, {len(mesh['counts']):,} polygons in {took_ms:.0f} ms"
            shown = "" if ack.stored else " (only shown: the server is in print mode)"
            self._done("sent", f"Sent {what}{shown}")
        except Unavailable as error:
            if not retry:
                self._done("failed", f"Not sent: {error}")
                return
            with self._changed:
                if not self._closing:
                    self._pending.setdefault(channel, (mesh, retry))
            self._done("waiting", f"No server, trying again: {error}")
            with self._changed:
                self._changed.wait_for(lambda: self._closing, RETRY_S)
        except ClientError as error:
            self._done("failed", f"Not sent: {error}")
        except Exception as error:  # a mesh that does not fit: the next one may, so the thread must not die of it
            self._done("failed", f"Not sent, {type(error).__name__}: {error}")

    def _done(self, state: str, text: str) -> None:
        with self._changed:
            self._sending = False
            self._say(state, text)
            self._changed.notify_all()

    def _say(self, state: str, text: str) -> None:
        self._status = Status(state, text, self._status.number + 1)
