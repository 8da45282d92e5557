"""WebSockets, end to end: publish, subscribe, ping, the limits, and what is refused."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from frames import BINARY, CLOSE, PING, PONG, TEXT, frame
from helpers import RawClient, data_rows, events, wait_until

from hdaemon.errors import HdaemonError, UsageError
from hdaemon.message import Message
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

Start = Callable[..., HPythonServer]


class Socket:
    """A WebSocket client that reads frames as they come; every wait has a deadline."""

    def __init__(self, server: HPythonServer, target: str, *headers: str) -> None:
        self.raw = RawClient(server.host, server.port)
        self.server = server
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {server.host}:{server.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        self.raw.send("\r\n".join([*lines, "", ""]).encode())
        self.buffer = b""
        self.answer = self._until(b"\r\n\r\n").decode()

    @property
    def status(self) -> int:
        return int(self.answer.split()[1])

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.raw.send(frame(opcode, payload, fin=fin))

    def receive(self) -> tuple[int, bytes]:
        """Return the opcode and payload of the next frame."""
        first, size = self._take(2)
        assert first & 0x80, "the server does not fragment"
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def closing(self) -> tuple[int, str]:
        """Return the code and the reason of the close frame that comes next."""
        opcode, payload = self.receive()
        assert opcode == CLOSE
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def round_trip(self) -> None:
        """Return when the server has dealt with everything sent so far."""
        self.send(PING, b"here?")
        assert self.receive() == (PONG, b"here?")

    def rest(self) -> bytes:
        return self.buffer + self.raw.read_all()

    def close(self) -> None:
        self.raw.close()

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            part = self.raw.sock.recv(1 << 20)
            assert part, "the server closed the connection"
            self.buffer += part
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            part = self.raw.sock.recv(65536)
            assert part, "the server closed the connection"
            self.buffer += part
        taken, _, self.buffer = self.buffer.partition(end)
        return taken


@pytest.fixture
def opened() -> Iterator[Callable[..., Socket]]:
    """Open WebSockets that are closed at the end of the test."""
    sockets: list[Socket] = []

    def open_(server: HPythonServer, target: str, *headers: str) -> Socket:
        sockets.append(Socket(server, target, *headers))
        return sockets[-1]

    yield open_
    for sock in sockets:
        sock.close()


Open = Callable[..., Socket]


@pytest.fixture
def evaluating(start_server: Start) -> HPythonServer:
    return start_server(mode="evaluate")


def publish(server: HPythonServer, channel: str, payload: bytes, content_type: str = "text/plain") -> None:
    client = RawClient(server.host, server.port)
    client.send(
        f"PUT /channels/{channel} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n".encode()
        + payload
    )
    assert b" 200 " in client.read_all()
    client.close()


def message(server: HPythonServer, channel: str) -> Message:
    entry = server.store.get(channel)
    assert entry is not None
    return entry.message


# -- publishing ---------------------------------------------------------------------------------------------


def test_each_frame_is_a_message(evaluating: HPythonServer, opened: Open) -> None:
    sock = opened(evaluating, "/channels/rig/camera")
    assert sock.status == 101
    sock.send(TEXT, b"one")
    sock.send(BINARY, b"\0\1", fin=False)
    sock.send(0, b"\2")
    sock.round_trip()
    assert [(row.channel, row.content_type, bytes(row.payload)) for row in data_rows(evaluating.log)] == [
        ("rig/camera", "text/plain", b"one"),
        ("rig/camera", "application/octet-stream", b"\0\1\2"),
    ]
    assert message(evaluating, "rig/camera").data == b"\0\1\2"
    (client,) = evaluating.clients
    assert (client.framing, client.messages) == ("websocket", 2)


def test_the_type_and_a_name_in_any_script(evaluating: HPythonServer, opened: Open) -> None:
    sock = opened(evaluating, "/channels/Gr%C3%B6%C3%9Fe?type=application/json")
    sock.send(TEXT, b'{"x": 1}')
    sock.round_trip()
    assert message(evaluating, "Größe").data == {"x": 1}


def test_the_words_switch_the_mode_of_this_client(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(TEXT, b"evaluate")
    sock.send(TEXT, b"kept")
    sock.round_trip()
    assert message(server, "a").data == "kept"
    assert server.mode == "print"


def test_frames_that_come_with_the_handshake(evaluating: HPythonServer) -> None:
    client = RawClient(evaluating.host, evaluating.port)
    client.send(
        f"GET /channels/a HTTP/1.1\r\nHost: {evaluating.host}:{evaluating.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        + frame(TEXT, b"early")
        + frame(CLOSE, b"\x03\xe8")
    )
    assert client.read_all().endswith(b"\x88\x02\x03\xe8")
    client.close()
    assert message(evaluating, "a").data == "early"


def test_a_large_message(evaluating: HPythonServer, opened: Open) -> None:
    payload = bytes(range(256)) * 16_000
    sock = opened(evaluating, "/channels/a?type=application/x-thing")
    head = struct.pack("!BBQ", 0x82, 0x80 | 127, len(payload)) + b"\0\0\0\0"  # a mask of zeros leaves it as it is
    sock.raw.send(head + payload)
    sock.round_trip()
    assert bytes(message(evaluating, "a").payload) == payload


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


# -- ping, the end ------------------------------------------------------------------------------------------


def test_who_answers_pings_stays_and_who_does_not_goes(start_server: Start, opened: Open) -> None:
    server = start_server(limits=Limits(ping_s=0.2, stall_s=0.5))
    sock = opened(server, "/channels/a?subscribe=1")
    for _ in range(3):
        assert sock.receive() == (PING, b"")
        sock.send(PONG)
    assert sock.receive() == (PING, b"")
    code, reason = sock.closing()
    assert code == 1008
    assert "ping" in reason
    assert sock.rest() == b""
    assert "no answer to a ping within 0.5 s" in events(server.log, "refused")[0]


def test_closing_by_the_client(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(CLOSE, b"\x03\xe9done")
    assert sock.closing() == (1001, "done")
    assert sock.rest() == b""
    sock.close()
    wait_until(lambda: events(server.log, "disconnected"))
    assert events(server.log, "disconnected")[0].startswith("closed by the client (1001: done); 0 messages")
    assert not events(server.log, "refused")


def test_the_end_without_a_close_frame(server: HPythonServer, opened: Open) -> None:
    sock = opened(server, "/channels/a")
    sock.send(TEXT, b"half", fin=False)
    sock.close()
    wait_until(lambda: events(server.log, "disconnected"))
    assert "inside a message" in events(server.log, "refused")[0]
    assert not data_rows(server.log)


def test_the_server_says_that_it_stops(start_server: Start, opened: Open) -> None:
    server = start_server()
    sock = opened(server, "/channels/a")
    sock.round_trip()
    server.stop()
    assert sock.closing() == (1001, "the server stopped")
    assert sock.rest() == b""


def test_a_message_past_the_limit(start_server: Start, opened: Open) -> None:
    server = start_server(limits=Limits(max_websocket_message_bytes=1000))
    sock = opened(server, "/channels/a")
    sock.send(BINARY, bytes(1000))
    sock.send(BINARY, bytes(1001))
    assert sock.closing()[0] == 1009
    assert len(data_rows(server.log)) == 1


# -- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "status", "says"),
    [
        ("/nothing", (), 404, "/channels/NAME"),
        ("/echo", (), 404, "/channels/NAME"),
        ("/channels/", (), 400, "1 to 256 bytes"),
        ("/channels/a%2B", (), 400, "wildcard"),
        ("/channels/a%2B?subscribe=1", (), 400, "stands alone"),
        ("/channels/%FF", (), 400, "UTF-8"),
        ("/channels/a?subscribe=yes", (), 400, "subscribe=1"),
        ("/channels/a?subscribe=1&subscribe=1", (), 400, "twice"),
        ("/channels/a?heads=1", (), 400, "for subscribers"),
        ("/channels/a?subcribe=1", (), 400, "no option"),
        ("/channels/a?subscribe", (), 400, "name=value"),
        ("/channels/a?type=json", (), 415, "media type"),
        ("/channels/a", ("Origin: https://evil.test",), 403, "evil.test"),
        ("/channels/a", ("Sec-Fetch-Site: cross-site",), 403, "another site"),
    ],
)
def test_refused(
    server: HPythonServer, opened: Open, target: str, headers: tuple[str, ...], status: int, says: str
) -> None:
    sock = opened(server, target, *headers)
    assert sock.status == status
    assert says in json.loads(sock.rest())["error"]
    assert any(f"HTTP {status}" in text for text in events(server.log, "refused"))


def test_the_token(start_server: Start, opened: Open) -> None:
    server = start_server(token="secret")
    assert opened(server, "/channels/a").status == 401
    sock = opened(server, "/channels/a", "Authorization: Bearer secret")
    assert sock.status == 101


def test_an_allowed_origin(start_server: Start, opened: Open) -> None:
    server = start_server(origins=("https://studio.example",))
    sock = opened(server, "/channels/a", "Origin: https://studio.example", "Sec-Fetch-Site: cross-site")
    assert sock.status == 101


def test_a_request_before_it_on_the_same_connection(server: HPythonServer) -> None:
    client = RawClient(server.host, server.port)
    host = f"Host: {server.host}:{server.port}\r\n"
    client.send(
        (
            f"GET /mode HTTP/1.1\r\n{host}\r\nGET /channels/a HTTP/1.1\r\n{host}Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        + frame(CLOSE)
    )
    received = client.read_all()
    client.close()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 101 " in received
    assert received.endswith(b"\x88\x00")


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
        server._loop._own.clear()
        server.publish("a", "text/plain", bytes(1001))
        with pytest.raises(HdaemonError, match="publish less often"):
            server.publish("a", "text/plain", b"")
    finally:
        go_on.set()
        client.close()
