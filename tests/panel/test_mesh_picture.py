"""Pictures of meshes: what is where, what is light, and what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hdaemon_panel import mesh_picture
from hdaemon_panel.mesh_look import Frame, Look
from hdaemon_panel.mesh_picture import picture
from hypothesis import given, settings
from meshes import meshes

from hdaemon.content.mesh import Mesh

GROUND = 0x262626
# With twice as many pixels a picture is not smoothed: what is not ground has one of the ramp's colours.
LOOK = Look(700, 500, GROUND, 0x404040, 0xFFFFFF)
SIDE = Look(700, 500, GROUND, 0x404040, 0xFFFFFF, yaw=0, pitch=0)


def shown(mesh, look=LOOK, frame=None):
    """The brightness of each pixel; -1 where there is the ground."""
    found = picture(mesh, look, frame)
    pixels = np.frombuffer(found.pixels, np.uint32).reshape(look.height, look.width)
    assert (pixels >> 24 == 255).all()
    return np.where(pixels & 0xFFFFFF == GROUND, -1, (pixels & 255).astype(int))


def box(pixels):
    """Left, top, right, bottom of what is not ground."""
    y, x = np.nonzero(pixels >= 0)
    return x.min(), y.min(), x.max() + 1, y.max() + 1


def cube(**conventions):
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], "f4")
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return Mesh(corners, [4] * 6, np.array(faces).reshape(-1), winding="counterclockwise", **conventions)


def grid(n):
    u = np.linspace(-1, 1, n + 1, dtype="f4")
    x, z = np.meshgrid(u, u)
    points = np.stack([x, 0.2 * np.sin(4 * x), z], axis=-1).reshape(-1, 3)
    first = np.arange(n * (n + 1)).reshape(n, n + 1)[:, :-1].reshape(-1, 1)
    indices = (first + np.array([0, n + 1, n + 2, 1])).reshape(-1)
    return Mesh(points, [4] * (n * n), indices, winding="counterclockwise")


def test_it_fills_the_picture_and_is_in_its_middle():
    left, top, right, bottom = box(shown(cube()))
    assert bottom - top == pytest.approx(500 * 0.94, abs=3)
    assert left + right == pytest.approx(700, abs=3)
    assert top + bottom == pytest.approx(500, abs=3)


def test_the_top_is_lighter_than_the_sides_and_each_side_is_flat():
    pixels = shown(cube())
    tones, counts = np.unique(pixels[pixels >= 0], return_counts=True)
    assert len(tones) == 3  # three sides of a cube are seen, each in one tone
    top_tone = pixels[60, 350]
    assert counts.min() > 5000
    assert top_tone > pixels[400, 450]


def test_the_nearer_hides_the_farther():
    far, near = [[0, 0, -1], [1, 0, -1], [0, 1, -1]], [[0, 0, 1], [1, 0, 1], [0, 1, 0.5]]
    for points in (far + near, near + far):
        mesh = Mesh(np.array(points, "f4"), [3, 3], range(6), winding="counterclockwise")
        tone = shown(mesh, SIDE)[400, 220]
        alone = Mesh(np.array(near, "f4"), [3], range(3), winding="counterclockwise")
        assert tone == shown(alone, SIDE, Frame((0, 0, -1), (1, 1, 1)))[400, 220]


@pytest.mark.parametrize("winding", ["clockwise", "counterclockwise"])
def test_the_back_is_darker(winding):
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "f4")
    front = shown(Mesh(triangle, [3], [0, 1, 2], winding=winding), SIDE)[400, 150]
    back = shown(Mesh(triangle, [3], [0, 2, 1], winding=winding), SIDE)[400, 150]
    assert (front > back) == (winding == "counterclockwise")


def test_y_is_up_and_z_is_where_the_mesh_says_so():
    tall = np.array([[0, 0, 0], [0.2, 0, 0], [0, 3, 0]], "f4")
    standing = box(shown(Mesh(tall, [3], range(3)), SIDE))
    assert standing[3] - standing[1] > 4 * (standing[2] - standing[0])
    z_up = Mesh(tall[:, [0, 2, 1]] * [1, -1, 1], [3], range(3), up="Z")
    assert box(shown(z_up, SIDE)) == standing
    widest = shown(z_up, SIDE)
    assert (widest[450] >= 0).sum() > (widest[50] >= 0).sum()  # not upside down


def test_turning():
    flat = grid(4)
    above = box(shown(flat, Look(700, 500, GROUND, 0x404040, 0xFFFFFF, 0, math.radians(89))))
    assert above[2] - above[0] == pytest.approx(above[3] - above[1], rel=0.1)
    low = box(shown(flat, Look(700, 500, GROUND, 0x404040, 0xFFFFFF, 0, 0.05)))
    assert low[2] - low[0] > 3 * (low[3] - low[1])


@pytest.mark.parametrize(
    "mesh",
    [
        Mesh([]),
        Mesh([[math.nan, 0, 0]]),
        Mesh([[math.inf, 0, 0], [math.nan] * 3], [2], [0, 1], closed=False),
    ],
)
def test_nothing_to_see_is_ground(mesh):
    found = picture(mesh, LOOK)
    assert found.frame is None
    assert set(np.frombuffer(found.pixels, np.uint32).tolist()) == {0xFF000000 | GROUND}


def test_what_is_not_finite_is_left_out():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [math.nan, 0, 0], [math.inf, 0, 0]], "f4")
    mesh = Mesh(points, [4, 3], [0, 1, 2, 3, 0, 4, 5])
    alone = Mesh(points[:4], [4], range(4))
    assert (shown(mesh, SIDE) == shown(alone, SIDE)).all()


def test_far_from_the_origin_it_is_as_near_it():
    near = cube()
    far = Mesh(near.points.astype("f8") + 1e7, near.counts, near.indices, winding=near.winding)
    assert np.mean(shown(near) != shown(far)) < 0.001


def test_curves_and_loose_points():
    curve = Mesh([[0, 0, 0], [1, 1, 0], [2, 0, 0]], [3], range(3), closed=False)
    pixels = shown(curve, SIDE)
    assert 0.001 < np.mean(pixels >= 0) < 0.02
    points = Mesh(np.random.default_rng(1).uniform(-1, 1, (500, 3)).astype("f4"))
    assert 0.001 < np.mean(shown(points) >= 0) < 0.02
    both = Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], [3, 1], [0, 1, 2, 0])
    assert (shown(both, SIDE)[:60, 480:] >= 0).sum() == 4  # the fourth point, two by two pixels


@pytest.mark.parametrize("most", [100, 1500])
def test_decimated_it_looks_alike(monkeypatch, most):
    whole = shown(grid(60))
    monkeypatch.setattr(mesh_picture, "_TRIANGLES", most)
    monkeypatch.setattr(mesh_picture, "_LOOKED", 1800)
    fewer = shown(grid(60))
    covered = (whole >= 0) & (fewer >= 0)
    if most == 1500:
        assert covered.sum() > 0.35 * (whole >= 0).sum()
    assert np.mean(abs(whole - fewer)[covered]) < 12


def test_many_small_polygons_leave_no_holes():
    pixels = shown(grid(700))  # half a million, of which every second is looked at
    assert np.mean(pixels[200:300, 300:400] >= 0) == 1


def test_polygons_of_many_corners(monkeypatch):
    angles = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    disc = Mesh(np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1), [64], range(64))
    assert (shown(disc, SIDE) >= 0).sum() == pytest.approx(math.pi * (0.94 * 250) ** 2, rel=0.01)
    monkeypatch.setattr(mesh_picture, "_FAN", 10)
    assert (shown(disc, SIDE) >= 0).sum() == pytest.approx(2 * (0.94 * 250) ** 2, rel=0.02)  # a square of it


def test_small_pictures_are_smooth():
    small = Look(300, 200, GROUND, 0x404040, 0xFFFFFF)
    assert len(np.unique(shown(cube(), small))) > 10
    assert len(np.unique(shown(cube(), LOOK))) == 4


@settings(max_examples=60)
@given(meshes())
def test_any_mesh_gives_a_picture(mesh):
    assert len(picture(mesh, Look(60, 40, 0, 0, 0)).pixels) == 60 * 40 * 4


def test_a_frame_stays_while_the_mesh_fits_in_it():
    first = Frame((-1, -1, -1), (1, 1, 1))
    assert first.around(Frame((-0.9, -0.9, -0.9), (1, 1, 0.9))) == first
    assert first.around(Frame((-1, -1, -1), (1, 1.2, 1))) == Frame((-1, -1, -1), (1, 1.2, 1))
    small = Frame((0, 0, 0), (0.5, 0.5, 0.5))
    assert first.around(small) == small
    assert picture(cube(), LOOK, Frame((0, 0, 0), (1, 1.1, 1))).frame == Frame((0, 0, 0), (1, 1.1, 1))
