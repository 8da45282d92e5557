"""The answers of the HTTP door, as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from http_streams import BIG

from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import answer, error_answer


def parsed(parts: Iterable[bytes | bytearray | memoryview]) -> tuple[str, dict[str, str], bytes]:
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = [text.split(": ", 1) for text in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs)
    return line, headers, body


def test_an_answer() -> None:
    line, headers, body = parsed(answer(200, b"hi", "text/plain", (("ETag", '"7"'),)))
    assert line == "HTTP/1.1 200 OK"
    assert headers == {
        "content-type": "text/plain",
        "content-length": "2",
        "etag": '"7"',
        "x-content-type-options": "nosniff",
    }
    assert body == b"hi"


def test_an_answer_without_a_body() -> None:
    _, headers, body = parsed(answer(200))
    assert headers["content-length"] == "0"
    assert body == b""


def test_the_answer_to_head_says_the_length_only() -> None:
    got, head = parsed(answer(200, b"hello")), parsed(answer(200, b"hello", with_body=False))
    assert head == (*got[:2], b"")
    assert head[1]["content-length"] == "5"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_that_has_no_body(status: int) -> None:
    _, headers, body = parsed(answer(status, b"left out", headers=(("ETag", '"1"'),)))
    assert headers == {"etag": '"1"'}
    assert body == b""


def test_the_last_answer_says_so() -> None:
    assert parsed(answer(200, keep_alive=False))[1]["connection"] == "close"
    assert "connection" not in parsed(answer(200))[1]


@pytest.mark.parametrize("size", [1, 4095, 4096, BIG])
@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_a_large_body_is_a_part_of_its_own(size: int, kind: type) -> None:
    body = kind(size * b"x")
    parts = answer(200, body)
    assert parsed(parts)[1]["content-length"] == str(size)
    assert parsed(parts)[2] == size * b"x"
    assert any(part is body for part in parts) == (size >= 4096)


def test_an_error_is_json_with_its_headers() -> None:
    error = HttpError(405, "DELETE is not possible here: use GET", (("Allow", "GET"),))
    line, headers, body = parsed([error_answer(error)])
    assert line.startswith("HTTP/1.1 405 ")
    assert headers["allow"] == "GET"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert json.loads(body) == {"error": "DELETE is not possible here: use GET"}
    assert "connection" not in headers
    assert parsed([error_answer(error, keep_alive=False)])[1]["connection"] == "close"
    assert parsed([error_answer(error, with_body=False)])[2] == b""


def test_an_error_in_any_language() -> None:
    _, headers, body = parsed([error_answer(HttpError(404, "größe 模型\r\nX: y"))])
    assert json.loads(body) == {"error": "größe 模型\r\nX: y"}
    assert headers["content-length"] == str(len(body))
    assert "x" not in headers
