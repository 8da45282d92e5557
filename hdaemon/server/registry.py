"""The process's servers by name: one server a name, one log a name."""

from __future__ import annotations

import threading

from hdaemon.errors import BindError
from hdaemon.log import RingLog
from hdaemon.server.loop import DEFAULT_PORT
from hdaemon.server.thread import HPythonServer, alive
from hdaemon.wire.limits import Limits

__all__ = ["find", "log_of", "servers", "start"]

_lock = threading.Lock()
_servers: dict[str, HPythonServer] = {}
_logs: dict[str, RingLog] = {}


def start(
    name: str = "python_server",
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    mode: str = "print",
    *,
    token: str | None = None,
    locked: bool = False,
    raw_framing: str = "lines",
    origins: tuple[str, ...] = (),
    limits: Limits | None = None,
    wait: bool = True,
) -> HPythonServer:
    """Start the server of that name and return it; when it runs already, return the running one as it is.

    Args:
        name: one server a name; also the objectName of its thread.
        host: address to listen on; any but a loopback one needs a token.
        port: a busy port is followed by the next free one, up to 99 further; 0 takes any free one.
        mode: ``"print"`` or ``"evaluate"``.
        token: what clients must show.
        locked: clients' own mode words are refused.
        raw_framing: ``"lines"`` or ``"burst"``.
        origins: web pages that may send, such as ``"https://studio.example"``.
        limits: see `Limits`.
        wait: return when the port is open. Without it, `HPythonServer.state` and `state_changed` tell.

    Raises:
        BindError: the port could not be opened (only with `wait`).
        UsageError: a mode, a framing or a limit that does not exist.
    """
    with _lock:
        server = _servers.get(name)
        if server is None or server.state not in ("starting", "listening"):
            if server is not None:
                server.stop()  # it may be closing its port at this moment
            limits = limits or Limits()
            log = _logs.setdefault(name, RingLog())
            log.set_limits(limits.log_rows, limits.log_payload_bytes)
            server = HPythonServer(
                name,
                host,
                port,
                mode,
                token=token,
                locked=locked,
                raw_framing=raw_framing,
                origins=origins,
                limits=limits,
                log=log,
            )
            _servers[name] = server
            server.start()
    if wait:
        try:
            server.wait_until_listening()
        except BindError:
            server.stop()
            raise
    return server


def find(name: str = "python_server") -> HPythonServer | None:
    """Return the server of that name that was started last, running or not, or None when none was."""
    return _servers.get(name)


def servers() -> tuple[HPythonServer, ...]:
    """Return every server that runs."""
    return tuple(server for server in alive() if server.state in ("starting", "listening"))


def log_of(name: str = "python_server") -> RingLog:
    """Return the log of the servers of that name: it is there before the first one and outlives each."""
    with _lock:
        return _logs.setdefault(name, RingLog())
