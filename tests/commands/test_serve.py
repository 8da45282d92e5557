"""`hdaemon serve` as a program: what it writes, where, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from serving import COMMAND, Serving, environment, hdaemon, started

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")


def send(serving: Serving, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", serving.port), 10) as sock:
        sock.sendall(data)


def test_first_line_tells_where_it_listens() -> None:
    with Serving() as serving:
        assert re.fullmatch(rb"hdaemon: listening on 127\.0\.0\.1:\d+", serving.started)
        send(serving, b"x")


def test_a_line_a_message_is_seen_at_once() -> None:
    with Serving() as serving, socket.create_connection(("127.0.0.1", serving.port), 10) as sock:
        for text in (b"one", "zw\u00f6lf".encode(), b"three"):
            sock.sendall(text + b"\r\n")
            assert serving.out.next() == text


def test_a_line_is_not_cut() -> None:
    with Serving() as serving:
        send(serving, b"x" * 1_000_000 + b"\nend\n")
        assert serving.out.next() == b"x" * 1_000_000
        assert serving.out.next() == b"end"


def test_control_characters_are_made_visible() -> None:
    with Serving() as serving:
        send(serving, b"a\tb\x1b[31m\rc\n")
        assert serving.out.next().decode() == "a b\u241b[31m\u240dc"


def test_unicode_line_ends_do_not_make_two_lines() -> None:
    with Serving() as serving:
        send(serving, "a\u2028b\u0085c\x0bd\n".encode())
        assert serving.out.next().decode() == "a\u240ab\ufffdc\u240bd"


def test_a_burst_is_one_line() -> None:
    with Serving("--raw-framing", "burst") as serving:
        send(serving, b"a\nb\n")
        assert serving.out.next().decode() == "a\u240ab\u240a"


def test_bytes_are_shown_as_their_beginning() -> None:
    with Serving() as serving:
        send(serving, b"\0\xff" * 1000)
        line = serving.out.next().decode()
        assert line.startswith("<application/octet-stream, 2,000 bytes> 00 ff 00")
        assert len(line) < 300


def test_json() -> None:
    with Serving("--json") as serving:
        send(serving, 'q"\x1b\u0085\u2028\n'.encode() + b"second\r\npart")
        rows = [json.loads(serving.out.next()) for _ in range(3)]
        assert [row.pop("time") > 1e9 for row in rows] == [True] * 3
        shared = {"client": "client-1", "channel": "default", "type": "text/plain"}
        assert rows == [
            {"serial": 1, **shared, "size": 8, "text": 'q"\x1b\u0085\u2028'},
            {"serial": 2, **shared, "size": 6, "text": "second"},
            {"serial": 3, **shared, "size": 4, "text": "part"},
        ]


def test_json_is_ascii_and_bytes_are_base64() -> None:
    with Serving("--json") as serving:
        send(serving, "\u00fc\u009b\n".encode())
        line = serving.out.next()
        assert line.isascii()
        assert json.loads(line)["text"] == "\u00fc\u009b"
        send(serving, b"\0\xff\n")
        row = json.loads(serving.out.next())
        assert row["type"] == "application/octet-stream"
        assert base64.b64decode(row["base64"]) == b"\0\xff\n"
        assert "text" not in row


def test_many_lines_come_whole_and_in_order() -> None:
    count = 50_000
    with Serving() as serving:
        send(serving, b"".join(b"%d\n" % i for i in range(count)))
        assert [serving.out.next() for _ in range(count)] == [b"%d" % i for i in range(count)]


def test_what_happens_is_told_on_standard_error() -> None:
    with Serving("--lock") as serving:
        send(serving, b"evaluate\nhi\n")
        assert serving.out.next() == b"hi"
        assert serving.err.next().startswith(b"hdaemon: client-1: connected: 127.0.0.1:")
        assert serving.err.next() == b"hdaemon: client-1: refused: asked for evaluate, but the mode is locked"
        assert serving.err.next().startswith(b"hdaemon: client-1: disconnected: closed by the client; 1 message, ")
        serving.end()
        assert serving.err.rest() == [b"hdaemon: no longer listening on " + serving.address.encode()]
        assert serving.out.rest() == []


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_what_came_is_written(number: signal.Signals) -> None:
    with Serving() as serving, socket.create_connection(("127.0.0.1", serving.port), 10) as sock:
        sock.sendall(b"first\nunfinished")
        assert serving.out.next() == b"first"
        assert serving.end(number) == 0
        assert serving.out.rest() == [b"unfinished"]
        assert serving.err.rest()[-1] == b"hdaemon: no longer listening on " + serving.address.encode()


@posix
def test_a_signal_stops_it_while_nobody_reads_the_pipe() -> None:
    process = started("serve", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        port = int(process.stderr.readline().rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.settimeout(1.0)
            with pytest.raises(TimeoutError):
                sock.sendall((b"x" * 99 + b"\n") * 1_000_000)  # the pipe is full, so no more is read: TCP holds it back
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


@posix
def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    """As `hdaemon serve | head -1` does, and without waiting for another message."""
    process = started("serve", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr:
        port = int(process.stderr.readline().rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(b"one\n")
            assert process.stdout.readline() == b"one\n"
            process.stdout.close()
            assert process.wait(10) == 0
            told = process.stderr.read()
    assert b"Traceback" not in told
    assert b"cannot write" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        process = started("serve", "--port", "0", stdout=full, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process, process.stderr:
        port = int(process.stderr.readline().rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(b"one\n")
            assert process.wait(10) == 1
        assert process.stderr.read().splitlines()[-1].startswith(b"hdaemon: cannot write to standard output: ")


def test_a_token_of_ones_own_is_needed_and_never_told() -> None:
    with Serving("--token", "s3cret") as serving:
        send(serving, b"token wrong\nlost\n")
        assert b"no valid token" in serving.err.until(b"refused")
        send(serving, b"token s3cret\nhi\n")
        assert serving.out.next() == b"hi"
        serving.end()
        assert not any(b"s3cret" in line for line in serving.err.rest())


def test_a_made_token_is_told_once() -> None:
    with Serving("--token") as serving:
        token = serving.err.until(b"token").rpartition(b" ")[2]
        assert len(token) >= 43
        send(serving, b"token " + token + b"\nhi\n")
        assert serving.out.next() == b"hi"
        serving.end()
        assert not any(token in line for line in serving.err.rest())


def test_evaluate_mode_writes_as_well() -> None:
    with Serving("--mode", "evaluate") as serving:
        send(serving, b"hi\n")
        assert serving.out.next() == b"hi"


def test_a_busy_port_takes_the_next_one_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        if port > 65000:
            pytest.skip("too few ports above it")
        with Serving("--port", str(port)) as serving:
            assert re.fullmatch(
                rb"hdaemon: listening on 127\.0\.0\.1:\d+ \(port %d is in use\)" % port, serving.started
            )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], b"give the server a token"),
        (["--host", "192.0.2.1", "--token", "x"], b"192.0.2.1 is not an address of this machine"),
        (["--host", "no.such.host.invalid", "--token", "x"], b"cannot be found"),
    ],
)
def test_a_host_that_cannot_be_bound_fails_in_one_line(arguments: list[str], said: bytes) -> None:
    done = hdaemon("serve", "--port", "0", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "65536"], b"'65536' is not a port"),
        (["--port", "-1"], b"--port"),
        (["--port", "http"], b"'http' is not a port"),
        (["--mode", "exec"], b"invalid choice"),
        (["--raw-framing", "none"], b"invalid choice"),
        (["--token", "two\nlines"], b"a token is"),
        (["--token", "x" * 1001], b"a token is"),
    ],
)
def test_wrong_usage(arguments: list[str], said: bytes) -> None:
    done = hdaemon("serve", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


@posix
def test_without_standard_output_it_does_not_even_listen() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
        cwd=tempfile.gettempdir(),
        env=environment(),
    )
    assert done.returncode == 1
    assert done.stderr == b"hdaemon: there is no standard output to write messages to" + os.linesep.encode()


def test_limits_can_be_changed() -> None:
    limits = ("max_clients=1", "max_http_message_bytes=1KiB", "idle_s=2.5")
    with Serving(*[word for limit in limits for word in ("--limit", limit)]) as serving:
        done = hdaemon("send", "x" * 1025, "--channel", "a", "--to", serving.address)
        assert done.returncode == 1
        assert b"1025 bytes is larger than the limit of 1024" in done.stderr
        with socket.create_connection(("127.0.0.1", serving.port), 10):
            serving.err.until(b"client-2: connected")
            done = hdaemon("send", "x", "--to", serving.address)
        assert b"1 clients are connected" in done.stderr


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("max_cats=1", b"there is no limit 'max_cats': there are max_clients, max_raw_message_bytes"),
        ("max_clients", b"'' is no value of max_clients: give a whole number above 0"),
        ("max_clients=0", b"'0' is no value of max_clients"),
        ("max_clients=2.5", b"'2.5' is no value of max_clients"),
        ("max_clients=many", b"'many' is no value"),
        ("idle_s=nan", b"'nan' is no value of idle_s: give seconds above 0"),
    ],
)
def test_what_is_no_limit(limit: str, said: bytes) -> None:
    done = hdaemon("serve", "--limit", limit)
    assert done.returncode == 2
    assert said in done.stderr
