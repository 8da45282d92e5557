"""`hdaemon sessions`: what runs, what has gone, and that no token is shown unasked; `--to` a session's name."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import payloads, wait_until
from serving import Serving, hdaemon

from hdaemon import paths
from hdaemon.log import RingLog
from hdaemon.server import sessions
from hdaemon.server.sessions import SessionFile
from hdaemon.server.thread import HPythonServer

Start = Callable[..., HPythonServer]
TOKEN = "0123456789abcdef-token"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's session files lie."""
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "state"))
    return paths.sessions_dir()


def test_none() -> None:
    done = hdaemon("sessions")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"no session is running: `hdaemon serve`" in done.stderr
    done = hdaemon("sessions", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_they_are_listed_without_their_tokens(start_server: Start) -> None:
    one = start_server("one", mode="evaluate")
    two = start_server("two", token=TOKEN)
    done = hdaemon("sessions")
    assert done.returncode == 0
    title, first, second = done.stdout.decode().splitlines()
    assert title.split() == ["NAME", "ADDRESS", "MODE", "CLIENTS", "MESSAGES", "PID", "STARTED", "TOKEN"]
    assert first.split()[:5] == ["one", f"127.0.0.1:{one.port}", "evaluate", "0", "0"]
    assert second.split()[:3] == ["two", f"127.0.0.1:{two.port}", "print"]
    assert (first.split()[-1], second.split()[-1]) == ("-", "needed")
    done = hdaemon("sessions", "--json")
    listed = json.loads(done.stdout)
    assert [(row["name"], row["port"], row["token_required"]) for row in listed] == [
        ("one", one.port, False),
        ("two", two.port, True),
    ]
    assert "token" not in listed[1]
    assert TOKEN not in hdaemon("sessions").stdout.decode() + done.stdout.decode()
    assert two.wrong_tokens == 0


def test_they_are_shown_when_asked_for(start_server: Start) -> None:
    start_server("two", token=TOKEN)
    assert hdaemon("sessions", "--show-token").stdout.decode().splitlines()[1].split()[-1] == TOKEN
    assert json.loads(hdaemon("sessions", "--show-token", "--json").stdout)[0]["token"] == TOKEN


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is not asked whether it is there")
def test_what_a_crash_left_is_removed(folder: Path) -> None:
    with Serving():
        assert len(list(folder.iterdir())) == 1
    done = hdaemon("sessions")  # it was killed
    assert b"no session is running" in done.stderr
    assert list(folder.iterdir()) == []


def test_where_nobody_listens_any_more(folder: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        SessionFile("gone", "127.0.0.1", sock.getsockname()[1], None)
        done = hdaemon("sessions")
    assert b"no session is running" in done.stderr
    assert list(folder.iterdir()) == []


def test_one_that_does_not_answer_is_listed_as_that(folder: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        file = SessionFile("stuck\n\x1b[31m", "127.0.0.1", sock.getsockname()[1], None)
        done = hdaemon("sessions")
        file.remove()
    (_, line) = done.stdout.decode().splitlines()  # its name is one line, and drives no terminal
    assert "not answering" in line
    assert "\x1b" not in line


# -- --to a name ------------------------------------------------------------------------------------------


def test_sending_to_a_session_by_its_name(start_server: Start, log: RingLog) -> None:
    start_server("shot_010", token=TOKEN)
    done = hdaemon("send", "hi", "--to", "shot_010")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: payloads(log) == [b"hi"])


def test_watching_a_session_by_its_name(start_server: Start) -> None:
    server = start_server("shot_010", token=TOKEN)
    server.publish("a", "text/plain", b"x")
    done = hdaemon("watch", "a", "--to", "shot_010", "--count", "1")
    assert (done.returncode, done.stdout) == (0, b"x\n"), done.stderr


def test_two_of_a_name_are_told_apart_by_their_ports(start_server: Start) -> None:
    ports = [start_server("python_server").port for _ in range(2)]
    done = hdaemon("send", "hi", "--to", "python_server")
    assert done.returncode == 2
    assert b"2 sessions are called 'python_server': write 127.0.0.1:" in done.stderr
    assert all(str(port).encode() in done.stderr for port in ports)


def test_a_name_that_no_session_has_is_a_host(start_server: Start) -> None:
    start_server("shot_010")
    done = hdaemon("send", "hi", "--to", "shot_020.invalid")
    assert done.returncode == 1
    assert b"shot_020.invalid" in done.stderr
    assert len(sessions.find()) == 1


# -- serve ------------------------------------------------------------------------------------------------


def test_serve_takes_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HDAEMON_TOKEN", TOKEN)
    with Serving() as serving:
        monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "another"))
        assert hdaemon("send", "one", "--to", serving.address).returncode == 0
        monkeypatch.delenv("HDAEMON_TOKEN")
        assert hdaemon("send", "two", "--to", serving.address).returncode == 1
        assert serving.out.next() == b"one"
        serving.end()
        assert not any(TOKEN.encode() in line for line in serving.err.rest())


@pytest.mark.parametrize("token", ["two\nlines", "x" * 1001])
def test_a_token_of_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("HDAEMON_TOKEN", token)
    done = hdaemon("serve", "--port", "0")
    assert done.returncode == 2
    assert b"a token is" in done.stderr
    assert token.encode() not in done.stderr


def test_an_origin_that_no_browser_sends() -> None:
    done = hdaemon("serve", "--allow-origin", "https://studio.example/")
    assert done.returncode == 2
    assert b"is not one a browser sends" in done.stderr


def test_an_origin_that_is_allowed() -> None:
    with Serving("--allow-origin", "https://studio.example", "--json") as serving:
        with socket.create_connection(("127.0.0.1", serving.port), 10) as sock:
            head = f"POST /channels/a HTTP/1.1\r\nHost: 127.0.0.1:{serving.port}\r\nOrigin: https://studio.example\r\n"
            sock.sendall(head.encode() + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi")
            answer = sock.makefile("rb").read()
        assert b"\r\nAccess-Control-Allow-Origin: https://studio.example\r\n" in answer
        assert json.loads(serving.out.next())["channel"] == "a"
