"""What the panel, its server and callbacks do on the main thread comes one after the other, not all in a row."""

from __future__ import annotations

import threading
import time

import pytest
from hdaemon_panel.clients_model import ClientsModel
from hdaemon_panel.clients_painter import ClientsPainter
from hdaemon_panel.log_model import LogModel
from hdaemon_panel.log_view import LogView
from hdaemon_panel.slices import Slices
from helpers import wait_until, wait_until_passed
from qtpy import QtCore

import hdaemon
from hdaemon.consumers import Consumers
from hdaemon.server.turns import Turns

WORK = {"callbacks", "log", "clients", "slice"}
PAINTING = {"log is painted", "clients are painted"}


@pytest.fixture
def happened(monkeypatch) -> list[str]:
    """What works for us on the main thread, as it comes; "round" each time that the event loop has come round."""
    found: list[str] = []

    def note(owner: type, name: str, what: str) -> None:
        real = getattr(owner, name)

        def noted(*args, **more):
            if threading.current_thread() is threading.main_thread():
                found.append(what)
            return real(*args, **more)

        monkeypatch.setattr(owner, name, noted)

    note(Consumers, "deliver", "callbacks")
    note(LogModel, "sync", "log")
    note(ClientsModel, "tick", "clients")
    note(Slices, "step", "slice")
    note(LogView, "paint_rows", "log is painted")
    note(ClientsPainter, "paint", "clients are painted")
    return found


def stall_and_go_on(happened: list[str], running, client) -> list[list[str]]:
    """Have all that the panel and the server do become due at once; return what was done in each round of the loop."""
    before = running.messages_received
    sender = threading.Thread(target=client.send, args=(b"a line\n" * 20_000,))
    sender.start()
    stalled = time.monotonic()
    while running.messages_received < before + 20_000 or time.monotonic() < stalled + 0.3:
        assert time.monotonic() < stalled + 10
    sender.join(10)
    rounds = QtCore.QTimer()
    rounds.timeout.connect(lambda: happened.append("round"))
    rounds.start(0)
    happened.clear()
    wait_until(lambda: WORK - {"slice"} | PAINTING <= set(happened))
    wait_until_passed(time.monotonic() + 0.3)
    rounds.stop()
    found: list[list[str]] = [[]]
    for what in happened:
        if what == "round":
            found.append([])
        else:
            found[-1].append(what)
    return found


def test_after_a_stall_the_loop_comes_round_between_two_pieces_of_work(happened, make_panel, connect, qtbot):
    panel = make_panel()
    panel.bar.button.click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    server = panel.link.server
    server.mode = "evaluate"
    given: list[int] = []
    callback = hdaemon.on("#", lambda messages: given.append(len(messages)))
    client = connect(server)
    client.send(b"first\n")
    qtbot.waitUntil(lambda: bool(given))
    work = Slices(panel)
    work.start(iter(lambda: time.sleep(0), 0))  # endless, as a search in a long log
    try:
        for _ in range(3):
            for together in stall_and_go_on(happened, server, client):
                assert sum(what in WORK for what in together) <= 1, together
                assert sum(what in PAINTING for what in together) <= 1, together
    finally:
        work.cancel()
        callback.close()


def test_the_test_would_see_it(happened, make_panel, connect, qtbot, monkeypatch):
    """Without turns all of it falls together."""
    monkeypatch.setattr(Turns, "ask", lambda self, turn: turn.begun.emit())
    panel = make_panel()
    panel.bar.button.click()
    qtbot.waitUntil(lambda: panel.link.state == "listening")
    panel.link.server.mode = "evaluate"
    client = connect(panel.link.server)
    found = [together for _ in range(3) for together in stall_and_go_on(happened, panel.link.server, client)]
    assert max(sum(what in WORK for what in together) for together in found) > 1
