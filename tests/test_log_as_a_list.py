"""The log and its snapshots against plain lists, whatever is done to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from blocks import lines, payload
from hypothesis import given, settings
from hypothesis import strategies as st

from hdaemon.log import RingLog, Row, Snapshot
from hdaemon.message import preview


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
            log.append(payload(value))
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
