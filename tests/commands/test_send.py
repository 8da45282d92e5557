"""`hdaemon send`: what arrives, and what it says when it does not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import events, payloads, wait_until
from serving import COMMAND, environment, hdaemon

from hdaemon import cli
from hdaemon.commands import send as send_command
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

Send = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def send(server: HPythonServer) -> Send:
    """Run `hdaemon send` to the test's server."""

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return hdaemon("send", *arguments, "--to", f"127.0.0.1:{server.port}", stdin=stdin)

    return run


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port that accepts and then never says or reads anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def arrived(log: RingLog, *wanted: bytes) -> None:
    """Fail unless exactly these messages arrived and the connection was closed by the client."""
    wait_until(lambda: events(log, "disconnected"), "disconnected")
    assert payloads(log) == list(wanted)


def test_text_is_one_message(send: Send, log: RingLog) -> None:
    done = send("Hello W\u00f6rld")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    arrived(log, "Hello W\u00f6rld".encode())


def test_standard_input_is_sent_as_it_is(send: Send, log: RingLog) -> None:
    assert send(stdin=b"one\r\ntwo\nthree").returncode == 0
    arrived(log, b"one", b"two", b"three")


def test_a_file_is_sent_as_it_is(send: Send, log: RingLog, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    (tmp_path / "some file").write_bytes(data)
    assert send("--file", str(tmp_path / "some file")).returncode == 0
    arrived(log, data)


def test_nothing_is_sent_for_nothing(send: Send, log: RingLog) -> None:
    assert send(stdin=b"").returncode == 0
    arrived(log)


def test_a_mode_word(server: HPythonServer, send: Send, store: Store, log: RingLog) -> None:
    assert send(stdin=b"evaluate\nvalue\n").returncode == 0
    arrived(log, b"value")
    assert store.data == "value"
    assert server.mode == "print"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that can be waited for")
def test_standard_input_is_sent_as_it_comes(server: HPythonServer, log: RingLog) -> None:
    process = subprocess.Popen(
        [*COMMAND, "send", "--to", f"127.0.0.1:{server.port}"],
        stdin=subprocess.PIPE,
        cwd=tempfile.gettempdir(),
        env=environment(),
    )
    assert process.stdin is not None
    with process, process.stdin:
        process.stdin.write(b"early\n")
        process.stdin.flush()
        wait_until(lambda: payloads(log) == [b"early"], "the first line while the pipe is open")
    assert process.returncode == 0


def test_token(start_server: Callable[..., HPythonServer], log: RingLog) -> None:
    server = start_server(token="s3cret")
    done = hdaemon("send", "hi", "--token", "s3cret", "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 0
    arrived(log, b"hi")


@pytest.mark.parametrize("arguments", [[], ["--token", "wrong"]])
def test_a_refusal_is_shown(start_server: Callable[..., HPythonServer], log: RingLog, arguments: list[str]) -> None:
    server = start_server(token="s3cret")
    done = hdaemon("send", "hi", *arguments, "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"hdaemon: 127.0.0.1:{server.port} refused: the first line must be".encode())
    assert payloads(log) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that can be waited for")
def test_a_refusal_is_shown_while_input_is_still_open(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(token="s3cret")
    reader, writer = os.pipe()  # never written to, never closed: as `tail -f` of a quiet file
    try:
        done = subprocess.run(
            [*COMMAND, "send", "--token", "wrong", "--to", f"127.0.0.1:{server.port}"],
            stdin=reader,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
            cwd=tempfile.gettempdir(),
            env=environment(),
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert done.returncode == 1
    assert b"refused: the first line must be" in done.stderr


def test_a_message_over_the_limit_is_refused_and_shown(
    start_server: Callable[..., HPythonServer], log: RingLog, tmp_path: Path
) -> None:
    server = start_server(limits=Limits(max_raw_message_bytes=100_000))
    (tmp_path / "large").write_bytes(b"x" * 30_000_000)
    done = hdaemon("send", "--file", str(tmp_path / "large"), "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert b"larger than the limit of 100000 bytes" in done.stderr
    assert payloads(log) == []


def test_an_http_request_is_told_what_it_was_answered(send: Send, log: RingLog) -> None:
    done = send("GET / HTTP/1.1")
    assert done.returncode == 1
    assert b"answered: HTTP/1.1 400 Bad Request" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert payloads(log) == []


def test_nobody_listens(silent: socket.socket) -> None:
    where = address(silent)
    silent.close()
    done = hdaemon("send", "hi", "--to", where)
    assert done.returncode == 1
    assert done.stderr.startswith(f"hdaemon: {where} refused the connection: is the server started".encode())
    assert done.stderr.count(b"\n") == 1


def test_host_not_found() -> None:
    done = hdaemon("send", "hi", "--to", "no.such.host.invalid:2000")
    assert done.returncode == 1
    assert done.stderr.startswith(b"hdaemon: host 'no.such.host.invalid' was not found")


def test_a_server_that_never_closes(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(send_command, "REPLY_TIMEOUT_S", 0.1)
    assert cli.main(["send", "hi", "--to", address(silent)]) == 1
    assert "has not closed the connection 0.1 s after the last byte" in capsys.readouterr().err


def test_a_server_that_never_reads(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(send_command, "STALL_TIMEOUT_S", 0.2)
    (tmp_path / "large").write_bytes(b"x" * 50_000_000)
    assert cli.main(["send", "--file", str(tmp_path / "large"), "--to", address(silent)]) == 1
    assert "took nothing for 0.2 s" in capsys.readouterr().err


def test_an_address_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def times_out(*_: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(send_command.socket, "create_connection", times_out)
    assert cli.main(["send", "hi", "--to", "192.0.2.1:2000"]) == 1
    assert "192.0.2.1:2000 did not answer within 5 s" in capsys.readouterr().err


def test_a_file_that_cannot_be_read(send: Send, log: RingLog, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        done = send("--file", str(path))
        assert done.returncode == 1
        assert str(path).encode() in done.stderr
        assert done.stderr.count(b"\n") == 1
    assert events(log, "connected") == []  # nobody was bothered


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--to", "::1"], b"write an IPv6 address as [::1]:2000"),
        (["x", "--to", ":2000"], b"is not HOST:PORT"),
        (["x", "--to", "host:0"], b"port 0 cannot be connected to"),
        (["x", "--to", "host:70000"], b"'70000' is not a port"),
        (["x", "--to", "host:"], b"'' is not a port"),
        (["x", "--file", "y"], b"not allowed with argument"),
        (["x", "--token", ""], b"a token is"),
    ],
)
def test_wrong_usage(arguments: list[str], said: bytes) -> None:
    done = hdaemon("send", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
