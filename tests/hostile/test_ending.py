"""Panels and processes that open and close again and again while messages come: no abort, nothing destroyed in use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import run_python

AT_ONCE = 2
"""Processes: each takes about a second of a processor, and a busy machine is part of what is tried."""

TRAFFIC = """
import socket, sys, threading, time
import hdaemon
from hdaemon_panel import create_panel
from qtpy import QtCore, QtWidgets
app = QtWidgets.QApplication([])
server = hdaemon.start(port=0, mode="evaluate")
def flood():
    try:
        with socket.create_connection((server.host, server.port)) as client:
            while True:
                client.sendall(b"x" * 99 + b"\\n")
    except OSError:
        pass
"""

PANELS = (
    TRAFFIC
    + """
threading.Thread(target=flood, daemon=True).start()
for number in range(int(sys.argv[1])):
    panel = create_panel()
    panel.resize(800, 600)
    panel.show()
    before, deadline = server.messages_received, time.monotonic() + 10
    while server.messages_received == before or panel.log.model.rowCount() == 0:
        assert time.monotonic() < deadline
        app.processEvents()
    if number % 2:
        panel.close()
    panel.deleteLater() if number % 3 else panel.setParent(None)
    del panel
    QtCore.QCoreApplication.sendPostedEvents(None, int(QtCore.QEvent.Type.DeferredDelete))
    app.processEvents()
print("opened", sys.argv[1])
"""
)

PROCESS = (
    TRAFFIC
    + """
for _ in range(2):
    threading.Thread(target=flood, daemon=True).start()
panel = create_panel()
panel.show()
deadline = time.monotonic() + 20
while server.messages_received < 2_000:
    assert time.monotonic() < deadline
    app.processEvents()
print("received", flush=True)
how = int(sys.argv[1]) % 4
if how == 0:
    panel.close()
elif how == 1:
    server.stop()
elif how == 2:
    QtCore.QTimer.singleShot(0, app.quit)
    app.exec() if hasattr(app, "exec") else app.exec_()
"""
)


def ended_well(code: str, *arguments: str, timeout_s: float = 60.0) -> str:
    """Run a program; fail when it ends with an error, a signal, or a word of Qt's about what it had to break off."""
    done = run_python(code, timeout_s=timeout_s, arguments=arguments)
    assert done.returncode == 0, (arguments, done.returncode, done.stderr[-3000:])
    for sign in ("QThread: Destroyed", "Traceback", "Segmentation", "QObject::"):
        assert sign not in done.stderr, (arguments, done.stderr[-3000:])
    return done.stdout


def run_processes(count: int) -> None:
    """Run `count` programs, each of which ends in one of four ways."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda number: ended_well(PROCESS, str(number)), range(count)))
    assert found == ["received\n"] * count


def test_25_processes_that_end_with_traffic() -> None:
    run_processes(25)


@pytest.mark.hostile
def test_200_processes_that_end_with_traffic() -> None:
    run_processes(200)


def test_25_opens_and_closes_of_the_panel_with_traffic() -> None:
    assert "opened 25" in ended_well(PANELS, "25")


@pytest.mark.hostile
def test_200_opens_and_closes_of_the_panel_with_traffic() -> None:
    assert "opened 200" in ended_well(PANELS, "200", timeout_s=120.0)
