"""hdaemon: a live data port for SideFX Houdini.

Other programs send to a socket; what they send is logged, and in evaluate mode placed in the session::

    import hdaemon

    server = hdaemon.start(port=2000)           # or hdaemon.startHPythonServer("python_server")
    hdaemon.latest("default").data              # the newest value; in Houdini also hou.session.dataobject.data
    hdaemon.queue("rig/#", maxlen=1000)         # every message of some channels, for who must not miss one
    hdaemon.on("rig/+", callback)               # ... or a function that is called with them on the main thread
    server.stop()

Qt is imported when a server is started, not before; what else takes a while, when it is first asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hdaemon import errors as errors
from hdaemon.consumers import Callback, Queue
from hdaemon.errors import BindError, DecodeError, HdaemonError, NoData, PayloadGone, UsageError
from hdaemon.filters import ChannelFilter
from hdaemon.message import Message
from hdaemon.store import Entry, Store, latest, on, queue, store

if TYPE_CHECKING:
    from hdaemon.channels import ChannelInfo
    from hdaemon.content.mesh import Mesh
    from hdaemon.log import RingLog, Row
    from hdaemon.server.registry import find, log_of, servers
    from hdaemon.server.thread import HPythonServer
    from hdaemon.wire.limits import Limits

__version__ = "0.1.0"

__all__ = [
    "BindError",
    "Callback",
    "ChannelFilter",
    "ChannelInfo",
    "DecodeError",
    "Entry",
    "HPythonServer",
    "HdaemonError",
    "Limits",
    "Mesh",
    "Message",
    "NoData",
    "PayloadGone",
    "Queue",
    "RingLog",
    "Row",
    "Store",
    "UsageError",
    "find",
    "latest",
    "log_of",
    "on",
    "queue",
    "servers",
    "start",
    "startHPythonServer",
    "stopHPythonServer",
    "store",
]

_LATE = {
    "ChannelInfo": "hdaemon.channels",
    "HPythonServer": "hdaemon.server.thread",
    "Limits": "hdaemon.wire.limits",
    "Mesh": "hdaemon.content.mesh",
    "RingLog": "hdaemon.log",
    "Row": "hdaemon.log",
    "find": "hdaemon.server.registry",
    "log_of": "hdaemon.server.registry",
    "servers": "hdaemon.server.registry",
}


def __getattr__(name: str) -> Any:
    """Import what a public name needs when it is first asked for: `import hdaemon` is quick, and safe before Qt is."""
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module 'hdaemon' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(module), name)


def start(
    name: str = "python_server",
    host: str = "127.0.0.1",
    port: int = 2000,
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

    In Houdini the store is also placed at `hou.session.dataobject`.

    Args:
        name: one server a name; also the objectName of its thread.
        host: address to listen on; any but a loopback one needs a token.
        port: a busy port is followed by the next free one, up to 99 further; 0 takes any free one.
        mode: ``"print"`` or ``"evaluate"``.
        token: what clients must show: their first line is ``token THE_TOKEN``.
        locked: clients' own mode words are refused.
        raw_framing: ``"lines"`` or ``"burst"``.
        origins: web pages that may send requests, such as ``"https://studio.example"``; all others are refused.
        limits: see `Limits`.
        wait: return when the port is open. Without it, `state` and `state_changed` of the server tell.

    Raises:
        BindError: the port could not be opened; says why and what to do (only with `wait`).
        UsageError: a mode, a framing or a limit that does not exist.
    """
    from hdaemon.server import registry

    if "hou" in sys.modules:
        from hdaemon.houdini import session

        session.attach()
    return registry.start(
        name,
        host,
        port,
        mode,
        token=token,
        locked=locked,
        raw_framing=raw_framing,
        origins=origins,
        limits=limits,
        wait=wait,
    )


def startHPythonServer(name: str = "python_server") -> HPythonServer:  # noqa: N802 - the original's name
    """Start the server of that name on port 2000 and return it; the original module's function.

    Starting twice returns the running server.
    """
    return start(name)


def stopHPythonServer(name: str = "python_server") -> bool:  # noqa: N802 - the original's name
    """Stop the server of that name; return whether its thread has ended. One that does not run is no error."""
    from hdaemon.server import registry

    server = registry.find(name)
    return True if server is None else server.stop()
