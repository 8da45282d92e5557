"""Payloads of any kind as flat bytes."""

from __future__ import annotations

import numpy as np
import pytest

from hdaemon.content.buffers import flat, short


@pytest.mark.parametrize(
    "payload",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(np.frombuffer(b"abcd", np.uint8).copy()),
        memoryview(np.frombuffer(b"abcd", "<u2")),
        memoryview(np.frombuffer(b"abcd", np.uint8).reshape(2, 2)),
        memoryview(b"xabcdx")[1:5],
        memoryview(b"aXbXcXd")[::2],
        memoryview(b"abcd").cast("c"),
    ],
)
def test_flat(payload: bytes) -> None:
    view = flat(payload)
    assert bytes(view) == b"abcd"
    assert (view.format, view.ndim, view.readonly, len(view)) == ("B", 1, True, 4)


@pytest.mark.parametrize("payload", [b"", memoryview(np.zeros((0, 3), "<f8"))])
def test_flat_of_nothing(payload: bytes) -> None:
    assert bytes(flat(payload)) == b""


def test_flat_copies_nothing() -> None:
    buffer = bytearray(b"abcd")
    view = flat(buffer)
    buffer[0] = 0x78
    assert bytes(view) == b"xbcd"


def test_short() -> None:
    assert short("a") == "'a'"
    assert len(short("x" * 10**6)) == 80
    assert len(short([1] * 1000)) == 80
    assert short(10**5000) == "<int>"
