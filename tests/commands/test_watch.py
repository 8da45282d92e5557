"""`hdaemon watch`: what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from helpers import wait_until
from serving import _Lines, hdaemon, started

from hdaemon.client import Client
from hdaemon.server.thread import HPythonServer


class Watching:
    """A running `hdaemon watch`; leave the `with` block to have it ended."""

    def __init__(self, server: HPythonServer, *arguments: str) -> None:
        self.process = started(
            "watch",
            *arguments,
            "--to",
            f"127.0.0.1:{server.port}",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = _Lines(self.process.stdout), _Lines(self.process.stderr)
        self.err.until(b"hdaemon: watching ")

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        self.out.close()
        self.err.close()


@pytest.fixture
def client(server: HPythonServer) -> Iterator[Client]:
    with Client(server.host, server.port) as made:
        yield made


def test_a_line_a_message(server: HPythonServer, client: Client) -> None:
    client.mode = "evaluate"
    client.send("already there", "a", wait=True)
    with Watching(server, "a") as watching:
        assert watching.out.next() == b"already there"
        client.send("two\nlines", "a")
        client.send({"x": 1}, "a")
        client.send(b"\0\1", "a")
        client.send("elsewhere", "b")
        client.mode = "print"
        client.send("only shown", "a", wait=True)
        assert watching.out.next() == "two\u240alines".encode()
        assert watching.out.next() == b'<application/json, 7 bytes> {"x":1}'
        assert watching.out.next() == b"<application/octet-stream, 2 bytes> 00 01"
        assert watching.out.next() == b"only shown"


def test_a_pattern_shows_the_channel_too(server: HPythonServer, client: Client) -> None:
    with Watching(server, "maya/#") as watching:
        for channel in ("maya/a", "blender", "maya/a/b"):
            client.send("value", channel, wait=True)
        assert [watching.out.next() for _ in range(2)] == [b"maya/a: value", b"maya/a/b: value"]


def test_json(server: HPythonServer, client: Client) -> None:
    with Watching(server, "+", "--json") as watching:
        ack = client.send("text", "a", wait=True)
        client.send(b"\xff", "b", wait=True)
        rows = [json.loads(watching.out.next()) for _ in range(2)]
    assert rows[0].items() >= {"serial": ack.serial, "channel": "a", "type": "text/plain", "text": "text"}.items()
    assert rows[0]["client"].startswith("client-")
    assert rows[1].items() >= {"channel": "b", "type": "application/octet-stream", "base64": "/w=="}.items()


def test_it_ends_after_a_number_of_messages(server: HPythonServer, client: Client) -> None:
    with Watching(server, "a", "--count", "3", "--seconds", "30") as watching:
        with client.batch():
            for number in range(10):
                client.send(str(number), "a")
        assert watching.process.wait(10) == 0
        assert watching.out.rest() == [b"0", b"1", b"2"]


def test_it_ends_when_the_time_is_over(server: HPythonServer) -> None:
    with Watching(server, "a", "--seconds", "0.2") as watching:
        assert watching.process.wait(10) == 0
    with Watching(server, "a", "--seconds", "0.2", "--count", "1") as watching:
        assert watching.process.wait(10) == 1
        assert watching.err.rest() == [b"hdaemon: 0 of 1 messages came within 0.2 s"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it(server: HPythonServer, number: signal.Signals) -> None:
    with Watching(server, "a") as watching:
        watching.process.send_signal(number)
        assert watching.process.wait(10) == 0
        assert watching.err.rest() == []
    wait_until(lambda: not server.clients, "closed")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that tells when it is closed")
def test_a_reader_that_closes_the_pipe_ends_it(server: HPythonServer) -> None:
    """As in `hdaemon watch a | head -1`, also when nothing comes any more."""
    process = started(
        "watch",
        "a",
        "--to",
        f"127.0.0.1:{server.port}",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr:
        process.stdout.close()
        assert process.wait(10) == 0
        assert process.stderr.read().count(b"\n") == 1


def test_a_server_that_goes_and_comes_back(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server()
    with Watching(server, "a") as watching:
        server.stop()
        watching.err.until(b"broke: ")
        again = start_server(port=server.port)
        watching.err.until(b"again; what came meanwhile was not seen")
        with Client(again.host, again.port) as client:
            client.send("after", "a")
        assert watching.out.next() == b"after"


def test_token(start_server: Callable[..., HPythonServer], as_another_user: Callable[[], None]) -> None:
    server = start_server(token="s3cret")
    as_another_user()
    done = hdaemon("watch", "a", "--to", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert b"(401): this server asks for its token" in done.stderr
    with Watching(server, "a", "--token", "s3cret") as watching:
        with Client(server.host, server.port, token="s3cret") as client:
            client.send("x", "a")
        assert watching.out.next() == b"x"


def test_nobody_listens() -> None:
    done = hdaemon("watch", "a", "--to", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith(b"hdaemon: 127.0.0.1:1 refused the connection: is the server started")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], b"required: CHANNEL"),
        (["a", "--count", "0"], b"'0' is not a number of messages"),
        (["a", "--seconds", "nan"], b"'nan' is not a number of seconds"),
        (["a\nb"], b"channel name"),
    ],
)
def test_wrong_usage(arguments: list[str], said: bytes) -> None:
    done = hdaemon("watch", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
