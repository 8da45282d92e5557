"""Printing: what, how much, and where nobody can see it."""

from __future__ import annotations

import io
import sys

import pytest

from hdaemon import printer as printer_module
from hdaemon.blocks import LinesBlock, PayloadBlock
from hdaemon.printer import Printer


class Console:
    """A console and a clock of its own."""

    def __init__(self, rate: int = 200) -> None:
        self.now = 100.0
        self.texts: list[str] = []
        self.printer = Printer(self.texts.append, rate, lambda: self.now)

    @property
    def lines(self) -> list[str]:
        return "".join(self.texts).splitlines()

    def offer(self, *payloads: bytes, mode: str = "print") -> None:
        data = b"".join(payload + b"\n" for payload in payloads)
        self.printer.offer(LinesBlock(0.0, 1, "default", data, len(payloads), "client-1", mode))

    def offer_payload(self, payload: bytes, content_type: str = "text/plain", mode: str = "print") -> None:
        self.printer.offer(PayloadBlock(0.0, 1, "default", content_type, payload, "client-1", mode))


def test_lines_are_written_as_they_are() -> None:
    console = Console()
    console.offer(b"one", "zwei 🎈".encode(), b"three\r")
    assert console.texts == [], "not before flush"
    assert console.printer.waiting
    console.printer.flush()
    assert console.texts == ["one\nzwei 🎈\nthree\n"]
    assert not console.printer.waiting
    console.printer.flush()
    assert len(console.texts) == 1


def test_what_is_not_in_print_mode_is_not_printed() -> None:
    console = Console()
    console.offer(b"one", mode="evaluate")
    console.offer_payload(b"two", mode="evaluate")
    assert not console.printer.waiting


def test_a_message_cannot_drive_the_console() -> None:
    console = Console()
    console.offer(b"\x1b[2J\x07gone")
    console.offer_payload(b"\x1b]0;title\x07")
    console.printer.flush()
    assert not any(ord(char) < 32 and char != "\n" for char in "".join(console.texts))


def test_two_hundred_lines_a_second() -> None:
    console = Console()
    console.offer(*[b"%d" % n for n in range(150)])
    console.offer(*[b"%d" % n for n in range(150, 1000)])
    console.offer_payload(b"one more")
    console.printer.flush()
    assert console.lines == [str(n) for n in range(200)]
    console.now += 1.0
    console.offer(b"next")
    console.printer.flush()
    assert len(console.lines) == 202
    assert console.lines[200].startswith("hdaemon: 801 more messages were received and not printed")
    assert console.lines[201] == "next"


def test_the_count_comes_also_when_nothing_more_does() -> None:
    console = Console(rate=2)
    assert console.printer.tick() is None
    console.offer(b"1", b"2", b"3")
    assert console.printer.tick() == 101.0, "when the second is over"
    console.printer.flush()
    console.now = 100.99
    assert console.printer.tick() == 101.0
    assert not console.printer.waiting
    console.now = 101.0
    assert console.printer.tick() is None
    assert console.printer.waiting
    console.printer.flush()
    assert console.lines[2].startswith("hdaemon: 1 more")
    assert console.printer.tick() is None
    console.offer(b"4", b"5")
    console.printer.flush()
    assert console.lines[3:] == ["4", "5"], "a new second has begun"


def test_what_waits_is_bounded_and_nothing_is_lost_from_the_count() -> None:
    """The main thread is busy for an hour; a client goes on sending."""
    console = Console(rate=200)
    sent = 0
    for _ in range(3600):
        console.now += 1.0
        console.offer(*[b"x"] * 300)
        sent += 300
        console.printer.tick()
    assert len(console.printer._waiting) <= printer_module._MAX_WAITING
    console.printer.flush()
    console.now += 1.0
    console.printer.tick()
    console.printer.flush()
    counted = sum(int(line.split()[1].replace(",", "")) for line in console.lines if line.startswith("hdaemon:"))
    assert counted + console.lines.count("x") == sent


def test_a_long_line_is_cut() -> None:
    console = Console()
    console.offer(b"x" * 100_000)
    console.offer_payload(b"y" * 100_000)
    console.printer.flush()
    assert [len(line) for line in console.lines] == [1000, 1000]
    assert all(line.endswith("…") for line in console.lines)


def test_a_burst_of_many_lines_is_counted_too() -> None:
    console = Console(rate=3)
    console.offer_payload(b"1\n2\n3\n4\n5\n")
    console.printer.flush()
    assert console.lines[:2] == ["1", "2"]
    assert "5 lines" in console.lines[2], "says that the message is longer than what is shown"
    assert len(console.lines) == 3


def test_bytes_are_shown_with_type_and_size() -> None:
    console = Console()
    console.offer_payload(bytes(2000), "application/octet-stream")
    console.printer.flush()
    (line,) = console.lines
    assert line.startswith("<application/octet-stream, 2,000 bytes> 00 00")
    assert len(line) < 200


def test_an_empty_message_is_an_empty_line() -> None:
    console = Console()
    console.offer(b"")
    console.offer_payload(b"")
    console.printer.flush()
    assert console.texts == ["\n\n"]


# -- standard output ----------------------------------------------------------------------------------------


def print_one(text: bytes) -> None:
    printer = Printer()
    printer.offer(PayloadBlock(0.0, 1, "default", "text/plain", text, "client-1", "print"))
    printer.flush()


def test_a_program_without_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_one(b"nobody sees it")


def test_a_console_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "cp1252", newline="\n"))
    print_one("é🎈".encode())
    assert raw.getvalue() == b"\xe9\\U0001f388\n"


class _Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_console_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Gone())
    print_one(b"nobody sees it")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    print_one(b"nor this")
