"""The log: what rows say, snapshots, limits, and several threads."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from blocks import lines, payload
from helpers import data_rows
from hypothesis import given
from hypothesis import strategies as st

from hdaemon import log as log_module
from hdaemon.blocks import EventBlock, LinesBlock, without_payload
from hdaemon.errors import PayloadGone
from hdaemon.log import RingLog

# -- what rows say ------------------------------------------------------------------------------------------


def test_a_row_of_lines() -> None:
    log = RingLog()
    assert log.append(lines(b"one", b"", b"three", serial=5, mode="evaluate")) == 0
    row = log[2]
    assert row.message is not None
    assert (row.number, row.serial, row.text, row.size, row.mode, row.client, row.channel, row.content_type) == (
        2, 7, "three", 5, "evaluate", "client-1", "default", "text/plain",
    )  # fmt: skip
    assert row.event is None
    assert row.message.data == "three"
    assert row.message.serial == 7
    assert log[1].payload == b""


def test_both_line_ends() -> None:
    log = RingLog()
    log.append(LinesBlock(1.0, 1, "default", b"a\r\nb\n\r\nc\rd\r\r\n", 4, "client-1", "print"))
    assert [row.payload for row in log] == [b"a", b"b", b"", b"c\rd\r"]


@given(
    st.lists(st.binary(max_size=5).filter(lambda line: b"\n" not in line), min_size=1),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_the_last_line_is_the_last_row(payloads: list[bytes], end: bytes) -> None:
    block = lines(*payloads, end=end, serial=10)
    log = RingLog()
    log.append(block)
    last, row = block.last(), log[-1]
    assert (last.payload, last.serial) == (row.payload, row.serial)
    assert last.serial == 10 + len(payloads) - 1


def test_a_payload_row_and_an_event_row() -> None:
    log = RingLog()
    log.append(payload(b"\x00\x01", serial=3))
    log.event(2.0, "refused", "two\nlines", "client-9")
    assert (log[0].text, log[0].size, log[0].content_type) == ("00 01", 2, "application/octet-stream")
    event = log[1]
    assert (event.event, event.text, event.client, event.message, event.size) == (
        "refused", "two␊lines", "client-9", None, 0,
    )  # fmt: skip


def test_a_payload_that_is_gone_says_so() -> None:
    log = RingLog(max_payload_bytes=4)
    log.append(payload(b"12345", "text/plain"))
    row = log[0]
    assert (row.gone, row.message, row.text, row.size) == (True, None, "12345", 5)
    with pytest.raises(PayloadGone, match=r"log row 0 \(5 bytes\)"):
        _ = row.payload


# -- snapshots ----------------------------------------------------------------------------------------------


def test_a_snapshot_keeps_payloads_that_the_log_lets_go() -> None:
    log = RingLog(max_rows=3, max_payload_bytes=10)
    log.append(payload(b"12345678", "text/plain"))
    snapshot = log.snapshot()
    log.append(payload(b"abcdefgh", "text/plain"))
    assert log[0].gone
    assert snapshot[0].payload == b"12345678"
    log.append(lines(b"a", b"b", b"c", b"d"))
    assert log.first == 3
    assert [row.payload for row in snapshot] == [b"12345678"]


def test_a_snapshot_is_not_extended_over_a_gap() -> None:
    log = RingLog()
    log.append(lines(b"a"))
    early = log.snapshot()
    log.append(lines(b"b"))
    log.clear()
    with pytest.raises(ValueError, match="rows 1 to 1 are in neither"):
        early.extended(log.snapshot())


def test_blocks_from_a_row_on() -> None:
    log = RingLog()
    log.append(lines(b"a", b"b"))
    log.event(0.0, "mode", "x")
    log.append(payload(b"c", "text/plain"))
    assert [block.start for block in log.blocks(1)] == [0, 2, 3]
    assert [block.start for block in log.blocks(2)] == [2, 3]
    assert [block.start for block in log.blocks(-5)] == [0, 2, 3]
    log.clear()
    assert list(log.blocks(0)) == []


# -- limits -------------------------------------------------------------------------------------------------


def test_rows_go_one_by_one_though_blocks_are_whole() -> None:
    log = RingLog(max_rows=4)
    log.append(lines(b"a", b"b", b"c", serial=1))
    log.append(lines(b"d", b"e", serial=4))
    assert [row.payload for row in log] == [b"b", b"c", b"d", b"e"]
    assert [row.serial for row in log] == [2, 3, 4, 5]
    assert (log.first, log.rows_dropped) == (1, 1)


def test_many_small_blocks_leave_nothing_behind() -> None:
    log = RingLog(max_rows=10)
    for number in range(20_000):
        log.append(lines(b"%d" % number))
    assert [row.payload for row in log] == [b"%d" % number for number in range(19_990, 20_000)]
    assert log.rows_dropped == 19_990
    assert len(log._blocks) < 5000
    assert log.payload_bytes == 10 * 6
    log.set_limits(10, 5 * 6)
    assert log.payload_bytes == 5 * 6
    assert [row.gone for row in log] == [True] * 5 + [False] * 5


def test_a_block_larger_than_the_log() -> None:
    log = RingLog(max_rows=10)
    log.append(lines(*[b"%d" % number for number in range(100)]))
    assert [row.payload for row in log] == [b"%d" % number for number in range(90, 100)]
    log.append(EventBlock(0.0, "mode", "x"))
    assert len(log) == 10
    assert log[0].payload == b"91"


def test_a_row_is_made_when_it_is_looked_at() -> None:
    """Appending a block of many lines does no work a line: it keeps the very bytes."""

    class Untouched(bytes):
        def split(self, *_: object) -> list[bytes]:  # type: ignore[override]
            raise AssertionError("split while appending")

        __getitem__ = __iter__ = split  # type: ignore[assignment]

    log = RingLog()
    log.append(LinesBlock(0.0, 1, "default", Untouched(b"x\n" * 1000), 1000, "client-1", "print"))
    assert len(log) == 1000


# -- threads ------------------------------------------------------------------------------------------------


def test_one_writes_while_another_reads() -> None:
    log = RingLog(max_rows=200, max_payload_bytes=1500)
    done = threading.Event()
    wrong: list[object] = []

    def write() -> None:
        number = 0
        for turn in range(3000):
            block = [b"%06d" % (number + i) for i in range(1 + turn % 7)]
            log.append(lines(*block, serial=number))
            number += len(block)
        done.set()

    def read() -> None:
        try:
            newest = -1
            while not done.is_set():
                snapshot = log.snapshot()
                rows = [snapshot[0], snapshot[-1]] if len(snapshot) else []
                rows += [row for row in [log.row(log.end - 3), *log[-5:]] if row is not None]
                wrong.extend(row for row in rows if int(row.text) != row.number)
                if len(snapshot):
                    assert snapshot.end - 1 >= newest, "numbers only grow"
                    newest = snapshot.end - 1
        except Exception as error:  # what a thread raises would be lost
            wrong.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=read), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert done.is_set()
    assert len(data_rows(log)) == 200


def test_rows_can_be_read_while_previews_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large message pushes out a hundred thousand lines: the interface must not wait for their previews."""
    log = RingLog(max_payload_bytes=100)
    log.append(lines(b"x" * 50))
    read: list[tuple[int, int]] = []

    def slowly(block: LinesBlock, first: int) -> object:
        reader = threading.Thread(target=lambda: read.append(log.span()))
        reader.start()
        reader.join(5)
        assert read, "a reader waits for the lock"
        return without_payload(block, first)

    monkeypatch.setattr("hdaemon.log.without_payload", slowly)
    log.append(lines(b"y" * 90))
    assert read == [(0, 2)]
    assert [row.gone for row in log] == [True, False]
    assert log.payload_bytes == 91


def test_while_many_payloads_go_others_get_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 lines take 50 ms: whoever waits for the interpreter's lock would get it every 5 ms only."""
    now, rests = [0.0], list[float]()

    def monotonic() -> float:
        now[0] += log_module._WORK_S / 4
        return now[0]

    monkeypatch.setattr(log_module, "time", SimpleNamespace(monotonic=monotonic, sleep=rests.append))
    log = RingLog(max_payload_bytes=10_000)
    for _ in range(40):
        log.append(lines(*[b"x" * 24] * 10))
    assert not rests, "one at a time: nothing to rest from"
    log.append(payload(b"y" * 10_000, "text/plain"))
    assert log.payloads_dropped == 400
    assert 40 / 6 <= len(rests) <= 40 / 4
    assert set(rests) == {log_module._BREATH_S}


def test_rows_that_go_while_their_preview_is_made_stay_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    log = RingLog(max_rows=10, max_payload_bytes=100)
    log.append(lines(b"x" * 50))

    def meanwhile(block: LinesBlock, first: int) -> object:
        log.max_rows = 1
        log.event(0.0, "mode", "print")
        return without_payload(block, first)

    monkeypatch.setattr("hdaemon.log.without_payload", meanwhile)
    log.append(lines(b"y" * 90))
    assert [row.event for row in log] == ["mode"]
    assert log.payload_bytes == 0
