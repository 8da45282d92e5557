"""What is due for one client is done in its time, whatever is due for others, and nothing wakes the server before."""

from __future__ import annotations

from collections.abc import Callable

from helpers import RawClient, data_rows, events, wait_until

from hdaemon import Limits
from hdaemon.server.thread import HPythonServer


def test_each_client_in_its_time(start_server: Callable[..., HPythonServer], connect: Callable[..., RawClient]) -> None:
    server = start_server(limits=Limits(idle_s=1.0, silence_s=0.1), raw_framing="burst")
    idle, *others = (connect(server) for _ in range(4))
    idle.send(b"GET /mode HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port)  # the first of which something is due
    wait_until(lambda: server.clients and server.clients[0].framing == "http")
    for turn in range(2):
        for number, client in enumerate(others):
            client.send(b"%d %d" % (turn, number))
        wait_until(lambda turn=turn: len(data_rows(server.log)) == 3 * (turn + 1))
    assert {row.text for row in data_rows(server.log)} == {
        f"{turn} {number}" for turn in range(2) for number in range(3)
    }
    wait_until(lambda: any(text.startswith("idle") for text in events(server.log, "disconnected")))
    assert len(server.clients) == 3


def test_nothing_due_is_no_reason_to_wake(
    start_server: Callable[..., HPythonServer], connect: Callable[..., RawClient]
) -> None:
    server = start_server(limits=Limits(silence_s=0.05), raw_framing="burst")
    client = connect(server)
    client.send(b"x")
    wait_until(lambda: len(data_rows(server.log)) == 1)
    wait_until(lambda: server._loop._connections.next_deadline() is None)
