"""`hdaemon.client` and servers that are not there, not ours, silent or answer nonsense: what is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from client_fakes import STATUS, Connection, Script, acknowledging, answers, serving, until_end
from helpers import payloads, wait_until

import hdaemon.client as client_module
from hdaemon.client import (
    Client,
    ClientError,
    Disconnected,
    NotHdaemon,
    Refused,
    Rejected,
    Timeout,
    Unauthorized,
    Unavailable,
)
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits


def says(data: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.sock.sendall(data)
        until_end(connection)

    return script


def breaks_off(data: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.request()
        connection.sock.sendall(data)

    return script


@pytest.fixture
def no_port() -> Iterator[int]:
    """A port where nobody listens, and nobody else will."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def test_nobody_listens(no_port: int) -> None:
    client = Client(port=no_port)
    with pytest.raises(Refused, match=rf"^127\.0\.0\.1:{no_port} refused the connection: is the server started"):
        client.send("x")
    assert client.unacknowledged == 0
    with pytest.raises(Refused):
        client.subscribe("x")
    client.close()


def test_after_giving_up_each_call_tries_once(no_port: int) -> None:
    client = Client(port=no_port, reconnect_s=0.2)
    client._was_connected = True
    with pytest.raises(Disconnected):
        client.send("x")
    assert client._lost_at is not None
    client._lost_at -= 1
    attempts: list[int] = []
    connect = client._connect
    client._connect = lambda: (attempts.append(1), connect())[1]  # type: ignore[method-assign]
    with pytest.raises(Disconnected):
        client.send("x")
    assert len(attempts) == 1


def test_no_such_host() -> None:
    with pytest.raises(Refused, match=r"host 'no\.such\.host\.invalid' was not found: is the name right\?"):
        Client("no.such.host.invalid").connect()
    with pytest.raises(Refused, match="was not found"):
        Client("x" * 100).connect()


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), NotHdaemon, "is not an hdaemon: it answered 'SSH-2.0-OpenSSH_9.6'; is"),
        (says(b"\xff\xfe" * 50), NotHdaemon, "is not an hdaemon: it answered"),
        (says(b"HTTP/1.1 abc\r\n\r\n"), Disconnected, "which is not HTTP"),
        (says(b"HTTP/1.1 " + b"x" * 100_000), NotHdaemon, "a head without an end"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), NotHdaemon, "has 99999999 bytes"),
        (says(b"hdaemon: refused: 64 clients are connected\n"), Refused, "refused the connection: 64 clients are"),
        (answers(200, {"hello": "world"}), NotHdaemon, r"a web server and not an hdaemon \(it answered .* with 200"),
        (answers(404, {"error": "no such page"}), NotHdaemon, r"is a web server .* with 404"),
        (answers(500, {}), NotHdaemon, r"is a web server .* with 500"),
        (answers(401, {"error": "show the token"}), Unauthorized, r"refused the request \(401\): show the token"),
        (answers(500, {"error": "broken"}), Rejected, r"refused the request \(500\): broken"),
        (answers(503, {"error": "64 clients are connected"}), Refused, "refused the connection: 64 clients are"),
        (breaks_off(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"na'), Disconnected, "broke the connection"),
        (breaks_off(b"HTT"), Disconnected, "broke the connection"),
        (lambda connection: None, Disconnected, "broke the connection: .*; is it an hdaemon"),
    ],
)  # fmt: skip
def test_not_an_hdaemon(script: Script, kind: type[ClientError], said: str) -> None:
    with serving(script) as port, Client(port=port, timeout_s=5) as client:
        with pytest.raises(kind, match=said) as caught:
            client.send("x")
        assert type(caught.value) is kind
        assert str(caught.value).startswith(f"127.0.0.1:{port} ")
        assert client.unacknowledged == 0


def test_a_silent_port() -> None:
    with serving(until_end) as port, Client(port=port, timeout_s=0.1) as client:
        with pytest.raises(
            Timeout, match=r"did not answer within 0\.1 s: is it an hdaemon, and its program not stopped"
        ):
            client.send("x")


def test_too_many_clients(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(limits=Limits(max_clients=1))
    with Client(server.host, server.port) as client:
        client.connect()
        with pytest.raises(Refused, match="1 clients are connected, which is the limit max_clients"):
            Client(server.host, server.port).connect()


def test_a_server_that_takes_nothing() -> None:
    go = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        if connection.number == 1:
            go.wait(20)
        else:
            acknowledging(connection)

    with serving(script) as port:
        client = Client(port=port, timeout_s=0.2)
        with pytest.raises(Timeout, match=r"took nothing for 0\.2 s: is its program stopped\?"):
            client.send(b"x" * 100_000_000)
        assert client.unacknowledged == 0  # it raised, so it was not taken
        go.set()
        client.send("small", wait=True)
        client.close()


def test_a_server_that_does_not_answer() -> None:
    """It is waited for, and a later call goes on waiting: nothing is sent twice."""
    go, seen = threading.Event(), []

    def script(connection: Connection) -> None:
        connection.hello()
        seen.append(connection.request()[3])
        connection.acknowledge(1)
        seen.append(connection.request()[3])
        go.wait(20)
        connection.acknowledge(2)
        until_end(connection)

    with serving(script) as port, Client(port=port, timeout_s=0.1) as client:
        client.send("one", wait=True)
        client.send("two")
        with pytest.raises(Timeout, match=r"has not answered for .* s, 1 messages are not acknowledged"):
            client.flush()
        with pytest.raises(Timeout):
            client.flush(timeout_s=0.01)
        go.set()
        client.timeout_s = 10
        assert client.flush().count == 2
    assert seen == [b"one", b"two"]


def test_answers_are_read_while_sending() -> None:
    """A server that reads on only when its answers are read must not stop both."""

    def script(connection: Connection) -> None:
        connection.hello()
        connection.request()
        filler = "x" * 30_000
        for number in range(1, 1000):  # 30 MB: more than the system holds
            connection.answer(200, {"serial": number, "channel": filler, "mode": "print", "stored": False})
            connection.request()
        until_end(connection)

    with serving(script) as port:
        client = Client(port=port, timeout_s=10, window=1024, window_bytes=1 << 30)
        for _ in range(1000):
            client.send(b"x" * 60_000)
        assert client.unacknowledged < 1000
        client.discard()


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"y" * 100_000,
    ],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        if connection.number == 2:
            acknowledging(connection)
        connection.request()
        connection.sock.sendall(answer)
        until_end(connection)

    with serving(script) as port, Client(port=port) as client:
        assert client.send("x", wait=True).serial == 1


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_answers_may_be_cut_anywhere(size: int) -> None:
    """And written otherwise than this server writes them."""
    body = b'{"channel":"a,b","stored":true,"serial":%d,"mode":"evaluate"}'

    def script(connection: Connection) -> None:
        connection.hello()
        data = b""
        for number in range(5):
            connection.request()
            part = body % (number + 1)
            data += b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" if number == 2 else b""
            data += b"HTTP/1.1 200 OK\r\ncontent-length:%d\r\nX: y\r\n\r\n" % len(part) + part
        for start in range(0, len(data), size):
            connection.sock.sendall(data[start : start + size])
        until_end(connection)

    with serving(script) as port, Client(port=port) as client:
        client._read_at = float("inf")  # as if it had just been used: the first is then not waited for
        client.connect()
        acks = [client.send(str(number)) for number in range(5)]
        client.flush()
    assert [(ack.serial, ack.mode, ack.stored) for ack in acks] == [(n, "evaluate", True) for n in range(1, 6)]


def test_what_a_callback_raises_is_not_hidden(server: HPythonServer, log: RingLog) -> None:
    def fails(event: str, text: str) -> None:
        raise ZeroDivisionError

    client = Client(server.host, server.port, on_event=fails)
    with pytest.raises(ZeroDivisionError):
        client.send("x")
    client.on_event = None
    client.send("y", wait=True)
    client.close()
    wait_until(lambda: payloads(log) == [b"y"])


def test_the_tree_of_errors() -> None:
    assert issubclass(Refused, Unavailable)
    assert issubclass(Timeout, Unavailable)
    assert issubclass(Disconnected, Unavailable)
    assert issubclass(Unauthorized, Rejected)
    assert all(issubclass(kind, ClientError) for kind in (Unavailable, NotHdaemon, Rejected))
    assert STATUS


def test_small_writes_are_gathered_by_the_system_while_many_are_unanswered() -> None:
    """Each alone would take a kilobyte of the server's receive buffer; one alone is never held back."""
    go_on = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        connection.request()
        connection.acknowledge(1)
        assert go_on.wait(20)
        acknowledging(connection)

    def gathers(client: Client) -> bool:
        assert client._sock is not None
        return not client._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    with serving(script) as port, Client(port=port) as client:
        client.send("x", wait=True)
        for number in range(1, 201):
            client.send("x")
            assert gathers(client) is (number > client_module._CROWDED)
        go_on.set()
        assert client.flush().count == 201
        assert not gathers(client)
        client.send("x")
        assert not gathers(client)
        assert client.flush().count == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="the system does not let a program choose")
@pytest.mark.parametrize(("inside", "wanted"), [(True, b"reno"), (False, b"reno"), (True, b"nobody has it")])
def test_only_connections_inside_this_machine_are_not_paced(
    inside: bool, wanted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        acknowledging(connection)

    def control_of(sock: socket.socket) -> bytes:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")

    monkeypatch.setattr(client_module, "_is_loopback", lambda address: inside and address == "127.0.0.1")
    monkeypatch.setattr(client_module, "_NO_PACING", wanted)
    with serving(script) as port, Client(port=port) as client, socket.socket() as other:
        client.send("x", wait=True)
        assert client._sock is not None
        as_it_comes = control_of(other)
        assert control_of(client._sock) == (b"reno" if inside and wanted == b"reno" else as_it_comes)
