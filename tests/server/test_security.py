"""Tokens and origins: which are taken, where the user's own is kept, and how those who guess are slowed."""

from __future__ import annotations

import http.client
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import RawClient, events, payloads, run_python, wait_until

from hdaemon import paths
from hdaemon.errors import BindError, HdaemonError, UsageError
from hdaemon.log import RingLog
from hdaemon.server.security import WrongTokens, checked_origins, checked_token, kept_token, new_token
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits

Start = Callable[..., HPythonServer]
TOKEN = "0123456789abcdef-token"


# -- what is taken ----------------------------------------------------------------------------------------


def test_a_new_token_is_long_and_new() -> None:
    assert len(new_token()) >= 43
    assert new_token() != new_token()
    assert checked_token(new_token())


@pytest.mark.parametrize("token", ["", " ", " a", "a ", "a\nb", "a\0", "x" * 1001, "é" * 501, 5])
def test_tokens_that_nobody_could_show(token: str) -> None:
    with pytest.raises(UsageError, match="a token is 1 to 1000 bytes") as caught:
        checked_token(token)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("token", [None, "a", "two words", "größe", "x" * 1000])
def test_tokens_that_are_taken(token: str | None) -> None:
    assert checked_token(token) == token


@pytest.mark.parametrize(
    "origin", ["https://studio.example", "http://a:8080", "http://[::1]:80", "chrome-extension://abc"]
)
def test_origins_that_are_taken(origin: str) -> None:
    assert checked_origins((origin,)) == (origin,)


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "", "studio.example", "https://studio.example/", "https://Studio.example", "https://*.example",
     "https://a b", "https://a\r\nX: y", "https://", "file://", "http://a:x", 7],
)  # fmt: skip
def test_origins_that_would_allow_nothing_or_all(origin: str) -> None:
    with pytest.raises(UsageError, match="is not one a browser sends"):
        checked_origins((origin,))


def test_a_text_is_no_tuple_of_origins() -> None:
    with pytest.raises(UsageError, match="give a tuple"):
        checked_origins("https://studio.example")  # type: ignore[arg-type]


def test_a_server_checks_both() -> None:
    with pytest.raises(UsageError, match="a token is"):
        HPythonServer("a", token="")
    with pytest.raises(UsageError, match="origin"):
        HPythonServer("a", origins=("*",))


def test_a_name_of_loopback_that_is_none_here(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(BindError, match=r"'localhost' is 192\.0\.2\.1 here, which other machines can reach"):
        start_server(host="localhost")


# -- the kept token ---------------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "state"))
    return paths.state_dir()


def test_the_kept_token_is_the_same_each_time_and_new_when_deleted(state: Path) -> None:
    token = kept_token()
    assert kept_token() == token
    (state / "token").unlink()
    assert kept_token() != token


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_the_kept_token_is_the_users_alone(state: Path) -> None:
    kept_token()
    assert stat.S_IMODE((state / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    (state / "token").chmod(0o640)
    with pytest.raises(HdaemonError, match="delete the file"):
        kept_token()


def test_a_kept_token_that_is_none(state: Path) -> None:
    token = kept_token()
    for wrong in (b"", b"\xff", b"two\nlines"):
        paths.write_private(state / "token", wrong)
        with pytest.raises(HdaemonError, match="delete the file") as caught:
            kept_token()
        assert token not in str(caught.value)


# -- guessing ---------------------------------------------------------------------------------------------


def test_the_delay_begins_at_the_fifth_and_grows_to_two_seconds() -> None:
    wrong = WrongTokens()
    assert [wrong.delay_s("a", 0.0) for _ in range(11)] == [0, 0, 0, 0, 0.125, 0.25, 0.5, 1, 2, 2, 2]
    assert wrong.delay_s("b", 0.0) == 0
    assert wrong.count == 12


def test_after_a_rest_it_begins_again() -> None:
    wrong = WrongTokens()
    for _ in range(20):
        wrong.delay_s("a", 0.0)
    assert wrong.delay_s("a", 299.0) == 2
    assert wrong.delay_s("a", 599.5) == 0


def test_it_keeps_a_bounded_number_of_addresses() -> None:
    wrong = WrongTokens()
    for number in range(5000):
        wrong.delay_s(str(number), float(number) / 1000)
    assert len(wrong._seen) == 1024
    assert wrong.count == 5000


def guess(server: HPythonServer, token: str) -> int:
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        connection.request("GET", "/channels", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_guesses_are_counted_and_slowed_and_the_right_one_is_not(start_server: Start, log: RingLog) -> None:
    server = start_server(token=TOKEN)
    for number in range(4):
        assert guess(server, f"wrong-{number}") == 401
    guessing = RawClient(server.host, server.port)
    begin = time.monotonic()
    guessing.send(b"token wrong-5\nlost\n")
    wait_until(lambda: server.wrong_tokens == 5)
    assert guess(server, TOKEN) == 200  # from the same address, while the other waits
    right = RawClient(server.host, server.port)
    right.send_and_close(f"token {TOKEN}\nhello\n".encode())
    wait_until(lambda: payloads(log) == [b"hello"])
    assert guessing.read_all().startswith(b"hdaemon: refused: ")
    assert time.monotonic() - begin > 0.12
    guessing.close()
    begin = time.monotonic()
    assert guess(server, "wrong-6") == 401
    assert time.monotonic() - begin > 0.24
    assert server.wrong_tokens == 6
    assert len(events(log, "refused")) == 6
    assert payloads(log) == [b"hello"]


def test_who_shows_none_is_not_counted(start_server: Start) -> None:
    server = start_server(token=TOKEN)
    for data in (b"hello\n", b"GET /channels HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port):
        client = RawClient(server.host, server.port)
        client.send(data)
        assert client.read_all()
        client.close()
    assert server.wrong_tokens == 0


def test_those_who_wait_do_not_take_the_places_of_others(start_server: Start) -> None:
    server = start_server(token=TOKEN, limits=Limits(max_clients=8))
    guessing = []
    for number in range(40):
        client = RawClient(server.host, server.port)
        client.send(b"token wrong\n")
        wait_until(lambda wanted=number + 1: server.wrong_tokens == wanted)
        guessing.append(client)
        if number > 10:
            assert sum(bool(one.late_reply) for one in server._loop._connections._open.values()) <= 2
    assert guess(server, TOKEN) == 200
    begin = time.monotonic()
    assert server.stop()  # nor do they hold up its end
    assert time.monotonic() - begin < 0.5
    for client in guessing:
        client.close()


# -- the token is in no text ------------------------------------------------------------------------------


def test_no_text_holds_the_token(start_server: Start, log: RingLog, capfd: pytest.CaptureFixture[str]) -> None:
    server = start_server(token=TOKEN, origins=("https://studio.example",), mode="evaluate")
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    bearer = f"Authorization: Bearer {TOKEN}\r\n"
    sent = [
        f"GET /status HTTP/1.1\r\n{host}{bearer}\r\n",
        f"GET /channels HTTP/1.1\r\n{host}{bearer}\r\n",
        f"GET /status?token={TOKEN} HTTP/1.1\r\n{host}\r\n",
        f"GET /status?token={TOKEN} HTTP/1.1\r\n{host}{bearer}\r\n",
        f"GET /status?a={TOKEN}&x HTTP/1.1\r\n{host}Origin: null\r\n\r\n",
        f"GET /{TOKEN} HTTP/1.1\r\n{host}\r\n",
        f"GET http://a/?token={TOKEN} HTTP/1.1\r\n{host}\r\n",
        f"BREW /?token={TOKEN} HTTP/1.1\r\n{host}\r\n",
        f"GET /?token={TOKEN} HTTP/3.1\r\n{host}\r\n",
        f"GET /status HTTP/1.1\r\n{host}Authorization : Bearer {TOKEN}\r\n\r\n",
        f"GET /status HTTP/1.1\r\n{host}Authorization: Bearer\x01 {TOKEN}\r\n\r\n",
        f"GET /status HTTP/1.1\r\n{host}Authorization: Basic {TOKEN}\r\n\r\n",
        f"GET /status HTTP/1.1\r\n{host}Authorization: Bearer {TOKEN}x\r\n\r\n",
        f"GET /channels/a?token={TOKEN} HTTP/1.1\r\n{host}{bearer}{upgrade}\r\n",
        f"GET /channels/a?x={TOKEN}&x={TOKEN} HTTP/1.1\r\n{host}{bearer}{upgrade}\r\n",
        f"GET /channels/a HTTP/1.1\r\n{host}{upgrade}Sec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: hdaemon, bearer.{TOKEN}\r\n\r\n",
        f"token {TOKEN}x\n",
        f"token  {TOKEN}\n",
        f"{TOKEN}\n",
        f"token {TOKEN}\nGET / HTTP/1.1\r\n",
    ]
    answers = b""
    for text in sent:
        client = RawClient(server.host, server.port)
        client.send(text.encode())
        client.sock.shutdown(1)
        answers += client.read_all()
        client.close()
    wait_until(lambda: not server._loop._connections._open)
    assert len({row.client for row in log if row.client}) == len(sent)
    said = [row.text for row in log] + [row.text for row in log if row.event is None] + [repr(row) for row in log]
    said += [answers.decode("latin-1"), repr(server), str(server), repr(server.clients), *capfd.readouterr()]
    said += [repr(vars(server)), repr(server._loop._connections._access)]
    assert len(events(log, "refused")) > 12
    for text in said:
        assert TOKEN not in text
    assert b" 101 " in answers
    assert b"sec-websocket-protocol: hdaemon\r\n" in answers.lower()


def test_no_traceback_holds_the_token() -> None:
    done = run_python(f"""
        import hdaemon
        hdaemon.start("a", host="192.0.2.1", token="{TOKEN}")
    """)
    assert "is not an address of this machine" in done.stderr
    assert TOKEN not in done.stderr.replace(f'token="{TOKEN}"', "")  # Python quotes the program's own line
