"""Triangles, lines and dots in a buffer of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hdaemon_panel import mesh_raster
from hdaemon_panel.mesh_raster import dots, halved, lines, triangles, within
from hypothesis import given
from hypothesis import strategies as st


def blank(height=8, width=10):
    return np.zeros((height, width), np.int32)


def filled(*corners, rank=1, height=8, width=10):
    """The buffer with one triangle."""
    buffer = blank(height, width)
    x, y = (np.array([[corner[axis]] for corner in corners], np.float32) for axis in (0, 1))
    triangles(buffer, x, y, np.array([rank], np.int32))
    return buffer


def test_a_triangle_has_the_pixels_whose_centres_are_in_it():
    buffer = filled((0, 0), (4, 0), (0, 4))
    assert buffer[:5, :5].tolist() == [
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert buffer.sum() == 6


corner = st.tuples(st.integers(-20, 100), st.integers(-20, 100)).map(lambda xy: (xy[0] / 8, xy[1] / 8))


@given(st.tuples(corner, corner, corner))
def test_any_triangle_is_what_its_edges_say(corners):
    (ax, ay), (bx, by), (cx, cy) = corners
    py, px = np.mgrid[0:8, 0:10] + 0.5
    sides = [
        (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True)
    ]
    buffer = filled(*corners)
    if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) == 0:
        assert not buffer.any()
        return
    inside = np.all([side > 1e-3 for side in sides], axis=0) | np.all([side < -1e-3 for side in sides], axis=0)
    outside = np.any([side > 1e-3 for side in sides], axis=0) & np.any([side < -1e-3 for side in sides], axis=0)
    assert (buffer[inside] == 1).all()
    assert (buffer[outside] == 0).all()


def test_two_triangles_share_each_pixel_of_their_edge():
    one = filled((0, 0), (7, 3), (2, 8))
    two = filled((0, 0), (7, 3), (9.5, 0))
    assert not (one & two).any()
    square = filled((1, 1), (6, 1), (6, 6)) | filled((1, 1), (6, 6), (1, 6))
    assert (square[1:6, 1:6] == 1).all()
    assert square.sum() == 25


def test_what_ranks_higher_stays():
    buffer = blank()
    x = np.array([[0, 0], [20, 20], [0, 0]], np.float32)
    y = np.array([[0, 0], [0, 0], [20, 20]], np.float32)
    triangles(buffer, x, y, np.array([3, 5], np.int32))
    assert (buffer == 5).all()
    dots(buffer, np.array([2.5], "f4"), np.array([2.5], "f4"), np.array([4], np.int32), 3)
    assert (buffer == 5).all()
    dots(buffer, np.array([2.5], "f4"), np.array([2.5], "f4"), np.array([6], np.int32), 3)
    assert (buffer == 6).sum() == 9


def test_lines_and_dots():
    buffer = blank()
    lines(buffer, np.array([[0.5], [6.5]]), np.array([[1.5], [1.5]]), np.array([2], np.int32))
    assert buffer[1].tolist() == [2] * 7 + [0] * 3
    assert buffer.sum() == 14
    buffer = blank()
    dots(buffer, np.array([-9, 3.5, 50], "f4"), np.array([1, 2.5, 1], "f4"), np.array([1, 2, 3], np.int32))
    assert np.argwhere(buffer).tolist() == [[2, 3]]


def test_what_is_farthest_is_left_out_where_there_is_too_much(monkeypatch):
    monkeypatch.setattr(mesh_raster, "MAX_FRAGMENTS", 100)
    buffer = blank()
    x = np.repeat(np.array([[0], [40], [0]], np.float32), 5, axis=1)
    y = np.repeat(np.array([[0], [0], [40]], np.float32), 5, axis=1)
    triangles(buffer, x, y, np.arange(1, 6, dtype=np.int32))
    assert (buffer == 5).all()


@pytest.mark.parametrize("draw", [triangles, lines])
def test_nothing_draws_nothing(draw):
    buffer = blank()
    none = np.zeros((3 if draw is triangles else 2, 0), np.float32)
    draw(buffer, none, none, np.zeros(0, np.int32))
    assert not buffer.any()


def test_within():
    assert within(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
    assert within(np.array([], int)).tolist() == []


def test_halved_is_the_mean():
    pixels = np.array([[0xFF000000, 0xFF804020], [0xFF000000, 0xFF804020]], np.uint32)
    (mean,) = halved(pixels).reshape(-1).tolist()
    assert [mean >> shift & 255 for shift in (16, 8, 0)] == [0x40, 0x20, 0x10]
