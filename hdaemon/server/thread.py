"""`HPythonServer`: the QThread a `ServerLoop` runs in.

Qt is imported here, and in `turns`, `lifetime` and `settings`. Works without a QCoreApplication too (hython): then
nothing is signalled, and what is to be printed is printed on the server thread.
"""

from __future__ import annotations

import threading
import time

from qtpy import QtCore

from hdaemon import courtesy
from hdaemon.channels import ChannelInfo
from hdaemon.content import Payload
from hdaemon.errors import BindError, UsageError
from hdaemon.log import RingLog
from hdaemon.printer import Printer
from hdaemon.server import lifetime
from hdaemon.server.client import Client
from hdaemon.server.lifetime import alive, stop_all, weakly
from hdaemon.server.listener import is_loopback
from hdaemon.server.loop import DEFAULT_PORT, ServerLoop
from hdaemon.server.pace import Pace
from hdaemon.server.rests import Rests
from hdaemon.server.turns import Turn
from hdaemon.store import Store
from hdaemon.store import store as process_store
from hdaemon.wire.limits import Limits

__all__ = ["HPythonServer", "alive", "stop_all"]

STOP_TIMEOUT_S = 0.5
"""stop() never takes longer (design.md, Safety)."""

START_TIMEOUT_S = 5.0
"""How long `start` waits for the port: longer than a name server needs to say no."""


class HPythonServer(QtCore.QThread):
    """A server on a thread of its own.

    `hdaemon.start` makes one and gives it a place under its name; by hand it is done like this::

        server = HPythonServer("my_server", port=0)
        server.start()                      # QThread.start: returns at once
        server.wait_until_listening()

    Its attributes may be read from any thread. Where a QCoreApplication runs, the object belongs to its thread
    (the main one), and so do the slots connected to its signals.

    Args:
        name: the QThread's objectName, and what `startHPythonServer` finds it by.
        host, port, mode, token, locked, raw_framing, origins, limits: see `ServerLoop`.
        log: where rows go; by default a new one within `limits`.
        store: where values go in evaluate mode; by default the process's.
        printer: what writes messages in print mode; by default one for standard output.
    """

    HOUDINIPORT = DEFAULT_PORT
    """The port of the original server."""

    CLIENT_IDENTIFIER = "client"
    """Clients are named after it: ``client-1``, ``client-2`` ..."""

    received = QtCore.Signal()
    """Emitted on the main thread, without arguments, when log, store, clients or modes have changed; at once after a
    time of rest, and then every 33 ms at the most, less often while the main thread is busy. The slot reads what it is
    interested in."""

    state_changed = QtCore.Signal()
    """Emitted when `state` has changed; queued to the main thread when the server thread changed it."""

    _woken = QtCore.Signal()

    def __init__(
        self,
        name: str = "python_server",
        host: str = "127.0.0.1",
        port: int = HOUDINIPORT,
        mode: str = "print",
        *,
        token: str | None = None,
        locked: bool = False,
        raw_framing: str = "lines",
        origins: tuple[str, ...] = (),
        limits: Limits | None = None,
        log: RingLog | None = None,
        store: Store | None = None,
        printer: Printer | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        limits = limits or Limits()
        self._name = name
        self.log = RingLog(limits.log_rows, limits.log_payload_bytes) if log is None else log
        self.store = process_store if store is None else store
        self._printer = printer or Printer()
        self._loop = loop = ServerLoop(
            name,
            host,
            port,
            mode,
            log=self.log,
            store=self.store,
            limits=limits,
            token=token,
            locked=locked,
            raw_framing=raw_framing,
            client_identifier=self.CLIENT_IDENTIFIER,
            origins=origins,
        )
        # Weakly: in a cycle with its loop it would be left to the garbage collector (see _kept).
        loop.on_change = weakly(self.notify)
        loop.on_state = self.state_changed.emit
        loop.on_tick = weakly(self._tick)
        loop.rest = weakly(self._rest)
        loop.set_on_block(self._printer.offer)
        self._notified = False  # a wake-up is under way or the interval runs; the main thread clears it
        self._dirty = False
        self._held_up = False  # a stop did not end in time, which is told once
        self._pace, self._rests = Pace(), Rests()
        self._timer: QtCore.QTimer | None = None  # made with two turns, where there is an event loop
        self._more = False  # callbacks have something left
        app = QtCore.QCoreApplication.instance()
        if app is not None and app.thread() is not QtCore.QThread.currentThread():
            self.moveToThread(app.thread())
        self._woken.connect(self._on_woken, QtCore.Qt.ConnectionType.QueuedConnection)

    # -- what it is -------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._loop.host

    @property
    def port(self) -> int:
        """The port it listens on; before that, the one asked for."""
        return self._loop.port

    @property
    def exposed(self) -> bool:
        """Whether other machines can reach it: it does not listen on a loopback address."""
        return not is_loopback(self.host)

    @property
    def state(self) -> str:
        """``"stopped"``, ``"starting"``, ``"listening"``, ``"stopping"`` or ``"failed"``."""
        return self._loop.state

    @property
    def error(self) -> str:
        """Why the state is ``"failed"``; else empty."""
        return self._loop.error

    @property
    def clients(self) -> tuple[Client, ...]:
        """The connected clients, oldest first."""
        return self._loop.clients

    @property
    def channels(self) -> tuple[ChannelInfo, ...]:
        """What has come in on each channel in either mode, sorted by name: see `ChannelInfo`."""
        return self._loop.channels.infos()

    def channel_names(self) -> list[str]:
        """Return the names of the channels on which something has come in, in no order."""
        return self._loop.channels.names()

    def channel(self, name: str) -> ChannelInfo | None:
        """Return what has come in on one channel, or None when nothing has."""
        return self._loop.channels.info(name)

    @property
    def token_required(self) -> bool:
        """Whether clients must show a token."""
        return self._loop.token is not None

    @property
    def token(self) -> str | None:
        """What clients must show; None for nothing. In no text of hdaemon: who shows it to somebody does so himself."""
        return self._loop.token

    @property
    def wrong_tokens(self) -> int:
        """How many wrong tokens have been shown since the start."""
        return self._loop.wrong_tokens

    @property
    def messages_received(self) -> int:
        """Messages received since the start."""
        return self._loop.messages_received

    @property
    def bytes_received(self) -> int:
        """Bytes received since the start, as they came in."""
        return self._loop.bytes_received

    @property
    def limits(self) -> Limits:
        """The limits it was started with."""
        return self._loop.limits

    @property
    def mode(self) -> str:
        """``"print"`` or ``"evaluate"``; setting it switches every client.

        Raises:
            UsageError: set to something else.
        """
        return self._loop.mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._loop.set_mode(mode)

    @property
    def locked(self) -> bool:
        """Whether clients' own mode words are refused; may be set."""
        return self._loop.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._loop.set_locked(locked)

    @property
    def raw_framing(self) -> str:
        """``"lines"`` or ``"burst"``: how raw bytes are cut, for clients that connect from now on."""
        return self._loop.raw_framing

    def set_mode(self, mode: str, by: str) -> None:
        """Switch every client to `mode`; the log names who did it (`by`)."""
        self._loop.set_mode(mode, by)

    def set_client_mode(self, client_id: int, mode: str | None, by: str = "this session") -> None:
        """Switch one client to `mode`; None makes it follow the server again."""
        self._loop.set_client_mode(client_id, mode, by)

    def set_client_framing(self, client_id: int, framing: str) -> None:
        """Cut one client's raw bytes by ``"lines"`` or ``"burst"``, from its next message on."""
        self._loop.set_client_framing(client_id, framing)

    def publish(self, channel: str, content_type: str, payload: Payload) -> int:
        """Store a message of this session's own, in any mode, and send it to who has subscribed; return its serial.

        May be called on any thread; never waits. Other programs read it by ``GET /channels/NAME``.

        Raises:
            UsageError: `channel` cannot name a channel.
            HdaemonError: it is published to faster than the server sends; nothing was published.
        """
        return self._loop.publish(channel, content_type, payload)

    def disconnect_client(self, client_id: int, why: str = "disconnected by this session") -> None:
        """Close one client's connection."""
        self._loop.disconnect_client(client_id, why)

    # -- its life ---------------------------------------------------------------------------------------

    def start(self, *priority: QtCore.QThread.Priority) -> None:
        """Begin to listen, on the new thread; return at once. One that runs already goes on as it is.

        Raises:
            UsageError: it has ended. A server is started once: make another to start again.
        """
        if self.isRunning():  # QThread.start would do nothing; nor must the state be touched
            return
        if self.isFinished():
            raise UsageError(f"server {self._name!r} has ended: make another, with hdaemon.start({self._name!r})")
        self._loop.prepare()
        lifetime.keep(self)
        super().start(*priority)

    def run(self) -> None:
        """Serve until stopped; called by QThread on the new thread, never by users."""
        # Debuggers and profilers expect every thread that runs Python to be known to `threading`.
        threading.current_thread().name = f"hdaemon {self._name}"
        self._loop.run()

    def wait_until_listening(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when the port is open.

        Raises:
            BindError: it could not be opened, or not within `timeout_s`.
        """
        if not self._loop.listening.wait(timeout_s):
            raise BindError(f"{self.host}:{self.port} did not open within {timeout_s:g} s: is the host name right?")
        if self.state == "failed":
            raise BindError(self.error)
        if self.state != "listening":
            raise BindError(f"server {self._name!r} was stopped before its port was open: start it again")

    def request_stop(self) -> None:
        """Begin to stop; return at once. `state` and `state_changed` tell when it is done."""
        self._loop.stop()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Close the port and all connections, and end the thread; return whether it ended within `timeout_s`.

        May be called on any thread, and again. A thread that does not end in time, as something that it called does
        not return, is kept until it does, and so is its port; the log has a row of it.
        """
        self._loop.stop()
        # Asked first: a caller may have been given the ended thread's id, and Qt 5's wait takes it for this one.
        ended = self.isFinished() or bool(self.wait(int(timeout_s * 1000)))
        if ended:
            lifetime.joined(self)
        elif not self._held_up:
            self._held_up = True
            self._tell_failure(
                f"not stopped within {timeout_s:g} s: something that the server calls does not return; it stops then"
            )
        lifetime.let_go()
        return ended

    # -- telling the main thread ------------------------------------------------------------------------

    def notify(self) -> None:
        """Have `received` emitted on the main thread, soon; on any thread. Costs nothing while that is under way.

        For who prepares on a thread of its own what the main thread then takes.
        """
        self._dirty = True
        if self._notified:
            return
        if QtCore.QCoreApplication.instance() is None:
            self._dirty = False  # nobody else would clear it, and `_tick` would hold a count back for good
            self._printer.flush()
            return
        self._pace.asked()
        self._notified = True
        self._woken.emit()

    def _on_woken(self) -> None:
        if self._timer is None:
            self._timer = QtCore.QTimer(self)
            self._timer.setSingleShot(True)
            self._timer.timeout.connect(self._on_interval)
            self._turn, self._telling = Turn(self), Turn(self)
            self._turn.begun.connect(self._deliver)
            self._telling.begun.connect(self._tell)
        self._turn.ask()

    def _on_interval(self) -> None:
        if not self._dirty:
            self._notified = False
            if not self._dirty:  # else the server thread was told "under way" a moment ago
                return
            self._notified = True
        self._turn.ask()

    def _deliver(self) -> None:
        """Call callbacks; then tell, in a turn of its own where they have worked for long: slots work too."""
        budget_s = self._pace.begin()
        self._dirty = False
        self._printer.flush()
        self._more = self.store.consumers.deliver(self._tell_failure, budget_s)
        if not self._pace.tell():
            self._dirty = True
            self._end_turn()
        elif self._pace.has_worked():
            self._telling.ask()
        else:
            self._tell()

    def _tell(self) -> None:
        self.received.emit()
        self._end_turn()

    def _end_turn(self) -> None:
        self._dirty |= self._more
        assert self._timer is not None
        self._timer.start(int(self._pace.end(self._more) * 1000))

    def _tell_failure(self, text: str) -> None:
        self.log.event(time.time(), "error", text)

    def _tick(self) -> float | None:
        due = self._printer.tick()
        if due is None and self._printer.waiting and not self._dirty:
            self.notify()
        return due

    def _rest(self) -> None:
        """Leave the interpreter to an interface that draws, or has not answered for a while."""
        rest_s = courtesy.rest_s()
        if rest_s:
            time.sleep(rest_s)
        elif self._notified and self._pace.lags():
            self._rests.lagging()
        else:
            self._rests.answering()
