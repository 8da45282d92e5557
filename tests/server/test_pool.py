"""Buffers that are used again: only when nobody holds them, and not for ever."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable

import numpy as np
import pytest
from helpers import RawClient, wait_until

from hdaemon.message import Message
from hdaemon.server import pages as pages_module
from hdaemon.server import pool as pool_module
from hdaemon.server.pool import BufferPool
from hdaemon.server.thread import HPythonServer

MB = 1_000_000


def address(view: memoryview) -> int:
    return np.frombuffer(view, np.uint8).ctypes.data


def test_a_buffer_that_was_let_go_is_used_again() -> None:
    pool = BufferPool()
    first = pool.take(MB)
    assert (len(first), first.format, first.ndim, first.readonly) == (MB, "B", 1, False)
    place = address(first)
    del first
    assert address(pool.take(MB)) == place


@pytest.mark.parametrize(
    "derive",
    [
        lambda view: view,
        lambda view: view.toreadonly(),
        lambda view: view[10:20],
        lambda view: np.frombuffer(view, np.uint8),
        lambda view: np.frombuffer(view, np.float32)[5:].reshape(-1, 1),
        lambda view: Message(1, 0.0, "a", "application/octet-stream", view.toreadonly(), "c"),
    ],
)
def test_what_somebody_holds_is_not(derive: Callable[[memoryview], object]) -> None:
    pool = BufferPool()
    view = pool.take(MB)
    place = address(view)
    held = derive(view)
    del view
    assert address(pool.take(MB)) != place
    del held
    both = [pool.take(MB) for _ in range(2)]
    assert place in map(address, both)


def test_the_one_that_was_used_last_is_used_first() -> None:
    pool = BufferPool()
    first, second = pool.take(MB), pool.take(MB)
    place = address(second)
    del first, second
    assert address(pool.take(MB)) == place


def test_a_little_less_fits_and_much_less_does_not() -> None:
    pool = BufferPool()
    place = address(pool.take(MB))
    assert address(pool.take(int(MB * 0.95))) == place
    small = pool.take(MB // 2)
    assert address(small) != place
    assert len(small) == MB // 2


def test_the_pool_knows_no_more_than_its_limit() -> None:
    pool = BufferPool(max_bytes=3 * MB)
    held = [pool.take(MB) for _ in range(5)]
    assert len(pool._buffers) == 3
    assert len({address(view) for view in held}) == 5
    assert len(pool.take(4 * MB)) == 4 * MB
    assert len(pool._buffers) == 3


def test_what_is_not_taken_for_a_while_is_forgotten() -> None:
    now = [100.0]
    pool = BufferPool(clock=lambda: now[0])
    assert pool.due() is None
    held = pool.take(MB)
    held[:3] = b"abc"
    now[0] += 4
    pool.take(2 * MB)
    assert pool.due() == 100 + pool_module.KEEP_S
    pool.trim(now[0])
    assert len(pool._buffers) == 2
    pool.trim(104 + pool_module.KEEP_S)
    assert len(pool._buffers) == 1  # what is held is known still
    assert bytes(held[:3]) == b"abc"
    place = address(held)
    del held
    assert address(pool.take(MB)) == place
    pool.trim(104 + 2 * pool_module.KEEP_S)
    assert pool.due() is None


LARGE = pages_module.MIN_BYTES


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where the arrays lay that the pool has given back."""
    places: list[int] = []

    def note(array: np.ndarray) -> None:
        places.append(array.ctypes.data)
        pages_module.give_back(array)

    monkeypatch.setattr(pool_module, "give_back", note)
    return places


def test_a_large_buffer_is_freed_by_the_pool_whoever_held_it_last(given_back: list[int]) -> None:
    """Python frees memory with the interpreter's lock held, and the main thread may be the one: 60 ms for 500 MB."""
    now = [100.0]
    pool = BufferPool(max_bytes=2 * LARGE, clock=lambda: now[0])
    held = [pool.take(LARGE) for _ in range(3)]  # one more than may go round
    places = [address(view) for view in held]
    assert len(pool._buffers) == 3
    del held[0]
    assert not given_back
    pool.take(2 * LARGE)  # makes room first
    assert given_back == places[:1]
    held.clear()
    now[0] += pool_module.KEEP_S
    pool.trim(now[0])
    assert set(places) <= set(given_back)
    assert pool.due() is None


def test_a_buffer_larger_than_the_limit_pushes_nothing_out(given_back: list[int]) -> None:
    now = [100.0]
    pool = BufferPool(max_bytes=LARGE, clock=lambda: now[0])
    place = address(pool.take(LARGE))
    large = address(pool.take(2 * LARGE))
    assert address(pool.take(LARGE)) == place
    assert not given_back
    pool.trim(now[0] + pool_module.KEEP_S)
    assert sorted(given_back) == sorted([place, large])


def test_what_was_never_touched_is_known_until_the_buffer_is_used_again() -> None:
    pool = BufferPool()
    view = pool.take(LARGE)
    assert pool.untouched(view) == LARGE
    assert pool.untouched(view[10:]) == 0  # too small to matter
    other = pool.take(2 * LARGE)
    assert (pool.untouched(other), pool.untouched(other[100:])) == (2 * LARGE, 2 * LARGE - 100)
    assert pool.untouched(memoryview(bytearray(LARGE))) == 0
    del view
    assert pool.untouched(pool.take(LARGE)) == 0
    assert pool.untouched(pool.take(LARGE - 1)) == 0


def test_a_message_that_is_held_is_never_written_over(start_server: Callable[..., HPythonServer]) -> None:
    """Two bodies of one size, one after another: who holds the first still reads the first."""
    server = start_server(mode="evaluate")
    queue = server.store.queue("a")
    held: list[Message] = []
    client = RawClient(server.host, server.port)
    for fill in (b"1", b"2", b"3", b"4", b"5"):
        head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: {3 * MB}\r\n\r\n"
        client.send(head.encode() + fill * (3 * MB))
        wait_until(lambda: len(queue))
        message = queue.take()
        assert message is not None
        if fill in b"13":
            held.append(message)  # the others are let go, and their buffers received into again
        del message
        server.log.clear()
        gc.collect()
    assert [bytes(message.payload[:1]) for message in held] == [b"1", b"3"]
    for message in held:
        assert set(bytes(message.payload)) == {message.payload[0]}
    client.close()


def test_after_a_large_body_a_small_request_is_answered_at_once(server: HPythonServer) -> None:
    """The system waits for a large part of a large body only."""
    client = RawClient(server.host, server.port)
    host = f"Host: {server.host}:{server.port}\r\n"
    client.send(f"PUT /channels/a HTTP/1.1\r\n{host}Content-Length: {5 * MB}\r\n\r\n".encode())
    client.send(bytes(5 * MB - 1))
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.send(b"x")
    assert client.sock.recv(65536).startswith(b"HTTP/1.1 200")
    client.send(f"GET /mode HTTP/1.1\r\n{host}\r\n".encode())
    assert client.sock.recv(65536).endswith(b'"print"')
    client.close()


def test_parts_are_joined_in_a_buffer_of_the_pool() -> None:
    pool = BufferPool()
    address = np.frombuffer(pool.take(3000), np.uint8).ctypes.data
    joined = pool.join([b"a" * 1000, bytearray(b"b" * 1999), b"c"])
    assert joined == b"a" * 1000 + b"b" * 1999 + b"c"
    assert joined.readonly
    assert np.frombuffer(joined, np.uint8).ctypes.data == address, "the free buffer was used again"
    assert np.frombuffer(pool.take(3000), np.uint8).ctypes.data != address, "it is in use"
