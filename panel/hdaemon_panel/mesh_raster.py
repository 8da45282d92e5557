"""Triangles, lines and dots into a buffer of pixels, by numpy. No Qt: it runs on a thread.

QPainter would be called some times a polygon, and each call lets go of the interpreter's lock and waits for it again:
3,600 polygons took 27 ms where nobody else wanted it. Here some sixty calls of numpy draw them all; the whole picture
takes 8 to 15 ms, and numpy lets go of the lock in the long ones.

Each thing that is drawn has a rank, and a pixel keeps the highest: 0 is the ground, and what is nearer ranks higher.
All functions take what they draw in the order of its rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_FRAGMENTS", "dots", "halved", "lines", "triangles", "within"]

Array = npt.NDArray[Any]

MAX_FRAGMENTS = 6_000_000
"""Pixels that are drawn at the most, those behind others counted: what is farthest is left out then. 24 MB."""

_MAX_ROWS = 2_000_000
_MAX_STEPS = 8192


def _last(counts: Array, limit: int) -> int:
    """Return where to begin so that `counts` from there on add up to `limit` at the most."""
    total = np.cumsum(counts[::-1], dtype=np.int64)
    return len(counts) - int(np.searchsorted(total, limit, side="right"))


def within(counts: Array) -> Array:
    """Return 0, 1, 2 ... for each of the counts, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    found: Array = np.arange(total) - np.repeat(ends - counts, counts)
    return found


def triangles(buffer: Array, x: Array, y: Array, rank: Array) -> None:
    """Fill triangles: a pixel belongs to one when its centre does.

    Args:
        buffer: ``(height, width)`` int32; gets the ranks, where they are higher than what it holds.
        x: ``(3, n)`` float32, the corners in pixels, to the right.
        y: the same, downwards.
        rank: ``(n,)`` int32, rising.
    """
    height, width = buffer.shape
    (x0, x1, x2), (y0, y1, y2) = x, y
    for _ in range(2):  # each by the height of its corners: y0 is the upper
        x0, y0, x1, y1 = _by_height(x0, y0, x1, y1)
        x1, y1, x2, y2 = _by_height(x1, y1, x2, y2)
    first = np.ceil(np.clip(y0 - 0.5, 0, height)).astype(np.int32)
    rows = np.maximum(np.ceil(np.clip(y2 - 0.5, 0, height)).astype(np.int32) - first, 0)
    begin = _last(rows, _MAX_ROWS)
    which = np.repeat(np.arange(begin, len(rows)), rows[begin:])
    row = first[which] + within(rows[begin:]).astype(np.int32)
    centre = row + np.float32(0.5)
    long, upper, lower = (_slope(*edge) for edge in ((x0, y0, x2, y2), (x0, y0, x1, y1), (x1, y1, x2, y2)))
    down = centre - y0[which]
    one = x0[which] + down * long[which]
    middle = y1[which]
    other = np.where(centre < middle, x0[which] + down * upper[which], x1[which] + (centre - middle) * lower[which])
    left = np.ceil(np.clip(np.minimum(one, other) - 0.5, 0, width)).astype(np.int32)
    right = np.ceil(np.clip(np.maximum(one, other) - 0.5, 0, width)).astype(np.int32)
    across = right - left
    begin = _last(across, MAX_FRAGMENTS)
    across, row, left, which = across[begin:], row[begin:], left[begin:], which[begin:]
    start = row * np.int32(width) + left
    ends = np.cumsum(across, dtype=np.int32)
    total = int(ends[-1]) if len(ends) else 0
    at = np.repeat(start - (ends - across), across) + np.arange(total, dtype=np.int32)
    _put(buffer, at, np.repeat(rank[which], across))


def _by_height(xa: Array, ya: Array, xb: Array, yb: Array) -> tuple[Array, Array, Array, Array]:
    swap = ya > yb
    return np.where(swap, xb, xa), np.where(swap, yb, ya), np.where(swap, xa, xb), np.where(swap, ya, yb)


def _slope(xa: Array, ya: Array, xb: Array, yb: Array) -> Array:
    rise = yb - ya
    found: Array = np.where(rise > 0, (xb - xa) / np.where(rise > 0, rise, 1), 0)
    return found


def _put(buffer: Array, at: Array, rank: Array) -> None:
    """Write ranks, rising, at places that may come several times: numpy keeps what is written last."""
    if buffer.any():
        own = np.zeros_like(buffer)
        own.reshape(-1)[at] = rank
        np.maximum(buffer, own, out=buffer)
    else:
        buffer.reshape(-1)[at] = rank


def lines(buffer: Array, x: Array, y: Array, rank: Array, thick: int = 1) -> None:
    """Draw lines from ``x[0], y[0]`` to ``x[1], y[1]``, `thick` pixels wide."""
    run, rise = x[1] - x[0], y[1] - y[0]
    steps = np.ceil(np.maximum(abs(run), abs(rise))).clip(1, _MAX_STEPS).astype(np.int32)
    begin = _last(steps + 1, MAX_FRAGMENTS // thick)
    steps, run, rise = steps[begin:], run[begin:], rise[begin:]
    share = (within(steps + 1) / np.repeat(steps, steps + 1)).astype(np.float32)
    which = np.repeat(np.arange(len(steps)), steps + 1)
    dots(buffer, x[0][begin:][which] + run[which] * share, y[0][begin:][which] + rise[which] * share,
         rank[begin:][which], thick)  # fmt: skip


def dots(buffer: Array, x: Array, y: Array, rank: Array, size: int = 1) -> None:
    """Draw squares of `size` pixels around ``x, y``."""
    height, width = buffer.shape
    begin = max(0, len(rank) - MAX_FRAGMENTS // (size * size))
    left = np.floor(x[begin:] - (size - 1) / 2).astype(np.int32)
    top = np.floor(y[begin:] - (size - 1) / 2).astype(np.int32)
    inside = (left >= 0) & (top >= 0) & (left <= width - size) & (top <= height - size)
    corner = (top * np.int32(width) + left)[inside]
    steps = (np.arange(size, dtype=np.int32)[:, None] * width + np.arange(size, dtype=np.int32)).reshape(-1)
    _put(buffer, (corner[:, None] + steps).reshape(-1), np.repeat(rank[begin:][inside], size * size))


def halved(pixels: Array) -> Array:
    """Return ``(2 h, 2 w)`` uint32 colours as ``(h, w)``, each the mean of four: edges become smooth."""
    low = np.uint32(0xFEFEFEFE)
    pairs = ((pixels[0::2] & low) >> 1) + ((pixels[1::2] & low) >> 1)
    found: Array = ((pairs[:, 0::2] & low) >> 1) + ((pairs[:, 1::2] & low) >> 1)
    return found
