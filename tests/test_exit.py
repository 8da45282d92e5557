"""A server that still runs when its program ends: no abort, no hang. Each on the binding the tests run on."""

from __future__ import annotations

import time

import pytest
from helpers import run_python

START = """
import socket, threading, time
import hdaemon
def wait_until(condition):
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
"""

CASES = {
    "at interpreter exit": """
server = hdaemon.start(port=0)
""",
    "with an application that never ran": """
from qtpy import QtCore
app = QtCore.QCoreApplication([])
server = hdaemon.start(port=0)
""",
    "with an application made after it": """
from qtpy import QtCore
server = hdaemon.start(port=0)
app = QtCore.QCoreApplication([])
QtCore.QTimer.singleShot(50, app.quit)
getattr(app, "exec", None) and app.exec() if hasattr(app, "exec") else app.exec_()
""",
    "at application quit": """
from qtpy import QtWidgets, QtCore
app = QtWidgets.QApplication([])
server = hdaemon.start(port=0)
app.aboutToQuit.connect(lambda: print("state:", server.state))
QtCore.QTimer.singleShot(50, app.quit)
app.exec() if hasattr(app, "exec") else app.exec_()
assert server.state == "stopped", server.state
""",
    "after an exception": """
server = hdaemon.start(port=0)
threading.Timer(0, lambda: None).start()
raise SystemExit(0)
""",
    "with two servers and idle clients": """
servers = [hdaemon.start(f"s{i}", port=0) for i in range(2)]
clients = [socket.create_connection((s.host, s.port)) for s in servers for _ in range(5)]
clients[0].sendall(b"mid-message")
wait_until(lambda: sum(len(s.clients) for s in servers) == 10)
""",
    "while receiving": """
server = hdaemon.start(port=0, mode="evaluate")
def flood():
    with socket.create_connection((server.host, server.port)) as client:
        try:
            while True:
                client.sendall(b"x" * 99 + b"\\n")
        except OSError:
            pass
threading.Thread(target=flood, daemon=True).start()
wait_until(lambda: server.messages_received > 10_000)
""",
    "while receiving, in an application": """
from qtpy import QtWidgets, QtCore
app = QtWidgets.QApplication([])
server = hdaemon.start(port=0, mode="evaluate")
def flood():
    with socket.create_connection((server.host, server.port)) as client:
        try:
            while True:
                client.sendall(b"x" * 99 + b"\\n")
        except OSError:
            pass
threading.Thread(target=flood, daemon=True).start()
server.received.connect(lambda: server.messages_received > 1000 and app.quit())
app.exec() if hasattr(app, "exec") else app.exec_()
assert server.state == "stopped", server.state
""",
    "while starting": """
server = hdaemon.start(port=0, wait=False)
""",
    "with the last reference dropped": """
import gc
from hdaemon.server.thread import HPythonServer
HPythonServer("dropped", port=0).start()
gc.collect()
wait_until(lambda: hdaemon.servers()[0].state == "listening")
""",
}


HELD_UP = """
import sys
if sys.argv[1] == "app":
    from qtpy import QtCore
    app = QtCore.QCoreApplication([])
server = hdaemon.start(port=0, mode="evaluate")
inside = threading.Event()
def sleeps(_):
    inside.set()
    threading.Event().wait(20)
server._loop.set_on_block(sleeps)
with socket.create_connection((server.host, server.port)) as client:
    client.sendall(b"x\\n")
    assert inside.wait(10)
began = time.monotonic()
assert not server.stop()
assert not server.stop()
print("stopping took", time.monotonic() - began < 3)
print([row.text for row in server.log if row.event == "error"])
"""


@pytest.mark.parametrize("how", ["app", "none"])
def test_a_server_that_something_holds_up_is_told_and_left_behind(how: str) -> None:
    """Its thread is in the middle of something that does not return: the program ends within seconds, and well."""
    began = time.monotonic()
    done = run_python(START + HELD_UP, timeout_s=30, arguments=(how,))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 15
    assert "stopping took True" in done.stdout
    assert done.stdout.count("not stopped within 0.5 s: something that the server calls does not return") == 1
    assert "server 'python_server' did not end within 2 s, and is left behind" in done.stderr
    assert "QThread: Destroyed" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", CASES)
def test_the_program_ends_well(case: str) -> None:
    done = run_python(START + CASES[case], timeout_s=30)
    assert "QThread: Destroyed" not in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
