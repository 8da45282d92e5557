"""The log: what rows say, against a plain list, and from several threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from helpers import data_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from hdaemon.blocks import EventBlock, LinesBlock, PayloadBlock, without_payload
from hdaemon.errors import PayloadGone
from hdaemon.log import RingLog, Row, Snapshot
from hdaemon.message import preview


def lines(*payloads: bytes, serial: int = 1, end: bytes = b"\n", mode: str = "print") -> LinesBlock:
    data = b"".join(payload + end for payload in payloads)
    return LinesBlock(1.0, serial, "default", data, len(payloads), "client-1", mode)


def payload(data: bytes, content_type: str = "text/plain", serial: int = 1) -> PayloadBlock:
    return PayloadBlock(1.0, serial, "default", content_type, data, "client-1", "print")


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
    log.append(payload(b"\x00\x01", "application/octet-stream", serial=3))
    log.event(2.0, "refused", "two\nlines", "client-9")
    assert (log[0].text, log[0].size, log[0].content_type) == ("00 01", 2, "application/octet-stream")
    event = log[1]
    assert (event.event, event.text, event.client, event.message, event.size) == (
        "refused", "two␊lines", "client-9", None, 0,
    )  # fmt: skip


def test_a_payload_that_is_gone_says_so() -> None:
    log = RingLog(max_payload_bytes=4)
    log.append(payload(b"12345"))
    row = log[0]
    assert (row.gone, row.message, row.text, row.size) == (True, None, "12345", 5)
    with pytest.raises(PayloadGone, match=r"log row 0 \(5 bytes\)"):
        _ = row.payload


# -- against a model ----------------------------------------------------------------------------------------


@dataclass
class Expected:
    number: int
    text: str
    payload: bytes | None  # None: a lifecycle row
    block: int
    gone: bool = False


@dataclass
class Model:
    """The log as a plain list of rows."""

    max_rows: int
    max_bytes: int
    rows: list[Expected] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)  # payload bytes of each data block that is whole
    end: int = 0
    blocks: int = 0
    rows_dropped: int = 0
    payloads_dropped: int = 0

    def append(self, texts: list[str], payloads: list[bytes | None], size: int) -> None:
        for text, data in zip(texts, payloads, strict=True):
            self.rows.append(Expected(self.end, text, data, self.blocks))
            self.end += 1
        if payloads[0] is not None:
            self.sizes[self.blocks] = size
        self.blocks += 1
        self.limit()

    def limit(self) -> None:
        drop = max(0, len(self.rows) - self.max_rows)
        self.rows_dropped += drop
        del self.rows[:drop]
        kept = {row.block for row in self.rows}
        self.sizes = {block: size for block, size in self.sizes.items() if block in kept}
        while sum(self.sizes.values()) > self.max_bytes:
            oldest = min(self.sizes)
            del self.sizes[oldest]
            for row in self.rows:
                if row.block == oldest:
                    row.gone = True
                    self.payloads_dropped += 1

    def clear(self) -> None:
        self.rows.clear()
        self.sizes.clear()


def check_row(row: Row, expected: Expected) -> None:
    assert (row.number, row.text) == (expected.number, expected.text)
    assert (row.event is not None) == (expected.payload is None)
    if expected.payload is None:
        return
    assert row.size == len(expected.payload)
    assert row.gone == expected.gone
    if row.gone:
        assert row.message is None
    else:
        assert row.payload == expected.payload


def check(log: RingLog, model: Model) -> None:
    assert len(log) == len(model.rows)
    assert (log.end, log.first) == (model.end, model.end - len(model.rows))
    assert (log.rows_dropped, log.payloads_dropped) == (model.rows_dropped, model.payloads_dropped)
    assert log.payload_bytes == sum(model.sizes.values())
    for row, expected in zip(log, model.rows, strict=True):
        check_row(row, expected)


_line = st.binary(max_size=12).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))
_steps = st.one_of(
    st.tuples(st.just("lines"), st.lists(_line, min_size=1, max_size=8)),
    st.tuples(st.just("payload"), st.binary(max_size=30)),
    st.tuples(st.just("event"), st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=5)),
    st.tuples(st.just("limits"), st.tuples(st.integers(1, 20), st.integers(1, 60))),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("look"), st.integers(-25, 25)),
    st.tuples(st.just("slice"), st.slices(20)),
    st.tuples(st.just("snapshot"), st.none()),
)


@settings(max_examples=150)
@given(st.integers(1, 20), st.integers(1, 60), st.lists(_steps, max_size=40))
def test_it_is_a_list_that_forgets_its_oldest(max_rows: int, max_bytes: int, steps: list[tuple[str, object]]) -> None:
    log, model = RingLog(max_rows, max_bytes), Model(max_rows, max_bytes)
    snapshots: list[tuple[Snapshot, list[tuple[int, str, bool]]]] = []
    for name, value in steps:
        if name == "lines":
            assert isinstance(value, list)
            block = lines(*value)
            assert log.append(block) == model.end
            model.append([preview("text/plain", line) for line in value], list(value), len(block.data))
        elif name == "payload":
            assert isinstance(value, bytes)
            log.append(payload(value, "application/octet-stream"))
            model.append([preview("application/octet-stream", value)], [value], len(value))
        elif name == "event":
            assert isinstance(value, str)
            log.event(0.0, "mode", value)
            model.append([value], [None], 0)
        elif name == "limits":
            assert isinstance(value, tuple)
            model.max_rows, model.max_bytes = value
            log.set_limits(*value)
            model.limit()
        elif name == "clear":
            log.clear()
            model.clear()
        elif name == "look":
            assert isinstance(value, int)
            if -len(model.rows) <= value < len(model.rows):
                check_row(log[value], model.rows[value])
            else:
                with pytest.raises(IndexError):
                    log[value]
        elif name == "slice":
            assert isinstance(value, slice)
            assert [row.number for row in log[value]] == [row.number for row in model.rows[value]]
        else:
            snapshots.append((log.snapshot(), [(row.number, row.text, row.gone) for row in model.rows]))
        check(log, model)
    for snapshot, rows in snapshots:
        assert [(row.number, row.text, row.gone) for row in snapshot] == rows, "a snapshot does not change"
    for number in (log.first - 1, log.end):
        assert log.row(number) is None


# -- snapshots ----------------------------------------------------------------------------------------------


def test_a_snapshot_keeps_payloads_that_the_log_lets_go() -> None:
    log = RingLog(max_rows=3, max_payload_bytes=10)
    log.append(payload(b"12345678"))
    snapshot = log.snapshot()
    log.append(payload(b"abcdefgh"))
    assert log[0].gone
    assert snapshot[0].payload == b"12345678"
    log.append(lines(b"a", b"b", b"c", b"d"))
    assert log.first == 3
    assert [row.payload for row in snapshot] == [b"12345678"]


@given(st.lists(st.lists(_line, min_size=1, max_size=4), min_size=1, max_size=12), st.data())
def test_an_extended_snapshot_has_each_row_once(blocks: list[list[bytes]], data: st.DataObject) -> None:
    log = RingLog(max_rows=10)
    cut = data.draw(st.integers(0, len(blocks)))
    everything = [line for block in blocks for line in block]
    for block in blocks[:cut]:
        log.append(lines(*block))
    early = log.snapshot()
    for block in blocks[cut:]:
        log.append(lines(*block))
    late = log.snapshot()
    if late.first > early.end:
        with pytest.raises(ValueError, match="in neither snapshot"):
            early.extended(late)
        return
    both = early.extended(late)
    assert (both.first, both.end) == (early.first, late.end)
    assert [row.number for row in both] == list(range(early.first, late.end))
    assert [row.payload for row in both] == everything[early.first : late.end]


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
    log.append(payload(b"c"))
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
