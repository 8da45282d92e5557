"""What hdaemon costs while nothing happens: the panel open, the server listening, clients connected and silent.

``python bench/idle.py [--short]``. Processor time of the whole process (every thread, the system's share too) while
Qt's event loop runs and nothing is sent, in percent of one processor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator

from figure import Figure
from judge import alone

CLIENTS = 8


def figures(short: bool) -> Iterator[Figure]:
    """Yield a row without clients and one with some."""
    from session import Session

    seconds = 5.0 if short else 20.0
    with Session() as session, contextlib.ExitStack() as stack:
        for count in (0, CLIENTS):
            for _ in range(count):
                stack.enter_context(socket.create_connection((session.server.host, session.server.port), 5))
            session.until(lambda count=count: len(session.server.clients) == count)
            session.run_for(1.0)  # what connecting has set off is over
            percent = _spent(seconds)
            who = f", {count} silent clients" if count else ""
            work = f"idle, panel open, server listening{who}: processor"
            note = f"of one processor, over {seconds:g} s"
            yield Figure(work, percent, "%", value=percent, must=1, want=0.1, better="less", note=note)


def _spent(seconds: float) -> float:
    """Return the percentage of a processor that this process uses in `seconds` of its event loop, and nothing else."""
    from qtpy import QtCore

    loop = QtCore.QEventLoop()  # not `Session.until`, which looks every 5 ms
    QtCore.QTimer.singleShot(int(seconds * 1000), loop.quit)
    began, spent = time.perf_counter(), time.process_time()
    loop.exec_()
    return (time.process_time() - spent) / (time.perf_counter() - began) * 100


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.exit(alone(figures, __doc__))
