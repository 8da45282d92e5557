"""The HTTP door, end to end: publishing and reading, errors, the standard library's client and curl."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import RawClient, data_rows, events, wait_until
from http_streams import request_to

import hdaemon
from hdaemon import Limits, RingLog, Store
from hdaemon.server.thread import HPythonServer

pytestmark = pytest.mark.usefixtures("both_parsers")


Start = Callable[..., HPythonServer]
Connect = Callable[[HPythonServer], RawClient]


def error(answer: tuple[int, dict[str, str], bytes]) -> str:
    assert answer[1]["Content-Type"] == "application/json"
    return json.loads(answer[2])["error"]


# -- publishing and reading -----------------------------------------------------------------------------


def test_publish_and_read_back(ask, store: Store) -> None:
    status, headers, body = ask("PUT", "/channels/maya/body", b'{"x": 1}', Content_Type="application/json")
    assert status == 200
    assert json.loads(body) == {"serial": 1, "channel": "maya/body", "mode": "evaluate", "stored": True}
    assert store["maya/body"].data == {"x": 1}
    status, headers, body = ask("GET", "/channels/maya/body")
    assert (status, body) == (200, b'{"x": 1}')
    assert headers["Content-Type"] == "application/json"
    assert headers["ETag"] == '"1"'
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_post_is_the_same(ask, store: Store) -> None:
    assert ask("POST", "/channels/a", b"hello", Content_Type="Text/Plain; charset=utf-8")[0] == 200
    assert store["a"].data == "hello"
    assert ask("GET", "/channels/a")[1]["Content-Type"] == "text/plain; charset=utf-8"


def test_in_print_mode_it_is_shown_and_not_stored(ask, evaluating, store: Store, log: RingLog) -> None:
    evaluating.mode = "print"
    status, _, body = ask("PUT", "/channels/a", b"hello", Content_Type="text/plain")
    assert (status, json.loads(body)["stored"], json.loads(body)["mode"]) == (200, False, "print")
    assert "a" not in store
    (row,) = data_rows(log)
    assert (row.channel, row.content_type, row.text) == ("a", "text/plain", "hello")
    assert ask("GET", "/channels/a")[0] == 404


def test_a_body_without_a_type_is_bytes(ask, store: Store) -> None:
    assert ask("PUT", "/channels/a", b"\0\1")[0] == 200
    assert store["a"].data == b"\0\1"
    assert store["a"].message.content_type == "application/octet-stream"


def test_names_in_utf_8(ask, store: Store) -> None:
    assert ask("PUT", "/channels/%C3%A9t%C3%A9/a%20b", b"x")[0] == 200
    assert store.channels == ("été/a b",)


def test_the_original_contract_reads_it_too(ask, store: Store) -> None:
    ask("PUT", "/channels/x", b"first", Content_Type="text/plain")
    ask("PUT", "/channels/y", b"second", Content_Type="text/plain")
    assert store.data == "second"


def test_etags(ask) -> None:
    ask("PUT", "/channels/a", b"one")
    assert ask("GET", "/channels/a", If_None_Match='"1"')[::2] == (304, b"")
    assert ask("GET", "/channels/a", If_None_Match='W/"1", "9"')[0] == 304
    assert ask("GET", "/channels/a", If_None_Match="*")[0] == 304
    assert ask("GET", "/channels/a", If_None_Match='"0"')[::2] == (200, b"one")
    ask("PUT", "/channels/a", b"two")
    assert ask("GET", "/channels/a", If_None_Match='"1"')[2] == b"two"


def test_head_says_the_length_only(ask) -> None:
    ask("PUT", "/channels/a", b"12345")
    status, headers, body = ask("HEAD", "/channels/a")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")
    assert ask("HEAD", "/nothing")[::2] == (404, b"")
    assert ask("GET", "/channels/a")[2] == b"12345"  # the connection is still in step


def test_channels_are_listed(ask) -> None:
    ask("PUT", "/channels/b", b"12345", Content_Type="text/plain")
    ask("PUT", "/channels/a", b"{}", Content_Type="application/json")
    listed = json.loads(ask("GET", "/channels")[2])
    assert [(entry["channel"], entry["serial"], entry["type"], entry["bytes"]) for entry in listed] == [
        ("a", 2, "application/json", 2),
        ("b", 1, "text/plain", 5),
    ]
    assert {entry["client"] for entry in listed} == {"client-1"}
    assert all(entry["stored"] and entry["rate"] > 0 for entry in listed)


def test_what_was_only_shown_is_listed_too(ask, evaluating: HPythonServer) -> None:
    ask("PUT", "/channels/kept", b"1", Content_Type="application/json")
    evaluating.mode = "print"
    ask("PUT", "/channels/kept", b"12", Content_Type="application/json")
    ask("PUT", "/channels/shown", b"abc", Content_Type="text/plain")
    listed = json.loads(ask("GET", "/channels")[2])
    # What a channel holds is what can be fetched: its serial is the ETag of `GET /channels/kept`.
    assert [(entry["channel"], entry["serial"], entry["bytes"], entry["stored"]) for entry in listed] == [
        ("kept", 1, 1, True),
        ("shown", 3, 3, False),
    ]


def test_status(ask, evaluating: HPythonServer) -> None:
    status = json.loads(ask("GET", "/status")[2])
    assert status["version"] == hdaemon.__version__
    assert (status["host"], status["port"], status["mode"], status["locked"]) == (
        evaluating.host,
        evaluating.port,
        "evaluate",
        False,
    )
    assert status["limits"]["max_clients"] == 64
    assert [client["name"] for client in status["clients"]] == ["client-1"]


def test_mode(ask, evaluating: HPythonServer, log: RingLog) -> None:
    assert ask("PUT", "/mode", b'"print"')[0] == 200
    assert evaluating.mode == "print"
    assert "for every client, by client-1" in events(log, "mode")[-1]
    assert json.loads(ask("GET", "/mode")[2]) == "print"
    for body in (b"print", b'"stop"', b"[1]", b"{}", b"", b'"' + b"x" * 100):
        assert ask("PUT", "/mode", body)[0] == 400
    evaluating.locked = True
    assert "locked" in error(ask("PUT", "/mode", b'"evaluate"'))
    assert evaluating.mode == "print"
    assert "locked" in events(log, "refused")[-1]


def test_a_payload_that_does_not_decode_is_kept(ask, store: Store) -> None:
    assert ask("PUT", "/channels/a", b'{"x": ', Content_Type="application/json")[0] == 200
    assert store["a"].data == b'{"x": '
    assert store["a"].message.error


# -- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/", 404, "/channels/NAME"),
        ("GET", "/channel", 404, "/channels/NAME"),
        ("GET", "/channels/none", 404, "evaluate mode"),
        ("DELETE", "/channels/a", 405, "GET, HEAD, PUT, POST"),
        ("PUT", "/channels", 405, "GET, HEAD"),
        ("POST", "/status", 405, "GET, HEAD"),
        ("POST", "/mode", 405, "GET, HEAD, PUT"),
        ("PUT", "/channels/", 400, "1 to 256 bytes"),
        ("PUT", "/channels/a%2Bb", 400, "wildcard"),
        ("PUT", "/channels/a%00b", 400, "control character"),
        ("PUT", "/channels/%ff", 400, "UTF-8"),
        ("PUT", "/channels/" + "x" * 257, 400, "1 to 256 bytes"),
    ],
)
def test_wrong_routes(ask, method: str, path: str, status: int, says: str) -> None:
    answer = ask(method, path, b"x" if method in ("PUT", "POST") else None)
    assert answer[0] == status
    assert says in error(answer)
    if status == 405:
        assert answer[1]["Allow"] == says
    assert ask("GET", "/status")[0] == 200  # on the same connection


@pytest.mark.parametrize("value", ["nonsense", "a/b/c", "text/", "/plain", "", "text/plain, text/html"])
def test_a_type_that_is_none(ask, value: str) -> None:
    assert "media type" in error(ask("PUT", "/channels/a", b"x", Content_Type=value))


def test_a_coding_that_is_not_undone(ask) -> None:
    assert ask("PUT", "/channels/a", b"x", Content_Encoding="gzip")[0] == 415


def test_too_many_channels(start_server: Start) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_channels=2))
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    statuses = []
    for name in ("a", "b", "c", "a"):
        connection.request("PUT", f"/channels/{name}", b"x")
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [200, 200, 507, 200]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /status HTTP/1.1\nHost: evil.test", 400),  # doubled
        ("GET /status HTTP/1.1\nOrigin: null", 403),
        ("GET /status HTTP/1.1\nSec-Fetch-Site: cross-site", 403),
        ("PUT /channels/a HTTP/1.1\nContent-Length: 1\nContent-Length: 2", 400),
        ("PUT /channels/a HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: chunked", 400),
        ("PUT /channels/a HTTP/1.1\nContent-Length: 99999999999", 413),
        ("GET /status HTTP/1.1\nX: " + "x" * 17_000, 431),
        ("GET /status HTTP/1.1\nExpect: tea", 417),
    ],
)
def test_what_closes_the_connection(evaluating, connect: Connect, log: RingLog, head: str, status: int) -> None:
    client = connect(evaluating)
    client.send(request_to(evaluating, head))
    answer = client.read_all()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    client.close()
    wait_until(lambda: not evaluating.clients)
    assert f"HTTP {status}: " in events(log, "refused")[0]
    assert data_rows(log) == []


def test_a_page_that_is_allowed_by_name(start_server: Start, connect: Connect) -> None:
    server = start_server(origins=("https://studio.example",))
    for origin, status in (("https://studio.example", 200), ("https://studio.example.evil", 403)):
        client = connect(server)
        client.send(request_to(server, f"GET /status HTTP/1.1\nOrigin: {origin}\nConnection: close"))
        assert client.read_all().startswith(f"HTTP/1.1 {status} ".encode())


def test_token(start_server: Start, connect: Connect, log: RingLog) -> None:
    server = start_server(token="s3cret", mode="evaluate")
    for header, status in (("X: y", 401), ("Authorization: Bearer wrong", 401), ("Authorization: Bearer s3cret", 200)):
        client = connect(server)
        client.send(request_to(server, f"GET /status HTTP/1.1\n{header}\nConnection: close"))
        answer = client.read_all()
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert (b"WWW-Authenticate: Bearer" in answer) == (status == 401)
    assert not any("s3cret" in row.text or "wrong" in row.text for row in log)


# -- curl -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_is_a_complete_client(evaluating: HPythonServer, store: Store, tmp_path: Path) -> None:
    url = f"http://localhost:{evaluating.port}"

    def curl(*arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "|%{http_code}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout

    assert curl("-X", "PUT", "--data", "hello", "-H", "Content-Type: text/plain", f"{url}/channels/a").endswith("|200")
    assert curl(f"{url}/channels/a") == "hello|200"
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 40_000)
    assert curl("-T", str(big), f"{url}/channels/big").endswith("|200")  # sends Expect: 100-continue
    assert store["big"].data == big.read_bytes()
    assert curl("-T", str(big), "-H", "Transfer-Encoding: chunked", f"{url}/channels/chunked").endswith("|200")
    assert store["chunked"].data == big.read_bytes()
    assert curl("-X", "PUT", "--data", '"print"', f"{url}/mode").endswith("|200")
    assert evaluating.mode == "print"


def test_a_wildcard_is_no_host(start_server: Start, connect: Connect) -> None:
    server = start_server(host="0.0.0.0", token="t")
    for host, status in (("0.0.0.0", 400), ("127.0.0.1", 200)):
        client = RawClient("127.0.0.1", server.port)
        head = f"GET /status HTTP/1.1\r\nHost: {host}:{server.port}\r\nAuthorization: Bearer t\r\nConnection: close"
        client.send(head.encode() + b"\r\n\r\n")
        assert client.read_all().startswith(f"HTTP/1.1 {status} ".encode())
        client.close()
