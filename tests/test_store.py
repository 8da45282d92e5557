"""The store: the newest of each channel, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from helpers import RawClient

import hdaemon
from hdaemon.blocks import PayloadBlock
from hdaemon.message import Message
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store


def put(store: Store, payload: bytes, channel: str = "default") -> Message:
    store.put(PayloadBlock(time.time(), store.take_serials(), channel, "text/plain", payload, "client-1", "evaluate"))
    return store[channel].message


def test_an_empty_store(store: Store) -> None:
    assert store.data is None
    assert store.message is None
    assert store.serial == 0
    assert store.channels == ()
    assert len(store) == 0
    assert list(store) == []
    assert store, "`if hou.session.dataobject` asks whether it is attached"
    assert store.get() is None
    assert "default" not in store


def test_an_unknown_channel_says_what_there_is(store: Store) -> None:
    put(store, b"1", "maya/body")
    with pytest.raises(hdaemon.NoData, match=r"'maya/boby'.*maya/body.*evaluate mode") as caught:
        store["maya/boby"]
    assert isinstance(caught.value, KeyError)
    assert not str(caught.value).startswith('"'), "not the repr that KeyError shows"


def test_the_newest_of_each_channel(store: Store) -> None:
    put(store, b"a1", "a")
    b = put(store, b"b1", "b")
    assert store["a"].data == "a1"
    assert store["b"].message is b
    assert store.data == "b1"
    newest = put(store, b"a2", "a")
    assert store["a"].data == store.data == "a2"
    assert store.message is newest
    assert store.serial == newest.serial
    assert store.channels == tuple(store) == ("a", "b")
    assert len(store) == 2
    assert "a" in store
    assert 3 not in store
    entry = store.get("b")
    assert entry is not None
    assert entry.data == "b1"


def test_an_older_message_does_not_replace_a_newer_one(store: Store) -> None:
    first, second = (PayloadBlock(0.0, n, "a", "text/plain", b"%d" % n, "c", "evaluate") for n in (1, 2))
    store.put(second)
    store.put(first)
    assert store["a"].data == store.data == "2"


def test_an_entry_is_what_was_there_when_it_was_asked_for(store: Store) -> None:
    put(store, b"old", "a")
    entry = store["a"]
    put(store, b"new", "a")
    assert entry.data == "old"


def test_clear_keeps_the_numbers_growing(store: Store) -> None:
    before = put(store, b"1").serial
    store.clear()
    assert store.data is None
    assert len(store) == 0
    assert put(store, b"2").serial > before


def test_serials_are_taken_once_whoever_takes_them(store: Store) -> None:
    taken: list[list[int]] = [[] for _ in range(8)]

    def take(mine: list[int]) -> None:
        for _ in range(2000):
            first = store.take_serials(3)
            mine.extend((first, first + 1, first + 2))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert all(mine == sorted(mine) for mine in taken)
    assert sorted(number for mine in taken for number in mine) == list(range(1, 8 * 6000 + 1))


def test_the_serial_a_reader_sees_only_grows_while_several_write(store: Store) -> None:
    seen: list[int] = []
    done = threading.Event()

    def write() -> None:
        for _ in range(3000):
            put(store, b"x", "a")

    def read() -> None:
        while not done.is_set():
            seen.append(store.serial)

    reader, writers = threading.Thread(target=read), [threading.Thread(target=write) for _ in range(3)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(20)
    done.set()
    reader.join(20)
    assert seen == sorted(seen)
    assert store.serial == 9000


def test_a_reader_sees_the_new_value_while_the_main_thread_is_busy(
    start_server: Callable[..., HPythonServer], store: Store
) -> None:
    server = start_server(mode="evaluate")
    seen_at: list[float] = []
    looked = threading.Event()

    def send_and_read() -> None:
        client = RawClient(server.host, server.port)
        client.send(b"the new value\n")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if store.data == "the new value":
                seen_at.append(time.monotonic())
                break
        client.close()
        looked.set()

    thread = threading.Thread(target=send_and_read)
    thread.start()
    busy_until = time.monotonic() + 1.0
    count = 0
    while time.monotonic() < busy_until:  # a cook: Python code that never lets go by itself
        count += 1
    assert seen_at, "the reader saw nothing while the main thread was busy"
    assert seen_at[0] < busy_until
    assert looked.wait(10)
    thread.join(10)


def test_the_process_s_store() -> None:
    assert hdaemon.latest("a channel nobody uses") is None
    hdaemon.store.clear()
    put(hdaemon.store, b"1", "somewhere")
    entry = hdaemon.latest("somewhere")
    assert entry is not None
    assert entry.data == "1"
    hdaemon.store.clear()
