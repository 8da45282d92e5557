"""HTTP connections, end to end: requests in a row and cut anywhere, large bodies, and clients that are slow or go."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, dripping, events, wait_until
from http_streams import request_to

from hdaemon import Limits, RingLog, Store
from hdaemon.server.thread import HPythonServer

pytestmark = pytest.mark.usefixtures("both_parsers")

Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def test_pipelined_requests_are_answered_in_order(evaluating, connect: Connect, store: Store) -> None:
    client = connect(evaluating)
    one = b"".join(
        request_to(evaluating, f"PUT /channels/c{i} HTTP/1.1\nContent-Length: 2", b"%02d" % i)
        + request_to(evaluating, f"GET /channels/c{i} HTTP/1.1")
        for i in range(50)
    )
    client.send(one + request_to(evaluating, "GET /channels/c7 HTTP/1.1\nConnection: close"))
    answer = client.read_all()
    assert answer.count(b"HTTP/1.1 200 OK") == 101
    published = answer.split(b"HTTP/1.1 200 OK")[1:-1:2]
    serials = [json.loads(part.split(b"\r\n\r\n")[1].split(b"}")[0] + b"}")["serial"] for part in published]
    assert serials == list(range(1, 51))
    assert answer.endswith(b"07")


def test_cut_anywhere(evaluating, connect: Connect, store: Store) -> None:
    whole = request_to(evaluating, "PUT /channels/cut HTTP/1.1\nContent-Length: 10", b"0123456789")
    client = connect(evaluating)
    for i in range(len(whole)):
        client.send(whole[i : i + 1])
    wait_until(lambda: "cut" in store)
    assert store["cut"].data == b"0123456789"


def test_expect_100(evaluating, connect: Connect, store: Store) -> None:
    client = connect(evaluating)
    client.send(
        request_to(evaluating, "PUT /channels/a HTTP/1.1\nContent-Length: 3\nExpect: 100-continue\nConnection: close")
    )
    first = client.sock.recv(100)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert client.read_all().startswith(b"HTTP/1.1 200 OK")
    assert store["a"].data == b"abc"


def test_chunked(evaluating, connect: Connect, store: Store) -> None:
    client = connect(evaluating)
    client.send(request_to(evaluating, "PUT /channels/a HTTP/1.1\nTransfer-Encoding: chunked", b"3\r\nabc\r\n"))
    client.send(b"4;x=y\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n")
    client.send(request_to(evaluating, "GET /channels/a HTTP/1.1\nConnection: close"))
    assert client.read_all().endswith(b"abcdefg")


def test_a_large_body_goes_straight_into_its_buffer(ask, store: Store) -> None:
    body = bytes(range(256)) * 80_000  # 20 MB
    assert ask("PUT", "/channels/big", body)[0] == 200
    payload = store["big"].message.payload
    assert isinstance(payload, memoryview)
    assert payload.readonly
    assert payload == body
    assert ask("GET", "/channels/big")[2] == body
    assert ask("GET", "/status")[0] == 200


def test_one_large_body_after_another(ask, store: Store) -> None:
    for i in range(5):
        assert ask("PUT", f"/channels/{i}", bytes([i]) * 300_000)[0] == 200
    assert all(store[str(i)].data == bytes([i]) * 300_000 for i in range(5))


def test_old_clients(evaluating, connect: Connect) -> None:
    client = connect(evaluating)
    client.send(request_to(evaluating, "GET /status HTTP/1.0"))
    assert b"Connection: close" in client.read_all()


@pytest.mark.parametrize("requests_before", [0, 1])
def test_a_slow_head_is_told_and_closed(
    start_server: Start, connect: Connect, log: RingLog, requests_before: int
) -> None:
    server = start_server(limits=Limits(stall_s=0.3))
    client = connect(server)
    for _ in range(requests_before):
        client.send(request_to(server, "GET /status HTTP/1.1"))
        assert client.sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    client.send(b"GET /status HTTP/1.1\r\n")
    with dripping(client):  # a byte now and then does not buy more time
        assert client.read_all().startswith(b"HTTP/1.1 408 ")
    assert "rest of the head" in events(log, "refused")[0]


def test_a_body_that_stands_still_is_told_and_closed(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(limits=Limits(stall_s=0.2))
    client = connect(server)
    client.send(request_to(server, "PUT /channels/a HTTP/1.1\nContent-Length: 100", b"half"))
    assert client.read_all().startswith(b"HTTP/1.1 408 ")
    assert data_rows(log) == []


def test_an_idle_connection_is_closed(start_server: Start, connect: Connect) -> None:
    server = start_server(limits=Limits(idle_s=0.2))
    client = connect(server)
    client.send(request_to(server, "GET /status HTTP/1.1"))
    assert client.read_all().startswith(b"HTTP/1.1 200 OK")
    wait_until(lambda: not server.clients)


def test_a_client_that_never_reads_is_gone(start_server: Start, connect: Connect, log: RingLog, store: Store) -> None:
    server = start_server(mode="evaluate", limits=Limits(stall_s=0.3))
    client = connect(server)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(request_to(server, "PUT /channels/a HTTP/1.1\nContent-Length: 30000000", bytes(30_000_000)))
    client.send(request_to(server, "GET /channels/a HTTP/1.1") * 10)
    wait_until(lambda: events(log, "disconnected"))
    assert "it has read nothing for 0.3 s" in events(log, "disconnected")[0]
    assert server.state == "listening"


def test_answers_that_nobody_reads_have_a_limit(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_queued_bytes=100_000))
    client = connect(server)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    flood = request_to(server, "GET /status HTTP/1.1") * 2000
    try:
        for _ in range(200):
            client.send(flood)
    except OSError:
        pass
    wait_until(lambda: events(log, "disconnected"))
    assert "max_queued_bytes" in events(log, "disconnected")[0]


def test_stop_while_a_body_comes_and_an_answer_goes(start_server: Start, connect: Connect) -> None:
    server = start_server(mode="evaluate")
    first, second = connect(server), connect(server)
    first.send(request_to(server, "PUT /channels/a HTTP/1.1\nContent-Length: 30000000", bytes(30_000_000)))
    first.send(request_to(server, "GET /channels/a HTTP/1.1") * 5)
    second.send(request_to(server, "PUT /channels/b HTTP/1.1\nContent-Length: 1000000000", bytes(1_000_000)))
    wait_until(lambda: server.bytes_received > 30_100_000)
    assert server.stop()
    assert server.state == "stopped"


def test_raw_text_goes_on_beside_it(evaluating, connect: Connect, store: Store) -> None:
    connect(evaluating).send(b"PU")  # looks like a method for a moment
    wait_until(lambda: store.data == "PU")
    connect(evaluating).send(b"plain\n")
    wait_until(lambda: store.data == "plain")


def test_a_vanished_client(evaluating, connect: Connect, log: RingLog) -> None:
    client = connect(evaluating)
    client.send(request_to(evaluating, "PUT /channels/a HTTP/1.1\nContent-Length: 1000000", b"x" * 1000))
    wait_until(lambda: evaluating.bytes_received > 1000)
    client.reset()
    wait_until(lambda: not evaluating.clients)
    assert data_rows(log) == []
