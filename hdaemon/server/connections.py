"""`Connections`: the clients of one server, their sockets and doors. It belongs to the server thread.

Other threads may ask who is connected, find a client, and ask for one to be disconnected.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable

from hdaemon.server.client import Client, Connection
from hdaemon.server.modes import Modes
from hdaemon.server.recorder import Recorder
from hdaemon.wire.events import Event, ModeWord, Refused
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

__all__ = ["Connections", "send_now"]

RECEIVE_BYTES = 256 * 1024
"""One receive: large enough that the interpreter's cost vanishes, small enough to share its lock fairly."""

Tell = Callable[[str, str, "Client | None"], None]


class Connections:
    """Everything that is connected to one server.

    Args:
        limits: see `Limits`.
        modes: says in which mode a client's data is received, and hears its words.
        recorder: takes what was received.
        tell: adds a lifecycle row: its event, its text, the client it is about.
        token: what a client must show first; None for nothing.
        client_identifier: clients are named after it.

    Attributes:
        raw_framing: how the bytes of clients that connect from now on are cut.
        bytes_received: of all clients.
        selector: set by the loop while it runs.
        late: set by the loop; True once stop() cannot wait any longer for what is still to be delivered.
    """

    def __init__(
        self,
        limits: Limits,
        modes: Modes,
        recorder: Recorder,
        tell: Tell,
        *,
        token: str | None,
        raw_framing: str,
        client_identifier: str,
    ) -> None:
        self.raw_framing = raw_framing
        self.bytes_received = 0
        self.selector: selectors.BaseSelector
        self.late: Callable[[], bool] = bool
        self._limits, self._modes, self._recorder, self._tell = limits, modes, recorder, tell
        self._token = token
        self._client_identifier = client_identifier
        self._made = 0
        self._open: dict[int, Connection] = {}
        self._to_disconnect: dict[int, str] = {}
        self._lock = threading.Lock()  # guards the two dicts; held for their look-ups only
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
        door = RawDoor(self._limits, self.raw_framing, self._token)
        connection = Connection(client, sock, door)
        limit = self._limits.max_clients
        if len(self._open) >= 2 * limit:  # as many again are being told why they were refused: no more of that
            _shut(sock)
            return
        connection.counted = sum(other.counted for other in self._open.values()) < limit
        with self._lock:
            self._open[client.id] = connection
        self.selector.register(sock, selectors.EVENT_READ, connection)
        if not connection.counted:
            text = f"{limit} clients are connected, which is the limit max_clients"
            self._refuse(connection, Refused(f"{address}: {text}", b"hdaemon: refused: " + text.encode() + b"\n"))
            return
        if not door.admitted:
            connection.deadline = time.monotonic() + self._limits.admission_s
        self._tell("connected", address, client)

    def receive(self, connection: Connection) -> bool:
        """Receive once and deal with it; return False when there was nothing to receive."""
        if connection.client.id not in self._open:  # disconnected earlier in this turn
            return False
        try:
            size = connection.sock.recv_into(self._view)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._close(connection, f"connection lost: {error.strerror or error}")
            return True
        if size == 0:
            self._close(connection, "refused" if connection.refused else "closed by the client")
            return True
        if connection.refused:
            return True
        self.bytes_received += size
        connection.client.bytes += size
        door = connection.door
        self._handle(connection, door.feed(bytes(self._view[:size])))
        if door.admitted and not connection.refused:
            connection.deadline = time.monotonic() + self._limits.silence_s if door.waiting else None
        return True

    def next_deadline(self) -> float | None:
        """Return when `time_out` is due, on the monotonic clock; None while nothing is."""
        due = [connection.deadline for connection in self._open.values() if connection.deadline is not None]
        return min(due, default=None)

    def time_out(self, now: float) -> None:
        """Deal with every connection whose deadline has passed."""
        for connection in list(self._open.values()):
            if connection.deadline is None or connection.deadline > now:
                continue
            connection.deadline = None
            if connection.refused:
                self._close(connection, "refused")
            elif connection.door.admitted:
                if not self.receive(connection):  # the turn was long: what came meanwhile is not silence
                    self._handle(connection, connection.door.silence())
            else:
                reason = f"no token within {self._limits.admission_s:g} s; the first line must be 'token THE_TOKEN'"
                self._refuse(connection, Refused(reason, b"hdaemon: refused: no token came in time\n"))

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
        if failure is not None:
            raise failure

    # -- inside -----------------------------------------------------------------------------------------

    def _handle(self, connection: Connection, events: list[Event]) -> None:
        """Do what the events of a door ask for."""
        client = connection.client
        for event in events:
            if self.late():
                return  # one receive may hold 40,000 words: stop() cannot wait for each
            if isinstance(event, ModeWord):
                self._modes.ask(client, event.mode)
            elif isinstance(event, Refused):
                self._refuse(connection, event)
            else:
                self._recorder.record(client, event, self._modes.of(client))

    def _refuse(self, connection: Connection, refused: Refused) -> None:
        """Say why; then read and throw away for a while, so that the reply is not lost to a reset."""
        self._tell("refused", refused.reason, connection.client)
        connection.refused = True
        sent = not refused.reply or send_now(connection.sock, refused.reply)
        connection.deadline = time.monotonic() + (self._limits.linger_s if sent else 0)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it is gone already; the next receive finds that out
            pass

    def _close(self, connection: Connection, why: str, deliver: bool = True) -> None:
        client = connection.client
        try:
            if deliver and not connection.refused:
                self._handle(connection, connection.door.end())
        finally:
            with self._lock:
                del self._open[client.id]
            self.selector.unregister(connection.sock)
            _shut(connection.sock)
            if connection.counted:
                self._tell("disconnected", f"{why}; {client.messages:,} messages, {client.bytes:,} bytes", client)


def send_now(sock: socket.socket, data: bytes) -> bool:
    """Send what fits without waiting; return whether all of it did."""
    try:
        return sock.send(data) == len(data)
    except OSError:
        return False


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)  # close() alone leaves it open where a child process holds it too
    except OSError:
        pass
    sock.close()
