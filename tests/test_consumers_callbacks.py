"""Callbacks: every message, on the main thread, in the time that it has; what they raise is told once."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import pytest
from helpers import RawClient, events, wait_until
from stored import lines, payload, values

from hdaemon import Callback, Message, Store
from hdaemon.server.thread import HPythonServer

TURN_S = 10.0
"""A turn that ends when nothing is left, and not because the machine was busy for 4 ms."""


def test_callbacks_are_given_batches(store: Store) -> None:
    batches: list[list[str]] = []
    callback = store.on("a", lambda messages: batches.append(values(messages)))
    for number in range(3):
        store.put(payload("a", b"%d" % number))
    assert store.consumers.deliver(pytest.fail, budget_s=TURN_S) is False
    assert batches == [["0", "1", "2"]]
    assert store.consumers.deliver(pytest.fail, budget_s=TURN_S) is False
    assert callback.calls == 1


def test_at_most_256_at_once(store: Store) -> None:
    sizes: list[int] = []
    callback = store.on("default", lambda messages: sizes.append(len(messages)))
    store.put(lines(1, 9000))
    assert store.consumers.deliver(pytest.fail, budget_s=60) is False
    assert sum(sizes) == 9000
    assert max(sizes) <= 256
    assert callback.batch <= 256


def test_batches_do_not_make_python_collect_garbage(store: Store) -> None:
    """A collection while a batch is alive takes its messages for old ones: soon follows one of the whole process."""
    callback = store.on("default", len)
    store.put(lines(1, 9000))
    gc.collect()
    collections: list[str] = []
    note = lambda phase, _: collections.append(phase)  # noqa: E731
    gc.callbacks.append(note)
    try:
        while store.consumers.deliver(pytest.fail):
            pass
    finally:
        gc.callbacks.remove(note)
    assert callback.calls > 9
    assert collections == []


@pytest.mark.parametrize(("ms_a_message", "least", "most"), [(0.0, 256, 256), (1.0, 2, 4), (20.0, 1, 1)])
def test_a_batch_is_as_large_as_its_turn_is_long(ms_a_message: float, least: int, most: int) -> None:
    now, sizes = [0.0], []

    def slow(messages: list[Message]) -> None:
        sizes.append(len(messages))
        now[0] += len(messages) * ms_a_message / 1000

    callback = Callback("default", slow, clock=lambda: now[0])
    callback.offer(lines(1, 10_000))
    for _ in range(20):
        callback.call()
    assert least <= callback.batch <= most
    assert max(sizes[1:]) <= max(most, 2), "but for the first one, no turn is longer than it may be"
    ms_a_message = 0.0
    callback.offer(lines(10_001, 10_000))
    while len(callback):
        callback.call()
    assert callback.batch == 256, "it follows the load both ways"


def test_the_budget_ends_a_turn_and_nobody_is_left_out(store: Store) -> None:
    called: list[str] = []
    for name in ("one", "two", "three"):
        store.on("default", lambda _, name=name: called.append(name))
    store.put(lines(1, 5000))
    for turn in range(1, 7):
        assert store.consumers.deliver(pytest.fail, budget_s=0) is True
        assert len(called) == turn
    assert {called.count(name) for name in ("one", "two", "three")} == {2}


def test_what_it_raises_is_told_once_and_the_others_go_on(store: Store) -> None:
    told: list[str] = []
    got: list[Message] = []

    def broken(messages: list[Message]) -> None:
        raise ValueError(f"cannot use {messages[0].data}")

    failing = store.on("a", broken)
    store.on("a", got.extend)
    for text in (b"this", b"this", b"that"):
        store.put(payload("a", text))
        store.consumers.deliver(told.append, budget_s=TURN_S)
    assert len(told) == 2
    assert "broken" in told[0]
    assert "channel 'a' raised ValueError: cannot use this" in told[0]
    assert "cannot use that" in told[1]
    assert failing.error == "ValueError: cannot use that"
    assert values(got) == ["this", "this", "that"]
    failing.function = got.extend
    store.put(payload("a", b"x"))
    store.consumers.deliver(told.append, budget_s=TURN_S)
    assert failing.error is None


def test_a_callback_that_is_closed_is_called_no_more(store: Store) -> None:
    got: list[Message] = []
    callback = store.on("a", got.extend)
    store.put(payload("a", b"1"))
    callback.close()
    store.consumers.deliver(pytest.fail, budget_s=TURN_S)
    assert got == []


def test_a_callback_may_close_itself_and_others(store: Store) -> None:
    got: list[Message] = []

    def once(messages: list[Message]) -> None:
        got.extend(messages)
        first.close()
        store.on("a", got.extend)

    first = store.on("a", once)
    for _ in range(2):
        store.put(payload("a", b"1"))
        store.consumers.deliver(pytest.fail, budget_s=TURN_S)
    assert len(got) == 2


# -- end to end ---------------------------------------------------------------------------------------------


def test_from_the_socket_to_the_main_thread(qapp: object, start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    got: list[Message] = []
    threads: set[threading.Thread] = set()
    queue = server.store.queue("default", maxlen=100)

    def callback(messages: list[Message]) -> None:
        got.extend(messages)
        threads.add(threading.current_thread())

    server.store.on("#", callback, maxlen=100_000)
    client = RawClient(server.host, server.port)
    client.send(b"".join(b"%d\n" % number for number in range(20_000)))
    wait_until(lambda: len(got) == 20_000)
    assert [message.data for message in got] == [str(number) for number in range(20_000)]
    assert threads == {threading.main_thread()}
    assert (len(queue), queue.overflowed) == (100, 19_900)
    client.close()


def test_print_mode_hands_nothing_over(qapp: object, server: HPythonServer) -> None:
    queue = server.store.queue("#")
    client = RawClient(server.host, server.port)
    client.send(b"shown\nevaluate\nkept\n")
    wait_until(lambda: len(queue) == 1)
    assert values(queue.take_all()) == ["kept"]
    client.close()


def test_a_failing_callback_is_one_row_in_the_log(qapp: object, start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")

    def broken(_: list[Message]) -> None:
        raise RuntimeError("no node there")

    callback = server.store.on("default", broken)
    client = RawClient(server.host, server.port)
    for number in range(3):
        client.send(b"x\n")
        wait_until(lambda number=number: callback.calls == number + 1)
    (text,) = events(server.log, "error")
    assert "no node there" in text
    assert server.state == "listening"
    client.close()
