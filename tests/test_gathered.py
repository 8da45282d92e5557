"""Messages kept together are, to whoever looks at the log, what they are one by one."""

from __future__ import annotations

import gc
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdaemon.blocks import DataBlock, LinesBlock, PayloadBlock, PayloadsBlock, Row
from hdaemon.gathered import GatheredBlock, GoneGatheredBlock
from hdaemon.log import RingLog

_line = st.binary(max_size=12).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))
_parts = st.one_of(
    st.tuples(st.just("one"), st.lists(st.binary(max_size=300), min_size=1, max_size=1)),
    st.tuples(st.just("lines"), st.lists(_line, min_size=1, max_size=12)),
    st.tuples(st.just("many"), st.lists(st.binary(max_size=6), min_size=1, max_size=70)),
    st.tuples(st.just("event"), st.just([b""])),
    st.tuples(st.just("look"), st.just([b""])),
)
Facts = tuple[object, ...]


def block_of(kind: str, payloads: list[bytes], serial: int) -> DataBlock:
    client, channel, mode = f"client-{serial % 3}", "ab"[serial % 2], "print" if serial % 5 else "evaluate"
    if kind == "lines":
        data = b"".join(line + b"\n" for line in payloads)
        return LinesBlock(serial / 8, serial, channel, data, len(payloads), client, mode)
    if kind == "many":
        return PayloadsBlock(serial / 8, serial, channel, "application/json", payloads, client, mode)
    return PayloadBlock(serial / 8, serial, channel, "application/octet-stream", payloads[0], client, mode)


def facts(row: Row | None) -> Facts:
    assert row is not None
    payload = None if row.message is None else bytes(row.payload)
    about = (row.serial, row.time, row.client, row.channel, row.content_type, row.mode, row.text, row.size)
    return (row.number, *about, payload)


@settings(max_examples=150)
@given(st.lists(_parts, max_size=30), st.integers(0, 40))
def test_rows_are_what_they_are_one_by_one(parts: list[tuple[str, list[bytes]]], keep: int) -> None:
    log, expected, serial = RingLog(), list[Facts](), 1
    seen = []
    for kind, payloads in parts:
        if kind == "event":
            log.event(1.0, "mode", "x")
            expected.append((log.end - 1, 0, 1.0, "", "", "", "", "x", 0, None))
        elif kind == "look":
            seen.append((log.snapshot(), len(expected)))
        else:
            block = block_of(kind, payloads, serial)
            alone = RingLog(max_rows=100)  # too small a log to gather anything
            alone.append(block_of(kind, payloads, serial))
            first = log.append(block)
            assert first == len(expected)
            expected += [(first + row.number, *facts(row)[1:]) for row in alone]
            serial += len(payloads)
    assert [facts(row) for row in log] == expected
    for snapshot, end in seen:
        assert [facts(row) for row in snapshot] == expected[:end]
        assert sum(block.count for block in snapshot.blocks(0)) == end, "what was seen has not grown"
    log.set_limits(max(1, len(expected) - keep), 1)  # every payload goes
    rows = list(log)
    assert [facts(row)[:-1] for row in rows] == [row[:-1] for row in expected[len(expected) - len(rows) :]]
    # What is left is empty, or one byte; the block of a payload of none goes only when it is in the way.
    assert log.payload_bytes <= 1
    assert all(row.gone or row.event or row.size <= 1 for row in rows)


def single(number: int, payload: bytes = b"x") -> PayloadBlock:
    return PayloadBlock(
        float(number), number, f"c/{number % 64}", "text/plain", payload, f"client-{number % 64}", "print"
    )


def test_messages_one_by_one_leave_next_to_nothing_to_the_garbage_collector() -> None:
    log = RingLog()
    gc.collect()
    before = len(gc.get_objects())
    for number in range(2000):
        log.append(single(number, b"%d" % number))
    gc.collect()
    assert len(gc.get_objects()) - before < 2000 / 10


def test_a_few_at_a_time_leave_next_to_nothing_either() -> None:
    log = RingLog()
    gc.collect()
    before = len(gc.get_objects())
    for number in range(0, 10_000, 25):
        payloads = [b"%d" % (number + index) for index in range(25)]
        log.append(PayloadsBlock(1.0, number, "a", "text/plain", payloads, "client-1", "evaluate"))
    gc.collect()
    assert len(gc.get_objects()) - before < 10_000 / 40
    assert [row.text for row in log] == list(map(str, range(10_000)))


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [
        ("many", 64, GatheredBlock),
        ("many", 65, PayloadsBlock),
        ("lines", 8, GatheredBlock),
        ("lines", 9, LinesBlock),
    ],
)
def test_many_that_came_at_once_are_a_block_of_their_own(kind: str, count: int, expected: type) -> None:
    log = RingLog()
    log.append(block_of(kind, [b"x"] * count, 1))
    assert [type(block) for block in log.blocks(0)] == [expected]


def test_payloads_go_a_part_of_the_limit_at_a_time() -> None:
    log = RingLog(max_payload_bytes=1024 * 1024)
    for number in range(3000):
        log.append(single(number, b"%-500d" % number))
    assert 1024 * 1024 - 2048 < log.payload_bytes <= 1024 * 1024
    gone = [row.gone for row in log]
    assert gone == sorted(gone, reverse=True)
    assert sum(gone) == log.payloads_dropped
    assert log.payload_bytes == 500 * gone.count(False)
    assert [int(row.text.split()[0]) for row in log] == list(range(3000))


def test_a_payload_that_is_large_for_the_log_is_a_block_of_its_own() -> None:
    log = RingLog(max_payload_bytes=1024 * 1024)
    for number, size in enumerate((100, 3996, 4096, 100)):
        log.append(single(number, b"x" * size))
    assert [type(block) for block in log.blocks(0)] == [GatheredBlock, PayloadBlock, GatheredBlock]


def test_rows_drop_and_numbers_go_on() -> None:
    log = RingLog(max_rows=1000)
    for number in range(5000):
        log.append(single(number, b"%d" % number))
    assert (log.first, log.end, log.rows_dropped) == (4000, 5000, 4000)
    assert [row.text for row in log] == list(map(str, range(4000, 5000)))
    log.clear()
    log.append(single(5000))
    assert (log.first, log.end, log[0].serial) == (5000, 5001, 5000)


def test_nothing_is_kept_of_rows_that_are_dropped() -> None:
    block = GatheredBlock(10)
    for number in range(4):
        block.add(0.0, number, ("a", "text/plain", "c", "print"), [b"%d" % number])
    gone = block.without_payload(12)
    assert isinstance(gone, GoneGatheredBlock)
    assert gone.beginnings == [b"", b"", b"2", b"3"]
    assert (gone.row(13).text, gone.row(13).size, gone.row(13).serial) == ("3", 1, 3)
    assert block.times == array("d", [0.0] * 4)
