"""A block of messages that came together is, to whoever looks at it, what its messages are one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon import blocks as blocks_module
from hdaemon.blocks import LinesBlock, PayloadBlock, PayloadsBlock, Row, beginning
from hdaemon.channels import Channels
from hdaemon.commands.output import as_ndjson, as_text
from hdaemon.errors import PayloadGone
from hdaemon.log import RingLog
from hdaemon.message import preview
from hdaemon.printer import Printer
from hdaemon.store import Store

TYPES = st.sampled_from(["text/plain", "application/json", "application/octet-stream"])
PAYLOADS = st.lists(
    st.one_of(st.binary(max_size=6), st.sampled_from([b"alpha", b"a\nb\nc", b"1", b'{"a": 1}'])), min_size=1, max_size=8
)


def many(
    payloads: list[bytes], content_type: str = "text/plain", serial: int = 1, mode: str = "print"
) -> PayloadsBlock:
    return PayloadsBlock(2.5, serial, "a", content_type, payloads, "client-1", mode)


def facts(row: Row) -> tuple[object, ...]:
    return (row.number, row.serial, row.channel, row.content_type, row.mode, row.text, row.size, bytes(row.payload))


@given(PAYLOADS, TYPES)
def test_rows(payloads: list[bytes], content_type: str) -> None:
    together, apart = RingLog(), RingLog()
    block = many(payloads, content_type)
    together.append(block)
    for one in block.each():
        apart.append(one)
    assert [facts(row) for row in together] == [facts(row) for row in apart]
    assert together.payload_bytes == apart.payload_bytes


def test_rows_that_were_let_go() -> None:
    log = RingLog(max_rows=3, max_payload_bytes=12)
    log.append(many([b"one", b"two", b"three"]))
    log.append(many([b"four"], serial=4))
    assert [(row.text, row.size, row.gone) for row in log] == [("two", 3, True), ("three", 5, True), ("four", 4, False)]
    assert (log.payload_bytes, log.payloads_dropped, log.rows_dropped) == (4, 2, 1)
    with pytest.raises(PayloadGone):
        log[0].payload  # noqa: B018


@given(
    st.sampled_from(["text/plain", "application/json", "application/octet-stream", "application/vnd.safetensors"]),
    st.sampled_from([b"a", b"\n", "ä".encode(), "\U0001f600".encode(), b"\xff"]),
    st.one_of(st.integers(0, 5), st.integers(195, 205), st.integers(795, 805), st.just(5000)),
    st.binary(max_size=3),
)
def test_what_stays_is_enough_for_the_preview(content_type: str, unit: bytes, count: int, end: bytes) -> None:
    payload = unit * count + end
    stays = beginning(content_type, memoryview(payload))
    assert preview(content_type, stays) == preview(content_type, payload)
    assert len(stays) <= (201 if content_type == "text/plain" and payload.isascii() else 801)


def test_the_line_of_arrays_that_were_let_go_names_them_all() -> None:
    head = json.dumps({f"array{n}": {"dtype": "F32", "shape": [n], "data_offsets": [0, 0]} for n in range(4)}).encode()
    payload = len(head).to_bytes(8, "little") + head + bytes(1000)
    kind = "application/vnd.safetensors"
    assert "array3" in preview(kind, beginning(kind, payload))


def test_no_preview_is_made_of_what_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One large message pushes out 100,000 lines: their previews kept the interpreter for 150 ms."""
    made: list[bytes] = []

    def counted(content_type: str, payload: bytes, max_chars: int) -> str:
        made.append(payload)
        return preview(content_type, payload, max_chars)

    monkeypatch.setattr(blocks_module, "preview", counted)
    log = RingLog(max_payload_bytes=100_000)
    log.append(LinesBlock(1.0, 1, "default", b"0123456789\n" * 5000, 5000, "client-1", "print"))
    log.append(many([b"x" * 9000] * 10, serial=5001))
    assert log.payloads_dropped == 5000
    assert not made
    assert (log[0].text, log[4999].text) == ("0123456789", "0123456789")
    assert len(made) == 2


@given(st.lists(PAYLOADS, min_size=1, max_size=4), st.integers(1, 12), st.integers(1, 12))
def test_queues(blocks: list[list[bytes]], maxlen: int, taken: int) -> None:
    stores = Store(), Store()
    queues = [store.queue("a", maxlen) for store in stores]
    found: list[list[bytes]] = [[], []]
    serial = 1
    for payloads in blocks:
        block = many(payloads, serial=serial, mode="evaluate")
        serial += len(payloads)
        stores[0].put(block)
        for one in block.each():
            stores[1].put(one)
        for messages, queue in zip(found, queues, strict=True):
            messages += [bytes(message.payload) for message in queue.take_all(taken)]
    assert found[0] == found[1]
    assert queues[0].overflowed == queues[1].overflowed
    assert [message.serial for message in queues[0]] == [message.serial for message in queues[1]]
    assert stores[0]["a"].message.payload == stores[1]["a"].message.payload
    assert stores[0].serial == stores[1].serial == serial - 1


@given(st.lists(PAYLOADS, max_size=3), TYPES, st.integers(1, 6))
def test_what_is_printed(blocks: list[list[bytes]], content_type: str, lines_a_second: int) -> None:
    texts: list[list[str]] = [[], []]
    for texts_of, apart in zip(texts, (False, True), strict=True):
        now = [0.0]
        printer = Printer(texts_of.append, lines_a_second, lambda now=now: now[0])
        for payloads in blocks:
            block = many(payloads, content_type)
            for one in block.each() if apart else [block]:
                printer.offer(one)
        now[0] = 2.0
        printer.tick()
        printer.flush()
    assert texts[0] == texts[1]


@given(PAYLOADS, TYPES)
def test_what_serve_writes(payloads: list[bytes], content_type: str) -> None:
    block = many(payloads, content_type, serial=9)
    assert as_text(block) == b"".join(map(as_text, block.each()))
    rows = [json.loads(line) for line in as_ndjson(block).splitlines()]
    assert [row["serial"] for row in rows] == list(range(9, 9 + len(payloads)))
    assert [row["size"] for row in rows] == list(map(len, payloads))


def test_channels() -> None:
    channels = Channels(10, lambda: 1.0)
    channels.add(many([b"one", b"two", b"three"], serial=5))
    info = channels.info("a")
    assert info is not None
    assert (info.serial, info.messages, info.bytes, info.size, info.preview) == (7, 3, 11, 5, "three")


def test_each_is_a_block_of_its_own() -> None:
    (one, two) = many([b"one", b"two"], serial=5).each()
    assert isinstance(two, PayloadBlock)
    assert (one.serial, two.serial, two.payload, two.count) == (5, 6, b"two", 1)
