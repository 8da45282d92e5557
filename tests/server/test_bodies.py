"""Large bodies while another thread keeps the interpreter to itself: whole, in bounded time, and nobody is kept out."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from helpers import RawClient, wait_until

from hdaemon import Store
from hdaemon.server import bodies as bodies_module
from hdaemon.server.bodies import HEAD_BYTES, Bodies
from hdaemon.server.client import Client, Connection
from hdaemon.server.pages import touch
from hdaemon.server.pool import BufferPool
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

linux = pytest.mark.skipif(not bodies_module._CAN_WAIT, reason="waits on Linux only")


class Clock:
    def __init__(self) -> None:
        self.now = 50.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.create_server(("127.0.0.1", 0)), socket.socket()
    with ours, theirs:
        theirs.connect(ours.getsockname())
        sock = ours.accept()[0]
        sock.setblocking(False)
        with sock:
            yield Connection(Client(1, "a", "b", "http"), sock, RawDoor(Limits(), "lines", None)), theirs


def contended(clock: Clock) -> Bodies:
    """Return what has just seen a receive that took 10 ms too long."""
    bodies = Bodies(BufferPool(), clock)
    bodies._contended_until = clock.now + 1
    return bodies


def test_a_receive_that_took_too_long_tells_that_the_lock_was_kept(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    clock = Clock()
    bodies = Bodies(BufferPool(), clock)
    theirs.sendall(b"x" * 100)
    wait_until(lambda: bodies.receive(connection, memoryview(bytearray(50))) == 50)
    assert not bodies.contended
    clock.step = 0.01
    assert bodies.receive(connection, memoryview(bytearray(50))) == 50
    clock.step = 0.0
    assert bodies.contended
    clock.now += bodies_module.CONTENDED_S
    assert not bodies.contended


@linux
def test_one_call_waits_for_what_comes_later(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    target = bytearray(3_000_000)
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1_000_000)
    connection.low_water = 1_000_000
    thread = threading.Thread(target=theirs.sendall, args=(b"x" * len(target),))
    thread.start()
    before = sys.getswitchinterval()
    size = contended(Clock()).receive(connection, memoryview(target))
    if not connection.slow:  # else this machine was busy for so long
        assert size == len(target)
        assert target == b"x" * len(target)
    assert sys.getswitchinterval() == before
    assert connection.sock.gettimeout() == 0.0
    assert connection.low_water == 1  # else the last part, less than that, would be waited for in vain
    connection.sock.setblocking(True)
    while size < len(target):
        size += connection.sock.recv_into(memoryview(target)[size:])
    thread.join(5)


@linux
def test_a_slow_sender_is_waited_for_once_until_a_body_of_its_comes_quickly(
    pair: tuple[Connection, socket.socket],
) -> None:
    connection, theirs = pair
    bodies, target = contended(Clock()), memoryview(bytearray(1000))
    theirs.sendall(b"x" * 10)
    began = time.monotonic()
    assert bodies.receive(connection, target) == 10
    took = time.monotonic() - began
    assert took >= bodies_module.PART_S * 0.9
    assert took < 1.0
    assert connection.slow
    with pytest.raises(BlockingIOError):
        bodies.receive(connection, target)
    assert connection.sock.gettimeout() == 0.0
    # Not in the next body either: others would wait at each.
    _next_body(bodies, connection, theirs, b"y" * 999)
    assert _size(lambda: bodies.receive(connection, target)) == 999
    assert connection.slow
    theirs.sendall(b"y")  # what comes later has had time: it says nothing
    wait_until(lambda: _size(lambda: bodies.receive(connection, target[999:])) == 1)
    assert connection.slow
    _next_body(bodies, connection, theirs, b"y" * 1000)
    assert _size(lambda: bodies.receive(connection, target)) == 1000
    assert not connection.slow
    _next_body(bodies, connection, theirs, b"y" * 10)
    assert bodies.receive(connection, target) == 10
    assert connection.slow


def _next_body(bodies: Bodies, connection: Connection, theirs: socket.socket, body: bytes) -> None:
    """Have the next head received, and a body come whole."""
    theirs.sendall(b"h" * 10)
    wait_until(lambda: _size(lambda: bodies.receive_head(connection, memoryview(bytearray(10)))) == 10)
    theirs.sendall(body)
    view = memoryview(bytearray(len(body)))
    wait_until(lambda: _size(lambda: connection.sock.recv_into(view, 0, socket.MSG_PEEK)) == len(body))


@linux
@pytest.mark.parametrize("part", ["head", "body"])
def test_a_receive_that_took_half_a_millisecond_more_than_its_bytes_take_waited_for_the_lock(
    pair: tuple[Connection, socket.socket], part: str
) -> None:
    connection, theirs = pair
    clock, view = Clock(), memoryview(bytearray(1000))
    bodies = Bodies(BufferPool(), clock)
    for step, waited in ((bodies_module.SLOW_S / 2, False), (bodies_module.SLOW_S * 1.1, True)):
        connection.had_body = part == "head"
        theirs.sendall(b"x" * 100)
        wait_until(lambda: _size(lambda: connection.sock.recv_into(view, 0, socket.MSG_PEEK)) == 100)
        clock.step = step
        receive = bodies.receive_head if part == "head" else bodies.receive
        assert _size(lambda receive=receive: receive(connection, view)) == 100  # type: ignore[misc]
        clock.step = 0.0
        assert bodies.contended == waited


@linux
def test_nothing_and_the_end_are_told_apart(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    with pytest.raises(BlockingIOError):
        contended(Clock()).receive(connection, memoryview(bytearray(1000)))
    theirs.shutdown(socket.SHUT_WR)
    assert contended(Clock()).receive(connection, memoryview(bytearray(1000))) == 0


def test_after_a_body_no_more_than_a_head_is_received(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    bodies, view = Bodies(BufferPool()), memoryview(bytearray(100_000))
    theirs.sendall(b"x" * 30_100)
    wait_until(lambda: _size(lambda: bodies.receive(connection, view[:100])) == 100)
    wait_until(lambda: _size(lambda: connection.sock.recv_into(view, 0, socket.MSG_PEEK)) == 30_000)
    assert bodies.receive_head(connection, view) == HEAD_BYTES
    assert bodies.receive_head(connection, view) == 30_000 - HEAD_BYTES


@pytest.mark.parametrize("busy", [False, True])
def test_pages_of_a_fresh_buffer_are_touched_before_anything_is_received_into_them(
    pair: tuple[Connection, socket.socket], monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """Else the system has them found with the lock of all memory held, for which the main thread waited 40 ms."""
    connection, theirs = pair
    pool, step = BufferPool(), bodies_module.TOUCH_BYTES
    target = pool.take(3 * step + 1000)
    marks = [b"%08d" % number for number in range(len(target) // 8 + 1)]
    body = b"".join(marks)[: len(target)]
    received, touched = 0, 0

    def note(part: memoryview) -> None:
        nonlocal touched
        assert np.frombuffer(part, np.uint8).ctypes.data == start + touched
        assert touched >= received
        touched += len(part)
        touch(part)

    start = np.frombuffer(target, np.uint8).ctypes.data
    monkeypatch.setattr(bodies_module, "touch", note)
    bodies, clock = Bodies(pool), Clock()
    if busy:
        bodies = Bodies(pool, clock)
        bodies._contended_until = clock.now + 1
    thread = threading.Thread(target=theirs.sendall, args=(body,))
    thread.start()
    deadline = time.monotonic() + 30
    while received < len(target) and time.monotonic() < deadline:
        rest = target[received:]
        received += _size(lambda rest=rest: bodies.receive(connection, rest))  # type: ignore[misc]
        assert received <= touched < received + 2 * step
    thread.join(30)
    assert bytes(target) == body
    assert touched == len(target)
    # Used again, it has its pages.
    address = np.frombuffer(target, np.uint8).ctypes.data
    del target, rest
    target = pool.take(len(body))
    assert np.frombuffer(target, np.uint8).ctypes.data == address
    theirs.sendall(b"xy")
    wait_until(lambda: _size(lambda: bodies.receive_head(connection, memoryview(bytearray(1)))) == 1)
    wait_until(lambda: _size(lambda: bodies.receive(connection, target[:])) == 1)
    assert touched == len(body)


def _size(receive: Callable[[], int]) -> int:
    try:
        return receive()
    except BlockingIOError:
        return 0


@pytest.mark.parametrize("can_wait", [True, False])
def test_bodies_arrive_whole_while_the_main_thread_runs_python(
    start_server: Callable[..., HPythonServer], monkeypatch: pytest.MonkeyPatch, store: Store, can_wait: bool
) -> None:
    monkeypatch.setattr(bodies_module, "_CAN_WAIT", can_wait and bodies_module._CAN_WAIT)
    server = start_server(mode="evaluate")
    before = sys.getswitchinterval()
    size, count = 5_000_000, 6
    queue = store.queue("a")
    client, other = RawClient(server.host, server.port), RawClient(server.host, server.port)
    head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: {size}\r\n\r\n".encode()
    bodies = [bytes([number]) * size for number in range(count)]

    def send() -> None:
        for body in bodies:
            client.send(head + body)
        other.send(b"a line\n")

    thread = threading.Thread(target=send)
    thread.start()
    until = time.monotonic() + 30
    while (len(queue) < count or "default" not in store) and time.monotonic() < until:
        pass
    thread.join(5)
    client.close()
    other.close()
    assert [bytes(message.payload) == body for message, body in zip(queue, bodies, strict=True)] == [True] * count
    assert store["default"].data == "a line"
    assert server.stop()
    assert sys.getswitchinterval() == before


@linux
def test_stop_does_not_wait_for_a_body(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    server._loop._connections._bodies._contended_until = time.monotonic() + 60
    client = RawClient(server.host, server.port)
    head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: 900000000\r\n\r\n"
    client.send(head.encode() + bytes(1_000_000))
    wait_until(lambda: server.bytes_received > 900_000)
    assert server.stop()
    client.close()
