"""Memory that is used again, and who may not see it happen."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from hdaemon.content.joined import LARGE_BYTES
from hdaemon.houdini import reuse as module
from hdaemon.houdini.reuse import KEEP_S, BytesPool

SIZE = LARGE_BYTES + 3


def parts(number: int, size: int = SIZE) -> list[bytes]:
    return [bytes([number]) * 1000, bytes([number]) * (size - 1000)]


def plain(buffers: list[bytes]) -> bytes:
    return b"".join(buffers)


def test_the_bytes_are_those_of_the_parts() -> None:
    pool = BytesPool()
    for number in range(4):
        assert pool.joined(parts(number)) == plain(parts(number))
    assert pool.joined([]) == b""


def test_without_the_c_api_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "memory", lambda: None)
    pool = BytesPool()
    assert pool.joined(parts(1)) == plain(parts(1))
    assert not pool._known


def reused(pool: BytesPool) -> bool:
    """Say whether the pool writes into an object that it made before and that was let go."""
    before = id(pool._known[0].data)
    return id(pool.joined(parts(9))) == before


def test_what_nobody_holds_is_written_again() -> None:
    pool = BytesPool()
    pool.joined(parts(1))
    assert reused(pool)
    assert pool.joined(parts(2)) == plain(parts(2))
    assert len(pool._known) == 1


@pytest.mark.parametrize(
    "hold",
    [
        lambda made: made,
        memoryview,
        lambda made: memoryview(made)[5:6],
        lambda made: np.frombuffer(made, np.uint8)[:1],
        lambda made: iter(made),
        lambda made: {"deep": [made]},
        lambda made: lambda: made,
        lambda made: made.find,
    ],
    ids=["name", "view", "slice", "array", "iterator", "dict", "closure", "method"],
)
def test_what_somebody_holds_does_not_change(hold: object) -> None:
    pool = BytesPool()
    held = hold(pool.joined(parts(1)))  # type: ignore[operator]
    assert not reused(pool)
    assert pool._known[0].data == plain(parts(1))
    del held
    assert reused(pool)


def test_what_a_thread_is_given_does_not_change() -> None:
    pool, go, seen = BytesPool(), threading.Event(), []

    def look(data: bytes) -> None:
        go.wait(10)
        seen.append(data == plain(parts(1)))

    thread = threading.Thread(target=look, args=(pool.joined(parts(1)),))
    thread.start()
    pool.joined(parts(2))
    go.set()
    thread.join(10)
    assert seen == [True]


def test_what_was_hashed_is_not_written_again() -> None:
    pool = BytesPool()
    hash(pool.joined(parts(1)))
    assert not reused(pool)


def test_another_size_is_another_object() -> None:
    pool = BytesPool()
    pool.joined(parts(1, LARGE_BYTES + 4))
    assert not reused(pool)


def test_without_the_interpreter_lock_nothing_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = BytesPool()
    pool.joined(parts(1))
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not reused(pool)


def test_small_ones_are_not_kept() -> None:
    pool = BytesPool()
    pool.joined([b"x" * 1000])
    assert not pool._known


def test_the_pool_stays_within_its_bytes() -> None:
    pool = BytesPool(max_bytes=2 * SIZE)
    held = [pool.joined(parts(number)) for number in range(4)]
    assert [one.data for one in pool._known] == held[2:]
    BytesPool(max_bytes=SIZE - 1).joined(parts(1))


def test_what_is_old_is_let_go() -> None:
    now = [100.0]
    pool = BytesPool(clock=lambda: now[0])
    first, now[0] = pool.joined(parts(1)), 105.0
    second = pool.joined(parts(2))
    now[0] = 100.0 + KEEP_S
    pool.trim()
    assert [one.data for one in pool._known] == [second]
    assert sys.getrefcount(first) == 2
    now[0] = 105.0 + KEEP_S
    pool.trim()
    assert not pool._known
