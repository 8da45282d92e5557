"""`hdaemon send`: what arrives, and what it says when it does not."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest
from helpers import data_rows, events, payloads, wait_until
from serving import COMMAND, environment, hdaemon, started

from hdaemon import cli
from hdaemon.commands import send as send_command
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

Send = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def send(start_server: Callable[..., HPythonServer]) -> Send:
    """Run `hdaemon send` to a server in evaluate mode."""
    server = start_server(mode="evaluate")

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


def arrived(log: RingLog, *wanted: bytes, channel: str = "default", content_type: str = "text/plain") -> None:
    """Fail unless exactly these messages arrived and the connection was closed by the client."""
    wait_until(lambda: events(log, "disconnected"), "disconnected")
    assert payloads(log) == list(wanted)
    assert {(row.channel, row.content_type) for row in data_rows(log)} <= {(channel, content_type)}


def test_text_is_one_message(send: Send, log: RingLog) -> None:
    done = send("Hello\nW\u00f6rld")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    arrived(log, "Hello\nW\u00f6rld".encode())


def test_verbose(send: Send) -> None:
    done = send("-v", "--channel", "a/b", stdin=b"one\ntwo\n")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"hdaemon: 2 sent to a/b: 2 stored, 0 shown; the last has serial ")


def test_in_print_mode_it_says_that_nothing_was_stored(server: HPythonServer) -> None:
    done = hdaemon("send", "hi", "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 0
    where = f"127.0.0.1:{server.port}"
    assert done.stderr.decode().splitlines() == [
        f"hdaemon: {where} has shown and not stored: the server is in print mode; evaluate also stores"
    ]


def test_each_line_of_standard_input_is_a_message(send: Send, log: RingLog) -> None:
    assert send("--channel", "log", stdin=b"one\r\ntwo\n\nthree").returncode == 0
    arrived(log, b"one", b"two", b"", b"three", channel="log")


def test_many_lines(send: Send, log: RingLog) -> None:
    lines = [b"%d" % number * 20 for number in range(20_000)]
    assert send(stdin=b"\n".join(lines)).returncode == 0
    arrived(log, *lines)


def test_a_line_that_is_not_text_is_bytes(send: Send, log: RingLog) -> None:
    assert send(stdin=b"one\n\xff\xfe\n").returncode == 0
    wait_until(lambda: payloads(log) == [b"one", b"\xff\xfe"])
    assert [row.content_type for row in data_rows(log)] == ["text/plain", "application/octet-stream"]


def test_lines_of_json(send: Send, log: RingLog) -> None:
    assert send("--type", "json", stdin=b'{"x": 1}\n\n[]\n').returncode == 0
    arrived(log, b'{"x": 1}', b"[]", content_type="application/json")


def test_what_is_not_json_is_not_sent(send: Send, log: RingLog) -> None:
    done = send("--type", "json", stdin=b"1\n{\n2\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"hdaemon: line 2 of standard input was not sent: not JSON: ")
    assert b"`jq -c` makes them" in done.stderr
    arrived(log, b"1", content_type="application/json")
    done = send("--type", "json", "{x: 1}")
    assert done.returncode == 1
    assert done.stderr.startswith(b"hdaemon: TEXT was not sent: not JSON: ")


def test_standard_input_of_another_type_is_one_message(send: Send, log: RingLog) -> None:
    assert send("--type", "image/png", stdin=b"\x89PNG\r\n\x1a\n\n").returncode == 0
    arrived(log, b"\x89PNG\r\n\x1a\n\n", content_type="image/png")


def test_nothing_is_sent_for_nothing(send: Send, log: RingLog) -> None:
    assert send(stdin=b"").returncode == 0
    arrived(log)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("some file", "application/octet-stream"),
        ("a.txt", "text/plain"),
        ("A.JSON", "application/json"),
        ("a.msgpack", "application/msgpack"),
        ("a.npy", "application/x-npy"),
        ("a.safetensors", "application/vnd.safetensors"),
        ("a.gz", "application/octet-stream"),
    ],
)
def test_a_file_is_sent_whole_and_its_name_says_what_it_is(
    send: Send, log: RingLog, tmp_path: Path, name: str, content_type: str
) -> None:
    (tmp_path / name).write_bytes(b'[\n"x"\n]\n')
    assert send("--file", str(tmp_path / name)).returncode == 0
    arrived(log, b'[\n"x"\n]\n', content_type=content_type)


def test_an_array(send: Send, store: Store, tmp_path: Path) -> None:
    values = numpy.arange(3_000_000.0).reshape(-1, 3)
    numpy.save(tmp_path / "points.npy", values)
    assert send("--file", str(tmp_path / "points.npy"), "--channel", "sim/points").returncode == 0
    assert numpy.array_equal(store["sim/points"].data, values)
    made = io.BytesIO()
    numpy.save(made, values[:1])
    assert send("--type", "npy", stdin=made.getvalue()).returncode == 0
    assert numpy.array_equal(store["default"].data, values[:1])


@pytest.mark.parametrize("word", list(send_command.TYPES))
def test_short_words_for_types(send: Send, log: RingLog, word: str) -> None:
    assert send("1", "--type", word).returncode == 0
    arrived(log, b"1", content_type=send_command.TYPES[word])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that can be waited for")
def test_standard_input_is_sent_as_it_comes(server: HPythonServer, log: RingLog) -> None:
    process = started("send", "--to", f"127.0.0.1:{server.port}", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    with process, process.stdin:
        process.stdin.write(b"early\nla")
        process.stdin.flush()
        wait_until(lambda: payloads(log) == [b"early"], "the first line while the pipe is open")
        process.stdin.write(b"te\n")
        process.stdin.flush()
        wait_until(lambda: payloads(log) == [b"early", b"late"], "the second")
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c(server: HPythonServer, log: RingLog) -> None:
    process = started("send", "--to", f"127.0.0.1:{server.port}", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    with process, process.stdin, process.stderr:
        process.stdin.write(b"one\n")
        process.stdin.flush()
        wait_until(lambda: payloads(log) == [b"one"])
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert b"Traceback" not in process.stderr.read()


def test_a_server_that_comes_back_while_lines_come(start_server: Callable[..., HPythonServer], log: RingLog) -> None:
    server = start_server()
    process = started("send", "--to", f"127.0.0.1:{server.port}", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    with process, process.stdin:
        process.stdin.write(b"one\n")
        process.stdin.flush()
        wait_until(lambda: payloads(log) == [b"one"])
        server.stop()
        start_server(port=server.port)
        process.stdin.write(b"two\n")
    assert process.returncode == 0
    assert payloads(log) == [b"one", b"two"]


def test_token(start_server: Callable[..., HPythonServer], log: RingLog) -> None:
    server = start_server(token="s3cret")
    done = hdaemon("send", "hi", "--token", "s3cret", "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 0
    arrived(log, b"hi")


@pytest.mark.parametrize("arguments", [[], ["--token", "wrong"]])
def test_a_refusal_is_shown(
    start_server: Callable[..., HPythonServer], log: RingLog, as_another_user: Callable[[], None], arguments: list[str]
) -> None:
    server = start_server(token="s3cret")
    as_another_user()
    done = hdaemon("send", "hi", *arguments, "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    where = f"127.0.0.1:{server.port}"
    assert done.stderr.startswith(
        f"hdaemon: {where} refused the request (401): this server asks for its token".encode()
    )
    assert done.stderr.count(b"\n") == 1
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
    assert b"refused the request (401)" in done.stderr


def test_a_message_over_the_limit_is_refused_and_shown(
    start_server: Callable[..., HPythonServer], log: RingLog, tmp_path: Path
) -> None:
    server = start_server(limits=Limits(max_http_message_bytes=100_000))
    (tmp_path / "large").write_bytes(b"x" * 30_000_000)
    done = hdaemon("send", "--file", str(tmp_path / "large"), "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert b"refused what was sent to channel 'default' (413)" in done.stderr
    assert b"larger than the limit of 100000" in done.stderr
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


def test_what_is_no_hdaemon(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Impatient(send_command.ShowingClient):
        def __init__(self, host: str, port: int, **options: object) -> None:
            super().__init__(host, port, timeout_s=0.1, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(send_command, "ShowingClient", Impatient)
    assert cli.main(["send", "hi", "--to", address(silent)]) == 1
    assert "did not answer within 0.1 s: is it an hdaemon" in capsys.readouterr().err


def test_a_line_without_an_end(
    server: HPythonServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(send_command, "MAX_LINE_BYTES", 1000)
    (tmp_path / "large").write_bytes(b"short\n" + b"x" * 2000)
    with (tmp_path / "large").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert cli.main(["send", "--to", f"127.0.0.1:{server.port}"]) == 1
    assert "line 2 is longer than 1000 bytes: send it as a file" in capsys.readouterr().err


def test_a_file_that_cannot_be_read(send: Send, log: RingLog, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        done = send("--file", str(path))
        assert done.returncode == 1
        assert str(path).encode() in done.stderr
        assert done.stderr.count(b"\n") == 1
    assert payloads(log) == []


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
        (["x", "--channel", "a/#"], b"is a wildcard, for subscribers only"),
        (["x", "--channel", ""], b"a channel name has 1 to 256 bytes"),
        (["x", "--type", "jason"], b"'jason' is none of text, json"),
        (["x", "--type", "a/b\nc"], b"is none of"),
    ],
)
def test_wrong_usage(arguments: list[str], said: bytes) -> None:
    done = hdaemon("send", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
