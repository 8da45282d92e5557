"""`ServerLoop`: the selectors loop that owns every socket of one server. No Qt, no hou.

It runs on one thread, from `run` to its return. What it receives goes to the log and the store at once; other threads
read those, and the counters and clients here, whenever they like. It waits for nobody: what it calls out to is
called on its thread, with no lock held, and must return quickly.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

from hdaemon.channels import Channels
from hdaemon.content import Payload
from hdaemon.errors import BindError
from hdaemon.interval import Hurry
from hdaemon.log import RingLog
from hdaemon.server.client import Client
from hdaemon.server.connections import Connections
from hdaemon.server.listener import Acceptor, at, listen, listening
from hdaemon.server.modes import Modes, checked_framing
from hdaemon.server.own import Own
from hdaemon.server.placement import Placement
from hdaemon.server.readiness import filling
from hdaemon.server.recorder import DataBlock, Recorder
from hdaemon.server.routes import Routes
from hdaemon.server.security import checked_origins, checked_token
from hdaemon.server.sessions import session_file
from hdaemon.server.shared import Segments
from hdaemon.server.status import status
from hdaemon.server.waker import Waker
from hdaemon.store import Store
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import FRAMINGS

__all__ = ["DEFAULT_PORT", "ServerLoop"]

_logger = logging.getLogger(__name__)

DEFAULT_PORT = 2000

_DELIVER_AT_STOP_S = 0.1
"""stop() has 500 ms; what clients left without an end is delivered within this part of it."""

_REST_AFTER_BYTES = 16 * 1024
"""`rest` is called after so much: a lone small message, whose sender waits for the answer, is not made to wait."""


def _nothing(*_: object) -> None:
    return None


class ServerLoop:
    """One server: its port, its clients and their modes.

    Args:
        name: what the log calls it.
        host: address to listen on.
        port: the first port tried; 0 for any free one.
        mode: ``"print"`` or ``"evaluate"``.
        log: receives every message and lifecycle row.
        store: receives what comes in evaluate mode.
        limits: see `Limits`.
        token: what clients must show; required for every host but loopback.
        locked: clients' own mode words are refused.
        raw_framing: ``"lines"`` or ``"burst"``, for clients that connect from now on.
        client_identifier: clients are named after it: ``client-1``, ``client-2`` ...
        origins: web pages that may send, such as ``"https://studio.example"``; others are refused.
        echo: open a WebSocket at ``/echo`` that sends everything back, for conformance tests.

    Attributes:
        state: ``"stopped"``, ``"starting"``, ``"listening"``, ``"stopping"`` or ``"failed"``.
        error: why the state is ``"failed"``; else empty.
        host, port: where it listens; before that, what was asked for.
        listening: set once the port is open, or could not be opened.
        on_change: called when log, store, clients or modes changed, at most once a turn.
        on_state: called when `state` changed.
        on_tick: called once a turn; returns when the turn after next is due at the latest, or None.
        rest: called after a turn that received, once 16 KiB have come since the last time; may sleep for some
            milliseconds, for the sake of others.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        mode: str,
        *,
        log: RingLog,
        store: Store,
        limits: Limits | None = None,
        token: str | None = None,
        locked: bool = False,
        raw_framing: str = "lines",
        client_identifier: str = "client",
        origins: tuple[str, ...] = (),
        echo: bool = False,
    ) -> None:
        token, origins = checked_token(token), checked_origins(origins)
        self.name, self.host, self.port = name, host, port
        self.limits = limits or Limits()
        self.state, self.error = "stopped", ""
        self.listening = threading.Event()
        self.on_change: Callable[[], None] = _nothing
        self.on_state: Callable[[], None] = _nothing
        self.on_tick: Callable[[], float | None] = _nothing
        self.rest: Callable[[], None] = _nothing
        self._log = log
        self._recorder = Recorder(log, store, Channels(self.limits.max_channels))
        self._modes = Modes(mode, locked, self._tell)
        limits = self.limits
        self._segments = Segments(limits.max_shared_bytes, limits.max_http_message_bytes, limits.stall_s)
        about = partial(status, self)
        pages = bool(origins)
        routes = Routes(self._modes, self._recorder, self.set_mode, about, limits, self._segments, pages=pages)
        self._connections = Connections(
            limits,
            self._modes,
            self._recorder,
            routes,
            self._tell,
            token=token,
            origins=origins,
            raw_framing=checked_framing(raw_framing),
            client_identifier=client_identifier,
            echo=echo,
        )
        self._connections.late, self._connections.visits.changed = self._late_at_stop, self._on_visit
        self._token, self._requested_port = token, port
        self._lock = threading.Lock()  # guards the state
        self._stopping = False
        self._deliver_until = 0.0  # once stopping: when what is not yet delivered is let go
        self._own = Own(self._recorder, limits.max_queued_bytes)
        self._changed = False
        self._hurry, self._placement = Hurry(), Placement()
        self._unrested = 0  # bytes received since the last rest
        self._announced = 0  # messages recorded when `on_change` was called last
        self._waker: Waker | None = None

    # -- for any thread ---------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """What every client follows that has no mode of its own."""
        return self._modes.mode

    @property
    def locked(self) -> bool:
        """Whether clients' own mode words are refused."""
        return self._modes.locked

    @property
    def messages_received(self) -> int:
        """Messages since the start, of all clients."""
        return self._recorder.messages

    @property
    def bytes_received(self) -> int:
        """Bytes since the start, of all clients, as they came in."""
        return self._connections.bytes_received + self._segments.bytes_received

    @property
    def raw_framing(self) -> str:
        """How the raw bytes of clients that connect from now on are cut."""
        return self._connections.raw_framing

    @property
    def clients(self) -> tuple[Client, ...]:
        """The connected clients, oldest first."""
        return self._connections.clients

    @property
    def channels(self) -> Channels:
        """What has come in on each channel."""
        return self._recorder.channels

    @property
    def token(self) -> str | None:
        """What clients must show; None for nothing."""
        return self._token

    @property
    def wrong_tokens(self) -> int:
        """How many wrong tokens have been shown since the start."""
        return self._connections.refusals.wrong_tokens.count

    def set_on_block(self, on_block: Callable[[DataBlock], None]) -> None:
        """Have `on_block` called with every block of data that was received, on the server thread."""
        self._recorder.on_block = on_block

    def set_mode(self, mode: str, by: str = "this session") -> None:
        """Switch the server and every client to `mode`, at once.

        Raises:
            UsageError: there is no such mode.
        """
        self._modes.switch_all(mode, self.clients, by)
        self.on_change()

    def set_locked(self, locked: bool) -> None:
        """Say whether clients' own mode words are refused from now on."""
        self._modes.set_locked(locked)
        self.on_change()

    def set_client_mode(self, client_id: int, mode: str | None, by: str = "this session") -> None:
        """Switch one client to `mode`; None makes it follow the server again. A client that is gone is ignored.

        Raises:
            UsageError: there is no such mode.
        """
        connection = self._connections.find(client_id)
        if connection is not None:
            self._modes.switch(connection.client, mode, by)
            self.on_change()

    def set_client_framing(self, client_id: int, framing: str) -> None:
        """Cut one client's raw bytes into messages by ``"lines"`` or ``"burst"``, from its next message on.

        Raises:
            UsageError: there is no such framing.
        """
        checked_framing(framing)
        connection = self._connections.find(client_id)
        if connection is not None and connection.client.framing in FRAMINGS:
            connection.client.framing = connection.door.framing = framing
            self._tell("mode", f"raw framing: {framing}", connection.client)
            self.on_change()

    def publish(self, channel: str, content_type: str, payload: Payload) -> int:
        """Store a message of this session's own, whatever the mode, and send it to who has subscribed.

        Returns its serial number. Never waits: subscribers are sent it by the server thread.

        Raises:
            UsageError: `channel` cannot name a channel.
            HdaemonError: a thousand messages or `max_queued_bytes` wait for the server thread already; nothing was
                published.
        """
        sends = self._waker is not None
        serial = self._own.publish(channel, content_type, payload, send=sends)
        if sends:
            self._wake()
        self.on_change()
        return serial

    def disconnect_client(self, client_id: int, why: str = "disconnected by this session") -> None:
        """Close one client's connection. A client that is gone is ignored."""
        self._connections.ask_to_disconnect(client_id, why)
        self._wake()

    def stop(self) -> None:
        """Make `run` return; returns at once itself. May be called at any time, any number of times."""
        if not self._stopping:
            self._deliver_until = time.monotonic() + _DELIVER_AT_STOP_S
            self._stopping = True
        self._set_state("stopping", only_from=("starting", "listening"))
        self._wake()

    # -- the server thread ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Say ``"starting"`` before the thread that will call `run` has come up."""
        self._set_state("starting", only_from=("stopped",))

    def run(self) -> None:
        """Listen and serve until `stop`; close everything; then return. A failure ends in state ``"failed"``."""
        self.prepare()
        failure = ""
        try:
            with listen(self.host, self.port, self._token) as listener, selectors.DefaultSelector() as self._selector:
                self._connections.selector = self._selector
                self._connections.address = (self.host, listener.getsockname()[1])
                with Waker() as waker:
                    self._serve(listener, waker)
        except BindError as error:
            failure = str(error)
        except Exception as error:  # the last line of defence: close the port, say so, leave no thread behind
            _logger.exception("the hdaemon server %s stopped", self.name)
            failure = f"an error in hdaemon stopped the server: {type(error).__name__}: {error}"
        if failure:
            self.error = failure
            self._tell("error", failure)
            self._set_state("failed")
            self.listening.set()
        else:
            self._tell("stopped", f"no longer listening on {at(self.host, self.port)}", None)
            self._set_state("stopped")
        self.on_change()

    def _serve(self, listener: socket.socket, waker: Waker) -> None:
        self.port = listener.getsockname()[1]
        self._acceptor = Acceptor(listener)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(waker.receiver, selectors.EVENT_READ)
        self._waker = waker
        address = listener.getsockname()[0]
        try:
            with session_file(self.name, address, self.port, self._token, partial(self._tell, "error")):
                self._tell("started", listening(self.host, self.port, self._requested_port))
                if not self._stopping:
                    self._set_state("listening", only_from=("starting",))
                self.listening.set()
                while not self._stopping:
                    self._turn(waker)
        finally:
            self._hurry.saw(False)
            self._close_all()
            self._waker = None

    def _turn(self, waker: Waker) -> None:
        """Wait for something to happen and deal with all that did: one receive for each client."""
        received, bytes_before = False, self._connections.bytes_received
        found = self._selector.select(self._hurry.until_looking_again(self._timeout()))
        self._hurry.saw(bool(found))
        for key, mask in found:
            if self._late_at_stop():
                return
            if key.data is not None:
                if mask & selectors.EVENT_WRITE:
                    self._connections.flush(key.data)
                else:
                    if filling(key.data.door):
                        self._recorder.wake()  # a large body takes a while
                    received |= self._connections.receive(key.data) and not filling(key.data.door)
                self._connections.note(key.data)
            elif key.fileobj is self._acceptor.sock:
                self._accept()
            else:
                waker.drain()
                self._connections.disconnect_asked()
                self._own.send_all()
        now = time.monotonic()
        self._connections.time_out(now)
        self._recorder.wake()
        if self._acceptor.resume(now):
            self._selector.register(self._acceptor.sock, selectors.EVENT_READ)
        if self._changed or self._recorder.messages != self._announced:
            self._changed, self._announced = False, self._recorder.messages
            self.on_change()
        if received:
            self._placement.busy()
            self._unrested += self._connections.bytes_received - bytes_before
            if self._unrested >= _REST_AFTER_BYTES:
                self._unrested = 0
                self.rest()

    def _timeout(self) -> float | None:
        due = (self._connections.next_deadline(), self._acceptor.again_at, self.on_tick())
        times = [moment for moment in due if moment is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _accept(self) -> None:
        for sock, address in self._acceptor.accept():
            self._connections.add(sock, address)
        if self._acceptor.news is not None:
            self._tell(*self._acceptor.news)
        if self._acceptor.again_at is not None:
            self._selector.unregister(self._acceptor.sock)

    def _close_all(self) -> None:
        self._acceptor.close()
        if not self._stopping:  # an error brought us here: what is held is still delivered, where that works
            self._deliver_until = time.monotonic() + _DELIVER_AT_STOP_S
            self._stopping = True
        self._connections.close_all("the server stopped")
        self._recorder.wake()

    def _late_at_stop(self) -> bool:
        return self._stopping and time.monotonic() > self._deliver_until

    # -- waking and telling -----------------------------------------------------------------------------

    def _wake(self) -> None:
        waker = self._waker
        if waker is not None:
            waker.wake()

    def _on_visit(self) -> None:
        self._changed = True

    def _tell(self, event: str, text: str, client: Client | None = None) -> None:
        """Add a lifecycle row."""
        if self._token is not None and len(self._token) >= 8:  # nothing quotes it: this is the second lock on that door
            text = text.replace(self._token, "TOKEN")
        self._log.event(time.time(), event, text, client.name if client is not None else "")
        self._changed = True

    def _set_state(self, state: str, only_from: tuple[str, ...] = ()) -> None:
        with self._lock:  # `stop`, on another thread, must not put "stopping" over what the end of `run` has set
            if self.state == state or (only_from and self.state not in only_from):
                return
            self.state = state
        self.on_state()
