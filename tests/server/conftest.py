"""Fixtures of the server's tests: servers in evaluate mode, and clients of them."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator

import pytest
from websocket_client import Socket

from hdaemon.server.thread import HPythonServer
from hdaemon.wire import heads

Start = Callable[..., HPythonServer]


@pytest.fixture
def evaluating(start_server: Start) -> HPythonServer:
    """A server that listens on 127.0.0.1, any port, in evaluate mode, with the test's `store` and `log`."""
    return start_server(mode="evaluate")


@pytest.fixture(params=["httptools", "h11"])
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with each of the parsers of request heads."""
    if request.param == "httptools":
        pytest.importorskip("httptools")
        monkeypatch.setattr(heads, "_chosen", [heads.parse_with_httptools])
    else:
        monkeypatch.setattr(heads, "_chosen", [heads.parse_with_h11])


@pytest.fixture
def ask(evaluating: HPythonServer) -> Iterator[Callable[..., tuple[int, dict[str, str], bytes]]]:
    """Send requests on one connection: `ask("PUT", "/mode", b'"print"')` gives status, headers and body."""
    connection = http.client.HTTPConnection(evaluating.host, evaluating.port, timeout=20)

    def one(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    yield one
    connection.close()


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
