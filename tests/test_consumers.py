"""Queues: every message, in order, within limits, and what overflowed to the message."""

from __future__ import annotations

import gc
import threading
import tracemalloc

import pytest
from helpers import wait_until
from hypothesis import given
from hypothesis import strategies as st
from stored import lines, payload, values

import hdaemon
from hdaemon import Message, Queue, Store
from hdaemon.blocks import LinesBlock, PayloadBlock
from hdaemon.errors import UsageError


def test_every_message_of_the_channels_that_are_wanted(store: Store) -> None:
    queue = store.queue("rig/+")
    for channel in ("rig/a", "other", "rig/b", "rig/b/c"):
        store.put(payload(channel, channel.encode()))
    assert len(queue) == 2
    assert values(list(queue)) == ["rig/a", "rig/b"]
    assert len(queue) == 0
    assert queue.take() is None
    assert queue.take_all() == []


def test_lines_are_messages(store: Store) -> None:
    queue = store.queue("default")
    store.put(lines(1, 3))
    store.put(payload("default", b"x", 4))
    store.put(lines(5, 2))
    assert queue.take() is not None
    taken = queue.take_all(3)
    assert [(message.serial, message.data) for message in taken] == [(2, "2"), (3, "3"), (4, "x")]
    assert values(queue.take_all()) == ["5", "6"]


LINES = st.lists(st.sampled_from([b"", b"x", b"\r", b"a\r", b"\r\r", b"long" * 9]), min_size=1)


@given(LINES, st.lists(st.integers(1, 4)))
def test_lines_taken_a_few_at_a_time_are_those_of_the_block(payloads: list[bytes], takes: list[int]) -> None:
    block = LinesBlock(0.0, 1, "default", b"".join(line + b"\n" for line in payloads), len(payloads), "c", "evaluate")
    queue, taken = Queue("default"), []
    queue.offer(block)
    for most in takes:
        taken += queue.take_all(most)
    taken += queue.take_all()
    assert [message.payload for message in taken] == block.lines()
    assert [message.serial for message in taken] == list(range(1, len(payloads) + 1))


def test_lines_that_are_not_taken_are_not_made(store: Store) -> None:
    queue = store.queue("default", maxlen=10_000)
    count = 10_000
    store.put(LinesBlock(0.0, 1, "default", (b"x" * 99 + b"\n") * count, count, "client-1", "evaluate"))
    tracemalloc.start()
    try:
        taken = queue.take_all(100)
        assert tracemalloc.get_traced_memory()[1] < 100_000, "of 100 lines, not of a megabyte"
    finally:
        tracemalloc.stop()
    store.put(lines(count + 1, 5000))  # 5,000 of those that wait overflow, or rather 4,900
    rest = queue.take_all(200) + queue.take_all()
    assert queue.overflowed == 4900
    assert [message.serial for message in taken] == list(range(1, 101))
    assert [message.serial for message in rest] == list(range(5001, count + 5001))
    assert {message.payload for message in rest[:5000]} == {b"x" * 99}


def test_messages_one_by_one_are_taken_in_order_whatever_they_came_in(store: Store) -> None:
    queue = store.queue("#")
    for block in (lines(1, 1), payload("a", b"2", 2), lines(3, 2), lines(5, 1), payload("b", b"6", 6)):
        store.put(block)
    assert values(queue.take_all(3) + queue.take_all(1) + queue.take_all()) == list("123456")


@pytest.mark.parametrize("kind", [PayloadBlock, LinesBlock])
def test_messages_take_the_place_of_the_blocks_they_came_in(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    """When Python looks for garbage depends on how many objects there are more than at the last time."""
    name = "message" if kind is PayloadBlock else "last"
    queue, counts, made = store.queue("#"), list[int](), getattr(kind, name)

    def noted(self: object) -> Message:
        counts.append(gc.get_count()[0])
        message: Message = made(self)
        return message

    for number in range(600):
        store.put(payload("a", b"x", number) if kind is PayloadBlock else lines(number, 1))
    monkeypatch.setattr(kind, name, noted)
    gc.collect()
    gc.disable()
    try:
        messages = queue.take_all()
    finally:
        gc.enable()
    assert len(messages) == len(counts) == 600
    assert max(counts) - counts[0] < 20


def test_past_maxlen_the_oldest_go_and_are_counted(store: Store) -> None:
    queue = store.queue("default", maxlen=5)
    store.put(lines(1, 4))
    assert queue.overflowed == 0
    store.put(lines(5, 3))
    assert (len(queue), queue.overflowed) == (5, 2)
    store.put(lines(8, 20))
    assert (len(queue), queue.overflowed) == (5, 22)
    assert values(queue.take_all()) == ["23", "24", "25", "26", "27"]


def test_past_max_bytes_too_but_the_newest_stays(store: Store) -> None:
    queue = store.queue("a", max_bytes=1000)
    store.put(payload("a", b"x" * 600))
    store.put(payload("a", b"y" * 400))
    assert (len(queue), queue.overflowed) == (2, 0)
    store.put(payload("a", b"z"))
    assert (len(queue), queue.overflowed) == (2, 1)
    store.put(payload("a", b"w" * 5000))
    assert (len(queue), queue.overflowed) == (1, 3)
    assert values(queue.take_all()) == ["w" * 5000]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=30), st.integers(1, 15), st.integers(1, 60))
def test_what_is_taken_and_what_overflowed_is_everything(
    steps: list[tuple[int, int]], maxlen: int, max_bytes: int
) -> None:
    """`steps`: so many lines are offered, then so many messages are taken."""
    queue, offered, taken = Queue("default", maxlen, max_bytes), 0, []
    for count, take in steps:
        if count:
            queue.offer(lines(offered + 1, count))
            offered += count
        assert len(queue) <= maxlen
        taken += queue.take_all(take)
    taken += queue.take_all()
    numbers = [message.serial for message in taken]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + queue.overflowed == offered
    assert values(taken) == [str(number) for number in numbers]
    assert (len(queue), queue._bytes, len(queue._blocks)) == (0, 0, 0)
    if offered and not any(take for _, take in steps):
        assert numbers[-1] == offered  # the newest is never what goes


def test_waiting_ends_with_a_message_or_with_close_or_in_time(store: Store) -> None:
    queue = store.queue("a")
    assert queue.take(timeout_s=0.01) is None
    taken: list[Message | None] = []
    thread = threading.Thread(target=lambda: taken.extend([queue.take(timeout_s=20), queue.take(timeout_s=20)]))
    thread.start()
    store.put(payload("a", b"1"))
    wait_until(lambda: taken or not len(queue))
    queue.close()
    thread.join(10)
    assert not thread.is_alive()
    assert taken[0] is not None
    assert taken[1] is None
    store.put(payload("a", b"2"))
    assert len(queue) == 0
    assert queue.closed


@pytest.mark.parametrize(("maxlen", "max_bytes"), [(0, 1), (-1, 1), (True, 1), (2.5, 1), (1, 0)])
def test_limits_are_checked(store: Store, maxlen: int, max_bytes: int) -> None:
    with pytest.raises(UsageError, match="whole number above 0"):
        store.queue("a", maxlen, max_bytes=max_bytes)


def test_no_filter(store: Store) -> None:
    with pytest.raises(UsageError, match="stands alone"):
        store.queue("a+")


def test_closed_ones_are_forgotten(store: Store) -> None:
    for _ in range(5):
        store.queue("a").close()
    store.queue("a")
    assert len(store.consumers._all) == 1


def test_of_the_process(process_store: Store) -> None:
    queue, calls = hdaemon.queue("a", 3), []
    callback = hdaemon.on("#", calls.append)
    process_store.put(payload("a", b"1"))
    assert len(queue) == len(callback) == 1
    queue.close()
    callback.close()


def test_each_of_several_threads_that_wait_is_woken(store: Store) -> None:
    queue, taken = store.queue("a"), []
    threads = [threading.Thread(target=lambda: taken.append(queue.take(timeout_s=20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: queue._waiting == 4)
    for number in range(4):  # at once: before the first that is woken has taken anything
        store.put(payload("a", b"%d" % number, number + 1))
    for thread in threads:
        thread.join(10)
    assert sorted(message.data for message in taken if message is not None) == list("0123")
    assert queue._waiting == 0


def test_messages_are_made_while_the_server_may_offer_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = store.queue("default")
    block = lines(1, 3)
    store.put(block)
    made = LinesBlock.some_lines

    def offered_meanwhile(self: LinesBlock, *which: object) -> object:
        other = threading.Thread(target=store.put, args=(lines(4, 2),))
        other.start()
        other.join(10)
        assert not other.is_alive(), "offer waits for the consumer"
        return made(self, *which)

    monkeypatch.setattr(LinesBlock, "some_lines", offered_meanwhile)
    first = queue.take_all(2)
    monkeypatch.setattr(LinesBlock, "some_lines", made)
    assert values(first + queue.take_all()) == ["1", "2", "3", "4", "5"]
