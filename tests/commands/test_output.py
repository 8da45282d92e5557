"""How blocks become lines, without a program around it."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from hdaemon.blocks import LinesBlock, PayloadBlock
from hdaemon.commands.output import Output, as_ndjson, as_text
from hdaemon.message import one_line


def lines(data: bytes) -> LinesBlock:
    return LinesBlock(1.5, 7, "default", data, data.count(b"\n"), "client-1", "print")


@pytest.mark.parametrize(
    "data",
    [
        b"plain\n",
        b"\n",
        b"\r\n\n\r\n",
        b"one\r\ntwo\nthree\r\n",
        b"a\rb\r\r\n",
        "\u00e4\x85\u2028\x0c\x1c\u202e\n\x7f\n".encode(),
        b"plain\nand \x1b]0;title\x07\nplain\n",
    ],
)
def test_both_forms_agree_with_the_log(data: bytes) -> None:
    block = lines(data)
    payloads = [line.decode() for line in block.lines()]
    assert as_text(block).decode() == "".join(one_line(text) + "\n" for text in payloads)
    rows = [json.loads(row) for row in as_ndjson(block).decode("ascii").split("\n")[:-1]]
    assert [row["text"] for row in rows] == payloads
    assert [row["size"] for row in rows] == [len(line) for line in block.lines()]
    assert [row["serial"] for row in rows] == list(range(7, 7 + block.count))


def test_json_of_lines_and_of_a_payload_have_the_same_keys() -> None:
    payload = PayloadBlock(1.5, 7, "default", "text/plain", b"hi", "client-1", "print")
    assert json.loads(as_ndjson(payload)) == json.loads(as_ndjson(lines(b"hi\n")))
    assert as_text(payload) == as_text(lines(b"hi\n"))


def test_a_client_name_cannot_break_json() -> None:
    block = PayloadBlock(1.5, 7, 'a"/\n', "text/plain", b"", 'x"\n', "print")
    row = json.loads(as_ndjson(block))
    assert (row["client"], row["channel"]) == ('x"\n', 'a"/\n')
    assert as_ndjson(block).count(b"\n") == 1


class Buffered:
    """A standard output without a descriptor, as an embedding program's."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()


def test_writes_to_what_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Buffered()
    monkeypatch.setattr(sys, "stdout", stdout)
    output = Output(lambda: False)
    assert output.write(b"hi\n")
    assert not output.reader_has_gone()
    assert stdout.buffer.getvalue() == b"hi\n"


def test_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    output = Output(lambda: False)
    assert output.ended
    assert not output.write(b"hi\n")
    assert output.error


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_closed_pipe_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        output = Output(lambda: False)
        assert output.write(b"seen\n")
        assert not output.reader_has_gone()
        os.close(reader)
        assert output.reader_has_gone()
        assert not output.write(b"lost\n")
    assert output.ended
    assert output.error == ""


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_full_pipe_is_given_up_when_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stdout, os.fdopen(reader):
        monkeypatch.setattr(sys, "stdout", stdout)
        output = Output(lambda: True)
        assert not output.write(b"x" * 10_000_000)
    assert output.ended
    assert output.error == ""


def test_json_is_text_and_what_is_not_utf8_is_base64() -> None:
    block = PayloadBlock(1.5, 7, "a", "application/json", b'{"x": 1}', "client-1", "print")
    assert json.loads(as_ndjson(block))["text"] == '{"x": 1}'
    block = PayloadBlock(1.5, 7, "a", "application/json", b"\xff", "client-1", "print")
    assert json.loads(as_ndjson(block))["base64"] == "/w=="
