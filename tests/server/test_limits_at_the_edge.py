"""Every limit, at a real server: what is at it is taken, one more is not. A field of `Limits` without a case fails.

Cases of times have a "just before" and an "after" instead; how long something took is bounded generously from above, as
the machines that run this are shared. The limits of decoding, which hold for the whole process, are tested in
tests/content: nesting in test_json.py and test_msgpack.py, safetensors in test_safetensors.py.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, fields, replace

import pytest
from frames import BINARY, frame
from helpers import RawClient, data_rows, events, payloads, wait_until, wait_until_passed
from shared_memory import needed

from hdaemon.content import bounds, msgpack, safetensors
from hdaemon.content import json as strict_json
from hdaemon.server import readiness
from hdaemon.server.client import Client, Connection
from hdaemon.server.subscribers import Subscribers
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

Serve = Callable[..., HPythonServer]
Case = Callable[[Serve], None]

CASES: dict[str, Case] = {}


def edge(case: Case) -> Case:
    """Take a case into the table, by its name."""
    CASES[case.__name__] = case
    return case


@pytest.fixture
def serve(start_server: Callable[..., HPythonServer], stack: ExitStack) -> Serve:
    """Start a server with a limit: `serve(max_clients=2)`; everything else as usual, mode evaluate."""

    def start(token: str | None = None, **limits: float) -> HPythonServer:
        server = start_server(mode="evaluate", limits=Limits(**limits), token=token, log=None)
        server.stack = stack
        return server

    return start


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is closed at the end."""
    with ExitStack() as made:
        yield made


def raw(server: HPythonServer) -> RawClient:
    return server.stack.enter_context(closing(RawClient(server.host, server.port)))


def put(server: HPythonServer, body: bytes, channel: str = "a", **headers: str) -> int:
    """Publish on a connection of its own; return the status."""
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        connection.request("PUT", f"/channels/{channel}", body, headers)
        return connection.getresponse().status


def begun(server: HPythonServer, *lines: str) -> RawClient:
    """Begin a request: PUT, and these lines of its head."""
    client = raw(server)
    host = f"Host: {server.host}:{server.port}"
    client.send("\r\n".join(["PUT /channels/a HTTP/1.1", host, "Connection: close", *lines, ""]).encode())
    return client


def socket_of(server: HPythonServer) -> RawClient:
    """Ask for a WebSocket; the answer is still to be read."""
    client = raw(server)
    lines = ["GET /channels/a HTTP/1.1", f"Host: {server.host}:{server.port}", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    client.send("\r\n".join([*lines, "", ""]).encode())
    return client


def took_s(began: float) -> float:
    return time.monotonic() - began


@pytest.mark.parametrize("name", [item.name for item in fields(Limits)])
def test_at_the_limit_and_past_it(name: str, serve: Serve, request: pytest.FixtureRequest) -> None:
    assert name in CASES, f"limit {name} has no case here: add one, and its line in docs/wire.md"
    case = CASES[name]
    marks = getattr(case, "pytestmark", [])
    if any(mark.name == "skipif" and mark.args[0] for mark in marks):
        pytest.skip("not on this system")
    case(serve)


def test_there_is_no_case_without_a_limit() -> None:
    assert CASES.keys() == {item.name for item in fields(Limits)}


def test_get_status_shows_every_limit(serve: Serve) -> None:
    changed = {item.name: getattr(Limits(), item.name) + 1 for item in fields(Limits)}
    server = serve(**changed)
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        connection.request("GET", "/status")
        status = json.loads(connection.getresponse().read())
    assert status["limits"] == asdict(replace(Limits(), **changed))
    assert status["decoding_limits"] == {
        "max_depth": strict_json.MAX_DEPTH,
        "max_values": bounds.MAX_VALUES,
        "max_safetensors_head_bytes": safetensors.MAX_HEAD_BYTES,
        "max_tensors": safetensors.MAX_TENSORS,
    }


def test_the_limits_of_decoding_are_those_of_the_design() -> None:
    assert strict_json.MAX_DEPTH == msgpack.MAX_DEPTH == 64
    assert (safetensors.MAX_HEAD_BYTES, safetensors.MAX_TENSORS) == (1024 * 1024, 10_000)


# -- numbers ------------------------------------------------------------------------------------------------


@edge
def max_clients(serve: Serve) -> None:
    server = serve(max_clients=2)
    first = raw(server)
    raw(server)
    wait_until(lambda: len(server.clients) == 2)
    assert b"limit max_clients" in raw(server).read_all()
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as third:
        third.request("GET", "/status")
        answer = third.getresponse()
        assert (answer.status, answer.getheader("Retry-After")) == (503, "1")
        assert "limit max_clients" in json.loads(answer.read())["error"]
    assert len(server.clients) == 2
    first.send_and_close(b"there\n")
    wait_until(lambda: len(server.clients) == 1)
    assert put(server, b"here") == 200


@edge
def max_channels(serve: Serve) -> None:
    server = serve(max_channels=2)
    assert [put(server, b"x", channel) for channel in ("a", "b", "c", "b")] == [200, 200, 507, 200]


@edge
def log_rows(serve: Serve) -> None:
    server = serve(log_rows=5)
    client = raw(server)
    client.send(b"1\n2\n3\n")  # after the rows "started" and "connected"
    wait_until(lambda: len(server.log) == 5)
    assert server.log.rows_dropped == 0
    client.send(b"4\n")
    wait_until(lambda: server.log.rows_dropped == 1)
    assert len(server.log) == 5


# -- bytes --------------------------------------------------------------------------------------------------


@edge
def max_raw_message_bytes(serve: Serve) -> None:
    server = serve(max_raw_message_bytes=50)
    client = raw(server)
    client.send(b"x" * 50 + b"\n" + b"y" * 51 + b"\n")
    assert b"larger than the limit of 50 bytes" in client.read_all()
    assert payloads(server.log) == [b"x" * 50]


@edge
def max_token_line_bytes(serve: Serve) -> None:
    for size, right in ((40, True), (41, False)):
        token = "t" * (size - len("token "))
        server = serve(token=token, max_token_line_bytes=40)
        client = raw(server)
        client.send(f"token {token}\nhello\n".encode())
        if right:
            wait_until(lambda server=server: payloads(server.log) == [b"hello"])
        else:
            assert b"hdaemon: refused" in client.read_all()
            assert not data_rows(server.log)


@edge
def max_head_bytes(serve: Serve) -> None:
    for size, status in ((300, b"200"), (301, b"431")):
        server = serve(max_head_bytes=300)
        head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nConnection: close\r\n"
        head += "Content-Length: 1\r\nX: "
        client = raw(server)
        client.send(head.encode() + b"x" * (size - len(head) - 4) + b"\r\n\r\n!")
        assert client.read_all().split()[1] == status


@edge
def max_http_message_bytes(serve: Serve) -> None:
    server = serve(max_http_message_bytes=100_000)
    assert put(server, bytes(100_000)) == 200
    assert put(server, bytes(100_001)) == 413
    assert [len(payload) for payload in payloads(server.log)] == [100_000]


@edge
def max_together_messages(serve: Serve) -> None:
    server = serve(max_together_messages=3)
    assert put(server, b"1 1 1\nabc", **{"Hdaemon-Messages": "3"}) == 200
    assert put(server, b"1 1 1 1\nabcd", **{"Hdaemon-Messages": "4"}) == 413
    assert payloads(server.log) == [b"a", b"b", b"c"]


@edge
def max_together_bytes(serve: Serve) -> None:
    server = serve(max_together_bytes=9)
    assert put(server, b"2 3\nabcde", **{"Hdaemon-Messages": "2"}) == 200
    assert put(server, b"2 4\nabcdef", **{"Hdaemon-Messages": "2"}) == 413
    assert payloads(server.log) == [b"ab", b"cde"]


@edge
def max_websocket_message_bytes(serve: Serve) -> None:
    server = serve(max_websocket_message_bytes=1000)
    client = socket_of(server)
    client.send(frame(BINARY, bytes(1000)) + frame(BINARY, bytes(1001)))
    assert b"\x03\xf1" in client.read_all()  # 1009, message too big (RFC 6455, 7.4.1)
    assert [len(payload) for payload in payloads(server.log)] == [1000]


@edge
def log_payload_bytes(serve: Serve) -> None:
    server = serve(log_payload_bytes=100)
    put(server, bytes(60), "a")
    put(server, bytes(40), "b")
    assert (server.log.payload_bytes, server.log.payloads_dropped) == (100, 0)
    put(server, b"x", "c")
    assert (server.log.payload_bytes, server.log.payloads_dropped) == (41, 1)


@edge
def max_queued_bytes(serve: Serve) -> None:
    """At the outbox itself: what the system's own buffers hold is nobody's to say."""
    assert serve(max_queued_bytes=1000)._loop._connections._subscribers._most == 1000
    refused: list[str] = []
    listeners = Subscribers(Store(), 1000, lambda _: None, lambda _, why: refused.append(why.reason))
    client = Client(1, "client-1", "127.0.0.1:1", "websocket")
    connection = Connection(client, None, RawDoor(Limits()))  # type: ignore[arg-type]
    listeners._connections[1] = connection
    listeners._push(connection, [bytes(400)])
    listeners._push(connection, [bytes(600)])
    assert (connection.out.queued, refused) == (1000, [])
    listeners._push(connection, [b"x"])
    assert refused == ["it reads too slowly: more than 1000 bytes wait (max_queued_bytes)"]


@edge
@needed
def max_shared_bytes(serve: Serve) -> None:
    import mmap

    server = serve(max_shared_bytes=2 * mmap.PAGESIZE)

    def lend(size: int) -> int:
        connection = server.stack.enter_context(
            closing(http.client.HTTPConnection(server.host, server.port, timeout=20))
        )
        connection.request("POST", "/segments", json.dumps({"bytes": size}))
        answer = connection.getresponse()
        answer.read()
        return answer.status

    assert [lend(2 * mmap.PAGESIZE + 1), lend(2 * mmap.PAGESIZE), lend(1)] == [503, 200, 503]


# -- times --------------------------------------------------------------------------------------------------


@edge
def silence_s(serve: Serve) -> None:
    server = serve(silence_s=1.0)
    client = raw(server)
    client.send(b"one ")
    wait_until_passed(time.monotonic() + 0.1)
    client.send(b"message\nand a part")
    began = time.monotonic()
    wait_until(lambda: payloads(server.log) == [b"one message", b"and a part"])
    assert took_s(began) > 0.9


@edge
def admission_s(serve: Serve) -> None:
    server = serve(token="s3cret", admission_s=0.5)
    began = time.monotonic()
    late, quick = raw(server), raw(server)
    wait_until_passed(began + 0.1)
    quick.send(b"token s3cret\n")
    assert b"no token came in time" in late.read_all()
    assert 0.4 < took_s(began) < 5
    quick.send(b"still here\n")
    wait_until(lambda: payloads(server.log) == [b"still here"])


@edge
def stall_s(serve: Serve) -> None:
    server = serve(stall_s=0.6)
    client = begun(server, "Content-Length: 4", "")
    for part in (b"a", b"b", b"c", b"d"):  # longer than the limit in all, and never so long at once
        wait_until_passed(time.monotonic() + 0.2)
        client.send(part)
    assert client.read_all().split()[1] == b"200"
    began = time.monotonic()
    client = begun(server, "Content-Length: 4", "")
    assert client.read_all().split()[1] == b"408"
    assert 0.5 < took_s(began) < 5


@edge
def min_body_bytes_per_s(serve: Serve) -> None:
    """Byte by byte in test_readiness.py: 2000 bytes at 1000 a second buy two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readiness, "BODY_GRACE_S", 0.2)
        server = serve(min_body_bytes_per_s=1000)
        quick, slow = begun(server, "Content-Length: 70000", ""), begun(server, "Content-Length: 70000", "")
        quick.send(bytes(20_000))
        began = time.monotonic()
        slow.send(b"x")
        assert slow.read_all().split()[1] == b"408"
        assert took_s(began) > 0.1
        quick.send(bytes(50_000))
        assert quick.read_all().split()[1] == b"200"


@edge
def idle_s(serve: Serve) -> None:
    server = serve(idle_s=0.6)
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=20)) as connection:
        for _ in range(3):
            connection.request("GET", "/status")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            wait_until_passed(time.monotonic() + 0.3)
        began = time.monotonic()
        assert connection.sock.recv(1) == b""
    assert 0.2 < took_s(began) < 5
    wait_until(lambda: events(server.log, "disconnected"))
    assert events(server.log, "disconnected")[0].startswith("idle")


@edge
def ping_s(serve: Serve) -> None:
    server = serve(ping_s=0.5)
    client = socket_of(server)
    answer = client.sock.recv(4096)
    assert b" 101 " in answer
    assert answer.endswith(b"\r\n\r\n")
    began = time.monotonic()
    assert client.sock.recv(4096) == b"\x89\0"
    assert 0.4 < took_s(began) < 5


@edge
def linger_s(serve: Serve) -> None:
    server = serve(linger_s=0.5)
    client = raw(server)
    client.send(b"hello\nGET / HTTP/1.1\r\n")
    wait_until(lambda: events(server.log, "refused"))
    began = time.monotonic()
    client.send(b"thrown away")
    wait_until(lambda: not server.clients)
    assert took_s(began) > 0.3
    assert payloads(server.log) == [b"hello"]
