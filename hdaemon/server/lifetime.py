"""How long servers live: until they were joined, on their own thread, and never past the application's end."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy import QtCore

if TYPE_CHECKING:
    from hdaemon.server.thread import HPythonServer

__all__ = ["alive", "joined", "keep", "let_go", "stop_all", "weakly"]

_logger = logging.getLogger(__name__)

EXIT_TIMEOUT_S = 2.0
"""How long the end of the program waits for a server whose thread is held up by something that it called."""

# A QThread destroyed while it runs aborts the process (Qt, QThread::~QThread), so each is kept here until it has been
# joined, and joined before the application or the interpreter goes.
_alive: set[HPythonServer] = set()
_exit_handled: list[object] = []


# A QObject must be destroyed on its own thread (Qt, "Threads and QObjects"). The garbage collector destroys on the
# thread it happens to run on, a younger server's for one, and that crashed. So every server that was started is kept
# here until nobody else holds it, and then let go on its own thread.
_kept: list[HPythonServer] = []
_kept_lock = threading.Lock()


def let_go() -> None:
    """Destroy, on this thread, the ended servers of this thread that nobody else holds."""
    here = QtCore.QThread.currentThread()
    gone = []
    with _kept_lock:
        for index in reversed(range(len(_kept))):
            # Two references: the list's, and the argument's.
            if sys.getrefcount(_kept[index]) <= 2 and _kept[index].isFinished() and _kept[index].thread() == here:
                gone.append(_kept.pop(index))
    del gone  # destroyed here, with no lock held


def joined(server: HPythonServer) -> None:
    """Take note that the thread of `server` has ended."""
    _alive.discard(server)


def alive() -> tuple[HPythonServer, ...]:
    """Return every server that was started and not joined."""
    return tuple(_alive)


def stop_all() -> None:
    """Stop every server of the process; within 500 ms all together, unless one does not end. May be called again."""
    for server in alive():
        server.request_stop()
    for server in alive():
        server.stop()


def _at_exit() -> None:
    """Stop every server, and leave behind, and tell, those that do not end: the program ends without them."""
    until = time.monotonic() + EXIT_TIMEOUT_S
    stop_all()
    here = QtCore.QThread.currentThread()
    for server in alive():
        left_s = max(0.0, until - time.monotonic())
        if server.isFinished() or server.wait(int(left_s * 1000)):
            joined(server)
            continue
        _logger.error("server %r did not end within %g s, and is left behind", server.name, EXIT_TIMEOUT_S)
        if server.thread() == here:
            # When the application goes, the bindings destroy every object that belongs to Python: a QThread that runs
            # aborts the process then. A child of the main thread's own QThread belongs to that, which stays to the end.
            server.setParent(here)


def keep(server: HPythonServer) -> None:
    """Keep a server that is about to run, and stop it before the application or the interpreter goes."""
    for other in alive():
        if other.isFinished():
            _alive.discard(other)
    _alive.add(server)
    let_go()
    _kept.append(server)
    if not _exit_handled:
        _exit_handled.append(None)
        atexit.register(_at_exit)
    app = QtCore.QCoreApplication.instance()
    if app is not None and app not in _exit_handled:
        _exit_handled.append(app)
        app.aboutToQuit.connect(stop_all)


def weakly(method: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that calls `method` without holding its object, which must be there still."""
    reference = weakref.WeakMethod(method)

    def call() -> Any:
        bound = reference()
        return None if bound is None else bound()

    return call
