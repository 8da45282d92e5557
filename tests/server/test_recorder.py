"""What was received, in the log and in the store."""

from __future__ import annotations

import pytest

from hdaemon.blocks import PayloadBlock, PayloadsBlock
from hdaemon.channels import Channels
from hdaemon.log import RingLog
from hdaemon.server.client import Client
from hdaemon.server.recorder import _LARGE_BYTES, DataBlock, Recorder
from hdaemon.store import Store
from hdaemon.wire.events import Lines, Payload, Payloads


def make() -> tuple[Recorder, Client, list[DataBlock]]:
    blocks: list[DataBlock] = []
    recorder = Recorder(RingLog(), Store(), Channels(10))
    recorder.on_block = blocks.append
    return recorder, Client(3, "client-3", "127.0.0.1:1", "lines"), blocks


def test_lines_in_print_mode() -> None:
    recorder, client, blocks = make()
    recorder.record(client, Lines(b"a\nb\r\n", 2), "print")
    assert [(row.serial, row.payload, row.client, row.mode) for row in recorder.log] == [
        (1, b"a", "client-3", "print"), (2, b"b", "client-3", "print"),
    ]  # fmt: skip
    assert (recorder.messages, client.messages) == (2, 2)
    assert recorder.store.data is None
    assert len(blocks) == 1


def test_in_evaluate_mode_the_last_is_stored() -> None:
    recorder, client, _ = make()
    recorder.record(client, Lines(b"a\nb\r\n", 2), "evaluate")
    message = recorder.store.message
    assert message is not None
    assert (message.serial, message.payload, message.time) == (2, b"b", recorder.log[-1].time)
    recorder.record(client, Payload("application/octet-stream", b"\0"), "evaluate")
    assert recorder.store.data == b"\0"
    assert [row.serial for row in recorder.log] == [1, 2, 3]


def test_on_block_finds_it_in_log_and_store() -> None:
    recorder, client, _ = make()
    seen: list[tuple[object, int]] = []
    recorder.on_block = lambda _: seen.append((recorder.store.data, len(recorder.log)))
    recorder.record(client, Payload("text/plain", b"x"), "evaluate")
    assert seen == [("x", 1)]


def test_who_waits_for_messages_is_woken_when_the_turn_is_over_and_once() -> None:
    recorder, client, _ = make()
    queue, woken = recorder.store.queue("#"), []
    queue._waiting = 1  # as a thread inside `take`
    queue.wake = lambda: woken.append(len(queue))  # type: ignore[method-assign]
    recorder.record(client, Payload("text/plain", b"x"), "evaluate")
    recorder.record(client, Payload("text/plain", b"y"), "evaluate")
    assert woken == []
    recorder.wake()
    recorder.wake()
    assert woken == [2]
    recorder.record_own("a", "text/plain", b"z")  # of any thread, which has no turns
    assert woken == [2, 3]


def test_who_waits_for_a_large_message_is_woken_at_once() -> None:
    recorder, client, _ = make()
    queue, woken = recorder.store.queue("#"), []
    queue._waiting = 1
    queue.wake = lambda: woken.append((len(queue), len(recorder.log)))  # type: ignore[method-assign]
    recorder.record(client, Payload("application/octet-stream", bytes(_LARGE_BYTES - 1)), "evaluate")
    assert woken == []
    recorder.record(client, Payload("application/octet-stream", bytes(_LARGE_BYTES)), "evaluate")
    assert woken == [(2, 1)]  # before anything else is done
    recorder.wake()
    assert woken == [(2, 1)]


@pytest.mark.parametrize(("payloads", "kind"), [([b"x"], PayloadBlock), ([b"x", b"y"], PayloadsBlock)])
def test_a_message_that_came_alone_is_a_block_of_one(payloads: list[bytes], kind: type) -> None:
    recorder, client, blocks = make()
    assert recorder.record(client, Payloads("text/plain", payloads, "a"), "evaluate") == 1
    assert [type(block) for block in blocks] == [kind]
    assert [(row.serial, row.payload, row.channel, row.content_type) for row in recorder.log] == [
        (1 + index, payload, "a", "text/plain") for index, payload in enumerate(payloads)
    ]
    assert (recorder.messages, client.messages) == (len(payloads), len(payloads))
    assert recorder.store["a"].data == payloads[-1].decode()
