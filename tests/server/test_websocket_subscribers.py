"""WebSockets, end to end: subscribers, and what the session itself publishes to them."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable

import pytest
from frames import BINARY, CLOSE, TEXT
from helpers import RawClient, data_rows, events, wait_until
from websocket_client import Open, message

from hdaemon.errors import HdaemonError, UsageError
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]


def publish(server: HPythonServer, channel: str, payload: bytes, content_type: str = "text/plain") -> None:
    client = RawClient(server.host, server.port)
    client.send(
        f"PUT /channels/{channel} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n".encode()
        + payload
    )
    assert b" 200 " in client.read_all()
    client.close()


# -- subscribing --------------------------------------------------------------------------------------------


def test_the_current_value_comes_first_and_then_what_follows(evaluating: HPythonServer, opened: Open) -> None:
    publish(evaluating, "a", b"current")
    sock = opened(evaluating, "/channels/a?subscribe=1")
    assert sock.receive() == (TEXT, b"current")
    publish(evaluating, "b", b"elsewhere")
    publish(evaluating, "a", b"\0", "application/octet-stream")
    publish(evaluating, "a", b"{}", "application/json")
    assert sock.receive() == (BINARY, b"\0")
    assert sock.receive() == (TEXT, b"{}")


def test_messages_of_print_mode_come_too(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a?subscribe=1")
    sock.round_trip()
    publish(server, "a", b"only shown")
    assert sock.receive() == (TEXT, b"only shown")


def test_lines_of_the_raw_door(server: HPythonServer, opened: Open) -> None:
    plain, with_heads = (opened(server, f"/channels/default?subscribe=1{more}") for more in ("", "&heads=1"))
    plain.round_trip()
    with_heads.round_trip()
    client = RawClient(server.host, server.port)
    client.send_and_close(b"one\ntwo\r\n\xffbin")
    assert [plain.receive() for _ in range(3)] == [(TEXT, b"one"), (TEXT, b"two"), (BINARY, b"\xffbin")]
    heads, payloads = [], []
    for _ in range(3):
        heads.append(json.loads(with_heads.receive()[1]))
        payloads.append(with_heads.receive())
    assert not any(head["stored"] for head in heads)
    assert [(head["serial"], head["channel"], head["type"], head["bytes"]) for head in heads] == [
        (1, "default", "text/plain", 3),
        (2, "default", "text/plain", 3),
        (3, "default", "application/octet-stream", 4),
    ]
    assert payloads == [(BINARY, b"one"), (BINARY, b"two"), (BINARY, b"\xffbin")]


def test_a_pattern(evaluating: HPythonServer, opened: Open) -> None:
    for name in ("maya/a", "maya/b", "other"):
        publish(evaluating, name, name.encode())
    sock = opened(evaluating, "/channels/maya/%23?subscribe=1&heads=1")
    assert [json.loads(sock.receive()[1])["channel"], sock.receive()[1]] == ["maya/a", b"maya/a"]
    assert [json.loads(sock.receive()[1])["channel"], sock.receive()[1]] == ["maya/b", b"maya/b"]
    publish(evaluating, "maya/c/d", b"x")
    assert json.loads(sock.receive()[1])["channel"] == "maya/c/d"


def test_who_publishes_and_subscribes_hears_itself(evaluating: HPythonServer, opened: Open) -> None:
    sock = opened(evaluating, "/channels/a?subscribe=1")
    sock.send(TEXT, b"mine")
    assert sock.receive() == (TEXT, b"mine")


def test_a_slow_subscriber_is_dropped_and_told_why(start_server: Start, opened: Open) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_queued_bytes=1_000_000))
    slow, quick = opened(server, "/channels/a?subscribe=1"), opened(server, "/channels/a?subscribe=1")
    slow.round_trip()
    quick.round_trip()
    payload, count = bytes(500_000), 0
    while not events(server.log, "refused"):
        publish(server, "a", payload, "application/octet-stream")
        assert quick.receive() == (BINARY, payload)
        count += 1
        assert count < 200
    received = 0
    opcode, data = slow.receive()
    while opcode == BINARY:
        assert data == payload  # what was begun is whole
        received += 1
        opcode, data = slow.receive()
    assert opcode == CLOSE
    assert struct.unpack("!H", data[:2]) == (1013,)
    assert b"max_queued_bytes" in data
    assert 0 < received < count
    assert slow.rest() == b""
    assert "reads too slowly" in events(server.log, "refused")[0]
    slow.close()
    wait_until(lambda: len(server.clients) == 1)


def test_one_message_is_sent_however_large(start_server: Start, opened: Open) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_queued_bytes=1000))
    sock = opened(server, "/channels/a?subscribe=1")
    sock.round_trip()
    payload = bytes(3_000_000)
    publish(server, "a", payload, "application/octet-stream")
    assert sock.receive() == (BINARY, payload)


def test_a_current_value_past_the_limit_comes_after_the_answer(start_server: Start, opened: Open) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_queued_bytes=1000))
    payload = bytes(3_000_000)
    publish(server, "a", payload, "application/octet-stream")
    sock = opened(server, "/channels/a?subscribe=1")
    assert sock.status == 101
    assert sock.receive() == (BINARY, payload)


def test_a_subscriber_that_reads_nothing_is_let_go(start_server: Start, opened: Open) -> None:
    server = start_server(limits=Limits(stall_s=0.3))
    sock = opened(server, "/channels/a?subscribe=1")
    sock.round_trip()
    publish(server, "a", bytes(30_000_000), "application/octet-stream")
    wait_until(lambda: any("read nothing for 0.3 s" in text for text in events(server.log, "disconnected")))


# -- what the session itself publishes ----------------------------------------------------------------------


def test_what_the_session_publishes_reaches_store_log_and_subscribers(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/out/%23?subscribe=1&heads=1")
    sock.round_trip()
    serial = server.publish("out/mesh", "application/x-thing", bytearray(b"\0\1"))
    head = json.loads(sock.receive()[1])
    assert (head["serial"], head["channel"], head["client"]) == (serial, "out/mesh", "this session")
    assert sock.receive() == (BINARY, b"\0\1")
    assert message(server, "out/mesh").data == b"\0\1"  # in print mode too: nobody else has sent it
    (row,) = data_rows(server.log)
    assert (row.client, row.serial) == ("this session", serial)
    assert server.messages_received == 0


def test_what_is_published_does_not_change_later(server: HPythonServer) -> None:
    payload = bytearray(b"abc")
    server.publish("a", "text/plain", payload)
    payload[:] = b"xyz"
    assert message(server, "a").data == "abc"


def test_publishing_to_what_is_no_channel(server: HPythonServer) -> None:
    with pytest.raises(UsageError, match="wildcard"):
        server.publish("a/#", "text/plain", b"")


def test_publishing_without_a_running_server(start_server: Start) -> None:
    server = start_server()
    server.stop()
    server.publish("a", "text/plain", b"kept")
    assert message(server, "a").data == "kept"


def test_publishing_faster_than_the_server_takes_it(start_server: Start) -> None:
    """The server thread is held in the middle of a turn: what waits for it is bounded, by number and by bytes."""
    server = start_server(limits=Limits(max_queued_bytes=1000))
    held, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        go_on.wait(20)

    server._loop.set_on_block(hold)
    client = RawClient(server.host, server.port)
    client.send(b"x\n")
    assert held.wait(20)
    try:
        for _ in range(1000):
            server.publish("a", "text/plain", b"")
        serial = server.store.serial
        with pytest.raises(HdaemonError, match="publish less often"):
            server.publish("a", "text/plain", b"one too many")
        assert server.store.serial == serial
        server._loop._own.waiting.clear()
        server.publish("a", "text/plain", bytes(1001))
        with pytest.raises(HdaemonError, match="publish less often"):
            server.publish("a", "text/plain", b"")
    finally:
        go_on.set()
        client.close()
