"""Buffers joined into one `bytes`, which is like any other."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hdaemon.content import joined as module
from hdaemon.content.joined import LARGE_BYTES, joined


def parts(number: int, size: int = LARGE_BYTES + 3) -> list[bytes | memoryview]:
    """Return buffers of `size` bytes together, of several kinds, and another content for each number."""
    array = np.full((size - 7) // 4, number, "<i4").reshape(1, -1)
    rest = bytes([number]) * (size - 7 - array.nbytes)
    return [b"head", memoryview(array), memoryview(np.empty((0, 3), "f4")), b"", bytearray(b"end"), rest]


def plain(buffers: list[bytes | memoryview]) -> bytes:
    return b"".join(map(bytes, buffers))


@pytest.mark.parametrize("size", [7, 100, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 3 * LARGE_BYTES + 5])
def test_the_bytes_are_those_of_the_parts(size: int) -> None:
    assert joined(parts(1, size)) == plain(parts(1, size))
    assert joined([]) == b""


def test_without_the_c_api_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "memory", lambda: None)
    wanted = plain(parts(1, LARGE_BYTES + (1 << 20) + 1))
    assert joined(parts(1, len(wanted))) == wanted


def test_what_is_made_is_like_any_other() -> None:
    made = joined(parts(1))
    assert type(made) is bytes
    assert sys.getrefcount(made) == 2
    assert hash(made) == hash(plain(parts(1)))
