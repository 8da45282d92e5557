"""Opening the port, and accepting when the system cannot."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import ExitStack

import pytest

from hdaemon.errors import BindError
from hdaemon.server import listener
from hdaemon.server.listener import PORTS_TRIED, Acceptor, is_loopback, listen


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.0.1", "localhost.example.com", "127.0.0.1.example.com", "1.2.3"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_any_free_port() -> None:
    with listen("127.0.0.1", 0) as sock:
        assert sock.getsockname()[1] > 0
        assert not sock.getblocking()
        assert not sock.get_inheritable(), "a child process would hold the port"


def test_localhost_is_ipv4_first() -> None:
    """The original client connects with an AF_INET socket."""
    with listen("localhost", 0) as sock:
        assert sock.family == socket.AF_INET


class FakeSocket(socket.socket):
    """Says what the system says when it does not let one bind."""

    number = errno.EADDRINUSE
    tried: list[int] = []

    def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
        self.tried.append(address[1])
        raise OSError(self.number, "as the system says it")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeSocket]:
    monkeypatch.setattr(FakeSocket, "tried", [])
    monkeypatch.setattr(socket, "socket", FakeSocket)
    return FakeSocket


def test_a_hundred_ports_are_tried(fake: type[FakeSocket]) -> None:
    with pytest.raises(BindError, match="ports 2000 to 2099 on 127.0.0.1 are all in use: stop a server, or use port 0"):
        listen("127.0.0.1", 2000)
    assert fake.tried == list(range(2000, 2000 + PORTS_TRIED))


def test_not_past_the_last_port(fake: type[FakeSocket]) -> None:
    with pytest.raises(BindError, match="ports 65530 to 65535"):
        listen("127.0.0.1", 65_530)
    assert fake.tried == list(range(65_530, 65_536))


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, "no permission to listen on port 80"),
        (errno.EADDRNOTAVAIL, "not an address of this machine"),
        (errno.EMFILE, "cannot listen on 127.0.0.1:80: "),
    ],
)
def test_other_errors_are_said_at_once(
    fake: type[FakeSocket], monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    monkeypatch.setattr(FakeSocket, "number", number)
    with pytest.raises(BindError, match=says):
        listen("127.0.0.1", 80)
    assert fake.tried == [80]


@pytest.mark.parametrize("port", [-1, 65_536, True, "2000", 2000.0, None])
def test_what_is_no_port(port: object) -> None:
    with pytest.raises(BindError, match="out of range"):
        listen("127.0.0.1", port)  # type: ignore[arg-type]


class FakeListener:
    """A listening socket whose `accept` fails as told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def fileno(self) -> int:
        return 1

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if self.errors:
            raise self.errors.pop(0)
        return socket.socket(), ("127.0.0.1", 5)


def test_the_pauses_grow_to_a_second_and_are_told_once() -> None:
    no_files = [OSError(errno.EMFILE, "Too many open files") for _ in range(8)]
    acceptor = Acceptor(FakeListener(*no_files))  # type: ignore[arg-type]
    pauses, news = [], []
    for _ in range(8):
        began = time.monotonic()
        assert acceptor.accept() == []
        assert acceptor.again_at is not None
        pauses.append(acceptor.again_at - began)
        news.append(acceptor.news)
    assert pauses[0] == pytest.approx(0.05, abs=0.04)
    assert pauses[-1] == pytest.approx(1.0, abs=0.04)
    assert news[0] is not None
    assert "cannot accept clients: Too many open files; raise the limit" in news[0][1]
    assert news[1:] == [None] * 7
    accepted = acceptor.accept()
    assert len(accepted) == 32, "a turn accepts so many, then others have theirs"
    assert accepted[0][1] == "127.0.0.1:5"
    assert acceptor.news == ("accepting", "clients can connect again")
    for sock, _ in accepted:
        sock.close()


def test_a_pause_is_over_once() -> None:
    acceptor = Acceptor(FakeListener(OSError(errno.EMFILE, "Too many open files")))  # type: ignore[arg-type]
    assert not acceptor.resume(time.monotonic())
    acceptor.accept()
    again_at = acceptor.again_at
    assert again_at is not None
    assert not acceptor.resume(again_at - 0.001)
    assert acceptor.again_at == again_at
    assert acceptor.resume(again_at)
    assert acceptor.again_at is None
    assert not acceptor.resume(again_at + 1)


@pytest.mark.skipif(listener.resource is None, reason="sockets are not counted among the files here")
def test_the_last_descriptors_are_left_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one client too many is accepted: those that wait are served when there is room again."""
    with ExitStack() as stack:
        sock = stack.enter_context(listen("127.0.0.1", 0))
        clients = [stack.enter_context(socket.create_connection(sock.getsockname(), 5)) for _ in range(5)]
        acceptor = Acceptor(sock)
        with socket.socket() as next_one:
            number = next_one.fileno()
        monkeypatch.setattr(listener, "_SPARE", 2)
        limits = [number + 3 + 2]
        monkeypatch.setattr(listener.resource, "getrlimit", lambda _: (limits[0], limits[0]))
        accepted = [stack.enter_context(client) for client, _ in acceptor.accept()]
        assert max(client.fileno() for client in accepted) < number + 3
        assert 0 < len(accepted) <= 3
        assert acceptor.news is not None
        assert "raise the limit of open files or close clients" in acceptor.news[1]
        assert acceptor.accept() == []
        limits[0] = listener.resource.RLIM_INFINITY
        accepted += [stack.enter_context(client) for client, _ in acceptor.accept()]
        assert len(accepted) == len(clients)
        assert acceptor.news == ("accepting", "clients can connect again")


@pytest.mark.parametrize("error", [BlockingIOError(), ConnectionAbortedError(), InterruptedError()])
def test_a_client_that_went_before_it_was_accepted_is_no_error(error: Exception) -> None:
    acceptor = Acceptor(FakeListener(error))  # type: ignore[arg-type]
    assert acceptor.accept() == []
    assert acceptor.again_at is None
    assert acceptor.news is None


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="the system does not let a program choose")
@pytest.mark.parametrize("inside", [True, False])
def test_connections_inside_this_machine_are_not_paced(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are left as the system has them."""
    with listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), 5) as client:
        monkeypatch.setattr(listener, "is_loopback", lambda address: inside and is_loopback(address))
        ((accepted, _),) = Acceptor(sock).accept()
        with accepted:
            expected = b"reno" if inside else control_of(client)
            assert control_of(accepted) == expected


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="the system does not let a program choose")
def test_a_system_that_does_not_allow_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "NO_PACING", b"nobody has it")
    with listen("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname(), 5) as client:
        ((accepted, _),) = Acceptor(sock).accept()
        with accepted:
            assert control_of(accepted) == control_of(client)


def control_of(sock: socket.socket) -> bytes:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
