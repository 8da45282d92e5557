"""The loop by itself: what it does with its sockets. Modes, troubles and life have files of their own."""

from __future__ import annotations

import random
import selectors
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, events, payloads, wait_until, wait_until_passed

from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def test_the_original_client_is_one_row(server: HPythonServer, log: RingLog) -> None:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.connect(("localhost", server.port))
    s.send(b"Hellow Houdini, I am your father")
    s.close()
    wait_until(lambda: events(log, "disconnected"))
    (row,) = data_rows(log)
    assert row.message is not None
    assert row.message.data == "Hellow Houdini, I am your father"
    assert (row.client, row.channel, row.content_type, row.mode) == ("client-1", "default", "text/plain", "print")
    assert (server.messages_received, server.bytes_received) == (1, 32)


def test_after_evaluate_it_is_in_the_store(server: HPythonServer, connect: Connect, store: Store) -> None:
    connect(server).send_and_close(b"shown only\n")
    wait_until(lambda: server.messages_received == 1)
    assert store.data is None
    server.mode = "evaluate"
    connect(server).send_and_close(b"Hellow Houdini, I am your father")
    wait_until(lambda: store.data == "Hellow Houdini, I am your father")
    assert store.serial == store["default"].message.serial == 2


def test_netcat_like(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"from nc\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read_all() == b"", "the server closes when the client is done, and sends nothing"
    assert payloads(log) == [b"from nc"]


def test_bash(server: HPythonServer, log: RingLog) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash on this machine")
    code = f"echo from bash > /dev/tcp/127.0.0.1/{server.port}"
    subprocess.run([bash, "-c", code], check=True, timeout=20)
    wait_until(lambda: events(log, "disconnected"))
    assert payloads(log) == [b"from bash"]


def test_a_part_is_delivered_after_silence_while_the_client_stays(
    server: HPythonServer, connect: Connect, log: RingLog
) -> None:
    client = connect(server)
    client.send(b"no line end")
    wait_until(lambda: payloads(log) == [b"no line end"])
    client.send(b"\nnext\n")
    wait_until(lambda: payloads(log) == [b"no line end", b"next"])
    assert len(server.clients) == 1


def test_twenty_clients_every_line_once_and_in_order(start_server: Start) -> None:
    store, log = Store(), RingLog()
    # The senders share one thread of a busy machine: its pauses are not the silence that this test is about.
    limits = Limits(silence_s=5.0, log_rows=300_000)
    log.set_limits(limits.log_rows, limits.log_payload_bytes)
    server = start_server(mode="evaluate", limits=limits, log=log, store=store)
    rng = random.Random(20)
    lines = 10_000
    selector = selectors.DefaultSelector()
    for client in range(20):
        sock = socket.create_connection((server.host, server.port), 20)
        sock.setblocking(False)
        data = memoryview(b"".join(b"%d %d\n" % (client, number) for number in range(lines)))
        selector.register(sock, selectors.EVENT_WRITE, [data])
    deadline = time.monotonic() + 60
    while selector.get_map():
        assert time.monotonic() < deadline
        for key, _ in selector.select(1):
            assert isinstance(key.fileobj, socket.socket)
            (data,) = key.data
            key.data[0] = data[key.fileobj.send(data[: rng.randint(1, 5000)]) :]
            if not key.data[0]:
                selector.unregister(key.fileobj)
                key.fileobj.close()
    selector.close()
    wait_until(lambda: server.messages_received >= 20 * lines and not server.clients, timeout_s=60)
    assert server.messages_received == 20 * lines
    got: dict[bytes, list[int]] = defaultdict(list)
    names: dict[bytes, set[str]] = defaultdict(set)
    for row in data_rows(log):
        client_number, number = row.payload.split()
        got[client_number].append(int(number))
        names[client_number].add(row.client)
    assert len(got) == 20
    assert all(numbers == list(range(lines)) for numbers in got.values())
    assert all(len(each) == 1 for each in names.values())
    last = data_rows(log)[-1]
    assert store.message is not None
    assert (store.message.serial, store.message.payload) == (last.serial, last.payload)


def test_serials_follow_the_log(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"a\nb\nprint\nc\n\xff\xfe")
    client.close()
    wait_until(lambda: not server.clients and len(data_rows(log)) == 4)
    assert [row.serial for row in data_rows(log)] == [1, 2, 3, 4]


# -- silence ------------------------------------------------------------------------------------------------


def test_what_waits_in_the_socket_while_the_server_is_held_up_is_not_silence(
    start_server: Start, connect: Connect, log: RingLog
) -> None:
    """A turn takes longer than the silence (a cook holds the interpreter): the line must not be cut in two."""
    silence_s = 0.4
    server = start_server(limits=Limits(silence_s=silence_s))
    hold, held = threading.Event(), threading.Event()

    def on_block(_: object) -> None:
        held.set()
        assert hold.wait(10)

    slow, other = connect(server), connect(server)
    wait_until(lambda: len(server.clients) == 2)
    server._loop.set_on_block(on_block)
    slow.send(b"the first half ")
    wait_until(lambda: server.bytes_received == 15)
    other.send(b"x\n")
    assert held.wait(10)
    server._loop.set_on_block(lambda _: None)
    slow.send(b"and the second\n")
    wait_until_passed(time.monotonic() + silence_s)
    hold.set()
    wait_until(lambda: server.messages_received >= 2)
    assert b"the first half and the second" in payloads(log)


# -- clients that go ----------------------------------------------------------------------------------------


def test_a_client_that_vanishes(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    client = connect(server)
    client.send(b"first\nmid-mess")
    wait_until(lambda: server.bytes_received == 14)
    client.reset()
    wait_until(lambda: events(log, "disconnected"))
    (text,) = events(log, "disconnected")
    assert text.startswith("connection lost: ")
    assert "14 bytes" in text
    assert payloads(log)[0] == b"first"
    connect(server).send_and_close(b"the server goes on")
    wait_until(lambda: payloads(log)[-1] == b"the server goes on")


def test_disconnect_client(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    first, second = connect(server), connect(server)
    wait_until(lambda: len(server.clients) == 2)
    server.disconnect_client(server.clients[0].id, "told to go")
    assert first.read_all() == b""
    wait_until(lambda: [client.name for client in server.clients] == ["client-2"])
    wait_until(lambda: events(log, "disconnected") == ["told to go; 0 messages, 0 bytes"])
    server.disconnect_client(99)
    second.send_and_close(b"still here")
    wait_until(lambda: payloads(log) == [b"still here"])


def test_a_client_is_disconnected_in_the_turn_that_it_sends_in(
    server: HPythonServer, connect: Connect, log: RingLog
) -> None:
    """Both are ready at once; whichever comes first, the server survives it."""
    hold, held = threading.Event(), threading.Event()

    def on_block(_: object) -> None:
        held.set()
        assert hold.wait(10)

    blocker = connect(server)
    wait_until(lambda: len(server.clients) == 1)
    victims = [connect(server) for _ in range(10)]
    wait_until(lambda: len(server.clients) == 11)
    server._loop.set_on_block(on_block)
    blocker.send(b"x\n")
    assert held.wait(10)
    server._loop.set_on_block(lambda _: None)
    for number, client in enumerate(server.clients[1:]):
        if number == 5:
            server._loop._wake()
        server.disconnect_client(client.id)
    for victim in victims:
        victim.send(b"at the same time\n")
    hold.set()
    wait_until(lambda: len(server.clients) == 1)
    assert server.state == "listening", server.error
    blocker.send(b"still served\n")
    wait_until(lambda: payloads(log)[-1] == b"still served")


def test_two_thousand_connections_leave_nothing_behind(start_server: Start) -> None:
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    server = start_server(mode="evaluate")

    def cycles(count: int) -> None:
        before = server._loop._connections._made
        for number in range(count):
            if number % 32 == 0:  # no more at once than the limit of clients
                wait_until(
                    lambda number=number: server._loop._connections._made == before + number and not server.clients
                )
            client = RawClient(server.host, server.port)
            client.send(b"hello %d\n" % number)
            if number % 2:
                client.reset()
            else:
                client.close()
        wait_until(lambda: server._loop._connections._made == before + count and not server.clients, timeout_s=30)

    cycles(100)  # what is made once is made
    files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    threads, memory = process.num_threads(), process.memory_info().rss
    cycles(2000)
    now = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    assert now <= files
    assert process.num_threads() <= threads
    assert process.memory_info().rss - memory < 20_000_000
    assert not server._loop._connections._to_disconnect
    assert len(server._loop._selector.get_map()) == 2, "the port and the wake-up"


# -- both framings ------------------------------------------------------------------------------------------


def test_bursts(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(raw_framing="burst")
    client = connect(server)
    client.send(b"one\ntwo\n")
    wait_until(lambda: payloads(log) == [b"one\ntwo\n"])
    client.send_and_close(b"three")
    wait_until(lambda: payloads(log) == [b"one\ntwo\n", b"three"])


def test_the_framing_of_one_client(server: HPythonServer, connect: Connect, log: RingLog) -> None:
    first, second = connect(server), connect(server)
    wait_until(lambda: len(server.clients) == 2)
    server.set_client_framing(server.clients[0].id, "burst")
    assert [client.framing for client in server.clients] == ["burst", "lines"]
    with pytest.raises(ValueError, match="'packets' does not exist"):
        server.set_client_framing(1, "packets")
    server.set_client_framing(99, "burst")
    first.send(b"1\n2\n")
    wait_until(lambda: server.messages_received == 1)
    second.send(b"1\n2\n")
    wait_until(lambda: server.messages_received == 3)
    assert payloads(log) == [b"1\n2\n", b"1", b"2"]


# -- rests --------------------------------------------------------------------------------------------------


def test_a_lone_small_message_is_not_made_to_wait_for_a_rest(
    server: HPythonServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested = []
    monkeypatch.setattr(server._loop, "rest", lambda: rested.append(server.messages_received))
    client = connect(server)
    for number in range(1, 21):
        client.send(b"x" * 99 + b"\n")
        wait_until(lambda number=number: server.messages_received == number)
    assert not rested
    client.send((b"x" * 99 + b"\n") * 1000)
    wait_until(lambda: rested)
