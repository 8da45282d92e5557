"""What a page that is allowed by name is told, and that nobody else is told anything."""

from __future__ import annotations

import http.client
from collections.abc import Callable

import pytest

from hdaemon.server.thread import HPythonServer
from hdaemon.wire.cors import preflight_answer, readable_by
from hdaemon.wire.heads import parse_head

Start = Callable[..., HPythonServer]
STUDIO = "https://studio.example"
ASK = {"Origin": STUDIO, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}


def test_what_is_added_to_an_answer() -> None:
    body = memoryview(b"x" * 10_000)
    head, same = readable_by(STUDIO, [b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", body])
    assert same is body
    assert bytes(head) == (
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://studio.example\r\n"
        b"Access-Control-Expose-Headers: ETag\r\nVary: Origin\r\nContent-Length: 10000\r\n\r\n"
    )


def test_a_preflight_says_what_may_be_done() -> None:
    head = parse_head(
        b"OPTIONS /channels/a HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Private-Network: true\r\n\r\n"
    )
    (said,) = preflight_answer(head)
    assert bytes(said).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Access-Control-Allow-Methods: GET, HEAD, PUT, POST\r\n" in said
    assert b"Access-Control-Allow-Private-Network: true\r\n" in said
    assert b"Allow-Credentials" not in said


def ask(server: HPythonServer, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.request(method, path, b"hi" if method == "PUT" else None, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def cors(answer: http.client.HTTPResponse) -> list[str]:
    return [value for name, value in answer.getheaders() if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("token", [None, "s3cret"])
def test_a_page_that_is_allowed(start_server: Start, token: str | None) -> None:
    server = start_server(origins=(STUDIO,), token=token)
    preflight = ask(server, "OPTIONS", "/channels/a", ASK)
    assert (preflight.status, preflight.getheader("Access-Control-Allow-Origin")) == (204, STUDIO)
    shown = {} if token is None else {"Authorization": f"Bearer {token}"}
    for method, path, status in (
        ("PUT", "/channels/a", 200),
        ("GET", "/channels/b", 404),
        ("GET", "/status", 200),
        ("OPTIONS", "/channels/a", 405),  # it asks for nothing
    ):
        answer = ask(server, method, path, {"Origin": STUDIO, **shown})
        assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (status, STUDIO)
        assert answer.getheader("Vary") == "Origin"
    if token is not None:
        assert ask(server, "PUT", "/channels/a", {"Origin": STUDIO}).status == 401
        assert server.messages_received == 1


def test_nobody_else_is_told(start_server: Start) -> None:
    allowing, closed = start_server(origins=(STUDIO,)), start_server()
    assert cors(ask(allowing, "PUT", "/channels/a", {})) == []
    for server, headers in ((allowing, {**ASK, "Origin": "https://evil.test"}), (closed, ASK)):
        answer = ask(server, "OPTIONS", "/channels/a", headers)
        assert (answer.status, cors(answer)) == (403, [])


def test_pipelined_requests_of_a_page_are_each_answered_for_it(start_server: Start) -> None:
    from helpers import RawClient

    server = start_server(origins=(STUDIO,))
    client = RawClient(server.host, server.port)
    one = (
        f"PUT /channels/a HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {STUDIO}\r\nContent-Length: 2\r\n\r\nhi"
    )
    last = one.replace("Content-Length", "Connection: close\r\nContent-Length")
    client.send((one * 5 + last).encode())
    assert client.read_all().count(f"Access-Control-Allow-Origin: {STUDIO}\r\n".encode()) == 6
    client.close()
