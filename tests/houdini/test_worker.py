"""The worker's thread: large messages are ready before a cook asks, the newest wins, and it ends when it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from helpers import wait_until
from receiving import grid, put, put_mesh, put_text

import hdaemon
from hdaemon import content
from hdaemon.houdini import worker as module
from hdaemon.houdini.from_message import AS_SENT, Conventions
from hdaemon.houdini.prepare import Prepared, prepare
from hdaemon.houdini.worker import Worker
from hdaemon.message import Message

KEY = ("c", AS_SENT)
LARGE = 100  # points a side: 600 KB


@pytest.fixture
def worker(process_store: hdaemon.Store) -> Iterator[Worker]:
    made = Worker()
    yield made
    assert made.stop()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "hdaemon receivers"]


def test_a_large_message_is_prepared(worker: Worker) -> None:
    worker.want(KEY)
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: worker.ready(KEY))
    ready = worker.ready(KEY)
    assert ready is not None
    assert ready.serial == serial
    assert ready.mesh == grid(LARGE)
    assert worker.prepare_now(KEY, hdaemon.store["c"].message) is ready


def test_it_says_when_something_is_ready(worker: Worker) -> None:
    told: list[bool] = []
    worker.on_ready = lambda: told.append(worker.ready(KEY) is not None)
    worker.want(KEY)
    put_mesh("c", grid(LARGE))
    wait_until(lambda: told)
    assert told == [True]


@pytest.mark.parametrize("kind", [content.JSON, content.MSGPACK])
def test_a_tree_is_large_sooner(worker: Worker, kind: str) -> None:
    """Of JSON and MessagePack every few bytes are an object."""
    worker.want(KEY)
    size = module.LARGE_TREE_BYTES
    text = b'"' + b"x" * (size - 2) + b'"' if kind == content.JSON else b"\xda" + (size - 3).to_bytes(2, "big")
    payload = text.ljust(size, b"x")
    put(
        "c",
        kind,
        payload[:-2] + b'"' if kind == content.JSON else b"\xda" + (size - 4).to_bytes(2, "big") + payload[4:],
    )
    put_text("c", "text" * size)
    assert worker.coming(KEY) == 0
    serial = put("c", kind, payload)
    wait_until(lambda: worker.ready(KEY))
    ready = worker.ready(KEY)
    assert ready is not None
    assert (ready.serial, ready.error) == (serial, None)


def test_small_messages_and_other_channels_are_left_alone(worker: Worker) -> None:
    worker.want(KEY)
    put_text("c", "small")
    put_mesh("other", grid(LARGE))
    put_mesh("c", grid(LARGE))
    wait_until(lambda: worker.ready(KEY))
    assert worker._state.slots.keys() == {KEY}
    assert all(slot.waiting is None for slot in worker._state.slots.values())


def test_nothing_runs_before_somebody_receives(worker: Worker) -> None:
    put_mesh("c", grid(LARGE))
    assert not threads()
    assert worker.ready(KEY) is None
    assert worker.prepare_now(KEY, hdaemon.store["c"].message).mesh == grid(LARGE)


def test_one_thread_for_all(worker: Worker) -> None:
    for channel in ("c", "d", "c"):
        worker.want((channel, AS_SENT))
    assert len(threads()) == 1


class Noticed:
    """Says on which thread it was let go."""

    def __init__(self, freed: list[str]) -> None:
        self._freed = freed

    def __del__(self) -> None:
        self._freed.append(threading.current_thread().name)


class Gate:
    """Stands for `prepare`: each call waits until it is let through."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Semaphore(0), threading.Semaphore(0)
        self.serials: list[int] = []

    def __call__(self, message: Message, conventions: Conventions, previous: Prepared | None, join: object) -> Prepared:
        self.serials.append(message.serial)
        self.entered.release()
        assert self.open.acquire(timeout=10)
        return Prepared(message.serial)


def test_while_it_works_the_newest_replaces_what_waits(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(module, "prepare", gate)
    worker.want(KEY)
    first = put_mesh("c", grid(LARGE))
    assert gate.entered.acquire(timeout=10)
    serials = [put_mesh("c", grid(LARGE)) for _ in range(5)]
    gate.open.release(2)
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serials[-1])
    assert gate.serials == [first, serials[-1]]


def test_every_channel_has_its_turn(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(module, "prepare", gate)
    for channel in ("a", "b"):
        worker.want((channel, AS_SENT))
    one = put_mesh("a", grid(LARGE))
    assert gate.entered.acquire(timeout=10)
    two, three = put_mesh("a", grid(LARGE)), put_mesh("b", grid(LARGE))
    gate.open.release(3)
    wait_until(lambda: len(gate.serials) == 3)
    assert gate.serials == [one, three, two]


def test_what_was_prepared_in_a_cook_is_not_replaced_by_older(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(module, "prepare", gate)
    worker.want(KEY)
    put_mesh("c", grid(LARGE))
    assert gate.entered.acquire(timeout=10)
    monkeypatch.setattr(module, "prepare", prepare)
    put_text("c", "newer")
    made = worker.prepare_now(KEY, hdaemon.store["c"].message)
    monkeypatch.setattr(module, "prepare", gate)
    put_mesh("c", grid(LARGE))
    gate.open.release()
    assert gate.entered.acquire(timeout=10)  # so it is done with the first
    assert worker.ready(KEY) is made
    gate.open.release()


def test_a_failure_is_the_message_s_and_not_the_thread_s(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Prepared:
        raise MemoryError("no room")

    monkeypatch.setattr(module, "prepare", broken)
    worker.want(KEY)
    put_mesh("c", grid(LARGE))
    wait_until(lambda: worker.ready(KEY))
    ready = worker.ready(KEY)
    assert ready is not None
    assert ready.error == "it could not be prepared: MemoryError: no room"
    monkeypatch.setattr(module, "prepare", prepare)
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)


def test_a_payload_that_does_not_decode_is_ready_with_its_error(worker: Worker) -> None:
    worker.want(KEY)
    put("c", content.SAFETENSORS, b"x" * 300_000)
    wait_until(lambda: worker.ready(KEY))
    assert "not taken as safetensors" in str(getattr(worker.ready(KEY), "error", None))


def test_a_dropped_channel_is_prepared_no_more(worker: Worker) -> None:
    worker.want(KEY)
    worker.want(("d", AS_SENT))
    worker.drop(KEY)
    worker.drop(KEY)
    put_mesh("c", grid(LARGE))
    put_mesh("d", grid(LARGE))
    wait_until(lambda: worker.ready(("d", AS_SENT)))
    assert worker.ready(KEY) is None


def test_stopping_ends_the_thread_and_wanting_starts_another(worker: Worker) -> None:
    worker.want(KEY)
    assert len(threads()) == 1
    assert worker.stop()
    assert not threads()
    assert worker.stop()
    put_mesh("c", grid(LARGE))
    assert worker.ready(KEY) is None
    worker.want(KEY)
    serial = put_mesh("c", grid(LARGE))
    wait_until(lambda: getattr(worker.ready(KEY), "serial", 0) == serial)


def test_stopping_while_it_works_takes_no_longer_than_said(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(module, "prepare", gate)
    worker.want(KEY)
    put_mesh("c", grid(LARGE))
    assert gate.entered.acquire(timeout=10)
    assert not worker.stop(0.01)
    gate.open.release()
    wait_until(lambda: not threads())


def test_what_is_let_go_is_freed_on_the_thread(worker: Worker) -> None:
    freed: list[str] = []
    worker.want(KEY)
    box = [Prepared(1, notes=(Noticed(freed),))]  # type: ignore[arg-type]
    worker.bury(box)
    wait_until(lambda: freed == ["hdaemon receivers"])
    assert box == []
    assert worker.stop()
    worker.bury([Prepared(2)])  # without a thread, whoever held it lets it go


def test_nothing_is_compared_until_a_cook_says_that_it_helps(worker: Worker) -> None:
    worker.want(KEY)

    def next_ready() -> Prepared:
        serial = put_mesh("c", grid(LARGE))
        wait_until(lambda: worker.ready(KEY) is not None and worker.ready(KEY).serial == serial)  # type: ignore[union-attr]
        ready = worker.ready(KEY)
        assert ready is not None
        return ready

    first, second = next_ready(), next_ready()
    assert first.layout != second.layout
    worker.compare = True
    third = next_ready()
    assert (third.layout, third.versions) == (second.layout, second.versions)
    worker.stop()
    assert not worker.compare


def test_memory_of_a_mesh_that_was_let_go_is_used_again(worker: Worker) -> None:
    large = grid(600)  # 8.6 MB of bgeo
    worker.want(KEY)
    for number in range(4):
        put_mesh("c", large)
        message = hdaemon.store["c"].message
        wait_until(lambda: worker.ready(KEY) is not None and worker.ready(KEY).serial == message.serial)  # type: ignore[union-attr]  # noqa: B023
        assert len(worker._pool._known) <= min(number + 1, 2)
    worker.stop()
    assert not worker._pool._known
