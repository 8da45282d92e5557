"""`picture`: a mesh as an image: seen from above and from the side, shaded flat, and decimated. No Qt.

What one picture costs does not grow with the polygons beyond some hundred thousand. Measured on one of two shared
cores, 1,000 x 500 pixels: 2,500 quads 8 ms, 60,000 quads 36 to 53 ms, a million quads 135 to 167 ms, five million
points 106 ms.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hdaemon_panel import mesh_raster
from hdaemon_panel.mesh_look import Frame, Look, Picture

if TYPE_CHECKING:
    from hdaemon.content.mesh import Mesh

__all__ = ["picture"]

Array = npt.NDArray[Any]

_LOOKED = 400_000
"""Polygons, and points without one, that are looked at: of more, every second, third ..."""

_TRIANGLES = 24_000
"""Polygons that are filled. The largest are, of more; the others, of a few pixels each, become dots."""

_FAN = 200_000
"""Corners of the filled polygons; beyond that each is drawn by four of them."""

_SEGMENTS = 100_000
_MARGIN = 0.94
_SMOOTH_PIXELS = 1_300_000
"""Pictures are drawn twice as large, which makes their edges smooth, where that gives no more pixels than this."""

_LIGHT = np.array([-0.62, 0.48, 0.62], np.float32)  # from the left, and a little from above
_BACK = 0.6  # how light the back of a polygon is


def picture(mesh: Mesh, look: Look, frame: Frame | None = None) -> Picture:
    """Return the picture of `mesh`; `frame` is that of the picture before."""
    began = time.monotonic()
    zoom = 2 if 4 * look.width * look.height <= _SMOOTH_PIXELS else 1
    ranks = np.zeros((look.height * zoom, look.width * zoom), np.int32)
    shades: Array = np.zeros(1, np.uint8)
    with np.errstate(all="ignore"):  # points may be anything, NaN and infinity too
        own = _box(mesh)
        if own is not None:
            frame = own if frame is None else frame.around(own)
            shades = _draw(mesh, _View(mesh, look, frame, zoom), ranks)
        else:
            frame = None
    pixels = _ramp(look)[shades[ranks]]
    if zoom == 2:
        pixels = mesh_raster.halved(pixels) | np.uint32(0xFF000000)
    return Picture(pixels.tobytes(), look.width, look.height, frame, time.monotonic() - began)


def _box(mesh: Mesh) -> Frame | None:
    bounds = mesh.bounds()
    if bounds is not None and not all(map(math.isfinite, (*bounds[0], *bounds[1]))):
        finite = mesh.points[np.isfinite(mesh.points).all(axis=1)]
        bounds = (tuple(finite.min(axis=0).tolist()), tuple(finite.max(axis=0).tolist())) if len(finite) else None
    return None if bounds is None else Frame(*bounds)


def _ramp(look: Look) -> Array:
    """Return the colour of each shade: 0 the ground, 1 dark to 255 light."""
    ends = [np.array([color >> shift & 255 for shift in (16, 8, 0)], float) for color in (look.dark, look.light)]
    share = np.linspace(0, 1, 255)[:, None]
    red, green, blue = np.rint(ends[0] + (ends[1] - ends[0]) * share).astype(np.uint32).T
    colors = np.concatenate([np.array([look.ground], np.uint32), red << 16 | green << 8 | blue])
    found: Array = (colors | np.uint32(0xFF000000)).astype(np.uint32)
    return found


class _View:
    """From points to pixels: x to the right, y downwards, z towards who looks."""

    def __init__(self, mesh: Mesh, look: Look, frame: Frame, zoom: int) -> None:
        self.points, self.z_up, self.dot = mesh.points, mesh.up == "Z", look.dot * zoom
        low, high = np.array(frame.low), np.array(frame.high)
        self.centre = low / 2 + high / 2
        sin_yaw, cos_yaw = math.sin(look.yaw), math.cos(look.yaw)
        sin_pitch, cos_pitch = math.sin(look.pitch), math.cos(look.pitch)
        self.axes = np.array(
            [
                [cos_yaw, 0, -sin_yaw],
                [sin_yaw * sin_pitch, -cos_pitch, cos_yaw * sin_pitch],  # y downwards
                [sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch],
            ]
        )
        if self.z_up:  # x, y, z of the mesh is x, z, -y here
            self.axes = np.stack([self.axes[:, 0], -self.axes[:, 2], self.axes[:, 1]], axis=1)
        reach = abs(self.axes) @ ((high - low) / 2)
        room = np.array([look.width, look.height]) * zoom / 2 * _MARGIN
        scale = float(np.min(room / np.maximum(reach[:2], 1e-300)))
        self.scale = scale if math.isfinite(scale) else 1.0
        self.middle = np.array([look.width * zoom / 2, look.height * zoom / 2, 0], np.float32)
        self.depth = max(float(reach[2]) * self.scale, 1e-30)

    def of(self, which: Array) -> tuple[Array, Array, Array]:
        """Return x, y, z of these points, float32."""
        # In the points' own type up to here: float32 far from the origin has no digits left.
        near = self.points[which] - self.centre.astype(self.points.dtype)
        seen = near.astype(np.float32) @ (self.axes.T * self.scale).astype(np.float32) + self.middle
        return seen[:, 0], seen[:, 1], seen[:, 2]

    def nearness(self, z: Array) -> Array:
        """Return 0 for the farthest to 1 for the nearest."""
        found: Array = np.clip(z / self.depth / 2 + 0.5, 0, 1)
        return found


@dataclass(frozen=True)
class _Items:
    """What is drawn alike: ``x``, ``y`` are ``(k, n)``, `owner` says whose depth and shade an item has."""

    kind: str
    x: Array
    y: Array
    owner: Array
    size: int = 1


def _draw(mesh: Mesh, view: _View, ranks: Array) -> Array:
    """Draw everything into `ranks`; return the shade of each rank."""
    depths, shades, drawn, count = [], [], [], 0
    for depth, shade, items in (*_faces(mesh, view), *_curves(mesh, view), *_loose(mesh, view)):
        drawn += [_Items(item.kind, item.x, item.y, item.owner + count, item.size) for item in items]
        depths.append(np.where(np.isfinite(depth), depth, -np.inf))
        shades.append(shade)
        count += len(depth)
    if not count:
        return np.zeros(1, np.uint8)
    order = np.argsort(np.concatenate(depths), kind="stable")
    rank = np.empty(count, np.int32)
    rank[order] = np.arange(1, count + 1, dtype=np.int32)
    for item in drawn:
        own = rank[item.owner]
        by_rank = np.argsort(own, kind="stable")
        x, y, own = item.x[:, by_rank], item.y[:, by_rank], own[by_rank]
        if item.kind == "triangles":
            mesh_raster.triangles(ranks, x, y, own)
        elif item.kind == "lines":
            mesh_raster.lines(ranks, x, y, own, item.size)
        else:
            mesh_raster.dots(ranks, x[0], y[0], own, item.size)
    every = np.nan_to_num(np.concatenate(shades)[order], nan=0.5)
    return np.concatenate([np.zeros(1, np.uint8), (1 + np.clip(every, 0, 1) * 254).astype(np.uint8)])


def _every(count: int, most: int) -> tuple[slice, int]:
    step = max(1, -(-count // most))
    return slice(None, None, step), step


def _starts(mesh: Mesh) -> Array:
    found: Array = np.cumsum(mesh.counts, dtype=np.int64) - mesh.counts
    return found


Drawn = tuple[Array, Array, list[_Items]]


def _faces(mesh: Mesh, view: _View) -> Iterator[Drawn]:
    """Closed polygons: filled, or as dots where there are many and they are small."""
    faces = np.flatnonzero(mesh.closed & (mesh.counts >= 3))
    if not len(faces):
        return
    some, step = _every(len(faces), _LOOKED)
    faces = faces[some]
    starts, counts = _starts(mesh)[faces], mesh.counts[faces].astype(np.int64)
    # Four corners tell where a polygon is and where it looks to: all of a quad; of a triangle the first one twice.
    corners = [view.of(mesh.indices[starts + counts * quarter // 4]) for quarter in range(4)]
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2), (x3, y3, z3) = corners
    ax, ay, az, bx, by, bz = x2 - x0, y2 - y0, z2 - z0, x3 - x1, y3 - y1, z3 - z1
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    # With y downwards a polygon that winds counterclockwise, seen from the front, has its normal away from us.
    front = np.where(nz < 0, 1, _BACK) if mesh.winding == "counterclockwise" else np.where(nz > 0, 1, _BACK)
    light = (nx * _LIGHT[0] - ny * _LIGHT[1] + nz * _LIGHT[2]) * np.sign(nz) / np.maximum(length, 1e-30)
    shade = (0.05 + 0.95 * np.clip(light, 0, 1) ** 1.4) * front
    depth = z0 + z1 + z2 + z3
    finite = np.isfinite(depth) & np.isfinite(x0 + x1 + x2 + x3 + y0 + y1 + y2 + y3)
    filled = np.flatnonzero(finite)
    items = []
    if len(filled) > _TRIANGLES:
        area = np.where(finite, abs(nz), 0)
        large = np.argpartition(area, len(area) - _TRIANGLES)[-_TRIANGLES:]
        large = large[area[large] > 8]  # twice the pixels
        small = finite.copy()
        small[large] = False
        filled = large
        # As large as the polygon is long, and as those are that were left out between.
        reach = np.maximum(np.maximum(abs(ax), abs(ay)), np.maximum(abs(bx), abs(by)))
        size = np.clip(np.ceil(reach * math.sqrt(step)), 1, 4)
        for pixels in range(1, 5):
            these = np.flatnonzero(small & (size == pixels))
            x, y = (x0 + x1 + x2 + x3)[these] / 4, (y0 + y1 + y2 + y3)[these] / 4
            items.append(_Items("dots", x[None], y[None], these, pixels))
    if int(counts[filled].sum()) <= _FAN:
        items.append(_fans(mesh, view, starts[filled], counts[filled], filled))
    else:
        xs, ys = np.stack([x0, x1, x2, x3])[:, filled], np.stack([y0, y1, y2, y3])[:, filled]
        items += [_Items("triangles", xs[[0, i, i + 1]], ys[[0, i, i + 1]], filled) for i in (1, 2)]
    yield depth / 4, shade, items


def _fans(mesh: Mesh, view: _View, starts: Array, counts: Array, owner: Array) -> _Items:
    """Return polygons as triangles around their first corner: right for convex ones, and good enough for others."""
    ends = np.cumsum(counts)
    first = np.repeat(ends - counts, counts - 2)
    at = first + mesh_raster.within(counts - 2) + 1
    vertices = np.repeat(starts - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    x, y, _ = view.of(mesh.indices[vertices])
    three = np.stack([first, at, at + 1])
    return _Items("triangles", x[three], y[three], np.repeat(owner, counts - 2))


def _curves(mesh: Mesh, view: _View) -> Iterator[Drawn]:
    """Open polygons, and closed ones of two points, as lines."""
    chosen = (mesh.counts >= 2) & (~mesh.closed | (mesh.counts == 2))
    if not chosen.any():
        return
    starts, counts = _starts(mesh)[chosen], mesh.counts[chosen].astype(np.int64)
    begin = np.repeat(starts, counts - 1) + mesh_raster.within(counts - 1)
    begin = begin[_every(len(begin), _SEGMENTS)[0]]
    (x0, y0, z0), (x1, y1, z1) = view.of(mesh.indices[begin]), view.of(mesh.indices[begin + 1])
    finite = np.flatnonzero(np.isfinite(x0 + y0 + z0 + x1 + y1 + z1))
    x, y, z = np.stack([x0, x1])[:, finite], np.stack([y0, y1])[:, finite], (z0 + z1)[finite] / 2
    yield z, 0.4 + 0.6 * view.nearness(z), [_Items("lines", x, y, np.arange(len(z)), max(1, view.dot - 1))]


def _loose(mesh: Mesh, view: _View) -> Iterator[Drawn]:
    """Points that no polygon and no curve uses, as dots."""
    count = len(mesh.points)
    lone = mesh.counts == 1
    if len(mesh.indices):
        used = np.zeros(count, bool)
        used[mesh.indices] = True
        if lone.any():  # polygons of one point are points to the eye
            used[mesh.indices[_starts(mesh)[lone]]] = False
        loose = np.flatnonzero(~used)
    else:
        loose = np.arange(count)
    if not len(loose):
        return
    x, y, z = view.of(loose[_every(len(loose), _LOOKED)[0]])
    finite = np.flatnonzero(np.isfinite(x + y + z))
    size = view.dot if len(finite) < 20_000 else max(1, view.dot // 2)
    z = z[finite]
    yield z, 0.3 + 0.7 * view.nearness(z), [_Items("dots", x[None, finite], y[None, finite], np.arange(len(z)), size)]
