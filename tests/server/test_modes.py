"""Modes: the server's, a client's, its own words, the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, events, payloads, wait_until

from hdaemon.errors import UsageError
from hdaemon.log import RingLog
from hdaemon.server.client import Client
from hdaemon.server.modes import Modes, checked_framing, checked_mode
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


class Told:
    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    def __call__(self, event: str, text: str, client: Client | None) -> None:
        self.rows.append((event, text, client.name if client else ""))


def make(mode: str = "print", locked: bool = False) -> tuple[Modes, Told, list[Client]]:
    told = Told()
    return Modes(mode, locked, told), told, [Client(n, f"client-{n}", "127.0.0.1:1", "lines") for n in (1, 2)]


def test_a_client_follows_the_server_until_it_asks() -> None:
    modes, told, (first, second) = make()
    modes.ask(first, "evaluate")
    assert (modes.of(first), modes.of(second), modes.mode) == ("evaluate", "print", "print")
    assert told.rows == [("mode", "evaluate, by the client", "client-1")]


def test_switching_the_server_switches_everyone() -> None:
    modes, told, (first, second) = make()
    modes.ask(first, "print")
    modes.switch_all("evaluate", (first, second), "me")
    assert (modes.of(first), modes.of(second), modes.mode) == ("evaluate", "evaluate", "evaluate")
    assert told.rows[-1] == ("mode", "evaluate, for every client, by me", "")


def test_one_client_and_back() -> None:
    modes, _, (first, _second) = make()
    modes.switch(first, "evaluate", "me")
    assert modes.of(first) == "evaluate"
    modes.switch(first, None, "me")
    assert modes.of(first) == "print"


def test_the_lock() -> None:
    modes, told, (first, second) = make()
    modes.set_locked(True)
    modes.ask(first, "evaluate")
    assert modes.of(first) == "print"
    assert told.rows[-1] == ("refused", "asked for evaluate, but the mode is locked", "client-1")
    modes.switch(second, "evaluate", "the artist")
    assert modes.of(second) == "evaluate", "the artist is not locked out"
    rows = len(told.rows)
    modes.set_locked(True)
    assert len(told.rows) == rows, "nothing has changed"
    modes.set_locked(False)
    modes.ask(first, "evaluate")
    assert modes.of(first) == "evaluate"


def test_what_does_not_exist() -> None:
    modes, told, (first, _) = make()
    for call in (
        lambda: modes.switch(first, "exec", "me"),
        lambda: modes.switch_all("exec", (), "me"),
        lambda: checked_mode(""),
        lambda: Modes("PRINT", False, told),
        lambda: checked_framing("packet"),
    ):
        with pytest.raises(UsageError, match="does not exist: use '.*' or '.*'"):
            call()
    assert told.rows == []


def test_tell_is_called_without_a_lock() -> None:
    """Else a `tell` that looks at the modes from another thread would hang."""
    modes: Modes

    def tell(*_: object) -> None:
        thread = threading.Thread(target=lambda: modes.switch(client, None, "x") if not done else None)
        done.append(1)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()

    done: list[int] = []
    client = Client(1, "client-1", "", "lines")
    modes = Modes("print", False, tell)
    modes.switch_all("evaluate", (client,), "me")
    assert done


# -- over the wire ------------------------------------------------------------------------------------------


def test_words_and_what_they_do(server: HPythonServer, connect: Connect, log: RingLog, store: Store) -> None:
    first, second = connect(server), connect(server)
    first.send(b"a\nevaluate\nb\nprint\nc\nevaluate\nd\nprint\n")
    wait_until(lambda: server.messages_received == 4)
    assert [(row.payload, row.mode) for row in data_rows(log)] == [
        (b"a", "print"), (b"b", "evaluate"), (b"c", "print"), (b"d", "evaluate"),
    ]  # fmt: skip
    assert store.data == "d"
    second.send(b"e\n")
    wait_until(lambda: server.messages_received == 5)
    assert data_rows(log)[-1].mode == "print"
    assert len(events(log, "mode")) == 4
    assert server.mode == "print"


def test_words_in_bursts(start_server: Start, connect: Connect, store: Store, log: RingLog) -> None:
    server = start_server(raw_framing="burst")
    client = connect(server)
    client.send(b"evaluate")
    wait_until(lambda: events(log, "mode"))
    client.send(b"1\n2\n")
    wait_until(lambda: store.data == "1\n2\n")
    assert payloads(log) == [b"1\n2\n"]


def test_the_server_s_switch_and_a_client_s(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"evaluate\n")
    wait_until(lambda: server.clients and server.clients[0].own_mode == "evaluate")
    server.set_mode("print", by="the panel")
    assert server.clients[0].own_mode is None
    assert events(log, "mode")[-1] == "print, for every client, by the panel"
    server.set_client_mode(server.clients[0].id, "evaluate")
    client.send(b"x\n")
    wait_until(lambda: server.messages_received == 1)
    assert data_rows(log)[0].mode == "evaluate"
    server.set_client_mode(99, "evaluate")
    with pytest.raises(UsageError, match="'exec' does not exist"):
        server.mode = "exec"


def test_a_locked_server(start_server: Start, connect: Connect, log: RingLog, store: Store) -> None:
    server = start_server(locked=True)
    client = connect(server)
    client.send(b"evaluate\nhello\n")
    wait_until(lambda: server.messages_received == 1)
    assert payloads(log) == [b"hello"], "a refused word is no data either"
    assert events(log, "refused") == ["asked for evaluate, but the mode is locked"]
    assert store.data is None
    server.locked = False
    client.send(b"evaluate\nhello\n")
    wait_until(lambda: store.data == "hello")


def test_modes_from_several_threads(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    clients = [connect(server) for _ in range(4)]
    wait_until(lambda: len(server.clients) == 4)

    def switch(mode: str) -> None:
        for _ in range(200):
            server.set_mode(mode, by=mode)
            server.set_client_mode(1, mode)

    threads = [threading.Thread(target=switch, args=(mode,)) for mode in ("print", "evaluate")]
    for thread in threads:
        thread.start()
    for client in clients:
        client.send(b"evaluate\nprint\nx\n" * 20)
    for thread in threads:
        thread.join(20)
    wait_until(lambda: server.messages_received == 80)
    server.mode = "evaluate"
    assert {client.own_mode for client in server.clients} == {None}
    assert len(events(log, "mode")) == 801 + 4 * 40
    assert server.state == "listening"
