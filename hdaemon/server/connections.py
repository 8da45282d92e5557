"""`Connections`: the clients of one server, their sockets and doors. It belongs to the server thread.

Other threads may ask who is connected, find a client, and ask for one to be disconnected.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable

from hdaemon.server.bodies import Bodies
from hdaemon.server.client import Client, Connection
from hdaemon.server.guarded import fault, guarded
from hdaemon.server.modes import Modes
from hdaemon.server.pool import BufferPool
from hdaemon.server.readiness import in_head, set_deadline, too_slow, wake_late
from hdaemon.server.recorder import Recorder
from hdaemon.server.refusals import Refusals
from hdaemon.server.routes import Routes
from hdaemon.server.sending import Sender, send_now, shut
from hdaemon.server.subscribers import Subscribers
from hdaemon.server.visits import Tell, Visits
from hdaemon.wire.access import Access, hosts_of
from hdaemon.wire.events import Event, Goodbye, ModeWord, Refused, Reply, Request, Requests, Upgrade
from hdaemon.wire.frames import GOING_AWAY, close_frame
from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import HttpDoor, error_answer
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor
from hdaemon.wire.sniff import OpeningDoor

__all__ = ["Connections"]

RECEIVE_BYTES = 256 * 1024
"""One receive: large enough that the interpreter's cost vanishes, small enough to share its lock fairly."""


class Connections:
    """Everything that is connected to one server.

    Args:
        limits: see `Limits`.
        modes: says in which mode a client's data is received, and hears its words.
        recorder: takes what was received.
        routes: answers requests.
        tell: adds a lifecycle row: see `Visits`.
        origins: pages that may send requests.
        token: what a client must show first; None for nothing.
        client_identifier: clients are named after it.
        echo: see `upgrade`.

    Attributes:
        raw_framing: how the bytes of clients that connect from now on are cut.
        bytes_received: of all clients.
        selector, address: set by the loop while it runs: the selector, and the host and port it listens on.
        late: set by the loop; True once stop() cannot wait any longer for what is still to be delivered.
        visits: tells of them in the log. refusals: says no to some.
    """

    def __init__(
        self,
        limits: Limits,
        modes: Modes,
        recorder: Recorder,
        routes: Routes,
        tell: Tell,
        *,
        token: str | None,
        origins: tuple[str, ...],
        raw_framing: str,
        client_identifier: str,
        echo: bool = False,
    ) -> None:
        self.raw_framing = raw_framing
        self.bytes_received = 0
        self.selector: selectors.BaseSelector
        self.address = ("", 0)
        self.late: Callable[[], bool] = bool
        self.visits = Visits(tell)
        self._limits, self._modes, self._recorder = limits, modes, recorder
        self._routes = routes
        self._token, self._origins = token, origins
        self._client_identifier = client_identifier
        self._echo = echo
        self._sender = Sender(
            limits,
            is_open=lambda connection: connection.client.id in self._open,
            wait_for=lambda connection, events: self.selector.modify(connection.sock, events, connection),
            note=self.note,
            give_up=lambda connection, why: self._close(connection, why, deliver=False),
        )
        self._open: dict[int, Connection] = {}
        self.refusals = Refusals(
            limits,
            self._sender,
            self.visits,
            self._open,
            leave=lambda connection: self._subscribers.discard(connection),
            close=self._close,
        )
        self._subscribers = Subscribers(
            recorder.store, limits.max_queued_bytes, self._sender.flush, self.refusals.refuse
        )
        recorder.publish = self._subscribers.publish
        self._made = 0
        # Nothing is due for any connection before it; often it is the time of one that has got another since. To look
        # at all 64 in every turn took a tenth of the time of a turn.
        self._due: float | None = None
        self._to_disconnect: dict[int, str] = {}
        self._lock = threading.Lock()  # guards the two dicts; held for their look-ups only
        self._pool = BufferPool()
        self._bodies = Bodies(self._pool)
        self._view = memoryview(bytearray(RECEIVE_BYTES))

    # -- for any thread ---------------------------------------------------------------------------------

    @property
    def clients(self) -> tuple[Client, ...]:
        """The connected clients, oldest first; those that are only being told why they were refused are not."""
        with self._lock:
            return tuple(connection.client for connection in self._open.values() if connection.counted)

    def find(self, client_id: int) -> Connection | None:
        """Return the connection of a client, or None when it is gone."""
        with self._lock:
            return self._open.get(client_id)

    def ask_to_disconnect(self, client_id: int, why: str) -> None:
        """Have a client disconnected the next time the loop calls `disconnect_asked`."""
        with self._lock:
            self._to_disconnect[client_id] = why

    # -- for the server thread --------------------------------------------------------------------------

    def add(self, sock: socket.socket, address: str) -> None:
        """Take a new connection, or tell it that there are too many."""
        self._made += 1
        name = f"{self._client_identifier}-{self._made}"
        client = Client(self._made, name, address, self.raw_framing)
        door = OpeningDoor(
            lambda framing: RawDoor(self._limits, framing, self._token, self._pool.join),
            lambda: HttpDoor(self._limits, self._access(sock), self._pool.take),
            self.raw_framing,
            admitted=self._token is None,
        )
        connection = Connection(client, sock, door)
        limit = self._limits.max_clients
        if len(self._open) >= 2 * limit:  # as many again are being told why they were refused: no more of that
            shut(sock)
            return
        connection.counted = sum(other.counted for other in self._open.values()) < limit
        with self._lock:
            self._open[client.id] = connection
        self.selector.register(sock, selectors.EVENT_READ, connection)
        if not connection.counted:
            self.refusals.one_too_many(connection)
            self.note(connection)
            return
        if not door.admitted:
            connection.deadline = time.monotonic() + self._limits.admission_s
        self.visits.came(connection)
        self.note(connection)

    def receive(self, connection: Connection) -> bool:
        """Receive once and deal with it; return False when there was nothing to receive."""
        if connection.client.id not in self._open:
            return False  # disconnected earlier in this turn
        if connection.out and not connection.is_websocket:
            return False  # it is to read its answers first
        door = connection.door
        target = door.target if isinstance(door, HttpDoor) else None
        try:
            if target is None:
                size = self._bodies.receive_head(connection, self._view)
            else:
                size = self._bodies.receive(connection, target)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._close(connection, f"connection lost: {error.strerror or error}")
            return True
        if connection.late_reply and not connection.counted:
            self.refusals.answer_one_too_many(connection, bytes(self._view[:size]))
        if size == 0:
            self._close(connection, "refused" if connection.refused else "closed by the client")
            return True
        if connection.refused:
            return True
        self.bytes_received += size
        connection.client.bytes += size
        was_in_head = in_head(door)
        if target is not None and isinstance(door, HttpDoor):
            events = guarded(door.received, size)
            wake_late(connection, door, size, self._bodies.contended)
        elif isinstance(door, RawDoor):
            events = guarded(door.feed, self._view[:size])  # it copies what it keeps, once
        else:
            events = guarded(door.feed, bytes(self._view[:size]))
        self._enter(connection)
        self._handle(connection, events)
        if not connection.told:
            self.visits.received(connection)
        if not (was_in_head and in_head(door) and not events):  # a head's time runs from its first byte
            set_deadline(connection, self._limits)
        return True

    def _enter(self, connection: Connection) -> None:
        """Go through the door that the first bytes have chosen."""
        door = connection.door
        if isinstance(door, OpeningDoor) and door.chosen is not None:
            connection.door = door.chosen
            if isinstance(connection.door, HttpDoor):
                connection.client.framing = connection.door.framing
                connection.deadline = None

    def flush(self, connection: Connection) -> None:
        """Send what waits, as far as there is room."""
        self._sender.flush(connection)

    def next_deadline(self) -> float | None:
        """Return when `time_out` is due, on the monotonic clock; None while nothing is."""
        due = [moment for moment in (self._due, self._pool.due(), self._routes.segments.due()) if moment is not None]
        return min(due, default=None)

    def note(self, connection: Connection) -> None:
        """Take note of when something is due for it; to be called after that may have become sooner."""
        for moment in (connection.deadline, connection.stalls_at, connection.quiet_until):
            if moment is not None and (self._due is None or moment < self._due):
                self._due = moment

    def time_out(self, now: float) -> None:
        """Deal with every connection whose deadline has passed."""
        self._pool.trim(now)
        self._routes.segments.trim(now)
        if self._due is None or now < self._due:
            return
        for connection in list(self._open.values()):
            if connection.stalls_at is not None and connection.stalls_at <= now:
                self._close(connection, f"it has read nothing for {self._limits.stall_s:g} s", deliver=False)
                continue
            if connection.quiet_until is not None and connection.quiet_until <= now:
                self.visits.quiet(connection)
            if connection.deadline is None or connection.deadline > now:
                continue
            connection.deadline = None
            if connection.late_reply:
                self.refusals.answer_late(connection)
            elif connection.refused:
                self._close(connection, "refused")
            elif not connection.door.admitted:
                reason = f"no token within {self._limits.admission_s:g} s; the first line must be 'token THE_TOKEN'"
                self.refusals.refuse(connection, Refused(reason, b"hdaemon: refused: no token came in time\n"))
            elif connection.is_websocket:
                self._ping(connection)
            elif in_head(connection.door) or not self.receive(connection) or too_slow(connection, self._limits, now):
                # Received once more, as the turn may have been long: what came meanwhile is no silence. But not for a
                # head, nor for a body below the lowest rate: a byte at the right moment would buy it more time.
                if isinstance(connection.door, HttpDoor) and not connection.door.waiting:
                    self._close(connection, "idle")
                    continue
                events = guarded(connection.door.silence)
                self._enter(connection)
                self._handle(connection, events)
                set_deadline(connection, self._limits)
        self._due = None
        for connection in self._open.values():
            self.note(connection)

    def disconnect_asked(self) -> None:
        """Disconnect the clients that `ask_to_disconnect` was called for."""
        with self._lock:
            wanted, self._to_disconnect = self._to_disconnect, {}
            found = [(self._open[i], why) for i, why in wanted.items() if i in self._open]
        for connection, why in found:
            self._close(connection, why)

    def close_all(self, why: str) -> None:
        """Close every connection; what they left without an end is delivered until it is `late`.

        Raises:
            Exception: the last of those that what was delivered to has raised, after all are closed.
        """
        failure: Exception | None = None
        for connection in list(self._open.values()):
            try:
                self._close(connection, why, deliver=not self.late())
            except Exception as error:  # what cannot be delivered must not keep the other connections open
                failure = error
        self._routes.segments.close()
        if failure is not None:
            raise failure

    # -- inside -----------------------------------------------------------------------------------------

    def _access(self, sock: socket.socket) -> Access:
        """Return what a request on that socket must show: its Host may also be the address it came in on."""
        host, port = self.address
        return Access(hosts_of(host, str(sock.getsockname()[0])), port, self._token, self._origins)

    def _handle(self, connection: Connection, events: list[Event]) -> None:
        """Do what the events of a door ask for."""
        held, connection.held = connection.held, True
        try:
            self._handle_each(connection, events)
        finally:
            connection.held = held
        if not held and connection.out and connection.stalls_at is None:
            self._sender.flush(connection)  # the answers to everything that came at once

    def _handle_each(self, connection: Connection, events: Iterable[Event]) -> None:
        client = connection.client
        for event in events:
            if self.late():
                return  # one receive may hold 40,000 words: stop() cannot wait for each
            if isinstance(event, Refused):
                self.refusals.refuse(connection, event)
                return
            if isinstance(event, Upgrade):
                self._upgrade(connection, event)
                return
            if not connection.told:
                self.visits.taken(connection)
            if isinstance(event, ModeWord):
                self._modes.ask(client, event.mode)
            elif isinstance(event, Reply):
                self._sender.send(connection, [event.data])
            elif isinstance(event, Request):
                self._sender.send(connection, self._routes.answer(client, event))
                if not event.head.keep_alive:
                    self.refusals.finish(connection, "answered, as it asked")
            elif isinstance(event, Requests):
                parts = self._routes.answer_all(client, event)
                if parts is None:
                    self._handle_each(connection, event.each())
                else:
                    self._sender.send(connection, parts)
            elif isinstance(event, Goodbye):
                self._sender.send(connection, [event.reply])
                self.refusals.finish(connection, event.reason)
            else:
                self._recorder.record(client, event, self._modes.of(client))
            if client.id not in self._open:
                return  # it was found to be gone

    def _upgrade(self, connection: Connection, event: Upgrade) -> None:
        """Go on as a WebSocket."""
        from hdaemon.server.upgrade import upgrade  # wsproto: for those who use it

        try:
            reply, door, subscription = upgrade(event, self._limits, self._pool.join, echo=self._echo)
        except HttpError as error:
            path = event.head.target.partition("?")[0]
            reason = f"{event.head.method} {path[:80]}: HTTP {error.status}: {error}"
            self.refusals.refuse(connection, Refused(reason, error_answer(error, keep_alive=False)))
            return
        except Exception as error:  # as in `guarded`
            self.refusals.refuse(connection, fault(error))
            return
        self.visits.taken(connection)
        connection.door, connection.subscription = door, subscription
        connection.client.framing = door.framing
        self._sender.send(connection, [reply])
        self._sender.flush(connection)  # before anything that could be dropped because it waits
        set_deadline(connection, self._limits)
        if subscription is not None and connection.client.id in self._open:
            self._subscribers.add(connection)
        if event.rest:
            self._handle(connection, guarded(door.feed, event.rest))

    def _ping(self, connection: Connection) -> None:
        """Nothing has come for a while: ask for a sign of life, or give the connection up."""
        if self.receive(connection):
            return  # the turn may have been long: what came meanwhile is no silence
        self._handle(connection, guarded(connection.door.silence))
        if not connection.refused:
            connection.deadline = time.monotonic() + self._limits.stall_s

    def _close(self, connection: Connection, why: str, deliver: bool = True) -> None:
        client = connection.client
        if client.id not in self._open:
            return
        try:
            if deliver and not connection.refused:
                self._handle(connection, guarded(connection.door.end))
                if connection.is_websocket and not connection.out:
                    send_now(connection.sock, close_frame(GOING_AWAY, why))
        finally:
            connection.out.clear()
            self._subscribers.discard(connection)
            self._routes.segments.give_up(client.id)
            with self._lock:
                known = self._open.pop(client.id, None)
            if known is not None:  # else its last words have closed it already
                self.selector.unregister(connection.sock)
                shut(connection.sock)
                self.visits.gone(connection, connection.why or why)
