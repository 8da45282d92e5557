"""Shared memory through the port: lent, published by name, refused, and given back when a program dies."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import RawClient, events, wait_until
from shared_memory import needed, none_left, opened, write

from hdaemon.client import Client
from hdaemon.log import RingLog
from hdaemon.server.routes import Routes
from hdaemon.server.shared import Segment, Segments
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.heads import parse_head
from hdaemon.wire.limits import Limits

pytestmark = needed

Start = Callable[..., HPythonServer]
Ask = Callable[..., tuple[int, Any]]

MB = 1_100_000


@pytest.fixture(autouse=True)
def _no_memory_left(store: Store, log: RingLog) -> Iterator[None]:
    yield
    none_left(store, log)


@pytest.fixture
def asking() -> Iterator[Callable[[HPythonServer], Ask]]:
    """Connect: what `asking(server)` returns takes method, path, value and headers, and returns status and value."""
    made: list[http.client.HTTPConnection] = []

    def connect(server: HPythonServer) -> Ask:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        made.append(connection)

        def ask(method: str, path: str, value: object = None, **headers: str) -> tuple[int, Any]:
            body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None

        return ask

    yield connect
    for connection in made:
        connection.close()


def lent_by(server: HPythonServer) -> list[Segment]:
    return server._loop._segments._segments


def named(lent: dict[str, Any], size: int) -> str:
    return f"{lent['id']}; bytes={size}"


def test_a_message_is_published_by_the_name_of_its_segment(
    start_server: Start, store: Store, asking: Callable[[HPythonServer], Ask]
) -> None:
    server = start_server(mode="evaluate")
    ask = asking(server)
    assert ask("GET", "/status")[1]["shared_memory"] is True
    status, lent = ask("POST", "/segments", {"bytes": 3 * MB})
    assert (status, sorted(lent)) == (200, ["bytes", "id", "path"])
    data = os.urandom(3 * MB)
    write(lent["path"], data)
    with Client(server.host, server.port).subscribe("pictures/+") as listener:
        status, said = ask(
            "PUT", "/channels/pictures/a", Content_Type="image/x-test", Hdaemon_Segment=named(lent, 3 * MB)
        )
        assert (status, said["stored"], said["channel"]) == (200, True, "pictures/a")
        heard = listener.receive(timeout_s=10)
    message = store["pictures/a"].message
    assert (message.content_type, bytes(message.payload)) == ("image/x-test", data)
    assert (heard.content_type, bytes(heard.payload), heard.serial) == ("image/x-test", data, message.serial)
    assert ask("GET", "/status")[1]["bytes"] > 3 * MB
    assert server.clients[0].bytes > 3 * MB


def test_a_message_that_is_sent_again_is_handed_over_once(
    start_server: Start, store: Store, asking: Callable[[HPythonServer], Ask]
) -> None:
    server = start_server(mode="evaluate")
    one, two = asking(server), asking(server)
    lent = one("POST", "/segments", {"bytes": MB})[1]
    write(lent["path"], b"x" * MB)
    said = one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB), Idempotency_Key='"k"')
    assert said[0] == 200
    assert one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB), Idempotency_Key='"k"') == said
    assert two("PUT", "/channels/a", b"x" * MB, Idempotency_Key='"k"') == said
    assert one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB), Idempotency_Key='"l"')[0] == 410
    assert server.messages_received == 1


def test_what_is_asked_wrongly_is_refused(start_server: Start, asking: Callable[[HPythonServer], Ask]) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_http_message_bytes=MB))
    one, two = asking(server), asking(server)
    for value in (None, b"{", [], {"bytes": 0}, {"bytes": -1}, {"bytes": 1.5}, {"bytes": True}, {"size": 1}, 7):
        assert one("POST", "/segments", value)[0] == 400
    assert one("GET", "/segments")[0] == 405
    assert one("POST", "/segments", {"bytes": MB + 1})[0] == 413
    lent = one("POST", "/segments", {"bytes": MB})[1]
    write(lent["path"], b"x" * MB)
    assert two("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB))[0] == 410
    assert one("PUT", "/channels/a", b"body", Hdaemon_Segment=named(lent, MB))[0] == 400
    assert one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB + 1))[0] == 413
    assert not server.messages_received
    assert one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB))[0] == 200


def test_many_at_once_are_looked_at_as_closely(server: HPythonServer, connect: Callable[..., RawClient]) -> None:
    """Requests that are alike are taken together, but not these."""
    line = f"Hdaemon-Segment: {'0' * 32}; bytes=1000"
    head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n{line}\r\nContent-Length: 1000\r\n\r\n"
    client = connect(server)
    client.send(
        (head.encode() + b"x" * 1000) * 30 + b"GET /status HTTP/1.0\r\nHost: localhost:%d\r\n\r\n" % server.port
    )
    answers = client.read_all()
    assert answers.count(b"HTTP/1.1 400 ") == 30
    assert answers.count(b"HTTP/1.1 200 ") == 1
    assert server.messages_received == 0


def test_pages_and_strangers_are_lent_nothing(start_server: Start, asking: Callable[[HPythonServer], Ask]) -> None:
    server = start_server(token="s3cret")
    assert asking(server)("POST", "/segments", {"bytes": MB})[0] == 401
    bearer = {"Authorization": "Bearer s3cret"}
    assert asking(server)("POST", "/segments", {"bytes": MB}, Origin="http://evil.test", **bearer)[0] == 403
    assert not lent_by(server)
    assert asking(server)("POST", "/segments", {"bytes": MB}, **bearer)[0] == 200


def test_other_machines_are_lent_nothing() -> None:
    segments = Segments(8 * MB, 5 * MB, 10.0)
    nothing: Any = None
    routes = Routes(nothing, nothing, nothing, dict, Limits(), segments)
    body = b'{"bytes": 1000}'
    request: Any = SimpleNamespace(
        head=parse_head(b"POST /segments HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)), body=body
    )
    for address, wanted in (("127.0.0.1:5", 200), ("[::1]:5", 200), ("192.168.1.7:5", 403), ("[fe80::1]:5", 403)):
        client: Any = SimpleNamespace(id=1, address=address)
        assert b"".join(routes.answer(client, request)).startswith(b"HTTP/1.1 %d " % wanted)
    segments.close()


_BORROWER = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
connection.request("POST", "/segments", json.dumps({"bytes": 3000000}))
lent = json.loads(connection.getresponse().read())
file = open(lent["path"], "r+b")
file.write(b"x" * 1000000)
file.flush()
print(lent["id"], flush=True)
sys.stdin.read()
"""


def test_what_was_lent_to_a_program_that_was_killed_is_given_back(start_server: Start, log: RingLog) -> None:
    server = start_server()
    command = [sys.executable, "-c", _BORROWER, str(server.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert [segment.id for segment in lent_by(server)] == [name]
        process.kill()
        process.wait(10)
    wait_until(lambda: events(log, "disconnected"))
    assert not lent_by(server)
    assert not opened()


def test_a_lease_that_nobody_uses_is_over_in_time(start_server: Start, asking: Callable[[HPythonServer], Ask]) -> None:
    server = start_server(limits=Limits(stall_s=0.1))
    ask = asking(server)
    lent = ask("POST", "/segments", {"bytes": MB})[1]
    wait_until(lambda: not lent_by(server))
    assert ask("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB))[0] == 410


def test_a_server_that_stops_keeps_what_is_stored_and_nothing_else(
    start_server: Start, store: Store, asking: Callable[[HPythonServer], Ask]
) -> None:
    server = start_server(mode="evaluate")
    one, two = asking(server), asking(server)
    lent = one("POST", "/segments", {"bytes": MB})[1]
    write(lent["path"], b"x" * MB)
    assert one("PUT", "/channels/a", Hdaemon_Segment=named(lent, MB))[0] == 200
    assert two("POST", "/segments", {"bytes": MB})[0] == 200
    assert server.stop(timeout_s=5.0)
    assert bytes(store["a"].message.payload) == b"x" * MB
    assert len(opened()) == 2  # a mapping, and Python's descriptor of it
    server.log.clear()
    store.clear()
