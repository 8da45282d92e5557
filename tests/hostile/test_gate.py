"""The gate: what web pages, strangers and other protocols send to the port, over real sockets, at one real server.

Each row of the table is one connection. Nothing of it may reach log or store as data; what it is answered, and the one
row of the log that tells what was tried, are as the table says.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from helpers import RawClient, wait_until

import hdaemon
from hdaemon.log import RingLog, Row
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

LOOPBACK = "127.0.0.1:{port}"
EVIL = "Origin: http://evil.test"
STUDIO = "Origin: https://studio.example"  # the one page that is allowed
WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
FRAME = b"\x81\x85\0\0\0\0hello"  # what a page would send if the door were open


@dataclass(frozen=True)
class Case:
    """What is sent, the status of the answer (0: closed without one), and what the one row in the log says."""

    sent: bytes
    status: int
    told: str
    name: str = field(default="")


def request(line: str, *headers: str, body: bytes = b"hello", host: str | None = LOOPBACK) -> bytes:
    """Return a request with a body; {port} is filled in when it is sent."""
    lines = [f"{line} HTTP/1.1"]
    lines += [] if host is None else [f"Host: {host}"]
    lines += headers
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def put(*headers: str, host: str | None = LOOPBACK) -> bytes:
    return request("PUT /channels/gate", *headers, host=host)


def host_case(host: str, told: str = "is not a name of this server") -> Case:
    return Case(put(host=host), 400, told, f"Host {host}")


def page(told: str, *headers: str, line: str = "POST /channels/gate", status: int = 403) -> Case:
    return Case(request(line, *headers), status, told, f"{line} {' '.join(headers)}")


def websocket(status: int, told: str, *headers: str, host: str = LOOPBACK, path: str = "/channels/gate") -> Case:
    data = request(f"GET {path}", *WEBSOCKET, *headers, body=b"", host=host)
    return Case(data + FRAME, status, told, f"WebSocket {path} {host} {' '.join(headers)}")


TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + b"\r\nhello\r\n" * 20
TURN_ALLOCATE = bytes.fromhex("000300082112a442") + b"123456789012" + bytes.fromhex("0019000411000000")
ICE_BINDING = (
    bytes.fromhex("001c") + bytes.fromhex("000100082112a442") + b"123456789012" + bytes.fromhex("0025000000240000")
)

HOSTS = [
    Case(put(host=None), 400, "this one has 0", "Host missing"),
    Case(put("Host: 127.0.0.1:{port}"), 400, "this one has 2", "Host doubled"),
    Case(put("Host: evil.test:{port}"), 400, "this one has 2", "Host doubled, one of a stranger"),
    host_case(""),
    host_case("127.0.0.1"),
    host_case("localhost"),
    host_case("127.0.0.1:80"),
    host_case("127.0.0.1:1{port}"),
    host_case("127.0.0.1:0{port}"),
    host_case("LOCALHOST"),
    host_case("EVIL.TEST:{port}"),
    host_case("localhost.:{port}"),
    host_case("127.0.0.1.:{port}"),
    host_case("[::]:{port}"),
    host_case("::1:{port}"),
    host_case("[0:0:0:0:0:0:0:1]:{port}"),
    host_case("[::ffff:127.0.0.1]:{port}"),
    host_case("[::1%25lo]:{port}"),
    host_case("0.0.0.0:{port}"),
    host_case("0:{port}"),
    host_case("2130706433:{port}"),
    host_case("0x7f000001:{port}"),
    host_case("0177.0.0.1:{port}"),
    host_case("127.1:{port}"),
    host_case("127.0.0.2:{port}"),
    host_case("evil.test:{port}"),
    host_case("127.0.0.1.nip.io:{port}"),
    host_case("localtest.me:{port}"),
    host_case("evil.localhost:{port}"),
    host_case("user@127.0.0.1:{port}"),
    host_case("127.0.0.1:{port}, evil.test"),
    Case(put("X-Forwarded-Host: 127.0.0.1:{port}", host="evil.test:{port}"), 400, "evil.test", "Host forwarded"),
]

PAGES = [
    page("from 'http://evil.test'", EVIL),
    page("from 'http://evil.test'", EVIL, "Content-Type: text/plain"),
    page("from 'http://evil.test'", EVIL, "Content-Type: application/x-www-form-urlencoded"),
    page("from 'http://evil.test'", EVIL, "Content-Type: multipart/form-data; boundary=x"),
    page("from 'http://evil.test'", EVIL, "Expect: 100-continue"),
    page("from 'http://evil.test'", EVIL, "Sec-Fetch-Site: same-origin"),
    page("from 'null'", "Origin: null"),
    page("from ''", "Origin:"),
    page("from 'file://'", "Origin: file://"),
    page("from 'http://127.0.0.1", "Origin: http://127.0.0.1:{port}"),
    page("from 'https://STUDIO.example'", "Origin: https://STUDIO.example"),
    page("from 'https://studio.example.evil.test'", "Origin: https://studio.example.evil.test"),
    page("from 'http://studio.example'", "Origin: http://studio.example"),
    page("from 'http://evil.test'", STUDIO, EVIL),
    page("from 'http://evil.test'", EVIL, STUDIO),
    page("another site ('cross-site')", "Sec-Fetch-Site: cross-site"),
    page("another site ('same-site')", "Sec-Fetch-Site: same-site"),
    page("another site ('none, cross-site')", "Sec-Fetch-Site: none, cross-site"),
    page("another site", "Sec-Fetch-Site: cross-site", line="GET /channels/gate"),
    page("evil.test", EVIL, line="PUT /mode"),
    page("evil.test", EVIL, line="PUT /channels/gate"),
    page("evil.test", EVIL, line="GET /status"),
    Case(
        request("OPTIONS /channels/gate", EVIL, "Access-Control-Request-Method: PUT", body=b""),
        403,
        "OPTIONS /channels/gate: HTTP 403: a page from",
        "preflight",
    ),
    Case(
        request("OPTIONS /channels/gate", "Origin: null", "Access-Control-Request-Method: PUT", body=b""),
        403,
        "from 'null'",
        "preflight of null",
    ),
    Case(request("OPTIONS *", EVIL, body=b""), 400, "request target '*'", "OPTIONS *"),
    Case(put("Transfer-Encoding: chunked", EVIL), 400, "both Content-Length and Transfer-Encoding", "two lengths"),
    Case(
        b"POST /channels/gate HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://evil.test\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        403,
        "evil.test",
        "a chunked body of a page",
    ),
]

TARGETS = [
    Case(request("GET http://127.0.0.1:{port}/channels/gate"), 400, "request target", "absolute form"),
    Case(request("PUT http://evil.test/channels/gate"), 400, "request target", "absolute form of a stranger"),
    Case(request("CONNECT 127.0.0.1:{port}", body=b""), 400, "CONNECT 127.0.0.1", "CONNECT"),
    Case(request("PUT //evil.test/channels/gate", EVIL), 403, "evil.test", "a path of two slashes"),
    Case(b"PUT /channels/gate HTTP/1.1\nHost: 127.0.0.1:{port}\n\nhello\r\n\r\n", 400, "CR LF", "bare line feeds"),
    Case(b"PUT /channels/gate\r\n\r\nhello\n", 400, "the first line must be", "HTTP/0.9"),
    Case(b"GET  / HTTP/1.1\r\n\r\nhello\n", 400, "the first line must be", "two spaces"),
    Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nhello\n", 505, "HTTP/2.0 is not spoken", "HTTP/2"),
    Case(
        request("GET /channels/gate?token=0123456789abcdef", body=b""),
        400,
        "GET /channels/gate: HTTP 400",
        "token in URL",
    ),
    Case(
        request("GET /channels/gate", "A: " + "x" * 20_000, body=b""), 431, "GET /channels/gate: HTTP 431", "large head"
    ),
]

SOCKETS = [
    websocket(403, "GET /channels/gate: HTTP 403: a page from 'http://evil.test'", EVIL),
    websocket(403, "from 'null'", "Origin: null"),
    websocket(403, "from 'http://127.0.0.1", "Origin: http://127.0.0.1:{port}"),
    websocket(403, "evil.test", EVIL, "Sec-WebSocket-Protocol: hdaemon"),
    websocket(403, "evil.test", EVIL, path="/channels/%23?subscribe=1"),
    websocket(403, "another site", "Sec-Fetch-Site: cross-site"),
    websocket(400, "evil.test", host="evil.test:{port}"),
    websocket(400, "0.0.0.0", host="0.0.0.0:{port}"),
    websocket(404, "GET /status: HTTP 404: there is no WebSocket", path="/status"),
    websocket(400, "GET /channels/gate: HTTP 400: there is no option", path="/channels/gate?shoot=1"),
]

_CROSS = "an HTTP request line or a Host header came in on the raw door"

OTHERS = [
    Case(TLS_HELLO, 0, "a TLS hello", "TLS"),
    Case(b"\x16\x03\x01\nhello\nhello\n", 0, "a TLS hello", "TLS with a line end in its length"),
    Case(TURN_ALLOCATE + b"\nhello\n", 0, "a STUN message", "TURN"),
    Case(ICE_BINDING + b"\nhello\n", 0, "a STUN message", "WebRTC to a peer"),
    Case(b"Host: 127.0.0.1:{port}\r\nhello\n", 400, _CROSS, "Host on the raw door"),
    Case(b"hOsT:evil.test\nhello\n", 400, _CROSS, "hOsT on the raw door"),
    Case(b"PROPFIND / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\nhello\n", 400, _CROSS, "a method that is not known"),
    Case(b"PATCHES /channels/gate HTTP/1.0\r\n\r\nhello\n", 400, _CROSS, "HTTP/1.0 on the raw door"),
]


def pipelined(case: Case) -> Case:
    """Return the same, with more behind it: a good request, text, and the words."""
    more = b"\r\n\r\n" + put() + b"hello\nevaluate\n" + put()
    return Case(case.sent + more, case.status, case.told, f"{case.name}, and more behind it")


FIRST = [HOSTS[0], HOSTS[25], PAGES[0], PAGES[6], PAGES[15], PAGES[22], TARGETS[0], TARGETS[2], SOCKETS[0], *OTHERS[:5]]
TABLE = [*HOSTS, *PAGES, *TARGETS, *SOCKETS, *OTHERS, *map(pipelined, FIRST)]


@pytest.fixture(scope="module")
def gate() -> Iterator[HPythonServer]:
    """One server for the whole table, with a log and a store of its own; what came through would be stored."""
    server = HPythonServer(
        "gate",
        port=0,
        mode="evaluate",
        origins=("https://studio.example",),
        log=RingLog(),
        store=hdaemon.Store(),
        limits=Limits(linger_s=0.5),
    )
    server.start()
    server.wait_until_listening()
    yield server
    assert server.stop(5)


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    """Stand in for the check of each test by itself: one server is there for all of them."""


def rows_of(server: HPythonServer, send: Callable[[], None]) -> list[Row]:
    """Return the rows of the log that `send` has brought, once its connection is closed."""
    before = len(server.log)
    send()
    wait_until(lambda: not server._loop._connections._open, "the connection is closed")
    return list(itertools.islice(server.log, before, None))


def test_the_table_is_of_the_size_it_should_be() -> None:
    assert len(TABLE) > 100
    assert len({case.sent for case in TABLE}) == len(TABLE)
    assert len({case.name for case in TABLE}) == len(TABLE)


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("case", TABLE, ids=[case.name.replace("{port}", "PORT") for case in TABLE])
def test_gate(gate: HPythonServer, case: Case, cut: bool) -> None:
    data = case.sent.replace(b"{port}", str(gate.port).encode())
    answers = []

    def send() -> None:
        client = RawClient(gate.host, gate.port, 5.0)
        try:
            # In two parts, so that what was refused is followed by bytes that come later.
            for part in (data[:20], data[20:]) if cut else (data,):
                client.send(part)
            answers.append(client.read_all())
        except (BrokenPipeError, ConnectionResetError):  # it was closed while the rest was being sent
            answers.append(b"")
        finally:
            client.close()

    rows = rows_of(gate, send)
    assert [row.event for row in rows] == ["refused"], rows
    assert re.search(r" \(from 127\.0\.0\.1:[0-9]+\)$", rows[0].text)
    assert re.fullmatch("client-[0-9]+", rows[0].client)
    assert list(gate.store) == []
    assert gate.messages_received == 0
    assert case.told in rows[0].text
    assert gate.mode == "evaluate"
    assert "0123456789abcdef" not in "".join(row.text for row in rows)
    statuses = [int(found) for found in re.findall(rb"^HTTP/1\.1 (\d+)", answers[0], re.MULTILINE)]
    if not (cut and not answers[0]):
        assert statuses == ([case.status] if case.status else [])
    assert b"Access-Control" not in answers[0]
    assert b"0123456789abcdef" not in answers[0]


def test_no_other_row_came_later(gate: HPythonServer) -> None:
    assert {row.event for row in gate.log} <= {"started", "refused"}
