"""Snippets for a new sender: each is run, against a server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hdaemon_panel.snippets import INLINE_BYTES, Target, curl_snippet, file_name, python_snippet
from helpers import ROOT

from hdaemon import content

CASES = [
    ("default", content.TEXT, b"hello"),
    ("maya/body", content.JSON, b'{"x": [1, 2.5, null, true], "na\'me": "say \\"hi\\""}'),
    (
        "a b/\xc3\xbc\xe6\x97\xa5/%2F".encode("latin-1").decode(),
        content.TEXT,
        b'it\'s $HOME `id` \\ "q"\n\ttwo\r\n',
    ),
    ("at", content.TEXT, b"@/etc/passwd"),
    ("dash", content.TEXT, b"-X DELETE"),
    ("a/../b/./c", content.TEXT, b"up"),
    ("/", content.TEXT, b""),
    ("number", content.JSON, b"12"),
    ("word", content.JSON, b'"word"'),
    ("null", content.JSON, b"null"),
    ("broken", content.JSON, b'{"x": '),
    ("csv", "text/csv", b"a,b"),
    ("nul", content.TEXT, b"a\0b"),
    ("latin", "text/plain", b"\xff"),
    ("bytes", content.OCTET_STREAM, bytes(range(256))),
    ("own", "application/x-studio", b"\0\1\2"),
    ("long/text", content.TEXT, b"x" * (INLINE_BYTES + 1)),
    ("q?s&g=1;%41[1-3]{a,b}", content.JSON, b"[]"),
]


RUN = """
import sys
sys.path.append(sys.argv[1])  # after what is installed
exec(open("sender.py", encoding="utf-8").read())
"""


def target(server, channel: str, content_type: str, payload: bytes | None) -> Target:
    return Target(server.host, server.port, False, channel, content_type, payload)


@pytest.fixture
def evaluating(start_server):
    return start_server(mode="evaluate")


def check(server, wanted: Target) -> None:
    message = server.store[wanted.channel].message
    assert message.content_type == wanted.content_type
    if wanted.content_type == content.JSON and message.error is None:
        assert json.loads(bytes(message.payload)) == json.loads(wanted.payload)
    else:
        assert bytes(message.payload) == wanted.payload


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("sh"), reason="curl and a POSIX shell run these")
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_curl(evaluating, tmp_path: Path, case):
    wanted = target(evaluating, *case)
    snippet = curl_snippet(wanted)
    if file_name(wanted) in snippet:
        (tmp_path / file_name(wanted)).write_bytes(case[2])
    done = subprocess.run(["sh", "-c", snippet], cwd=tmp_path, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored"] is True
    check(evaluating, wanted)


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_python(evaluating, tmp_path: Path, case):
    wanted = target(evaluating, *case)
    snippet = python_snippet(wanted)
    if file_name(wanted) in snippet:
        (tmp_path / file_name(wanted)).write_bytes(case[2])
    (tmp_path / "sender.py").write_text(snippet, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(ROOT)],
        cwd=tmp_path,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    check(evaluating, wanted)


def test_how_they_read():
    wanted = Target("127.0.0.1", 2000, False, "maya/body", content.JSON, b'{"x": 1}')
    url = "http://127.0.0.1:2000/channels/maya/body"
    assert curl_snippet(wanted) == f"curl -X PUT {url} -H 'Content-Type: application/json' --data-raw '{{\"x\": 1}}'"
    assert python_snippet(wanted) == (
        "from hdaemon.client import Client\n\n"
        'with Client("127.0.0.1", 2000) as client:\n    client.send({"x": 1}, channel="maya/body")\n'
    )


@pytest.mark.parametrize(
    ("host", "url", "name"),
    [
        ("0.0.0.0", "http://127.0.0.1:7/", '"127.0.0.1"'),
        ("::", "http://127.0.0.1:7/", '"127.0.0.1"'),
        ("::1", "http://[::1]:7/", '"::1"'),
        ("[::1]", "http://[::1]:7/", '"::1"'),
        ("studio-3", "http://studio-3:7/", '"studio-3"'),
    ],
)
def test_addresses(host, url, name):
    wanted = Target(host, 7)
    assert url in curl_snippet(wanted)
    assert f"Client({name}, 7)" in python_snippet(wanted)


def test_a_token_is_a_placeholder():
    wanted = Target("127.0.0.1", 7, token=True)
    assert "-H 'Authorization: Bearer TOKEN'" in curl_snippet(wanted)
    assert 'token="TOKEN"' in python_snippet(wanted)


def test_something_to_begin_with():
    assert curl_snippet(Target("127.0.0.1", 7)).endswith("--data-raw hello")
    assert '{"x": 1}' in python_snippet(Target("127.0.0.1", 7, content_type=content.JSON))
    assert "@payload.npy" in curl_snippet(Target("127.0.0.1", 7, channel="/", content_type=content.NPY))


@pytest.mark.parametrize(
    ("channel", "content_type", "name"),
    [
        ("maya/body", content.SAFETENSORS, "body.safetensors"),
        ("a/../..", content.TEXT, "payload.txt"),
        ("a/b c:d", "application/x-own", "b_c_d.bin"),
        ("x/", content.MSGPACK, "x.msgpack"),
    ],
)
def test_file_names(channel, content_type, name):
    assert file_name(Target("h", 1, channel=channel, content_type=content_type)) == name
